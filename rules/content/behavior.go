package content

import (
	"embed"
	"io/fs"
)

//go:embed behavior/*.yml
var behaviorModels embed.FS

// Behavior holds the shipped baselines, one model a file, for behavior.Load.
func Behavior() fs.FS {
	sub, err := fs.Sub(behaviorModels, "behavior")
	if err != nil { // only an invalid path, and this one is a constant
		return behaviorModels
	}
	return sub
}
