package sigma

import (
	"strconv"
	"strings"
	"unsafe"

	"github.com/openmxdr/openmxdr/internal/event"
)

// Match is a rule that an event satisfies. It refers to the event and is valid
// until the event is reset or changed.
type Match struct {
	Rule *Rule
	// Silent: correlations refer to the rule and none of them asks for its own
	// findings (generate); it should feed them and nothing else.
	Silent bool

	engine *Engine
	ev     *event.Event
	index  int32
}

// Scratch is the memory that matching needs. The zero value is ready. It fits
// itself to the engine that it is used with. Each goroutine needs its own.
type Scratch struct {
	engine *Engine
	epoch  uint32

	marked   []uint32 // by predicate: the epoch in which an automaton or hash set hit it
	judged   []uint32 // by predicate: epoch<<1 | result of an evaluation
	tried    []uint32 // by rule: the epoch in which it became a candidate
	resolved []uint32 // by slot: the epoch in which its value was looked up
	present  []uint32 // by slot: the epoch in which it had a value

	candidates []int32
	matches    []Match
	fold       []byte
	fold2      []byte
	text       []byte
	route      *routeClass
	routes     routeCache
	ev         *event.Event
}

func (s *Scratch) fit(e *Engine) {
	*s = Scratch{
		engine: e, fold: s.fold, fold2: s.fold2, text: s.text,
		marked: make([]uint32, len(e.preds)), judged: make([]uint32, len(e.preds)),
		tried: make([]uint32, len(e.rules)), resolved: make([]uint32, len(e.slots)), present: make([]uint32, len(e.slots)),
	}
}

// maxKept bounds the text buffers that a Scratch keeps between events.
const maxKept = 1 << 20

func (s *Scratch) next() {
	if s.epoch++; s.epoch == 1<<31-1 {
		clear(s.marked)
		clear(s.judged)
		clear(s.tried)
		clear(s.resolved)
		clear(s.present)
		s.epoch = 1
	}
	s.candidates, s.matches = s.candidates[:0], s.matches[:0]
	if cap(s.fold)+cap(s.fold2)+cap(s.text) > maxKept {
		s.fold, s.fold2, s.text = nil, nil, nil
	}
}

// Match returns the rules that ev satisfies, in the order of compilation. The
// slice belongs to s and is overwritten by the next call. The event must have
// been filled after the engine was compiled, with the Fields that Compile was
// given. Without a match nothing is allocated.
func (e *Engine) Match(ev *event.Event, s *Scratch) []Match {
	return e.match(ev, s, e.classify(ev, s))
}

// classify returns the class of events that ev belongs to.
func (e *Engine) classify(ev *event.Event, s *Scratch) *routeClass {
	if s.engine != e {
		s.fit(e)
	}
	return e.router.classify(e, ev, s)
}

func (e *Engine) match(ev *event.Event, s *Scratch, class *routeClass) []Match {
	s.next()
	s.ev = ev
	s.route = class
	if class.none {
		return nil
	}
	for i := range ev.Len() {
		f := ev.At(i)
		if class.hasKeywords {
			e.keywords(f.Value, s)
		}
		if f.ID == 0 || int(f.ID) >= len(e.fieldUses) {
			continue
		}
		use := &e.fieldUses[f.ID]
		for _, slot := range use.slots {
			if class.needs[slot] && s.resolved[slot] != s.epoch {
				e.resolve(slot, s)
			}
		}
		if len(use.inside) > 0 && (f.Value.Kind() == event.List || f.Value.Kind() == event.Object) {
			for _, in := range use.inside {
				if class.needs[in.slot] && s.resolved[in.slot] != s.epoch {
					e.resolve(in.slot, s)
				}
			}
		}
	}
	for _, slot := range e.timeSlots {
		if class.needs[slot] && s.resolved[slot] != s.epoch {
			e.resolve(slot, s)
		}
	}
	for _, w := range e.always {
		if class.allowed[w.source] {
			s.candidates = append(s.candidates, w.rules...)
		}
	}
	if len(s.candidates) == 0 {
		return nil
	}
	for _, r := range s.candidates {
		if e.eval(e.rules[r].root, s) {
			s.matches = append(s.matches, Match{Rule: e.rules[r].rule, Silent: e.rules[r].silent, engine: e, ev: ev, index: r})
		}
	}
	sortMatches(s.matches)
	return s.matches
}

// sortMatches is an insertion sort: there are few matches, and it allocates nothing.
func sortMatches(ms []Match) {
	for i := 1; i < len(ms); i++ {
		for j := i; j > 0 && ms[j].index < ms[j-1].index; j-- {
			ms[j], ms[j-1] = ms[j-1], ms[j]
		}
	}
}

// eval evaluates a condition.
func (e *Engine) eval(n *node, s *Scratch) bool {
	switch n.op {
	case opPred:
		return e.truth(n.pred, s)
	case opNot:
		return !e.eval(n.kids[0], s)
	case opAnd:
		for _, k := range n.kids {
			if !e.eval(k, s) {
				return false
			}
		}
		return true
	case opOr:
		for _, k := range n.kids {
			if e.eval(k, s) {
				return true
			}
		}
		return false
	}
	return n.op == opTrue
}

// truth tells whether a predicate holds, evaluating it at most once an event.
func (e *Engine) truth(i int32, s *Scratch) bool {
	p := &e.preds[i]
	if p.gate != gateNone {
		if s.marked[i] != s.epoch {
			return false
		}
		if p.gate == gateExact {
			return true
		}
	}
	if j := s.judged[i]; j>>1 == s.epoch {
		return j&1 == 1
	}
	ok := e.evaluate(p, s)
	s.judged[i] = s.epoch << 1
	if ok {
		s.judged[i] |= 1
	}
	return ok
}

// evaluate decides a predicate value by value.
func (e *Engine) evaluate(p *predicate, s *Scratch) bool {
	if p.kind == predNever {
		return false
	}
	if p.kind == predKeyword {
		found := false
		for i := range s.ev.Len() {
			everything(s.ev.At(i).Value, s, func(x value) bool {
				x.fold(&s.fold)
				found = p.holds(&x)
				return !found
			})
			if found {
				break
			}
		}
		return found
	}
	if s.present[p.slot] != s.epoch {
		return false
	}
	found := false
	e.values(p.slot, s.ev, s, func(x value) bool {
		if p.kind == predRef {
			x.fold(&s.fold)
			if x.v.Kind() != event.String {
				x.raw = strings.Clone(x.raw) // its buffer is used for the other value
			}
			e.values(p.other, s.ev, s, func(y value) bool {
				y.fold(&s.fold2)
				found = p.refHolds(&x, &y)
				return !found
			})
			return !found
		}
		if !p.cased && p.kind == predText {
			x.fold(&s.fold)
		}
		found = p.holds(&x)
		return !found
	})
	return found
}

// hit notes that predicates hold (or may) and makes their rules candidates.
func (e *Engine) hit(preds []int32, s *Scratch) {
	for _, p := range preds {
		if s.marked[p] == s.epoch {
			continue
		}
		s.marked[p] = s.epoch
		for _, w := range e.watchers[p] {
			if !s.route.allowed[w.source] {
				continue
			}
			for _, r := range w.rules {
				if s.tried[r] != s.epoch {
					s.tried[r] = s.epoch
					s.candidates = append(s.candidates, r)
				}
			}
		}
	}
}

// resolve looks up the value of a slot and runs its automata over it.
func (e *Engine) resolve(slot int32, s *Scratch) {
	s.resolved[slot] = s.epoch
	m := &e.matchers[slot]
	if !m.any {
		if v, sure := m.first(s.ev); sure {
			if v.Kind() == event.String {
				e.hasValue(m, slot, s)
				if m.scanned {
					e.scan(m, v.Str(), s)
				}
			}
			return
		}
	}
	found := false
	e.values(slot, s.ev, s, func(x value) bool {
		found = true
		if m.scanned {
			e.scan(m, x.raw, s)
		}
		return m.scanned
	})
	if found {
		e.hasValue(m, slot, s)
	}
}

func (e *Engine) hasValue(m *slotMatcher, slot int32, s *Scratch) {
	s.present[slot] = s.epoch
	if m.present >= 0 {
		e.hit1(m.present, s)
	}
}

// first is the common case of values: the first candidate that is there is a
// text. sure is false when it takes values to find out; otherwise v is that
// text, or null when no candidate is there.
func (m *slotMatcher) first(ev *event.Event) (v event.Value, sure bool) {
	parent := 0
	for i, id := range m.ids {
		if v, ok := ev.Get(id); ok {
			return v, v.Kind() == event.String
		}
		for ; parent < len(m.parents) && m.parents[parent].of == i; parent++ {
			if p, ok := ev.Get(m.parents[parent].id); ok && (p.Kind() == event.List || p.Kind() == event.Object) {
				return v, false
			}
		}
	}
	return event.Value{}, !m.time
}

func (e *Engine) hit1(p int32, s *Scratch) {
	one := [1]int32{p}
	e.hit(one[:], s)
}

// scan finds the predicates of a slot that a text satisfies.
func (e *Engine) scan(m *slotMatcher, text string, s *Scratch) {
	s.fold = appendFold(s.fold[:0], text)
	folded := s.fold
	if m.lengths&(1<<min(len(folded), 63)) != 0 {
		if preds, ok := m.whole[string(folded)]; ok {
			e.hit(preds, s)
		}
	}
	if m.suffix != nil {
		e.matchEnds(m.suffix, folded, s)
	}
	if m.prefix != nil {
		e.matchEnds(m.prefix, folded, s)
	}
	if m.contains != nil {
		e.search(m.contains, folded, s)
	}
}

// keywords searches one field of the event for the keywords of all rules.
func (e *Engine) keywords(v event.Value, s *Scratch) {
	f := e.matchers[0].contains
	if f == nil {
		return
	}
	if v.Kind() == event.String {
		s.fold = appendFold(s.fold[:0], v.Str())
		e.search(f, s.fold, s)
		return
	}
	everything(v, s, func(x value) bool {
		s.fold = appendFold(s.fold[:0], x.raw)
		e.search(f, s.fold, s)
		return true
	})
}

// fold fills in the folded text, using buf when there is anything to fold.
func (x *value) fold(buf *[]byte) {
	*buf = appendFold((*buf)[:0], x.raw)
	x.folded = unsafe.String(unsafe.SliceData(*buf), len(*buf))
}

// scalarText writes a scalar as text; text of numbers is valid until the next call.
func scalarText(v event.Value, s *Scratch) string {
	switch v.Kind() {
	case event.String:
		return v.Str()
	case event.Int:
		s.text = strconv.AppendInt(s.text[:0], v.Int(), 10)
	case event.Null:
		return ""
	default:
		s.text = v.AppendJSON(s.text[:0])
	}
	return unsafe.String(unsafe.SliceData(s.text), len(s.text))
}

// everything calls yield for every scalar in v, inside objects too, as text.
func everything(v event.Value, s *Scratch, yield func(value) bool) bool {
	switch v.Kind() {
	case event.List:
		for _, x := range v.List() {
			if !everything(x, s, yield) {
				return false
			}
		}
		return true
	case event.Object:
		for _, f := range v.Object() {
			if !everything(f.Value, s, yield) {
				return false
			}
		}
		return true
	case event.Null:
		return true
	}
	return yield(value{raw: scalarText(v, s), v: v})
}

// values calls yield for every value of a slot: of its first candidate that
// has one, or of all when the slot says any. Objects are taken as JSON text.
func (e *Engine) values(slot int32, ev *event.Event, s *Scratch, yield func(value) bool) {
	m := &e.matchers[slot]
	stopped, found := false, false
	each := func(v event.Value) {
		scalars(v, func(x event.Value) bool {
			found = true
			stopped = !yield(value{raw: scalarText(x, s), v: x})
			return !stopped
		})
	}
	parent := 0
	for i, id := range m.ids {
		if v, ok := ev.Get(id); ok {
			each(v)
		}
		for ; parent < len(m.parents) && m.parents[parent].of == i; parent++ {
			p := m.parents[parent]
			if stopped || found && !m.any {
				continue
			}
			if v, ok := ev.Get(p.id); ok {
				inside(v, p.path, each)
			}
		}
		if stopped || found && !m.any {
			return
		}
	}
	if m.time && !found && !ev.Time.IsZero() {
		s.text = ev.Time.UTC().AppendFormat(s.text[:0], event.TimeLayout)
		raw := string(s.text)
		yield(value{raw: raw, v: event.StringValue(raw)})
	}
}

// scalars calls yield for the scalars of v that are not null. An object
// counts as one value.
func scalars(v event.Value, yield func(event.Value) bool) bool {
	switch v.Kind() {
	case event.Null:
		return true
	case event.List:
		for _, x := range v.List() {
			if !scalars(x, yield) {
				return false
			}
		}
		return true
	}
	return yield(v)
}

// inside calls yield for the members at path of the objects in v. A member's
// name may itself have dots.
func inside(v event.Value, path string, yield func(event.Value)) {
	switch v.Kind() {
	case event.List:
		for _, x := range v.List() {
			inside(x, path, yield)
		}
	case event.Object:
		for _, f := range v.Object() {
			if f.Name == path {
				yield(f.Value)
			} else if rest, ok := strings.CutPrefix(path, f.Name); ok && len(rest) > 1 && rest[0] == '.' {
				inside(f.Value, rest[1:], yield)
			}
		}
	}
}
