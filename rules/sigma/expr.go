package sigma

import "slices"

// nodeOp is the operator of a compiled condition.
type nodeOp uint8

const (
	opPred nodeOp = iota
	opNot
	opAnd
	opOr
	opTrue
	opFalse
)

// node is a compiled condition over predicates.
type node struct {
	op   nodeOp
	pred int32
	kids []*node
	cost float64 // estimated share of events for which it holds
	// effort estimates what evaluating it takes, as a share of what the
	// dearest predicates take.
	effort float64
}

// effort: looking up a hit is nearly free, regular expressions are dear.
func (p *predicate) effort() float64 {
	switch {
	case p.gate == gateExact:
		return 0
	case p.kind == predRegexp:
		return 0.3
	}
	return 0.05
}

func predNode(p int32) *node { return &node{op: opPred, pred: p} }
func notNode(k *node) *node  { return &node{op: opNot, kids: []*node{k}} }

// join links nodes; nested nodes of the same operator become one level.
func join(op nodeOp, kids []*node) *node {
	if len(kids) == 1 {
		return kids[0]
	}
	n := &node{op: op}
	for _, k := range kids {
		if k.op == op {
			n.kids = append(n.kids, k.kids...)
		} else {
			n.kids = append(n.kids, k)
		}
	}
	return n
}

// simplify pushes "not" down to the predicates (so every node below is
// judged by what it needs) and puts what decides soonest first.
func (c *compiler) simplify(n *node, negate bool) *node {
	switch n.op {
	case opPred:
		n.cost, n.effort = c.preds[n.pred].cost, c.preds[n.pred].effort()
		if negate {
			return &node{op: opNot, kids: []*node{n}, cost: 1 - n.cost, effort: n.effort}
		}
		return n
	case opNot:
		return c.simplify(n.kids[0], !negate)
	case opTrue, opFalse:
		if negate {
			return &node{op: opTrue + opFalse - n.op}
		}
		return n
	}
	op := n.op
	if negate {
		op = opAnd + opOr - n.op
	}
	kids := make([]*node, 0, len(n.kids))
	for _, k := range n.kids {
		kids = append(kids, c.simplify(k, negate))
	}
	out := join(op, kids)
	if out.op != op || len(out.kids) < 2 {
		return out
	}
	for _, k := range out.kids {
		out.effort = max(out.effort, k.effort)
	}
	if op == opAnd {
		slices.SortStableFunc(out.kids, func(a, b *node) int { return sign(a.rank() - b.rank()) })
		out.cost = 1
		for _, k := range out.kids {
			out.cost = min(out.cost, k.cost)
		}
		return out
	}
	slices.SortStableFunc(out.kids, func(a, b *node) int { return sign(b.cost - b.effort - a.cost + a.effort) })
	for _, k := range out.kids {
		out.cost = min(1, out.cost+k.cost)
	}
	return out
}

// rank orders the parts of a conjunction: rare and cheap ones first, and among
// equals small ones.
func (n *node) rank() float64 { return n.cost + n.effort + float64(n.size())*1e-4 }

func (n *node) size() int {
	s := 1
	for _, k := range n.kids {
		s += k.size()
	}
	return s
}

func sign(f float64) int {
	switch {
	case f < 0:
		return -1
	case f > 0:
		return 1
	}
	return 0
}

// witnesses returns predicates of which at least one holds whenever n does,
// choosing those that are expected to hold least often. ok is false when
// there are none, as for negated conditions.
func (c *compiler) witnesses(n *node) (set []int32, cost float64, ok bool) {
	switch n.op {
	case opPred:
		p := &c.preds[n.pred]
		if p.gate != gateNone {
			return []int32{n.pred}, p.cost, true
		}
		if p.kind != predKeyword && p.kind != predNever {
			// It can hold only when the field has a value.
			return []int32{c.present(p.slot)}, c.slots[p.slot].presence, true
		}
	case opAnd:
		for _, k := range n.kids {
			if s, w, found := c.witnesses(k); found && (!ok || w < cost || w == cost && len(s) < len(set)) {
				set, cost, ok = s, w, true
			}
		}
		return set, cost, ok
	case opOr:
		for _, k := range n.kids {
			s, w, found := c.witnesses(k)
			if !found {
				return nil, 0, false
			}
			set, cost = append(set, s...), cost+w
		}
		slices.Sort(set)
		return slices.Compact(set), cost, true
	case opFalse:
		return nil, 0, true
	}
	return nil, 0, false
}
