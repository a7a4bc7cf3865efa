package mapping

import (
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/openmxdr/openmxdr/internal/document"
	"github.com/openmxdr/openmxdr/internal/event"
)

// source is where a rule reads: a raw path, a field already written, or a
// variable. "$name" is a variable if the mapping set one of that name, else
// the field name.
type source struct {
	kind sourceKind
	no   int
}

type sourceKind uint8

const (
	fromRaw sourceKind = iota
	fromField
	fromVar
)

func (b *builder) source(n *yaml.Node) source {
	text := b.text(n, "a source")
	name, ok := strings.CutPrefix(text, "$")
	if !ok {
		return source{fromRaw, b.path(n)}
	}
	if i, ok := b.varNo[name]; ok {
		return source{fromVar, i}
	}
	if i, ok := b.outNo[name]; ok {
		return source{fromField, i}
	}
	b.fail(n, "nothing sets %s before this line; name a raw path without $, or a field or variable that is set earlier", text)
	return source{fromField, 0}
}

// get reads a source; null if there is nothing.
func (r *run) get(s source) event.Value {
	switch s.kind {
	case fromField:
		v, _ := r.ev.Get(r.ids[s.no])
		return v
	case fromVar:
		return r.vars[s.no]
	}
	p := r.m.paths[s.no]
	if p.multi {
		r.collected = p.collect(r.doc, r.doc.Root(), r.collected[:0])
		if len(r.collected) == 0 {
			return event.Value{}
		}
		return event.ListValue(append([]event.Value(nil), r.collected...))
	}
	n := r.node(s.no)
	if r.doc.Empty(n) || r.m.nulls != nil && r.m.nulls[r.doc.Str(n)] {
		return event.Value{}
	}
	return r.doc.Value(n)
}

// node finds the node of path no, once a record.
func (r *run) node(no int) document.Node {
	if memo := r.nodes[no]; memo.epoch == r.epoch {
		return memo.node
	}
	n := r.m.paths[no].find(r.doc, r.doc.Root())
	r.nodes[no] = nodeMemo{n, r.epoch}
	return n
}
