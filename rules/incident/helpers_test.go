package incident

import (
	"fmt"
	"testing"
	"time"

	"github.com/openmxdr/openmxdr/internal/entity"
	"github.com/openmxdr/openmxdr/internal/signal"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func user(v string) entity.Entity {
	return entity.Entity{Type: entity.User, Value: v, Role: entity.Actor}
}
func host(v string) entity.Entity { return entity.Entity{Type: entity.Host, Value: v} }
func ip(v string) entity.Entity {
	return entity.Entity{Type: entity.IP, Value: v, Role: entity.Source}
}

func thing(t entity.Type, v string) entity.Entity { return entity.Entity{Type: t, Value: v} }

// sig makes a signal of medium weight, as a Sigma rule of level medium gives it.
func sig(id, rule, domain string, at time.Duration, es ...entity.Entity) *signal.Signal {
	return &signal.Signal{
		ID: id, Tenant: "acme", Kind: signal.Rule, Time: noon.Add(at), First: noon.Add(at), Last: noon.Add(at),
		RuleID: rule, RuleName: "Rule " + rule, Severity: 47, Confidence: 60, Risk: 25, Domain: domain, Dataset: "test." + domain,
		Reason: "Reason of " + id, Tactics: []string{fmt.Sprintf("TA00%02d", 1+len(domain)%9)}, Entities: es,
		Events: []signal.EventRef{{ID: "event-" + id, Dataset: "test", Time: noon.Add(at)}}, EventsTotal: 1,
	}
}

func newEngine(t testing.TB, change ...func(*Config)) *Engine {
	t.Helper()
	cfg := Default()
	for _, f := range change {
		f(&cfg)
	}
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func observe(t testing.TB, e *Engine, signals ...*signal.Signal) {
	t.Helper()
	for _, s := range signals {
		if err := e.Observe(s); err != nil {
			t.Fatal(err)
		}
	}
}

// compromise is one user with three findings in three domains.
func compromise(who string) []*signal.Signal {
	return []*signal.Signal{
		sig(who+"-signin", "unusual-signin", "identity", 0, user(who), ip("192.0.2.66")),
		sig(who+"-inbox", "inbox-rule", "email", 9*time.Minute, user(who), ip("192.0.2.66")),
		sig(who+"-download", "bulk-download", "saas", 35*time.Minute, user(who), ip("192.0.2.66")),
	}
}
