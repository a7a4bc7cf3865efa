package incident

import (
	"hash/maphash"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/openmxdr/openmxdr/internal/entity"
	"github.com/openmxdr/openmxdr/internal/signal"
)

// hash128 stands for a string in maps without pointers. Its seeds are
// random, so nobody can make two strings meet; it never decides an order and
// never leaves the process.
type hash128 [2]uint64

type hasher [2]maphash.Seed

func newHasher() hasher { return hasher{maphash.MakeSeed(), maphash.MakeSeed()} }

func (h hasher) sum(s string) hash128 {
	return hash128{maphash.String(h[0], s), maphash.String(h[1], s)}
}

func (h hasher) key(t entity.Type, v string) hash128 {
	var m [2]uint64
	for i := range m {
		var x maphash.Hash
		x.SetSeed(h[i])
		x.WriteString(string(t))
		x.WriteByte(0)
		x.WriteString(v)
		m[i] = x.Sum64()
	}
	return m
}

// node is one signal in the graph.
type node struct {
	hash   hash128
	time   int64 // event time, Unix nanoseconds
	packed []byte
	keys   []uint32 // the first people of them are the signal's users, hosts and principals
	people uint8

	domain   uint8 // index into domains
	severity uint8
	outcome  outcome
	certain  bool    // confidence ≥ 50
	tactics  uint32  // bit set; see tacticBit
	points   float32 // before fading
	rule     uint64
	class    uint64 // of its finding: rule, people, outcome, stretch of time
	event    uint64 // first event, 0 if none
	record   uint32 // emitted incident that holds it, +1
	seen     uint32 // mark of the walk that last saw it
	dirty    bool
	resting  bool   // in the middle of its pile and not in the graph
	pile     uint64 // 0 for none
}

type outcome uint8

const (
	unknown outcome = iota
	success
	failure
)

// key is one join key: an entity, or a pair of weak entities.
type key struct {
	hash   hash128
	on     []mention // by time, then signal id
	sum    int32     // people in all mentions, an upper bound of the neighbours
	kind   uint8     // index into world.kinds
	a, b   uint32    // the two keys of a pair
	isPair bool
	// Neighbours around the two stretches last asked for, by the parity of
	// the stretch; any change of the mentions empties it.
	known [2]struct {
		stretch int64
		count   int32 // +1; 0 is unknown
	}
	// crowd counts how often whom was named in which stretch, once there are
	// crowded mentions; before that they are simply looked through.
	crowd map[int64]map[uint32]int32
}

// crowded is the number of mentions from which a key keeps count, unless a
// test wants to see fewer.
const crowded = 64

type mention struct {
	time int64
	node uint32
}

// kindOf holds what Config says about one entity type.
type kindOf struct {
	typ entity.Type
	Key
	max int // neighbours up to which it joins
}

const (
	maxWeak  = 4 // weak keys of one signal that are paired
	maxPlain = 48
)

// domains as the schema names them; index 0 is any other.
var domains = [...]string{"", "endpoint", "network", "cloud", "email", "identity", "saas"}

func domainIndex(s string) uint8 { return uint8(max(slices.Index(domains[:], s), 0)) }

// tacticBit gives each ATT&CK tactic id one bit; ids beyond the known range share one.
func tacticBit(id string) uint32 {
	n, err := strconv.Atoi(strings.TrimPrefix(id, "TA"))
	switch {
	case err != nil:
		return 1 << 31
	case n >= 1 && n <= 11: // TA0001–TA0011
		return 1 << n
	case n >= 40 && n <= 43: // TA0040 impact, TA0042–TA0043 preparation
		return 1 << (n - 40 + 12)
	}
	return 1 << (16 + n%15)
}

// makeNode finds a signal's keys, creating those that are new, and the few
// numbers that scores need.
func (w *world) makeNode(s *signal.Signal, h hash128, packed []byte) node {
	n := node{
		hash: h, time: s.Time.UnixNano(), packed: packed, domain: domainIndex(s.Domain),
		severity: uint8(min(max(s.Severity, 0), 100)), certain: s.Confidence >= 50,
		rule: maphash.String(w.h[0], s.RuleID),
	}
	switch s.Outcome {
	case "success":
		n.outcome = success
	case "failure":
		n.outcome = failure
	}
	for _, t := range s.Tactics[:min(len(s.Tactics), keepNames)] {
		n.tactics |= tacticBit(t)
	}
	n.points = float32(points(s))
	if len(s.Events) > 0 {
		n.event = maphash.String(w.h[0], s.Events[0].ID) | 1
	}
	n.keys, n.people = w.keysOf(s)
	n.class = w.class(s, &n)
	n.pile = w.pileOf(&n)
	return n
}

// class names the finding that a signal belongs to.
func (w *world) class(s *signal.Signal, n *node) uint64 {
	var x maphash.Hash
	x.SetSeed(w.h[1])
	x.WriteString(s.RuleID)
	x.WriteByte(byte(n.outcome))
	put := func(v uint64) {
		var b [8]byte
		for i := range b {
			b[i] = byte(v >> (8 * i))
		}
		x.Write(b[:])
	}
	put(uint64(w.stretch(n.time)))
	var ids [keepEntities]hash128
	m := 0
	for _, k := range n.keys[:n.people] {
		ids[m] = w.keys[k].hash
		m++
	}
	slices.SortFunc(ids[:m], compareHash)
	for _, h := range ids[:m] {
		put(h[0])
	}
	return x.Sum64()
}

func compareHash(a, b hash128) int {
	for i := range a {
		if a[i] != b[i] {
			if a[i] < b[i] {
				return -1
			}
			return 1
		}
	}
	return 0
}

func isPerson(t entity.Type) bool {
	return t == entity.User || t == entity.Host || t == entity.CloudPrincipal
}

// keysOf returns the indices of a signal's keys without repeats: people by
// their own names first, then other names and things, then pairs of weak
// keys, those of sources before others.
func (w *world) keysOf(s *signal.Signal) (keys []uint32, people uint8) {
	var buf [maxPlain + maxWeak*maxWeak]uint32
	out := buf[:0]
	add := func(t entity.Type, v string) {
		kind, ok := w.kindIndex[t]
		if !ok || v == "" || len(out) == maxPlain {
			return
		}
		if k := w.intern(w.h.key(t, v), kind); !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	es := s.Entities[:min(len(s.Entities), keepEntities)]
	for i := range es {
		if isPerson(es[i].Type) {
			add(es[i].Type, es[i].Value)
		}
	}
	people = uint8(len(out))
	for i := range es {
		if w.isStrong(es[i].Type) {
			add(es[i].Type, es[i].Value)
			for _, a := range es[i].Aliases[:min(len(es[i].Aliases), keepAliases)] {
				add(es[i].Type, a)
			}
		}
	}
	var weak [keepEntities]*entity.Entity
	m := 0
	for i := range es {
		if _, ok := w.kindIndex[es[i].Type]; ok && !w.isStrong(es[i].Type) {
			weak[m] = &es[i]
			m++
		}
	}
	if m > 1 {
		sort.Slice(weak[:m], func(i, j int) bool { return lessWeak(weak[i], weak[j]) })
	}
	first := len(out)
	for _, e := range weak[:m] {
		if len(out)-first == maxWeak {
			break
		}
		add(e.Type, e.Value)
	}
	last := len(out)
	for i := first; i < last; i++ {
		for j := i + 1; j < last; j++ {
			a, b := out[i], out[j]
			if compareHash(w.keys[a].hash, w.keys[b].hash) > 0 {
				a, b = b, a
			}
			out = append(out, w.internPair(a, b))
		}
	}
	return slices.Clone(out), people
}

func (w *world) isStrong(t entity.Type) bool {
	kind, ok := w.kindIndex[t]
	return ok && w.kinds[kind].Strong
}

func lessWeak(a, b *entity.Entity) bool {
	if x, y := a.Role == entity.Source, b.Role == entity.Source; x != y {
		return x
	}
	return entity.Compare(*a, *b) < 0
}

func (w *world) intern(h hash128, kind uint8) uint32 {
	if k, ok := w.keyIndex[h]; ok {
		return k
	}
	return w.newKey(key{hash: h, kind: kind})
}

func (w *world) internPair(a, b uint32) uint32 {
	x, y := w.keys[a].hash, w.keys[b].hash
	h := hash128{x[0]*0x9e3779b97f4a7c15 + y[0] + 1, x[1] ^ (y[1]<<1 | y[1]>>63)}
	if k, ok := w.keyIndex[h]; ok {
		return k
	}
	return w.newKey(key{hash: h, isPair: true, a: a, b: b})
}

func (w *world) newKey(k key) uint32 {
	var i uint32
	if n := len(w.freeKeys); n > 0 {
		i = w.freeKeys[n-1]
		w.freeKeys = w.freeKeys[:n-1]
		w.keys[i] = k
	} else {
		i = uint32(len(w.keys))
		w.keys = append(w.keys, k)
	}
	w.keyIndex[k.hash] = i
	return i
}

// dropKey forgets a key that nothing mentions.
func (w *world) dropKey(i uint32) {
	delete(w.keyIndex, w.keys[i].hash)
	w.keys[i] = key{}
	w.freeKeys = append(w.freeKeys, i)
}

// place returns where node n is, or belongs, among a key's mentions.
func (w *world) place(k *key, n uint32) int {
	t := w.nodes[n].time
	if l := len(k.on); l == 0 || k.on[l-1].time < t {
		return l
	}
	return sort.Search(len(k.on), func(i int) bool {
		if k.on[i].time != t {
			return k.on[i].time > t
		}
		return w.compare(k.on[i].node, n) >= 0
	})
}

// stretch numbers the window-long stretches of event time.
func (w *world) stretch(t int64) int64 {
	s := t / w.window
	if t%w.window < 0 {
		s--
	}
	return s
}

// neighbours counts the distinct people that signals around stretch s name
// beside key ki. It stops at one more than the key may have to join.
func (w *world) neighbours(ki uint32, s int64) int {
	k := &w.keys[ki]
	c := &k.known[s&1]
	if c.count > 0 && c.stretch == s {
		return int(c.count) - 1
	}
	limit := w.kinds[k.kind].max
	found := w.people[:0]
	if k.crowd != nil {
		for d := int64(-1); d <= 1 && len(found) <= limit; d++ {
			for p := range k.crowd[s+d] {
				if p == ki || slices.Contains(found, p) {
					continue
				}
				if found = append(found, p); len(found) > limit {
					break
				}
			}
		}
	} else {
		from, to := (s-1)*w.window, (s+2)*w.window
		i := sort.Search(len(k.on), func(i int) bool { return k.on[i].time >= from })
	look:
		for ; i < len(k.on) && k.on[i].time < to; i++ {
			n := &w.nodes[k.on[i].node]
			for _, p := range n.keys[:n.people] {
				if p == ki || slices.Contains(found, p) {
					continue
				}
				if found = append(found, p); len(found) > limit {
					break look
				}
			}
		}
	}
	w.people = found
	c.stretch, c.count = s, int32(len(found))+1
	return len(found)
}

// worn tells whether key k has too many neighbours around stretch s to join
// (a weak key: to be half of a pair).
func (w *world) worn(ki uint32, s int64) bool {
	k := &w.keys[ki]
	limit := w.kinds[k.kind].max
	if limit < 0 {
		return true
	}
	return int(k.sum) > limit && w.neighbours(ki, s) > limit
}

// joins tells whether key ki joins two signals that follow each other on it.
func (w *world) joins(ki uint32, a, b mention) bool {
	if b.time-a.time > w.window || b.time-a.time < 0 {
		return false
	}
	k := &w.keys[ki]
	sa, sb := w.stretch(a.time), w.stretch(b.time)
	if k.isPair {
		return w.fresh(k.a, sa, sb) && w.fresh(k.b, sa, sb)
	}
	return w.kinds[k.kind].Strong && w.fresh(ki, sa, sb)
}

func (w *world) fresh(ki uint32, sa, sb int64) bool {
	return !w.worn(ki, sa) && (sa == sb || !w.worn(ki, sb))
}

// wear returns how many neighbours key ki has around each of the stretches
// that a signal in stretch s changes, as far as its weight depends on it.
func (w *world) wear(ki uint32, s int64) (d [3]int) {
	k := &w.keys[ki]
	if k.isPair || float64(k.sum) <= w.kinds[k.kind].Free {
		return d
	}
	for i := range d {
		if n := w.neighbours(ki, s-1+int64(i)); float64(n) > w.kinds[k.kind].Free {
			d[i] = n
		}
	}
	return d
}

// insert takes in a node and marks what may change with it.
func (w *world) insert(n node) uint32 {
	var ni uint32
	if l := len(w.freeNodes); l > 0 {
		ni = w.freeNodes[l-1]
		w.freeNodes = w.freeNodes[:l-1]
		w.nodes[ni] = n
	} else {
		ni = uint32(len(w.nodes))
		w.nodes = append(w.nodes, n)
	}
	w.nodeIndex[n.hash] = ni
	w.bytes += int64(len(n.packed))
	w.file(ni, n.time)
	w.pileUp(ni)
	return ni
}

// link puts a node's mentions into the graph.
func (w *world) link(ni uint32) {
	n := w.nodes[ni]
	m := mention{n.time, ni}
	s := w.stretch(n.time)
	for _, ki := range n.keys {
		was := w.wear(ki, s)
		k := &w.keys[ki]
		i := w.place(k, ni)
		if i > 0 && i < len(k.on) && w.joins(ki, k.on[i-1], k.on[i]) {
			w.touch(k.on[i-1].node)
			w.touch(k.on[i].node)
		}
		k.on = slices.Insert(k.on, i, m)
		w.named(k, &n, 1)
		if w.wear(ki, s) != was {
			w.touchAround(ki, s)
		}
	}
	w.touch(ni)
}

// named notes that a signal came to or left a key's mentions.
func (w *world) named(k *key, n *node, by int32) {
	k.known[0].count, k.known[1].count = 0, 0
	k.sum += by * int32(n.people)
	count := func(n *node, by int32) {
		s := w.stretch(n.time)
		c := k.crowd[s]
		if c == nil {
			c = map[uint32]int32{}
			k.crowd[s] = c
		}
		for _, p := range n.keys[:n.people] {
			if c[p] += by; c[p] == 0 {
				delete(c, p)
			}
		}
		if len(c) == 0 {
			delete(k.crowd, s)
		}
	}
	switch {
	case k.isPair: // its two keys keep count
	case k.crowd != nil && len(k.on) < w.crowded/2:
		k.crowd = nil
	case k.crowd != nil:
		count(n, by)
	case len(k.on) >= w.crowded:
		k.crowd = map[int64]map[uint32]int32{}
		for _, m := range k.on {
			count(&w.nodes[m.node], 1)
		}
	}
}

// unlink takes a node's mentions out of the graph and marks what may change
// without it.
func (w *world) unlink(ni uint32) {
	n := w.nodes[ni]
	s := w.stretch(n.time)
	for _, ki := range n.keys {
		was := w.wear(ki, s)
		k := &w.keys[ki]
		i := w.place(k, ni)
		if i > 0 && w.joins(ki, k.on[i-1], k.on[i]) {
			w.touch(k.on[i-1].node)
		}
		if i+1 < len(k.on) && w.joins(ki, k.on[i], k.on[i+1]) {
			w.touch(k.on[i+1].node)
		}
		k.on = slices.Delete(k.on, i, i+1)
		w.named(k, &n, -1)
		if i > 0 && i < len(k.on) && w.joins(ki, k.on[i-1], k.on[i]) {
			w.touch(k.on[i-1].node)
		}
		if w.wear(ki, s) != was {
			w.touchAround(ki, s)
		}
	}
}

// release frees a node whose mentions are gone.
func (w *world) release(ni uint32) {
	w.dropKeys(ni)
	n := &w.nodes[ni]
	w.bytes -= int64(len(n.packed))
	delete(w.nodeIndex, n.hash)
	w.nodes[ni] = node{}
	w.freeNodes = append(w.freeNodes, ni)
}

// dropKeys takes a node its keys, and forgets those that nothing mentions any
// more. Pairs come last in keys and go first, since they name others.
func (w *world) dropKeys(ni uint32) {
	n := &w.nodes[ni]
	for i := len(n.keys) - 1; i >= 0; i-- {
		if len(w.keys[n.keys[i]].on) == 0 {
			w.dropKey(n.keys[i])
		}
	}
	n.keys, n.people = nil, 0
}

func (w *world) touch(ni uint32) {
	if n := &w.nodes[ni]; !n.dirty {
		n.dirty = true
		w.dirty = append(w.dirty, ni)
	}
}

// touchAround marks the signals whose joins by ki depend on its neighbours
// around stretch s.
func (w *world) touchAround(ki uint32, s int64) {
	k := &w.keys[ki]
	from, to := (s-2)*w.window, (s+3)*w.window
	i := sort.Search(len(k.on), func(i int) bool { return k.on[i].time >= from })
	for ; i < len(k.on) && k.on[i].time < to; i++ {
		w.touch(k.on[i].node)
	}
}

// component returns every signal that joins connect with ni, and the joins.
func (w *world) component(ni uint32) (nodes []uint32, joins []join) {
	nodes = append(w.walk[:0], ni)
	joins = w.joinBuf[:0]
	w.nodes[ni].seen = w.mark
	for at := 0; at < len(nodes); at++ {
		a := nodes[at]
		for _, ki := range w.nodes[a].keys {
			k := &w.keys[ki]
			if len(k.on) < 2 || !k.isPair && !w.kinds[k.kind].Strong {
				continue
			}
			i := w.place(k, a)
			if i > 0 && w.joins(ki, k.on[i-1], k.on[i]) {
				nodes = w.visit(nodes, k.on[i-1].node)
			}
			if i+1 < len(k.on) && w.joins(ki, k.on[i], k.on[i+1]) {
				nodes = w.visit(nodes, k.on[i+1].node)
				joins = append(joins, join{from: a, to: k.on[i+1].node, key: ki})
			}
		}
	}
	w.walk, w.joinBuf = nodes, joins
	return nodes, joins
}

func (w *world) visit(nodes []uint32, n uint32) []uint32 {
	if w.nodes[n].seen == w.mark {
		return nodes
	}
	w.nodes[n].seen = w.mark
	return append(nodes, n)
}

// join is an edge: to follows from on key.
type join struct{ from, to, key uint32 }
