package document

import (
	"math"
	"strings"
	"unicode/utf8"

	"github.com/openmxdr/openmxdr/internal/event"
)

// Kind is the type of a node.
type Kind uint8

// The kinds of nodes.
const (
	Null Kind = iota
	Bool
	Int
	Float
	String
	Array
	Object
)

// Node names a node of a Document until its next Reset. None is no node.
type Node uint32

// None is the absence of a node. Every lookup in None gives None.
const None Node = 0

// Limits bound one document. A zero limit means the default.
type Limits struct {
	// Bytes is the longest input, by default 2 MiB.
	Bytes int
	// Nodes is how many members and elements a document may have, by default 8192.
	Nodes int
	// Depth is how deep objects and arrays may nest, by default 64.
	Depth int
}

// Default limits.
const (
	DefaultBytes = 2 << 20
	DefaultNodes = 8192
	DefaultDepth = 64
)

func (l Limits) withDefaults() Limits {
	if l.Bytes <= 0 {
		l.Bytes = DefaultBytes
	}
	if l.Nodes <= 0 {
		l.Nodes = DefaultNodes
	}
	if l.Depth <= 0 {
		l.Depth = DefaultDepth
	}
	return l
}

type node struct {
	key               string
	str               string
	num               uint64 // bool, int or float bits; number of children of containers
	first, last, next Node
	kind              Kind
}

// Document is one decoded record. It is not safe for concurrent use.
type Document struct {
	limits Limits
	nodes  []node // nodes[0] is None
	root   Node
	dotted bool // some member name contains a dot
	text   arena
}

// New returns an empty document with the given limits.
func New(limits Limits) *Document {
	d := &Document{limits: limits.withDefaults()}
	d.Reset()
	return d
}

// maxKeptNodes bounds the memory that a document keeps from record to record.
const maxKeptNodes = 2048

// Reset empties the document. Strings that it gave out stay valid.
func (d *Document) Reset() {
	if cap(d.nodes) > maxKeptNodes || d.nodes == nil {
		d.nodes = make([]node, 0, 256)
	}
	clear(d.nodes)
	d.nodes = append(d.nodes[:0], node{})
	d.root = None
	d.dotted = false
}

// Root returns the document's root, None if it is empty.
func (d *Document) Root() Node { return d.root }

// Dotted tells whether some member name contains a dot.
func (d *Document) Dotted() bool { return d.dotted }

// Kind returns the type of n; None is Null.
func (d *Document) Kind(n Node) Kind { return d.nodes[n].kind }

// Key returns the member name of n, "" for elements and the root.
func (d *Document) Key(n Node) string { return d.nodes[n].key }

// Len returns the number of children of n.
func (d *Document) Len(n Node) int {
	if k := d.nodes[n].kind; k != Array && k != Object {
		return 0
	}
	return int(d.nodes[n].num)
}

// First returns the first child of n.
func (d *Document) First(n Node) Node { return d.nodes[n].first }

// Next returns the sibling after n.
func (d *Document) Next(n Node) Node { return d.nodes[n].next }

// Str returns the text of a String node and "" of any other.
func (d *Document) Str(n Node) string {
	if d.nodes[n].kind != String {
		return ""
	}
	return d.nodes[n].str
}

// Empty tells whether n says nothing: None, null, an empty string, an empty
// array or object.
func (d *Document) Empty(n Node) bool {
	x := &d.nodes[n]
	switch x.kind {
	case Null:
		return true
	case String:
		return x.str == ""
	case Array, Object:
		return x.num == 0
	}
	return false
}

// Member returns the member key of object n: the first of that name.
func (d *Document) Member(n Node, key string) Node {
	if d.nodes[n].kind != Object {
		return None
	}
	for c := d.nodes[n].first; c != None; c = d.nodes[c].next {
		if d.nodes[c].key == key {
			return c
		}
	}
	return None
}

// Element returns element i of array n.
func (d *Document) Element(n Node, i int) Node {
	if d.nodes[n].kind != Array || i < 0 {
		return None
	}
	c := d.nodes[n].first
	for ; c != None && i > 0; i-- {
		c = d.nodes[c].next
	}
	return c
}

// Value returns n as a value: scalars without allocation, arrays and objects
// as lists and objects of values.
func (d *Document) Value(n Node) event.Value {
	x := &d.nodes[n]
	switch x.kind {
	case Bool:
		return event.BoolValue(x.num == 1)
	case Int:
		return event.IntValue(int64(x.num))
	case Float:
		return event.FloatValue(math.Float64frombits(x.num))
	case String:
		return event.StringValue(x.str)
	case Array:
		list := make([]event.Value, 0, x.num)
		for c := x.first; c != None; c = d.nodes[c].next {
			list = append(list, d.Value(c))
		}
		return event.ListValue(list)
	case Object:
		fields := make([]event.Field, 0, x.num)
		for c := x.first; c != None; c = d.nodes[c].next {
			fields = append(fields, event.Field{Name: d.nodes[c].key, Value: d.Value(c)})
		}
		return event.ObjectValue(fields)
	}
	return event.Value{}
}

// FromText makes the document an object whose one member name is text.
func (d *Document) FromText(name, text string) error {
	d.Reset()
	if err := d.checkLength(len(text)); err != nil {
		return err
	}
	d.root, _ = d.add(None, "", Object)
	n, err := d.add(d.root, name, String)
	d.nodes[n].str = d.valid(text)
	return err
}

// FromValue builds the document from a value.
func (d *Document) FromValue(v event.Value) error {
	d.Reset()
	root, err := d.build(None, "", v, 0)
	d.root = root
	return err
}

func (d *Document) build(parent Node, key string, v event.Value, depth int) (Node, error) {
	if depth > d.limits.Depth {
		return None, limitError{"depth", depth, d.limits.Depth}
	}
	n, err := d.add(parent, d.valid(key), Null)
	if err != nil {
		return None, err
	}
	switch v.Kind() {
	case event.Bool:
		d.SetBool(n, v.Bool())
	case event.Int:
		d.SetInt(n, v.Int())
	case event.Float:
		d.nodes[n].kind, d.nodes[n].num = Float, math.Float64bits(v.Float())
	case event.String:
		d.SetString(n, d.valid(v.Str()))
	case event.List:
		d.nodes[n].kind = Array
		for _, x := range v.List() {
			if _, err := d.build(n, "", x, depth+1); err != nil {
				return None, err
			}
		}
	case event.Object:
		d.nodes[n].kind = Object
		for _, f := range v.Object() {
			if _, err := d.build(n, f.Name, f.Value, depth+1); err != nil {
				return None, err
			}
		}
	}
	return n, nil
}

// add appends a child to parent; parent None makes an unattached node.
func (d *Document) add(parent Node, key string, kind Kind) (Node, error) {
	if len(d.nodes) > d.limits.Nodes {
		return None, limitError{"fields", len(d.nodes), d.limits.Nodes}
	}
	n := Node(len(d.nodes))
	d.nodes = append(d.nodes, node{key: key, kind: kind})
	if parent != None {
		d.attach(parent, n)
	}
	return n, nil
}

func (d *Document) attach(parent, n Node) {
	if !d.dotted && strings.IndexByte(d.nodes[n].key, '.') >= 0 {
		d.dotted = true
	}
	p := &d.nodes[parent]
	if p.first == None {
		p.first = n
	} else {
		d.nodes[p.last].next = n
	}
	p.last = n
	p.num++
}

// valid returns s with invalid UTF-8 replaced.
func (d *Document) valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\ufffd")
}

func (d *Document) checkLength(n int) error {
	if n > d.limits.Bytes {
		return limitError{"bytes", n, d.limits.Bytes}
	}
	return nil
}
