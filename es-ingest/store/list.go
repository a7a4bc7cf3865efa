package store

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/openmxdr/openmxdr/es-ingest/schema"
	"github.com/openmxdr/openmxdr/internal/entity"
)

var entityTypes = func() map[string]bool {
	m := map[string]bool{}
	for _, t := range entity.Types {
		m[string(t)] = true
	}
	return m
}()

// IncidentSorts are the names by which incidents can be sorted, and the fields
// behind them.
var IncidentSorts = map[string]string{
	"last_seen":  "mxdr.incident.last_seen",
	"first_seen": "mxdr.incident.first_seen",
	"score":      "mxdr.incident.score",
	"severity":   "event.severity",
	"title":      "mxdr.incident.title.keyword",
	"status":     "mxdr.triage.status",
	"assignee":   "mxdr.triage.assignee",
	"updated_at": "mxdr.triage.updated_at",
}

// SignalSorts are the names by which signals can be sorted.
var SignalSorts = map[string]string{
	"time":       "@timestamp",
	"severity":   "event.severity",
	"risk":       "event.risk_score",
	"confidence": "mxdr.signal.confidence",
	"rule_name":  "rule.name",
}

// cursor is what Page.After holds: where the page before ended, and in which order.
type cursor struct {
	Sort      string `json:"s"`
	Ascending bool   `json:"a"`
	Values    []any  `json:"v"`
}

// body makes the part of a search that a Page decides.
func (p *Page) body(sorts map[string]string, standard, tie string) (object, error) {
	if p.Sort == "" {
		p.Sort = standard
	}
	field, ok := sorts[p.Sort]
	if !ok {
		return nil, invalid("sort %.40q: want one of %s", p.Sort, strings.Join(slices.Sorted(maps.Keys(sorts)), ", "))
	}
	if p.Size == 0 {
		p.Size = 50
	}
	if p.Size < 1 || p.Size > MaxPage {
		return nil, invalid("size %d: want 1 to %d", p.Size, MaxPage)
	}
	order := "desc"
	if p.Ascending {
		order = "asc"
	}
	body := object{
		"size": p.Size, "track_total_hits": true,
		"sort": []any{object{field: object{"order": order, "missing": "_last"}}, object{tie: object{"order": order}}},
	}
	if p.After != "" {
		var c cursor
		raw, err := base64.RawURLEncoding.DecodeString(p.After)
		if err == nil {
			err = decode(raw, &c)
		}
		if err != nil || len(c.Values) != 2 || c.Sort != p.Sort || c.Ascending != p.Ascending || !scalars(c.Values) {
			return nil, invalid("after: not the end of a page in this order; begin at the first page")
		}
		body["search_after"] = c.Values
	}
	return body, nil
}

func scalars(values []any) bool {
	for _, v := range values {
		switch v.(type) {
		case nil, string, json.Number, bool:
		default:
			return false
		}
	}
	return true
}

// next returns the cursor behind the last hit of a full page.
func (p *Page) next(hits []hit) (string, error) {
	if len(hits) < p.Size || len(hits) == 0 {
		return "", nil
	}
	raw, err := json.Marshal(cursor{Sort: p.Sort, Ascending: p.Ascending, Values: hits[len(hits)-1].Sort})
	if err != nil {
		return "", fmt.Errorf("page: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

// listExcludes are parts of an incident that a list does not show.
var listExcludes = []string{
	"mxdr.incident.edges", "mxdr.incident.story", "mxdr.incident.score_parts", "mxdr.incident.signals.events",
	"mxdr.incident.signals.matched", "mxdr.incident.signals.entities",
}

// Incidents returns one page of a tenant's incidents. Edges, story, score
// parts and the signals' events, matches and entities are left out; Incident
// has them.
func (s *Store) Incidents(ctx context.Context, tenant string, f IncidentFilter, p Page) (IncidentPage, error) {
	if err := checkTenant(tenant); err != nil {
		return IncidentPage{}, err
	}
	body, err := p.body(IncidentSorts, "last_seen", "mxdr.incident.id")
	if err != nil {
		return IncidentPage{}, err
	}
	if body["query"], err = f.query(); err != nil {
		return IncidentPage{}, err
	}
	body["_source"] = object{"excludes": listExcludes}
	answer, err := s.search(ctx, schema.Incidents(tenant), body)
	if err != nil {
		return IncidentPage{}, fmt.Errorf("list incidents of %s: %w", tenant, err)
	}
	out := IncidentPage{Total: answer.Hits.Total.Value, Incidents: make([]Incident, 0, len(answer.Hits.Hits))}
	for _, h := range answer.Hits.Hits {
		inc, err := decodeIncident(tenant, h.ID, h.Source)
		if err != nil {
			return IncidentPage{}, err
		}
		out.Incidents = append(out.Incidents, inc)
	}
	out.Next, err = p.next(answer.Hits.Hits)
	return out, err
}

// Signals returns one page of a tenant's signals.
func (s *Store) Signals(ctx context.Context, tenant string, f SignalFilter, p Page) (SignalPage, error) {
	if err := checkTenant(tenant); err != nil {
		return SignalPage{}, err
	}
	body, err := p.body(SignalSorts, "time", "event.id")
	if err != nil {
		return SignalPage{}, err
	}
	if body["query"], err = f.query(); err != nil {
		return SignalPage{}, err
	}
	answer, err := s.search(ctx, schema.Signals(tenant), body)
	if err != nil {
		return SignalPage{}, fmt.Errorf("list signals of %s: %w", tenant, err)
	}
	out := SignalPage{Total: answer.Hits.Total.Value, Signals: make([]Signal, 0, len(answer.Hits.Hits))}
	for _, h := range answer.Hits.Hits {
		sig, err := decodeSignal(tenant, h.ID, h.Source)
		if err != nil {
			return SignalPage{}, err
		}
		out.Signals = append(out.Signals, sig)
	}
	out.Next, err = p.next(answer.Hits.Hits)
	return out, err
}

// SignalsByID returns the signals that exist among ids, in the order of ids,
// as they are now.
func (s *Store) SignalsByID(ctx context.Context, tenant string, ids []string) ([]Signal, error) {
	if err := checkTenant(tenant); err != nil {
		return nil, err
	}
	if len(ids) > 10*maxValues {
		return nil, invalid("ids: at most %d", 10*maxValues)
	}
	for _, id := range ids {
		if err := checkID(id); err != nil {
			return nil, err
		}
	}
	out := make([]Signal, 0, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	docs, err := s.mget(ctx, schema.Signals(tenant), ids, nil)
	if err != nil {
		return nil, fmt.Errorf("read signals of %s: %w", tenant, err)
	}
	for _, id := range ids {
		if d, ok := docs[id]; ok {
			delete(docs, id) // once, however often it was asked for
			sig, err := decodeSignal(tenant, id, d.Source)
			if err != nil {
				return nil, err
			}
			out = append(out, sig)
		}
	}
	return out, nil
}

func decodeSignal(tenant, id string, source json.RawMessage) (Signal, error) {
	var doc struct {
		Time  time.Time `json:"@timestamp"`
		Event struct {
			Start    time.Time `json:"start"`
			End      time.Time `json:"end"`
			Severity float64   `json:"severity"`
			Risk     float64   `json:"risk_score"`
			Reason   string    `json:"reason"`
			Outcome  string    `json:"outcome"`
		} `json:"event"`
		Rule struct {
			ID   string `json:"id"`
			Name string `json:"name"`
		} `json:"rule"`
		Threat struct {
			Tactic struct {
				ID texts `json:"id"`
			} `json:"tactic"`
			Technique struct {
				ID texts `json:"id"`
			} `json:"technique"`
		} `json:"threat"`
		Tags texts `json:"tags"`
		MXDR struct {
			Signal struct {
				Kind        string     `json:"kind"`
				Status      string     `json:"status"`
				Confidence  float64    `json:"confidence"`
				Domain      string     `json:"domain"`
				Dataset     string     `json:"dataset"`
				Entities    []Entity   `json:"entities"`
				Matched     []Match    `json:"matched"`
				Events      []EventRef `json:"events"`
				EventsTotal int        `json:"events_total"`
			} `json:"signal"`
		} `json:"mxdr"`
	}
	if err := json.Unmarshal(source, &doc); err != nil {
		return Signal{}, fmt.Errorf("signal %q of %s: decode what is stored: %w", id, tenant, err)
	}
	x := doc.MXDR.Signal
	return Signal{
		ID: id, Tenant: tenant, Kind: x.Kind, Status: x.Status, Time: doc.Time, First: doc.Event.Start, Last: doc.Event.End,
		RuleID: doc.Rule.ID, RuleName: doc.Rule.Name, Severity: int(doc.Event.Severity), Confidence: int(x.Confidence), Risk: doc.Event.Risk,
		Reason: doc.Event.Reason, Outcome: doc.Event.Outcome, Domain: x.Domain, Dataset: x.Dataset,
		Tactics: doc.Threat.Tactic.ID, Techniques: doc.Threat.Technique.ID, Tags: doc.Tags,
		Entities: x.Entities, Matched: x.Matched, Events: x.Events, EventsTotal: x.EventsTotal,
	}, nil
}

// texts reads a list of strings, or one string, which ECS allows alike.
type texts []string

// UnmarshalJSON takes a list, a string or null.
func (t *texts) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*t = make(texts, 1)
		return json.Unmarshal(b, &(*t)[0])
	}
	return json.Unmarshal(b, (*[]string)(t))
}

// EventsByID returns the original events that exist among refs, in the order
// of refs. An id counts within its dataset; without one any dataset
// will do. A time in every reference makes the search quick and must be right.
func (s *Store) EventsByID(ctx context.Context, tenant string, refs []EventRef) ([]Event, error) {
	if err := checkTenant(tenant); err != nil {
		return nil, err
	}
	if len(refs) > maxValues {
		return nil, invalid("events: at most %d at once", maxValues)
	}
	ids := make([]string, 0, len(refs))
	for _, r := range refs {
		if err := checkID(r.ID); err != nil {
			return nil, err
		}
		ids = append(ids, r.ID)
	}
	out := make([]Event, 0, len(refs))
	if len(ids) == 0 {
		return out, nil
	}
	filter := []any{object{"ids": object{"values": ids}}}
	if from, to, ok := timesOf(refs); ok {
		// Lets Elasticsearch pass over the indices of other days.
		filter = append(filter, object{"range": object{"@timestamp": object{"gte": stamp(from.Add(-time.Millisecond)), "lte": stamp(to.Add(time.Millisecond))}}})
	}
	answer, err := s.search(ctx, schema.AllLogs(tenant), object{
		// The same id may occur in several datasets.
		"size": min(4*len(ids), 2000), "track_total_hits": false, "query": object{"bool": object{"filter": filter}},
	})
	if err != nil {
		return nil, fmt.Errorf("read events of %s: %w", tenant, err)
	}
	events := map[string][]Event{}
	for _, h := range answer.Hits.Hits {
		var doc struct {
			Time  time.Time `json:"@timestamp"`
			Event struct {
				Dataset string `json:"dataset"`
			} `json:"event"`
		}
		if err := json.Unmarshal(h.Source, &doc); err != nil {
			return nil, fmt.Errorf("event %q of %s: decode what is stored: %w", h.ID, tenant, err)
		}
		events[h.ID] = append(events[h.ID], Event{ID: h.ID, Dataset: doc.Event.Dataset, Time: doc.Time, Source: h.Source})
	}
	for _, r := range refs {
		// Ids are unique within a dataset only.
		i := slices.IndexFunc(events[r.ID], func(e Event) bool { return r.Dataset == "" || e.Dataset == r.Dataset })
		if i >= 0 {
			out = append(out, events[r.ID][i])
			events[r.ID] = slices.Delete(events[r.ID], i, i+1) // once, however often it was asked for
		}
	}
	return out, nil
}

// timesOf returns the span of the references' times, if all have one.
func timesOf(refs []EventRef) (from, to time.Time, ok bool) {
	for i, r := range refs {
		if r.Time.IsZero() {
			return from, to, false
		}
		if i == 0 || r.Time.Before(from) {
			from = r.Time
		}
		if i == 0 || r.Time.After(to) {
			to = r.Time
		}
	}
	return from, to, len(refs) > 0
}
