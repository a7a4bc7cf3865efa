package sigma

import (
	"slices"

	"github.com/openmxdr/openmxdr/internal/event"
)

// FieldMatch is a value that a rule found.
type FieldMatch struct {
	Field string // the event field; for a keyword the field in which it was found
	Value string // at most MaxMatchedBytes of it
	Sigma string // the field as the rule names it, empty for a keyword
}

// MaxMatchedBytes bounds the value of a FieldMatch.
const MaxMatchedBytes = 4096

// Fields returns the fields and values that made the rule match, sorted by
// field, without repetition. It evaluates the rule anew and is meant for the
// few events that match. Only what the condition needs is listed: a branch of
// an "or" that does not hold, and what a "not" excludes, are not.
func (m Match) Fields() []FieldMatch {
	x := explainer{e: m.engine, ev: m.ev}
	x.s.fit(m.engine)
	x.s.next()
	x.s.ev = m.ev
	x.collect(m.engine.rules[m.index].root)
	slices.SortFunc(x.out, func(a, b FieldMatch) int {
		for _, c := range [][2]string{{a.Field, b.Field}, {a.Value, b.Value}, {a.Sigma, b.Sigma}} {
			if c[0] != c[1] {
				if c[0] < c[1] {
					return -1
				}
				return 1
			}
		}
		return 0
	})
	return slices.Compact(x.out)
}

type explainer struct {
	e   *Engine
	ev  *event.Event
	s   Scratch
	out []FieldMatch
}

// collect evaluates n value by value, notes what made it hold, and tells
// whether it does.
func (x *explainer) collect(n *node) bool {
	switch n.op {
	case opPred:
		return x.predicate(&x.e.preds[n.pred])
	case opNot:
		before := len(x.out)
		ok := x.collect(n.kids[0])
		x.out = x.out[:before]
		return !ok
	case opAnd:
		before := len(x.out)
		for _, k := range n.kids {
			if !x.collect(k) {
				x.out = x.out[:before]
				return false
			}
		}
		return true
	case opOr:
		any := false
		for _, k := range n.kids {
			any = x.collect(k) || any
		}
		return any
	}
	return n.op == opTrue
}

func (x *explainer) note(field, sigma, value string) {
	if len(value) > MaxMatchedBytes {
		value = value[:MaxMatchedBytes]
	}
	x.out = append(x.out, FieldMatch{Field: field, Sigma: sigma, Value: string([]byte(value))})
}

func (x *explainer) predicate(p *predicate) bool {
	found := false
	if p.kind == predNever {
		return false
	}
	if p.kind == predKeyword {
		for i := range x.ev.Len() {
			f := x.ev.At(i)
			everything(f.Value, &x.s, func(v value) bool {
				v.fold(&x.s.fold)
				if p.holds(&v) {
					found = true
					x.note(f.Name, "", v.raw)
				}
				return true
			})
		}
		return found
	}
	// Candidates one by one, so that the field that had the value is known.
	sl := &x.e.slots[p.slot]
	for _, name := range sl.Names {
		has := false
		x.named(name, func(v value) bool {
			has = true
			v.fold(&x.s.fold)
			ok := p.kind == predPresent
			if p.kind == predRef {
				v.raw = string([]byte(v.raw))
				for _, other := range x.e.slots[p.other].Names {
					some := false
					x.named(other, func(y value) bool {
						some = true
						y.fold(&x.s.fold2)
						ok = ok || p.refHolds(&v, &y)
						return true
					})
					if some && !x.e.slots[p.other].Any {
						break
					}
				}
			} else if !ok {
				ok = p.holds(&v)
			}
			if ok {
				found = true
				x.note(name, sl.sigma, v.raw)
			}
			return true
		})
		if has && !sl.Any {
			break
		}
	}
	return found
}

// named calls yield for the values of one event field.
func (x *explainer) named(name string, yield func(value) bool) {
	each := func(v event.Value) {
		scalars(v, func(v event.Value) bool {
			return yield(value{raw: scalarText(v, &x.s), v: v})
		})
	}
	found := false
	if v, ok := x.ev.Lookup(name); ok {
		found = true
		each(v)
	}
	for i := 1; !found && i < len(name); i++ {
		if name[i] != '.' {
			continue
		}
		if v, ok := x.ev.Lookup(name[:i]); ok {
			inside(v, name[i+1:], func(v event.Value) { found = true; each(v) })
		}
	}
	if !found && name == "@timestamp" && !x.ev.Time.IsZero() {
		each(event.StringValue(x.ev.Time.UTC().Format(event.TimeLayout)))
	}
}
