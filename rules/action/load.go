package action

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// MaxBytes bounds a catalogue file.
const MaxBytes = 1 << 20

var (
	idForm     = regexp.MustCompile(`^[a-z][a-z0-9_]{1,63}$`)
	d3fendForm = regexp.MustCompile(`^D3-[A-Z0-9]{2,8}$`)
)

// Parse reads a catalogue from YAML and checks it whole: ids, vocabulary,
// target types, and that every undo names an action of the same catalogue
// that works on the same targets. name is used in errors, which join all
// faults with the line of the entry. A faulty catalogue is not used at all:
// an action that is half understood must not be authorised.
func Parse(name string, data []byte) (*Catalogue, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("%s: %d bytes, more than the %d allowed for an action catalogue", name, len(data), MaxBytes)
	}
	var file struct {
		Actions []located `yaml:"actions"`
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&file); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := dec.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: more than one YAML document; put all actions under one 'actions' list", name)
	}
	if len(file.Actions) == 0 {
		return nil, fmt.Errorf("%s: no actions; list them under 'actions'", name)
	}
	c := &Catalogue{byID: make(map[ID]int, len(file.Actions)), source: bytes.Clone(data)}
	var errs []error
	fault := func(l located, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s:%d: action %q: %s", name, l.line, l.ID, fmt.Sprintf(format, args...)))
	}
	for _, l := range file.Actions {
		if _, dup := c.byID[l.ID]; dup {
			fault(l, "the id is used twice")
			continue
		}
		c.byID[l.ID] = len(c.actions)
		c.actions = append(c.actions, l.Action)
	}
	for _, l := range file.Actions {
		check(l, c, fault)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return c, nil
}

// check reports every fault of one entry.
func check(l located, c *Catalogue, fault func(located, string, ...any)) {
	a := l.Action
	if !idForm.MatchString(string(a.ID)) {
		fault(l, "id must match %s", idForm)
	}
	if strings.TrimSpace(a.Name) == "" || strings.TrimSpace(a.Does) == "" {
		fault(l, "name and does must say in plain words what it is")
	}
	if !slices.Contains(Risks, a.Risk) {
		fault(l, "risk %q is none of %v", a.Risk, Risks)
	}
	for _, id := range a.D3FEND {
		if !d3fendForm.MatchString(id) {
			fault(l, "d3fend id %q must look like D3-NI", id)
		}
	}
	if len(a.Targets) == 0 {
		fault(l, "targets is empty; name what it works on")
	}
	for _, t := range a.Targets {
		if !slices.Contains(TargetTypes, t) {
			fault(l, "target type %q is none of %v", t, TargetTypes)
		}
	}
	for _, k := range a.AssetClasses {
		if !slices.Contains(AssetClasses, k) {
			fault(l, "asset class %q is none of %v", k, AssetClasses)
		}
	}
	switch {
	case (a.Undo.Action == "") == (a.Undo.None == ""):
		fault(l, "undo must name either an action or why there is none")
	case a.Undo.Action != "":
		undo, ok := c.Get(a.Undo.Action)
		if !ok {
			fault(l, "undo names the unknown action %q", a.Undo.Action)
			return
		}
		for _, t := range a.Targets {
			if !slices.Contains(undo.Targets, t) {
				fault(l, "undo %q does not work on target type %q", undo.ID, t)
			}
		}
	}
}

// located is an action with the line on which it begins.
type located struct {
	Action
	line int
}

// UnmarshalYAML keeps the line, and refuses unknown members: a decoder of a
// node does not inherit KnownFields.
func (l *located) UnmarshalYAML(n *yaml.Node) error {
	l.line = n.Line
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: an action must be a mapping", n.Line)
	}
	known := []string{"id", "name", "does", "d3fend", "targets", "asset_classes", "risk", "restores", "undo"}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if k := n.Content[i]; !slices.Contains(known, k.Value) {
			return fmt.Errorf("line %d: unknown member %q; known are %s", k.Line, k.Value, strings.Join(known, ", "))
		}
	}
	return n.Decode(&l.Action)
}
