package mapping_test

import (
	"testing"

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
