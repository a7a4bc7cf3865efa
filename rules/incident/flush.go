package incident

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"time"
)

// flush works out every component that changed, and compares what it finds
// with what was told before.
func (w *world) flush() []*Incident {
	if len(w.dirty) == 0 && len(w.lost) == 0 && len(w.retel) == 0 {
		return nil
	}
	w.mark++
	touched := map[uint32]struct{}{} // records, +1, that held a signal of a changed component
	for r := range w.lost {
		touched[r] = struct{}{}
	}
	heirs := map[uint32]heir{}
	told := map[uint32]struct{}{} // records, +1, that are open after this flush
	var out []*Incident
	for _, ni := range w.dirty {
		n := &w.nodes[ni]
		if !n.dirty || n.resting || n.seen == w.mark {
			n.dirty = false
			continue
		}
		nodes, joins := w.component(ni)
		if len(nodes) == 1 && n.record == 0 && !grave(n) {
			n.dirty = false
			continue
		}
		groups := w.partition(nodes, joins)
		w.name(groups)
		scores := make([]verdict, len(groups))
		for i := range groups {
			scores[i] = w.score(&groups[i])
		}
		for i := range groups {
			g := &groups[i]
			var held uint32
			repeat := false
			if scores[i].opens {
				held = w.recordOf(g.id) + 1
				told[held] = struct{}{}
			}
			for _, x := range g.nodes {
				n := &w.nodes[x]
				n.dirty = false
				if _, ok := w.again[x]; ok {
					repeat = true
				}
				if old := n.record; old != 0 {
					touched[old] = struct{}{}
					if held != 0 {
						w.inherit(heirs, old, x, held)
					}
				}
				n.record = held
			}
			if held == 0 {
				continue
			}
			if _, ok := w.retel[held]; ok {
				repeat = true
			}
			inc := w.build(g, scores[i], w.relatedOfScored(g, groups, scores))
			if w.tell(held, inc, g) || repeat {
				inc.Revision = w.records[held-1].revision
				out = append(out, inc)
			}
			if repeat {
				out = append(out, w.tombstonesOf(inc)...)
			}
		}
	}
	for r := range touched {
		if _, open := told[r]; !open && w.records[r-1].state == Open {
			out = append(out, w.end(r, heirs[r]))
			delete(w.retel, r)
		}
	}
	for r := range w.retel {
		if _, open := told[r]; !open && w.records[r-1].id != "" && w.records[r-1].state != Open {
			out = append(out, w.tombstone(&w.records[r-1]))
		}
	}
	w.dirty = w.dirty[:0]
	w.freeRecords = append(w.freeRecords, w.staleRecs...)
	w.staleRecs = w.staleRecs[:0]
	clear(w.lost)
	clear(w.again)
	clear(w.retel)
	// One revision an incident, the last.
	slices.SortStableFunc(out, func(a, b *Incident) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Revision, b.Revision))
	})
	return slices.CompactFunc(out, func(a, b *Incident) bool { return a.ID == b.ID && a.Revision == b.Revision })
}

// heir is the incident that goes on with the signals of an ended one: the
// one that has the earliest of them.
type heir struct {
	node   uint32
	record uint32
}

func (w *world) inherit(heirs map[uint32]heir, old, node, record uint32) {
	if h, ok := heirs[old]; !ok || w.compare(node, h.node) < 0 {
		heirs[old] = heir{node, record}
	}
}

// name gives every group the id that its incident has or would have.
func (w *world) name(groups []group) {
	for i := range groups {
		groups[i].id = ID(w.tenant, string(packedID(w.nodes[groups[i].nodes[0]].packed)))
	}
}

func (w *world) recordOf(id string) uint32 {
	if r, ok := w.recordIndex[id]; ok {
		return r
	}
	var r uint32
	if n := len(w.freeRecords); n > 0 {
		r = w.freeRecords[n-1]
		w.freeRecords = w.freeRecords[:n-1]
		w.records[r] = record{id: id}
	} else {
		r = uint32(len(w.records))
		w.records = append(w.records, record{id: id})
	}
	w.recordIndex[id] = r
	return r
}

func (w *world) dropRecord(r uint32) {
	delete(w.recordIndex, w.records[r].id)
	w.records[r] = record{}
	// Signals that wait for the next flush may still point at it.
	w.staleRecs = append(w.staleRecs, r)
}

// tell notes what is said of an incident and reports whether it is news.
func (w *world) tell(held uint32, inc *Incident, g *group) bool {
	r := &w.records[held-1]
	sum := sumOf(inc)
	news := r.state != Open || r.sum != sum
	if news {
		r.revision++
	}
	*r = record{
		id: inc.ID, title: inc.Title, state: Open, sum: sum, revision: r.revision,
		first: inc.FirstSeen.UnixNano(), last: inc.LastSeen.UnixNano(),
		severity: inc.Severity, confidence: inc.Confidence, anchor: string(packedID(w.nodes[g.nodes[0]].packed)),
	}
	return news
}

func sumOf(inc *Incident) [32]byte {
	data, err := json.Marshal(inc)
	if err != nil { // strings, whole numbers and times always marshal
		data = []byte(inc.ID)
	}
	return sha256.Sum256(data)
}

// end closes the record of an incident that is no more.
func (w *world) end(r uint32, h heir) *Incident {
	rec := &w.records[r-1]
	rec.revision++
	rec.sum = [32]byte{}
	rec.state, rec.mergedInto = Dissolved, ""
	if h.record != 0 && h.record != r {
		rec.state, rec.mergedInto = Merged, w.records[h.record-1].id
	}
	return w.tombstone(rec)
}

// tombstone is the last revision of an incident that is no more.
func (w *world) tombstone(r *record) *Incident {
	inc := &Incident{
		ID: r.id, Tenant: w.tenant, Revision: r.revision, Title: r.title, State: r.state, MergedInto: r.mergedInto,
		Severity: r.severity, Confidence: r.confidence,
		FirstSeen: time.Unix(0, r.first).UTC(), LastSeen: time.Unix(0, r.last).UTC(),
		Domains: []string{}, Tactics: []string{}, Techniques: []string{}, Entities: []Participant{}, Signals: []Finding{},
		Edges: []Edge{}, ScoreParts: []ScorePart{}, Story: []StoryLine{},
	}
	if r.state == Merged {
		inc.Summary = "Its signals are part of incident " + r.mergedInto + " now."
	} else {
		inc.Summary = "Signals were withdrawn or no longer belong together; those that remain are not an incident."
	}
	return inc
}

// tombstonesOf returns those that were merged into inc.
func (w *world) tombstonesOf(inc *Incident) []*Incident {
	var out []*Incident
	for i := range w.records {
		if r := &w.records[i]; r.state == Merged && r.mergedInto == inc.ID {
			out = append(out, w.tombstone(r))
		}
	}
	return out
}

// relatedOf names the incidents that were kept apart from g.
func (w *world) relatedOf(g *group, groups []group) []Related {
	if len(g.refuse) == 0 {
		return nil
	}
	scores := make([]verdict, len(groups))
	for i := range groups {
		scores[i] = w.score(&groups[i])
	}
	return w.relatedOfScored(g, groups, scores)
}

func (w *world) relatedOfScored(g *group, groups []group, scores []verdict) []Related {
	var out []Related
	for _, r := range g.refuse {
		for i := range groups {
			o := &groups[i]
			if o == g || !scores[i].opens || o.id == g.id {
				continue
			}
			if _, ok := slices.BinarySearchFunc(o.nodes, r.other, w.compare); ok {
				x := Related{ID: o.id, Reason: r.reason}
				if !slices.Contains(out, x) {
					out = append(out, x)
				}
				break
			}
		}
	}
	slices.SortFunc(out, func(a, b Related) int { return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Reason, b.Reason)) })
	return out
}
