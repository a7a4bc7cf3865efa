package behavior

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/openmxdr/openmxdr/internal/entity"
	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/internal/signal"
)

// Config bounds the engine's state.
type Config struct {
	// Lateness is how late an event may be and still revise signals.
	Lateness time.Duration
	// MaxEntries bounds remembered values and events over all tenants. Beyond
	// it the entities seen longest ago leave, and are counted; an entity that
	// left learns anew.
	MaxEntries int
	// MaxValues bounds the values of one feature of one entity. The one seen
	// longest ago leaves, and is counted. 2 to 10,000.
	MaxValues int
}

// Default returns the limits meant for production: about a gigabyte.
func Default() Config {
	return Config{Lateness: 48 * time.Hour, MaxEntries: 8_000_000, MaxValues: 200}
}

// Validate names everything that is out of range.
func (c Config) Validate() error {
	var errs []error
	if c.Lateness < 0 || c.Lateness > 366*24*time.Hour {
		errs = append(errs, fmt.Errorf("behavior: lateness is %s, want 0 to 8784h", c.Lateness))
	}
	if c.MaxEntries < 1 {
		errs = append(errs, fmt.Errorf("behavior: max_entries is %d, want at least 1", c.MaxEntries))
	}
	if c.MaxValues < 2 || c.MaxValues > 10_000 {
		errs = append(errs, fmt.Errorf("behavior: max_values is %d, want 2 to 10000", c.MaxValues))
	}
	return errors.Join(errs...)
}

// Engine decides what is new for whom. It is not safe for concurrent use.
type Engine struct {
	cfg      Config
	models   []*compiled
	byID     map[string]int
	subjects map[subjectKey]*subject
	shelves  map[int64][]subjectKey // by the day of the last event, as far as was known when filed
	entries  int
	mark     int64 // watermark, Unix nanoseconds
	stats    Stats
	journal  []byte
	keep     bool
}

// Stats counts since New. Snapshots carry the counters.
type Stats struct {
	Events   int64 // that a model read
	Skipped  int64 // that a model wanted, without entity, id, tenant or usable time
	Late     int64 // later than Config.Lateness allows
	Signals  int64 // returned, revisions and withdrawals included
	Evicted  int64 // entries that left because a limit was reached
	Expired  int64 // entries that left because they were to be forgotten
	Entries  int   // in memory now
	Entities int   // in memory now
}

type compiled struct {
	*Model
	when, unless []condition
}

type condition struct {
	field string
	texts Texts
}

type subjectKey struct {
	model int
	id    [16]byte // of tenant and entity
}

// New returns an engine for models, which must be valid and have different ids.
func New(models []*Model, cfg Config) (*Engine, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	e := &Engine{cfg: cfg, byID: map[string]int{}, subjects: map[subjectKey]*subject{}, shelves: map[int64][]subjectKey{}}
	for _, m := range models {
		if err := m.Validate(); err != nil {
			return nil, fmt.Errorf("behavior model %s: %w", m.File, err)
		}
		if _, twice := e.byID[m.ID]; twice {
			return nil, fmt.Errorf("behavior model %s: id %s is used twice", m.File, m.ID)
		}
		c := &compiled{Model: m}
		for f, t := range m.When {
			c.when = append(c.when, condition{f, t})
		}
		for f, t := range m.Unless {
			c.unless = append(c.unless, condition{f, t})
		}
		e.byID[m.ID] = len(e.models)
		e.models = append(e.models, c)
	}
	return e, nil
}

// Fields are the names that the models ask for, to be interned.
func (e *Engine) Fields() []string {
	var out []string
	for _, m := range e.models {
		for _, c := range append(m.when, m.unless...) {
			out = append(out, c.field)
		}
		for _, f := range m.Features {
			out = append(out, f.Fields...)
		}
	}
	return out
}

// Times that an event may have, Unix nanoseconds. Outside of them arithmetic
// would wrap.
var (
	earliest = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// Observe takes in one event and returns the signals due to it: its own, and
// those of other events of the same entity that it revises or withdraws. An
// event that was taken in before gives its signal again. The engine keeps no
// part of ev.
func (e *Engine) Observe(ev *event.Event) []*signal.Signal {
	var out []*signal.Signal
	for i, m := range e.models {
		if !m.reads(ev) {
			continue
		}
		s, ok := e.sighting(i, ev)
		if !ok {
			e.stats.Skipped++
			continue
		}
		out = append(out, e.take(s)...)
	}
	e.stats.Signals += int64(len(out))
	return out
}

func (m *compiled) reads(ev *event.Event) bool {
	for _, c := range m.when {
		if !c.holds(ev) {
			return false
		}
	}
	for _, c := range m.unless {
		if c.holds(ev) {
			return false
		}
	}
	return true
}

func (c *condition) holds(ev *event.Event) bool {
	v, ok := ev.Lookup(c.field)
	if !ok {
		return false
	}
	found := false
	v.Scalars(func(x event.Value) bool {
		found = !x.IsNull() && c.texts.matches(x.Text())
		return !found
	})
	return found
}

// sighting is what the engine needs of one event for one model. Snapshots and
// journals hold it as JSON.
type sighting struct {
	Model    string          `json:"m"`
	Tenant   string          `json:"t"`
	Entity   entity.Entity   `json:"e"`
	Time     int64           `json:"at"` // Unix nanoseconds
	ID       string          `json:"id"`
	Dataset  string          `json:"ds,omitempty"`
	Outcome  string          `json:"o,omitempty"`
	Values   []value         `json:"v"` // by feature
	Entities []entity.Entity `json:"es,omitempty"`
	event    uint64          // hash of ID
}

// maxEntities bounds the entities that a signal carries.
const maxEntities = 16

func (e *Engine) sighting(model int, ev *event.Event) (*sighting, bool) {
	m := e.models[model]
	s := &sighting{
		Model: m.ID, Tenant: ev.Text("organization.id"), ID: ev.Text("event.id"),
		Dataset: ev.Text("event.dataset"), Outcome: ev.Text("event.outcome"),
	}
	if s.Tenant == "" || s.ID == "" || ev.Time.Before(earliest) || !ev.Time.Before(latest) {
		return nil, false
	}
	s.Time = ev.Time.UnixNano()
	all := entity.Extract(ev)
	for _, x := range all {
		if x.Type == m.Entity && (s.Entity.Value == "" || s.Entity.Role != entity.Actor && x.Role == entity.Actor) {
			s.Entity = x
		}
	}
	if s.Entity.Value == "" {
		return nil, false
	}
	s.Entities = all[:min(len(all), maxEntities)]
	s.Values = make([]value, len(m.Features))
	some := false
	for i := range m.Features {
		s.Values[i] = m.Features[i].read(ev)
		some = some || s.Values[i].Key != ""
	}
	return s, some
}

// hash computes what is compared; JSON does not carry it.
func (s *sighting) hash() {
	s.event = hash64(s.ID)
	for i := range s.Values {
		s.Values[i].hash = hash64(s.Values[i].Key)
	}
}

// take puts a sighting into its entity's habits and returns what is to say.
func (e *Engine) take(s *sighting) []*signal.Signal {
	if e.keep {
		e.journalSighting(s)
	}
	e.stats.Events++
	if s.Time < e.mark-int64(e.cfg.Lateness) {
		e.stats.Late++
	}
	model := e.byID[s.Model]
	m := e.models[model]
	key := subjectKey{model, keyOf(s.Tenant, s.Entity.Value)}
	s.hash()
	sub, before := e.subjects[key], 0
	if sub == nil {
		sub = newSubject(len(m.Features))
		e.subjects[key] = sub
		e.file(key, s.Time)
	} else {
		before = sub.entries()
	}
	out := sub.take(m, s, e)
	e.entries += sub.entries() - before
	e.makeRoom()
	return out
}

// keyOf names an entity of a tenant. The hash is a cryptographic one: who can
// choose a name must not be able to meet another's habits.
func keyOf(tenant, name string) (id [16]byte) {
	h := sha256.New()
	var n [4]byte
	binary.BigEndian.PutUint32(n[:], uint32(len(tenant)))
	h.Write(n[:])
	h.Write([]byte(tenant))
	h.Write([]byte(name))
	copy(id[:], h.Sum(nil))
	return id
}

func hash64(s string) uint64 {
	h := sha256.Sum256([]byte(s))
	return binary.BigEndian.Uint64(h[:8])
}

// Stats returns the counters.
func (e *Engine) Stats() Stats {
	s := e.stats
	s.Entries, s.Entities = e.entries, len(e.subjects)
	return s
}
