package stage

import (
	"fmt"
	"os"

	"github.com/openmxdr/openmxdr/internal/overlay"
	"github.com/openmxdr/openmxdr/rules/content"
	"github.com/openmxdr/openmxdr/rules/mapping"
)

// LoadMappings reads the shipped mappings with the given folders over them: a
// file replaces the shipped one of the same path.
func LoadMappings(dirs []string) (*mapping.Set, error) {
	layers := overlay.FS{content.Mappings()}
	for _, dir := range dirs {
		if _, err := os.Stat(dir); err != nil {
			return nil, fmt.Errorf("mappings: %w", err)
		}
		layers = append(layers, os.DirFS(dir))
	}
	return mapping.Load(layers)
}
