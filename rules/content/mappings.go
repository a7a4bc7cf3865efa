package content

import (
	"embed"
	"io/fs"
)

//go:embed all:mappings
var mappings embed.FS

// Mappings returns the folder of mappings, for mapping.Load.
func Mappings() fs.FS {
	sub, err := fs.Sub(mappings, "mappings")
	if err != nil {
		return mappings // cannot happen: the folder is embedded above
	}
	return sub
}
