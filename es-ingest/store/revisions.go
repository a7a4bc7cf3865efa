package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/openmxdr/openmxdr/es-ingest/bulk"
	"github.com/openmxdr/openmxdr/es-ingest/client"
	"github.com/openmxdr/openmxdr/es-ingest/schema"
)

// Revision is one revision of the machine's part of an incident.
type Revision struct {
	Tenant string
	ID     string
	// Number is the record's event.sequence, from 1. Of two revisions the
	// one with the higher number stands, in whatever order they arrive.
	Number int64
	// Document is the whole document in nested JSON, as docs/schema.md has
	// it. A mxdr.triage in it is ignored: that part is people's.
	Document json.RawMessage
}

// attempts bounds how often a write is tried again because somebody else wrote
// between the read and the write. Each failed attempt means that another
// write succeeded, so the number bounds the writers at one moment.
const attempts = 50

// ApplyRevisions stores revisions and keeps what people have added. It returns
// one result for each: Written; Conflict if the same or a later revision is
// stored already; Refused if Elasticsearch will never take the document; Retry
// otherwise, and then the error is not nil.
//
// It reads each document's triage part and revision, and writes the new
// document on the condition that it has not changed since, as often as needed.
// The document is always written whole, so nothing of an older revision remains.
func (s *Store) ApplyRevisions(ctx context.Context, revisions []Revision) ([]bulk.Result, error) {
	results := make([]bulk.Result, len(revisions))
	type key struct{ tenant, id string }
	latest := map[key]int{}
	open := make([]int, 0, len(revisions))
	for i, r := range revisions {
		if err := checkRevision(r); err != nil {
			results[i] = bulk.Result{Outcome: bulk.Refused, Status: http.StatusBadRequest, Type: "invalid_incident", Reason: err.Error()}
			continue
		}
		k := key{r.Tenant, r.ID}
		if j, ok := latest[k]; !ok || r.Number > revisions[j].Number {
			latest[k] = i
		}
	}
	for i, r := range revisions {
		if results[i].Outcome != bulk.Refused && latest[key{r.Tenant, r.ID}] == i {
			open = append(open, i)
		}
	}
	var failure error
	for n := 0; len(open) > 0; n++ {
		if n == attempts {
			failure = fmt.Errorf("incident %q: others wrote it in each of %d attempts", revisions[open[0]].ID, attempts)
			break
		}
		var err error
		if open, err = s.applyOnce(ctx, revisions, open, results); err != nil {
			failure = err
			break
		}
	}
	for i, r := range revisions {
		if j, ok := latest[key{r.Tenant, r.ID}]; ok && j != i && results[i].Outcome != bulk.Refused {
			// Overtaken within the batch: it is as safe as the one that
			// overtook it. One that was refused leaves this one to try again.
			switch results[j].Outcome {
			case bulk.Written, bulk.Conflict:
				results[i] = bulk.Result{Outcome: bulk.Conflict, Status: http.StatusConflict, Reason: "a later revision came in the same batch"}
			default:
				results[i] = bulk.Result{Outcome: bulk.Retry, Reason: "a later revision in the same batch failed"}
				if failure == nil {
					failure = fmt.Errorf("incident %q: revision %d failed: %s", r.ID, revisions[j].Number, results[j].Reason)
				}
			}
		}
	}
	return results, failure
}

func checkRevision(r Revision) error {
	if err := schema.CheckTenant(r.Tenant); err != nil {
		return err
	}
	if err := checkID(r.ID); err != nil {
		return err
	}
	if r.Number < 1 {
		return fmt.Errorf("revision %d: want 1 or above", r.Number)
	}
	return nil
}

// applyOnce tries each open revision once and returns those that lost a race.
func (s *Store) applyOnce(ctx context.Context, revisions []Revision, open []int, results []bulk.Result) ([]int, error) {
	ids := map[string][]string{}
	for _, i := range open {
		ids[revisions[i].Tenant] = append(ids[revisions[i].Tenant], revisions[i].ID)
	}
	stored := map[string]map[string]found{}
	for tenant, list := range ids {
		docs, err := s.mget(ctx, schema.Incidents(tenant), list, []string{"event.sequence", "mxdr.triage"})
		if client.StatusOf(err) == http.StatusNotFound {
			docs, err = nil, nil
		}
		if err != nil {
			return nil, s.fail(open, results, err)
		}
		stored[tenant] = docs
	}
	var ops []bulk.Op
	var place []int
	for _, i := range open {
		r := revisions[i]
		old, exists := stored[r.Tenant][r.ID]
		var part storedPart
		if exists {
			if err := decode(old.Source, &part); err != nil {
				return nil, s.fail(open, results, fmt.Errorf("incident %q of %s: decode what is stored: %w", r.ID, r.Tenant, err))
			}
			if part.revision() >= r.Number {
				results[i] = bulk.Result{Outcome: bulk.Conflict, Status: http.StatusConflict, Reason: "the same or a later revision is stored"}
				continue
			}
		}
		doc, err := compose(r.Document, part.MXDR.Triage)
		if err != nil {
			results[i] = bulk.Result{Outcome: bulk.Refused, Status: http.StatusBadRequest, Type: "invalid_incident", Reason: err.Error()}
			continue
		}
		op := bulk.Op{Index: schema.Incidents(r.Tenant), ID: r.ID, Document: doc}
		if exists {
			op.Condition = &bulk.Condition{SeqNo: old.SeqNo, PrimaryTerm: old.PrimaryTerm}
		} else {
			op.Create = true
		}
		ops = append(ops, op)
		place = append(place, i)
	}
	if len(ops) == 0 {
		return nil, nil
	}
	written, err := s.machine.Write(ctx, ops)
	var again []int
	for j, i := range place {
		if written[j].Outcome == bulk.Conflict {
			again = append(again, i)
			results[i] = bulk.Result{Outcome: bulk.Retry, Reason: "written by others at the same time"}
			continue
		}
		results[i] = written[j]
	}
	if err != nil {
		return nil, err
	}
	return again, nil
}

func (s *Store) fail(open []int, results []bulk.Result, err error) error {
	for _, i := range open {
		results[i] = bulk.Result{Outcome: bulk.Retry, Status: client.StatusOf(err), Reason: err.Error()}
	}
	return err
}

// storedPart is what applyOnce reads of a stored incident.
type storedPart struct {
	Event struct {
		Sequence json.Number `json:"sequence"`
	} `json:"event"`
	MXDR struct {
		Triage json.RawMessage `json:"triage"`
	} `json:"mxdr"`
}

func (p storedPart) revision() int64 {
	n, err := p.Event.Sequence.Int64()
	if err != nil {
		return 0
	}
	return n
}

// severityNumbers are values of event.severity for sorting, on Elastic's scale.
var severityNumbers = map[string]int{"low": 21, "medium": 47, "high": 73, "critical": 99}

// newTriage is the triage part of an incident that nobody has touched.
var newTriage = json.RawMessage(`{"status":"` + StatusNew + `"}`)

// compose puts people's part into the machine's document.
func compose(document, triage json.RawMessage) ([]byte, error) {
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(document, &doc); err != nil {
		return nil, fmt.Errorf("the incident's document is not a JSON object: %w", err)
	}
	if doc == nil {
		return nil, errors.New("the incident's document is null")
	}
	var mxdr map[string]json.RawMessage
	if raw, ok := doc["mxdr"]; ok {
		if err := json.Unmarshal(raw, &mxdr); err != nil {
			return nil, fmt.Errorf("mxdr: not an object: %w", err)
		}
	}
	if mxdr == nil || mxdr["incident"] == nil {
		return nil, errors.New("mxdr.incident is missing")
	}
	if len(triage) == 0 {
		triage = newTriage
	}
	mxdr["triage"] = triage
	var err error
	if doc["mxdr"], err = json.Marshal(mxdr); err != nil {
		return nil, err
	}
	var incident struct {
		Severity string `json:"severity"`
	}
	if err := json.Unmarshal(mxdr["incident"], &incident); err != nil {
		return nil, fmt.Errorf("mxdr.incident: %w", err)
	}
	if n, ok := severityNumbers[incident.Severity]; ok {
		if doc["event"], err = withSeverity(doc["event"], n); err != nil {
			return nil, err
		}
	}
	return json.Marshal(doc)
}

// withSeverity adds the number that incidents are sorted by, if there is none.
func withSeverity(raw json.RawMessage, n int) (json.RawMessage, error) {
	event := map[string]json.RawMessage{}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &event); err != nil {
			return nil, fmt.Errorf("event: not an object: %w", err)
		}
	}
	if _, ok := event["severity"]; !ok {
		event["severity"] = json.RawMessage(fmt.Sprint(n))
	}
	return json.Marshal(event)
}
