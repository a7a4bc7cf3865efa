package incident

import (
	"hash/maphash"
	"math"
	"slices"
)

// A rule that fires thousands of times about the same people says one thing.
// Signals of one finding that count alike form a pile, and only the first and
// the last of a pile are in the graph; those between rest: they are held and
// counted, but join nothing and cost nothing more. All of a pile lie within one
// stretch of time and name the same people, so what the middle would join by
// them the ends do; what only a resting signal names besides (a process, an
// address) joins nothing. Which signals rest depends on the set of signals
// alone.

// pileOf names the pile that a node belongs to. Signals about no people stay
// apart: nothing says that they are about the same.
func (w *world) pileOf(n *node) uint64 {
	if n.people == 0 {
		return 0
	}
	var x maphash.Hash
	x.SetSeed(w.h[0])
	for _, v := range [...]uint64{n.class, uint64(n.severity), uint64(math.Float32bits(n.points)), uint64(n.tactics), uint64(n.domain), uint64(flag(n.certain))} {
		for i := range 8 {
			x.WriteByte(byte(v >> (8 * i)))
		}
	}
	return x.Sum64() | 1
}

// ends is how many signals at each end of a pile are in the graph.
func (w *world) ends() int { return (w.cfg.MaxListed + 1) / 2 }

// pileUp links a new node, or lets it or the one that it displaces rest.
func (w *world) pileUp(ni uint32) {
	h := w.nodes[ni].pile
	if h == 0 {
		w.link(ni)
		return
	}
	p := w.piles[h]
	i, _ := slices.BinarySearchFunc(p, ni, w.compare)
	p = slices.Insert(p, i, ni)
	w.piles[h] = p
	a, b := w.ends(), len(p)-w.ends() // p[:a] and p[b:] are in the graph
	switch {
	case b <= a:
		w.link(ni)
		return
	case i < a:
		w.link(ni)
		w.rest(p[a])
	case i >= b:
		w.link(ni)
		w.rest(p[b-1])
	default:
		w.nodes[ni].resting = true
		w.dropKeys(ni)
	}
	w.touch(p[a-1])
	w.touch(p[b])
}

// remove takes a node out and marks what may change without it.
func (w *world) remove(ni uint32) {
	n := w.nodes[ni]
	if !n.resting {
		w.unlink(ni)
	}
	p := w.unpile(ni)
	if a, b := w.ends(), len(p)-w.ends(); n.pile != 0 && b >= a {
		// There was one resting at least.
		switch {
		case n.resting:
		case w.compare(ni, p[a-1]) < 0:
			w.wake(p[a-1])
		default:
			w.wake(p[b])
		}
		w.touch(p[a-1])
		w.touch(p[b])
	}
	w.release(ni)
}

// unpile takes a node out of its pile and returns what is left of it.
func (w *world) unpile(ni uint32) []uint32 {
	h := w.nodes[ni].pile
	if h == 0 {
		return nil
	}
	p := w.piles[h]
	if i, ok := slices.BinarySearchFunc(p, ni, w.compare); ok {
		p = slices.Delete(p, i, i+1)
	}
	if len(p) == 0 {
		delete(w.piles, h)
	} else {
		w.piles[h] = p
	}
	return p
}

func (w *world) rest(ni uint32) {
	w.unlink(ni)
	w.dropKeys(ni)
	n := &w.nodes[ni]
	n.resting = true
	if n.record != 0 {
		w.lost[n.record] = struct{}{}
		n.record = 0
	}
}

func (w *world) wake(ni uint32) {
	n := &w.nodes[ni]
	s, err := unpackSignal(w.tenant, n.packed)
	if err != nil { // the engine packed it itself
		return
	}
	keys, people := w.keysOf(s)
	n.keys, n.people, n.resting = keys, people, false
	w.link(ni)
}

// behind returns how many signals rest between a linked node, the last before
// them, and the first after them, if group g holds both.
func (w *world) behind(g *group, ni uint32) int {
	n := &w.nodes[ni]
	if n.pile == 0 {
		return 0
	}
	p := w.piles[n.pile]
	a, b := w.ends(), len(p)-w.ends()
	if b <= a || p[a-1] != ni {
		return 0
	}
	if _, ok := slices.BinarySearchFunc(g.nodes, p[b], w.compare); !ok {
		return 0
	}
	return b - a
}

// speaker returns the linked node that stands for a resting one.
func (w *world) speaker(ni uint32) uint32 {
	n := &w.nodes[ni]
	if !n.resting {
		return ni
	}
	return w.piles[n.pile][w.ends()-1]
}
