package incident

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/internal/signal"
)

func TestThreeDomainsOneUserIsOneHighIncident(t *testing.T) {
	e := newEngine(t)
	observe(t, e, compromise("ana@corp.example")...)
	got := e.Flush()
	if len(got) != 1 {
		t.Fatalf("%d incidents", len(got))
	}
	i := got[0]
	if i.State != Open || i.Confidence != High || i.Revision != 1 || len(i.Signals) != 3 || len(i.Edges) != 2 {
		t.Errorf("%+v", i)
	}
	if d := cmp.Diff([]string{"email", "identity", "saas"}, i.Domains); d != "" {
		t.Error(d)
	}
	if i.ID != ID("acme", "ana@corp.example-signin") || !i.FirstSeen.Equal(noon) || !i.LastSeen.Equal(noon.Add(35*time.Minute)) {
		t.Errorf("id %s, %s to %s", i.ID, i.FirstSeen, i.LastSeen)
	}
	if i.Entities[0].Value != "ana@corp.example" || i.Entities[0].Signals != 3 {
		t.Errorf("entities %+v", i.Entities)
	}
	sum := 0.0
	for _, p := range i.ScoreParts {
		sum += p.Points
	}
	if sum != i.Score {
		t.Errorf("score %g, parts add up to %g", i.Score, sum)
	}
	if !strings.HasSuffix(i.Title, ": ana@corp.example") || len(i.Story) != 3 || i.Story[0].Signal != "ana@corp.example-signin" {
		t.Errorf("%q %+v", i.Title, i.Story)
	}
	t.Logf("%s\n%s\n%+v", i.Title, i.Summary, i.Edges)
}

func TestWhatOpens(t *testing.T) {
	high := func(s *signal.Signal) *signal.Signal { s.Severity, s.Risk = 73, 45; return s }
	low := func(s *signal.Signal) *signal.Signal { s.Severity, s.Risk = 21, 8; return s }
	with := func(s *signal.Signal, f func(*signal.Signal)) *signal.Signal { f(s); return s }
	u := user("ana@corp.example")
	for _, c := range []struct {
		name       string
		in         []*signal.Signal
		confidence string // of the one incident, "" for none
	}{
		{"one low signal", []*signal.Signal{with(sig("a", "r", "saas", 0, u), func(s *signal.Signal) { s.Severity, s.Risk = 21, 8 })}, ""},
		{"one high signal", []*signal.Signal{with(sig("a", "r", "saas", 0, u), func(s *signal.Signal) { s.Severity, s.Risk = 73, 45 })}, ""},
		{"one high signal of any risk", []*signal.Signal{with(sig("a", "r", "saas", 0, u), func(s *signal.Signal) { s.Severity, s.Risk = 73, 1000 })}, ""},
		{"one critical signal", []*signal.Signal{with(sig("a", "r", "saas", 0, u), func(s *signal.Signal) { s.Severity = 99 })}, Medium},
		{"one unsure critical signal", []*signal.Signal{with(sig("a", "r", "saas", 0, u), func(s *signal.Signal) { s.Severity, s.Confidence = 99, 40 })}, ""},
		{"one critical attempt that failed", []*signal.Signal{with(sig("a", "r", "saas", 0, u), func(s *signal.Signal) { s.Severity, s.Outcome = 99, "failure" })}, ""},
		{"two medium signals of one domain", []*signal.Signal{sig("a", "r", "saas", 0, u), sig("b", "q", "saas", 1, u)}, ""},
		{"two medium signals of two domains", []*signal.Signal{sig("a", "r", "saas", 0, u), sig("b", "q", "endpoint", 1, u)}, ""},
		{"two high signals of one domain", []*signal.Signal{high(sig("a", "r", "saas", 0, u)), high(sig("b", "q", "saas", 1, u))}, Medium},
		{"a high and a medium signal of two domains", []*signal.Signal{high(sig("a", "r", "saas", 0, u)), sig("b", "q", "endpoint", 1, u)}, Medium},
		{"three low signals of three domains", []*signal.Signal{low(sig("a", "r", "saas", 0, u)), low(sig("b", "q", "endpoint", 1, u)), low(sig("c", "p", "email", 2, u))}, ""},
		{"a low and two medium signals of three domains", []*signal.Signal{low(sig("a", "r", "saas", 0, u)), sig("b", "q", "identity", 1, u), sig("c", "p", "email", 2, u)}, High},
		{"three high signals of three domains that failed", []*signal.Signal{
			with(high(sig("a", "r", "saas", 0, u)), func(s *signal.Signal) { s.Outcome = "failure" }),
			with(high(sig("b", "q", "identity", 1, u)), func(s *signal.Signal) { s.Outcome = "failure" }),
			with(high(sig("c", "p", "email", 2, u)), func(s *signal.Signal) { s.Outcome = "failure" }),
		}, Low},
		{"one rule again and again", []*signal.Signal{sig("a", "r", "saas", 0, u), sig("b", "r", "saas", 1, u), sig("c", "r", "saas", 2, u), sig("d", "r", "saas", 3, u)}, ""},
		{"too far apart", []*signal.Signal{high(sig("a", "r", "saas", 0, u)), high(sig("b", "q", "endpoint", 25*time.Hour, u))}, ""},
		{"different people", []*signal.Signal{high(sig("a", "r", "saas", 0, u)), high(sig("b", "q", "endpoint", 0, user("bob@corp.example")))}, ""},
		{"one weak key", []*signal.Signal{high(sig("a", "r", "saas", 0, u, ip("192.0.2.1"))), high(sig("b", "q", "endpoint", 0, user("bob"), ip("192.0.2.1")))}, ""},
		{"two weak keys", []*signal.Signal{
			high(sig("a", "r", "saas", 0, u, ip("192.0.2.1"), thing("domain", "evil.example"))),
			high(sig("b", "q", "endpoint", 0, user("bob"), ip("192.0.2.1"), thing("domain", "evil.example"))),
		}, Low},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newEngine(t)
			observe(t, e, c.in...)
			got := e.Flush()
			switch {
			case c.confidence == "" && len(got) > 0:
				t.Errorf("an incident: %s, score %g", got[0].Title, got[0].Score)
			case c.confidence != "" && (len(got) != 1 || got[0].Confidence != c.confidence):
				t.Errorf("want one of confidence %s, got %d, the first being %+v", c.confidence, len(got), got)
			}
		})
	}
}

func TestEncodeDecode(t *testing.T) {
	e := newEngine(t)
	observe(t, e, compromise("ana@corp.example")...)
	want := e.Flush()[0]
	rec, err := Encode(want, event.NewFields())
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(rec)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatal(d)
	}
	for _, c := range []struct {
		field string
		value event.Value
	}{
		{"event.kind", event.StringValue("event")}, {"event.id", event.StringValue("x")}, {"event.sequence", event.IntValue(0)},
		{"mxdr.incident.signals", event.StringValue("x")}, {"mxdr.incident.state", event.StringValue("x")}, {"organization.id", event.Value{}},
	} {
		bad := rec.Clone()
		bad.Set(c.field, c.value)
		if _, err := Decode(bad); err == nil {
			t.Errorf("%s = %s was accepted", c.field, c.value.Text())
		}
	}
}
