package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/openmxdr/openmxdr/es-ingest/bulk"
	"github.com/openmxdr/openmxdr/es-ingest/client"
	"github.com/openmxdr/openmxdr/es-ingest/schema"
)

// Incident returns one incident with everything there is, as it is now.
// An incident that the tenant does not have is ErrNotFound.
func (s *Store) Incident(ctx context.Context, tenant, id string) (Incident, error) {
	inc, _, _, err := s.read(ctx, tenant, id)
	return inc, err
}

// read returns an incident, its whole document and that document's state.
func (s *Store) read(ctx context.Context, tenant, id string) (Incident, json.RawMessage, bulk.Condition, error) {
	var none bulk.Condition
	if err := checkTenant(tenant); err != nil {
		return Incident{}, nil, none, err
	}
	if err := checkID(id); err != nil {
		return Incident{}, nil, none, err
	}
	docs, err := s.mget(ctx, schema.Incidents(tenant), []string{id}, nil)
	if client.StatusOf(err) == http.StatusNotFound {
		docs, err = nil, nil
	}
	if err != nil {
		return Incident{}, nil, none, fmt.Errorf("read incident %q of %s: %w", id, tenant, err)
	}
	doc, ok := docs[id]
	if !ok {
		return Incident{}, nil, none, fmt.Errorf("incident %.100q of %s: %w", id, tenant, ErrNotFound)
	}
	inc, err := decodeIncident(tenant, id, doc.Source)
	if err != nil {
		return Incident{}, nil, none, err
	}
	return inc, doc.Source, bulk.Condition{SeqNo: doc.SeqNo, PrimaryTerm: doc.PrimaryTerm}, nil
}

func decodeIncident(tenant, id string, source json.RawMessage) (Incident, error) {
	var doc struct {
		Event struct {
			Sequence json.Number `json:"sequence"`
		} `json:"event"`
		MXDR struct {
			Incident Machine `json:"incident"`
			Triage   Triage  `json:"triage"`
		} `json:"mxdr"`
	}
	if err := json.Unmarshal(source, &doc); err != nil {
		return Incident{}, fmt.Errorf("incident %q of %s: decode what is stored: %w", id, tenant, err)
	}
	inc := Incident{Machine: doc.MXDR.Incident, Tenant: tenant, Triage: doc.MXDR.Triage}
	inc.ID = id
	inc.Revision, _ = doc.Event.Sequence.Int64() // absent is 0
	if inc.Triage.Status == "" {
		inc.Triage.Status = StatusNew
	}
	var err error
	inc.TriageVersion, err = triageVersion(inc.Triage)
	return inc, err
}

// triageVersion stands for the content of a triage part. Two equal parts have
// the same version, so a change and its exact reversal go unnoticed, which is
// harmless: who decided on the one content decided on the other.
func triageVersion(t Triage) (string, error) {
	raw, err := json.Marshal(t)
	if err != nil {
		return "", fmt.Errorf("triage: %w", err)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:12]), nil
}

// UpdateTriage changes people's part of an incident and returns the result.
//
// version is the TriageVersion on which the person decided. If the part has
// changed since, nothing is written and the error is ErrConflict. It may be
// empty for a change that only adds a comment. New revisions of the machine's
// part are no conflict, and none is ever lost.
//
// by names the person; the caller has authenticated them.
func (s *Store) UpdateTriage(ctx context.Context, tenant, id, version, by string, change TriageChange) (Incident, error) {
	if err := change.validate(version, by); err != nil {
		return Incident{}, err
	}
	for n := 0; n < attempts; n++ {
		inc, source, state, err := s.read(ctx, tenant, id)
		if err != nil {
			return Incident{}, err
		}
		if version != "" && inc.TriageVersion != version {
			return Incident{}, fmt.Errorf("incident %q of %s: triage: %w", id, tenant, ErrConflict)
		}
		if err := change.apply(&inc.Triage, by, s.now().UTC()); err != nil {
			return Incident{}, err
		}
		doc, err := withTriage(source, inc.Triage)
		if err != nil {
			return Incident{}, fmt.Errorf("incident %q of %s: %w", id, tenant, err)
		}
		results, err := s.people.Write(ctx, []bulk.Op{{Index: schema.Incidents(tenant), ID: id, Document: doc, Condition: &state}})
		if err != nil {
			return Incident{}, fmt.Errorf("write incident %q of %s: %w", id, tenant, err)
		}
		switch r := results[0]; r.Outcome {
		case bulk.Written:
			inc.TriageVersion, err = triageVersion(inc.Triage)
			return inc, err
		case bulk.Refused:
			return Incident{}, fmt.Errorf("write incident %q of %s: Elasticsearch refused: %s: %s", id, tenant, r.Type, r.Reason)
		}
		// Somebody wrote in between; whether that matters, the next read
		// tells. A short pause of random length lets one of many through.
		select {
		case <-ctx.Done():
			return Incident{}, ctx.Err()
		case <-time.After(time.Duration(rand.Int64N(int64(min(n+1, 10)) * int64(5*time.Millisecond)))):
		}
	}
	return Incident{}, fmt.Errorf("incident %q of %s: others wrote it in each of %d attempts: %w", id, tenant, attempts, ErrConflict)
}

var (
	statuses = []string{StatusNew, StatusInProgress, StatusResolved, StatusClosed}
	verdicts = []string{"", VerdictTruePositive, VerdictBenign, VerdictFalsePositive}
)

func (c TriageChange) validate(version, by string) error {
	switch {
	case by == "" || len(by) > MaxAssignee:
		return invalid("the name of who changes it has 1 to %d bytes", MaxAssignee)
	case c.Status == nil && c.Assignee == nil && c.Verdict == nil && c.Comment == "":
		return invalid("nothing to change")
	case version == "" && (c.Status != nil || c.Assignee != nil || c.Verdict != nil):
		return invalid("triage_version is missing: say on which version status, assignee or verdict were decided")
	case c.Status != nil && !slices.Contains(statuses, *c.Status):
		return invalid("status %.40q: want one of %s", *c.Status, strings.Join(statuses, ", "))
	case c.Verdict != nil && !slices.Contains(verdicts, *c.Verdict):
		return invalid("verdict %.40q: want one of %s, or nothing", *c.Verdict, strings.Join(verdicts[1:], ", "))
	case c.Assignee != nil && len(*c.Assignee) > MaxAssignee:
		return invalid("assignee: at most %d bytes", MaxAssignee)
	case len(c.Comment) > MaxComment:
		return invalid("comment: at most %d bytes", MaxComment)
	case !utf8.ValidString(c.Comment) || !utf8.ValidString(by) || c.Assignee != nil && !utf8.ValidString(*c.Assignee):
		return invalid("the text is not valid UTF-8")
	}
	return nil
}

func (c TriageChange) apply(t *Triage, by string, now time.Time) error {
	if c.Status != nil {
		t.Status = *c.Status
	}
	if c.Assignee != nil {
		t.Assignee = *c.Assignee
	}
	if c.Verdict != nil {
		t.Verdict = *c.Verdict
	}
	if c.Comment != "" {
		if len(t.Comments) >= MaxComments {
			return invalid("the incident has %d comments; no more are taken", MaxComments)
		}
		t.Comments = append(slices.Clone(t.Comments), Comment{Time: now, Author: by, Text: c.Comment})
	}
	t.UpdatedAt, t.UpdatedBy = now, by
	return nil
}

// withTriage replaces people's part in a stored document and leaves the rest,
// whatever it holds, as it is.
func withTriage(source json.RawMessage, t Triage) ([]byte, error) {
	var doc, mxdr map[string]json.RawMessage
	if err := json.Unmarshal(source, &doc); err != nil {
		return nil, fmt.Errorf("decode what is stored: %w", err)
	}
	if err := json.Unmarshal(doc["mxdr"], &mxdr); err != nil {
		return nil, fmt.Errorf("decode what is stored: mxdr: %w", err)
	}
	var err error
	if mxdr["triage"], err = json.Marshal(t); err != nil {
		return nil, err
	}
	if doc["mxdr"], err = json.Marshal(mxdr); err != nil {
		return nil, err
	}
	return json.Marshal(doc)
}
