package plugin

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/openmxdr/openmxdr/es-ingest/store"
)

// The query types of the data source.
const (
	QueryIncidents = "incidents"
	QuerySignals   = "signals"
	QueryMetrics   = "metrics"
)

// The formats of answers.
const (
	FormatTable      = "table"      // one row an incident, a signal or a group
	FormatLogs       = "logs"       // log lines
	FormatTimeseries = "timeseries" // counts over time
)

// Query is what the query editor writes, beside Grafana's own members (refId,
// queryType, datasource, intervalMs, maxDataPoints). Empty members choose all.
type Query struct {
	// Format is table or logs for incidents and signals, timeseries or table
	// for metrics. Empty means the first.
	Format string `json:"format"`

	// For all query types.
	Severities []string `json:"severities"` // low, medium, high, critical
	Domains    []string `json:"domains"`
	Techniques []string `json:"techniques"`
	Entities   []string `json:"entities"` // type:value, or a value
	Text       string   `json:"text"`

	// For incidents, and metrics of incidents.
	States     []string `json:"states"` // open, merged, dissolved; empty means open
	Statuses   []string `json:"statuses"`
	Confidence []string `json:"confidence"`
	Tactics    []string `json:"tactics"`
	Verdicts   []string `json:"verdicts"`
	Assignees  []string `json:"assignees"`

	// For signals, and metrics of signals.
	Kinds    []string `json:"kinds"`
	RuleIDs  []string `json:"ruleIds"`
	Datasets []string `json:"datasets"`

	// For incidents and signals.
	Sort      string `json:"sort"`
	Ascending bool   `json:"ascending"`
	Limit     int    `json:"limit"` // 1 to 500; 0 means 100

	// For metrics: what is counted (incidents, signals or events) and by which
	// property (severity, domain …); empty counts all together.
	Metric string `json:"metric"`
	By     string `json:"by"`
}

const defaultLimit = 100

// readQuery reads and checks one query.
func readQuery(q backend.DataQuery) (Query, error) {
	var out Query
	if len(q.JSON) > maxBody {
		return out, fmt.Errorf("the query has %d bytes, more than the %d allowed", len(q.JSON), maxBody)
	}
	if len(q.JSON) > 0 {
		if err := json.Unmarshal(q.JSON, &out); err != nil {
			return out, fmt.Errorf("the query cannot be read: %w", err)
		}
	}
	var formats []string
	switch q.QueryType {
	case QueryIncidents, QuerySignals:
		formats = []string{FormatTable, FormatLogs}
	case QueryMetrics:
		formats = []string{FormatTimeseries, FormatTable}
		if metrics := []string{"incidents", "signals", "events"}; !slices.Contains(metrics, out.Metric) {
			return out, fmt.Errorf("metric %.40q is none of %s", out.Metric, strings.Join(metrics, ", "))
		}
	default:
		return out, fmt.Errorf("query type %.40q is none of incidents, signals, metrics", q.QueryType)
	}
	if out.Format == "" {
		out.Format = formats[0]
	}
	if !slices.Contains(formats, out.Format) {
		return out, fmt.Errorf("format %.40q is none of %s", out.Format, strings.Join(formats, ", "))
	}
	if out.Limit == 0 {
		out.Limit = defaultLimit
	}
	if out.Limit < 1 || out.Limit > store.MaxPage {
		return out, fmt.Errorf("limit %d must be from 1 to %d", out.Limit, store.MaxPage)
	}
	return out, nil
}

// incidents is the query as a filter for incidents.
func (q Query) incidents(span store.TimeRange) store.IncidentFilter {
	return store.IncidentFilter{
		Time: span, States: q.States, Statuses: q.Statuses, Severities: q.Severities, Confidence: q.Confidence,
		Domains: q.Domains, Tactics: q.Tactics, Techniques: q.Techniques, Verdicts: q.Verdicts,
		Assignees: q.Assignees, Entities: q.Entities, Text: q.Text,
	}
}

// signalSeverity is the least event.severity of each level, as es-ingest/store
// cuts them when it counts by severity.
var signalSeverity = map[string]int{"low": 0, "medium": 40, "high": 60, "critical": 85}

// signals is the query as a filter for signals. Of severities the lowest counts.
func (q Query) signals(span store.TimeRange) (store.SignalFilter, error) {
	f := store.SignalFilter{
		Time: span, Kinds: q.Kinds, RuleIDs: q.RuleIDs, Domains: q.Domains, Datasets: q.Datasets,
		Techniques: q.Techniques, Entities: q.Entities, Text: q.Text,
	}
	for i, s := range q.Severities {
		least, ok := signalSeverity[s]
		if !ok {
			return f, fmt.Errorf("severity %.40q is none of low, medium, high, critical", s)
		}
		if i == 0 || least < f.MinSeverity {
			f.MinSeverity = least
		}
	}
	return f, nil
}

// page is the query's part of the result.
func (q Query) page() store.Page {
	return store.Page{Sort: q.Sort, Ascending: q.Ascending, Size: q.Limit}
}

// spanOf turns Grafana's time range, ends included, into a half-open one.
func spanOf(r backend.TimeRange) store.TimeRange {
	return store.TimeRange{From: r.From, To: r.To.Add(time.Millisecond)}
}
