//go:build ignore

// Gen writes fields.tsv, the table of ECS fields, from the schema's own
// ecs_flat.yml. It keeps names, types, whether a field holds an array, and
// allowed values, and no prose.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"sort"
	"strings"

	"gopkg.in/yaml.v3"
)

func main() {
	in := flag.String("in", "", "path of ecs_flat.yml")
	out := flag.String("out", "fields.tsv", "table to write")
	flag.Parse()
	if *in == "" || strings.HasPrefix(*in, "/ecs/") {
		// Without the schema's own file the table stays as it is.
		log.Print("ECS fields left as they are: to read them anew, set MXDR_TESTDATA to a folder with ecs/ecs_flat.yml")
		return
	}
	raw, err := os.ReadFile(*in)
	if err != nil {
		log.Fatalf("read the schema: %v", err)
	}
	var fields map[string]struct {
		Type          string
		Normalize     []string
		AllowedValues []struct{ Name string } `yaml:"allowed_values"`
		MultiFields   []struct {
			FlatName string `yaml:"flat_name"`
		} `yaml:"multi_fields"`
	}
	if err := yaml.Unmarshal(raw, &fields); err != nil {
		log.Fatalf("read %s: %v", *in, err)
	}
	names := make([]string, 0, len(fields))
	for n := range fields {
		names = append(names, n)
	}
	sort.Strings(names)
	var b strings.Builder
	for _, n := range names {
		f := fields[n]
		array := "-"
		for _, x := range f.Normalize {
			if x == "array" {
				array = "array"
			}
		}
		values := make([]string, 0, len(f.AllowedValues))
		for _, v := range f.AllowedValues {
			values = append(values, v.Name)
		}
		fmt.Fprintf(&b, "%s\t%s\t%s\t%s\n", n, f.Type, array, strings.Join(values, ","))
	}
	if err := os.WriteFile(*out, []byte(b.String()), 0o644); err != nil {
		log.Fatalf("write the table: %v", err)
	}
}
