package mapping

import (
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/openmxdr/openmxdr/internal/document"
)

// shape is one of the forms in which a source arrives; its steps bring the
// record into the form that the mapping reads.
type shape struct {
	when  cond
	steps []prepareStep
}

// prepareStep changes the raw tree before fields are read from it.
type prepareStep interface {
	apply(d *document.Document) error
}

func (b *builder) shapes(n *yaml.Node) {
	b.items(n, func(v *yaml.Node) {
		var s shape
		b.members(v, "a shape", func(key string, k, x *yaml.Node) {
			switch key {
			case "when":
				s.when = b.cond(x)
			case "prepare":
				s.steps = b.prepares(x)
			default:
				b.fail(k, "%q means nothing in a shape; there are when and prepare", key)
			}
		})
		b.m.shapes = append(b.m.shapes, s)
	})
}

func (b *builder) prepares(n *yaml.Node) []prepareStep {
	var out []prepareStep
	b.items(n, func(v *yaml.Node) {
		args := map[string]*yaml.Node{}
		b.members(v, "a preparation", func(key string, k, x *yaml.Node) { args[key] = x })
		allowed := func(names ...string) {
			for _, key := range keys(args) {
				ok := false
				for _, x := range names {
					ok = ok || x == key
				}
				if !ok {
					b.fail(args[key], "%q means nothing beside %q; there are %s", key, names[0], choices(names...))
				}
			}
		}
		switch {
		case args["pairs"] != nil:
			allowed("pairs", "key", "value", "values")
			p := &pairs{at: b.reader.path(args["pairs"]), key: "Name", value: "Value"}
			if x := args["key"]; x != nil {
				p.key = b.text(x, "key")
			}
			if x := args["value"]; x != nil {
				p.value = b.text(x, "value")
			}
			if x := args["values"]; x != nil {
				p.value, p.values = "", b.texts(x, "values")
			}
			out = append(out, p)
		case args["json"] != nil:
			allowed("json")
			b.items(args["json"], func(x *yaml.Node) { out = append(out, &expandJSON{b.reader.path(x)}) })
		case args["move"] != nil:
			allowed("move")
			b.members(args["move"], "move", func(key string, k, x *yaml.Node) {
				out = append(out, &move{b.reader.path(k), b.plainPath(x)})
			})
		case args["gather"] != nil:
			allowed("gather", "from", "except")
			g := &gather{into: b.plainPath(args["gather"]), except: map[string]bool{}}
			if x := args["from"]; x != nil {
				g.from = b.reader.path(x)
			}
			if x := args["except"]; x != nil {
				for _, name := range b.texts(x, "except") {
					g.except[name] = true
				}
			}
			out = append(out, g)
		case args["cef"] != nil:
			allowed("cef")
			out = append(out, &expandText{b.reader.path(args["cef"]), (*document.Document).ExpandCEF})
		case args["leef"] != nil:
			allowed("leef")
			out = append(out, &expandText{b.reader.path(args["leef"]), (*document.Document).ExpandLEEF})
		case args["syslog"] != nil:
			allowed("syslog")
			out = append(out, &expandText{b.reader.path(args["syslog"]), (*document.Document).ExpandSyslog})
		case args["key_values"] != nil:
			allowed("key_values", "separator", "equals")
			out = append(out, b.keyValues(args))
		case args["extract"] != nil:
			allowed("extract", "patterns", "into")
			if x := b.extract(args); x != nil {
				out = append(out, x)
			}
		case args["merge"] != nil:
			allowed("merge")
			out = append(out, &merge{b.reader.path(args["merge"])})
		case args["root"] != nil:
			allowed("root")
			out = append(out, &reroot{b.reader.path(args["root"])})
		case args["unwrap"] != nil:
			allowed("unwrap", "name")
			u := &unwrapOnly{at: b.reader.path(args["unwrap"])}
			if x := args["name"]; x != nil {
				u.name = b.text(x, "name")
			}
			out = append(out, u)
		case args["remove"] != nil:
			allowed("remove")
			b.items(args["remove"], func(x *yaml.Node) { out = append(out, &remove{b.reader.path(x)}) })
		default:
			b.fail(v, "a preparation is one of pairs, json, syslog, cef, leef, key_values, extract, move, gather, merge, root, unwrap, remove")
		}
	})
	return out
}

// plainPath reads a path that can be created: names only.
func (b *builder) plainPath(n *yaml.Node) []string {
	p := b.reader.path(n)
	var names []string
	for _, s := range p.segs {
		if s.sel != noSelector {
			b.fail(n, "path %q is written to and can have no brackets", p.text)
		}
		names = append(names, s.key)
	}
	return names
}

// pairs turns [{Name: a, Value: 1}, …] into {a: 1, …}; with several value
// members into {a: {NewValue: …, OldValue: …}}. Dots and spaces in the names
// become underscores. A text in the place of the list goes under _raw.
type pairs struct {
	at         *rawPath
	key, value string
	values     []string
}

func (p *pairs) apply(d *document.Document) error {
	n := p.at.find(d, d.Root())
	switch d.Kind(n) {
	case document.String:
		if s := d.Str(n); s != "" && !d.ExpandJSON(n) {
			d.MakeObject(n)
			_, err := d.AddString(n, "_raw", s)
			return err
		}
		if d.Kind(n) != document.Array {
			return nil
		}
	case document.Array:
	default:
		return nil
	}
	first := d.TakeChildren(n)
	d.MakeObject(n)
	for c := first; c != document.None; {
		next := d.Next(c)
		name := d.Value(d.Member(c, p.key)).Text()
		switch {
		case d.Kind(c) == document.Object && name != "" && p.values == nil:
			if v := d.Member(c, p.value); v != document.None {
				d.SetKey(v, underscored(name))
				d.AttachAlone(n, v)
			}
		case d.Kind(c) == document.Object && name != "":
			p.keepValues(d, c)
			d.SetKey(c, underscored(name))
			d.AttachAlone(n, c)
		}
		c = next
	}
	return nil
}

// keepValues takes every member that is none of the values out of c.
func (p *pairs) keepValues(d *document.Document, c document.Node) {
	for x := d.TakeChildren(c); x != document.None; {
		next := d.Next(x)
		if slices.Contains(p.values, d.Key(x)) {
			d.AttachAlone(c, x)
		}
		x = next
	}
}

var underscores = strings.NewReplacer(".", "_", " ", "_")

func underscored(s string) string {
	if strings.ContainsAny(s, ". ") {
		return underscores.Replace(s)
	}
	return s
}

// expandJSON replaces a text by the JSON it contains.
type expandJSON struct{ at *rawPath }

func (x *expandJSON) apply(d *document.Document) error {
	if n := x.at.find(d, d.Root()); n != document.None {
		d.ExpandJSON(n)
	}
	return nil
}

// move takes a node elsewhere, creating objects on the way. Where something
// is already, that stays.
type move struct {
	from *rawPath
	to   []string
}

func (m *move) apply(d *document.Document) error {
	parent, n := m.from.findWithParent(d)
	if n == document.None || d.Kind(n) == document.Null {
		return nil
	}
	at, err := makePath(d, d.Root(), m.to[:len(m.to)-1])
	if err != nil {
		return err
	}
	name := m.to[len(m.to)-1]
	if d.Kind(at) != document.Object || d.Member(at, name) != document.None || within(d, n, at) {
		return nil
	}
	d.Detach(parent, n)
	d.SetKey(n, name)
	d.Attach(at, n)
	return nil
}

// within tells whether at is n or lies under it.
func within(d *document.Document, n, at document.Node) bool {
	if n == at {
		return true
	}
	for c := d.First(n); c != document.None; c = d.Next(c) {
		if within(d, c, at) {
			return true
		}
	}
	return false
}

func makePath(d *document.Document, n document.Node, names []string) (document.Node, error) {
	for _, name := range names {
		m := d.Member(n, name)
		if m == document.None {
			if d.Kind(n) != document.Object {
				return n, nil
			}
			var err error
			if m, err = d.AddObject(n, name); err != nil {
				return document.None, err
			}
		}
		n = m
	}
	return n, nil
}

// findWithParent is find for a path without [], with the object that the
// found node is a member of.
func (p *rawPath) findWithParent(d *document.Document) (parent, n document.Node) {
	n = p.find(d, d.Root())
	if n == document.None {
		return document.None, document.None
	}
	for i := len(p.segs) - 1; i >= 0; i-- {
		parent = findSegs(d, d.Root(), p.segs[:i])
		for c := d.First(parent); c != document.None; c = d.Next(c) {
			if c == n {
				return parent, n
			}
		}
	}
	return document.None, document.None
}

// gather moves all members of an object, but for those named, into another.
type gather struct {
	into   []string
	from   *rawPath // nil: the root
	except map[string]bool
}

func (g *gather) apply(d *document.Document) error {
	from := d.Root()
	if g.from != nil {
		from = g.from.find(d, d.Root())
	}
	if d.Kind(from) != document.Object {
		return nil
	}
	into, err := makePath(d, d.Root(), g.into)
	if err != nil || d.Kind(into) != document.Object || into == from {
		return err
	}
	for c := d.TakeChildren(from); c != document.None; {
		next := d.Next(c)
		at := into
		if c == into || g.except[d.Key(c)] || within(d, c, into) {
			at = from
		}
		d.AttachAlone(at, c)
		c = next
	}
	return nil
}

// remove takes a node out of the record.
type remove struct{ at *rawPath }

func (x *remove) apply(d *document.Document) error {
	if parent, n := x.at.findWithParent(d); n != document.None {
		d.Detach(parent, n)
	}
	return nil
}

// reroot makes an object the whole record; what is outside of it is dropped.
type reroot struct{ at *rawPath }

func (x *reroot) apply(d *document.Document) error {
	if n := x.at.find(d, d.Root()); d.Kind(n) == document.Object {
		d.SetRoot(n)
	}
	return nil
}

// unwrapOnly replaces an object whose only member is an object by that
// member, whose name it keeps under the member name.
type unwrapOnly struct {
	at   *rawPath
	name string
}

func (x *unwrapOnly) apply(d *document.Document) error {
	n := x.at.find(d, d.Root())
	if d.Kind(n) != document.Object {
		return nil
	}
	only := document.None
	for c := d.First(n); c != document.None; c = d.Next(c) {
		if strings.HasPrefix(d.Key(c), "#") {
			continue
		}
		if only != document.None || d.Kind(c) != document.Object {
			return nil
		}
		only = c
	}
	if only == document.None {
		return nil
	}
	name := d.Key(only)
	d.TakeChildren(n)
	for c := d.TakeChildren(only); c != document.None; {
		next := d.Next(c)
		if !strings.HasPrefix(d.Key(c), "#") {
			d.AttachAlone(n, c)
		}
		c = next
	}
	if x.name == "" || d.Member(n, x.name) != document.None {
		return nil
	}
	_, err := d.AddString(n, x.name, name)
	return err
}

// merge makes one object of a list of objects, as in [{a: 1}, {b: 2}].
// Elements without a name become param1, param2, ….
type merge struct{ at *rawPath }

func (x *merge) apply(d *document.Document) error {
	n := x.at.find(d, d.Root())
	if d.Kind(n) != document.Array {
		return nil
	}
	first := d.TakeChildren(n)
	d.MakeObject(n)
	i := 0
	for c := first; c != document.None; {
		next := d.Next(c)
		i++
		switch d.Kind(c) {
		case document.Object:
			for m := d.TakeChildren(c); m != document.None; {
				following := d.Next(m)
				if d.Key(m) == "" {
					d.SetKey(m, "param"+strconv.Itoa(i))
				}
				d.AttachAlone(n, m)
				m = following
			}
		case document.Null, document.Array:
		default:
			d.SetKey(c, "param"+strconv.Itoa(i))
			d.AttachAlone(n, c)
		}
		c = next
	}
	return nil
}
