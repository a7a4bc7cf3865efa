package sigma

import (
	"slices"

	"github.com/openmxdr/openmxdr/internal/event"
)

// Engine matches events against compiled rules. It is immutable: any number
// of goroutines may use it at once, each with its own Scratch.
type Engine struct {
	fields  *event.Fields
	preds   []predicate
	slots   []slot
	rules   []compiledRule
	sources []LogSource
	router  *router

	fieldUses []fieldUse    // by FieldID
	matchers  []slotMatcher // by slot; matchers[0] is for keywords
	timeSlots []int32       // slots that may stand for the event's own time
	watchers  [][]watch     // by predicate
	always    []watch       // rules without witnesses
	needs     []sourceNeeds // by log source
}

// compiledRule is a rule with its condition over predicates.
type compiledRule struct {
	rule   *Rule
	root   *node
	source int32
	silent bool
	// witness are predicates of which one holds whenever the rule matches;
	// empty when there are none.
	witness []int32
}

// watch lists rules of one log source to be tried when a predicate holds.
type watch struct {
	source int32
	rules  []int32
}

// sourceNeeds is what the rules of a log source look at.
type sourceNeeds struct {
	slots    []int32
	keywords bool
	// telling are the keywords that can make a difference to a rule: those
	// of which one is needed for it to match, else all of its keywords.
	telling []int32
}

// fieldUse says which slots an event field is a candidate of, and which
// slots look inside it when it holds objects.
type fieldUse struct {
	slots  []int32
	inside []insideUse
}

type insideUse struct {
	slot int32
	path string // what follows the field's name
}

// slotIDs are the candidates of a slot, interned.
type slotIDs struct {
	ids     []event.FieldID
	parents []parentPath // fields that may hold objects with the member
	time    bool         // the event's own time is the last candidate
}

type parentPath struct {
	of   int // place of the candidate in ids
	id   event.FieldID
	path string
}

// slotMatcher finds out which predicates of a slot hold.
type slotMatcher struct {
	slotIDs
	any      bool
	present  int32 // the predicate "has a value", -1 if nobody asks
	whole    map[string][]int32
	lengths  uint64 // lengths of the texts in whole, those above 62 as 63
	prefix   *ends
	suffix   *ends
	contains *finder
	scanned  bool // there is anything to look for
}

// maxTable bounds the table of one automaton, in entries of four bytes. What
// does not fit is evaluated predicate by predicate.
const maxTable = 24 << 20

// finish builds the engine.
func (k *compiler) finish() *Engine {
	e := &Engine{fields: k.fields, sources: k.sources, rules: k.rules}
	type watched struct {
		set []int32
		ok  bool
	}
	sets := make([]watched, len(k.rules))
	for i := range k.rules {
		set, _, ok := k.witnesses(k.rules[i].root)
		sets[i] = watched{set, ok}
	}
	// Gates before watchers: a predicate that lost its gate is no witness.
	k.build(e)
	for i := range sets {
		for _, p := range sets[i].set {
			if e.preds[p].gate == gateNone {
				set, _, ok := k.witnesses(k.rules[i].root)
				sets[i] = watched{set, ok}
				break
			}
		}
	}
	e.watchers = make([][]watch, len(e.preds))
	for i := range e.rules {
		if !sets[i].ok {
			e.always = addWatch(e.always, e.rules[i].source, int32(i))
			continue
		}
		e.rules[i].witness = sets[i].set
		for _, p := range sets[i].set {
			e.watchers[p] = addWatch(e.watchers[p], e.rules[i].source, int32(i))
		}
	}
	e.index(k)
	e.router = newRouter(k)
	e.router.all.finish(e)
	return e
}

func addWatch(ws []watch, source, rule int32) []watch {
	for i := range ws {
		if ws[i].source == source {
			ws[i].rules = append(ws[i].rules, rule)
			return ws
		}
	}
	return append(ws, watch{source, []int32{rule}})
}

// build makes the automata and hash sets of all slots. It may drop gates for
// which there is no room, and may add "present" predicates.
func (k *compiler) build(e *Engine) {
	words := make([]map[literalKind][]word, len(k.slots))
	for p := range k.preds {
		for _, l := range k.literals[p] {
			s := k.preds[p].slot
			if words[s] == nil {
				words[s] = map[literalKind][]word{}
			}
			words[s][l.kind] = append(words[s][l.kind], word{l.text, int32(p)})
		}
	}
	e.matchers = make([]slotMatcher, len(k.slots))
	for s := range k.slots {
		m := &e.matchers[s]
		m.any, m.present = k.slots[s].Any, -1
		w := words[s]
		for _, x := range w[litWhole] {
			if m.whole == nil {
				m.whole = map[string][]int32{}
			}
			m.whole[x.text] = append(m.whole[x.text], x.pred)
			m.lengths |= 1 << min(len(x.text), 63)
		}
		m.prefix = newEnds(w[litStart], false)
		m.suffix = newEnds(w[litEnd], true)
		m.contains = newFinder(w[litInside], k.fit)
		m.scanned = m.whole != nil || m.prefix != nil || m.suffix != nil || m.contains != nil
	}
	// Every slot with predicates to be evaluated when asked has a "present"
	// predicate, which is their witness.
	for p := range k.preds {
		if pr := &k.preds[p]; pr.gate == gateNone && pr.slot != 0 {
			k.present(pr.slot)
		}
	}
	for s, p := range k.presentOf {
		e.matchers[s].present = p
	}
	e.preds, e.slots = k.preds, k.slots
}

// fit drops the words for which there is no room; their predicates are
// evaluated when asked.
func (k *compiler) fit(words []word) []word {
	total := 0
	seen := [256]bool{}
	for _, w := range words {
		total += len(w.text)
		for i := range len(w.text) {
			seen[w.text[i]] = true
		}
	}
	width := 1
	for _, s := range seen {
		if s {
			width++
		}
	}
	width = (width + lineStates - 1) / lineStates * lineStates
	if total*width <= maxTable {
		return words
	}
	dropped := map[int32]bool{}
	room := maxTable / width
	for _, w := range words {
		if room -= len(w.text); room < 0 {
			dropped[w.pred] = true
		}
	}
	for p := range dropped {
		k.preds[p].gate = gateNone
	}
	return slices.DeleteFunc(slices.Clone(words), func(w word) bool { return dropped[w.pred] })
}

// index interns the fields and notes who needs what.
func (e *Engine) index(k *compiler) {
	var names []string
	for _, s := range e.slots {
		for _, n := range s.Names {
			names = append(names, n)
			for i := range len(n) {
				if n[i] == '.' && i > 0 {
					names = append(names, n[:i])
				}
			}
		}
	}
	e.fields.InternAll(names)
	use := func(id event.FieldID) *fieldUse {
		if int(id) >= len(e.fieldUses) {
			e.fieldUses = append(e.fieldUses, make([]fieldUse, int(id)+1-len(e.fieldUses))...)
		}
		return &e.fieldUses[id]
	}
	for s := range e.slots {
		m := &e.matchers[s]
		for _, n := range e.slots[s].Names {
			id := e.fields.ID(n)
			m.ids = append(m.ids, id)
			u := use(id)
			u.slots = append(u.slots, int32(s))
			if n == "@timestamp" {
				m.time = true
				e.timeSlots = append(e.timeSlots, int32(s))
			}
			for i := range len(n) {
				if n[i] == '.' && i > 0 {
					pid := e.fields.ID(n[:i])
					m.parents = append(m.parents, parentPath{len(m.ids) - 1, pid, n[i+1:]})
					pu := use(pid)
					pu.inside = append(pu.inside, insideUse{int32(s), n[i+1:]})
				}
			}
		}
	}
	e.needs = make([]sourceNeeds, len(e.sources))
	for i := range e.rules {
		r := &e.rules[i]
		n := &e.needs[r.source]
		keyword := func(p int32) bool { return e.preds[p].kind == predKeyword }
		byKeyword := len(r.witness) > 0 && !slices.ContainsFunc(r.witness, func(p int32) bool { return !keyword(p) })
		if byKeyword {
			n.telling = append(n.telling, r.witness...)
		}
		e.visit(r.root, func(p int32) {
			n.slots = append(n.slots, e.preds[p].slot, e.preds[p].other)
			n.keywords = n.keywords || keyword(p)
			if keyword(p) && !byKeyword {
				n.telling = append(n.telling, p)
			}
		})
	}
	for i := range e.needs {
		n := &e.needs[i]
		slices.Sort(n.slots)
		n.slots = slices.Compact(n.slots)
		slices.Sort(n.telling)
		n.telling = slices.Compact(n.telling)
	}
}

// visit calls f for every predicate of a condition.
func (e *Engine) visit(n *node, f func(int32)) {
	if n.op == opPred {
		f(n.pred)
	}
	for _, c := range n.kids {
		e.visit(c, f)
	}
}

// Rules returns the rules that the engine runs, in order.
func (e *Engine) Rules() []*Rule {
	out := make([]*Rule, len(e.rules))
	for i := range e.rules {
		out[i] = e.rules[i].rule
	}
	return out
}

// Fields returns the event fields that the rules look at, sorted.
func (e *Engine) Fields() []string {
	seen := map[string]bool{}
	for _, s := range e.slots {
		for _, n := range s.Names {
			seen[n] = true
		}
	}
	out := make([]string, 0, len(seen))
	for n := range seen {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// Stats are figures of a compiled engine.
type Stats struct {
	Rules, Predicates, Slots int
	Always                   int // rules that have no witness and are tried on every event of their log source
	Words                    int // texts that are looked for inside values
	States, TableBytes       int // of the automata for those that a finder leaves over
}

// Stats returns figures for logs and reports.
func (e *Engine) Stats() Stats {
	s := Stats{Rules: len(e.rules), Predicates: len(e.preds), Slots: len(e.slots)}
	for _, w := range e.always {
		s.Always += len(w.rules)
	}
	for i := range e.matchers {
		for f := e.matchers[i].contains; f != nil; f = f.wide {
			s.Words += len(f.entries)
			if a := f.rest; a != nil {
				s.States += a.states
				s.TableBytes += 4 * (len(a.next) + len(a.outs) + len(a.outAt))
			}
		}
	}
	return s
}
