package correlation

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/openmxdr/openmxdr/internal/entity"
	"github.com/openmxdr/openmxdr/internal/signal"
)

// burst is a stretch of matches that matching windows cover: what a signal is
// about. Its members are the entries from start to last, and those that were
// folded into it before they left the group.
type burst struct {
	start, last key
	fire        int64  // when the condition first held
	id          string // signal id, "" if not yet worked out for start

	// What has been folded in, in order.
	absorbed        int // entries
	absorbedKey     key
	events          int // distinct events
	refs            []signal.EventRef
	entities        []entity.Entity
	domain, dataset string

	sentID    string // id under which an active signal was told
	sentTotal int    // entries when it was told
	changed   bool   // since it was told
	fresh     bool   // has entities that were not told
	origins   []*origin

	outID     string // what the correlations above were given
	outTime   int64
	outOrigin *origin
	stale     bool // they may have to be given something else

	eachID   string // the same for temporal correlations above
	eachFire int64
	giveFrom int64 // earliest time at which they lack a match; maxTime if none

	weighed [3]int // what size stands for: references, entities, origins
	size    int64  // charged beyond burstSize
}

// maxOrigins bounds how many different sources of entities make a revision each.
const maxOrigins = 16

// signalDataset is the dataset of events that are signals themselves.
const signalDataset = "mxdr.signal"

// meet notes a member's origin.
func (b *burst) meet(o *origin) {
	if len(b.origins) >= maxOrigins {
		return
	}
	for _, x := range b.origins {
		if x.equal(o) {
			return
		}
	}
	b.origins = append(b.origins, o)
	b.fresh = true
}

// grow takes in an entry between its ends that changes neither.
func (b *burst) grow(e *entry) {
	b.changed = true
	b.giveFrom = min(b.giveFrom, e.t)
	b.meet(e.origin)
}

func mergeOrigins(b, o *burst) []*origin {
	had := o.origins
	b.fresh = false
	now := b.origins
	b.origins = slices.Clone(had)
	for _, x := range now {
		b.meet(x)
	}
	return b.origins
}

// absorb folds in a member that leaves the group.
func (b *burst) absorb(e *entry, repeated bool) {
	b.absorbed++
	b.absorbedKey = e.key
	if b.domain == "" {
		b.domain = e.origin.domain
	}
	if b.dataset == "" {
		b.dataset = e.origin.dataset
	}
	b.entities = addEntities(b.entities, e.origin.entities)
	if repeated || referred(b.refs, e) {
		return
	}
	b.events++
	if len(b.refs) < signal.MaxEvents {
		b.refs = append(b.refs, e.eventRef())
	}
}

// referred tells whether e is a signal that refs has already: a burst below
// that goes on.
func referred(refs []signal.EventRef, e *entry) bool {
	return e.origin.dataset == signalDataset &&
		slices.ContainsFunc(refs, func(r signal.EventRef) bool { return r.ID == e.id && r.Dataset == signalDataset })
}

// addEntities appends what is new until there are MaxEntities.
func addEntities(list, more []entity.Entity) []entity.Entity {
	for _, x := range more {
		i := slices.IndexFunc(list, func(y entity.Entity) bool { return entity.Compare(x, y) == 0 })
		switch {
		case i < 0 && len(list) < MaxEntities:
			list = append(list, x)
		case i >= 0 && len(x.Aliases) > 0:
			for _, a := range x.Aliases {
				if !slices.Contains(list[i].Aliases, a) && len(list[i].Aliases) < MaxValues {
					list[i].Aliases = append(slices.Clip(list[i].Aliases), a)
				}
			}
		}
	}
	return list
}

// weigh charges for what the burst has gathered.
func (g *group) weigh(b *burst) {
	now := [3]int{len(b.refs), len(b.entities), len(b.origins)}
	if now == b.weighed {
		return
	}
	n := int64(0)
	for i := range b.refs {
		n += int64(64 + len(b.refs[i].ID) + len(b.refs[i].Dataset))
	}
	for i := range b.entities {
		x := &b.entities[i]
		n += int64(104 + len(x.Value) + 64*len(x.Aliases))
	}
	for _, o := range b.origins {
		n += int64(8 + o.size)
	}
	g.charge(n - b.size)
	b.size, b.weighed = n, now
}

// name works out the signal id.
func (b *burst) name(g *group) {
	if b.id == "" {
		b.id = signal.NewID("correlation", g.pool.tenant.name, g.pool.rule.ID, g.key, strconv.FormatInt(b.start.t, 10), b.start.id)
	}
}

// members returns the range of entries that are in b and still in the group.
func (g *group) members(b *burst) (from, to int) {
	from, _ = g.find(&b.start)
	to, found := g.find(&b.last)
	if found {
		to++
	}
	return from, to
}

// settle brings the bursts up to date with the entries and tells what changed.
func (g *group) settle(w int64) {
	c := g.pool.rule
	if g.dead {
		return
	}
	g.queued = true
	switch {
	case g.rebuild:
		g.reform()
	case g.dirty && g.hopeless():
		// Stays dirty: the slide can wait for the entry that gives hope.
	case g.dirty && len(g.entries) > 0:
		p, _ := g.find(&g.dirtyAt)
		g.slide(min(p, len(g.entries)-1))
		g.dirty = false
	}
	if g.rebuild {
		g.rebuild, g.dirty = false, false
	}
	g.deliver()
	if c.mode == atWatermark || g.deadline() < w {
		g.trim(w)
	} else if n := len(g.entries); n > 64 && g.entries[n/2].t < after(w, c.span) {
		g.trim(w)
	}
	keep := g.bursts[:0]
	for _, b := range g.bursts {
		ended := b.last.t < after(w, c.span)
		g.tell(b, ended)
		g.weigh(b)
		if ended {
			g.charge(-burstSize - b.size)
			continue
		}
		keep = append(keep, b)
	}
	clear(g.bursts[len(keep):])
	g.bursts = keep
	g.queued = false
	if len(g.entries) == 0 && len(g.bursts) == 0 {
		g.pool.forget(g)
		return
	}
	g.schedule()
}

// schedule works out when the group must be looked at next.
func (g *group) schedule() {
	g.due = g.deadline()
	if g.heapKey == never || g.due < g.heapKey {
		g.heapKey = g.due
		g.pool.push(g)
	}
}

// deadline is the watermark beyond which a window is decided, a burst has
// ended or the group is of no more use.
func (g *group) deadline() int64 {
	c := g.pool.rule
	due := maxTime
	if n := len(g.entries); n > 0 {
		if c.mode == atWatermark || c.numeric && g.negatives > 0 {
			due = g.entries[0].t
		} else if len(g.bursts) == 0 {
			due = g.entries[n-1].t
		}
	}
	if len(g.bursts) > 0 {
		due = min(due, g.bursts[0].last.t)
	}
	return due + c.span
}

// tell emits a revision of b if it is worth one.
func (g *group) tell(b *burst, ended bool) {
	if g.pool.rule.suppressed {
		return
	}
	b.name(g)
	moved := b.sentID != b.id
	if !moved && !b.fresh && !b.changed {
		return
	}
	from, to := g.members(b)
	total := b.absorbed + to - from
	if !moved && !b.fresh && !(b.changed && (ended || total >= 2*b.sentTotal)) {
		return
	}
	if moved && b.sentID != "" {
		g.withdraw(b)
	}
	b.sentID, b.sentTotal, b.changed, b.fresh = b.id, total, false, false
	g.pool.rule.stats.Signals++
	g.pool.engine.out = append(g.pool.engine.out, g.signal(b, from, to))
}

// revoke takes back all that was said about a burst that is no more.
func (g *group) revoke(b *burst) {
	g.charge(-burstSize - b.size)
	if b.sentID != "" {
		g.withdraw(b)
	}
	g.takeBack(b)
}

func (g *group) withdraw(b *burst) {
	s := g.head0(b)
	s.ID, s.Withdrawn = b.sentID, true
	s.Reason = g.pool.rule.title() + ": withdrawn, events that arrived later belong to another signal or refute it"
	g.pool.rule.stats.Withdrawn++
	g.pool.engine.out = append(g.pool.engine.out, s)
}

// head0 fills what a signal and its withdrawal share.
func (g *group) head0(b *burst) signal.Signal {
	r := g.pool.rule
	s := signal.Signal{
		ID: b.id, Tenant: g.pool.tenant.name, Kind: signal.Correlation,
		Time: timeOf(b.fire), First: timeOf(b.start.t), Last: timeOf(b.last.t),
		RuleID: r.ID, RuleName: r.title(), Severity: r.Severity, Confidence: r.Confidence, Risk: r.Risk,
		Tactics: r.Tactics, Techniques: r.Techniques, Tags: r.Tags,
	}
	values := splitKey(g.key)
	for i, f := range r.GroupBy {
		if i < len(values) {
			s.Matched = append(s.Matched, signal.Match{Field: f, Value: values[i]})
		}
	}
	return s
}

func (g *group) signal(b *burst, from, to int) signal.Signal {
	r := g.pool.rule
	s := g.head0(b)
	s.Domain, s.Dataset, s.EventsTotal = b.domain, b.dataset, b.events
	s.Events = slices.Clone(b.refs)
	s.Entities = cloneEntities(b.entities)
	for i := from; i < to; i++ {
		e := &g.entries[i]
		if s.Domain == "" {
			s.Domain = e.origin.domain
		}
		if s.Dataset == "" {
			s.Dataset = e.origin.dataset
		}
		if i == from || e.origin != g.entries[i-1].origin {
			s.Entities = addEntities(s.Entities, e.origin.entities)
		}
		if g.repeats(i) || referred(s.Events, e) {
			continue
		}
		s.EventsTotal++
		if len(s.Events) < signal.MaxEvents {
			s.Events = append(s.Events, e.eventRef())
		}
	}
	slices.SortFunc(s.Entities, entity.Compare)
	s.Reason = r.reason(&s)
	return s
}

func cloneEntities(in []entity.Entity) []entity.Entity { return slices.Clone(in) }

// deliver gives the correlations above the bursts as matches.
func (g *group) deliver() {
	c := g.pool.rule
	if len(c.parents) == 0 {
		return
	}
	for _, b := range g.bursts {
		if len(c.once) > 0 && b.stale {
			g.giveOnce(b)
		}
		b.stale = false
		if len(c.each) > 0 {
			g.giveEach(b)
		}
	}
}

// giveOnce gives one match, at the time the burst fired.
func (g *group) giveOnce(b *burst) {
	b.name(g)
	same := b.outID == b.id && b.outTime == b.fire
	if same && b.absorbed > 0 {
		return
	}
	o := g.originOf(b)
	if same && b.outOrigin != nil && b.outOrigin.equal(o) {
		return
	}
	g.takeBackOnce(b)
	b.outID, b.outTime, b.outOrigin = b.id, b.fire, o
	g.give(g.pool.rule.once, b.outTime, b.outID, o)
}

// giveEach gives a match at the time of every member from the firing on.
func (g *group) giveEach(b *burst) {
	b.name(g)
	if b.eachID != b.id || b.eachFire != b.fire {
		g.takeBackEach(b)
		b.eachID, b.eachFire, b.giveFrom = b.id, b.fire, b.fire
	}
	if b.giveFrom == maxTime {
		return
	}
	_, to := g.members(b)
	for i := g.firstAt(max(b.giveFrom, b.fire)); i < to; {
		t := g.entries[i].t
		o := &origin{domain: g.entries[i].origin.domain, dataset: signalDataset}
		j := i
		for ; j < to && g.entries[j].t == t; j++ {
			if g.entries[j].given {
				g.takeBackAt(b, j)
			}
			o.entities = addEntities(o.entities, g.entries[j].origin.entities)
		}
		for ; i < j; i++ {
			g.entries[i].given = true
		}
		if t == b.fire {
			o = g.originOf(b)
		} else {
			slices.SortFunc(o.entities, entity.Compare)
			o.measure()
		}
		g.give(g.pool.rule.each, t, b.eachID, o)
	}
	b.giveFrom = maxTime
}

func (g *group) give(to []member, t int64, id string, o *origin) {
	for _, p := range to {
		g.pool.tenant.pool(p.rule).accept(p.ref, key{t: t, id: id}, o, groupFields{g.pool.rule, g.key})
	}
}

func (g *group) retract(from []member, t int64, id string) {
	for _, p := range from {
		g.pool.tenant.pool(p.rule).retract(p.ref, key{t: t, id: id}, groupFields{g.pool.rule, g.key})
	}
}

// takeBack removes what deliver gave.
func (g *group) takeBack(b *burst) {
	g.takeBackOnce(b)
	g.takeBackEach(b)
}

func (g *group) takeBackOnce(b *burst) {
	if b.outID != "" {
		g.retract(g.pool.rule.once, b.outTime, b.outID)
	}
	b.outID, b.outOrigin = "", nil
}

func (g *group) takeBackEach(b *burst) {
	if b.eachID == "" {
		return
	}
	from, to := g.members(b)
	for i := from; i < to; i++ {
		if g.entries[i].given {
			g.takeBackAt(b, i)
		}
	}
}

// takeBackAt removes the match at the time of entry i.
func (g *group) takeBackAt(b *burst, i int) {
	t := g.entries[i].t
	g.retract(g.pool.rule.each, t, b.eachID)
	for i = g.firstAt(t); i < len(g.entries) && g.entries[i].t == t; i++ {
		g.entries[i].given = false
	}
}

// originOf joins the entities of the members up to the time it fired.
func (g *group) originOf(b *burst) *origin {
	o := &origin{domain: b.domain, dataset: signalDataset, entities: cloneEntities(b.entities)}
	from, to := g.members(b)
	for i := from; i < to && g.entries[i].t <= b.fire; i++ {
		e := g.entries[i].origin
		if o.domain == "" {
			o.domain = e.domain
		}
		if i == from || e != g.entries[i-1].origin {
			o.entities = addEntities(o.entities, e.entities)
		}
	}
	slices.SortFunc(o.entities, entity.Compare)
	o.measure()
	return o
}

func (c *rule) title() string {
	if c.Name != "" {
		return c.Name
	}
	return c.ID
}

// says puts the condition into words.
// reason says in plain words what was found: the title, for whom, how many
// events in how much time, and what the rule asks for.
func (c *rule) reason(s *signal.Signal) string {
	b := strings.TrimSuffix(c.title(), ".")
	for i, m := range s.Matched {
		sep := ", "
		if i == 0 {
			sep = " for "
		}
		b += sep + clip(m.Value, 100)
	}
	noun := " events"
	if s.EventsTotal == 1 {
		noun = " event"
	}
	b += ": " + strconv.Itoa(s.EventsTotal) + noun
	if took := s.Last.Sub(s.First); took > 0 {
		b += " within " + spell(took)
	}
	return b + " (the rule asks for " + c.asks() + " within " + spell(c.Timespan) + ")."
}

// comparisons in words.
var opWords = map[Op]string{
	GTE: "at least ", GT: "more than ", LTE: "at most ", LT: "fewer than ", EQ: "exactly ", NEQ: "any number but ",
}

// asks says the condition in words.
func (c *rule) asks() string {
	number := ""
	for i, x := range c.compare {
		if i > 0 {
			number += " and "
		}
		number += opWords[x.op] + strconv.FormatFloat(x.number, 'f', -1, 64)
	}
	of := ""
	if len(c.Condition.Fields) > 0 {
		of = " of " + clip(c.Condition.Fields[0], 100)
	}
	switch c.Type {
	case EventCount:
		return number + " events"
	case ValueCount:
		return number + " different values" + of
	case ValueSum:
		return "a sum" + of + " of " + number
	case ValueAvg:
		return "an average" + of + " of " + number
	case ValueMedian:
		return "a median" + of + " of " + number
	case ValuePercentile:
		return "a " + strconv.Itoa(c.Condition.Percentile) + "th percentile" + of + " of " + number
	case TemporalOrdered:
		return "its rules in order"
	}
	return "its rules together"
}

// spell writes a length of time as a person says it, in its largest two units.
func spell(d time.Duration) string {
	if d < time.Second {
		return "less than a second"
	}
	out, parts := "", 0
	for _, u := range []struct {
		name string
		size time.Duration
	}{{"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}, {"second", time.Second}} {
		n := d / u.size
		if n == 0 || parts == 2 {
			continue
		}
		if parts > 0 {
			out += " "
		}
		out += strconv.FormatInt(int64(n), 10) + " " + u.name
		if n > 1 {
			out += "s"
		}
		d -= n * u.size
		parts++
	}
	return out
}

func timeOf(ns int64) time.Time { return time.Unix(0, ns).UTC() }
