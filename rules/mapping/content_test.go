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
