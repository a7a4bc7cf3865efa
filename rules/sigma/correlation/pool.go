package correlation

import (
	"container/heap"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/openmxdr/openmxdr/internal/event"
)

// pool is the state of one correlation for one tenant: the unit among which
// memory is shared out fairly.
type pool struct {
	engine  *Engine
	tenant  *tenant
	rule    *rule
	groups  map[string]*group
	touched []*group
	heap    dueHeap
	bytes   int64
	entries int64
}

func (p *pool) stats() *RuleStats { return &p.rule.stats }

func (p *pool) watermark() int64 {
	w := p.tenant.watermark()
	if w == never || w == int64(1<<63-1) {
		return w
	}
	return w - p.rule.delay
}

// scratch is memory that accept uses again.
type scratch struct {
	keys [][]byte
	buf  []byte
	vals []value
}

// accept puts a match into the groups it belongs to.
func (p *pool) accept(ref int, k key, o *origin, f Fields) {
	st := p.stats()
	st.Matches++
	keys, vals := p.resolve(ref, f, true)
	if len(keys) == 0 || p.rule.valued && len(vals) == 0 {
		return
	}
	if p.rule.keyed {
		k.rule = uint16(ref)
	}
	fresh := false
	for _, gk := range keys {
		g := p.group(gk)
		if !p.rule.valued {
			fresh = g.insert(k, o) || fresh
			continue
		}
		for i := range vals {
			k.val = &vals[i]
			fresh = g.insert(k, o) || fresh
		}
	}
	if !fresh {
		st.Duplicates++
	}
}

// retract takes a match of a correlation out again.
func (p *pool) retract(ref int, k key, f Fields) {
	keys, vals := p.resolve(ref, f, false)
	if p.rule.keyed {
		k.rule = uint16(ref)
	}
	for _, gk := range keys {
		g := p.groups[string(gk)]
		if g == nil {
			continue
		}
		if !p.rule.valued {
			g.remove(&k)
		}
		for i := range vals {
			k.val = &vals[i]
			g.remove(&k)
		}
	}
}

// resolve reads group keys and values. Both are valid until the next call.
func (p *pool) resolve(ref int, f Fields, count bool) ([][]byte, []value) {
	c, s, st := p.rule, &p.engine.scratch, p.stats()
	if !count {
		st = &RuleStats{}
	}
	s.keys = append(s.keys[:0], s.buf[:0])
	for _, name := range c.groupBy[ref] {
		texts, clipped := textsOf(f, name)
		if clipped {
			st.Clipped++
		}
		if len(texts) == 0 {
			st.NoGroup++
			return nil, nil
		}
		if len(texts) == 1 && len(s.keys) == 1 {
			s.keys[0] = appendPart(s.keys[0], texts[0])
			s.buf = s.keys[0][:0]
			continue
		}
		var next [][]byte
		for _, k := range s.keys {
			for _, t := range texts {
				if len(next) == MaxValues {
					st.Clipped++
					break
				}
				next = append(next, appendPart(slices.Clone(k), t))
			}
		}
		s.keys = next
	}
	if !c.valued {
		return s.keys, nil
	}
	s.vals = s.vals[:0]
	texts, clipped := textsOf(f, c.values[ref][0])
	if clipped {
		st.Clipped++
	}
	for _, t := range texts {
		if !c.numeric {
			s.vals = append(s.vals, value{text: t})
		} else if n, ok := parseDecimal(strings.TrimSpace(t)); ok {
			s.vals = append(s.vals, value{number: n})
		}
	}
	for _, name := range c.values[ref][1:] {
		more, _ := textsOf(f, name)
		var next []value
		for _, v := range s.vals {
			for _, t := range more {
				if len(next) < MaxValues {
					next = append(next, value{text: v.text + "\x00" + t})
				}
			}
		}
		s.vals = next
	}
	if len(s.vals) == 0 {
		st.NoValue++
	}
	return s.keys, s.vals
}

// textsOf returns the texts of a field that are not empty, at most MaxValues,
// and whether there were more.
func textsOf(f Fields, name string) (texts []string, clipped bool) {
	if f == nil {
		return nil, false
	}
	v, ok := f.Lookup(name)
	if !ok {
		return nil, false
	}
	if v.Kind() == event.String {
		if v.Str() == "" {
			return nil, false
		}
		return []string{bounded(v.Str())}, false
	}
	v.Scalars(func(x event.Value) bool {
		t := x.Text()
		if t == "" {
			return true
		}
		t = bounded(t)
		if slices.Contains(texts, t) {
			return true
		}
		if len(texts) == MaxValues {
			clipped = true
			return false
		}
		texts = append(texts, t)
		return true
	})
	return texts, clipped
}

// bounded replaces the end of an overlong text by its hash, so that it stays
// distinct without being kept.
func bounded(s string) string {
	if len(s) <= maxText {
		return s
	}
	h := sha256.Sum256([]byte(s))
	return s[:maxText-64] + hex.EncodeToString(h[:])
}

func appendPart(k []byte, s string) []byte {
	return append(binary.AppendUvarint(k, uint64(len(s))), s...)
}

// splitKey returns the parts of a group key.
func splitKey(k string) []string {
	var out []string
	for b := []byte(k); len(b) > 0; {
		n, w := binary.Uvarint(b)
		if w <= 0 || n > uint64(len(b)-w) {
			break
		}
		out = append(out, string(b[w:w+int(n)]))
		b = b[w+int(n):]
	}
	return out
}

// groupFields gives the group values of a burst to the correlations above.
type groupFields struct {
	rule *rule
	key  string
}

// Lookup returns the value of a group-by field.
func (f groupFields) Lookup(name string) (event.Value, bool) {
	if i := slices.Index(f.rule.GroupBy, name); i >= 0 {
		if parts := splitKey(f.key); i < len(parts) {
			return event.StringValue(parts[i]), true
		}
	}
	return event.Value{}, false
}

func (p *pool) group(k []byte) *group {
	g := p.groups[string(k)]
	if g == nil {
		g = &group{pool: p, key: string(k), heapKey: never}
		p.groups[g.key] = g
		g.charge(groupSize + int64(len(k)))
	}
	return g
}

// forget removes a group that has no entries and no bursts.
func (p *pool) forget(g *group) {
	g.dead = true
	g.charge(-g.bytes)
	delete(p.groups, g.key)
}

// settle brings touched groups up to date, then those whose time has come.
func (p *pool) settle() {
	w := p.watermark()
	for i := 0; i < len(p.touched); i++ {
		p.touched[i].settle(w)
	}
	clear(p.touched)
	p.touched = p.touched[:0]
	for len(p.heap) > 0 && p.heap[0].due < w {
		it := heap.Pop(&p.heap).(dueItem)
		g := it.group
		if g.dead || g.heapKey != it.due {
			continue
		}
		g.heapKey = never
		if g.due < w {
			g.settle(w)
		} else {
			g.schedule()
		}
	}
}

// push files g under its heapKey. An older item of g is passed over when it
// comes up.
func (p *pool) push(g *group) {
	heap.Push(&p.heap, dueItem{g.heapKey, g})
}

type dueItem struct {
	due   int64
	group *group
}

// dueHeap orders groups by when they must be looked at, then by key.
type dueHeap []dueItem

func (h dueHeap) Len() int { return len(h) }
func (h dueHeap) Less(i, j int) bool {
	if h[i].due != h[j].due {
		return h[i].due < h[j].due
	}
	return h[i].group.key < h[j].group.key
}
func (h dueHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push is for container/heap.
func (h *dueHeap) Push(x any) { *h = append(*h, x.(dueItem)) }

// Pop is for container/heap.
func (h *dueHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	old[len(old)-1] = dueItem{}
	*h = old[:len(old)-1]
	return x
}
