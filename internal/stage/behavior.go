package stage

import (
	"errors"
	"fmt"
	"time"

	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/internal/overlay"
	"github.com/openmxdr/openmxdr/internal/signal"
	"github.com/openmxdr/openmxdr/rules/behavior"
	"github.com/openmxdr/openmxdr/rules/content"
)

// LoadModels reads the shipped baselines with the given folders over them: a
// file replaces the shipped one of the same path.
func LoadModels(dirs []string) ([]*behavior.Model, error) {
	layers, err := overlay.Over(content.Behavior(), dirs)
	if err != nil {
		return nil, fmt.Errorf("models: %w", err)
	}
	return behavior.Load(layers)
}

// Behavior learns what is usual and adds a signal for what is not.
type Behavior struct {
	fields *event.Fields
	models []*behavior.Model
	config behavior.Config
	engine *behavior.Engine
}

// NewBehavior returns the stage without state. The names that the models ask
// for are interned in fields.
func NewBehavior(models []*behavior.Model, cfg behavior.Config, fields *event.Fields) (*Behavior, error) {
	s := &Behavior{fields: fields, models: models, config: cfg}
	engine, err := s.fresh()
	if err != nil {
		return nil, err
	}
	s.engine = engine
	fields.InternAll(engine.Fields())
	return s, nil
}

func (s *Behavior) fresh() (*behavior.Engine, error) {
	if len(s.models) == 0 {
		return nil, errors.New("behavior: there is no model")
	}
	engine, err := behavior.New(s.models, s.config)
	if err != nil {
		return nil, err
	}
	engine.KeepJournal()
	return engine, nil
}

// Prepare keeps the batch: what is usual depends on what came before.
func (s *Behavior) Prepare(batch []*event.Event) Prepared { return batch }

// Apply observes the events.
func (s *Behavior) Apply(prepared Prepared) ([]*event.Event, []byte) {
	var added []*event.Event
	var latest time.Time
	before := s.engine.Stats().Events
	for _, ev := range prepared.([]*event.Event) {
		if !Telemetry(ev) {
			continue
		}
		added = s.encode(added, s.engine.Observe(ev))
		if t := believable(ev); t.After(latest) {
			latest = t
		}
	}
	observed := s.engine.Stats().Events - before
	if !latest.IsZero() {
		s.engine.Advance(latest)
	}
	delta := s.engine.Delta()
	if observed == 0 {
		return added, nil // how far event time came is told again by what follows
	}
	return added, delta
}

func (s *Behavior) encode(dst []*event.Event, found []*signal.Signal) []*event.Event {
	for _, x := range found {
		dst = append(dst, signal.Encode(x, s.fields))
	}
	return dst
}

// Snapshot returns the whole state.
func (s *Behavior) Snapshot() ([]byte, error) { return s.engine.Snapshot() }

// Restore replaces the state and returns the signals since the snapshot.
func (s *Behavior) Restore(snapshot []byte, deltas [][]byte) ([]*event.Event, error) {
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
		found, err := engine.Apply(d)
		if err != nil {
			return nil, fmt.Errorf("journal entry %d: %w", i+1, err)
		}
		added = s.encode(added, found)
	}
	return added, nil
}

// Counters returns events, signals, late_events and evictions.
func (s *Behavior) Counters() map[string]int64 {
	st := s.engine.Stats()
	return map[string]int64{"events": st.Events, "signals": st.Signals, "late_events": st.Late, "evictions": st.Evicted}
}
