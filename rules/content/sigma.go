package content

import (
	"embed"
	"io/fs"
)

//go:embed all:sigma
var sigmaRules embed.FS

// Sigma holds the shipped detections, one folder a domain, for sigma.ParseFS.
// Files named *.test.yml are their test cases and not rules.
func Sigma() fs.FS {
	sub, err := fs.Sub(sigmaRules, "sigma")
	if err != nil {
		return sigmaRules // cannot happen: the folder is embedded above
	}
	return sub
}
