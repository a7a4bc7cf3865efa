package store

import (
	"strings"
	"time"
)

// Bounds of a filter, so that no request makes Elasticsearch refuse or labour.
const (
	maxValues = 500  // values of one filter field
	maxValue  = 1024 // bytes of one value
	maxText   = 1000 // bytes of free text
)

// clauses gathers conditions that must all hold. Every value a caller gave
// stands in it as a JSON value, never as a part of a query's text.
type clauses struct {
	filter []any
	err    error
}

func (c *clauses) add(q object) { c.filter = append(c.filter, q) }

func (c *clauses) check(name string, values []string) bool {
	if c.err != nil {
		return false
	}
	if len(values) > maxValues {
		c.err = invalid("%s: at most %d values", name, maxValues)
		return false
	}
	for _, v := range values {
		if len(v) > maxValue {
			c.err = invalid("%s: a value has at most %d bytes", name, maxValue)
			return false
		}
	}
	return true
}

// any demands one of values, if there are values.
func (c *clauses) any(name, field string, values []string) {
	if len(values) > 0 && c.check(name, values) {
		c.add(object{"terms": object{field: values}})
	}
}

// anyOrNone is any where the value "" stands for documents without the field.
func (c *clauses) anyOrNone(name, field string, values []string) {
	if len(values) == 0 || !c.check(name, values) {
		return
	}
	var some []string
	none := false
	for _, v := range values {
		if v == "" {
			none = true
		} else {
			some = append(some, v)
		}
	}
	should := []any{}
	if len(some) > 0 {
		should = append(should, object{"terms": object{field: some}})
	}
	if none {
		should = append(should, object{"bool": object{"must_not": []any{object{"exists": object{"field": field}}}}})
	}
	c.add(object{"bool": object{"should": should, "minimum_should_match": 1}})
}

// entities demands one of the entities: "type:value" or a value of any type.
// path is the nested field that has them.
func (c *clauses) entities(path string, values []string) {
	if len(values) == 0 || !c.check("entities", values) {
		return
	}
	should := []any{}
	for _, v := range values {
		named := func(value string) object {
			return object{"bool": object{"minimum_should_match": 1, "should": []any{
				object{"term": object{path + ".value": object{"value": value}}},
				object{"term": object{path + ".aliases": object{"value": value}}},
			}}}
		}
		must := []any{named(v)}
		if kind, value, ok := strings.Cut(v, ":"); ok && entityTypes[kind] {
			must = []any{object{"term": object{path + ".type": object{"value": kind}}}, named(value)}
		}
		should = append(should, object{"bool": object{"filter": must}})
	}
	c.add(object{"nested": object{"path": path, "query": object{"bool": object{"should": should, "minimum_should_match": 1}}}})
}

// text demands all words of free text. A match query has no syntax.
func (c *clauses) text(s string) {
	if s = strings.TrimSpace(s); s == "" || c.err != nil {
		return
	}
	if len(s) > maxText {
		c.err = invalid("text: at most %d bytes", maxText)
		return
	}
	c.add(object{"match": object{"mxdr_text": object{"query": s, "operator": "and"}}})
}

// span demands that [from, to] of a document meets the half-open time range.
func (c *clauses) span(from, to string, r TimeRange) {
	if c.err == nil && !r.From.IsZero() && !r.To.IsZero() && !r.From.Before(r.To) {
		c.err = invalid("time: from must be before to")
	}
	if !r.From.IsZero() {
		c.add(object{"range": object{to: object{"gte": stamp(r.From)}}})
	}
	if !r.To.IsZero() {
		c.add(object{"range": object{from: object{"lt": stamp(r.To)}}})
	}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func (c *clauses) query() (object, error) {
	if c.err != nil {
		return nil, c.err
	}
	if len(c.filter) == 0 {
		return object{"match_all": object{}}, nil
	}
	return object{"bool": object{"filter": c.filter}}, nil
}

func (f IncidentFilter) query() (object, error) {
	var c clauses
	states := f.States
	if len(states) == 0 {
		states = []string{"open"}
	}
	c.any("states", "mxdr.incident.state", states)
	c.span("mxdr.incident.first_seen", "mxdr.incident.last_seen", f.Time)
	c.any("statuses", "mxdr.triage.status", f.Statuses)
	c.any("severities", "mxdr.incident.severity", f.Severities)
	c.any("confidence", "mxdr.incident.confidence", f.Confidence)
	c.any("domains", "mxdr.incident.domains", f.Domains)
	c.any("tactics", "mxdr.incident.tactics", f.Tactics)
	c.any("techniques", "mxdr.incident.techniques", f.Techniques)
	c.anyOrNone("verdicts", "mxdr.triage.verdict", f.Verdicts)
	c.anyOrNone("assignees", "mxdr.triage.assignee", f.Assignees)
	c.entities("mxdr.incident.entities", f.Entities)
	c.text(f.Text)
	return c.query()
}

func (f SignalFilter) query() (object, error) {
	var c clauses
	c.span("@timestamp", "@timestamp", f.Time)
	if len(f.IDs) > 0 && c.check("ids", f.IDs) {
		c.add(object{"ids": object{"values": f.IDs}})
	}
	c.any("kinds", "mxdr.signal.kind", f.Kinds)
	c.any("statuses", "mxdr.signal.status", f.Statuses)
	c.any("rule_ids", "rule.id", f.RuleIDs)
	c.any("domains", "mxdr.signal.domain", f.Domains)
	c.any("datasets", "mxdr.signal.dataset", f.Datasets)
	c.any("techniques", "threat.technique.id", f.Techniques)
	if f.MinSeverity > 0 {
		c.add(object{"range": object{"event.severity": object{"gte": f.MinSeverity}}})
	}
	c.entities("mxdr.signal.entities", f.Entities)
	c.text(f.Text)
	return c.query()
}
