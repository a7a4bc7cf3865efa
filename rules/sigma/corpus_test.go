package sigma

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"gopkg.in/yaml.v3"

	"github.com/openmxdr/openmxdr/internal/event"
)

// testdata returns the folder of public data, or skips.
func testdata(t testing.TB, path ...string) string {
	root := os.Getenv("MXDR_TESTDATA")
	if root == "" {
		t.Skip("MXDR_TESTDATA is not set: the SigmaHQ corpus is absent")
	}
	return filepath.Join(append([]string{root}, path...)...)
}

var corpusOnce = sync.OnceValues(func() (fs.FS, error) {
	f, err := os.Open(filepath.Join(os.Getenv("MXDR_TESTDATA"), "sigmahq", "rules.tar.gz"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	out := fstest.MapFS{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		out[strings.TrimPrefix(h.Name, "./")] = &fstest.MapFile{Data: data}
	}
})

// corpus returns SigmaHQ's rules.
func corpus(t testing.TB) fs.FS {
	testdata(t)
	fsys, err := corpusOnce()
	if err != nil {
		t.Fatal(err)
	}
	return fsys
}

// TestCorpusCompiles: every SigmaHQ rule parses; all compile but those that
// need a placeholder, which the specification forbids to run; and those
// compile too once the placeholders have values.
func TestCorpusCompiles(t *testing.T) {
	c, problems := ParseFS(corpus(t), ".")
	for _, p := range problems {
		t.Error(p.Error())
	}
	if len(c.Rules) != 3780 {
		t.Errorf("%d rules, want 3780", len(c.Rules))
	}
	e, problems := Compile(c, event.NewFields(), Options{})
	names := map[string][]string{}
	for _, p := range problems {
		_, rest, ok := strings.Cut(p.Reason, "placeholder %")
		if !ok {
			t.Error(p.Error())
			continue
		}
		name, _, _ := strings.Cut(rest, "%")
		names[name] = []string{"value one", "value*two"}
		t.Log(p.Error())
	}
	if got := len(e.Rules()) + len(problems); got != len(c.Rules) {
		t.Errorf("%d rules compiled and %d reported, want %d together", len(e.Rules()), len(problems), len(c.Rules))
	}
	if len(problems) > 25 {
		t.Errorf("%d rules need placeholders, want at most 25", len(problems))
	}
	for range 3 { // a rule may have several placeholders; each run names one
		_, problems = Compile(c, event.NewFields(), Options{Placeholders: names})
		for _, p := range problems {
			_, rest, _ := strings.Cut(p.Reason, "placeholder %")
			name, _, _ := strings.Cut(rest, "%")
			names[name] = []string{"v"}
		}
	}
	for _, p := range problems {
		t.Errorf("with placeholders: %s", p.Error())
	}
	t.Logf("%+v", e.Stats())
}

// TestRegressionCases: each event that SigmaHQ records for a rule is matched
// by that rule, with and without routing.
func TestRegressionCases(t *testing.T) {
	c, _ := ParseFS(corpus(t), ".")
	for _, routing := range []Routing{RouteNone, RouteConflicts} {
		fields := event.NewFields()
		e, _ := Compile(c, fields, Options{Routing: routing})
		d := NewDecoder(e)
		ev := event.New(fields)
		var s Scratch
		var b Buffer
		cases, matched := 0, 0
		err := filepath.WalkDir(testdata(t, "sigmahq", "regression"), func(path string, de fs.DirEntry, err error) error {
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
			files, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*.json*"))
			found := map[string]bool{}
			for _, f := range files {
				data, err := os.ReadFile(f)
				if err != nil {
					return err
				}
				dec := json.NewDecoder(strings.NewReader(string(data)))
				for {
					var raw json.RawMessage
					if err := dec.Decode(&raw); err != nil {
						break
					}
					ms, err := d.Match(raw, ev, &s, &b)
					if err != nil {
						t.Errorf("%s: %v", f, err)
						continue
					}
					for _, m := range ms {
						found[m.Rule.ID] = true
						named := slices.ContainsFunc(info.Rules, func(r struct{ ID string }) bool { return r.ID == m.Rule.ID })
						if named && len(m.Fields()) == 0 {
							t.Errorf("%s: rule %s says nothing about what matched", f, m.Rule.ID)
						}
					}
				}
			}
			ok := len(info.Rules) > 0 && !slices.ContainsFunc(info.Rules, func(r struct{ ID string }) bool { return !found[r.ID] })
			if ok {
				matched++
			} else {
				t.Errorf("routing %d: %s: rules %v not among %v", routing, path, info.Rules, found)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if cases < 92 || matched != cases {
			t.Errorf("routing %d: %d of %d cases matched, want 92 of 92", routing, matched, cases)
		}
	}
}
