package plugin

import (
	"net/http"
	"slices"

	"github.com/openmxdr/openmxdr/es-ingest/schema"
	"github.com/openmxdr/openmxdr/es-ingest/store"
)

// Limits of the original events in one answer.
const (
	maxEvents     = 500
	maxEventBytes = 8 << 20
)

// getEvents answers GET /incidents/{id}/events: the original events of an
// incident, oldest first. Only events that the incident names can be read this
// way.
func (in *instance) getEvents(r *http.Request) (any, error) {
	i, err := in.incident(r)
	if err != nil {
		return nil, err
	}
	refs, signals := eventRefs(i)
	out := EventList{Items: []EventBody{}, Missing: []string{}, Omitted: max(len(refs)-maxEvents, 0)}
	refs = refs[:min(len(refs), maxEvents)]
	if len(refs) == 0 {
		return out, nil
	}
	events, err := in.store.EventsByID(r.Context(), in.config.tenant, refs)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(events, func(a, b store.Event) int { return a.Time.Compare(b.Time) })
	found := make(map[string]bool, len(events))
	size := 0
	for _, e := range events {
		found[e.ID] = true
		if size += len(e.Source); size > maxEventBytes {
			out.Omitted++
			continue
		}
		out.Items = append(out.Items, EventBody{
			ID: e.ID, Dataset: e.Dataset, Index: schema.Logs(e.Dataset, in.config.tenant), Time: e.Time,
			SignalIDs: orEmpty(signals[e.ID]), Document: e.Source,
		})
	}
	for _, ref := range refs {
		if !found[ref.ID] {
			out.Missing = append(out.Missing, ref.ID)
		}
	}
	return out, nil
}

// eventRefs lists an incident's events, each once, oldest first, and which
// signals name each.
func eventRefs(i store.Incident) ([]store.EventRef, map[string][]string) {
	var refs []store.EventRef
	signals := map[string][]string{}
	for _, s := range i.Signals {
		for _, ref := range s.Events {
			if ref.ID == "" {
				continue
			}
			if signals[ref.ID] == nil {
				refs = append(refs, ref)
			}
			if !slices.Contains(signals[ref.ID], s.ID) {
				signals[ref.ID] = append(signals[ref.ID], s.ID)
			}
		}
	}
	slices.SortStableFunc(refs, func(a, b store.EventRef) int { return a.Time.Compare(b.Time) })
	return refs, signals
}
