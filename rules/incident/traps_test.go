package incident

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/openmxdr/openmxdr/internal/entity"
	"github.com/openmxdr/openmxdr/internal/signal"
)

// Each test here is a way in which incidents go wrong elsewhere.

// titles helps a failing test to say what came out.
func titles(all []*Incident) string {
	var out []string
	for _, i := range all[:min(len(all), 10)] {
		out = append(out, fmt.Sprintf("%s (%d signals, %s)", i.Title, i.SignalsTotal, i.State))
	}
	return fmt.Sprintf("%d: %s", len(all), strings.Join(out, "; "))
}

// people gives n users two findings in one domain each, which alone
// are no incident; more adds what they all have in common.
func people(n int, more func(i int) []entity.Entity) []*signal.Signal {
	var out []*signal.Signal
	for i := range n {
		es := append([]entity.Entity{user(fmt.Sprintf("u%d@corp.example", i))}, more(i)...)
		at := time.Duration(i) * time.Second
		out = append(out, sig(fmt.Sprintf("a%d", i), "odd-sign-in", "identity", at, es...), sig(fmt.Sprintf("b%d", i), "odd-app", "identity", at+time.Minute, es...))
	}
	return out
}

func TestAddressSharedBy5000UsersJoinsNothing(t *testing.T) {
	e := newEngine(t)
	nat := func(int) []entity.Entity {
		// The whole office behind one address, all talking to the same service.
		return []entity.Entity{ip("198.51.100.17"), thing(entity.Domain, "login.vendor.example")}
	}
	observe(t, e, people(5000, nat)...)
	observe(t, e, compromise("victim@corp.example")...)
	extra := sig("extra", "mfa-reset", "identity", time.Hour, user("victim@corp.example"), ip("198.51.100.17"))
	observe(t, e, extra)
	got := e.Flush()
	if len(got) != 1 || got[0].SignalsTotal != 4 {
		t.Fatal(titles(got))
	}
	for _, x := range got[0].Edges {
		if x.Entity != "user:victim@corp.example" {
			t.Errorf("joined by %s", x.Entity)
		}
	}
}

// The first few people behind a shared name may look related; when more come
// they must be let go again, also those told of already.
func TestSharedNameWearsOut(t *testing.T) {
	e := newEngine(t)
	shared := func(int) []entity.Entity { return []entity.Entity{thing(entity.Session, "vendor:proxy")} }
	all := people(200, shared)
	store := current{}
	observe(t, e, all[:8]...)
	store.take(t, e.Flush())
	if len(store.open()) == 0 {
		t.Fatal("four people with one session should look like one thing")
	}
	observe(t, e, all[8:]...)
	store.take(t, e.Flush())
	if got := store.open(); len(got) != 0 {
		t.Errorf("%d incidents are left of a session that 200 people share", len(got))
	}
}

func TestDomainControllerJoinsNothing(t *testing.T) {
	e := newEngine(t)
	observe(t, e, people(500, func(int) []entity.Entity { return []entity.Entity{host("dc01")} })...)
	if got := e.Flush(); len(got) != 0 {
		t.Fatal(titles(got))
	}
}

// SYSTEM and the like never become entities of events; a signal that names
// one all the same (another product's alert) joins no two hosts for long.
func TestSystemJoinsNothing(t *testing.T) {
	e := newEngine(t)
	for i := range 300 {
		observe(t, e, sig(fmt.Sprint("s", i), fmt.Sprint("r", i%5), []string{"endpoint", "network"}[i%2], time.Duration(i)*time.Minute,
			user(`nt authority\system`), host(fmt.Sprint("pc", i))))
	}
	if got := e.Flush(); len(got) != 0 {
		t.Fatal(titles(got))
	}
}

func TestScannerJoinsNothing(t *testing.T) {
	e := newEngine(t)
	for i := range 1000 {
		observe(t, e, sig(fmt.Sprint("s", i), fmt.Sprint("probe", i%6), []string{"endpoint", "network"}[i%2], time.Duration(i)*10*time.Second,
			entity.Entity{Type: entity.Host, Value: "scanner1", Role: entity.Source}, ip("10.0.0.250"), host(fmt.Sprint("srv", i))))
	}
	if got := e.Flush(); len(got) != 0 {
		t.Fatal(titles(got))
	}
}

func TestServiceAccountUsedEverywhereJoinsNothing(t *testing.T) {
	e := newEngine(t)
	for i := range 400 {
		observe(t, e, sig(fmt.Sprint("s", i), fmt.Sprint("r", i%6), []string{"endpoint", "identity"}[i%2], time.Duration(i)*3*time.Minute,
			user(`corp\svc-backup`), host(fmt.Sprint("srv", i))))
	}
	if got := e.Flush(); len(got) != 0 {
		t.Fatal(titles(got))
	}
}

// A user under attack has many signals and few neighbours and keeps joining.
func TestNoisyVictimKeepsJoining(t *testing.T) {
	e := newEngine(t)
	for i := range 500 {
		s := sig(fmt.Sprint("spray", i), "failed-sign-in", "identity", time.Duration(i)*time.Minute, user("ana@corp.example"), ip(fmt.Sprintf("203.0.113.%d", i%250)))
		s.Outcome = "failure"
		observe(t, e, s)
	}
	observe(t, e, sig("in", "sign-in", "identity", 500*time.Minute, user("ana@corp.example")),
		sig("rule", "inbox-rule", "email", 510*time.Minute, user("ana@corp.example")), sig("dl", "download", "saas", 520*time.Minute, user("ana@corp.example")))
	got := e.Flush()
	if len(got) != 1 || got[0].SignalsTotal != 503 || got[0].Confidence != High {
		t.Fatal(titles(got))
	}
}

func TestOneRuleFiring10000TimesIsNoIncident(t *testing.T) {
	e := newEngine(t)
	points := 0.0
	for i := range 10_000 {
		observe(t, e, sig(fmt.Sprint("s", i), "noisy", "endpoint", time.Duration(i)*5*time.Second, user("ana@corp.example"), host("pc1"),
			thing(entity.Process, fmt.Sprint("process-", i))))
		if i%50 == 0 {
			if got := e.Flush(); len(got) != 0 {
				t.Fatal(titles(got))
			}
		}
	}
	// With another finding there is an incident; the noise counts twice its
	// strongest signal at most and does not push the finding out.
	observe(t, e, sig("other", "inbox-rule", "email", 10_001*5*time.Second, user("ana@corp.example")))
	got := e.Flush()
	if len(got) != 1 || got[0].SignalsTotal != 10_001 {
		t.Fatal(titles(got))
	}
	i := got[0]
	for _, p := range i.ScoreParts {
		if strings.HasPrefix(p.Label, "Rule noisy") {
			points = p.Points
		}
	}
	if strongest := 25 * 0.6; points == 0 || points > 2*strongest+0.5 {
		t.Errorf("10,000 signals of one rule count %g points, the strongest %g", points, strongest)
	}
	if len(i.Signals) > 3*Default().MaxListed {
		t.Errorf("%d signals are listed", len(i.Signals))
	}
	if !slices.ContainsFunc(i.Signals, func(f Finding) bool { return f.ID == "other" }) || !strings.Contains(i.Summary, "are counted and not listed") {
		t.Errorf("the summary does not say what is left out: %s", i.Summary)
	}
	// One of those that rest, delivered again, gives the same revision.
	middle := sig("s5000", "noisy", "endpoint", 5000*5*time.Second, user("ana@corp.example"), host("pc1"), thing(entity.Process, "process-5000"))
	observe(t, e, middle)
	if d := cmp.Diff(got, e.Flush()); d != "" {
		t.Error(d)
	}
	observe(t, e, withdrawal(middle))
	if got := e.Flush(); len(got) != 1 || got[0].SignalsTotal != 10_000 {
		t.Errorf("after a withdrawal: %s", titles(got))
	}
	if len(i.Story) > 5 {
		t.Errorf("%d lines of story", len(i.Story))
	}
}

// When an incident is full, what comes next is neither lost nor pushed in.
func TestLimitReachedThenNewSignals(t *testing.T) {
	e := newEngine(t, func(c *Config) { c.MaxFindings = 10 })
	store := current{}
	for i := range 30 {
		observe(t, e, sig(fmt.Sprintf("s%02d", i), fmt.Sprint("rule", i), []string{"identity", "email", "saas"}[i%3], time.Duration(i)*10*time.Minute, user("ana@corp.example")))
		store.take(t, e.Flush())
	}
	open := store.open()
	n, named := 0, 0
	for _, i := range open {
		n += i.SignalsTotal
		if i.SignalsTotal > 10 {
			t.Errorf("%d signals in one incident", i.SignalsTotal)
		}
		named += len(i.Related)
	}
	if len(open) != 3 || n != 30 || named != 4 {
		t.Errorf("%d incidents with %d signals, which name each other %d times; want 3 with 30 and 4", len(open), n, named)
	}
}

// Memory full: the oldest leave, counted; what is new still makes incidents.
func TestMemoryLimitThenNewSignals(t *testing.T) {
	for name, limit := range map[string]func(*Config){
		"signals": func(c *Config) { c.MaxSignals = 1000 },
		"bytes":   func(c *Config) { c.MaxBytes = 200_000 },
	} {
		e := newEngine(t, limit)
		for i := range 5000 {
			observe(t, e, sig(fmt.Sprint("s", i), "r", "identity", time.Duration(i)*time.Minute, user(fmt.Sprintf("u%d@corp.example", i))))
			if i%100 == 0 {
				e.Flush()
			}
		}
		st := e.Stats()
		if st.Evicted == 0 || name == "signals" && st.Held > 1000 || st.Held+int(st.Evicted) != 5000 || name == "bytes" && st.Bytes > 200_000 {
			t.Errorf("%s: %+v", name, st)
		}
		late := compromise("victim@corp.example")
		for _, s := range late {
			s.Time = s.Time.Add(5000 * time.Minute)
		}
		observe(t, e, late...)
		if got := e.Flush(); len(got) != 1 || got[0].Confidence != High {
			t.Errorf("%s: after eviction: %s", name, titles(got))
		}
	}
}

// Dates in the future, which anybody can write into a log, do not push out
// what is real.
func TestForgedDatesLeaveFirst(t *testing.T) {
	e := newEngine(t, func(c *Config) { c.MaxSignals = 500 })
	observe(t, e, compromise("ana@corp.example")...)
	e.Flush()
	e.Advance(noon.Add(time.Hour))
	for i := range 3000 {
		observe(t, e, sig(fmt.Sprint("f", i), "r", "identity", 10*365*24*time.Hour+time.Duration(i)*time.Minute, user(fmt.Sprint("f", i))))
	}
	if got := e.Incidents(); len(got) != 1 || got[0].SignalsTotal != 3 || e.Stats().Held > 500 {
		t.Errorf("%s, %d held", titles(got), e.Stats().Held)
	}
}

func TestContradictionIsShown(t *testing.T) {
	e := newEngine(t)
	hash := thing(entity.FileHash, strings.Repeat("ab", 32))
	blocked := sig("mail", "malware-blocked", "email", 0, user("ana@corp.example"), hash)
	blocked.Outcome = "failure"
	ran := sig("edr", "malware-ran", "endpoint", time.Minute, user("ana@corp.example"), host("pc1"), hash)
	ran.Outcome = "success"
	ran.Severity, ran.Risk = 73, 73
	observe(t, e, blocked, ran)
	got := e.Flush()
	if len(got) != 1 || len(got[0].Contradicts) != 1 {
		t.Fatal(titles(got))
	}
	c := got[0].Contradicts[0]
	if c.Succeeded != "edr" || c.Failed != "mail" || !strings.Contains(got[0].Summary, c.Text) || !strings.HasPrefix(c.Entity, "file_hash:") {
		t.Errorf("%+v\n%s", c, got[0].Summary)
	}
}

func TestClosedThenTheAttackGoesOn(t *testing.T) {
	e := newEngine(t)
	store := current{}
	observe(t, e, compromise("ana@corp.example")...)
	store.take(t, e.Flush())
	old := ID("acme", "ana@corp.example-signin")
	e.Triage("acme", old, Triage{ClosedThrough: store[old].LastSeen, Verdict: "true_positive"})
	store.take(t, e.Flush())
	if len(store.open()) != 1 || store[old].Revision != 1 {
		t.Fatal("closing alone changed the evidence")
	}
	for i, s := range compromise("ana@corp.example") {
		s.ID, s.Time = fmt.Sprint("again", i), s.Time.Add(3*time.Hour)
		observe(t, e, s)
	}
	// A late signal of the time before belongs to the closed one.
	observe(t, e, sig("late", "phish", "email", 5*time.Minute, user("ana@corp.example")))
	store.take(t, e.Flush())
	fresh := store[ID("acme", "again0")]
	if len(store.open()) != 2 || fresh == nil || fresh.State != Open || fresh.SignalsTotal != 3 || store[old].SignalsTotal != 4 {
		t.Fatalf("%+v", store.open())
	}
	if len(fresh.Related) != 1 || fresh.Related[0].ID != old || !strings.Contains(fresh.Summary, old) {
		t.Errorf("the new incident does not name the closed one: %+v", fresh.Related)
	}
	e.Triage("acme", old, Triage{}) // opened again
	store.take(t, e.Flush())
	if got := store.open(); len(got) != 1 || store[old].SignalsTotal != 7 || store[fresh.ID].MergedInto != old {
		t.Errorf("after reopening: %d incidents", len(got))
	}
}

func TestMergeIsRefusedWherePeopleDisagree(t *testing.T) {
	for name, d := range map[string][2]Triage{
		"assignees": {{Assignee: "kim"}, {Assignee: "lee"}},
		"verdicts":  {{Verdict: "benign"}, {Verdict: "true_positive"}},
	} {
		e := newEngine(t)
		store := current{}
		observe(t, e, append(compromise("ana@corp.example"), compromise("bob@corp.example")...)...)
		store.take(t, e.Flush())
		e.Triage("acme", ID("acme", "ana@corp.example-signin"), d[0])
		e.Triage("acme", ID("acme", "bob@corp.example-signin"), d[1])
		observe(t, e, sig("bridge", "shared", "endpoint", time.Hour, user("ana@corp.example"), user("bob@corp.example")))
		store.take(t, e.Flush())
		open := store.open()
		if len(open) != 2 {
			t.Errorf("%s: %d incidents", name, len(open))
		}
		for _, i := range open {
			if len(i.Related) != 1 {
				t.Errorf("%s: %+v", name, i.Related)
			}
		}
		// Agreement joins them.
		e.Triage("acme", ID("acme", "bob@corp.example-signin"), d[0])
		store.take(t, e.Flush())
		if got := store.open(); len(got) != 1 {
			t.Errorf("%s: %d incidents after they agree", name, len(got))
		}
	}
}

func TestTenantsNeverTouch(t *testing.T) {
	e := newEngine(t)
	all := compromise("ana@corp.example")
	for i, s := range all {
		other := *s
		other.Tenant = []string{"globex", "initech", "hooli"}[i]
		observe(t, e, &other)
	}
	if got := e.Flush(); len(got) != 0 {
		t.Fatalf("three tenants made one incident: %s", titles(got))
	}
	for _, s := range all {
		other := *s
		other.Tenant = "globex"
		observe(t, e, s, &other)
	}
	got := e.Flush()
	if len(got) != 2 || got[0].ID == got[1].ID || got[0].Tenant == got[1].Tenant {
		t.Fatal(titles(got))
	}
	e.Triage("globex", got[0].ID, Triage{Assignee: "kim"})
	e.Triage("globex", got[1].ID, Triage{Assignee: "kim"})
	if got := e.Flush(); len(got) != 0 {
		t.Error("one tenant's decision changed another's incident")
	}
}

// What nothing can join any more leaves, an incident that goes on stays whole.
func TestAdvanceKeepsWhatGoesOn(t *testing.T) {
	e := newEngine(t)
	for d := range 10 {
		for h := range 24 {
			at := time.Duration(d*24+h) * time.Hour
			observe(t, e, sig(fmt.Sprint("lone", d, "-", h), "r", "identity", at, user(fmt.Sprintf("u%d-%d@corp.example", d, h))))
		}
		at := time.Duration(d*24) * time.Hour
		observe(t, e, sig(fmt.Sprint("long", d), fmt.Sprint("rule", d), []string{"identity", "email", "saas"}[d%3], at, user("ana@corp.example")))
		e.Flush()
		e.Advance(noon.Add(at))
	}
	st := e.Stats()
	if st.Expired == 0 || st.Held > 6*24+10 || st.Evicted != 0 {
		t.Errorf("%+v", st)
	}
	got := e.Incidents()
	if len(got) != 1 || got[0].SignalsTotal != 10 || got[0].ID != ID("acme", "long0") {
		t.Error(titles(got))
	}
	e.Advance(noon.Add(40 * 24 * time.Hour))
	if st := e.Stats(); st.Held != 0 || st.Keys != 0 || st.Open != 0 || st.Bytes != 0 {
		t.Errorf("after everything is over: %+v", st)
	}
	e.Advance(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)) // a forged date
	observe(t, e, compromise("ana@corp.example")...)
	if st := e.Stats(); st.Late != 3 {
		t.Errorf("%+v", st)
	}
	if got := e.Flush(); len(got) != 1 {
		t.Error("late signals made no incident")
	}
}

func TestObserveRefuses(t *testing.T) {
	e := newEngine(t)
	for name, s := range map[string]*signal.Signal{
		"no id": {Tenant: "acme", Time: noon}, "no tenant": {ID: "x", Time: noon}, "no time": {ID: "x", Tenant: "acme"},
		"far future": {ID: "x", Tenant: "acme", Time: noon.AddDate(5000, 0, 0)},
	} {
		if err := e.Observe(s); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	big := sig("big", "r", "identity", 0)
	big.Reason, big.RuleName = strings.Repeat("x\x1b[31m", 1<<20), strings.Repeat("ü", 1<<20)
	for i := range 10_000 {
		big.Entities = append(big.Entities, user(fmt.Sprint("u", i)))
		big.Matched = append(big.Matched, signal.Match{Field: "f", Value: big.Reason})
	}
	big.Severity = 99
	observe(t, e, big)
	got := e.Flush()
	if len(got) != 1 || e.Stats().Bytes > 1<<16 {
		t.Fatalf("%d incidents, %d bytes", len(got), e.Stats().Bytes)
	}
	for _, text := range []string{got[0].Title, got[0].Summary, got[0].Story[0].Text} {
		if strings.ContainsAny(text, "\x1b\n") || len(text) > 4000 {
			t.Errorf("%.100q", text)
		}
	}
}

func TestSignalRevisionReplaces(t *testing.T) {
	e := newEngine(t)
	all := compromise("ana@corp.example")
	observe(t, e, all...)
	first := e.Flush()[0]
	changed := *all[0]
	changed.Reason, changed.Risk, changed.Confidence = "It was less.", 10, 40
	observe(t, e, &changed)
	got := e.Flush()
	if len(got) != 1 || got[0].ID != first.ID || got[0].Revision != 2 || got[0].Score >= first.Score || got[0].Signals[0].Reason != "It was less." || got[0].SignalsTotal != 3 {
		t.Fatal(cmp.Diff(first, got[0]))
	}
}
