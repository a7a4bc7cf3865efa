package plugin

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/grafana/grafana-plugin-sdk-go/experimental/concurrent"

	"github.com/openmxdr/openmxdr/es-ingest/client"
	"github.com/openmxdr/openmxdr/es-ingest/store"
)

// Limits of queries.
const (
	maxQueries  = 50
	parallel    = 4
	maxPoints   = 1500
	maxCountBy  = 100
	minInterval = time.Second
	maxCell     = 1000 // bytes of a text in a frame
)

// QueryData implements backend.QueryDataHandler. Grafana itself decides who
// may query a data source; here every answer is of the settings' tenant.
func (in *instance) QueryData(ctx context.Context, req *backend.QueryDataRequest) (*backend.QueryDataResponse, error) {
	if len(req.Queries) > maxQueries {
		return nil, backend.DownstreamErrorf("%d queries at once, more than the %d allowed", len(req.Queries), maxQueries)
	}
	return concurrent.QueryData(ctx, req, func(ctx context.Context, q concurrent.Query) backend.DataResponse {
		frames, err := in.query(ctx, q.DataQuery)
		if err != nil {
			return failed(ctx, err)
		}
		return backend.DataResponse{Frames: frames, Status: backend.StatusOK}
	}, parallel)
}

// failed is an answer with an error, marked as Elasticsearch's or ours.
func failed(ctx context.Context, err error) backend.DataResponse {
	e := explain(err)
	source := backend.ErrorSourcePlugin
	if e.status != http.StatusInternalServerError {
		source = backend.ErrorSourceDownstream
	}
	if e.status >= 500 {
		backend.Logger.FromContext(ctx).Error("Query failed", "status", e.status, "error", err)
	}
	text := e.message
	if e.hint != "" {
		text += " " + e.hint
	}
	return backend.DataResponse{Error: fmt.Errorf("%s", text), ErrorSource: source, Status: backend.Status(e.status)}
}

// query answers one query.
func (in *instance) query(ctx context.Context, dq backend.DataQuery) (data.Frames, error) {
	if in.broken != nil {
		return nil, errNotConfigured(in.broken)
	}
	q, err := readQuery(dq)
	if err != nil {
		return nil, errInvalid("Correct the query.", "%s.", err)
	}
	span := spanOf(dq.TimeRange)
	if !span.From.Before(span.To) {
		return nil, errInvalid("Choose a range that begins before it ends.", "The time range is empty.")
	}
	switch dq.QueryType {
	case QueryIncidents:
		page, err := in.store.Incidents(ctx, in.config.tenant, q.incidents(span), q.page())
		if err != nil {
			return nil, err
		}
		if q.Format == FormatLogs {
			return data.Frames{incidentLogs(page)}, nil
		}
		return data.Frames{incidentTable(page)}, nil
	case QuerySignals:
		f, err := q.signals(span)
		if err != nil {
			return nil, errInvalid("Correct the query.", "%s.", err)
		}
		page, err := in.store.Signals(ctx, in.config.tenant, f, q.page())
		if err != nil {
			return nil, err
		}
		if q.Format == FormatLogs {
			return data.Frames{signalLogs(page)}, nil
		}
		return data.Frames{signalTable(page)}, nil
	default:
		return in.metrics(ctx, q, span, dq)
	}
}

// metrics counts incidents, signals or events, over time or by a property.
func (in *instance) metrics(ctx context.Context, q Query, span store.TimeRange, dq backend.DataQuery) (data.Frames, error) {
	signals, err := q.signals(span)
	if err != nil && q.Metric == "signals" {
		return nil, errInvalid("Correct the query.", "%s.", err)
	}
	if q.Format == FormatTable {
		var counts []store.Count
		switch q.Metric {
		case "incidents":
			counts, err = in.store.IncidentCounts(ctx, in.config.tenant, q.incidents(span), q.By, min(q.Limit, maxCountBy))
		case "signals":
			counts, err = in.store.SignalCounts(ctx, in.config.tenant, signals, q.By, min(q.Limit, maxCountBy))
		default:
			return nil, errInvalid("Choose time series, or count incidents or signals.", "Events are counted over time only.")
		}
		if err != nil {
			return nil, err
		}
		return data.Frames{countTable(q, counts)}, nil
	}
	interval := step(span, dq.Interval, dq.MaxDataPoints)
	var series []store.Series
	switch q.Metric {
	case "incidents":
		series, err = in.store.IncidentHistogram(ctx, in.config.tenant, q.incidents(span), q.By, interval)
	case "signals":
		series, err = in.store.SignalHistogram(ctx, in.config.tenant, signals, q.By, interval)
	default:
		series, err = in.store.EventHistogram(ctx, in.config.tenant, span, q.By, interval)
	}
	if err != nil {
		return nil, err
	}
	return timeseries(q, series), nil
}

// step is the interval between points: what Grafana asks for, but never so
// short that there are more points than asked for, or than the limit.
func step(span store.TimeRange, asked time.Duration, points int64) time.Duration {
	most := int64(maxPoints)
	if points > 0 && points < most {
		most = points
	}
	least := max(minInterval, span.To.Sub(span.From)/time.Duration(most))
	interval := max(asked, least)
	return (interval + time.Second - 1).Truncate(time.Second)
}

// incidentTable is one row an incident.
func incidentTable(page store.IncidentPage) *data.Frame {
	n := len(page.Incidents)
	id, title, severity, confidence := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	status, assignee, verdict := make([]string, n), make([]string, n), make([]string, n)
	doms, tactics, entities := make([]string, n), make([]string, n), make([]string, n)
	score, signals := make([]float64, n), make([]int64, n)
	first, last := make([]time.Time, n), make([]time.Time, n)
	for k, i := range page.Incidents {
		id[k], title[k], severity[k], confidence[k], score[k] = i.ID, client.Shorten(i.Title, maxListTitle), i.Severity, i.Confidence, i.Score
		status[k], assignee[k], verdict[k] = i.Triage.Status, i.Triage.Assignee, i.Triage.Verdict
		doms[k], tactics[k], entities[k] = strings.Join(i.Domains, ", "), strings.Join(i.Tactics, ", "), entityText(i)
		first[k], last[k], signals[k] = i.FirstSeen, i.LastSeen, int64(len(i.Signals))
	}
	f := data.NewFrame("incidents",
		column("last_seen", "Last seen", "", last), column("first_seen", "First seen", "", first),
		linked(column("title", "Title", "", title), "${__data.fields.id:percentencode}"), column("severity", "Severity", "", severity), column("confidence", "Confidence", "", confidence),
		column("score", "Score", "short", score), column("status", "Status", "", status), column("assignee", "Owner", "", assignee),
		column("verdict", "Verdict", "", verdict), column("domains", "Domains", "", doms), column("tactics", "Tactics", "", tactics),
		column("entities", "Entities", "", entities), column("signals", "Signals", "short", signals),
		linked(column("id", "Incident", "", id), "${__value.raw:percentencode}"),
	)
	f.Meta = &data.FrameMeta{Type: data.FrameTypeTable, PreferredVisualization: data.VisTypeTable, Notices: more(page.Total, n, "incidents")}
	return f
}

// incidentLogs is one line an incident.
func incidentLogs(page store.IncidentPage) *data.Frame {
	l := newLogs(len(page.Incidents))
	for k, i := range page.Incidents {
		body := client.Shorten(i.Title, maxListTitle)
		if i.Summary != "" {
			body += "\n" + client.Shorten(i.Summary, maxCell)
		}
		l.set(k, i.LastSeen, body, i.Severity, i.ID, map[string]any{
			"confidence": i.Confidence, "status": i.Triage.Status, "assignee": i.Triage.Assignee, "domains": strings.Join(i.Domains, ","),
		})
	}
	return l.frame("incidents", more(page.Total, len(page.Incidents), "incidents"))
}

// signalTable is one row a signal.
func signalTable(page store.SignalPage) *data.Frame {
	n := len(page.Signals)
	id, rule, ruleID, reason, kind := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	domain, dataset, techniques, entities, outcome := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	severity, confidence, events := make([]int64, n), make([]int64, n), make([]int64, n)
	at := make([]time.Time, n)
	for k, s := range page.Signals {
		id[k], rule[k], ruleID[k], reason[k], kind[k] = s.ID, client.Shorten(s.RuleName, maxCell), client.Shorten(s.RuleID, maxCell), client.Shorten(s.Reason, maxCell), s.Kind
		domain[k], dataset[k], techniques[k], outcome[k] = s.Domain, s.Dataset, strings.Join(s.Techniques, ", "), s.Outcome
		severity[k], confidence[k], events[k], at[k] = int64(s.Severity), int64(s.Confidence), int64(s.EventsTotal), s.Time
		names := make([]string, min(len(s.Entities), summaryEntities))
		for j := range names {
			names[j] = s.Entities[j].Type + ":" + client.Shorten(s.Entities[j].Value, maxListValue)
		}
		entities[k] = strings.Join(names, ", ")
	}
	f := data.NewFrame("signals",
		column("time", "Time", "", at), column("rule", "Rule", "", rule), column("reason", "Reason", "", reason),
		column("severity", "Severity", "short", severity), column("confidence", "Confidence", "percent", confidence),
		column("kind", "Kind", "", kind), column("domain", "Domain", "", domain), column("dataset", "Dataset", "", dataset),
		column("techniques", "Techniques", "", techniques), column("outcome", "Outcome", "", outcome),
		column("entities", "Entities", "", entities), column("events", "Events", "short", events),
		column("rule_id", "Rule id", "", ruleID), column("id", "Signal", "", id),
	)
	f.Meta = &data.FrameMeta{Type: data.FrameTypeTable, PreferredVisualization: data.VisTypeTable, Notices: more(page.Total, n, "signals")}
	return f
}

// signalLogs is one line a signal.
func signalLogs(page store.SignalPage) *data.Frame {
	l := newLogs(len(page.Signals))
	for k, s := range page.Signals {
		l.set(k, s.Time, client.Shorten(s.RuleName+": "+s.Reason, maxCell), levelOf(s.Severity), s.ID, map[string]any{
			"rule": client.Shorten(s.RuleID, maxCell), "kind": s.Kind, "domain": s.Domain, "dataset": s.Dataset,
		})
	}
	return l.frame("signals", more(page.Total, len(page.Signals), "signals"))
}

// levelOf names a severity of 0 to 100.
func levelOf(severity int) string {
	for i := len(severities) - 1; i >= 0; i-- {
		if severity >= signalSeverity[severities[i]] {
			return severities[i]
		}
	}
	return "low"
}

// countTable is one row a value.
func countTable(q Query, counts []store.Count) *data.Frame {
	values, n := make([]string, len(counts)), make([]float64, len(counts))
	for i, c := range counts {
		values[i], n[i] = client.Shorten(c.Value, maxCell), float64(c.Count)
	}
	by := q.By
	if by == "" {
		by = "all"
	}
	f := data.NewFrame(q.Metric, data.NewField(by, nil, values), column("count", title(q.Metric), "short", n))
	f.Meta = &data.FrameMeta{Type: data.FrameTypeNumericLong, TypeVersion: data.FrameTypeVersion{0, 1}}
	return f
}

// timeseries is one frame a series, as alerting wants it. Without any series
// there is still a frame, so that panels say "no data" rather than fail.
func timeseries(q Query, series []store.Series) data.Frames {
	meta := func() *data.FrameMeta {
		return &data.FrameMeta{Type: data.FrameTypeTimeSeriesMulti, TypeVersion: data.FrameTypeVersion{0, 1}}
	}
	if len(series) == 0 {
		f := data.NewFrame(q.Metric)
		f.Meta = meta()
		return data.Frames{f}
	}
	var frames data.Frames
	for _, s := range series {
		times, counts := make([]time.Time, len(s.Points)), make([]float64, len(s.Points))
		points := slices.Clone(s.Points)
		slices.SortFunc(points, func(a, b store.Point) int { return a.Time.Compare(b.Time) })
		for i, p := range points {
			times[i], counts[i] = p.Time, float64(p.Count)
		}
		var labels data.Labels
		name := title(q.Metric)
		if q.By != "" {
			labels, name = data.Labels{q.By: s.Name}, s.Name
		}
		value := data.NewField("count", labels, counts)
		value.Config = &data.FieldConfig{DisplayNameFromDS: name, Unit: "short"}
		f := data.NewFrame(s.Name, data.NewField("time", nil, times), value)
		f.Meta = meta()
		frames = append(frames, f)
	}
	return frames
}

func title(metric string) string { return strings.ToUpper(metric[:1]) + metric[1:] }

// entityText names the entities of an incident that matter most.
func entityText(i store.Incident) string {
	s := summary(i)
	names := make([]string, len(s.Entities))
	for k, e := range s.Entities {
		names[k] = e.Type + ":" + e.Value
	}
	return strings.Join(names, ", ")
}

// column is a field with a name for people.
func column(name, display, unit string, values any) *data.Field {
	f := data.NewField(name, nil, values)
	f.Config = &data.FieldConfig{DisplayNameFromDS: display, Unit: unit}
	return f
}

// linked gives a field a link to the incident's page; id is where Grafana finds
// the incident's id.
func linked(f *data.Field, id string) *data.Field {
	f.Config.Links = []data.DataLink{{Title: "Open incident", URL: "/a/" + AppID + "/incidents/" + id}}
	return f
}

// more says that the answer holds only some of what was found.
func more(total int64, shown int, what string) []data.Notice {
	if total <= int64(shown) {
		return nil
	}
	return []data.Notice{{Severity: data.NoticeSeverityInfo, Text: fmt.Sprintf("Shown are %d of %d %s; raise the limit or narrow the query.", shown, total, what)}}
}
