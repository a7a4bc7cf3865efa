package incident

import (
	"maps"
	"math"
	"slices"
	"time"
)

// shelf numbers the hours of event time; nodes are looked at by the hour.
func shelf(t int64) int64 { return t / int64(time.Hour) }

func (w *world) file(ni uint32, t int64) {
	s := shelf(t)
	w.shelves[s] = append(w.shelves[s], ni)
}

// Advance says that event time has reached watermark, apart from signals that
// are late. Incidents and lone signals that no signal within
// Config.Lateness can change any more leave memory. A watermark that goes
// back is ignored. The caller bounds it by the time of receipt, so that a
// forged date does not empty the memory.
func (e *Engine) Advance(watermark time.Time) {
	if !watermark.After(e.mark) || watermark.Before(earliest) || !watermark.Before(latest) {
		return
	}
	e.mark = watermark
	if e.keep {
		e.journalAdvance(watermark)
	}
	e.late = watermark.UnixNano() - int64(e.cfg.Lateness)
	// Three windows: one to join, one on either side for counting neighbours.
	limit := e.late - 3*int64(e.cfg.Window)
	for _, tenant := range slices.Sorted(maps.Keys(e.worlds)) {
		w := e.worlds[tenant]
		for _, s := range slices.Sorted(maps.Keys(w.shelves)) {
			if (s+1)*int64(time.Hour) > limit {
				break
			}
			e.stats.Expired += int64(e.clearShelf(w, s, limit, -1))
		}
		for i := range w.records {
			if r := &w.records[i]; r.id != "" && r.state != Open && r.last < limit {
				w.dropTombstone(uint32(i))
			}
		}
	}
}

// makeRoom keeps the limits of signals and bytes.
func (e *Engine) makeRoom() {
	for e.nodes > e.cfg.MaxSignals || e.bytes > e.cfg.MaxBytes {
		var fullest *world
		for _, tenant := range slices.Sorted(maps.Keys(e.worlds)) {
			if w := e.worlds[tenant]; fullest == nil || len(w.nodeIndex) > len(fullest.nodeIndex) {
				fullest = w
			}
		}
		if fullest == nil || len(fullest.shelves) == 0 {
			return
		}
		hours := slices.Collect(maps.Keys(fullest.shelves))
		// A little more than needed, so that not every signal pays for a search.
		want := max(e.cfg.MaxSignals/100, e.nodes-e.cfg.MaxSignals)
		// What claims to come from the future goes before what is old: forged
		// dates must not push out what is real.
		first, limit := slices.Min(hours), int64(0)
		if last := slices.Max(hours); !e.mark.IsZero() && last > shelf(e.mark.UnixNano())+24 {
			first, limit = last, math.MaxInt64
		} else {
			limit = (first + 1) * int64(time.Hour)
		}
		e.stats.Evicted += int64(e.clearShelf(fullest, first, limit, want))
	}
}

// clearShelf removes the groups on shelf s whose last signal is before limit,
// and files the others under the hour of their last signal. It stops after
// about want signals if want is not negative.
func (e *Engine) clearShelf(w *world, s, limit int64, want int) (removed int) {
	nodes := w.shelves[s]
	delete(w.shelves, s)
	w.mark++
	for at, ni := range nodes {
		n := &w.nodes[ni]
		if n.packed == nil || n.resting || n.seen == w.mark || shelf(n.time) > s {
			continue
		}
		if want >= 0 && removed >= want {
			w.shelves[s] = append(w.shelves[s], nodes[at:]...)
			return removed
		}
		all, joins := w.component(ni)
		for _, g := range w.partition(all, joins) {
			last := w.nodes[g.nodes[len(g.nodes)-1]].time
			if last >= limit {
				for _, x := range g.nodes {
					if shelf(w.nodes[x].time) <= s {
						w.file(x, last)
					}
				}
				continue
			}
			for _, x := range g.nodes {
				removed += e.forget(w, x)
			}
		}
	}
	return removed
}

// forget takes a signal out of memory without asking what changes: nothing
// that is still to come can concern it. With the last linked signal of a pile
// go those that rest. It returns how many left.
func (e *Engine) forget(w *world, ni uint32) (left int) {
	n := &w.nodes[ni]
	if r := n.record; r != 0 && w.records[r-1].state == Open {
		w.records[r-1].state = expired
		w.dropTombstone(r - 1)
	}
	for _, ki := range n.keys {
		k := &w.keys[ki]
		i := w.place(k, ni)
		k.on = slices.Delete(k.on, i, i+1)
		w.named(k, n, -1)
	}
	delete(w.again, ni)
	h := n.pile
	p := w.unpile(ni)
	before := w.bytes
	w.release(ni)
	left = 1
	if len(p) > 0 && !slices.ContainsFunc(p, func(x uint32) bool { return !w.nodes[x].resting }) {
		for _, x := range p {
			w.release(x)
		}
		left += len(p)
		delete(w.piles, h)
	}
	e.nodes -= left
	e.bytes += w.bytes - before
	return left
}

// expired is the state of a record on its way out.
const expired = "expired"

// dropTombstone forgets an incident and what refers to it.
func (w *world) dropTombstone(r uint32) {
	for h, x := range w.gone {
		if x == r+1 {
			delete(w.gone, h)
		}
	}
	delete(w.lost, r+1)
	delete(w.retel, r+1)
	delete(w.triage, w.records[r].id)
	w.dropRecord(r)
}
