//go:build unix

package plugin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/openmxdr/openmxdr/es-ingest/client"
	"github.com/openmxdr/openmxdr/es-ingest/schema"
	"github.com/openmxdr/openmxdr/es-ingest/store"
	"github.com/openmxdr/openmxdr/internal/elastictest"
)

// day is when everything in the tests happens.
var day = time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)

// seeded is a tenant with incidents, signals and events in Elasticsearch.
type seeded struct {
	t      testing.TB
	es     *elastictest.Instance
	client *client.Client
	setup  *schema.Setup
	tenant string
	org
	// lost names an event that the incidents know and Elasticsearch does not get.
	lost string
}

// seed makes a tenant in an organization of its own.
func seed(t testing.TB, orgID int64) *seeded {
	t.Helper()
	es := elastictest.Shared(t)
	c, err := client.New(client.Config{Endpoints: []string{es.URL}, User: es.User, Password: client.Secret(es.Password)})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	s := &seeded{t: t, es: es, client: c, setup: schema.NewSetup(c, schema.Options{}), tenant: es.Tenant(t)}
	s.org = org{
		id:     orgID,
		json:   map[string]any{"url": es.URL, "user": es.User, "tenant": s.tenant},
		secure: map[string]string{"password": es.Password},
	}
	require.NoError(t, s.setup.EnsureTenant(context.Background(), s.tenant))
	return s
}

// incident stores an incident of three signals with an event each.
func (s *seeded) incident(id, title, severity, confidence string, score float64, at time.Time) {
	s.t.Helper()
	signals := []any{}
	story := []any{}
	for i, k := range []struct{ name, domain, dataset string }{
		{"Unusual sign-in", "identity", "azure.signinlogs"}, {"Forwarding rule", "email", "o365.audit"}, {"Bulk download", "saas", "o365.audit"},
	} {
		event := fmt.Sprintf("%s-e%d", id, i)
		signal := map[string]any{
			"id": fmt.Sprintf("%s-s%d", id, i), "kind": "rule", "rule_id": "r" + fmt.Sprint(i), "rule_name": k.name, "severity": 73, "confidence": 80,
			"domain": k.domain, "dataset": k.dataset, "time": at.Add(time.Duration(i) * time.Minute), "reason": k.name + " by alice",
			"entities": []any{map[string]any{"type": "user", "value": "alice@corp.example", "role": "actor"}},
			"matched":  []any{map[string]any{"field": "event.action", "value": "UserLoggedIn"}},
			"events":   []any{map[string]any{"id": event, "dataset": k.dataset, "time": at.Add(time.Duration(i) * time.Minute)}}, "events_total": 1,
		}
		signals = append(signals, signal)
		story = append(story, map[string]any{"time": at, "text": k.name, "signal": signal["id"]})
		s.event(event, k.dataset, at.Add(time.Duration(i)*time.Minute))
	}
	doc := map[string]any{
		"@timestamp": at, "organization": map[string]any{"id": s.tenant},
		"event": map[string]any{"kind": "state", "dataset": "mxdr.incident", "id": id, "sequence": 1},
		"mxdr": map[string]any{"incident": map[string]any{
			"id": id, "title": title, "summary": "Somebody signed in as alice.", "state": "open", "confidence": confidence, "severity": severity, "score": score,
			"first_seen": at, "last_seen": at.Add(2 * time.Minute), "domains": []string{"email", "identity", "saas"},
			"tactics": []string{"TA0001", "TA0009"}, "techniques": []string{"T1078.004", "T1114.003"},
			"entities": []any{
				map[string]any{"type": "ip", "value": "203.0.113.7", "role": "source", "signals": 2},
				map[string]any{"type": "user", "value": "alice@corp.example", "role": "actor", "signals": 3},
			},
			"signals": signals, "story": story,
			"edges":       []any{map[string]any{"from": id + "-s0", "to": id + "-s1", "entity": "user:alice@corp.example", "strength": "strong", "weight": 1, "reason": "same user"}},
			"score_parts": []any{map[string]any{"label": "three domains", "points": 20}},
		}},
	}
	text, err := json.Marshal(doc)
	require.NoError(s.t, err)
	_, err = store.New(s.client).ApplyRevisions(context.Background(), []store.Revision{{Tenant: s.tenant, ID: id, Number: 1, Document: text}})
	require.NoError(s.t, err)
}

// signal stores a signal.
func (s *seeded) signal(id, rule, domain string, severity int, at time.Time) {
	s.t.Helper()
	s.put(http.MethodPut, "/"+schema.Signals(s.tenant)+"/_doc/"+id, map[string]any{
		"@timestamp": at, "organization": map[string]any{"id": s.tenant}, "tags": []string{"t"},
		"event":  map[string]any{"kind": "signal", "dataset": "mxdr.signal", "id": id, "start": at, "end": at, "severity": severity, "risk_score": 20, "reason": rule + " happened", "outcome": "success"},
		"rule":   map[string]any{"id": "r-" + rule, "name": rule},
		"threat": map[string]any{"tactic": map[string]any{"id": []string{"TA0001"}}, "technique": map[string]any{"id": []string{"T1078"}}},
		"mxdr": map[string]any{"signal": map[string]any{
			"kind": "rule", "status": "active", "confidence": 80, "domain": domain, "dataset": "o365.audit",
			"entities": []any{map[string]any{"type": "user", "value": "alice@corp.example", "role": "actor"}},
			"events":   []any{map[string]any{"id": "e", "dataset": "o365.audit", "time": at}}, "events_total": 1,
		}},
	})
}

// event stores an original event.
func (s *seeded) event(id, dataset string, at time.Time) {
	s.t.Helper()
	if id == s.lost {
		return
	}
	require.NoError(s.t, s.setup.EnsureLogs(context.Background(), dataset, s.tenant))
	s.put(http.MethodPut, "/"+schema.Logs(dataset, s.tenant)+"/_create/"+id, map[string]any{
		"@timestamp": at, "organization": map[string]any{"id": s.tenant},
		"event": map[string]any{"id": id, "dataset": dataset, "kind": "event", "original": "raw of " + s.tenant},
		"user":  map[string]any{"name": "alice"},
	})
}

func (s *seeded) put(method, path string, body any) {
	s.t.Helper()
	require.NoError(s.t, s.client.DoJSON(context.Background(), method, path, map[string][]string{"refresh": {"true"}}, body, nil))
}

// refresh makes everything searchable.
func (s *seeded) refresh() {
	s.t.Helper()
	_, err := s.client.Do(context.Background(), client.Request{Method: http.MethodPost, Path: "/_refresh"})
	require.NoError(s.t, err)
}
