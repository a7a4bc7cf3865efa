package correlation

import (
	"fmt"
	"maps"
	"slices"

	"github.com/openmxdr/openmxdr/internal/signal"
)

// snapshotMagic begins a snapshot; the last byte is the version of the format.
const snapshotMagic = "OMXDRC\x01"

// Snapshot appends the whole state to dst: watermarks, groups, bursts, what
// was told of them. Equal states give equal bytes. It must not run while
// another call does.
func (e *Engine) Snapshot(dst []byte) []byte {
	w := &writer{append(dst, snapshotMagic...)}
	w.len(len(e.order))
	for _, t := range e.order {
		w.string(t.name)
		w.int(t.latest)
		n := 0
		for _, p := range t.pools {
			if p != nil && len(p.groups) > 0 {
				n++
			}
		}
		w.len(n)
		for _, p := range t.pools {
			if p != nil && len(p.groups) > 0 {
				p.save(w)
			}
		}
	}
	return w.b
}

// save writes a pool as one length-prefixed block, which a reader that does
// not know the rule can pass over.
func (p *pool) save(w *writer) {
	w.string(p.rule.ID)
	w.string(p.rule.print)
	b := &writer{}
	b.len(len(p.groups))
	for _, k := range slices.Sorted(maps.Keys(p.groups)) {
		p.groups[k].save(b)
	}
	w.len(len(b.b))
	w.b = append(w.b, b.b...)
}

// originTable numbers the origins of one group.
type originTable struct {
	list []*origin
	ids  map[*origin]int
}

func (o *originTable) id(x *origin) int {
	if x == nil {
		return 0
	}
	i, ok := o.ids[x]
	if !ok {
		o.list = append(o.list, x)
		i = len(o.list)
		o.ids[x] = i
	}
	return i
}

func (g *group) save(w *writer) {
	tab := originTable{ids: map[*origin]int{}}
	body := &writer{}
	body.len(len(g.entries))
	for i := range g.entries {
		g.entries[i].key.save(body)
		body.len(tab.id(g.entries[i].origin))
		body.bool(g.entries[i].given)
	}
	body.len(g.ahead)
	body.len(g.final)
	body.bool(g.fell)
	body.len(len(g.bursts))
	for _, b := range g.bursts {
		b.save(body, &tab)
	}
	w.string(g.key)
	w.len(len(tab.list))
	for _, o := range tab.list {
		w.string(o.domain)
		w.string(o.dataset)
		w.entities(o.entities)
	}
	w.b = append(w.b, body.b...)
}

func (k *key) save(w *writer) {
	w.int(k.t)
	w.uint(uint64(k.rule))
	w.string(k.id)
	w.bool(k.val != nil)
	if k.val != nil {
		w.string(k.val.text)
		w.int(k.val.number.hi)
		w.uint(k.val.number.lo)
	}
}

func (k *key) load(r *reader) {
	k.t = r.int()
	k.rule = uint16(r.uint())
	k.id = r.string()
	if r.bool() {
		k.val = &value{text: r.string(), number: decimal{r.int(), r.uint()}}
	}
}

func (b *burst) save(w *writer, tab *originTable) {
	b.start.save(w)
	b.last.save(w)
	w.int(b.fire)
	w.len(b.absorbed)
	b.absorbedKey.save(w)
	w.len(b.events)
	w.len(len(b.refs))
	for _, x := range b.refs {
		w.string(x.ID)
		w.string(x.Dataset)
		w.int(x.Time.UnixNano())
	}
	w.entities(b.entities)
	w.string(b.domain)
	w.string(b.dataset)
	w.string(b.sentID)
	w.len(b.sentTotal)
	w.bool(b.changed)
	w.bool(b.fresh)
	w.len(len(b.origins))
	for _, o := range b.origins {
		w.len(tab.id(o))
	}
	w.string(b.outID)
	w.int(b.outTime)
	w.len(tab.id(b.outOrigin))
	w.string(b.eachID)
	w.int(b.eachFire)
}

// Restored says what Restore could not use.
type Restored struct {
	// Dropped are the ids of correlations whose state was left out because
	// they no longer exist or look for something else now.
	Dropped []string
}

// Restore reads a snapshot into an engine that has processed nothing yet. State
// of correlations that are gone or changed is left out. After an error the
// engine must not be used.
func (e *Engine) Restore(data []byte) (Restored, error) {
	var res Restored
	if len(e.order) > 0 {
		return res, fmt.Errorf("correlation snapshot: the engine has state already; restore into a new one")
	}
	if len(data) < len(snapshotMagic) || string(data[:len(snapshotMagic)]) != snapshotMagic {
		return res, fmt.Errorf("correlation snapshot: it does not begin with %q, so it is damaged or of another version", snapshotMagic)
	}
	r := &reader{b: data[len(snapshotMagic):]}
	for range r.len() {
		t := e.tenant(r.string())
		t.latest = r.int()
		for range r.len() {
			id, print := r.string(), r.string()
			n := r.len()
			block := &reader{b: r.b[:n]}
			r.b = r.b[n:]
			c := e.byID[id]
			if r.err == nil && (c == nil || c.print != print) {
				if !slices.Contains(res.Dropped, id) {
					res.Dropped = append(res.Dropped, id)
				}
				continue
			}
			if r.err != nil {
				break
			}
			if err := t.pool(c).load(block); err != nil {
				return res, fmt.Errorf("correlation snapshot: tenant %q, correlation %q: %w", t.name, id, err)
			}
		}
	}
	if r.err == nil && len(r.b) > 0 {
		r.fail(fmt.Errorf("%d bytes too many", len(r.b)))
	}
	if r.err != nil {
		return res, fmt.Errorf("correlation snapshot: %w", r.err)
	}
	return res, nil
}

func (p *pool) load(r *reader) error {
	for range r.len() {
		k := r.string()
		if r.err != nil {
			break
		}
		if p.groups[k] != nil {
			return fmt.Errorf("group %q occurs twice", clip(k, 100))
		}
		if err := p.group([]byte(k)).load(r); err != nil {
			return err
		}
	}
	return r.err
}

func (g *group) load(r *reader) error {
	c := g.pool.rule
	var origins []*origin
	for range r.len() {
		o := &origin{domain: r.string(), dataset: r.string(), entities: r.entities()}
		o.measure()
		origins = append(origins, o)
	}
	pick := func() *origin {
		i := r.uint()
		if i == 0 || i > uint64(len(origins)) {
			return nil
		}
		return origins[i-1]
	}
	paid := map[*origin]bool{}
	n := r.len()
	g.entries = make([]entry, 0, n)
	for i := range n {
		var e entry
		e.key.load(r)
		e.origin = pick()
		e.given = r.bool()
		if r.err != nil {
			return r.err
		}
		if e.origin == nil || c.valued != (e.val != nil) || int(e.rule) >= len(c.refs) || i > 0 && g.entries[i-1].compare(&e.key) >= 0 {
			return fmt.Errorf("entry %d of a group is damaged or out of order", i)
		}
		size := int64(entrySize + len(e.id))
		if c.numeric {
			size += valueSize
			if e.val.number.negative() {
				g.negatives++
			}
		} else if c.valued {
			e.val = g.share(e.val)
		}
		if e.owned = !paid[e.origin]; e.owned {
			paid[e.origin] = true
			size += int64(e.origin.size)
		}
		g.charge(size)
		g.hold(e.rule, 1)
		g.entries = append(g.entries, e)
	}
	g.pool.entries += int64(n)
	g.pool.engine.entries += int64(n)
	g.ahead, g.final = int(min(r.uint(), uint64(n))), int(min(r.uint(), uint64(n)))
	g.fell = r.bool()
	for range r.len() {
		b := &burst{}
		b.load(r, pick)
		g.charge(burstSize)
		g.weigh(b)
		g.bursts = append(g.bursts, b)
	}
	if r.err != nil {
		return r.err
	}
	g.rewind()
	g.schedule()
	return nil
}

// rewind fills the window from the entries.
func (g *group) rewind() {
	c := g.pool.rule
	if c.mode == atWatermark {
		for i := range g.ahead {
			g.win.add(c, &g.entries[i])
		}
		return
	}
	if n := len(g.entries); n > 0 {
		g.head = g.firstAt(g.entries[n-1].t - c.span)
		for i := g.head; i < n; i++ {
			g.take(i)
		}
	}
}

func (b *burst) load(r *reader, pick func() *origin) {
	b.start.load(r)
	b.last.load(r)
	b.fire = r.int()
	b.absorbed = int(r.uint())
	b.absorbedKey.load(r)
	b.events = int(r.uint())
	for range r.len() {
		b.refs = append(b.refs, signal.EventRef{ID: r.string(), Dataset: r.string(), Time: timeOf(r.int())})
	}
	b.entities = r.entities()
	b.domain, b.dataset = r.string(), r.string()
	b.sentID = r.string()
	b.sentTotal = int(r.uint())
	b.changed, b.fresh = r.bool(), r.bool()
	for range r.len() {
		if o := pick(); o != nil {
			b.origins = append(b.origins, o)
		}
	}
	b.outID = r.string()
	b.outTime = r.int()
	b.outOrigin = pick()
	b.eachID, b.eachFire, b.giveFrom = r.string(), r.int(), maxTime
}
