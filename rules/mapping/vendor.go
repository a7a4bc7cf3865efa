package mapping

import (
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/openmxdr/openmxdr/internal/document"
	"github.com/openmxdr/openmxdr/internal/event"
)

// vendorSpec says how the raw record is kept under the vendor's prefix.
type vendorSpec struct {
	prefix string
	root   *rawPath // nil: the whole record
	snake  bool
	tree   *vendorNode
}

// vendorNode says something particular about one raw path.
type vendorNode struct {
	children map[string]*vendorNode
	omit     bool
	verbatim bool   // member names below are kept in vendors' spelling
	text     bool   // objects and lists are kept as JSON text
	asString bool   // scalars are kept as text
	rename   string // name from the prefix on, instead of the derived one
}

func (b *builder) vendor(n *yaml.Node) {
	v := vendorSpec{tree: &vendorNode{}}
	b.members(n, "vendor", func(key string, k, x *yaml.Node) {
		each := func(f func(*vendorNode)) {
			b.items(x, func(p *yaml.Node) { f(v.tree.at(b.reader.path(p))) })
		}
		switch key {
		case "prefix":
			v.prefix = b.text(x, key)
			if !fieldRule.MatchString(v.prefix) || strings.HasPrefix(v.prefix+".", "mxdr.") || strings.HasPrefix(v.prefix+".", "organization.") {
				b.fail(x, "prefix %q must be names joined by dots, and not mxdr or organization", v.prefix)
			}
		case "root":
			v.root = b.reader.path(x)
		case "case":
			v.snake = x.Value == "snake"
			if !v.snake && x.Value != "keep" {
				b.fail(x, "case is keep or snake, not %q", x.Value)
			}
		case "omit":
			each(func(n *vendorNode) { n.omit = true })
		case "verbatim":
			each(func(n *vendorNode) { n.verbatim = true })
		case "text":
			each(func(n *vendorNode) { n.text = true })
		case "strings":
			each(func(n *vendorNode) { n.asString = true })
		case "rename":
			b.members(x, key, func(from string, fk, to *yaml.Node) {
				v.tree.at(b.reader.path(fk)).rename = b.text(to, "a name")
				if !fieldRule.MatchString(to.Value) {
					b.fail(to, "%q is no field name: names joined by single dots", to.Value)
				}
			})
		default:
			b.fail(k, "%q means nothing under vendor; there are prefix, root, case, omit, verbatim, text, strings, rename", key)
		}
	})
	b.m.vendor = v
}

func (n *vendorNode) at(p *rawPath) *vendorNode {
	for _, s := range p.segs {
		if n.children == nil {
			n.children = map[string]*vendorNode{}
		}
		c := n.children[s.key]
		if c == nil {
			c = &vendorNode{}
			n.children[s.key] = c
		}
		n = c
	}
	return n
}

// nameNode remembers the field name of a raw path, so that it is put
// together once and not for every record. A Scratch has one tree a mapping.
type nameNode struct {
	name     string // the last part
	full     string // the whole field name
	children map[string]*nameNode
	byName   map[string]*nameNode
	spec     *vendorNode
	verbatim bool
	written  bool   // a rule writes this field, which has precedence
	seen     uint32 // epoch of the record that has it already
}

// maxNameBytes bounds the memory for names that a Scratch keeps a mapping:
// when a record finds more, they are all forgotten. maxNameLength bounds one
// part of a name.
const (
	maxNameBytes  = 2 << 20
	maxNameLength = 256
	nameOverhead  = 200 // of one entry, about
)

// maxFullName is how long a field name may be to get further parts. What lies
// deeper is kept as JSON text: a deep tree of long names must not become many
// very long field names.
const maxFullName = 512

// names returns the name tree of the current mapping, a fresh one if the old
// has grown too large.
func (r *run) names() *nameNode {
	t := &r.nameTrees[r.mapping]
	if t.root == nil || t.bytes > maxNameBytes {
		t.root = &nameNode{full: r.m.vendor.prefix, spec: r.m.vendor.tree}
		t.bytes = 0
	}
	r.nameBytes = &t.bytes
	return t.root
}

type nameTree struct {
	root  *nameNode
	bytes int
}

// child returns the node of member key, which may contain dots.
func (r *run) child(n *nameNode, key string) *nameNode {
	if c := n.children[key]; c != nil {
		return c
	}
	c := n
	for part := range strings.SplitSeq(key, ".") {
		c = r.childPart(c, part)
	}
	r.remember(n, key, c)
	return c
}

// remember notes which node a member name leads to. Long names are not worth
// the memory: no vendor writes them.
func (r *run) remember(n *nameNode, key string, c *nameNode) {
	if len(key) > maxNameLength {
		return
	}
	if n.children == nil {
		n.children = map[string]*nameNode{}
	}
	n.children[strings.Clone(key)] = c
	*r.nameBytes += len(key) + nameOverhead
}

func (r *run) childPart(n *nameNode, key string) *nameNode {
	if c := n.children[key]; c != nil {
		return c
	}
	var spec *vendorNode
	if n.spec != nil {
		spec = n.spec.children[key]
	}
	name := cleanName(key)
	verbatim := n.verbatim
	if r.m.vendor.snake && !verbatim {
		name = snakeCase(name)
	}
	full := n.full + "." + name
	if spec != nil && spec.rename != "" {
		full = r.m.vendor.prefix + "." + spec.rename
		name = spec.rename[strings.LastIndexByte(spec.rename, '.')+1:]
	}
	c := n.byName[full]
	if c == nil {
		c = &nameNode{name: name, full: full, spec: spec, verbatim: verbatim || spec != nil && spec.verbatim}
		for i := range r.m.outs {
			c.written = c.written || r.m.outs[i].name == full
		}
		if n.byName == nil {
			n.byName = map[string]*nameNode{}
		}
		n.byName[full] = c
		*r.nameBytes += len(full) + nameOverhead
	}
	r.remember(n, key, c)
	return c
}

// emit writes what the raw record says under the vendor's prefix.
func (r *run) emit() {
	root := r.doc.Root()
	if p := r.m.vendor.root; p != nil {
		root = p.find(r.doc, root)
	}
	if r.doc.Kind(root) == document.Object {
		r.emitObject(root, r.names())
	}
}

func (r *run) emitObject(obj document.Node, at *nameNode) {
	d := r.doc
	for c := d.First(obj); c != document.None; c = d.Next(c) {
		if d.Empty(c) {
			continue
		}
		n := r.child(at, d.Key(c))
		if n.spec != nil && n.spec.omit {
			continue
		}
		kind := d.Kind(c)
		text := n.spec != nil && n.spec.text
		if kind == document.Object && !text {
			if len(n.full) <= maxFullName {
				r.emitObject(c, n)
				continue
			}
			text = true
		}
		if n.seen == r.epoch {
			continue
		}
		n.seen = r.epoch
		if n.written {
			if _, ok := r.ev.Lookup(n.full); ok {
				continue
			}
		}
		var v event.Value
		switch {
		case (kind == document.Array || kind == document.Object) && text:
			v = event.StringValue(string(d.Value(c).AppendJSON(nil)))
		case kind == document.Array:
			v = r.list(c, n)
		default:
			if v = d.Value(c); n.spec != nil && n.spec.asString && v.Kind() != event.String {
				v = event.StringValue(v.Text())
			}
		}
		if !v.IsNull() {
			r.ev.Add(n.full, v)
		}
	}
}

// list is the value of an array; members of objects in it are named as the
// vendor's fields are.
func (r *run) list(n document.Node, at *nameNode) event.Value {
	d := r.doc
	out := make([]event.Value, 0, d.Len(n))
	for c := d.First(n); c != document.None; c = d.Next(c) {
		if v := r.nested(c, at); !v.IsNull() {
			out = append(out, v)
		}
	}
	if len(out) == 0 {
		return event.Value{}
	}
	return event.ListValue(out)
}

func (r *run) nested(n document.Node, at *nameNode) event.Value {
	d := r.doc
	if k := d.Kind(n); len(at.full) > maxFullName && (k == document.Array || k == document.Object) {
		return event.StringValue(string(d.Value(n).AppendJSON(nil)))
	}
	switch d.Kind(n) {
	case document.Array:
		return r.list(n, at)
	case document.Object:
		fields := make([]event.Field, 0, d.Len(n))
	members:
		for c := d.First(n); c != document.None; c = d.Next(c) {
			name := r.child(at, d.Key(c))
			v := r.nested(c, name)
			if v.IsNull() {
				continue
			}
			// Objects in lists are small; a hostile large one is cut short.
			if len(fields) == maxCollected {
				break
			}
			for i := range fields {
				if fields[i].Name == name.name {
					continue members
				}
			}
			fields = append(fields, event.Field{Name: name.name, Value: v})
		}
		if len(fields) == 0 {
			return event.Value{}
		}
		return event.ObjectValue(fields)
	}
	return d.Value(n)
}

// cleanName makes one part of a field name of a raw member name:
// Elasticsearch takes no empty parts, and nobody wants control characters.
func cleanName(s string) string {
	if s == "" {
		return "_"
	}
	if len(s) > maxNameLength {
		s = s[:maxNameLength]
		for !utf8.ValidString(s) {
			s = s[:len(s)-1]
		}
	}
	if strings.TrimSpace(s) == "" {
		return "_"
	}
	return strings.Map(func(c rune) rune {
		if c < 0x20 || c == 0x7f {
			return '_'
		}
		return c
	}, s)
}

// snakeCase spells camelCase, PascalCase and kebab-case names in snake case:
// "userAgent" user_agent, "ipAddressV4" ip_address_v4, "rawUserURL" raw_user_url.
func snakeCase(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '-' || c == ' ':
			b.WriteByte('_')
		case c >= 'A' && c <= 'Z':
			if i > 0 && s[i-1] != '_' && s[i-1] != '-' && s[i-1] != ' ' &&
				(!upper(s[i-1]) || i+1 < len(s) && s[i+1] >= 'a' && s[i+1] <= 'z') {
				b.WriteByte('_')
			}
			b.WriteByte(c + 'a' - 'A')
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func upper(c byte) bool { return c >= 'A' && c <= 'Z' }
