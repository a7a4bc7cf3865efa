//go:build unix

package plugin

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"github.com/openmxdr/openmxdr/dashboards"
	"github.com/openmxdr/openmxdr/es-ingest/store"
)

func ask(queryType string, members map[string]any) backend.DataQuery {
	text, err := json.Marshal(members)
	if err != nil {
		panic(err)
	}
	return backend.DataQuery{QueryType: queryType, JSON: text, Interval: time.Hour, MaxDataPoints: 500}
}

func field(t *testing.T, f *data.Frame, name string) *data.Field {
	t.Helper()
	got, at := f.FieldByName(name)
	require.GreaterOrEqual(t, at, 0, "%s has no field %s", f.Name, name)
	return got
}

func seedForQueries(t *testing.T) *seeded {
	s := seed(t, 1)
	s.incident("inc1", "Business e-mail compromise", "critical", "high", 90, day)
	s.incident("inc2", "Odd sign-in", "low", "low", 10, day.Add(2*time.Hour))
	s.signal("sig1", "Forwarding", "email", 73, day)
	s.signal("sig2", "Download", "saas", 47, day.Add(time.Hour))
	s.signal("sig3", "Download", "saas", 47, day.Add(time.Hour))
	s.refresh()
	return s
}

func TestQueries(t *testing.T) {
	p, s := start(t), seedForQueries(t)
	res, err := p.query(s.source(viewer),
		ask(QueryIncidents, map[string]any{"sort": "score"}),
		ask(QueryIncidents, map[string]any{"format": "logs", "severities": []string{"critical"}}),
		ask(QuerySignals, map[string]any{}),
		ask(QuerySignals, map[string]any{"format": "logs", "severities": []string{"high"}}),
		ask(QueryMetrics, map[string]any{"metric": "incidents", "by": "severity"}),
		ask(QueryMetrics, map[string]any{"metric": "signals", "by": "domain", "format": "table"}),
		ask(QueryMetrics, map[string]any{"metric": "signals"}),
		ask(QueryMetrics, map[string]any{"metric": "events", "by": "dataset"}),
		ask(QueryIncidents, map[string]any{"limit": 1}),
	)
	require.NoError(t, err)
	for ref, r := range res.Responses {
		require.NoError(t, r.Error, ref)
		require.NotEmpty(t, r.Frames, ref)
	}
	frame := func(ref string) *data.Frame { return res.Responses[ref].Frames[0] }

	a := frame("A")
	require.Equal(t, data.FrameTypeTable, a.Meta.Type)
	require.Equal(t, 2, a.Rows())
	require.Equal(t, "inc1", field(t, a, "id").At(0))
	require.Equal(t, "critical", field(t, a, "severity").At(0))
	require.Contains(t, field(t, a, "id").Config.Links[0].URL, "/a/openmxdr-app/incidents/")
	require.Nil(t, a.Meta.Notices)

	b := frame("B")
	require.Equal(t, data.FrameTypeLogLines, b.Meta.Type)
	require.Equal(t, 1, b.Rows())
	require.Equal(t, "critical", field(t, b, "severity").At(0))
	require.JSONEq(t, `{"confidence":"high","status":"new","assignee":"","domains":"email,identity,saas"}`, string(field(t, b, "labels").At(0).(json.RawMessage)))

	require.Equal(t, 3, frame("C").Rows())
	require.Equal(t, 1, frame("D").Rows())
	require.Equal(t, "error", field(t, frame("D"), "severity").At(0))

	total := 0.0
	for _, f := range res.Responses["E"].Frames {
		require.Equal(t, data.FrameTypeTimeSeriesMulti, f.Meta.Type)
		v := f.Fields[1]
		for i := range v.Len() {
			total += v.At(i).(float64)
			require.True(t, i == 0 || f.Fields[0].At(i).(time.Time).After(f.Fields[0].At(i-1).(time.Time)), "time ascends")
		}
		require.NotEmpty(t, v.Labels["severity"])
	}
	require.Equal(t, 2.0, total)

	require.Equal(t, data.FrameTypeNumericLong, frame("F").Meta.Type)
	require.Equal(t, "saas", field(t, frame("F"), "domain").At(0))
	require.Equal(t, 2.0, field(t, frame("F"), "count").At(0))
	require.Len(t, res.Responses["G"].Frames, 1)
	require.NotEmpty(t, res.Responses["H"].Frames)
	require.Contains(t, frame("I").Meta.Notices[0].Text, "1 of 2")
}

// Every query of every dashboard gets an answer with its fields.
func TestDashboardQueries(t *testing.T) {
	p, s := start(t), seedForQueries(t)
	for _, d := range dashboards.All() {
		for _, panel := range d.Panels {
			kind, _ := panel.Query["queryType"].(string)
			res, err := p.query(s.source(viewer), ask(kind, panel.Query))
			require.NoError(t, err, panel.Title)
			r := res.Responses["A"]
			require.NoError(t, r.Error, panel.Title)
			require.NotEmpty(t, r.Frames, panel.Title)
			require.Positive(t, r.Frames[0].Rows(), panel.Title)
		}
	}
}

func TestQueryWithoutData(t *testing.T) {
	p, s := start(t), seed(t, 1)
	res, err := p.query(s.source(nil),
		ask(QueryIncidents, nil), ask(QuerySignals, nil), ask(QueryMetrics, map[string]any{"metric": "events"}),
		ask(QueryMetrics, map[string]any{"metric": "incidents", "by": "severity"}), ask(QueryMetrics, map[string]any{"metric": "signals", "by": "domain", "format": "table"}))
	require.NoError(t, err)
	for ref, r := range res.Responses {
		require.NoError(t, r.Error, ref)
		require.NotEmpty(t, r.Frames, ref)
	}
}

func TestQueriesRefused(t *testing.T) {
	p, s := start(t), seed(t, 1)
	empty := ask(QueryIncidents, nil)
	empty.TimeRange = backend.TimeRange{From: day, To: day.Add(-time.Hour)}
	for name, q := range map[string]backend.DataQuery{
		"type":     ask("sql", nil),
		"no type":  ask("", nil),
		"format":   ask(QueryIncidents, map[string]any{"format": "timeseries"}),
		"metric":   ask(QueryMetrics, map[string]any{"metric": "secrets"}),
		"by":       ask(QueryMetrics, map[string]any{"metric": "incidents", "by": "_id; drop"}),
		"limit":    ask(QueryIncidents, map[string]any{"limit": 1_000_000}),
		"negative": ask(QuerySignals, map[string]any{"limit": -1}),
		"sort":     ask(QueryIncidents, map[string]any{"sort": "_script"}),
		"types":    ask(QueryIncidents, map[string]any{"severities": "high"}),
		"severity": ask(QuerySignals, map[string]any{"severities": []string{"huge"}}),
		"json":     {QueryType: QueryIncidents, JSON: []byte(`[`)},
		"large":    {QueryType: QueryIncidents, JSON: []byte(`{"text":"` + strings.Repeat("x", maxBody) + `"}`)},
		"range":    empty,
		"events":   ask(QueryMetrics, map[string]any{"metric": "events", "format": "table"}),
	} {
		res, err := p.query(s.source(viewer), q)
		require.NoError(t, err, name)
		r := res.Responses["A"]
		require.Error(t, r.Error, name)
		require.Equal(t, backend.Status(400), r.Status, "%s: %s", name, r.Error)
	}
	many := make([]backend.DataQuery, maxQueries+1)
	for i := range many {
		many[i] = ask(QueryIncidents, nil)
		many[i].RefID = fmt.Sprint(i)
	}
	_, err := p.query(s.source(viewer), many...)
	require.Error(t, err)
	// The tenant is the settings', whatever the query says.
	other := seed(t, 2)
	other.incident("secret", "x", "high", "high", 1, day)
	other.refresh()
	res, err := p.query(s.source(viewer), ask(QueryIncidents, map[string]any{"tenant": other.tenant, "organization.id": other.tenant, "text": other.tenant}))
	require.NoError(t, err)
	require.Zero(t, res.Responses["A"].Frames[0].Rows())
}

func TestStep(t *testing.T) {
	week := store.TimeRange{From: day, To: day.Add(7 * 24 * time.Hour)}
	for _, tc := range []struct {
		span   store.TimeRange
		asked  time.Duration
		points int64
		want   time.Duration
	}{
		{week, time.Hour, 1000, time.Hour},
		{week, time.Second, 1000, 605 * time.Second},
		{week, 0, 0, 404 * time.Second},
		{week, time.Millisecond, 1_000_000, 404 * time.Second},
		{store.TimeRange{From: day, To: day.Add(time.Second)}, time.Millisecond, 1000, time.Second},
	} {
		got := step(tc.span, tc.asked, tc.points)
		require.Equal(t, tc.want, got)
		require.LessOrEqual(t, int64(tc.span.To.Sub(tc.span.From)/got), int64(maxPoints))
	}
}
