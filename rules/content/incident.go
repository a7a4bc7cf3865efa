package content

import (
	_ "embed"
	"slices"
)

//go:embed incident/default.yml
var incidentDefault []byte

// Incident is the default configuration of the incident engine, YAML.
func Incident() []byte { return slices.Clone(incidentDefault) }
