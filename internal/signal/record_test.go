package signal

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/openmxdr/openmxdr/internal/entity"
	"github.com/openmxdr/openmxdr/internal/event"
)

// random makes a signal of any shape that a detector may emit.
func random(r *rand.Rand) *Signal {
	text := func() string {
		return []string{"", "x", "a\"b\\\n", "ключ", strings.Repeat("long ", 50), "1"}[r.IntN(6)]
	}
	texts := func() []string {
		var out []string
		for range r.IntN(4) {
			out = append(out, fmt.Sprint("t", r.IntN(9)))
		}
		return out
	}
	at := func() time.Time {
		if r.IntN(5) == 0 {
			return time.Time{}
		}
		return time.Unix(r.Int64N(4e9), r.Int64N(1e9)).UTC()
	}
	s := &Signal{
		ID: NewID(text(), fmt.Sprint(r.Uint64())), Tenant: "acme", Kind: []Kind{Rule, Correlation, Behavior, Alert}[r.IntN(4)],
		Withdrawn: r.IntN(2) == 0, Time: time.Unix(r.Int64N(4e9), r.Int64N(1e9)).UTC(), First: at(), Last: at(),
		RuleID: text(), RuleName: text(), Severity: r.IntN(101), Confidence: r.IntN(101), Risk: math.Abs(r.NormFloat64()) * 50,
		Reason: text(), Domain: text(), Dataset: text(), Tactics: texts(), Techniques: texts(), Tags: texts(), Outcome: text(),
		EventsTotal: r.IntN(1e6),
	}
	for range r.IntN(4) {
		s.Entities = append(s.Entities, entity.Entity{
			Type: entity.Types[r.IntN(len(entity.Types))], Value: "v" + text(), Role: entity.Role(text()), Aliases: texts(),
		})
	}
	for range r.IntN(4) {
		s.Matched = append(s.Matched, Match{text(), text()})
	}
	for range r.IntN(MaxEvents + 1) {
		s.Events = append(s.Events, EventRef{text(), text(), at()})
	}
	return s
}

func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		want := random(r)
		e := Encode(want, event.NewFields("event.kind", "mxdr.signal.entities"))
		got, err := Decode(e)
		if err != nil {
			t.Fatalf("%+v: %v", want, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatal(d)
		}
	}
}

func TestEncodeRelated(t *testing.T) {
	s := &Signal{Entities: []entity.Entity{
		{Type: entity.User, Value: "a@x.example", Aliases: []string{"s-1-5-21-1"}},
		{Type: entity.User, Value: "a@x.example", Role: entity.Target},
		{Type: entity.IP, Value: "192.0.2.1"},
		{Type: entity.Host, Value: "pc1"},
	}}
	e := Encode(s, event.NewFields())
	for field, want := range map[string]string{
		"related.user": `["a@x.example","s-1-5-21-1"]`, "related.ip": `["192.0.2.1"]`, "related.hosts": `["pc1"]`, "related.hash": "",
	} {
		if got := e.Text(field); got != want {
			t.Errorf("%s: got %s, want %s", field, got, want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := func() *event.Event { return Encode(random(rand.New(rand.NewPCG(3, 4))), event.NewFields()) }
	many := make([]event.Value, MaxEvents+1)
	for i := range many {
		many[i] = event.ObjectValue(nil)
	}
	for _, c := range []struct {
		field string
		value event.Value
	}{
		{"event.kind", event.StringValue("event")},
		{"event.id", event.IntValue(1)},
		{"event.id", event.Value{}},
		{"organization.id", event.StringValue("")},
		{"event.severity", event.IntValue(101)},
		{"event.severity", event.FloatValue(1.5)},
		{"event.severity", event.StringValue("high")},
		{"event.risk_score", event.FloatValue(math.NaN())},
		{"event.risk_score", event.FloatValue(math.Inf(1))},
		{"event.risk_score", event.FloatValue(-1)},
		{"event.start", event.StringValue("yesterday")},
		{"mxdr.signal.kind", event.StringValue("guess")},
		{"mxdr.signal.status", event.StringValue("maybe")},
		{"mxdr.signal.confidence", event.IntValue(-1)},
		{"mxdr.signal.entities", event.StringValue("user")},
		{"mxdr.signal.entities", event.StringsValue("user")},
		{"mxdr.signal.entities", event.ObjectValue([]event.Field{{Name: "type", Value: event.StringValue("user")}})},
		{"mxdr.signal.events", event.ListValue(many)},
		{"mxdr.signal.events_total", event.FloatValue(1e12)},
		{"tags", event.ListValue([]event.Value{event.IntValue(1)})},
	} {
		e := good()
		e.Set(c.field, c.value)
		_, err := Decode(e)
		if err == nil {
			t.Errorf("%s = %s was accepted", c.field, c.value.Text())
		} else if !strings.Contains(err.Error(), c.field) {
			t.Errorf("%s = %s: the error does not name the field: %v", c.field, c.value.Text(), err)
		}
	}
}

// FuzzDecode: no value in any field makes Decode panic.
func FuzzDecode(f *testing.F) {
	f.Add(uint8(0), uint8(0), "x", int64(1), 1.5)
	f.Fuzz(func(t *testing.T, which, kind uint8, s string, i int64, x float64) {
		e := Encode(random(rand.New(rand.NewPCG(uint64(which), 9))), event.NewFields())
		values := []event.Value{
			{}, event.StringValue(s), event.IntValue(i), event.FloatValue(x), event.BoolValue(true),
			event.ListValue([]event.Value{event.StringValue(s), {}}),
			event.ObjectValue([]event.Field{{Name: s, Value: event.FloatValue(x)}, {Name: "aliases", Value: event.IntValue(i)}}),
			event.ListValue([]event.Value{event.ObjectValue([]event.Field{{Name: "type", Value: event.StringValue(s)}})}),
		}
		e.Set(e.At(int(which)%e.Len()).Name, values[int(kind)%len(values)])
		if got, err := Decode(e); err == nil && got.ID == "" {
			t.Fatal("a signal without an id was accepted")
		}
	})
}
