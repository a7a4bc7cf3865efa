package content

import (
	"embed"
	"io/fs"
)

//go:embed all:fieldmaps
var fieldMaps embed.FS

// FieldMaps holds, for every log source that is normalized, which events it
// is about and where its Sigma fields are; for sigma.ParseFieldMap.
func FieldMaps() fs.FS {
	sub, err := fs.Sub(fieldMaps, "fieldmaps")
	if err != nil {
		return fieldMaps // cannot happen: the folder is embedded above
	}
	return sub
}
