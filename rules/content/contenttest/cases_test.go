// Package contenttest proves the shipped detections: each against its own
// cases in the vendors' raw formats, all together against a made-up company
// and against recordings of real attacks. It goes the way that the product
// goes: mapping, routing, rules and correlations.
package contenttest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"
)

// ruleCase is one case of a *.test.yml file.
type ruleCase struct {
	Name  string      `yaml:"name"`
	Match bool        `yaml:"match"`
	Raw   yaml.Node   `yaml:"raw"`  // one record
	Raws  []yaml.Node `yaml:"raws"` // several, some of them repeated
	// Also names other rules that find something of their own in the records.
	Also []string `yaml:"also"`
}

// repeated is an entry of raws that stands for many records.
type repeated struct {
	Times int       `yaml:"times"`
	Every string    `yaml:"every"`
	From  time.Time `yaml:"from"`
	Raw   yaml.Node `yaml:"raw"`
}

// readCases reads the cases of one file.
func readCases(t *testing.T, fsys fs.FS, name string) []ruleCase {
	t.Helper()
	raw, err := fs.ReadFile(fsys, name)
	if err != nil {
		t.Fatal(err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	var cases []ruleCase
	if err := dec.Decode(&cases); err != nil && !errors.Is(err, io.EOF) {
		t.Fatalf("%s: %v", name, err)
	}
	return cases
}

// records returns the raw records of a case.
func (c *ruleCase) records() ([]string, error) {
	if !c.Raw.IsZero() {
		if len(c.Raws) > 0 {
			return nil, errors.New("a case has raw or raws, not both")
		}
		one, err := record(&c.Raw)
		return []string{one}, err
	}
	var out []string
	for i := range c.Raws {
		n := &c.Raws[i]
		var r repeated
		if n.Kind == yaml.MappingNode && has(n, "times") && has(n, "raw") {
			if err := n.Decode(&r); err != nil {
				return nil, fmt.Errorf("line %d: %w", n.Line, err)
			}
			list, err := r.records()
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", n.Line, err)
			}
			out = append(out, list...)
			continue
		}
		one, err := record(n)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

func has(n *yaml.Node, key string) bool {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return true
		}
	}
	return false
}

// records fills in ${n} (three digits from 000), ${number} (from 1), ${time}
// (RFC 3339) and ${unix} (seconds). A text that is nothing but ${number} or
// ${unix} becomes a number.
func (r *repeated) records() ([]string, error) {
	every, err := time.ParseDuration(r.Every)
	if err != nil {
		return nil, err
	}
	if r.Times < 1 || r.Times > 10_000 || r.From.IsZero() {
		return nil, errors.New("times is from 1 to 10000, and from is a time")
	}
	template, err := record(&r.Raw)
	if err != nil {
		return nil, err
	}
	out := make([]string, 0, r.Times)
	for i := range r.Times {
		at := r.From.Add(time.Duration(i) * every).UTC()
		unix, number := strconv.FormatFloat(float64(at.UnixMicro())/1e6, 'f', 6, 64), strconv.Itoa(i+1)
		out = append(out, strings.NewReplacer(
			`"${unix}"`, unix, `"${number}"`, number,
			"${unix}", unix, "${number}", number,
			"${n}", fmt.Sprintf("%03d", i), "${time}", at.Format(time.RFC3339Nano),
		).Replace(template))
	}
	return out, nil
}

// record turns YAML into the record that the vendor would send: JSON, or text
// as it is.
func record(n *yaml.Node) (string, error) {
	if n.Kind == yaml.ScalarNode {
		return n.Value, nil
	}
	var v map[string]any
	if err := n.Decode(&v); err != nil {
		return "", fmt.Errorf("line %d: a record is a map or a text: %w", n.Line, err)
	}
	raw, err := json.Marshal(v)
	return string(raw), err
}

// ruleFiles lists the rule files below root, without test cases.
func ruleFiles(t *testing.T, fsys fs.FS) []string {
	t.Helper()
	var out []string
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && path.Ext(name) == ".yml" && !strings.HasSuffix(name, ".test.yml") {
			out = append(out, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
