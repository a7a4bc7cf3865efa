package sigma_test

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/rules/content"
	"github.com/openmxdr/openmxdr/rules/mapping"
	"github.com/openmxdr/openmxdr/rules/sigma"
)

// TestRegressionCasesNormalized: each event that SigmaHQ records for a rule is
// matched by that rule after it was normalized, with the shipped mappings,
// field maps and routing.
func TestRegressionCasesNormalized(t *testing.T) {
	root := os.Getenv("MXDR_TESTDATA")
	if root == "" {
		t.Skip("MXDR_TESTDATA is not set: the SigmaHQ regression cases are absent")
	}
	rules := t.TempDir()
	if err := untar(filepath.Join(root, "sigmahq", "rules.tar.gz"), rules); err != nil {
		t.Fatal(err)
	}
	c, _ := sigma.ParseFS(os.DirFS(rules), ".")
	maps, err := sigma.ParseFieldMap(content.FieldMaps(), ".")
	if err != nil {
		t.Fatal(err)
	}
	set, err := mapping.Load(content.Mappings())
	if err != nil {
		t.Fatal(err)
	}
	fields := event.NewFields()
	normalize := set.Compile(fields)
	scratch := normalize.NewScratch()
	e, _ := sigma.Compile(c, fields, sigma.Options{FieldMap: maps, Routing: sigma.RouteDeclared})
	var s sigma.Scratch
	cases, matched := 0, 0
	err = filepath.WalkDir(filepath.Join(root, "sigmahq", "regression"), func(path string, de fs.DirEntry, err error) error {
		if err != nil || de.Name() != "info.yml" {
			return err
		}
		cases++
		var info struct {
			Rules []struct{ ID string } `yaml:"rule_metadata"`
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := yaml.Unmarshal(data, &info); err != nil {
			return err
		}
		found := map[string]bool{}
		last := ""
		files, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*.json*"))
		for _, f := range files {
			data, err := os.ReadFile(f)
			if err != nil {
				return err
			}
			for dec := json.NewDecoder(strings.NewReader(string(data))); ; {
				var raw json.RawMessage
				if err := dec.Decode(&raw); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					return err
				}
				ev := event.New(fields)
				in := mapping.Input{Tenant: "t", Observed: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}
				if err := normalize.Normalize(string(raw), in, ev, scratch); err != nil {
					t.Errorf("%s: %v", f, err)
					continue
				}
				last = string(ev.AppendFlatJSON(nil))
				for _, m := range e.Match(ev, &s) {
					found[m.Rule.ID] = true
				}
			}
		}
		if slices.ContainsFunc(info.Rules, func(r struct{ ID string }) bool { return !found[r.ID] }) {
			t.Errorf("%s: rules %v not among %v\n%.1500s", path, info.Rules, found, last)
			return nil
		}
		matched++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if cases < 92 || matched != cases {
		t.Errorf("%d of %d cases matched, want 92 of 92", matched, cases)
	}
}
