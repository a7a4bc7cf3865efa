package stage

import (
	"testing"

	"github.com/openmxdr/openmxdr/internal/event"
)

// TestShippedDetections: everything shipped compiles.
func TestShippedDetections(t *testing.T) {
	d, err := DetectionSources{Shipped: true}.Load(event.NewFields())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range d.Problems {
		t.Error(p)
	}
	if single, correlations := d.Rules(); single < 30 || correlations == 0 {
		t.Errorf("%d rules and %d correlations", single, correlations)
	}
}
