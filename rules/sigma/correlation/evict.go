package correlation

import "container/heap"

// evict brings the engine within its limits: the pool that uses most gives up
// groups until it is no longer the largest. Some slack is made at a time, so
// that looking for the largest pool costs little per match.
func (e *Engine) evict() {
	if e.bytes <= e.opts.MaxBytes && e.entries <= e.opts.MaxEntries {
		return
	}
	e.evictUntil("bytes", func() int64 { return e.bytes }, e.opts.MaxBytes, func(p *pool) int64 { return p.bytes })
	e.evictUntil("entries", func() int64 { return e.entries }, e.opts.MaxEntries, func(p *pool) int64 { return p.entries })
}

func (e *Engine) evictUntil(_ string, used func() int64, limit int64, of func(*pool) int64) {
	if used() <= limit {
		return
	}
	low := limit - limit/64
	for used() > low {
		var first *pool
		var second int64
		for _, t := range e.order {
			for _, p := range t.pools {
				if p == nil {
					continue
				}
				if first == nil || of(p) > of(first) {
					if first != nil {
						second = max(second, of(first))
					}
					first = p
				} else {
					second = max(second, of(p))
				}
			}
		}
		if first == nil || !first.evictOne() {
			return
		}
		for used() > low && of(first) > second && first.evictOne() {
		}
	}
}

// evictOne gives up the group that is nearest to its expiry. What it had found
// has been told; its last revision goes out if it has grown since.
func (p *pool) evictOne() bool {
	for len(p.heap) > 0 {
		it := heap.Pop(&p.heap).(dueItem)
		g := it.group
		if g.dead || g.heapKey != it.due {
			continue
		}
		if g.due > it.due {
			g.heapKey = g.due
			p.push(g)
			continue
		}
		st := p.stats()
		st.EvictedGroups++
		st.EvictedEntries += int64(len(g.entries))
		for _, b := range g.bursts {
			g.tell(b, true)
		}
		p.entries -= int64(len(g.entries))
		p.engine.entries -= int64(len(g.entries))
		p.forget(g)
		return true
	}
	return false
}
