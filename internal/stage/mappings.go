package stage

import (
	"fmt"

	"github.com/openmxdr/openmxdr/internal/overlay"
	"github.com/openmxdr/openmxdr/rules/content"
	"github.com/openmxdr/openmxdr/rules/mapping"
)

// LoadMappings reads the shipped mappings with the given folders over them: a
// file replaces the shipped one of the same path.
func LoadMappings(dirs []string) (*mapping.Set, error) {
	layers, err := overlay.Over(content.Mappings(), dirs)
	if err != nil {
		return nil, fmt.Errorf("mappings: %w", err)
	}
	return mapping.Load(layers)
}
