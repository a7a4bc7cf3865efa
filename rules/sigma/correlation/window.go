package correlation

import (
	"slices"
)

// window keeps the figure of a run of entries while it slides. The entries of
// a value_count count in the value's lane, so two windows can slide at once.
type window struct {
	lane     uint8
	n        int
	distinct int
	counts   []int32 // temporal types: by member
	present  uint64
	sum      decimal
	negative int
	sorted   []decimal // percentiles
}

func (w *window) add(c *rule, e *entry) {
	w.n++
	switch c.Type {
	case ValueCount:
		if e.val.in[w.lane]++; e.val.in[w.lane] == 1 {
			w.distinct++
		}
	case Temporal, TemporalOrdered:
		if w.counts == nil {
			w.counts = make([]int32, len(c.refs))
		}
		w.counts[e.rule]++
		w.present |= 1 << e.rule
	case ValueSum, ValueAvg:
		w.sum = w.sum.add(e.val.number)
		if e.val.number.negative() {
			w.negative++
		}
	case ValuePercentile, ValueMedian:
		i, _ := slices.BinarySearchFunc(w.sorted, e.val.number, decimal.cmp)
		w.sorted = slices.Insert(w.sorted, i, e.val.number)
	}
}

func (w *window) remove(c *rule, e *entry) {
	w.n--
	switch c.Type {
	case ValueCount:
		if e.val.in[w.lane]--; e.val.in[w.lane] == 0 {
			w.distinct--
		}
	case Temporal, TemporalOrdered:
		if w.counts[e.rule]--; w.counts[e.rule] == 0 {
			w.present &^= 1 << e.rule
		}
	case ValueSum, ValueAvg:
		w.sum = w.sum.sub(e.val.number)
		if e.val.number.negative() {
			w.negative--
		}
	case ValuePercentile, ValueMedian:
		if i, ok := slices.BinarySearchFunc(w.sorted, e.val.number, decimal.cmp); ok {
			w.sorted = slices.Delete(w.sorted, i, i+1)
		}
	}
}

// reset empties the window; entries are those it may hold.
func (w *window) reset(c *rule, entries []entry) {
	if c.Type == ValueCount {
		for i := range entries {
			entries[i].val.in[w.lane] = 0
		}
	}
	clear(w.counts)
	*w = window{lane: w.lane, counts: w.counts, sorted: w.sorted[:0]}
}

// matches tells whether the condition holds for the entries in the window.
// run are those entries; only temporal_ordered reads them.
func (w *window) matches(c *rule, run []entry) bool {
	switch c.Type {
	case EventCount:
		return c.holds(len(run))
	case ValueCount:
		return c.holds(w.distinct)
	case Temporal:
		if c.expr != nil {
			return c.expr.eval(w.present)
		}
		return c.holds(popcount(w.present))
	case TemporalOrdered:
		if c.chains == nil {
			return c.holds(longestChain(c, run))
		}
		for i := range c.chains {
			if ch := &c.chains[i]; w.present&ch.forbid == 0 && ch.occurs(run) {
				return true
			}
		}
		return false
	case ValueSum:
		return c.holdsExact(w.sum, 1)
	case ValueAvg:
		return w.n > 0 && c.holdsExact(w.sum, uint64(w.n))
	}
	return w.n > 0 && c.holdsExact(percentile100(w.sorted, c.percentile()), 100)
}

func (c *rule) percentile() int {
	if c.Type == ValueMedian {
		return 50
	}
	return c.Condition.Percentile
}

// percentile100 returns 100 times the p-th percentile of sorted numbers, with
// linear interpolation between the nearest ranks.
func percentile100(sorted []decimal, p int) decimal {
	pos := p * (len(sorted) - 1)
	k, r := pos/100, pos%100
	v := sorted[k].times(100)
	if r > 0 {
		v = v.add(sorted[k+1].sub(sorted[k]).times(uint64(r)))
	}
	return v
}

// occurs tells whether the chain is a subsequence of run.
func (ch *chain) occurs(run []entry) bool {
	at := 0
	for i := 0; at < len(ch.seq) && i < len(run); i++ {
		if run[i].rule == ch.seq[at] {
			at++
		}
	}
	return at == len(ch.seq)
}

// longestChain returns how many of the rule's positions occur in order.
func longestChain(c *rule, run []entry) int {
	best := make([]int, len(c.positions)+1) // best[i]: longest chain among the first i positions
	for i := range run {
		// From the back, so that one match takes one position only.
		for p := len(c.positions); p >= 1; p-- {
			if c.positions[p-1] == run[i].rule {
				if n := best[p-1] + 1; n > best[p] {
					for q := p; q < len(best) && best[q] < n; q++ {
						best[q] = n
					}
				}
			}
		}
	}
	return best[len(c.positions)]
}
