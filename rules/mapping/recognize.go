package mapping

import (
	"gopkg.in/yaml.v3"

	"github.com/openmxdr/openmxdr/internal/document"
)

// matchRule is one way to recognise a source. keys are the top-level member
// names of which the record must have one for the rule to be tried at all.
type matchRule struct {
	cond cond
	keys []string
}

// matches reads "match": one condition or a list of alternatives. The first
// member of each must be a raw path; it decides which records are tried.
func (b *builder) matches(n *yaml.Node) {
	b.m.match = nil
	b.items(n, func(v *yaml.Node) {
		if v.Kind != yaml.MappingNode || len(v.Content) < 2 {
			b.fail(v, "match wants conditions such as {eventType: {exists: true}}")
			return
		}
		rule := matchRule{cond: b.cond(v)}
		first := v.Content[0]
		switch first.Value {
		case "any", "all", "not":
			b.fail(first, "the first member of a match must be a raw path, by which candidates are found; write alternatives as a list")
			return
		}
		p, err := compilePath(first.Value)
		if err != nil {
			return // reported by cond
		}
		rule.keys = append([]string{p.segs[0].key}, p.segs[0].joined...)
		b.m.match = append(b.m.match, rule)
	})
}

// candidate is a match rule of a mapping, found by a top-level member name.
type candidate struct{ mapping, rule int }

// recognize picks the mapping for the current document: of those with a rule
// that holds, the one with the highest priority, then the first by name.
func (r *run) recognize() bool {
	best := -1
	d := r.doc
	if d.Kind(d.Root()) != document.Object {
		return false
	}
	clear(r.tried)
	for c := d.First(d.Root()); c != document.None; c = d.Next(c) {
		for _, x := range r.e.byKey[d.Key(c)] {
			if x.mapping == best || r.tried[r.e.ruleNo(x)] {
				continue
			}
			r.tried[r.e.ruleNo(x)] = true
			if best >= 0 && !r.e.before(x.mapping, best) {
				continue
			}
			r.use(x.mapping)
			if r.m.match[x.rule].cond.holds(r) {
				best = x.mapping
			}
		}
	}
	if best < 0 {
		return false
	}
	r.use(best)
	return true
}

// before tells whether mapping i is preferred to mapping j.
func (e *Engine) before(i, j int) bool {
	a, b := e.mappings[i], e.mappings[j]
	if a.priority != b.priority {
		return a.priority > b.priority
	}
	return i < j
}
