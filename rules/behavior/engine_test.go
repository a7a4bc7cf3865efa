package behavior

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/internal/signal"
	"github.com/openmxdr/openmxdr/rules/content"
)

var monday = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

type signIn struct {
	id, who, country, ip, agent string
	as                          int
	at                          time.Duration
	tenant                      string
}

const (
	chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
	linux  = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36"
)

func (s signIn) event() *event.Event {
	e := event.New(event.NewFields())
	e.Time = monday.Add(s.at)
	if s.tenant == "" {
		s.tenant = "acme"
	}
	for k, v := range map[string]string{
		"organization.id": s.tenant, "event.id": s.id, "event.dataset": "okta.system", "event.action": "user.session.start",
		"event.outcome": "success", "user.email": s.who, "client.geo.country_name": s.country, "source.ip": s.ip, "user_agent.original": s.agent,
	} {
		e.SetString(k, v)
	}
	e.Set("event.category", event.StringsValue("authentication", "session"))
	if s.as != 0 {
		e.Set("client.as.number", event.IntValue(int64(s.as)))
		e.Set("client.as.organization.name", event.StringValue(fmt.Sprint("Net ", s.as)))
	}
	return e
}

func shipped(t testing.TB) []*Model {
	t.Helper()
	m, err := Load(content.Behavior())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func newEngine(t testing.TB, change ...func(*Config)) *Engine {
	t.Helper()
	cfg := Default()
	for _, f := range change {
		f(&cfg)
	}
	e, err := New(shipped(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// tenDays is a person who works at the office, and at home on every third day.
func tenDays(who string) []signIn {
	var out []signIn
	for d := range 11 {
		s := signIn{id: fmt.Sprintf("%s-%d", who, d), who: who, country: "Germany", ip: "198.51.100.17", as: 64496, agent: chrome, at: time.Duration(d) * 24 * time.Hour}
		if d%3 == 1 {
			s.as, s.ip = 64500, "203.0.113.9"
		}
		out = append(out, s)
	}
	return out
}

func run_(t testing.TB, e *Engine, ins ...signIn) []*signal.Signal {
	t.Helper()
	var out []*signal.Signal
	for _, s := range ins {
		out = append(out, e.Observe(s.event())...)
	}
	return out
}

var stolen = signIn{id: "evil", who: "ana@corp.example", country: "Lithuania", ip: "192.0.2.66", as: 64666, agent: linux, at: 11 * 24 * time.Hour}

func TestOneSignalNamesAllThatIsNew(t *testing.T) {
	e := newEngine(t)
	if got := run_(t, e, tenDays("ana@corp.example")...); len(got) > 0 {
		t.Fatalf("ordinary life gave %s", got[0].Reason)
	}
	got := run_(t, e, stolen)
	if len(got) != 1 {
		t.Fatalf("%d signals", len(got))
	}
	s := got[0]
	const want = "ana@corp.example signed in from a new country (Lithuania), from a new network (AS64666 Net 64666) and with a new program (Chrome on Linux)."
	if s.Reason != want {
		t.Errorf("reason %q", s.Reason)
	}
	if s.Risk != 60 || s.Severity != 60 || s.Confidence != 75 || s.Domain != "identity" || len(s.Matched) != 3 || s.Kind != signal.Behavior || s.Withdrawn {
		t.Errorf("%+v", s)
	}
	if s.Events[0].ID != "evil" || !s.Time.Equal(monday.Add(stolen.at)) || len(s.Entities) == 0 {
		t.Errorf("%+v", s)
	}
	// The same place again is nothing new, another person's habits are not his.
	again := stolen
	again.id, again.at = "evil2", stolen.at+time.Hour
	if got := run_(t, e, again); len(got) != 0 {
		t.Errorf("the second time gave %s", got[0].Reason)
	}
}

func TestQuiet(t *testing.T) {
	who := "ana@corp.example"
	with := func(f func(*signIn)) signIn { s := stolen; f(&s); return s }
	for _, c := range []struct {
		name string
		past []signIn
		in   signIn
		want int
	}{
		{"in the learning period", tenDays(who)[:5], with(func(s *signIn) { s.at = 5 * 24 * time.Hour }), 0},
		{"nobody's history", nil, stolen, 0},
		{"only a new program", tenDays(who), with(func(s *signIn) { s.country, s.as, s.ip = "Germany", 64496, "198.51.100.17" }), 0},
		{"only a new version", tenDays(who), with(func(s *signIn) {
			s.country, s.as, s.agent = "Germany", 64496, strings.ReplaceAll(chrome, "141", "142")
		}), 0},
		{"a new address of a known network", tenDays(who), with(func(s *signIn) { s.country, s.as, s.agent = "Germany", 64500, chrome }), 0},
		{"a new network", tenDays(who), with(func(s *signIn) { s.country, s.agent = "Germany", chrome }), 1},
		{"a failed attempt", tenDays(who), with(func(s *signIn) { s.tenant = "failed" }), 0},
		{"SYSTEM", tenDays(who), with(func(s *signIn) { s.who = "" }), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newEngine(t)
			run_(t, e, c.past...)
			ev := c.in.event()
			if c.in.tenant == "failed" {
				ev.Set("organization.id", event.StringValue("acme"))
				ev.Set("event.outcome", event.StringValue("failure"))
			}
			if got := e.Observe(ev); len(got) != c.want {
				t.Errorf("%d signals, want %d", len(got), c.want)
			}
		})
	}
}

func TestTenantsShareNothing(t *testing.T) {
	e := newEngine(t)
	run_(t, e, tenDays("ana@corp.example")...)
	other := stolen
	other.tenant = "globex"
	if got := run_(t, e, other); len(got) != 0 {
		t.Errorf("one tenant's history counted for another: %s", got[0].Reason)
	}
}

func TestForgottenIsNewAgain(t *testing.T) {
	e := newEngine(t)
	past := tenDays("ana@corp.example")
	run_(t, e, past...)
	home := past[1]
	home.id, home.at = "home-again", 80*24*time.Hour
	if got := run_(t, e, home); len(got) != 0 {
		t.Errorf("within the time to forget: %s", got[0].Reason)
	}
	home.id, home.at = "home-much-later", 171*24*time.Hour
	if got := run_(t, e, home); len(got) != 1 {
		t.Errorf("%d signals after the time to forget", len(got))
	}
}

func TestLateEventWithdrawsOrRevises(t *testing.T) {
	e := newEngine(t)
	run_(t, e, tenDays("ana@corp.example")...)
	told := run_(t, e, stolen)
	earlier := stolen // the same network, two hours before, from the known country
	earlier.id, earlier.at, earlier.country, earlier.agent = "earlier", stolen.at-2*time.Hour, "Germany", chrome
	got := run_(t, e, earlier)
	if len(got) != 2 {
		t.Fatalf("%d signals, want the earlier event's and a revision", len(got))
	}
	if got[0].Events[0].ID != "earlier" || got[0].Risk != 20 || got[1].ID != told[0].ID || got[1].Risk != 40 || got[1].Withdrawn {
		t.Errorf("%+v %+v", got[0], got[1])
	}
	same := stolen
	same.id, same.at = "same", stolen.at-3*time.Hour
	got = run_(t, e, same)
	withdrawn := 0
	for _, s := range got {
		if s.Withdrawn {
			withdrawn++
		}
	}
	if len(got) != 3 || withdrawn != 2 {
		t.Errorf("%d signals of which %d withdrawals, want 3 of which 2", len(got), withdrawn)
	}
	// The late event once more: the same three, so a crash in between loses nothing.
	if d := cmp.Diff(byID(got), byID(run_(t, e, same))); d != "" {
		t.Error(d)
	}
}

func byID(all []*signal.Signal) map[string]*signal.Signal {
	out := map[string]*signal.Signal{}
	for _, s := range all {
		out[s.ID] = s
	}
	return out
}

// random life of a few people, with jumps in place and program.
func random(r *rand.Rand, n int) []signIn {
	out := make([]signIn, n)
	for i := range out {
		out[i] = signIn{
			id: fmt.Sprint("e", i), who: fmt.Sprintf("u%d@corp.example", r.IntN(3)), country: []string{"Germany", "France", "Lithuania", ""}[r.IntN(4)],
			as: []int{0, 64496, 64500, 64666}[r.IntN(4)], ip: fmt.Sprintf("198.51.%d.7", r.IntN(4)), agent: []string{chrome, linux, ""}[r.IntN(3)],
			at: time.Duration(r.IntN(200*24)) * time.Hour, tenant: []string{"acme", "globex"}[r.IntN(2)],
		}
	}
	return out
}

// final is what a reader of the records sees in the end: the last version of
// each signal, without those withdrawn.
func final(final map[string]*signal.Signal, got []*signal.Signal) {
	for _, s := range got {
		if s.Withdrawn {
			delete(final, s.ID)
		} else {
			final[s.ID] = s
		}
	}
}

// Any order, any redelivery, any restart: the same signals.
func TestAnyOrderGivesTheSameSignals(t *testing.T) {
	always := func(c *Config) { c.Lateness = 300 * 24 * time.Hour }
	total := 0
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 1))
		ins := random(r, 120)
		want := map[string]*signal.Signal{}
		final(want, run_(t, newEngine(t, always), ins...))
		total += len(want)
		slices.SortFunc(ins, func(a, b signIn) int { return int(a.at - b.at) })
		r.Shuffle(len(ins), func(i, j int) { ins[i], ins[j] = ins[j], ins[i] })
		for range 20 {
			ins = append(ins, ins[r.IntN(len(ins))])
		}
		got := map[string]*signal.Signal{}
		e := newEngine(t, always)
		e.KeepJournal()
		snapshot, err := e.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		var deltas []byte
		for _, s := range ins {
			final(got, e.Observe(s.event()))
			deltas = append(deltas, e.Delta()...)
			switch r.IntN(15) {
			case 0: // a checkpoint
				if snapshot, err = e.Snapshot(); err != nil {
					t.Fatal(err)
				}
				deltas = nil
			case 1: // a restart
				e = newEngine(t, always)
				if err := e.Restore(snapshot); err != nil {
					t.Fatal(err)
				}
				if _, err := e.Apply(deltas); err != nil {
					t.Fatal(err)
				}
				e.KeepJournal()
				// What was handed on but not acknowledged comes again.
				final(got, e.Observe(s.event()))
				deltas = append(deltas, e.Delta()...)
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("seed %d: %s", seed, d)
		}
	}
	if total < 1000 {
		t.Fatalf("only %d signals in all runs: the test shows nothing", total)
	}
}

// The same event twice gives the same signal twice, never none and never two.
func TestRedelivery(t *testing.T) {
	e := newEngine(t)
	run_(t, e, tenDays("ana@corp.example")...)
	first := run_(t, e, stolen)
	for range 3 {
		if d := cmp.Diff(first, run_(t, e, stolen)); d != "" {
			t.Fatal(d)
		}
	}
	e.Advance(monday.Add(stolen.at + 30*24*time.Hour)) // the event's details are gone
	if d := cmp.Diff(first, run_(t, e, stolen)); d != "" {
		t.Fatal(d)
	}
}

func TestStateIsBounded(t *testing.T) {
	e := newEngine(t, func(c *Config) { c.MaxEntries, c.MaxValues = 2000, 10 })
	for i := range 20_000 {
		s := stolen
		s.id, s.as, s.at = fmt.Sprint(i), 1000+i, time.Duration(i)*time.Minute
		s.who = fmt.Sprintf("u%d@corp.example", i%3000)
		run_(t, e, s)
		if st := e.Stats(); st.Entries > 2000 {
			t.Fatalf("%d entries", st.Entries)
		}
	}
	st := e.Stats()
	if st.Evicted == 0 {
		t.Fatal("evictions were not counted")
	}
	n := 0
	for b := range maps.Values(e.subjects) {
		n += b.entries()
	}
	if n != st.Entries {
		t.Fatalf("%d entries counted, %d held", st.Entries, n)
	}
	e.Advance(monday.Add(400 * 24 * time.Hour))
	if st := e.Stats(); st.Entries != 0 || st.Expired == 0 {
		t.Fatalf("after everything is to be forgotten: %+v", st)
	}
}

func TestRestoreRefusesDamage(t *testing.T) {
	e := newEngine(t)
	run_(t, e, tenDays("ana@corp.example")...)
	run_(t, e, stolen)
	good, err := e.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		bad := slices.Clone(good)
		for range 1 + r.IntN(4) {
			bad[r.IntN(len(bad))] = byte(r.IntN(256))
		}
		bad = bad[:len(bad)-r.IntN(len(bad)/2)]
		fresh := newEngine(t)
		_ = fresh.Restore(bad) // an error or not, but no panic
		run_(t, fresh, stolen)
	}
	if err := e.Restore(good); err == nil {
		t.Error("a snapshot was restored over state")
	}
	if _, err := newEngine(t).Apply([]byte("nonsense\n")); err == nil {
		t.Error("nonsense was applied")
	}
}

func TestUserAgentFamily(t *testing.T) {
	for in, want := range map[string]string{
		chrome: "Chrome on Windows", linux: "Chrome on Linux",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15": "Safari on macOS",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36 Edg/141.0": "Edge on Windows",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0":                                      "Firefox on Windows",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148":         "Mozilla on iOS",
		"aws-cli/2.15.0 Python/3.11 Linux/5.10": "AWS CLI on Linux", "curl/8.5.0": "curl", "SomeTool/1.2 (x)": "SomeTool", "": "", "/": "/",
	} {
		if got := userAgent(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestModelsAreChecked(t *testing.T) {
	const good = "id: a\nname: A\nverb: v\nwhen: {x: y}\nentity: user\nfeatures: [{name: n, kind: text, fields: [f], phrase: p, points: 10}]\nlearn: 24h\nforget: 48h\nthreshold: 10\nlevels: [{points: 10, severity: 21, confidence: 50}]\ndomain: identity\n"
	if m, err := Parse("x", []byte(good)); err != nil || len(m) != 1 {
		t.Fatal(err)
	}
	for from, to := range map[string]string{
		"id: a": "id: A B", "name: A": "name: ''", "verb: v": "verb: ''", "when: {x: y}": "when: {}", "entity: user": "entity: planet",
		"kind: text": "kind: guess", "fields: [f]": "fields: []", "learn: 24h": "learn: 0s", "forget: 48h": "forget: 1h", "threshold: 10": "threshold: 0",
		"levels: [{points: 10,": "levels: [{points: 11,", "severity: 21": "severity: 101", "domain: identity": "domain: x", "name: n": "name: ''", "phrase: p": "phrase: ''",
	} {
		if _, err := Parse("file.yml", []byte(strings.Replace(good, from, to, 1))); err == nil || !strings.Contains(err.Error(), "file.yml") {
			t.Errorf("%s: got %v, want an error that names the file", to, err)
		}
	}
}

func BenchmarkObserve(b *testing.B) {
	e := newEngine(b)
	var events []*event.Event
	for i := range 10_000 {
		s := stolen
		s.who, s.as = fmt.Sprintf("u%d@corp.example", i%2000), 64500+i%4
		events = append(events, s.event())
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		ev := events[n%len(events)]
		ev.Set("event.id", event.StringValue(fmt.Sprint(n)))
		ev.Time = monday.Add(time.Duration(n) * time.Second)
		e.Observe(ev)
		n++
	}
}
