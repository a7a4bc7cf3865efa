package mapping

import (
	"slices"

	"github.com/openmxdr/openmxdr/rules/mapping/ecs"
)

// Mapping is one loaded mapping file. It is immutable.
type Mapping struct {
	// Name is the file's name without ".yml".
	Name string
	// Title is the source's name for people.
	Title string
	// Domain is endpoint, network, cloud, email, identity or saas. A mapping
	// may set another one for some records through the field mxdr.domain.
	Domain string
	// Dataset is the event.dataset of the records.
	Dataset string
	// Packages are the package.datastream names of Elastic's integrations for
	// the same source.
	Packages []string
	// File is where the mapping was read from.
	File string

	priority int
	nulls    map[string]bool // texts that stand for nothing
	match    []matchRule
	shapes   []shape
	prepare  []prepareStep
	ids      [][]source
	time     timeSpec
	vendor   vendorSpec
	body     body
	passed   []step // the domain of records that arrive in ECS form
	related  []relatedSpec
	flow     *flow // nil: no flow in the records

	paths []*rawPath // numbered by the sources that read them
	outs  []outDef   // numbered by the targets that write them
	vars  int
}

// outDef is a field that a mapping writes or reads back.
type outDef struct {
	name string
	ecs  *ecs.Field // nil for vendor fields and mxdr.domain
}

// timeSpec is where the event time is.
type timeSpec struct {
	readings []timeReading
	observed bool // fall back on the time of observation
	set      bool
}

type timeReading struct {
	src     source
	formats []timeFormat
}

// relatedSpec fills one related.* field from other fields.
type relatedSpec struct {
	out  int
	from []source
}

// Set is a set of loaded mappings; it is immutable.
type Set struct {
	mappings []*Mapping
	cases    map[string][]byte // content of test files, by mapping
	files    map[string]string // their names
}

// domains are the values that a mapping's domain may have.
var domains = []string{"endpoint", "network", "cloud", "email", "identity", "saas"}

// Mappings returns the mappings in order of name.
func (s *Set) Mappings() []*Mapping { return slices.Clone(s.mappings) }

// Mapping returns the mapping name, or nil.
func (s *Set) Mapping(name string) *Mapping {
	for _, m := range s.mappings {
		if m.Name == name {
			return m
		}
	}
	return nil
}
