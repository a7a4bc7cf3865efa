package sigma

import (
	"slices"
	"strings"

	"github.com/openmxdr/openmxdr/internal/event"
)

// Routing says which rules are tried on which events.
type Routing uint8

const (
	// RouteNone tries every rule on every event.
	RouteNone Routing = iota
	// RouteDeclared tries a rule on an event only if a log source of the
	// FieldMap that the rule's log source contains declares the event its own.
	RouteDeclared
	// RouteConflicts leaves out only rules whose product, category or service
	// conflicts with what the event says: in its fields product, category
	// and service (or logsource.product …), else by the FieldMap.
	RouteConflicts
)

// router classifies events. It is immutable.
type router struct {
	routing Routing
	keys    []event.FieldID // fields that decide
	sources []compiledSource
	hints   [3][]int // for product, category, service: places in keys
	also    [][]int  // by key: other keys of the same meaning
	// known gives, by key, numbers to the texts that make a difference; all
	// others are alike, so events cannot make classes without end.
	known []map[string]uint16
	all   *routeClass
}

type compiledSource struct {
	LogSource
	when [][]routeTest
}

type routeTest struct {
	key   int
	texts []string // folded
}

// routeClass is what is common to all events of a class.
type routeClass struct {
	allowed     []bool // by log source of rules
	needs       []bool // by slot
	none        bool   // no rule applies
	hasKeywords bool
	// telling are the keywords that can make a difference; prefilter finds
	// them in undecoded JSON.
	telling   []int32
	prefilter *prefilter
	// quiet is the class of the same events without keywords in them.
	quiet *routeClass
}

// finish fills in what follows from the log sources allowed.
func (c *routeClass) finish(e *Engine) *routeClass {
	c.none = true
	c.needs = make([]bool, len(e.slots))
	for i, ok := range c.allowed {
		if !ok {
			continue
		}
		n := &e.needs[i]
		c.none = false
		c.hasKeywords = c.hasKeywords || n.keywords
		for _, s := range n.slots {
			c.needs[s] = true
		}
		c.telling = append(c.telling, n.telling...)
	}
	if !c.hasKeywords {
		return c
	}
	slices.Sort(c.telling)
	c.telling = slices.Compact(c.telling)
	c.prefilter = newPrefilter(e, c.telling)
	q := *c
	q.hasKeywords = false
	c.quiet = &q
	return c
}

// routeCache remembers the classes of the key values seen lately. Events
// decide what is in it, so it is bounded; when full, it starts over.
type routeCache struct {
	key     []byte
	classes map[string]*routeClass // by key
	sets    map[string]*routeClass // by log sources allowed
}

const (
	maxKeys    = 4096
	maxClasses = 256
)

func newRouter(k *compiler) *router {
	r := &router{routing: k.opts.Routing}
	r.all = &routeClass{allowed: make([]bool, len(k.sources))}
	for i := range r.all.allowed {
		r.all.allowed[i] = true
	}
	if r.routing == RouteNone {
		return r
	}
	index := map[string]int{}
	key := func(name string) int {
		i, ok := index[name]
		if !ok {
			i = len(r.keys)
			index[name] = i
			r.keys = append(r.keys, k.fields.Intern(name))
		}
		return i
	}
	if k.opts.FieldMap != nil {
		for _, src := range k.opts.FieldMap.sources {
			c := compiledSource{LogSource: src.LogSource}
			for _, w := range src.when {
				var tests []routeTest
				for name, texts := range w {
					tests = append(tests, routeTest{key(name), texts})
				}
				slices.SortFunc(tests, func(a, b routeTest) int { return a.key - b.key })
				c.when = append(c.when, tests)
			}
			r.sources = append(r.sources, c)
		}
	}
	if k.opts.FieldMap != nil {
		r.also = make([][]int, len(r.keys))
		for name, others := range k.opts.FieldMap.also {
			if i, ok := index[name]; ok {
				for _, o := range others {
					r.also[i] = append(r.also[i], key(o))
				}
			}
		}
	}
	if r.routing == RouteConflicts {
		for i, n := range []string{"product", "category", "service"} {
			r.hints[i] = []int{key(n), key("logsource." + n)}
		}
	}
	r.number(k.sources)
	return r
}

// number fills in known.
func (r *router) number(rules []LogSource) {
	r.known = make([]map[string]uint16, len(r.keys))
	for i := range r.known {
		r.known[i] = map[string]uint16{}
	}
	add := func(i int, text string) {
		if _, ok := r.known[i][text]; !ok && len(r.known[i]) < otherText {
			r.known[i][text] = uint16(len(r.known[i]))
		}
	}
	for _, src := range r.sources {
		for _, tests := range src.when {
			for _, t := range tests {
				for _, text := range t.texts {
					add(t.key, text)
					for _, o := range r.also[t.key] {
						add(o, text)
					}
				}
			}
		}
	}
	for i := range r.hints {
		for _, h := range r.hints[i] {
			for _, l := range rules {
				add(h, fold(strings.TrimSpace([3]string{l.Product, l.Category, l.Service}[i])))
			}
		}
	}
}

// otherText stands for every text that makes no difference.
const otherText = 0xffff

// classify returns the class of an event.
func (r *router) classify(e *Engine, ev *event.Event, s *Scratch) *routeClass {
	if r.routing == RouteNone {
		return r.all
	}
	s.routes.key = s.routes.key[:0]
	for i, id := range r.keys {
		if v, ok := ev.Get(id); ok {
			r.appendKey(r.known[i], v, s)
		}
		s.routes.key = append(s.routes.key, '|')
	}
	if c, ok := s.routes.classes[string(s.routes.key)]; ok {
		return c
	}
	c := r.class(e, ev, &s.routes)
	if len(s.routes.classes) >= maxKeys {
		clear(s.routes.classes)
	}
	if len(s.routes.key) <= 1024 {
		s.routes.classes[string(s.routes.key)] = c
	}
	return c
}

// appendKey adds what a value tells to the key of an event's class.
func (r *router) appendKey(known map[string]uint16, v event.Value, s *Scratch) {
	switch v.Kind() {
	case event.List:
		for _, x := range v.List() {
			r.appendKey(known, x, s)
		}
		return
	case event.Null, event.Object:
		return
	}
	s.fold = appendFold(s.fold[:0], scalarText(v, s))
	n, ok := known[string(s.fold)]
	if !ok {
		n = otherText
	}
	s.routes.key = append(s.routes.key, byte(n>>8), byte(n), ',')
}

// class works out which rules apply to an event.
func (r *router) class(e *Engine, ev *event.Event, cache *routeCache) *routeClass {
	values := make([][]string, len(r.keys))
	for i, id := range r.keys {
		if v, ok := ev.Get(id); ok {
			for _, t := range v.Texts() {
				values[i] = append(values[i], fold(t))
			}
		}
	}
	for i, others := range r.also {
		for _, o := range others {
			values[i] = append(values[i], values[o]...)
		}
	}
	var holds []LogSource
	for _, src := range r.sources {
		if slices.ContainsFunc(src.when, func(tests []routeTest) bool {
			return !slices.ContainsFunc(tests, func(t routeTest) bool {
				return !slices.ContainsFunc(values[t.key], func(v string) bool { return slices.Contains(t.texts, v) })
			})
		}) {
			holds = append(holds, src.LogSource)
		}
	}
	c := &routeClass{allowed: make([]bool, len(e.sources))}
	var known [3][]string
	if r.routing == RouteConflicts {
		for i := range known {
			for _, h := range r.hints[i] {
				known[i] = append(known[i], values[h]...)
			}
		}
		for i := range known {
			if len(known[i]) > 0 {
				continue
			}
			for _, h := range holds {
				if a := [3]string{h.Product, h.Category, h.Service}[i]; a != "" {
					known[i] = append(known[i], fold(a))
				}
			}
		}
	}
	for i, l := range e.sources {
		ok := false
		if r.routing == RouteConflicts {
			ok = true
			for j, a := range [3]string{l.Product, l.Category, l.Service} {
				if a != "" && len(known[j]) > 0 && !slices.Contains(known[j], fold(strings.TrimSpace(a))) {
					ok = false
				}
			}
		} else {
			ok = slices.ContainsFunc(holds, l.contains)
		}
		if !ok {
			continue
		}
		c.allowed[i] = true
	}
	set := make([]byte, len(c.allowed))
	for i, ok := range c.allowed {
		if ok {
			set[i] = 1
		}
	}
	if known, ok := cache.sets[string(set)]; ok {
		return known
	}
	if cache.sets == nil || len(cache.sets) >= maxClasses {
		cache.sets, cache.classes = map[string]*routeClass{}, map[string]*routeClass{}
	}
	cache.sets[string(set)] = c.finish(e)
	return c
}
