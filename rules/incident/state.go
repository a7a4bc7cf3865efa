package incident

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/openmxdr/openmxdr/internal/signal"
)

// The engine's state is what it took in and what it told. A snapshot holds
// both; a delta holds the inputs since the last snapshot or delta, which give
// the same state when they are taken in again.

const snapshotMagic = "openmxdr incident state 1\n"

const (
	opSignal byte = 1 + iota
	opTriage
	opAdvance
	opFlush
)

// KeepJournal makes the engine collect inputs for Delta. Without it Delta
// returns nothing and costs nothing.
func (e *Engine) KeepJournal() { e.keep = true }

// Delta returns the inputs since the last call of Delta or Snapshot, for
// Apply. It is empty if there were none.
func (e *Engine) Delta() []byte {
	d := e.journal
	e.journal = nil
	return d
}

func (e *Engine) journalSignal(s *signal.Signal, packed []byte) {
	e.journal = append(e.journal, opSignal, flag(s.Withdrawn))
	e.journal = putText(e.journal, s.Tenant, keepKey)
	e.journal = putBytes(e.journal, packed)
}

func (e *Engine) journalTriage(tenant, incident string, t Triage) {
	e.journal = append(e.journal, opTriage)
	e.journal = putText(e.journal, tenant, keepKey)
	e.journal = putText(e.journal, incident, keepKey)
	e.journal = putTriage(e.journal, t)
}

func (e *Engine) journalAdvance(t time.Time) {
	e.journal = putTime(append(e.journal, opAdvance), t)
}

// Apply takes in a delta. It returns the revisions that Flush returned when the
// delta was made: whoever restarts does not know whether they were handed on.
// After an error the engine is not usable.
func (e *Engine) Apply(delta []byte) ([]*Incident, error) {
	var revisions []*Incident
	keep := e.keep
	e.keep = false
	defer func() { e.keep = keep }()
	r := &reader{b: delta}
	for len(r.b) > 0 {
		op := r.b[0]
		r.b = r.b[1:]
		switch op {
		case opSignal:
			withdrawn := r.flag()
			tenant := r.text()
			packed := r.bytes()
			if r.err != nil {
				break
			}
			s, err := unpackSignal(tenant, packed)
			if err != nil {
				return nil, fmt.Errorf("incident delta: %w", err)
			}
			s.Withdrawn = withdrawn
			if err := e.Observe(s); err != nil {
				return nil, fmt.Errorf("incident delta: %w", err)
			}
		case opTriage:
			tenant, id, t := r.text(), r.text(), r.triage()
			if r.err == nil {
				e.Triage(tenant, id, t)
			}
		case opAdvance:
			if t := r.time(); r.err == nil {
				e.Advance(t)
			}
		case opFlush:
			revisions = append(revisions, e.Flush()...)
		default:
			return nil, fmt.Errorf("incident delta: unknown operation %d: it was written by another version, or is damaged", op)
		}
		if r.err != nil {
			return nil, fmt.Errorf("incident delta: %w", r.err)
		}
	}
	return revisions, nil
}

// Snapshot returns the whole state, for Restore. It starts a new delta.
func (e *Engine) Snapshot() []byte {
	e.journal = nil
	b := []byte(snapshotMagic)
	b = putBytes(b, e.fingerprint())
	b = putTime(b, e.mark)
	for _, n := range []int64{e.stats.Signals, e.stats.Late, e.stats.Revisions, e.stats.Evicted, e.stats.Expired} {
		b = binary.AppendVarint(b, n)
	}
	b = binary.AppendUvarint(b, uint64(len(e.worlds)))
	for _, tenant := range slices.Sorted(maps.Keys(e.worlds)) {
		b = putText(b, tenant, keepKey)
		b = e.worlds[tenant].snapshot(b)
	}
	return b
}

// fingerprint stands for the configuration; under another one everything is
// worked out anew after Restore.
func (e *Engine) fingerprint() []byte {
	c, err := json.Marshal(e.cfg)
	if err != nil { // numbers and strings always marshal
		return nil
	}
	return c
}

func (w *world) snapshot(b []byte) []byte {
	place := map[uint32]uint64{} // record+1 → place in the snapshot, from 1
	var ids []uint32
	for i := range w.records {
		if w.records[i].id != "" {
			ids = append(ids, uint32(i))
		}
	}
	slices.SortFunc(ids, func(a, c uint32) int {
		if w.records[a].id < w.records[c].id {
			return -1
		}
		return 1
	})
	b = binary.AppendUvarint(b, uint64(len(ids)))
	for i, ri := range ids {
		place[ri+1] = uint64(i) + 1
		r := &w.records[ri]
		for _, s := range []string{r.id, r.title, r.state, r.mergedInto, r.severity, r.confidence, r.anchor} {
			b = putText(b, s, keepKey)
		}
		b = putBytes(b, r.sum[:])
		for _, n := range []int64{r.revision, r.first, r.last} {
			b = binary.AppendVarint(b, n)
		}
		_, lost := w.lost[ri+1]
		_, retel := w.retel[ri+1]
		b = append(b, flag(lost), flag(retel))
	}
	nodes := make([]uint32, 0, len(w.nodeIndex))
	for _, ni := range w.nodeIndex {
		nodes = append(nodes, ni)
	}
	slices.SortFunc(nodes, w.compare)
	b = binary.AppendUvarint(b, uint64(len(nodes)))
	for _, ni := range nodes {
		n := &w.nodes[ni]
		_, again := w.again[ni]
		b = putBytes(b, n.packed)
		b = binary.AppendUvarint(b, place[n.record])
		b = append(b, flag(n.dirty), flag(again))
	}
	b = binary.AppendUvarint(b, uint64(len(w.triage)))
	for _, id := range slices.Sorted(maps.Keys(w.triage)) {
		b = putTriage(putText(b, id, keepKey), w.triage[id])
	}
	b = binary.AppendUvarint(b, uint64(len(w.gone)))
	for _, id := range slices.Sorted(maps.Keys(w.gone)) {
		b = putText(b, id, keepKey)
		b = binary.AppendUvarint(b, place[w.gone[id]])
	}
	return b
}

// Restore takes over a snapshot into an engine that has seen nothing yet.
// After an error the engine is not usable.
func (e *Engine) Restore(snapshot []byte) error {
	if len(e.worlds) > 0 {
		return errors.New("incident snapshot: the engine has state already")
	}
	if len(snapshot) < len(snapshotMagic) || string(snapshot[:len(snapshotMagic)]) != snapshotMagic {
		return errors.New("incident snapshot: not a snapshot of this version")
	}
	r := &reader{b: snapshot[len(snapshotMagic):]}
	same := string(r.bytes()) == string(e.fingerprint())
	if e.mark = r.time(); !e.mark.IsZero() {
		e.late = e.mark.UnixNano() - int64(e.cfg.Lateness)
	}
	for _, n := range []*int64{&e.stats.Signals, &e.stats.Late, &e.stats.Revisions, &e.stats.Evicted, &e.stats.Expired} {
		*n = r.varint()
	}
	for range r.count() {
		w := e.world(r.text())
		if err := w.restore(r, same); err != nil {
			return fmt.Errorf("incident snapshot: tenant %.64q: %w", w.tenant, err)
		}
		e.nodes += len(w.nodeIndex)
		e.bytes += w.bytes
	}
	if r.err != nil {
		return fmt.Errorf("incident snapshot: %w", r.err)
	}
	e.makeRoom()
	return nil
}

func (w *world) restore(r *reader, same bool) error {
	records := r.count()
	for range records {
		rec := record{
			id: r.text(), title: r.text(), state: r.text(), mergedInto: r.text(), severity: r.text(), confidence: r.text(), anchor: r.text(),
		}
		copy(rec.sum[:], r.bytes())
		rec.revision, rec.first, rec.last = r.varint(), r.varint(), r.varint()
		lost, retel := r.flag(), r.flag()
		if rec.id == "" {
			return errShort
		}
		ri := w.recordOf(rec.id)
		w.records[ri] = rec
		if lost {
			w.lost[ri+1] = struct{}{}
		}
		if retel {
			w.retel[ri+1] = struct{}{}
		}
	}
	held := func() uint32 {
		n := r.uvarint()
		if n > uint64(len(w.records)) {
			r.fail()
			return 0
		}
		return uint32(n)
	}
	var changed []uint32
	for range r.count() {
		packed := slices.Clone(r.bytes())
		rec, dirty, again := held(), r.flag(), r.flag()
		if r.err != nil {
			return r.err
		}
		s, err := unpackSignal(w.tenant, packed)
		if err != nil {
			return err
		}
		h := w.h.sum(s.ID)
		if _, twice := w.nodeIndex[h]; twice || s.Time.Before(earliest) || !s.Time.Before(latest) {
			return errShort
		}
		n := w.makeNode(s, h, packed)
		n.record = rec
		ni := w.insert(n)
		if w.nodes[ni].resting {
			w.nodes[ni].record = 0
		}
		if dirty {
			changed = append(changed, ni)
		}
		if again {
			w.again[ni] = struct{}{}
		}
	}
	if same {
		for _, ni := range w.dirty {
			w.nodes[ni].dirty = false
		}
		w.dirty = w.dirty[:0]
		for _, ni := range changed {
			w.touch(ni)
		}
	}
	for range r.count() {
		id, t := r.text(), r.triage()
		w.triage[id] = t
	}
	for range r.count() {
		id := r.text()
		if rec := held(); rec != 0 {
			w.gone[id] = rec
		}
	}
	return r.err
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func (r *reader) flag() bool {
	if len(r.b) == 0 {
		r.fail()
		return false
	}
	f := r.b[0]
	r.b = r.b[1:]
	return f == 1
}

func putBytes(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

func putTriage(dst []byte, t Triage) []byte {
	dst = putTime(dst, t.ClosedThrough)
	dst = putText(dst, t.Assignee, keepText)
	return putText(dst, t.Verdict, keepText)
}

func (r *reader) triage() Triage {
	return Triage{ClosedThrough: r.time(), Assignee: r.text(), Verdict: r.text()}
}
