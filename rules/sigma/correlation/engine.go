package correlation

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/openmxdr/openmxdr/internal/entity"
	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/internal/signal"
)

// Engine finds correlations among matches; the package comment says what that
// means. It is not safe for concurrent use. Several engines can share the work:
// see Partition.
type Engine struct {
	opts       Options
	rules      []*rule // by level
	byID       map[string]*rule
	members    map[string][]member
	suppressed map[string]bool
	fields     map[string][]string // by single rule
	tenants    map[string]*tenant
	order      []*tenant // by name

	bytes   int64
	entries int64
	out     []signal.Signal
	stats   Stats
	scratch scratch
}

// Match is one event that fulfilled one single rule.
type Match struct {
	Tenant  string
	Rule    string // as Rule.Rules names it
	EventID string // the same whenever the event is delivered again
	Time    time.Time
	// Observed is when the pipeline received the event; see Options.MaxFuture.
	Observed time.Time
	Domain   string
	Dataset  string
	Entities []entity.Entity
	// Fields gives the values of the event by the names that the correlation
	// uses; see Engine.Fields. *event.Event is one. It is read during the call only.
	Fields Fields
}

// Fields looks up the fields of one event.
type Fields interface {
	Lookup(name string) (event.Value, bool)
}

// tenant is the event time and the state of one tenant.
type tenant struct {
	engine *Engine
	name   string
	latest int64 // latest event time seen; never if none
	pools  []*pool
	active bool // in the list of tenants to settle
}

// New returns an engine for rules. The engine works with all rules that are
// sound; the error joins one *RuleError for each rule that is left out.
func New(rules []Rule, opts Options) (*Engine, error) {
	e := &Engine{
		opts: opts.withDefaults(), byID: map[string]*rule{}, members: map[string][]member{},
		suppressed: map[string]bool{}, fields: map[string][]string{}, tenants: map[string]*tenant{},
	}
	compiled, err := compileAll(rules, e.opts)
	e.rules = compiled
	names := map[string]bool{}
	for _, c := range compiled {
		names[c.ID] = true
		if c.Name != "" {
			names[c.Name] = true
		}
	}
	for i, c := range compiled {
		c.index = i
		e.byID[c.ID] = c
		for ref, name := range c.refs {
			if !c.Generate {
				e.suppressed[name] = true
			}
			if !names[name] {
				e.members[name] = append(e.members[name], member{c, ref})
			}
		}
	}
	for name, members := range e.members {
		var all []string
		for _, m := range members {
			all = append(append(all, m.rule.groupBy[m.ref]...), m.rule.values[m.ref]...)
		}
		slices.Sort(all)
		e.fields[name] = slices.Compact(all)
	}
	for _, c := range compiled {
		c.suppressed = e.suppressed[c.ID] || c.Name != "" && e.suppressed[c.Name]
	}
	return e, err
}

// Suppressed tells whether rule (single or correlation) is a member of a
// correlation that does not generate, and so makes no signals of its own.
func (e *Engine) Suppressed(rule string) bool { return e.suppressed[rule] }

// Uses tells whether some correlation refers to the single rule.
func (e *Engine) Uses(rule string) bool { return len(e.members[rule]) > 0 }

// Fields returns the names, sorted, that are looked up in matches of rule.
// The caller must not change them.
func (e *Engine) Fields(rule string) []string { return e.fields[rule] }

// Process takes in matches in the order given and returns the signals that are
// new, revised or withdrawn by them. It keeps nothing of batch.
func (e *Engine) Process(batch []Match) []signal.Signal {
	for i := range batch {
		e.take(&batch[i])
	}
	return e.settle()
}

// Advance tells that an event of tenant with time t was seen, whether or not
// it matched anything, and returns the signals that this decides. It must
// follow the Process of all earlier or simultaneous events of the same batch.
// The caller asks Plausible first: a wrong clock must not move the watermark.
func (e *Engine) Advance(tenant string, t time.Time) []signal.Signal {
	if ns, ok := nanos(t); ok {
		tn := e.tenant(tenant)
		tn.latest = max(tn.latest, ns)
		tn.active = true
	} else {
		e.stats.Invalid++
	}
	return e.settle()
}

// Plausible tells whether an event that was received at observed (zero:
// unknown) can have time t; see Options.MaxFuture.
func (e *Engine) Plausible(t, observed time.Time) bool {
	return e.opts.MaxFuture < 0 || observed.IsZero() || t.Sub(observed) <= e.opts.MaxFuture
}

// Finish decides everything as if event time had come to its end and returns
// the signals. Whatever comes afterwards is late.
func (e *Engine) Finish() []signal.Signal {
	for _, t := range e.order {
		t.latest = math.MaxInt64
		t.active = true
	}
	return e.settle()
}

// Watermark returns the time before which matches of tenant are late.
func (e *Engine) Watermark(tenant string) (t time.Time, ok bool) {
	tn := e.tenants[tenant]
	if tn == nil || tn.latest == never {
		return time.Time{}, false
	}
	return timeOf(tn.watermark()), true
}

func (e *Engine) tenant(name string) *tenant {
	t := e.tenants[name]
	if t == nil {
		t = &tenant{engine: e, name: strings.Clone(name), latest: never, pools: make([]*pool, len(e.rules))}
		e.tenants[t.name] = t
		i, _ := slices.BinarySearchFunc(e.order, t, func(a, b *tenant) int { return cmp.Compare(a.name, b.name) })
		e.order = slices.Insert(e.order, i, t)
	}
	return t
}

func (t *tenant) watermark() int64 {
	switch t.latest {
	case never, math.MaxInt64:
		return t.latest
	}
	return t.latest - int64(t.engine.opts.Lateness)
}

func (t *tenant) pool(c *rule) *pool {
	p := t.pools[c.index]
	if p == nil {
		p = &pool{engine: t.engine, tenant: t, rule: c, groups: map[string]*group{}}
		t.pools[c.index] = p
	}
	return p
}

// take takes in one match.
func (e *Engine) take(m *Match) {
	ns, ok := nanos(m.Time)
	if !ok || m.EventID == "" {
		e.stats.Invalid++
		return
	}
	if !e.Plausible(m.Time, m.Observed) {
		e.stats.Future++
		return
	}
	t := e.tenant(m.Tenant)
	if ns < t.watermark() {
		e.stats.Late++
		return
	}
	t.latest = max(t.latest, ns)
	t.active = true
	members := e.members[m.Rule]
	if len(members) == 0 {
		return
	}
	var o *origin
	for _, mb := range members {
		p := t.pool(mb.rule)
		if o == nil {
			o = newOrigin(m)
		}
		p.accept(mb.ref, key{t: ns, id: m.EventID}, o, m.Fields)
	}
}

// settle works from the single rules upwards, so that a correlation has all
// matches from below before its watermark moves.
func (e *Engine) settle() []signal.Signal {
	for _, t := range e.order {
		if !t.active {
			continue
		}
		t.active = false
		for i := range e.rules {
			if p := t.pools[i]; p != nil {
				p.settle()
			}
		}
	}
	e.evict()
	out := e.out
	e.out = nil
	return out
}

// maxTime is later than any event by more than any timespan.
const maxTime = int64(math.MaxInt64 - maxSpan)

// nanos converts a time between 1900 and 2200.
func nanos(t time.Time) (int64, bool) {
	if y := t.Year(); y < 1900 || y >= 2200 {
		return 0, false
	}
	return t.UnixNano(), true
}

// newOrigin copies what a match says, so that it keeps no larger buffer alive.
func newOrigin(m *Match) *origin {
	o := &origin{domain: strings.Clone(m.Domain), dataset: strings.Clone(m.Dataset)}
	n := min(len(m.Entities), MaxEntities)
	o.entities = make([]entity.Entity, n)
	for i, x := range m.Entities[:n] {
		c := entity.Entity{Type: entity.Type(strings.Clone(string(x.Type))), Value: strings.Clone(x.Value), Role: entity.Role(strings.Clone(string(x.Role)))}
		for _, a := range x.Aliases[:min(len(x.Aliases), MaxValues)] {
			c.Aliases = append(c.Aliases, strings.Clone(a))
		}
		o.entities[i] = c
	}
	o.measure()
	return o
}

func (o *origin) measure() {
	o.size = 80 + len(o.domain) + len(o.dataset)
	for _, x := range o.entities {
		o.size += 104 + len(x.Type) + len(x.Value) + len(x.Role)
		for _, a := range x.Aliases {
			o.size += 32 + len(a)
		}
	}
}
