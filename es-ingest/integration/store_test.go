//go:build unix

package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/openmxdr/openmxdr/es-ingest/bulk"
	"github.com/openmxdr/openmxdr/es-ingest/schema"
	"github.com/openmxdr/openmxdr/es-ingest/store"
	"github.com/openmxdr/openmxdr/internal/elastictest"
)

// revision makes an incident record as the incident stage writes it.
func revision(tenant, id string, number int, change map[string]any) plog.Logs {
	at := epoch.Add(time.Duration(number) * time.Minute)
	a := map[string]any{
		"organization.id": tenant, "event.kind": "state", "event.dataset": "mxdr.incident", "event.id": id, "event.sequence": number,
		"mxdr.incident.id": id, "mxdr.incident.title": "Mailbox taken over", "mxdr.incident.summary": "Sign-in from abroad, then a new inbox rule.",
		"mxdr.incident.state": "open", "mxdr.incident.confidence": "high", "mxdr.incident.severity": "high", "mxdr.incident.score": 60.5 + float64(number),
		"mxdr.incident.first_seen": epoch.Format(time.RFC3339Nano), "mxdr.incident.last_seen": at.Format(time.RFC3339Nano),
		"mxdr.incident.domains": []any{"email", "identity"}, "mxdr.incident.tactics": []any{"TA0001"}, "mxdr.incident.techniques": []any{"T1078.004"},
		"mxdr.incident.entities": []any{
			map[string]any{"type": "user", "value": "Alice@contoso.com", "role": "actor", "aliases": []any{"S-1-5-21-1"}, "signals": 2},
			map[string]any{"type": "ip", "value": "203.0.113.9", "signals": 1},
		},
		"mxdr.incident.signals": []any{map[string]any{
			"id": "s1", "kind": "rule", "rule_id": "r1", "rule_name": "New inbox rule", "severity": 70, "confidence": 80, "domain": "email", "dataset": "o365.audit",
			"time": epoch.Format(time.RFC3339Nano), "reason": "An inbox rule moves invoices away", "tactics": []any{"TA0005"},
			"entities": []any{map[string]any{"type": "user", "value": "alice@contoso.com", "role": "actor"}},
			"matched":  []any{map[string]any{"field": "event.action", "value": "New-InboxRule"}},
			"events":   []any{map[string]any{"id": "id-000001", "dataset": "acme.audit", "time": epoch.Add(time.Second).Format(time.RFC3339Nano)}}, "events_total": 1,
		}},
		"mxdr.incident.edges":       []any{map[string]any{"from": "s1", "to": "s2", "entity": "user:alice@contoso.com", "strength": "strong", "weight": 0.9, "reason": "same user"}},
		"mxdr.incident.score_parts": []any{map[string]any{"label": "New inbox rule", "points": 40.0, "signal": "s1"}},
		"mxdr.incident.story":       []any{map[string]any{"time": epoch.Format(time.RFC3339Nano), "text": "Alice signed in from abroad.", "signal": "s1"}},
	}
	for k, v := range change {
		a[k] = v
	}
	return one(at, a)
}

func signalRecord(tenant, id string, total int, change map[string]any) plog.Logs {
	a := map[string]any{
		"organization.id": tenant, "event.kind": "signal", "event.dataset": "mxdr.signal", "event.id": id,
		"event.start": epoch.Format(time.RFC3339Nano), "event.end": epoch.Add(time.Minute).Format(time.RFC3339Nano),
		"event.severity": 70, "event.risk_score": 40.0, "event.reason": "An inbox rule moves invoices away", "rule.id": "r1", "rule.name": "New inbox rule",
		"threat.tactic.id": []any{"TA0005"}, "threat.technique.id": []any{"T1564.008"}, "tags": []any{"attack.t1564.008"}, "related.user": []any{"alice@contoso.com"},
		"mxdr.signal.kind": "rule", "mxdr.signal.status": "active", "mxdr.signal.confidence": 80, "mxdr.signal.domain": "email", "mxdr.signal.dataset": "o365.audit",
		"mxdr.signal.entities":     []any{map[string]any{"type": "user", "value": "alice@contoso.com", "role": "actor"}},
		"mxdr.signal.matched":      []any{map[string]any{"field": "event.action", "value": "New-InboxRule"}},
		"mxdr.signal.events":       []any{map[string]any{"id": "id-000001", "dataset": "acme.audit", "time": epoch.Add(time.Second).Format(time.RFC3339Nano)}},
		"mxdr.signal.events_total": total,
	}
	for k, v := range change {
		a[k] = v
	}
	return one(epoch, a)
}

func ptr(s string) *string { return &s }

// Whatever the order in which revisions arrive, the latest stands, whole, and
// what people wrote stays.
func TestRevisionsInAnyOrder(t *testing.T) {
	t.Parallel()
	e := elastictest.Shared(t)
	c := connect(t, e)
	tenant := e.Tenant(t)
	ctx := context.Background()
	x, st := startExporter(t, e, nil), store.New(c)

	_, err := st.Incident(ctx, tenant, "inc-1")
	require.ErrorIs(t, err, store.ErrNotFound)
	send(t, x, revision(tenant, "inc-1", 2, map[string]any{"mxdr.triage.status": "closed", "mxdr.incident.merged_into": "inc-0"}))
	inc, err := st.Incident(ctx, tenant, "inc-1")
	require.NoError(t, err)
	assert.Equal(t, store.StatusNew, inc.Triage.Status, "the machine cannot write people's part")
	assert.EqualValues(t, 2, inc.Revision)
	assert.Equal(t, "inc-0", inc.MergedInto)
	assert.Equal(t, 62.5, inc.Score)
	assert.Equal(t, "Alice@contoso.com", inc.Entities[0].Value)
	assert.Equal(t, 2, inc.Entities[0].Signals)
	assert.Equal(t, "New-InboxRule", inc.Signals[0].Matched[0].Value)
	assert.Equal(t, epoch.Add(time.Second), inc.Signals[0].Events[0].Time)
	assert.Equal(t, 0.9, inc.Edges[0].Weight)

	inc, err = st.UpdateTriage(ctx, tenant, "inc-1", inc.TriageVersion, "ann", store.TriageChange{Status: ptr("in_progress"), Assignee: ptr("ann"), Comment: "Looking."})
	require.NoError(t, err)
	send(t, x, revision(tenant, "inc-1", 1, nil), revision(tenant, "inc-1", 5, nil), revision(tenant, "inc-1", 4, nil), revision(tenant, "inc-1", 5, nil))
	got, err := st.Incident(ctx, tenant, "inc-1")
	require.NoError(t, err)
	assert.EqualValues(t, 5, got.Revision)
	assert.Equal(t, 65.5, got.Score)
	assert.Empty(t, got.MergedInto, "nothing of an older revision remains")
	assert.Equal(t, inc.Triage, got.Triage)
	assert.Equal(t, inc.TriageVersion, got.TriageVersion)

	// Several revisions of several incidents in one batch.
	logs := plog.NewLogs()
	for _, n := range []int{3, 1, 9, 2, 9} {
		for _, id := range []string{"inc-1", "inc-2"} {
			revision(tenant, id, n, nil).ResourceLogs().At(0).CopyTo(logs.ResourceLogs().AppendEmpty())
		}
	}
	send(t, x, logs)
	for _, id := range []string{"inc-1", "inc-2"} {
		got, err := st.Incident(ctx, tenant, id)
		require.NoError(t, err)
		assert.EqualValues(t, 9, got.Revision)
	}
	total, _ := searchMaybe(t, c, schema.Dead(tenant))
	assert.Zero(t, total)
	// Without id or revision there is no incident: a dead letter.
	send(t, x, revision(tenant, "inc-3", 0, nil), revision(tenant, "", 1, nil))
	total, _ = searchMaybe(t, c, schema.Dead(tenant))
	assert.Equal(t, 2, total)
}

// Machine and people write at once: neither overwrites the other, and of two
// people who decide on the same state one is told.
func TestTriageAndRevisionsAtOnce(t *testing.T) {
	t.Parallel()
	e := elastictest.Shared(t)
	c := connect(t, e)
	tenant := e.Tenant(t)
	ctx := context.Background()
	x, st := startExporter(t, e, nil), store.New(c)
	send(t, x, revision(tenant, "inc", 1, nil))

	const revisions, comments = 40, 8
	var wg sync.WaitGroup
	order := rand.Perm(revisions)
	for w := range 2 {
		wg.Go(func() {
			for i := w; i < revisions; i += 2 {
				assert.NoError(t, x.ConsumeLogs(ctx, revision(tenant, "inc", order[i]+2, nil)))
			}
		})
	}
	for w := range 2 {
		wg.Go(func() {
			for i := range comments {
				_, err := st.UpdateTriage(ctx, tenant, "inc", "", fmt.Sprintf("person-%d", w), store.TriageChange{Comment: fmt.Sprintf("comment %d", i)})
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
	inc, err := st.Incident(ctx, tenant, "inc")
	require.NoError(t, err)
	assert.EqualValues(t, revisions+1, inc.Revision)
	assert.Len(t, inc.Triage.Comments, 2*comments)

	conflicts := 0
	var mu sync.Mutex
	for _, who := range []string{"ann", "bob", "eve"} {
		wg.Go(func() {
			_, err := st.UpdateTriage(ctx, tenant, "inc", inc.TriageVersion, who, store.TriageChange{Assignee: &who})
			if err != nil {
				assert.ErrorIs(t, err, store.ErrConflict)
				mu.Lock()
				conflicts++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	assert.Equal(t, 2, conflicts)
	for _, bad := range []store.TriageChange{{}, {Status: ptr("done")}, {Verdict: ptr("x")}, {Comment: string(make([]byte, store.MaxComment+1))}} {
		_, err := st.UpdateTriage(ctx, tenant, "inc", inc.TriageVersion, "ann", bad)
		assert.ErrorIs(t, err, store.ErrInvalid)
	}
	_, err = st.UpdateTriage(ctx, tenant, "inc", "", "ann", store.TriageChange{Status: ptr("closed")})
	assert.ErrorIs(t, err, store.ErrInvalid)
}

// A later record of a signal replaces an earlier one, not the other way round.
func TestSignalsInAnyOrder(t *testing.T) {
	t.Parallel()
	e := elastictest.Shared(t)
	c := connect(t, e)
	tenant := e.Tenant(t)
	ctx := context.Background()
	x, st := startExporter(t, e, nil), store.New(c)
	send(t, x, signalRecord(tenant, "s1", 5, nil), signalRecord(tenant, "s1", 3, nil), signalRecord(tenant, "s1", 5, map[string]any{"event.reason": "same events, told again"}))
	got, err := st.SignalsByID(ctx, tenant, []string{"missing", "s1", "s1"})
	require.NoError(t, err)
	require.Len(t, got, 1)
	assert.Equal(t, 5, got[0].EventsTotal)
	assert.Equal(t, "same events, told again", got[0].Reason)
	send(t, x, signalRecord(tenant, "s1", 5, map[string]any{"mxdr.signal.status": "withdrawn"}), signalRecord(tenant, "s1", 5, nil))
	got, err = st.SignalsByID(ctx, tenant, []string{"s1"})
	require.NoError(t, err)
	assert.Equal(t, "withdrawn", got[0].Status)
	assert.Equal(t, []string{"T1564.008"}, got[0].Techniques)
	assert.Equal(t, "alice@contoso.com", got[0].Entities[0].Value)
	assert.Equal(t, epoch.Add(time.Minute), got[0].Last)
	assert.Equal(t, 70, got[0].Severity)
}

func TestListsAndCharts(t *testing.T) {
	t.Parallel()
	e := elastictest.Shared(t)
	c := connect(t, e)
	tenant, other := e.Tenant(t), e.Tenant(t)
	ctx := context.Background()
	x, st := startExporter(t, e, nil), store.New(c)

	// Before anything is there, everything is empty and nothing fails.
	page, err := st.Incidents(ctx, tenant, store.IncidentFilter{}, store.Page{})
	require.NoError(t, err)
	assert.Empty(t, page.Incidents)
	span := store.TimeRange{From: epoch.Add(-time.Hour), To: epoch.Add(3 * time.Hour)}
	series, err := st.IncidentHistogram(ctx, tenant, store.IncidentFilter{Time: span}, "severity", time.Hour)
	require.NoError(t, err)
	assert.Empty(t, series)

	const n = 60
	severities := []string{"low", "medium", "high", "critical"}
	logs := plog.NewLogs()
	add := func(l plog.Logs) { l.ResourceLogs().MoveAndAppendTo(logs.ResourceLogs()) }
	for i := range n {
		at := epoch.Add(time.Duration(i) * time.Minute)
		add(revision(tenant, fmt.Sprintf("inc-%02d", i), 1, map[string]any{
			"mxdr.incident.title": fmt.Sprintf("Case %d for Bürgermeister", i), "mxdr.incident.severity": severities[i%4], "mxdr.incident.score": float64(i / 2),
			"mxdr.incident.first_seen": at.Format(time.RFC3339Nano), "mxdr.incident.last_seen": at.Add(30 * time.Second).Format(time.RFC3339Nano),
			"mxdr.incident.entities": []any{map[string]any{"type": "user", "value": fmt.Sprintf("User-%d", i%3), "aliases": []any{fmt.Sprintf("sid-%d", i%3)}, "signals": 1},
				map[string]any{"type": "host", "value": "dc1", "signals": 1}},
		}))
		add(signalRecord(tenant, fmt.Sprintf("s-%02d", i), 1, map[string]any{"event.severity": i, "mxdr.signal.domain": []any{"email", "cloud"}[i%2]}))
	}
	add(revision(tenant, "merged", 1, map[string]any{"mxdr.incident.state": "merged"}))
	add(revision(other, "theirs", 1, nil))
	add(batch(tenant, "acme.audit", 0, 100))
	add(batch(other, "acme.audit", 0, 7))
	send(t, x, logs)
	for _, index := range []string{schema.Incidents(tenant), schema.Signals(tenant), schema.AllLogs(tenant), schema.Incidents(other)} {
		search(t, c, index, nil) // refreshes
	}

	// Paging in every order gives everything once, ties included.
	for sort := range store.IncidentSorts {
		for _, ascending := range []bool{false, true} {
			seen, p := map[string]bool{}, store.Page{Sort: sort, Ascending: ascending, Size: 7}
			for {
				page, err := st.Incidents(ctx, tenant, store.IncidentFilter{}, p)
				require.NoError(t, err, sort)
				require.EqualValues(t, n, page.Total)
				for _, inc := range page.Incidents {
					require.False(t, seen[inc.ID], "%s: %s twice", sort, inc.ID)
					seen[inc.ID] = true
				}
				if p.After = page.Next; p.After == "" {
					break
				}
			}
			require.Len(t, seen, n, sort)
		}
	}
	top, err := st.Incidents(ctx, tenant, store.IncidentFilter{}, store.Page{Sort: "severity", Size: 1})
	require.NoError(t, err)
	assert.Equal(t, "critical", top.Incidents[0].Severity)

	_, err = st.UpdateTriage(ctx, tenant, "inc-05", "", "ann", store.TriageChange{Comment: "Rückfrage beim Kunden"})
	require.NoError(t, err)
	inc, err := st.Incident(ctx, tenant, "inc-06")
	require.NoError(t, err)
	_, err = st.UpdateTriage(ctx, tenant, "inc-06", inc.TriageVersion, "ann", store.TriageChange{Status: ptr("closed"), Assignee: ptr("ann"), Verdict: ptr("benign")})
	require.NoError(t, err)

	for name, c := range map[string]struct {
		f    store.IncidentFilter
		want int64
	}{
		"all":                {store.IncidentFilter{}, n},
		"merged":             {store.IncidentFilter{States: []string{"merged"}}, 1},
		"two severities":     {store.IncidentFilter{Severities: []string{"high", "low"}}, n / 2},
		"time":               {store.IncidentFilter{Time: store.TimeRange{From: epoch.Add(10 * time.Minute), To: epoch.Add(20 * time.Minute)}}, 10},
		"time, overlap":      {store.IncidentFilter{Time: store.TimeRange{From: epoch.Add(10*time.Minute + 15*time.Second), To: epoch.Add(10*time.Minute + 20*time.Second)}}, 1},
		"closed":             {store.IncidentFilter{Statuses: []string{"closed"}}, 1},
		"new":                {store.IncidentFilter{Statuses: []string{"new"}}, n - 1},
		"nobody's":           {store.IncidentFilter{Assignees: []string{""}}, n - 1},
		"ann's or nobody's":  {store.IncidentFilter{Assignees: []string{"", "ann"}}, n},
		"verdict":            {store.IncidentFilter{Verdicts: []string{"benign"}}, 1},
		"entity":             {store.IncidentFilter{Entities: []string{"user:user-1"}}, n / 3},
		"entity, alias":      {store.IncidentFilter{Entities: []string{"user:SID-1"}}, n / 3},
		"entity, any type":   {store.IncidentFilter{Entities: []string{"DC1"}}, n},
		"entity, wrong type": {store.IncidentFilter{Entities: []string{"user:dc1"}}, 0},
		"text":               {store.IncidentFilter{Text: "bürgermeister case 7"}, 1},
		"text, comment":      {store.IncidentFilter{Text: "rückfrage"}, 1},
		"text, nothing":      {store.IncidentFilter{Text: "bürgermeister nowhere"}, 0},
		"all together":       {store.IncidentFilter{Severities: []string{"high"}, Domains: []string{"email"}, Confidence: []string{"high"}, Tactics: []string{"TA0001"}, Techniques: []string{"T1078.004"}}, n / 4},
	} {
		page, err := st.Incidents(ctx, tenant, c.f, store.Page{})
		if assert.NoError(t, err, name) {
			assert.Equal(t, c.want, page.Total, name)
		}
	}

	series, err = st.IncidentHistogram(ctx, tenant, store.IncidentFilter{Time: span}, "severity", time.Hour)
	require.NoError(t, err)
	require.Len(t, series, 4)
	sum := int64(0)
	for _, s := range series {
		require.Len(t, s.Points, 4, "points without incidents are there")
		for _, p := range s.Points {
			sum += p.Count
		}
	}
	assert.EqualValues(t, n, sum)
	assert.Equal(t, epoch.Add(-time.Hour), series[0].Points[0].Time)
	series, err = st.SignalHistogram(ctx, tenant, store.SignalFilter{Time: span}, "severity", time.Hour)
	require.NoError(t, err)
	assert.Equal(t, "low", series[0].Name)
	series, err = st.EventHistogram(ctx, tenant, span, "dataset", time.Hour)
	require.NoError(t, err)
	require.Len(t, series, 1)
	assert.Equal(t, store.Point{Time: epoch, Count: 100}, series[0].Points[1])
	series, err = st.EventHistogram(ctx, tenant, span, "", time.Hour)
	require.NoError(t, err)
	require.Len(t, series, 1)
	counts, err := st.SignalCounts(ctx, tenant, store.SignalFilter{MinSeverity: 10}, "domain", 5)
	require.NoError(t, err)
	assert.Equal(t, []store.Count{{Value: "cloud", Count: 25}, {Value: "email", Count: 25}}, counts)
	for by := range store.SignalFields {
		_, err := st.SignalCounts(ctx, tenant, store.SignalFilter{}, by, 5)
		assert.NoError(t, err, by)
	}
	for by := range store.IncidentFields {
		_, err := st.IncidentCounts(ctx, tenant, store.IncidentFilter{}, by, 5)
		assert.NoError(t, err, by)
	}
	signals, err := st.Signals(ctx, tenant, store.SignalFilter{Entities: []string{"user:alice@contoso.com"}, Text: "invoices", Time: span}, store.Page{Sort: "severity", Size: 10})
	require.NoError(t, err)
	assert.EqualValues(t, n, signals.Total)
	assert.Equal(t, n-1, signals.Signals[0].Severity)

	// Original events, by id and data set, of one's own tenant only.
	events, err := st.EventsByID(ctx, tenant, []store.EventRef{{ID: "id-000007", Dataset: "acme.audit", Time: epoch.Add(7 * time.Second)}, {ID: "nothing"}, {ID: "id-000003"}, {ID: "id-000003", Dataset: "other"}})
	require.NoError(t, err)
	require.Len(t, events, 2)
	assert.Equal(t, "id-000007", events[0].ID)
	var doc map[string]any
	require.NoError(t, json.Unmarshal(events[0].Source, &doc))
	assert.Equal(t, tenant, dig(doc, "organization", "id"))
	events, err = st.EventsByID(ctx, other, []store.EventRef{{ID: "id-000050"}})
	require.NoError(t, err)
	assert.Empty(t, events)
}

// Nothing that a caller writes changes what a query asks, and nothing makes
// Elasticsearch fail.
func TestFiltersCannotInject(t *testing.T) {
	t.Parallel()
	e := elastictest.Shared(t)
	c := connect(t, e)
	tenant := e.Tenant(t)
	ctx := context.Background()
	x, st := startExporter(t, e, nil), store.New(c)
	send(t, x, revision(tenant, "inc", 1, nil))
	search(t, c, schema.Incidents(tenant), nil)
	for _, evil := range []string{
		"*", "?", "*:*", `"}}]}},"query":{"match_all":{}}`, `{"match_all":{}}`, "_exists_:mxdr", "a OR b", "/.*/", "[* TO *]", "\x00\xff", "user:*", `\`, `"`, "../../_all", "mxdr-incidents-*",
	} {
		for _, f := range []store.IncidentFilter{
			{Severities: []string{evil}}, {Statuses: []string{evil}}, {States: []string{evil}}, {Entities: []string{evil}}, {Entities: []string{"user:" + evil}}, {Assignees: []string{evil}},
			{Domains: []string{evil}}, {Text: evil + " zzz"},
		} {
			page, err := st.Incidents(ctx, tenant, f, store.Page{})
			if assert.NoError(t, err, "%q %+v", evil, f) {
				assert.Zero(t, page.Total, "%q %+v", evil, f)
			}
		}
		_, err := st.Incident(ctx, tenant, evil)
		assert.ErrorIs(t, err, store.ErrNotFound, evil)
		events, err := st.EventsByID(ctx, tenant, []store.EventRef{{ID: evil}})
		assert.NoError(t, err)
		assert.Empty(t, events)
		for _, bad := range []func() error{
			func() error { _, err := st.Incidents(ctx, evil, store.IncidentFilter{}, store.Page{}); return err },
			func() error { _, err := st.Incident(ctx, evil, "inc"); return err },
			func() error { _, err := st.EventsByID(ctx, evil, []store.EventRef{{ID: "1"}}); return err },
			func() error {
				_, err := st.Incidents(ctx, tenant, store.IncidentFilter{}, store.Page{Sort: evil})
				return err
			},
			func() error {
				_, err := st.Incidents(ctx, tenant, store.IncidentFilter{}, store.Page{After: evil})
				return err
			},
			func() error { _, err := st.SignalCounts(ctx, tenant, store.SignalFilter{}, evil, 5); return err },
		} {
			assert.ErrorIs(t, bad(), store.ErrInvalid, evil)
		}
	}
	results, err := st.ApplyRevisions(ctx, []store.Revision{{Tenant: "../x", ID: "a", Number: 1, Document: []byte(`{}`)}, {Tenant: tenant, ID: "b", Number: 1, Document: []byte(`[]`)}})
	require.NoError(t, err)
	assert.Equal(t, bulk.Refused, results[0].Outcome)
	assert.Equal(t, bulk.Refused, results[1].Outcome)
}
