package plugin

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/openmxdr/openmxdr/es-ingest/client"
	"github.com/openmxdr/openmxdr/es-ingest/store"
)

// The vocabulary of incidents (docs/schema.md).
var (
	severities  = []string{"low", "medium", "high", "critical"}
	confidences = []string{"low", "medium", "high"}
	domains     = []string{"endpoint", "network", "cloud", "email", "identity", "saas"}
	statuses    = []string{store.StatusNew, store.StatusInProgress, store.StatusResolved, store.StatusClosed}
	verdicts    = []string{"", store.VerdictTruePositive, store.VerdictBenign, store.VerdictFalsePositive}
	sorts       = []string{"last_seen", "first_seen", "score", "severity"}
)

// Limits of what a request may ask for.
const (
	maxValues       = 50
	maxText         = 512
	maxCursor       = 4096
	defaultPage     = 50
	maxPage         = 200
	summaryEntities = 12
	// Attackers choose the texts in incidents. In lists they are cut, so that
	// one giant title cannot make the whole list too large to be sent.
	maxListTitle = 500
	maxListValue = 256
)

// listIncidents answers GET /incidents.
func (in *instance) listIncidents(r *http.Request) (any, error) {
	if err := in.reader(r); err != nil {
		return nil, err
	}
	f, p, err := readList(r.URL.Query())
	if err != nil {
		return nil, err
	}
	page, err := in.store.Incidents(r.Context(), in.config.tenant, f, p)
	if err != nil {
		return nil, err
	}
	out := IncidentList{Items: make([]IncidentSummary, 0, len(page.Incidents)), Total: page.Total, NextCursor: page.Next}
	for _, i := range page.Incidents {
		if i.Tenant == in.config.tenant {
			out.Items = append(out.Items, summary(i))
		}
	}
	return out, nil
}

// readList reads the parameters of the list. Lists of words are separated by
// commas; entity may be given several times.
func readList(q url.Values) (store.IncidentFilter, store.Page, error) {
	var f store.IncidentFilter
	p := store.Page{Sort: "last_seen", Size: defaultPage}
	for _, err := range []error{
		readTime(q, "from", &f.Time.From),
		readTime(q, "to", &f.Time.To),
		readWords(q, "status", statuses, &f.Statuses),
		readWords(q, "severity", severities, &f.Severities),
		readWords(q, "confidence", confidences, &f.Confidence),
		readWords(q, "domain", domains, &f.Domains),
		readTexts(q, "entity", &f.Entities),
		readTexts(q, "assignee", &f.Assignees),
	} {
		if err != nil {
			return f, p, err
		}
	}
	if !f.Time.From.IsZero() && !f.Time.To.IsZero() && !f.Time.From.Before(f.Time.To) {
		return f, p, errInvalid("Choose a range that begins before it ends.", "The time range is empty.")
	}
	f.Text = strings.TrimSpace(q.Get("q"))
	p.After = q.Get("cursor")
	if len(f.Text) > maxText || len(p.After) > maxCursor || !utf8.ValidString(f.Text) {
		return f, p, errInvalid("Shorten it.", "The search text or the cursor is too long.")
	}
	if s := q.Get("sort"); s != "" {
		if !slices.Contains(sorts, s) {
			return f, p, errInvalid("Sort by one of "+strings.Join(sorts, ", ")+".", "Incidents cannot be sorted by that.")
		}
		p.Sort = s
	}
	switch q.Get("order") {
	case "", "desc":
	case "asc":
		p.Ascending = true
	default:
		return f, p, errInvalid("Use asc or desc.", "The order is not known.")
	}
	if s := q.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > maxPage {
			return f, p, errInvalid("Use a number from 1 to "+strconv.Itoa(maxPage)+".", "The limit is not valid.")
		}
		p.Size = n
	}
	return f, p, nil
}

// readTime reads an instant: RFC 3339, or milliseconds since 1970.
func readTime(q url.Values, name string, into *time.Time) error {
	s := q.Get(name)
	if s == "" {
		return nil
	}
	if ms, err := strconv.ParseInt(s, 10, 64); err == nil {
		*into = time.UnixMilli(ms).UTC()
	} else if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		*into = t.UTC()
	} else {
		return errInvalid("Use RFC 3339, such as 2026-01-31T08:00:00Z, or milliseconds since 1970.", "%s is not a time.", name)
	}
	if y := into.Year(); y < 1970 || y > 9999 {
		return errInvalid("Use a year from 1970 to 9999.", "%s is out of range.", name)
	}
	return nil
}

// readWords reads words of a vocabulary.
func readWords(q url.Values, name string, known []string, into *[]string) error {
	for _, list := range q[name] {
		for _, w := range strings.Split(list, ",") {
			if w = strings.TrimSpace(w); w == "" || slices.Contains(*into, w) {
				continue
			}
			if !slices.Contains(known, w) {
				return errInvalid("Use any of "+strings.Join(known, ", ")+".", "%s has a value that is not known.", name)
			}
			*into = append(*into, w)
		}
	}
	return nil
}

// readTexts reads free values, one a parameter.
func readTexts(q url.Values, name string, into *[]string) error {
	for _, v := range q[name] {
		if v = strings.TrimSpace(v); v == "" {
			continue
		}
		if len(v) > maxText || !utf8.ValidString(v) || len(*into) == maxValues {
			return errInvalid("Use at most 50 values of at most 512 bytes.", "%s has too many or too long values.", name)
		}
		*into = append(*into, v)
	}
	return nil
}

// summary is one line of the list.
func summary(i store.Incident) IncidentSummary {
	entities := slices.Clone(i.Entities)
	slices.SortStableFunc(entities, func(a, b store.IncidentEntity) int { return cmp.Compare(b.Signals, a.Signals) })
	out := IncidentSummary{
		ID: i.ID, Title: client.Shorten(i.Title, maxListTitle), State: i.State, Severity: i.Severity, Confidence: i.Confidence, Score: i.Score,
		Domains: orEmpty(i.Domains), Tactics: orEmpty(i.Tactics), Entities: []SummaryEntity{},
		FirstSeen: i.FirstSeen, LastSeen: i.LastSeen, SignalCount: len(i.Signals), Revision: i.Revision,
		Status: i.Triage.Status, Assignee: i.Triage.Assignee, Verdict: i.Triage.Verdict,
	}
	for _, e := range entities[:min(len(entities), summaryEntities)] {
		out.Entities = append(out.Entities, SummaryEntity{e.Type, client.Shorten(e.Value, maxListValue), e.Role})
	}
	return out
}

// getIncident answers GET /incidents/{id}.
func (in *instance) getIncident(r *http.Request) (any, error) {
	i, err := in.incident(r)
	if err != nil {
		return nil, err
	}
	return IncidentDetail{Incident: IncidentBody{Machine: i.Machine, Revision: i.Revision}, Triage: triageOf(i)}, nil
}

// incident reads the incident in the path.
func (in *instance) incident(r *http.Request) (store.Incident, error) {
	if err := in.reader(r); err != nil {
		return store.Incident{}, err
	}
	id, err := incidentID(r)
	if err != nil {
		return store.Incident{}, err
	}
	i, err := in.store.Incident(r.Context(), in.config.tenant, id)
	if err != nil {
		return store.Incident{}, err
	}
	if i.Tenant != in.config.tenant {
		return store.Incident{}, store.ErrNotFound
	}
	return i, nil
}

func triageOf(i store.Incident) TriageBody {
	t := i.Triage
	return TriageBody{
		Status: cmp.Or(t.Status, store.StatusNew), Assignee: t.Assignee, Verdict: t.Verdict, Comments: orEmpty(t.Comments),
		UpdatedAt: t.UpdatedAt, UpdatedBy: t.UpdatedBy, Version: i.TriageVersion,
	}
}

// postTriage answers POST /incidents/{id}/triage.
func (in *instance) postTriage(r *http.Request) (any, error) {
	p := in.person(r)
	if p.denied != "" {
		return nil, errDenied(p.denied)
	}
	id, err := incidentID(r)
	if err != nil {
		return nil, err
	}
	var change TriageChange
	if err := decode(r, &change); err != nil {
		return nil, err
	}
	if err := change.check(); err != nil {
		return nil, err
	}
	i, err := in.store.UpdateTriage(r.Context(), in.config.tenant, id, change.Version, p.login, store.TriageChange{
		Status: change.Status, Assignee: change.Assignee, Verdict: change.Verdict, Comment: change.Comment,
	})
	if err != nil {
		e := explain(err)
		if e.status == http.StatusConflict {
			if now, err := in.store.Incident(r.Context(), in.config.tenant, id); err == nil {
				body := triageOf(now)
				e.triage = &body
			}
		}
		return nil, e
	}
	backend.Logger.FromContext(r.Context()).Info("Incident triaged", "incident", id, "login", p.login)
	return TriageResult{Triage: triageOf(i)}, nil
}

// check says what is wrong with the change.
func (c *TriageChange) check() error {
	c.Comment = strings.TrimSpace(c.Comment)
	switch {
	case c.Version == "" || len(c.Version) > maxText:
		return errInvalid("Send the version of the triage that you have seen.", "The version is missing or not valid.")
	case c.Status == nil && c.Assignee == nil && c.Verdict == nil && c.Comment == "":
		return errInvalid("Send status, assignee, verdict or comment.", "The request changes nothing.")
	case c.Status != nil && !slices.Contains(statuses, *c.Status):
		return errInvalid("Use one of "+strings.Join(statuses, ", ")+".", "The status is not known.")
	case c.Verdict != nil && !slices.Contains(verdicts, *c.Verdict):
		return errInvalid("Use one of "+strings.Join(verdicts[1:], ", ")+", or an empty text.", "The verdict is not known.")
	case c.Assignee != nil && len(*c.Assignee) > store.MaxAssignee:
		return errInvalid("Use at most "+strconv.Itoa(store.MaxAssignee)+" bytes.", "The assignee is too long.")
	case len(c.Comment) > store.MaxComment:
		return errInvalid("Use at most "+strconv.Itoa(store.MaxComment)+" bytes.", "The comment is too long.")
	}
	return nil
}

// orEmpty makes a list that encodes as [] rather than null.
func orEmpty[T any](in []T) []T {
	if in == nil {
		return []T{}
	}
	return in
}
