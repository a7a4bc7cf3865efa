package mapping_test

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/rules/content"
	"github.com/openmxdr/openmxdr/rules/mapping"
)

func shipped(t testing.TB) *mapping.Engine {
	t.Helper()
	set, err := mapping.Load(content.Mappings())
	if err != nil {
		t.Fatal(err)
	}
	return set.Compile(event.NewFields())
}

func TestShippedMappingsLoad(t *testing.T) { shipped(t) }

// TestShippedCases runs the test cases beside the mappings. Every mapping has
// some.
func TestShippedCases(t *testing.T) {
	set, err := mapping.Load(content.Mappings())
	if err != nil {
		t.Fatal(err)
	}
	e := set.Compile(event.NewFields())
	for _, m := range set.Mappings() {
		cases, err := set.Cases(m.Name)
		if err != nil {
			t.Error(err)
		}
		if len(cases) == 0 {
			t.Errorf("mapping %s has no test cases; write %s.test.yml", m.Name, m.Name)
		}
		for _, c := range cases {
			for _, problem := range e.Check(m.Name, c) {
				t.Error(problem)
			}
		}
	}
}

// TestGuideExample: the mapping that the README shows loads.
func TestGuideExample(t *testing.T) {
	guide, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(guide), "```yaml\n")
	example, _, closed := strings.Cut(rest, "```")
	if !ok || !closed {
		t.Fatal("README.md has no example in YAML")
	}
	set, err := mapping.Load(fstest.MapFS{"example.door.yml": {Data: []byte(example)}})
	if err != nil {
		t.Fatal(err)
	}
	e := set.Compile(event.NewFields())
	ev, f := normalize(t, e, `{"doorEvent":"forced","at":1772432100000,"doorId":"d7","badge":{"owner":"mara"},"reader":{"ip":"10.0.0.7"},"result":"denied"}`)
	if f != nil || ev.Text("event.kind") != "alert" || ev.Text("event.outcome") != "failure" || ev.Text("event.id") != "d7-1772432100000" || ev.Text("example.door.door_id") != "d7" {
		t.Errorf("%v %s", f, ev.AppendFlatJSON(nil))
	}
}
