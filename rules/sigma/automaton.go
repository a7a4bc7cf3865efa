package sigma

import (
	"cmp"
	"slices"
)

// automaton finds many folded texts at once in one pass over folded text. It is
// a table of states by byte classes that follows failure links as Aho and
// Corasick (1975) describe, worked into the table beforehand.
type automaton struct {
	class  [256]uint8
	width  uint32   // number of classes
	next   []uint32 // state*width + class → state*width, outBit set if the state has outputs
	outAt  []uint32 // by state: first output in outs; outAt[state+1] is the end
	outs   []int32  // predicates
	states int
}

const (
	outBit    = 1 << 31
	stateMask = outBit - 1
)

// word is a folded text and the predicate that it stands for.
type word struct {
	text string
	pred int32
}

// trieNode is a node of the trie from which an automaton is built. Children
// form a list in the order of their bytes.
type trieNode struct {
	first, last, sibling int32
	fail                 int32
	outs                 []int32
	c                    byte
}

// buildTrie sorts the words first, so that the only child that can continue a
// word is the one added last.
func buildTrie(words []word) []trieNode {
	words = slices.Clone(words)
	slices.SortFunc(words, func(a, b word) int { return cmp.Or(cmp.Compare(a.text, b.text), cmp.Compare(a.pred, b.pred)) })
	words = slices.Compact(words)
	nodes := []trieNode{{}}
	for _, w := range words {
		at := int32(0)
		for i := range len(w.text) {
			c := w.text[i]
			to := nodes[at].last
			if to == 0 || nodes[to].c != c {
				to = int32(len(nodes))
				nodes = append(nodes, trieNode{c: c})
				if prev := nodes[at].last; prev == 0 {
					nodes[at].first = to
				} else {
					nodes[prev].sibling = to
				}
				nodes[at].last = to
			}
			at = to
		}
		nodes[at].outs = append(nodes[at].outs, w.pred)
	}
	return nodes
}

// frequent are bytes of paths and command lines, the most frequent first. Their
// classes come first, so that most steps stay in the first cache line of a
// row; rows are whole cache lines.
const (
	frequent   = `eisotranlcdm\.pwu xhfgbyvk-_"/0123456789:=jqz,;`
	lineStates = 64 / 4
)

// newAutomaton numbers the states breadth first, so that the states near the
// root, where nearly all of the time is spent, lie together.
func newAutomaton(nodes []trieNode) *automaton {
	a := &automaton{states: len(nodes) + 1}
	used := [256]bool{}
	for i := range nodes[1:] {
		used[nodes[i+1].c] = true
	}
	classes := uint32(1) // class 0: bytes in no text
	number1 := func(c int) {
		if used[c] && a.class[c] == 0 {
			a.class[c] = uint8(classes)
			classes++
		}
	}
	for i := range len(frequent) {
		number1(int(frequent[i]))
	}
	for c := range 256 {
		number1(c)
	}
	a.width = (classes + lineStates - 1) / lineStates * lineStates

	// The root is state 1; state 0 is not used.
	a.next = make([]uint32, a.states*int(a.width))
	a.outAt = make([]uint32, a.states+1)
	number := make([]uint32, len(nodes))
	number[0] = 1
	order := []int32{0}
	for i := 0; i < len(order); i++ {
		n := order[i]
		state := uint32(i) + 1
		row := a.next[state*a.width : (state+1)*a.width]
		if n == 0 {
			for c := range row {
				row[c] = a.width
			}
		} else {
			from := number[nodes[n].fail] * a.width
			copy(row, a.next[from:from+a.width])
			nodes[n].outs = append(nodes[n].outs, nodes[nodes[n].fail].outs...)
		}
		for child := nodes[n].first; child != 0; child = nodes[child].sibling {
			k := a.class[nodes[child].c]
			if n != 0 {
				// Where the row pointed before is where failing leads.
				nodes[child].fail = order[row[k]/a.width-1]
			}
			order = append(order, child)
			number[child] = uint32(len(order))
			row[k] = number[child] * a.width
		}
		a.outAt[state] = uint32(len(a.outs))
		a.outs = append(a.outs, nodes[n].outs...)
		a.outAt[state+1] = uint32(len(a.outs))
	}
	for i, to := range a.next {
		if s := to / a.width; a.outAt[s] != a.outAt[s+1] {
			a.next[i] |= outBit
		}
	}
	return a
}

// newContains returns nil when there are no words.
func newContains(words []word) *automaton {
	if len(words) == 0 {
		return nil
	}
	return newAutomaton(buildTrie(words))
}

// outputs returns the predicates of a state as next holds it.
func (a *automaton) outputs(state uint32) []int32 {
	s := (state & stateMask) / a.width
	return a.outs[a.outAt[s]:a.outAt[s+1]]
}
