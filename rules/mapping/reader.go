package mapping

import (
	"errors"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/openmxdr/openmxdr/internal/event"
)

// reader collects the mistakes of one file with their lines.
type reader struct {
	file string
	errs []error
}

func (r *reader) fail(n *yaml.Node, format string, args ...any) {
	line := 0
	if n != nil {
		line = n.Line
	}
	r.errs = append(r.errs, fmt.Errorf("%s:%d: %s", r.file, line, fmt.Sprintf(format, args...)))
}

func (r *reader) err() error { return errors.Join(r.errs...) }

// members calls f for every key of a YAML mapping.
func (r *reader) members(n *yaml.Node, what string, f func(key string, k, v *yaml.Node)) {
	n = deref(n)
	if n.Kind != yaml.MappingNode {
		r.fail(n, "%s must be a mapping of names to values", what)
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if seen[k.Value] {
			r.fail(k, "%s names %q twice; keep one", what, k.Value)
			continue
		}
		seen[k.Value] = true
		f(k.Value, k, deref(n.Content[i+1]))
	}
}

// items calls f for every element of a YAML list; a single value counts as a
// list of one.
func (r *reader) items(n *yaml.Node, f func(v *yaml.Node)) {
	n = deref(n)
	if n.Kind != yaml.SequenceNode {
		f(n)
		return
	}
	for _, v := range n.Content {
		f(deref(v))
	}
}

// text reads a scalar as it is spelled.
func (r *reader) text(n *yaml.Node, what string) string {
	n = deref(n)
	if n.Kind != yaml.ScalarNode {
		r.fail(n, "%s must be one value", what)
		return ""
	}
	return n.Value
}

func (r *reader) texts(n *yaml.Node, what string) []string {
	var out []string
	r.items(n, func(v *yaml.Node) { out = append(out, r.text(v, what)) })
	return out
}

func (r *reader) flag(n *yaml.Node, what string) bool {
	var b bool
	if err := n.Decode(&b); err != nil {
		r.fail(n, "%s must be true or false, not %q", what, n.Value)
	}
	return b
}

// value reads a constant: a scalar or a list of scalars.
func (r *reader) value(n *yaml.Node, what string) event.Value {
	n = deref(n)
	switch n.Kind {
	case yaml.ScalarNode:
		switch n.Tag {
		case "!!int":
			var i int64
			if err := n.Decode(&i); err != nil {
				r.fail(n, "%s: %q does not fit 64 bits; quote it", what, n.Value)
			}
			return event.IntValue(i)
		case "!!float":
			var f float64
			if err := n.Decode(&f); err != nil {
				r.fail(n, "%s: %v", what, err)
			}
			return event.FloatValue(f)
		case "!!bool":
			return event.BoolValue(r.flag(n, what))
		case "!!null":
			return event.Value{}
		}
		return event.StringValue(n.Value)
	case yaml.SequenceNode:
		list := make([]event.Value, 0, len(n.Content))
		for _, c := range n.Content {
			list = append(list, r.value(c, what))
		}
		return event.ListValue(list)
	}
	r.fail(n, "%s must be a value or a list of values", what)
	return event.Value{}
}

func (r *reader) path(n *yaml.Node) *rawPath {
	p, err := compilePath(r.text(n, "a path"))
	if err != nil {
		r.fail(n, "%v", err)
		return &rawPath{segs: []seg{{key: "?"}}}
	}
	return p
}

func deref(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// choices lists names for an error message.
func choices(names ...string) string { return strings.Join(names, ", ") }
