package correlation

import (
	"cmp"
	"slices"
	"sort"
	"strings"

	"github.com/openmxdr/openmxdr/internal/entity"
	"github.com/openmxdr/openmxdr/internal/signal"
)

// entry is one match held in a group.
type entry struct {
	key
	origin *origin
	owned  bool // the group pays for origin through this entry
	given  bool // the temporal correlations above have a match at its time
}

// key identifies a match in its group and orders it.
type key struct {
	t    int64  // event time, ns since 1970
	rule uint16 // member, for temporal types; else 0
	id   string // event id
	val  *value // for value types
}

// value is what a value type looks at. For value_count it is shared by the
// entries of a group that have it.
type value struct {
	text   string
	number decimal
	held   int32    // entries of the group that have it
	in     [2]int32 // entries in the window of each lane
}

// origin is what a match says beyond its key. It is shared and never changed.
type origin struct {
	domain, dataset string
	entities        []entity.Entity
	size            int
}

func (a *key) compare(b *key) int {
	if c := cmp.Compare(a.t, b.t); c != 0 {
		return c
	}
	if c := cmp.Compare(a.rule, b.rule); c != 0 {
		return c
	}
	if c := strings.Compare(a.id, b.id); c != 0 {
		return c
	}
	if a.val == b.val || a.val == nil || b.val == nil {
		return 0
	}
	return cmp.Or(strings.Compare(a.val.text, b.val.text), a.val.number.cmp(b.val.number))
}

func (o *origin) equal(p *origin) bool {
	return o == p || o.domain == p.domain && o.dataset == p.dataset && slices.EqualFunc(o.entities, p.entities, equalEntity)
}

func equalEntity(a, b entity.Entity) bool {
	return a.Type == b.Type && a.Value == b.Value && a.Role == b.Role && slices.Equal(a.Aliases, b.Aliases)
}

// group is the state of one group of one correlation of one tenant: its
// matches in order and the bursts among them. Entries older than the watermark
// minus the timespan may leave: their share of a burst has been folded into it.
type group struct {
	pool    *pool
	key     string // length-prefixed group values
	entries []entry
	bursts  []*burst // in order, disjoint, not yet ended
	values  map[string]*value
	waste   int // entries trimmed since the slice was last copied

	// win is the trailing window of the last entry (monotone, revocable:
	// entries[head:]) or the forward window of the first (atWatermark:
	// entries[:ahead]).
	win       window
	head      int
	ahead     int     // entries that a decided window has seen
	final     int     // revocable: entries that a decided, matching window covers
	held      []int32 // temporal types: entries by member
	negatives int     // entries with a negative number
	fell      bool    // had a negative number at some time
	latest    []int64 // temporal_ordered: latest start of each prefix of each chain

	dirty   bool // slide from dirtyAt is due
	dirtyAt key
	rebuild bool // bursts must be found anew
	queued  bool // in pool.touched
	dead    bool
	due     int64 // the watermark at which something ends or is decided
	heapKey int64
	bytes   int64
}

const never = int64(-1 << 63)

// Estimated memory beyond the bytes of strings.
const (
	groupSize = 416 // group, map slot, heap item, slice headers
	entrySize = 96  // entry with slack of its slice, rounding of small strings
	valueSize = 112
	burstSize = 512
)

func (g *group) charge(n int64) {
	g.bytes += n
	g.pool.bytes += n
	g.pool.engine.bytes += n
}

// find returns where k is or belongs.
func (g *group) find(k *key) (int, bool) {
	n := len(g.entries)
	if n == 0 || g.entries[n-1].compare(k) < 0 {
		return n, false
	}
	i := sort.Search(n, func(i int) bool { return g.entries[i].compare(k) >= 0 })
	return i, g.entries[i].compare(k) == 0
}

// firstAt returns the first entry at or after time t.
func (g *group) firstAt(t int64) int {
	return sort.Search(len(g.entries), func(i int) bool { return g.entries[i].t >= t })
}

// insert adds a match and tells whether it was new. Bursts are brought up to
// date here if that is cheap, else by settle.
func (g *group) insert(k key, o *origin) bool {
	at, dup := g.find(&k)
	if dup {
		return false
	}
	c := g.pool.rule
	if c.valued && !c.numeric {
		k.val = g.share(k.val)
	} else if c.numeric {
		k.val = &value{number: k.val.number}
		g.charge(valueSize)
		if k.val.number.negative() {
			g.negatives++
			g.fell = true
		}
	}
	k.id = strings.Clone(k.id)
	e := entry{key: k, origin: o, owned: true}
	for i := max(0, at-3); i < min(len(g.entries), at+1); i++ {
		if g.entries[i].origin.equal(o) {
			e.origin, e.owned = g.entries[i].origin, false
			break
		}
	}
	g.charge(entrySize + int64(len(k.id)))
	if e.owned {
		g.charge(int64(o.size))
	}
	g.pool.entries++
	g.pool.engine.entries++
	g.hold(k.rule, 1)
	last := at == len(g.entries)
	g.entries = slices.Insert(g.entries, at, e)
	if g.final > at {
		g.final++
	}
	switch {
	case c.mode == atWatermark:
		if at < g.ahead { // cannot happen within the lateness; keeps the window whole if it does
			g.ahead++
			g.win.add(c, &g.entries[at])
		}
		g.schedule()
	case g.rebuild:
	case c.numeric && g.negatives > 0:
		g.rebuild = true
	case g.dirty:
		if g.entries[at].compare(&g.dirtyAt) < 0 {
			g.dirtyAt = g.entries[at].key
		}
	case last:
		g.advance(at)
	default:
		g.squeeze(at)
	}
	g.touch()
	if len(g.entries) > g.pool.engine.opts.MaxGroupEntries {
		g.pool.stats().EvictedEntries += int64(g.drop(1, false))
	}
	return true
}

// squeeze takes in an entry that is not the last without a slide, where the
// neighbourhood shows that no burst changes but by this entry.
func (g *group) squeeze(at int) {
	c := g.pool.rule
	e := &g.entries[at]
	if at < g.head {
		g.head++
	} else if c.Type != TemporalOrdered {
		if e.t >= g.entries[len(g.entries)-1].t-c.span {
			g.win.add(c, e)
		} else { // at == head, before the trailing window
			g.head++
		}
	}
	lo := &g.entries[g.firstAt(e.t-c.span)]
	hi := &g.entries[g.firstAfter(e.t+c.span)-1]
	if b := g.burstOf(&e.key); b != nil && b.start.compare(&lo.key) <= 0 && b.last.compare(&hi.key) >= 0 && e.t > b.fire {
		if c.Type != TemporalOrdered {
			b.grow(e)
			return
		}
	}
	if g.hopeless() && c.Type != TemporalOrdered {
		return
	}
	g.dirty, g.dirtyAt = true, e.key
}

func (g *group) firstAfter(t int64) int {
	return sort.Search(len(g.entries), func(i int) bool { return g.entries[i].t > t })
}

// hold counts the entries of a member.
func (g *group) hold(member uint16, n int32) {
	if !g.pool.rule.keyed {
		return
	}
	if g.held == nil {
		g.held = make([]int32, len(g.pool.rule.refs))
		g.charge(int64(4 * len(g.held)))
	}
	g.held[member] += n
}

// hopeless tells that not even all entries together match. Then no window
// does, and none that lacks the next entry ever will.
func (g *group) hopeless() bool {
	c := g.pool.rule
	switch c.Type {
	case EventCount:
		return len(g.entries) < c.need
	case ValueCount:
		return len(g.entries) < c.need || g.values != nil && len(g.values) < c.need
	case Temporal, TemporalOrdered:
		present := uint64(0)
		for i, n := range g.held {
			if n > 0 {
				present |= 1 << i
			}
		}
		if c.chains == nil {
			if c.expr != nil {
				return !c.expr.eval(present)
			}
			return popcount(present) < c.need
		}
		for i := range c.chains {
			if c.chains[i].want&^present == 0 {
				return false
			}
		}
		return true
	}
	return false
}

// share returns the group's own copy of a value_count value.
func (g *group) share(v *value) *value {
	if g.values == nil && len(g.entries) >= 16 {
		g.values = make(map[string]*value, 32)
		for i := range g.entries {
			g.values[g.entries[i].val.text] = g.entries[i].val
		}
	}
	var own *value
	if g.values != nil {
		own = g.values[v.text]
	} else {
		for i := range g.entries {
			if g.entries[i].val.text == v.text {
				own = g.entries[i].val
				break
			}
		}
	}
	if own == nil {
		own = &value{text: strings.Clone(v.text)}
		if g.values != nil {
			g.values[own.text] = own
		}
		g.charge(valueSize + int64(len(own.text)))
	}
	own.held++
	return own
}

// release undoes what insert charged for entry i, which is about to leave.
func (g *group) release(i int) {
	e := &g.entries[i]
	n := int64(entrySize + len(e.id))
	if e.owned {
		if i+1 < len(g.entries) && g.entries[i+1].origin == e.origin && !g.entries[i+1].owned {
			g.entries[i+1].owned = true
		} else {
			n += int64(e.origin.size)
		}
	}
	if e.val != nil {
		if g.pool.rule.numeric {
			n += valueSize
			if e.val.number.negative() {
				g.negatives--
			}
		} else if e.val.held--; e.val.held == 0 {
			n += valueSize + int64(len(e.val.text))
			if g.values != nil {
				delete(g.values, e.val.text)
			}
		}
	}
	g.charge(-n)
	g.hold(e.rule, -1)
	g.pool.entries--
	g.pool.engine.entries--
}

// drop removes the first n entries, folding them into their burst, and returns
// how many were in none. left tells that they have left the window already.
func (g *group) drop(n int, left bool) int {
	c := g.pool.rule
	lost, at := 0, 0
	for i := range n {
		e := &g.entries[i]
		if !left {
			if c.mode == atWatermark {
				if i < g.ahead {
					g.win.remove(c, e)
				}
			} else if i >= g.head && !g.dirty && !g.rebuild {
				g.leave(i)
			}
		}
		for at < len(g.bursts) && g.bursts[at].last.compare(&e.key) < 0 {
			at++
		}
		if at < len(g.bursts) && g.bursts[at].start.compare(&e.key) <= 0 {
			g.bursts[at].absorb(e, g.repeats(i))
		} else {
			lost++
		}
	}
	for i := range n {
		g.release(i)
	}
	clear(g.entries[:n])
	g.entries = g.entries[n:]
	if g.waste += n; g.waste > len(g.entries)+8 {
		g.entries = append(make([]entry, 0, len(g.entries)+len(g.entries)/4), g.entries...)
		g.waste = 0
	}
	g.head, g.ahead, g.final = max(0, g.head-n), max(0, g.ahead-n), max(0, g.final-n)
	return lost
}

// remove takes out one match; only correlations of correlations do that.
func (g *group) remove(k *key) {
	i, ok := g.find(k)
	if !ok {
		return
	}
	c := g.pool.rule
	if b := g.burstOf(k); b != nil && g.entries[i].given {
		g.takeBackAt(b, i)
		b.giveFrom = min(b.giveFrom, k.t)
	}
	if c.mode == atWatermark {
		if i < g.ahead {
			g.win.remove(c, &g.entries[i])
			g.ahead--
		}
	} else {
		g.rebuild = true
		if i < g.final {
			g.final--
		}
		if i < g.ahead {
			g.ahead--
		}
	}
	g.release(i)
	g.entries = slices.Delete(g.entries, i, i+1)
	g.touch()
}

// repeats tells whether entry i is an event that an earlier entry is too:
// another value of it, or another rule that it matched.
func (g *group) repeats(i int) bool {
	e := &g.entries[i]
	if i == 0 {
		return false
	}
	if p := &g.entries[i-1]; p.t != e.t {
		return false
	} else if !g.pool.rule.keyed {
		return p.id == e.id
	}
	for r := range e.rule {
		if _, ok := g.find(&key{t: e.t, rule: r, id: e.id}); ok {
			return true
		}
	}
	return false
}

// burstOf returns the burst that k lies in, or nil.
func (g *group) burstOf(k *key) *burst {
	for i := len(g.bursts) - 1; i >= 0; i-- {
		b := g.bursts[i]
		if b.last.compare(k) < 0 {
			return nil
		}
		if b.start.compare(k) <= 0 {
			return b
		}
	}
	return nil
}

func (g *group) touch() {
	if !g.queued {
		g.queued = true
		g.pool.touched = append(g.pool.touched, g)
	}
}

// eventRef makes the reference that signals carry.
func (e *entry) eventRef() signal.EventRef {
	return signal.EventRef{ID: e.id, Dataset: e.origin.dataset, Time: timeOf(e.t)}
}
