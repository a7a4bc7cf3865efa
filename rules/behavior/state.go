package behavior

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/openmxdr/openmxdr/internal/signal"
)

const day = int64(24 * time.Hour)

func (e *Engine) file(k subjectKey, last int64) {
	e.shelves[last/day] = append(e.shelves[last/day], k)
}

// Advance says that event time has reached watermark, apart from events that
// are late. What is to be forgotten leaves memory. A watermark that goes back
// is ignored. The caller bounds it by the time of receipt, so that a forged
// date does not empty the memory.
func (e *Engine) Advance(watermark time.Time) {
	if watermark.Before(earliest) || !watermark.Before(latest) || watermark.UnixNano() <= e.mark {
		return
	}
	e.mark = watermark.UnixNano()
	if e.keep {
		e.journal = append(e.journal, fmt.Sprintf("{\"mark\":%d}\n", e.mark)...)
	}
	late := e.mark - int64(e.cfg.Lateness)
	for _, d := range slices.Sorted(maps.Keys(e.shelves)) {
		if (d+1)*day > late {
			break
		}
		keys := e.shelves[d]
		delete(e.shelves, d)
		for _, k := range keys {
			e.age(k, d, late)
		}
	}
}

// age forgets what is to be forgotten of one entity and files it anew: under
// the day of its last event, or under the next day on which it is looked at.
func (e *Engine) age(k subjectKey, d, late int64) {
	b := e.subjects[k]
	if b == nil {
		return
	}
	before := b.entries()
	limit := late - int64(e.models[k.model].Forget)
	if b.last < limit {
		e.stats.Expired += int64(before)
		e.entries -= before
		delete(e.subjects, k)
		return
	}
	b.runs = slices.DeleteFunc(b.runs, func(r run) bool { return r.last < limit })
	b.tidy(late, 0)
	e.stats.Expired += int64(before - b.entries())
	e.entries += b.entries() - before
	// A day on which something may be due: at the earliest tomorrow, at the
	// latest when the whole entity is to be forgotten.
	e.file(k, max(b.last, (d+7)*day))
}

// makeRoom keeps the limit of entries: the entities seen longest ago leave.
func (e *Engine) makeRoom() {
	if e.entries <= e.cfg.MaxEntries {
		return
	}
	want := e.cfg.MaxEntries - e.cfg.MaxEntries/100
	for e.entries > want && len(e.shelves) > 0 {
		d := slices.Min(slices.Collect(maps.Keys(e.shelves)))
		keys := e.shelves[d]
		delete(e.shelves, d)
		for i, k := range keys {
			b := e.subjects[k]
			switch {
			case b == nil:
			case b.last/day > d:
				e.file(k, b.last)
			default:
				n := b.entries()
				e.stats.Evicted += int64(n)
				e.entries -= n
				delete(e.subjects, k)
			}
			if e.entries <= want {
				e.shelves[d] = append(e.shelves[d], keys[i+1:]...)
				if len(e.shelves[d]) == 0 {
					delete(e.shelves, d)
				}
				return
			}
		}
	}
}

// KeepJournal makes the engine collect inputs for Delta.
func (e *Engine) KeepJournal() { e.keep = true }

func (e *Engine) journalSighting(s *sighting) {
	line, err := json.Marshal(s)
	if err != nil { // strings and numbers always marshal
		return
	}
	e.journal = append(append(e.journal, line...), '\n')
}

// Delta returns the inputs since the last call of Delta or Snapshot, for Apply.
func (e *Engine) Delta() []byte {
	d := e.journal
	e.journal = nil
	return d
}

// Apply takes in a delta. It returns the signals that Observe returned when
// the delta was made: whoever restarts does not know whether they were handed
// on. Inputs of models that are gone are passed over. After an error the
// engine is not usable.
func (e *Engine) Apply(delta []byte) ([]*signal.Signal, error) {
	var out []*signal.Signal
	keep := e.keep
	e.keep = false
	defer func() { e.keep = keep }()
	for n, line := range bytes.Split(bytes.TrimSuffix(delta, []byte{'\n'}), []byte{'\n'}) {
		if len(line) == 0 {
			continue
		}
		var in struct {
			Mark int64 `json:"mark"`
			sighting
		}
		if err := json.Unmarshal(line, &in); err != nil {
			return nil, fmt.Errorf("behavior delta: line %d: %w", n+1, err)
		}
		if in.Mark != 0 {
			e.Advance(time.Unix(0, in.Mark))
			continue
		}
		s := in.sighting
		i, ok := e.byID[s.Model]
		if !ok || len(s.Values) != len(e.models[i].Features) {
			continue
		}
		found := e.take(&s)
		e.stats.Signals += int64(len(found))
		out = append(out, found...)
	}
	return out, nil
}

// savedSubject is one line of a snapshot.
type savedSubject struct {
	ID     []byte       `json:"id"`
	Model  string       `json:"m"`
	Since  []int64      `json:"since"`
	Last   int64        `json:"last"`
	Runs   []byte       `json:"runs"`
	Firsts []savedFirst `json:"firsts,omitempty"`
}

type savedFirst struct {
	Told uint16    `json:"told"`
	Ever bool      `json:"ever"`
	S    *sighting `json:"s"`
}

type savedHead struct {
	Format string              `json:"format"`
	Mark   int64               `json:"mark"`
	Stats  Stats               `json:"stats"`
	Models map[string][]string `json:"models"` // names of the features, in order
}

const snapshotFormat = "openmxdr behavior state 1"

// Snapshot returns the whole state, for Restore: one JSON object a line. It
// starts a new delta.
func (e *Engine) Snapshot() ([]byte, error) {
	e.journal = nil
	head := savedHead{Format: snapshotFormat, Mark: e.mark, Stats: e.stats, Models: map[string][]string{}}
	for _, m := range e.models {
		head.Models[m.ID] = m.featureNames()
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	if err := enc.Encode(head); err != nil {
		return nil, fmt.Errorf("behavior snapshot: %w", err)
	}
	keys := slices.SortedFunc(maps.Keys(e.subjects), func(a, b subjectKey) int {
		if a.model != b.model {
			return a.model - b.model
		}
		return bytes.Compare(a.id[:], b.id[:])
	})
	for _, k := range keys {
		b := e.subjects[k]
		line := savedSubject{ID: k.id[:], Model: e.models[k.model].ID, Since: b.since, Last: b.last}
		for _, r := range b.runs {
			line.Runs = append(line.Runs, r.feature)
			for _, n := range []uint64{r.value, uint64(r.first), uint64(r.last), r.event} {
				line.Runs = binary.LittleEndian.AppendUint64(line.Runs, n)
			}
		}
		for _, f := range b.firsts {
			line.Firsts = append(line.Firsts, savedFirst{f.told, f.ever, f.s})
		}
		if err := enc.Encode(line); err != nil {
			return nil, fmt.Errorf("behavior snapshot: %w", err)
		}
	}
	return out.Bytes(), nil
}

func (m *Model) featureNames() []string {
	var names []string
	for _, f := range m.Features {
		names = append(names, f.Name)
	}
	return names
}

const runSize = 1 + 4*8

// Restore takes over a snapshot into an engine that has seen nothing yet.
// Models that are gone or whose features changed learn anew. After an error
// the engine is not usable.
func (e *Engine) Restore(snapshot []byte) error {
	if len(e.subjects) > 0 {
		return errors.New("behavior snapshot: the engine has state already")
	}
	lines := bytes.Split(bytes.TrimSuffix(snapshot, []byte{'\n'}), []byte{'\n'})
	var head savedHead
	if err := json.Unmarshal(lines[0], &head); err != nil || head.Format != snapshotFormat {
		return errors.New("behavior snapshot: not a snapshot of this version")
	}
	e.mark, e.stats = head.Mark, head.Stats
	for n, line := range lines[1:] {
		var in savedSubject
		if err := json.Unmarshal(line, &in); err != nil {
			return fmt.Errorf("behavior snapshot: line %d: %w", n+2, err)
		}
		i, ok := e.byID[in.Model]
		if !ok || !slices.Equal(head.Models[in.Model], e.models[i].featureNames()) {
			continue
		}
		features := len(e.models[i].Features)
		k := subjectKey{model: i}
		if len(in.ID) != len(k.id) || len(in.Since) != features || len(in.Runs)%runSize != 0 {
			return fmt.Errorf("behavior snapshot: line %d: damaged", n+2)
		}
		copy(k.id[:], in.ID)
		b := &subject{since: in.Since, last: in.Last}
		for r := in.Runs; len(r) > 0; r = r[runSize:] {
			u := func(i int) uint64 { return binary.LittleEndian.Uint64(r[1+8*i:]) }
			b.runs = append(b.runs, run{feature: r[0], value: u(0), first: int64(u(1)), last: int64(u(2)), event: u(3)})
		}
		for _, f := range in.Firsts {
			if f.S == nil || len(f.S.Values) != features {
				return fmt.Errorf("behavior snapshot: line %d: damaged", n+2)
			}
			f.S.hash()
			b.firsts = append(b.firsts, first{at: f.S.Time, event: f.S.event, told: f.Told, ever: f.Ever, s: f.S})
		}
		if !slices.IsSortedFunc(b.runs, compareRuns) || b.last > latest.UnixNano() || b.last < math.MinInt64/2 {
			return fmt.Errorf("behavior snapshot: line %d: damaged", n+2)
		}
		e.subjects[k] = b
		e.entries += b.entries()
		e.file(k, b.last)
	}
	e.makeRoom()
	return nil
}
