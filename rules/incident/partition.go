package incident

import (
	"bytes"
	"slices"
	"time"
)

// group is one side of joins that were allowed: the signals of one incident,
// or of none while their score does not suffice.
type group struct {
	nodes  []uint32 // by time, then id; the first is the anchor
	joins  []join
	refuse []refusal
	id     string // of the incident whose anchor is nodes[0]
}

// refusal is a join that was not followed.
type refusal struct {
	other  uint32 // a signal on the other side
	reason string
}

// part is a group while joins are taken; parts form a union-find forest.
type part struct {
	parent      uint32
	first, last int64
	classes     map[uint64]struct{} // distinct findings; nil while there is one
	class       uint64
	closed      int64 // ClosedThrough of a closed incident in it, or 0
	assignee    string
	verdict     string
	refuse      []refusal
}

// partition takes the joins of a component in the order of event time and
// refuses those that limits or people's decisions forbid. The result depends
// on the set of signals and decisions alone.
func (w *world) partition(nodes []uint32, joins []join) []group {
	slices.SortFunc(nodes, w.compare)
	if len(nodes) == 1 {
		return []group{{nodes: slices.Clone(nodes)}}
	}
	index := make(map[uint32]uint32, len(nodes))
	parts := make([]part, len(nodes))
	for i, ni := range nodes {
		n := &w.nodes[ni]
		index[ni] = uint32(i)
		parts[i] = part{parent: uint32(i), first: n.time, last: n.time, class: n.class}
		if len(w.triage) > 0 {
			if t, ok := w.triage[ID(w.tenant, string(packedID(n.packed)))]; ok {
				parts[i].assignee, parts[i].verdict = t.Assignee, t.Verdict
				if !t.ClosedThrough.IsZero() {
					parts[i].closed = t.ClosedThrough.UnixNano()
				}
			}
		}
	}
	slices.SortFunc(joins, func(a, b join) int {
		if c := int(index[a.to]) - int(index[b.to]); c != 0 {
			return c
		}
		if c := int(index[a.from]) - int(index[b.from]); c != 0 {
			return c
		}
		// Between the same two signals the key decides nothing.
		return 0
	})
	root := func(i uint32) uint32 {
		for parts[i].parent != i {
			parts[i].parent = parts[parts[i].parent].parent
			i = parts[i].parent
		}
		return i
	}
	for _, j := range joins {
		a, b := root(index[j.from]), root(index[j.to])
		if a == b {
			continue
		}
		if reason := w.refuses(&parts[a], &parts[b]); reason != "" {
			parts[a].refuse = append(parts[a].refuse, refusal{j.to, reason})
			parts[b].refuse = append(parts[b].refuse, refusal{j.from, reason})
			continue
		}
		if a > b {
			a, b = b, a
		}
		parts[a].take(&parts[b])
		parts[b].parent = a
	}
	var groups []group
	at := make(map[uint32]int)
	for i, ni := range nodes {
		r := root(uint32(i))
		g, ok := at[r]
		if !ok {
			g = len(groups)
			at[r] = g
			groups = append(groups, group{refuse: parts[r].refuse})
		}
		groups[g].nodes = append(groups[g].nodes, ni)
	}
	for _, j := range joins {
		if r := root(index[j.from]); r == root(index[j.to]) {
			g := &groups[at[r]]
			g.joins = append(g.joins, j)
		}
	}
	return groups
}

// refuses says why two parts must stay apart, or "".
func (w *world) refuses(a, b *part) string {
	switch {
	case a.closed != 0 && b.last > a.closed || b.closed != 0 && a.last > b.closed:
		return "one of the two is closed"
	case a.assignee != "" && b.assignee != "" && a.assignee != b.assignee:
		return "they are assigned to different people"
	case a.verdict != "" && b.verdict != "" && a.verdict != b.verdict:
		return "their verdicts differ"
	case max(a.last, b.last)-min(a.first, b.first) > int64(time.Duration(w.cfg.MaxSpan)):
		return "together they would span too long a time"
	case a.together(b) > w.cfg.MaxFindings:
		return "together they would have too many findings"
	}
	return ""
}

// together counts the findings that both would have.
func (a *part) together(b *part) int {
	if len(a.classes) < len(b.classes) {
		a, b = b, a
	}
	has := func(c uint64) bool {
		_, ok := a.classes[c]
		return ok || a.classes == nil && a.class == c
	}
	n := max(len(a.classes), 1)
	if b.classes == nil && !has(b.class) {
		n++
	}
	for c := range b.classes {
		if !has(c) {
			n++
		}
	}
	return n
}

func (a *part) take(b *part) {
	if a.classes == nil && (b.classes != nil || a.class != b.class) {
		a.classes = map[uint64]struct{}{a.class: {}}
	}
	if a.classes != nil {
		if len(b.classes) > len(a.classes) {
			a.classes, b.classes = b.classes, a.classes
		}
		for c := range b.classes {
			a.classes[c] = struct{}{}
		}
		a.classes[b.class] = struct{}{}
		a.classes[a.class] = struct{}{}
	}
	a.first, a.last = min(a.first, b.first), max(a.last, b.last)
	if a.closed == 0 || b.closed != 0 && b.closed < a.closed {
		a.closed = b.closed
	}
	if a.assignee == "" {
		a.assignee = b.assignee
	}
	if a.verdict == "" {
		a.verdict = b.verdict
	}
	a.refuse = append(a.refuse, b.refuse...)
}

func (w *world) compare(a, b uint32) int {
	x, y := &w.nodes[a], &w.nodes[b]
	if x.time != y.time {
		if x.time < y.time {
			return -1
		}
		return 1
	}
	return bytes.Compare(packedID(x.packed), packedID(y.packed))
}
