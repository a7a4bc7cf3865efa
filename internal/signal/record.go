package signal

import (
	"fmt"
	"math"
	"time"

	"github.com/openmxdr/openmxdr/internal/entity"
	"github.com/openmxdr/openmxdr/internal/event"
)

// Dataset is the event.dataset of every signal record.
const Dataset = "mxdr.signal"

// Limits of one signal record. A detector that would exceed them keeps the
// first and says how many there were; a record that does is refused.
const (
	MaxEntities = 256
	MaxMatched  = 256
	MaxNames    = 256 // tactics, techniques, tags, aliases
)

// Encode writes s as the record that docs/schema.md describes. The event
// shares the strings of s.
func Encode(s *Signal, fields *event.Fields) *event.Event {
	e := event.New(fields)
	e.Time = s.Time
	e.Set("event.kind", event.StringValue("signal"))
	e.Set("event.dataset", event.StringValue(Dataset))
	e.Set("event.id", event.StringValue(s.ID))
	e.Set("organization.id", event.StringValue(s.Tenant))
	setTime(e, "event.start", s.First)
	setTime(e, "event.end", s.Last)
	e.Set("event.severity", event.IntValue(int64(s.Severity)))
	e.Set("event.risk_score", event.FloatValue(s.Risk))
	e.SetString("event.reason", s.Reason)
	e.SetString("event.outcome", s.Outcome)
	e.SetString("rule.id", s.RuleID)
	e.SetString("rule.name", s.RuleName)
	setStrings(e, "threat.tactic.id", s.Tactics)
	setStrings(e, "threat.technique.id", s.Techniques)
	setStrings(e, "tags", s.Tags)
	status := "active"
	if s.Withdrawn {
		status = "withdrawn"
	}
	e.Set("mxdr.signal.kind", event.StringValue(string(s.Kind)))
	e.Set("mxdr.signal.status", event.StringValue(status))
	e.Set("mxdr.signal.confidence", event.IntValue(int64(s.Confidence)))
	e.SetString("mxdr.signal.domain", s.Domain)
	e.SetString("mxdr.signal.dataset", s.Dataset)
	e.Set("mxdr.signal.events_total", event.IntValue(int64(s.EventsTotal)))
	setObjects(e, "mxdr.signal.entities", len(s.Entities), func(i int) []event.Field {
		x := s.Entities[i]
		f := []event.Field{
			{Name: "type", Value: event.StringValue(string(x.Type))},
			{Name: "value", Value: event.StringValue(x.Value)},
		}
		if x.Role != "" {
			f = append(f, event.Field{Name: "role", Value: event.StringValue(string(x.Role))})
		}
		if len(x.Aliases) > 0 {
			f = append(f, event.Field{Name: "aliases", Value: event.StringsValue(x.Aliases...)})
		}
		return f
	})
	setObjects(e, "mxdr.signal.matched", len(s.Matched), func(i int) []event.Field {
		return []event.Field{
			{Name: "field", Value: event.StringValue(s.Matched[i].Field)},
			{Name: "value", Value: event.StringValue(s.Matched[i].Value)},
		}
	})
	setObjects(e, "mxdr.signal.events", len(s.Events), func(i int) []event.Field {
		r := s.Events[i]
		f := []event.Field{
			{Name: "id", Value: event.StringValue(r.ID)},
			{Name: "dataset", Value: event.StringValue(r.Dataset)},
		}
		if !r.Time.IsZero() {
			f = append(f, event.Field{Name: "time", Value: event.StringValue(formatTime(r.Time))})
		}
		return f
	})
	setRelated(e, s.Entities)
	return e
}

// setRelated fills ECS related.* so that a search by name finds the signal.
func setRelated(e *event.Event, entities []entity.Entity) {
	for _, r := range []struct {
		field string
		typ   entity.Type
	}{
		{"related.user", entity.User}, {"related.hosts", entity.Host},
		{"related.ip", entity.IP}, {"related.hash", entity.FileHash},
	} {
		var values []string
		for _, x := range entities {
			if x.Type != r.typ {
				continue
			}
			for _, k := range x.Keys() {
				values = appendNew(values, k.Value)
			}
		}
		setStrings(e, r.field, values)
	}
}

// Decode reads a signal from a record that Encode wrote, possibly changed or
// made up on the way: it never panics, and what does not fit the schema is an
// error that names the field. Empty lists come back as nil.
func Decode(e *event.Event) (*Signal, error) {
	d := decoder{e: e}
	if kind := d.text("event.kind"); kind != "signal" {
		return nil, fmt.Errorf("signal record: event.kind is %.40q, want \"signal\"", kind)
	}
	s := &Signal{
		ID: d.required("event.id"), Tenant: d.required("organization.id"),
		Kind: Kind(d.required("mxdr.signal.kind")), Time: e.Time,
		First: d.time("event.start"), Last: d.time("event.end"),
		RuleID: d.text("rule.id"), RuleName: d.text("rule.name"),
		Severity:   d.number("event.severity", 0, 100),
		Confidence: d.number("mxdr.signal.confidence", 0, 100),
		Risk:       d.risk("event.risk_score"), Reason: d.text("event.reason"),
		Domain: d.text("mxdr.signal.domain"), Dataset: d.text("mxdr.signal.dataset"),
		Tactics: d.strings("threat.tactic.id"), Techniques: d.strings("threat.technique.id"),
		Tags: d.strings("tags"), Outcome: d.text("event.outcome"),
		EventsTotal: d.number("mxdr.signal.events_total", 0, math.MaxInt32),
	}
	switch s.Kind {
	case Rule, Correlation, Behavior, Alert, "":
	default:
		d.failf("mxdr.signal.kind", "%.40q is not a kind of signal", s.Kind)
	}
	switch status := d.text("mxdr.signal.status"); status {
	case "active":
	case "withdrawn":
		s.Withdrawn = true
	default:
		d.failf("mxdr.signal.status", "%.40q is neither active nor withdrawn", status)
	}
	if s.Time.IsZero() {
		d.failf("@timestamp", "missing")
	}
	d.objects("mxdr.signal.entities", MaxEntities, func(o event.Value) {
		x := entity.Entity{
			Type: entity.Type(member(o, "type")), Value: member(o, "value"), Role: entity.Role(member(o, "role")),
		}
		if x.Type == "" || x.Value == "" {
			d.failf("mxdr.signal.entities", "an entity without type or value")
		}
		if a, ok := o.Lookup("aliases"); ok {
			x.Aliases = d.texts("mxdr.signal.entities.aliases", a)
		}
		s.Entities = append(s.Entities, x)
	})
	d.objects("mxdr.signal.matched", MaxMatched, func(o event.Value) {
		s.Matched = append(s.Matched, Match{Field: member(o, "field"), Value: member(o, "value")})
	})
	d.objects("mxdr.signal.events", MaxEvents, func(o event.Value) {
		r := EventRef{ID: member(o, "id"), Dataset: member(o, "dataset")}
		if t := member(o, "time"); t != "" {
			r.Time = d.parseTime("mxdr.signal.events.time", t)
		}
		s.Events = append(s.Events, r)
	})
	if d.err != nil {
		return nil, fmt.Errorf("signal record %.64q: %w", s.ID, d.err)
	}
	return s, nil
}

// decoder keeps the first error, so that reading a record is one list of fields.
type decoder struct {
	e   *event.Event
	err error
}

func (d *decoder) failf(field, format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%s: %w", field, fmt.Errorf(format, args...))
	}
}

func (d *decoder) text(field string) string {
	v, ok := d.e.Lookup(field)
	if !ok || v.IsNull() {
		return ""
	}
	if v.Kind() != event.String {
		d.failf(field, "not a string")
		return ""
	}
	return v.Str()
}

func (d *decoder) required(field string) string {
	s := d.text(field)
	if s == "" {
		d.failf(field, "missing")
	}
	return s
}

func (d *decoder) time(field string) time.Time {
	s := d.text(field)
	if s == "" {
		return time.Time{}
	}
	return d.parseTime(field, s)
}

func (d *decoder) parseTime(field, s string) time.Time {
	t, err := event.ParseTime(s)
	if err != nil {
		d.failf(field, "%.40q is not an RFC 3339 time", s)
		return time.Time{}
	}
	return t.UTC()
}

func (d *decoder) number(field string, low, high float64) int {
	v, ok := d.e.Lookup(field)
	if !ok || v.IsNull() {
		return 0
	}
	f := v.Float()
	if k := v.Kind(); k != event.Int && k != event.Float || f != math.Trunc(f) || f < low || f > high {
		d.failf(field, "%.40s is not a whole number from %g to %g", v.Text(), low, high)
		return 0
	}
	return int(f)
}

// maxRisk keeps sums of risk finite whatever a record claims.
const maxRisk = 1e6

func (d *decoder) risk(field string) float64 {
	v, ok := d.e.Lookup(field)
	if !ok || v.IsNull() {
		return 0
	}
	f := v.Float()
	if k := v.Kind(); k != event.Int && k != event.Float || math.IsNaN(f) || f < 0 || f > maxRisk {
		d.failf(field, "%.40s is not a number from 0 to %g", v.Text(), maxRisk)
		return 0
	}
	return f
}

func (d *decoder) strings(field string) []string {
	v, ok := d.e.Lookup(field)
	if !ok {
		return nil
	}
	return d.texts(field, v)
}

func (d *decoder) texts(field string, v event.Value) []string {
	var out []string
	v.Scalars(func(x event.Value) bool {
		if x.Kind() != event.String {
			d.failf(field, "an element is not a string")
			return false
		}
		if len(out) == MaxNames {
			d.failf(field, "more than %d elements", MaxNames)
			return false
		}
		out = append(out, x.Str())
		return true
	})
	return out
}

// objects calls each for every object of a list; a single object counts as a
// list of one, since some transports unwrap those.
func (d *decoder) objects(field string, limit int, each func(event.Value)) {
	v, ok := d.e.Lookup(field)
	if !ok || v.IsNull() {
		return
	}
	list := v.List()
	if v.Kind() == event.Object {
		list = []event.Value{v}
	} else if v.Kind() != event.List {
		d.failf(field, "not a list of objects")
		return
	}
	if len(list) > limit {
		d.failf(field, "%d elements, at most %d are allowed", len(list), limit)
		return
	}
	for _, o := range list {
		if o.Kind() != event.Object {
			d.failf(field, "an element is not an object")
			return
		}
		each(o)
	}
}

func member(o event.Value, name string) string {
	v, _ := o.Lookup(name)
	return v.Str()
}

func setTime(e *event.Event, name string, t time.Time) {
	if !t.IsZero() {
		e.Set(name, event.StringValue(formatTime(t)))
	}
}

func formatTime(t time.Time) string { return t.UTC().Format(event.TimeLayout) }

func setStrings(e *event.Event, name string, list []string) {
	if len(list) > 0 {
		e.Set(name, event.StringsValue(list...))
	}
}

func setObjects(e *event.Event, name string, n int, fields func(int) []event.Field) {
	if n == 0 {
		return
	}
	list := make([]event.Value, n)
	for i := range list {
		list[i] = event.ObjectValue(fields(i))
	}
	e.Set(name, event.ListValue(list))
}

func appendNew(list []string, s string) []string {
	for _, x := range list {
		if x == s {
			return list
		}
	}
	return append(list, s)
}
