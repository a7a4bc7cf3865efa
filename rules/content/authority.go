package content

import (
	"embed"
	"io/fs"
)

//go:embed authority/*.cedar action/catalogue.yaml
var authority embed.FS

// Authority holds the starting authority policies, one Cedar file a concern.
func Authority() fs.FS {
	sub, err := fs.Sub(authority, "authority")
	if err != nil { // only an invalid path, and this one is a constant
		return authority
	}
	return sub
}

// ActionCatalogue is the catalogue of containment actions, YAML.
func ActionCatalogue() []byte {
	data, _ := authority.ReadFile("action/catalogue.yaml") // embedded under that very name
	return data
}
