package store

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/openmxdr/openmxdr/es-ingest/schema"
)

// The names by which things can be counted, and the fields behind them.
// "" counts everything as one.
var (
	IncidentFields = map[string]string{
		"severity": "mxdr.incident.severity", "confidence": "mxdr.incident.confidence", "domain": "mxdr.incident.domains",
		"status": "mxdr.triage.status", "verdict": "mxdr.triage.verdict", "assignee": "mxdr.triage.assignee",
		"tactic": "mxdr.incident.tactics", "technique": "mxdr.incident.techniques", "state": "mxdr.incident.state",
		"rule": "mxdr.incident.signals.rule_id",
	}
	SignalFields = map[string]string{
		"severity": severityBands, "domain": "mxdr.signal.domain", "dataset": "mxdr.signal.dataset", "kind": "mxdr.signal.kind",
		"status": "mxdr.signal.status", "rule": "rule.id", "rule_name": "rule.name", "tactic": "threat.tactic.id",
		"technique": "threat.technique.id", "outcome": "event.outcome", "user": "related.user", "host": "related.hosts", "ip": "related.ip",
	}
	EventFields = map[string]string{
		"dataset": "event.dataset", "kind": "event.kind", "module": "event.module", "category": "event.category",
		"action": "event.action", "outcome": "event.outcome",
	}
)

// severityBands stands for the ranges into which event.severity is cut.
const severityBands = "severity bands"

// bands are the ranges of event.severity with names.
var bands = []any{
	object{"key": "low", "to": 40},
	object{"key": "medium", "from": 40, "to": 60},
	object{"key": "high", "from": 60, "to": 85},
	object{"key": "critical", "from": 85},
}

// Bounds of a chart.
const (
	MaxSeries  = 20    // values that get a line of their own; the most frequent
	maxBuckets = 2_000 // points of one line
)

// IncidentHistogram counts incidents by the time they were first seen. by is
// one of IncidentFields or empty; an incident with several values counts in
// each. Points without incidents are there, with 0.
func (s *Store) IncidentHistogram(ctx context.Context, tenant string, f IncidentFilter, by string, interval time.Duration) ([]Series, error) {
	q, err := f.query()
	if err != nil {
		return nil, err
	}
	return s.histogram(ctx, tenant, schema.Incidents(tenant), q, "mxdr.incident.first_seen", IncidentFields, by, f.Time, interval)
}

// SignalHistogram counts signals by time. by is one of SignalFields or empty.
func (s *Store) SignalHistogram(ctx context.Context, tenant string, f SignalFilter, by string, interval time.Duration) ([]Series, error) {
	q, err := f.query()
	if err != nil {
		return nil, err
	}
	return s.histogram(ctx, tenant, schema.Signals(tenant), q, "@timestamp", SignalFields, by, f.Time, interval)
}

// EventHistogram counts events by time. by is one of EventFields or empty.
func (s *Store) EventHistogram(ctx context.Context, tenant string, span TimeRange, by string, interval time.Duration) ([]Series, error) {
	var c clauses
	c.span("@timestamp", "@timestamp", span)
	q, err := c.query()
	if err != nil {
		return nil, err
	}
	return s.histogram(ctx, tenant, schema.AllLogs(tenant), q, "@timestamp", EventFields, by, span, interval)
}

// IncidentCounts counts incidents by a field of IncidentFields: the size most
// frequent values, most frequent first.
func (s *Store) IncidentCounts(ctx context.Context, tenant string, f IncidentFilter, by string, size int) ([]Count, error) {
	q, err := f.query()
	if err != nil {
		return nil, err
	}
	return s.counts(ctx, tenant, schema.Incidents(tenant), q, IncidentFields, by, size)
}

// SignalCounts counts signals by a field of SignalFields.
func (s *Store) SignalCounts(ctx context.Context, tenant string, f SignalFilter, by string, size int) ([]Count, error) {
	q, err := f.query()
	if err != nil {
		return nil, err
	}
	return s.counts(ctx, tenant, schema.Signals(tenant), q, SignalFields, by, size)
}

// split makes the aggregation that tells the values of a field apart.
func split(fields map[string]string, by string, size int) (object, error) {
	field, ok := fields[by]
	if !ok {
		return nil, invalid("by %.40q: want one of %s", by, strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
	}
	if field == severityBands {
		return object{"range": object{"field": "event.severity", "ranges": bands}}, nil
	}
	return object{"terms": object{"field": field, "size": size}}, nil
}

type bucket struct {
	Key         json.RawMessage `json:"key"`
	KeyAsString string          `json:"key_as_string"`
	Count       int64           `json:"doc_count"`
	Times       *struct {
		Buckets []bucket `json:"buckets"`
	} `json:"times"`
}

func (b bucket) name() string {
	var s string
	if json.Unmarshal(b.Key, &s) == nil {
		return s
	}
	if b.KeyAsString != "" {
		return b.KeyAsString
	}
	return string(b.Key)
}

func (b bucket) points() ([]Point, error) {
	out := make([]Point, 0, len(b.Times.Buckets))
	for _, t := range b.Times.Buckets {
		var ms float64 // Elasticsearch may write it as 1.6E12
		if err := json.Unmarshal(t.Key, &ms); err != nil {
			return nil, fmt.Errorf("histogram: decode the answer: %w", err)
		}
		out = append(out, Point{Time: time.UnixMilli(int64(ms)).UTC(), Count: t.Count})
	}
	return out, nil
}

func (s *Store) histogram(ctx context.Context, tenant, index string, query object, field string, fields map[string]string, by string, span TimeRange, interval time.Duration) ([]Series, error) {
	if err := checkTenant(tenant); err != nil {
		return nil, err
	}
	if interval < time.Second || interval%time.Millisecond != 0 {
		return nil, invalid("interval %s: want whole milliseconds, at least a second", interval)
	}
	if span.From.IsZero() || span.To.IsZero() {
		return nil, invalid("time: a chart needs from and to")
	}
	if n := span.To.Sub(span.From) / interval; n >= maxBuckets {
		return nil, invalid("interval %s: makes more than %d points; take a longer one", interval, maxBuckets)
	}
	first, last := span.From.UnixMilli(), span.To.Add(-time.Millisecond).UnixMilli()
	times := object{"date_histogram": object{
		"field": field, "fixed_interval": fmt.Sprintf("%dms", interval.Milliseconds()), "min_doc_count": 0,
		"extended_bounds": object{"min": first, "max": last},
		// What began before the span is no point of the chart.
		"hard_bounds": object{"min": first, "max": last},
		"format":      "epoch_millis",
	}}
	aggs := object{"times": times}
	if by != "" {
		values, err := split(fields, by, MaxSeries)
		if err != nil {
			return nil, err
		}
		values["aggs"] = object{"times": times}
		aggs = object{"values": values}
	}
	answer, err := s.search(ctx, index, object{"size": 0, "track_total_hits": false, "query": query, "aggs": aggs})
	if err != nil {
		return nil, fmt.Errorf("histogram of %s: %w", index, err)
	}
	if by == "" {
		var b bucket
		if raw, ok := answer.Aggregations["times"]; ok {
			if err := json.Unmarshal(raw, &b.Times); err != nil {
				return nil, fmt.Errorf("histogram: decode the answer: %w", err)
			}
			points, err := b.points()
			if err != nil {
				return nil, err
			}
			return []Series{{Name: "", Points: points}}, nil
		}
		return []Series{}, nil
	}
	buckets, err := bucketsOf(answer)
	if err != nil {
		return nil, err
	}
	out := make([]Series, 0, len(buckets))
	for _, b := range buckets {
		if b.Count == 0 || b.Times == nil {
			continue
		}
		points, err := b.points()
		if err != nil {
			return nil, err
		}
		out = append(out, Series{Name: b.name(), Points: points})
	}
	return out, nil
}

func bucketsOf(answer *searchAnswer) ([]bucket, error) {
	var values struct {
		Buckets []bucket `json:"buckets"`
	}
	if raw, ok := answer.Aggregations["values"]; ok {
		if err := json.Unmarshal(raw, &values); err != nil {
			return nil, fmt.Errorf("counts: decode the answer: %w", err)
		}
	}
	return values.Buckets, nil
}

func (s *Store) counts(ctx context.Context, tenant, index string, query object, fields map[string]string, by string, size int) ([]Count, error) {
	if err := checkTenant(tenant); err != nil {
		return nil, err
	}
	if size == 0 {
		size = 10
	}
	if size < 1 || size > 1000 {
		return nil, invalid("size %d: want 1 to 1000", size)
	}
	values, err := split(fields, by, size)
	if err != nil {
		return nil, err
	}
	answer, err := s.search(ctx, index, object{"size": 0, "track_total_hits": false, "query": query, "aggs": object{"values": values}})
	if err != nil {
		return nil, fmt.Errorf("counts of %s: %w", index, err)
	}
	buckets, err := bucketsOf(answer)
	if err != nil {
		return nil, err
	}
	out := make([]Count, 0, len(buckets))
	for _, b := range buckets {
		if b.Count > 0 {
			out = append(out, Count{Value: b.name(), Count: b.Count})
		}
	}
	return out, nil
}
