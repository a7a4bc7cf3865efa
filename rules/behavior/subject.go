package behavior

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/openmxdr/openmxdr/internal/signal"
)

// subject is the habits of one entity as one model sees them.
type subject struct {
	since  []int64 // by feature: when it was first seen; MaxInt64 if never
	last   int64
	runs   []run   // by feature, value and time
	firsts []first // events that begin a run, or have been told of
}

// run is a stretch in which a value was seen without a gap as long as Forget.
// Runs are what is left of all sightings of a value, whatever their order: the
// stretches of points on a line that lie closer than a gap.
type run struct {
	feature uint8
	value   uint64 // hash
	first   int64
	last    int64
	event   uint64 // hash of the id of the first event
}

// first is an event that begins a run. It is kept as long as a late event may
// still show that it does not.
type first struct {
	at    int64
	event uint64
	told  uint16 // features that its last signal named, as bits
	ever  bool   // a signal of it was emitted
	s     *sighting
}

func newSubject(features int) *subject {
	since := make([]int64, features)
	for i := range since {
		since[i] = math.MaxInt64
	}
	return &subject{since: since}
}

func (b *subject) entries() int { return 1 + len(b.runs) + len(b.firsts) }

// take puts in a sighting and returns the signals that are new, changed or to
// be repeated.
func (b *subject) take(m *compiled, s *sighting, e *Engine) []*signal.Signal {
	id := s.event
	b.last = max(b.last, s.Time)
	repeated := slices.ContainsFunc(b.firsts, func(f first) bool { return f.at == s.Time && f.event == id })
	began := false
	var values [maxFeatures]uint64
	for i, v := range s.Values {
		if v.Key == "" {
			continue
		}
		values[i] = v.hash
		b.since[i] = min(b.since[i], s.Time)
		if b.see(uint8(i), values[i], s.Time, id, int64(m.Forget)) {
			began = true
		}
	}
	if began && !repeated {
		b.firsts = append(b.firsts, first{at: s.Time, event: id, s: s})
		slices.SortFunc(b.firsts, func(x, y first) int { return cmp.Or(cmp.Compare(x.at, y.at), cmp.Compare(x.event, y.event)) })
	}
	b.limit(m, e)
	var out []*signal.Signal
	for i := range b.firsts {
		f := &b.firsts[i]
		mask := b.novel(m, f)
		own := f.at == s.Time && f.event == id
		switch {
		case mask == f.told && !(own && f.ever) && !(repeated && f.ever && f.shares(values[:len(s.Values)])):
			continue
		case mask == 0 && !f.ever:
			continue
		}
		f.told, f.ever = mask, true
		out = append(out, m.signal(f.s, mask))
	}
	b.tidy(e.mark-int64(e.cfg.Lateness), id)
	return out
}

// see notes that a value was seen and reports whether the event begins a run.
func (b *subject) see(feature uint8, value uint64, at int64, event uint64, gap int64) bool {
	i, _ := slices.BinarySearchFunc(b.runs, run{feature: feature, value: value, first: math.MinInt64}, compareRuns)
	j := i
	for j < len(b.runs) && b.runs[j].feature == feature && b.runs[j].value == value {
		j++
	}
	r := run{feature: feature, value: value, first: at, last: at, event: event}
	from, to := j, i // runs that become one with r
	for k := i; k < j; k++ {
		if x := &b.runs[k]; x.last > at-gap && x.first < at+gap {
			from, to = min(from, k), max(to, k+1)
		}
	}
	if from >= to { // a run of its own
		k, _ := slices.BinarySearchFunc(b.runs[i:j], r, compareRuns)
		b.runs = slices.Insert(b.runs, i+k, r)
		return true
	}
	for _, x := range b.runs[from:to] {
		if x.first < r.first || x.first == r.first && x.event < r.event {
			r.first, r.event = x.first, x.event
		}
		r.last = max(r.last, x.last)
	}
	b.runs = slices.Replace(b.runs, from, to, r)
	return r.first == at && r.event == event
}

func compareRuns(a, b run) int {
	return cmp.Or(cmp.Compare(a.feature, b.feature), cmp.Compare(a.value, b.value), cmp.Compare(a.first, b.first))
}

// novel returns the features in which an event is new and that are worth a
// signal together, as bits.
func (b *subject) novel(m *compiled, f *first) (mask uint16) {
	points := 0.0
	for i, v := range f.s.Values {
		if v.Key == "" || f.at-b.since[i] < int64(m.Learn) {
			continue
		}
		if k, ok := slices.BinarySearchFunc(b.runs, run{feature: uint8(i), value: v.hash, first: f.at}, compareRuns); ok && b.runs[k].event == f.event {
			mask |= 1 << i
			points += m.Features[i].Points
		}
	}
	if points < m.Threshold {
		return 0
	}
	return mask
}

// shares tells whether the event has one of the values.
func (f *first) shares(values []uint64) bool {
	for i, v := range f.s.Values {
		if v.Key != "" && i < len(values) && values[i] == v.hash {
			return true
		}
	}
	return false
}

// limit forgets the values seen longest ago where a feature has too many.
func (b *subject) limit(m *compiled, e *Engine) {
	if len(b.runs) <= e.cfg.MaxValues {
		return
	}
	for i := range m.Features {
		n, oldest := 0, -1
		for k := range b.runs {
			if b.runs[k].feature != uint8(i) {
				continue
			}
			if n++; oldest < 0 || b.runs[k].last < b.runs[oldest].last {
				oldest = k
			}
		}
		if n > e.cfg.MaxValues {
			b.runs = slices.Delete(b.runs, oldest, oldest+1)
			e.stats.Evicted++
		}
	}
}

// tidy drops the events that nothing can change any more, and those that
// begin no run and were never told of.
func (b *subject) tidy(limit int64, keep uint64) {
	b.firsts = slices.DeleteFunc(b.firsts, func(f first) bool {
		if f.at < limit {
			return f.event != keep
		}
		return !f.ever && !b.begins(&f)
	})
}

func (b *subject) begins(f *first) bool {
	for i, v := range f.s.Values {
		if v.Key == "" {
			continue
		}
		if k, ok := slices.BinarySearchFunc(b.runs, run{feature: uint8(i), value: v.hash, first: f.at}, compareRuns); ok && b.runs[k].event == f.event {
			return true
		}
	}
	return false
}

// signal writes the finding that an event is new in the features of mask; with
// an empty mask, its withdrawal.
func (m *compiled) signal(s *sighting, mask uint16) *signal.Signal {
	at := time.Unix(0, s.Time).UTC()
	out := &signal.Signal{
		ID: signal.NewID("behavior", s.Tenant, m.ID, string(s.Entity.Type), s.Entity.Value, s.ID), Tenant: s.Tenant,
		Kind: signal.Behavior, Withdrawn: mask == 0, Time: at, First: at, Last: at,
		RuleID: m.ID, RuleName: m.Name, Domain: m.Domain, Dataset: s.Dataset, Outcome: s.Outcome,
		Tactics: m.Tactics, Techniques: m.Techniques, Tags: m.Tags, Entities: s.Entities,
		Events: []signal.EventRef{{ID: s.ID, Dataset: s.Dataset, Time: at}}, EventsTotal: 1,
	}
	if mask == 0 {
		out.Reason = s.Entity.Value + " " + m.Verb + "; earlier events that arrived since show that nothing about it was new."
		return out
	}
	var phrases []string
	for i, v := range s.Values {
		if mask&(1<<i) == 0 {
			continue
		}
		out.Risk += m.Features[i].Points
		phrases = append(phrases, m.Features[i].Phrase+" ("+v.text()+")")
		out.Matched = append(out.Matched, signal.Match{Field: v.Field, Value: v.text()})
	}
	l := m.level(out.Risk)
	out.Severity, out.Confidence = l.Severity, l.Confidence
	out.Reason = s.Entity.Value + " " + m.Verb + " " + enumerate(phrases) + "."
	return out
}

// enumerate writes "a", "a and b", "a, b and c".
func enumerate(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " and " + list[len(list)-1]
}
