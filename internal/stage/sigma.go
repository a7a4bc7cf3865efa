package stage

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openmxdr/openmxdr/internal/entity"
	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/internal/signal"
	"github.com/openmxdr/openmxdr/rules/sigma"
	"github.com/openmxdr/openmxdr/rules/sigma/correlation"
	"github.com/openmxdr/openmxdr/rules/sigma/correlation/fromsigma"
)

// Detections is a compiled set of Sigma rules and correlations. It is immutable.
type Detections struct {
	engine       *sigma.Engine
	correlations *fromsigma.Set
	// Problems names the rules that were left out, with file, line and reason.
	Problems []error
}

// Rules returns how many single-event rules and correlations there are.
func (d *Detections) Rules() (single, correlations int) {
	return len(d.engine.Rules()), len(d.correlations.Rules)
}

// Sigma evaluates rules on events and adds a signal for each finding.
type Sigma struct {
	fields  *event.Fields
	options correlation.Options
	current atomic.Pointer[Detections]
	scratch sync.Pool // of *sigma.Scratch

	correlator *correlation.Engine
	counters   map[string]int64
	advanced   map[string]time.Time // how far event time came, by tenant
	past       correlation.Stats    // of correlators that a reload replaced
}

// NewSigma returns the stage for the given detections, whose field names are
// interned in fields.
func NewSigma(d *Detections, fields *event.Fields, o correlation.Options) (*Sigma, error) {
	s := &Sigma{fields: fields, options: o, counters: map[string]int64{}, advanced: map[string]time.Time{}}
	s.scratch.New = func() any { return new(sigma.Scratch) }
	correlator, err := correlation.New(d.correlations.Rules, o)
	if err != nil {
		return nil, err
	}
	s.correlator = correlator
	s.current.Store(d)
	return s, nil
}

// Reload replaces the detections and keeps what correlations remember. It
// must not overlap Apply. A batch that was prepared before still counts.
func (s *Sigma) Reload(d *Detections) error {
	next, err := correlation.New(d.correlations.Rules, s.options)
	if err != nil {
		return err
	}
	if _, err := next.Restore(s.correlator.Snapshot(nil)); err != nil {
		return fmt.Errorf("take over the state of correlations: %w", err)
	}
	s.past = addStats(s.past, s.correlator.Stats())
	s.correlator = next
	s.current.Store(d)
	return nil
}

// preparedSigma is what single events gave: signals, matches for correlations,
// and how far event time came.
type preparedSigma struct {
	signals []*signal.Signal
	matches []correlation.Match
	latest  map[string]time.Time // by tenant
	events  int64
}

// Prepare evaluates the single-event rules.
func (s *Sigma) Prepare(batch []*event.Event) Prepared {
	d := s.current.Load()
	scratch := s.scratch.Get().(*sigma.Scratch)
	defer s.scratch.Put(scratch)
	p := &preparedSigma{latest: map[string]time.Time{}}
	for _, ev := range batch {
		if !Telemetry(ev) {
			continue
		}
		p.events++
		tenant := ev.Text("organization.id")
		if t := believable(ev); t.After(p.latest[tenant]) {
			p.latest[tenant] = t
		}
		if a := alertSignal(ev, tenant); a != nil {
			p.signals = append(p.signals, a)
		}
		matches := d.engine.Match(ev, scratch)
		if len(matches) == 0 {
			continue
		}
		entities := entity.Extract(ev)
		for _, m := range matches {
			if !d.correlations.Silent(m.Rule) {
				p.signals = append(p.signals, ruleSignal(ev, m, tenant, entities))
			}
			if ref, used := d.correlations.Ref(m.Rule); used {
				p.matches = append(p.matches, correlation.Match{
					Tenant: tenant, Rule: ref, EventID: ev.Text("event.id"), Time: ev.Time,
					Observed: ev.Observed, Domain: Domain(ev), Dataset: ev.Text("event.dataset"),
					Entities: entities, Fields: d.correlations.Fields(m.Rule, ev),
				})
			}
		}
	}
	return p
}

// Apply feeds the correlations.
func (s *Sigma) Apply(prepared Prepared) ([]*event.Event, []byte) {
	p := prepared.(*preparedSigma)
	s.counters["events"] += p.events
	var delta []byte
	if len(p.matches) > 0 {
		delta = s.correlator.AppendBatch(delta, p.matches)
	}
	found := s.correlator.Process(p.matches)
	for _, tenant := range sortedKeys(p.latest) {
		t := p.latest[tenant]
		if !t.After(s.advanced[tenant]) {
			continue
		}
		s.advanced[tenant] = t
		delta = s.correlator.AppendAdvance(delta, tenant, t)
		found = append(found, s.correlator.Advance(tenant, t)...)
	}
	added := make([]*event.Event, 0, len(p.signals)+len(found))
	for _, x := range p.signals {
		added = append(added, signal.Encode(x, s.fields))
	}
	for i := range found {
		added = append(added, signal.Encode(&found[i], s.fields))
	}
	s.counters["signals"] += int64(len(added))
	return added, delta
}

// Finish decides what only waits for event time to pass, as at the end of a
// file. Whatever comes afterwards is late.
func (s *Sigma) Finish() []*event.Event {
	found := s.correlator.Finish()
	added := make([]*event.Event, 0, len(found))
	for i := range found {
		added = append(added, signal.Encode(&found[i], s.fields))
	}
	return added
}

// Snapshot returns the state of the correlations.
func (s *Sigma) Snapshot() ([]byte, error) { return s.correlator.Snapshot(nil), nil }

// Restore brings the correlations back. Signals of single-event rules are not
// found again: their events are delivered again if they were not acknowledged.
func (s *Sigma) Restore(snapshot []byte, deltas [][]byte) ([]*event.Event, error) {
	fresh, err := correlation.New(s.current.Load().correlations.Rules, s.options)
	if err != nil {
		return nil, err
	}
	if snapshot != nil {
		if _, err := fresh.Restore(snapshot); err != nil {
			return nil, err
		}
	}
	var added []*event.Event
	for i, d := range deltas {
		found, err := fresh.Replay(d)
		if err != nil {
			return nil, fmt.Errorf("journal entry %d: %w", i+1, err)
		}
		for j := range found {
			added = append(added, signal.Encode(&found[j], s.fields))
		}
	}
	s.correlator = fresh
	clear(s.advanced)
	return added, nil
}

// Counters returns events, signals, late_events and evictions.
func (s *Sigma) Counters() map[string]int64 {
	st := addStats(s.past, s.correlator.Stats())
	s.counters["late_events"] = st.Late + st.Future
	evicted := int64(0)
	for _, r := range st.Rules {
		evicted += r.EvictedEntries
	}
	s.counters["evictions"] = evicted
	return s.counters
}

func addStats(a, b correlation.Stats) correlation.Stats {
	a.Late += b.Late
	a.Future += b.Future
	a.Rules = append(a.Rules[:len(a.Rules):len(a.Rules)], b.Rules...)
	return a
}

// ruleSignal is the finding of one single-event rule. Its id comes from the
// tenant, the rule and the event, so finding it twice is finding it once.
func ruleSignal(ev *event.Event, m sigma.Match, tenant string, entities []entity.Entity) *signal.Signal {
	r := m.Rule
	level := LevelOf(r.Level)
	s := &signal.Signal{
		ID:     signal.NewID(tenant, "rule", r.Key(), ev.Text("event.dataset"), ev.Text("event.id")),
		Tenant: tenant, Kind: signal.Rule,
		Time: ev.Time, First: ev.Time, Last: ev.Time,
		RuleID: r.Key(), RuleName: r.Title,
		Severity: level.Severity, Confidence: confidenceOf(r.Status), Risk: level.Risk,
		Domain: Domain(ev), Dataset: ev.Text("event.dataset"), Outcome: ev.Text("event.outcome"),
		Tactics: TacticIDs(r.Tags), Techniques: r.Techniques(), Tags: r.Tags,
		Entities: entities, EventsTotal: 1,
		Events: []signal.EventRef{{ID: ev.Text("event.id"), Dataset: ev.Text("event.dataset"), Time: ev.Time}},
	}
	for _, f := range m.Fields() {
		s.Matched = append(s.Matched, signal.Match{Field: f.Field, Value: f.Value})
	}
	s.Reason = reason(r.Title, ev)
	return s
}

// alertSignal makes another product's alert a signal like any other.
func alertSignal(ev *event.Event, tenant string) *signal.Signal {
	if ev.Text("event.kind") != "alert" {
		return nil
	}
	severity := 50
	if v, ok := ev.Lookup("event.severity"); ok && v.Float() > 0 {
		severity = int(math.Min(v.Float(), 100))
	}
	name := firstText(ev, "rule.name", "message", "event.action", "event.dataset")
	s := &signal.Signal{
		ID:     signal.NewID(tenant, "alert", ev.Text("event.dataset"), ev.Text("event.id")),
		Tenant: tenant, Kind: signal.Alert,
		Time: ev.Time, First: ev.Time, Last: ev.Time,
		RuleID: "alert:" + firstText(ev, "rule.id", "rule.name", "event.action", "event.dataset"), RuleName: clip(name, 200),
		Severity: severity, Confidence: 60, Risk: riskOf(severity),
		Domain: Domain(ev), Dataset: ev.Text("event.dataset"), Outcome: ev.Text("event.outcome"),
		Tactics: texts(ev, "threat.tactic.id"), Techniques: texts(ev, "threat.technique.id"),
		Entities: entity.Extract(ev), EventsTotal: 1,
		Events: []signal.EventRef{{ID: ev.Text("event.id"), Dataset: ev.Text("event.dataset"), Time: ev.Time}},
	}
	s.Reason = reason(clip(name, 200), ev)
	return s
}
