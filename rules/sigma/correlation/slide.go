package correlation

import "slices"

// advance takes in the last entry: the trailing window moves on to it.
func (g *group) advance(at int) {
	c := g.pool.rule
	g.take(at)
	from := g.entries[at].t - c.span
	for g.entries[g.head].t < from {
		g.leave(g.head)
		g.head++
	}
	if g.holds(at) {
		g.cover(g.head, at, g.fired(g.head, at), false)
	}
}

// slide moves the trailing window over all entries from p on and covers
// what matches. It reaches every window that contains entry p or a later one.
func (g *group) slide(p int) {
	c := g.pool.rule
	g.win.reset(c, g.entries)
	for i := range g.latest {
		g.latest[i] = never
	}
	g.head = g.firstAt(g.entries[p].t - c.span)
	for i := g.head; i <= p; i++ {
		g.take(i)
	}
	for j := p; j < len(g.entries); j++ {
		if j > p {
			g.take(j)
			for g.entries[g.head].t < g.entries[j].t-c.span {
				g.leave(g.head)
				g.head++
			}
		}
		if j < g.ahead || !g.holds(j) {
			continue
		}
		if g.negatives == 0 || c.Type != ValueSum {
			g.cover(g.head, j, g.fired(g.head, j), true)
		} else if g.win.negative == 0 && (j+1 == len(g.entries) || g.entries[j+1].t > g.entries[g.head].t+c.span) {
			g.cover(g.head, j, g.fired(g.head, j), true)
		}
	}
}

// take adds entry i to the trailing window.
func (g *group) take(i int) {
	c := g.pool.rule
	e := &g.entries[i]
	if c.Type != TemporalOrdered {
		g.win.add(c, e)
		return
	}
	if g.latest == nil {
		g.latest = make([]int64, c.steps)
		for i := range g.latest {
			g.latest[i] = never
		}
		g.charge(int64(8 * c.steps))
	}
	// latest[k] of a chain is the latest start of its first k+1 steps so far.
	l := g.latest
	for ci := range c.chains {
		seq := c.chains[ci].seq
		for k := len(seq) - 1; k >= 0; k-- { // from the back: one match, one step
			if seq[k] != e.rule {
				continue
			}
			if k == 0 {
				l[0] = e.t
			} else if l[k-1] > l[k] {
				l[k] = l[k-1]
			}
		}
		l = l[len(seq):]
	}
}

func (g *group) leave(i int) {
	if c := g.pool.rule; c.Type != TemporalOrdered {
		g.win.remove(c, &g.entries[i])
	}
}

// holds tells whether the condition holds in the trailing window of entry j.
func (g *group) holds(j int) bool {
	c := g.pool.rule
	if c.Type != TemporalOrdered {
		return g.win.matches(c, g.entries[g.head:j+1])
	}
	l := g.latest
	for ci := range c.chains {
		n := len(c.chains[ci].seq)
		if n > 0 && l[n-1] != never && l[n-1] >= g.entries[j].t-c.span {
			return true
		}
		l = l[n:]
	}
	return false
}

// fired returns when the condition first held in the matching window of entries
// i to j: for what only rises that is the end of the first trailing window
// that matches, which is this one unless it is in a burst already. Where a sum
// could fall, it is added up again from i.
func (g *group) fired(i, j int) int64 {
	if !g.fell {
		return g.entries[j].t
	}
	if b := g.burstOf(&g.entries[i].key); b != nil && g.entries[i].t > b.fire {
		return g.entries[j].t
	}
	var w window
	for k := i; k < j; k++ {
		w.add(g.pool.rule, &g.entries[k])
		if w.matches(g.pool.rule, nil) {
			return g.entries[k].t
		}
	}
	return g.entries[j].t
}

// cover makes entries i to j part of one burst, joining those they touch.
// fire is when the condition first held among them.
func (g *group) cover(i, j int, fire int64, sliding bool) {
	lo, hi := g.entries[i].key, g.entries[j].key
	to := len(g.bursts)
	for to > 0 && g.bursts[to-1].start.compare(&hi) > 0 {
		to--
	}
	from := to
	for from > 0 && g.bursts[from-1].last.compare(&lo) >= 0 {
		from--
	}
	if from == to {
		b := &burst{start: lo, last: hi, fire: fire, changed: true, stale: true, giveFrom: lo.t}
		g.charge(burstSize)
		for k := i; k <= j && len(b.origins) < maxOrigins; k++ {
			b.meet(g.entries[k].origin)
		}
		g.bursts = slices.Insert(g.bursts, from, b)
		g.touch()
		return
	}
	b := g.bursts[from]
	for _, o := range g.bursts[from+1 : to] {
		b.giveFrom = min(b.giveFrom, o.start.t)
		b.last = o.last
		b.changed, b.stale = true, true
		b.fire = min(b.fire, o.fire)
		for _, x := range o.origins {
			b.meet(x)
		}
		g.revoke(o)
	}
	g.bursts = slices.Delete(g.bursts, from+1, to)
	if fire < b.fire {
		b.fire, b.changed, b.stale = fire, true, true
	}
	if b.absorbed == 0 && lo.compare(&b.start) < 0 {
		for k := i; k <= j && g.entries[k].compare(&b.start) < 0; k++ {
			b.meet(g.entries[k].origin)
		}
		b.start, b.id, b.changed, b.stale = lo, "", true, true
	}
	if b.last.compare(&hi) < 0 {
		for k := j; k >= i && g.entries[k].compare(&b.last) > 0; k-- {
			b.meet(g.entries[k].origin)
			b.giveFrom = min(b.giveFrom, g.entries[k].t)
		}
		b.last, b.changed = hi, true
	}
	if sliding || hi.t <= b.fire {
		b.changed, b.stale = true, true
		b.giveFrom = min(b.giveFrom, lo.t)
	}
	g.touch()
}

// reform finds the bursts anew, after matches were taken out or a sum can fall.
// What decided windows cover stays.
func (g *group) reform() {
	old := g.bursts
	for _, b := range old {
		g.takeBackEach(b)
		b.giveFrom = never
	}
	g.bursts = nil
	if len(old) > 0 && old[0].absorbed > 0 {
		b := old[0]
		old = old[1:]
		b.last = b.absorbedKey
		if g.final > 0 {
			b.last = g.entries[g.final-1].key
		}
		b.changed = true
		g.bursts = append(g.bursts, b)
	}
	if len(g.entries) > 0 {
		g.slide(0)
	} else {
		g.win.reset(g.pool.rule, nil)
		g.head = 0
	}
	for _, b := range g.bursts {
		b.name(g)
		for i, o := range old {
			if o != nil && o.sentID == b.id && b.sentID == "" {
				b.sentID, b.sentTotal, b.origins = o.sentID, o.sentTotal, mergeOrigins(b, o)
				o.sentID = ""
			}
			if o != nil && o.outID == b.id && b.outID == "" {
				b.outID, b.outTime, b.outOrigin = o.outID, o.outTime, o.outOrigin
				o.outID = ""
			}
			old[i] = o
		}
	}
	for _, o := range old {
		g.revoke(o)
	}
}

// trim decides the windows that the watermark w has passed and folds away the
// entries that no later window can contain.
func (g *group) trim(w int64) {
	c := g.pool.rule
	k := g.firstAt(after(w, c.span))
	if k == 0 {
		return
	}
	switch c.mode {
	case atWatermark:
		for i := range k {
			j := g.ahead
			for j < len(g.entries) && g.entries[j].t <= g.entries[i].t+c.span {
				g.win.add(c, &g.entries[j])
				j++
			}
			if j > g.ahead && g.win.matches(c, g.entries[i:j]) {
				g.cover(i, j-1, g.entries[j-1].t, false)
			}
			g.ahead = j
			g.win.remove(c, &g.entries[i])
		}
	case revocable:
		g.decide(k)
	}
	g.deliver()
	g.drop(k, c.mode == atWatermark)
}

// decide evaluates the windows that begin at the first k entries, for good.
func (g *group) decide(k int) {
	c := g.pool.rule
	w := window{lane: 1}
	j := 0
	for i := range k {
		for j < len(g.entries) && g.entries[j].t <= g.entries[i].t+c.span {
			w.add(c, &g.entries[j])
			j++
		}
		if j > g.ahead {
			g.ahead = j
			if (c.Type == ValueSum || g.burstOf(&g.entries[i].key) != nil) && w.matches(c, g.entries[i:j]) {
				g.final = j
				if w.negative > 0 {
					g.cover(i, j-1, g.fired(i, j-1), true)
				}
			}
		}
		w.remove(c, &g.entries[i])
	}
	w.reset(c, g.entries)
}

// after returns w-span without overflow.
func after(w, span int64) int64 {
	if w < never+span {
		return never
	}
	return w - span
}
