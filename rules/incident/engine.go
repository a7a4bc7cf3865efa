package incident

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/openmxdr/openmxdr/internal/entity"
	"github.com/openmxdr/openmxdr/internal/signal"
)

// Engine decides which signals are one incident. It is not safe for
// concurrent use.
//
// Observe, Triage and Advance take in what happened; Flush works it out and
// returns the revisions due. How inputs are divided among flushes changes how
// many revisions there are, never what the last ones say.
type Engine struct {
	cfg     Config
	worlds  map[string]*world
	nodes   int
	bytes   int64
	mark    time.Time // watermark
	late    int64     // limit below which a signal is late, Unix nanoseconds
	stats   Stats
	journal []byte
	keep    bool // write the journal
	crowded int
}

// Stats counts since New. Snapshots carry the counters.
type Stats struct {
	Signals   int64 // taken in, repeats and withdrawals included
	Late      int64 // later than Config.Lateness allows; taken in all the same
	Revisions int64 // returned by Flush
	Evicted   int64 // signals that left because a limit was reached
	Expired   int64 // signals that left because nothing can join them any more
	Held      int   // signals in memory now
	Keys      int   // join keys in memory now
	Open      int   // open incidents in memory now
	Bytes     int64 // encoded size of the signals in memory now
}

// New returns an engine without state.
func New(cfg Config) (*Engine, error) {
	keys := maps.Clone(Default().Keys)
	maps.Copy(keys, cfg.Keys)
	cfg.Keys = keys
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Engine{cfg: cfg, worlds: map[string]*world{}, crowded: crowded}, nil
}

// world is one tenant's signals. Tenants share nothing.
type world struct {
	tenant    string
	cfg       *Config
	window    int64
	crowded   int
	h         hasher
	kinds     []kindOf
	kindIndex map[entity.Type]uint8

	nodes     []node
	nodeIndex map[hash128]uint32
	freeNodes []uint32
	keys      []key
	keyIndex  map[hash128]uint32
	freeKeys  []uint32
	bytes     int64
	piles     map[uint64][]uint32 // by time, then id
	shelves   map[int64][]uint32  // nodes by the hour in which they may leave

	records     []record
	recordIndex map[string]uint32
	freeRecords []uint32
	triage      map[string]Triage
	staleRecs   []uint32          // free after the next flush
	gone        map[string]uint32 // ids of withdrawn signals that an incident had held: the record, +1

	dirty []uint32
	lost  map[uint32]struct{} // records, +1, that lost a signal since the last flush
	again map[uint32]struct{} // nodes that were delivered again
	retel map[uint32]struct{} // records, +1, to tell again

	mark    uint32
	scratch []byte
	people  []uint32
	walk    []uint32
	joinBuf []join
}

// record is what is remembered of an emitted incident.
type record struct {
	id, title, state, mergedInto string
	sum                          [32]byte
	revision                     int64
	first, last                  int64
	severity, confidence         string
	anchor                       string // id of its earliest signal
}

func (e *Engine) world(tenant string) *world {
	w := e.worlds[tenant]
	if w != nil {
		return w
	}
	w = &world{
		tenant: tenant, cfg: &e.cfg, window: int64(e.cfg.Window), crowded: e.crowded, h: newHasher(), kindIndex: map[entity.Type]uint8{},
		nodeIndex: map[hash128]uint32{}, keyIndex: map[hash128]uint32{}, shelves: map[int64][]uint32{}, piles: map[uint64][]uint32{},
		recordIndex: map[string]uint32{}, triage: map[string]Triage{}, gone: map[string]uint32{},
		lost: map[uint32]struct{}{}, again: map[uint32]struct{}{}, retel: map[uint32]struct{}{},
	}
	for _, t := range entity.Types {
		w.kindIndex[t] = uint8(len(w.kinds))
		k := e.cfg.Keys[t]
		w.kinds = append(w.kinds, kindOf{typ: t, Key: k, max: k.limit()})
	}
	e.worlds[tenant] = w
	return w
}

// Times that a signal may have. Outside of them arithmetic on nanoseconds
// would wrap.
var (
	earliest = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// Observe takes in a signal, a new version of one, or its withdrawal. A
// signal that is known already changes nothing, but the next Flush returns
// the current revision of its incident once more. The engine keeps no part of
// s. A signal without id, tenant or a time between 1980 and 2200 is an error
// and changes nothing.
func (e *Engine) Observe(s *signal.Signal) error {
	switch {
	case s.ID == "" || s.Tenant == "":
		return errors.New("incident: a signal without id or tenant")
	case s.Time.Before(earliest) || !s.Time.Before(latest):
		return fmt.Errorf("incident: signal %.64q: time %s is not between 1980 and 2200", s.ID, s.Time.UTC().Format(time.RFC3339))
	}
	w := e.world(s.Tenant)
	w.scratch = packSignal(w.scratch[:0], s)
	if e.keep {
		e.journalSignal(s, w.scratch)
	}
	e.stats.Signals++
	if s.Time.UnixNano() < e.late {
		e.stats.Late++
	}
	h := w.h.sum(cut(s.ID, keepKey))
	ni, known := w.nodeIndex[h]
	switch {
	case s.Withdrawn && known:
		e.withdraw(w, ni)
	case s.Withdrawn:
		if r, ok := w.gone[cut(s.ID, keepKey)]; ok {
			w.retel[r] = struct{}{}
		}
	case known && bytes.Equal(w.nodes[ni].packed, w.scratch):
		ni = w.speaker(ni)
		w.again[ni] = struct{}{}
		w.touch(ni)
	default:
		if known {
			e.withdraw(w, ni)
		}
		delete(w.gone, cut(s.ID, keepKey))
		packed := bytes.Clone(w.scratch)
		before := w.bytes
		w.insert(w.makeNode(s, h, packed))
		e.nodes++
		e.bytes += w.bytes - before
		e.makeRoom()
	}
	return nil
}

// maxGone bounds the withdrawn signals that are remembered so that a repeated
// withdrawal is answered again. Which one leaves does not matter: it costs a
// repeated answer, nothing else.
const maxGone = 100_000

func (e *Engine) withdraw(w *world, ni uint32) {
	n := &w.nodes[ni]
	if r := w.nodes[w.speaker(ni)].record; r != 0 {
		w.lost[r] = struct{}{}
		w.gone[string(packedID(n.packed))] = r
		if len(w.gone) > maxGone {
			for id := range w.gone {
				delete(w.gone, id)
				e.stats.Evicted++
				break
			}
		}
	}
	delete(w.again, ni)
	before := w.bytes
	w.remove(ni)
	e.nodes--
	e.bytes += w.bytes - before
}

// Triage takes in people's decisions about an incident; the zero Triage takes
// them back. They count from the first to the last signal of the incident,
// whenever those arrive.
func (e *Engine) Triage(tenant, incident string, t Triage) {
	w := e.world(tenant)
	if e.keep {
		e.journalTriage(tenant, incident, t)
	}
	if t == (Triage{}) {
		delete(w.triage, incident)
	} else {
		w.triage[incident] = t
	}
	// All signals of that incident lie in one component with its anchor.
	if r, ok := w.recordIndex[incident]; ok {
		if ni, ok := w.nodeIndex[w.h.sum(w.records[r].anchor)]; ok {
			w.touch(w.speaker(ni))
		}
		return
	}
	// Nobody was told of such an incident, but a signal may be its anchor
	// once others are gone.
	for ni := range w.nodes {
		if n := &w.nodes[ni]; n.packed != nil && !n.resting && ID(tenant, string(packedID(n.packed))) == incident {
			w.touch(uint32(ni))
			return
		}
	}
}

// Flush returns a revision for every incident that changed since the last
// Flush, by tenant and id. Merged and dissolved incidents are among them once.
func (e *Engine) Flush() []*Incident {
	if e.keep {
		e.journal = append(e.journal, opFlush)
	}
	var out []*Incident
	for _, tenant := range slices.Sorted(maps.Keys(e.worlds)) {
		out = append(out, e.worlds[tenant].flush()...)
	}
	e.stats.Revisions += int64(len(out))
	return out
}

// Incidents returns the current revision of every open incident of all
// tenants, by tenant and id, without waiting for a Flush and without counting
// as one.
func (e *Engine) Incidents() []*Incident {
	var out []*Incident
	for _, tenant := range slices.Sorted(maps.Keys(e.worlds)) {
		w := e.worlds[tenant]
		w.mark++
		var found []*Incident
		for ni := range w.nodes {
			n := &w.nodes[ni]
			if n.record == 0 || n.seen == w.mark {
				continue
			}
			nodes, joins := w.component(uint32(ni))
			groups := w.partition(nodes, joins)
			w.name(groups)
			for i := range groups {
				g := &groups[i]
				v := w.score(g)
				r, ok := w.recordIndex[g.id]
				if !v.opens || !ok || w.records[r].state != Open {
					continue
				}
				inc := w.build(g, v, w.relatedOf(g, groups))
				inc.Revision = w.records[r].revision
				found = append(found, inc)
			}
		}
		slices.SortFunc(found, func(a, b *Incident) int { return cmp.Compare(a.ID, b.ID) })
		out = append(out, found...)
	}
	return out
}

// Stats returns the counters.
func (e *Engine) Stats() Stats {
	s := e.stats
	s.Held, s.Bytes = e.nodes, e.bytes
	for _, w := range e.worlds {
		s.Keys += len(w.keyIndex)
		for i := range w.records {
			if w.records[i].state == Open {
				s.Open++
			}
		}
	}
	return s
}
