package stage

import (
	"fmt"
	"time"

	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/internal/signal"
	"github.com/openmxdr/openmxdr/rules/incident"
)

// Incident joins the signals of a batch into incidents and adds a revision
// for each one that changed.
type Incident struct {
	fields   *event.Fields
	config   incident.Config
	engine   *incident.Engine
	rejected int64 // signals that could not be read
}

// NewIncident returns the stage without state.
func NewIncident(cfg incident.Config, fields *event.Fields) (*Incident, error) {
	s := &Incident{fields: fields, config: cfg}
	engine, err := s.fresh()
	if err != nil {
		return nil, err
	}
	s.engine = engine
	return s, nil
}

func (s *Incident) fresh() (*incident.Engine, error) {
	engine, err := incident.New(s.config)
	if err != nil {
		return nil, err
	}
	engine.KeepJournal()
	return engine, nil
}

type preparedIncident struct {
	signals  []*signal.Signal
	rejected int64
	latest   time.Time
}

// Prepare reads the signals.
func (s *Incident) Prepare(batch []*event.Event) Prepared {
	p := &preparedIncident{}
	for _, ev := range batch {
		if ev.Text("event.kind") == KindSignal {
			x, err := signal.Decode(ev)
			if err != nil {
				p.rejected++
				continue
			}
			p.signals = append(p.signals, x)
			continue
		}
		if !Telemetry(ev) {
			continue
		}
		if t := believable(ev); t.After(p.latest) {
			p.latest = t
		}
	}
	return p
}

// Apply takes the signals in.
func (s *Incident) Apply(prepared Prepared) ([]*event.Event, []byte) {
	p := prepared.(*preparedIncident)
	s.rejected += p.rejected
	for _, x := range p.signals {
		if err := s.engine.Observe(x); err != nil {
			s.rejected++
		}
	}
	added := s.encode(s.engine.Flush())
	if !p.latest.IsZero() {
		s.engine.Advance(p.latest)
	}
	delta := s.engine.Delta()
	if len(p.signals) == 0 {
		return added, nil // how far event time came is told again by what follows
	}
	return added, delta
}

func (s *Incident) encode(revisions []*incident.Incident) []*event.Event {
	var out []*event.Event
	for _, in := range revisions {
		ev, err := incident.Encode(in, s.fields)
		if err != nil { // only for what the engine did not make
			s.rejected++
			continue
		}
		out = append(out, ev)
	}
	return out
}

// Incidents returns the open incidents as they are now.
func (s *Incident) Incidents() []*incident.Incident { return s.engine.Incidents() }

// Snapshot returns the whole state.
func (s *Incident) Snapshot() ([]byte, error) { return s.engine.Snapshot(), nil }

// Restore replaces the state and returns the revisions since the snapshot.
func (s *Incident) Restore(snapshot []byte, deltas [][]byte) ([]*event.Event, error) {
	engine, err := s.fresh()
	if err != nil {
		return nil, err
	}
	if snapshot != nil {
		if err := engine.Restore(snapshot); err != nil {
			return nil, err
		}
	}
	s.engine = engine
	var added []*event.Event
	for i, d := range deltas {
		revisions, err := engine.Apply(d)
		if err != nil {
			return nil, fmt.Errorf("journal entry %d: %w", i+1, err)
		}
		added = append(added, s.encode(revisions)...)
	}
	return added, nil
}

// Counters returns signals, revisions, late_signals, evictions and rejected.
func (s *Incident) Counters() map[string]int64 {
	st := s.engine.Stats()
	return map[string]int64{
		"signals": st.Signals, "revisions": st.Revisions, "late_signals": st.Late, "evictions": st.Evicted, "rejected": s.rejected,
	}
}
