package incident

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/openmxdr/openmxdr/internal/entity"
	"github.com/openmxdr/openmxdr/internal/signal"
)

// small keeps limits within reach of a hundred signals: keys wear out, parts
// are refused, incidents merge and fall apart.
func small(c *Config) {
	c.MaxFindings, c.MaxListed = 12, 4
	c.Keys = map[entity.Type]Key{
		entity.User: {Strong: true, Base: 1, Free: 2}, entity.Host: {Strong: true, Base: 0.9, Free: 2},
		entity.FileHash: {Strong: true, Base: 0.7, Free: 1}, entity.IP: {Base: 0.3, Free: 2}, entity.Domain: {Base: 0.3, Free: 2},
	}
}

// randomSignals is a small world in which much is shared.
func randomSignals(r *rand.Rand, n int) []*signal.Signal {
	names := [...]string{"identity", "email", "saas", "endpoint", "network", "cloud"}
	users, hosts := 3+r.IntN(12), 3+r.IntN(8)
	out := make([]*signal.Signal, n)
	for i := range out {
		var es []entity.Entity
		es = append(es, user(fmt.Sprintf("u%d@corp.example", r.IntN(users))))
		if r.IntN(3) == 0 {
			es = append(es, host(fmt.Sprintf("h%d", r.IntN(hosts))))
		}
		if r.IntN(2) == 0 {
			es = append(es, ip(fmt.Sprintf("192.0.2.%d", r.IntN(4))), thing(entity.Domain, fmt.Sprintf("d%d.example", r.IntN(3))))
		}
		if r.IntN(6) == 0 {
			es = append(es, thing(entity.FileHash, fmt.Sprintf("%032d", r.IntN(4))))
		}
		if r.IntN(8) == 0 {
			es[0].Aliases = []string{fmt.Sprintf(`corp\u%d`, r.IntN(users))}
		}
		at := time.Duration(r.IntN(6*24*60)) * time.Minute
		if r.IntN(4) == 0 {
			at = at.Truncate(12 * time.Hour) // equal times
		}
		s := sig(fmt.Sprint("s", i), fmt.Sprint("r", r.IntN(7)), names[r.IntN(len(names))], at, es...)
		s.Severity = []int{21, 47, 73, 99}[r.IntN(4)]
		s.Risk = float64(s.Severity)
		s.Confidence = 30 + r.IntN(71)
		s.Outcome = []string{"", "success", "failure"}[r.IntN(3)]
		if r.IntN(5) == 0 {
			s.Events[0].ID = fmt.Sprint("shared-", r.IntN(5))
		}
		out[i] = s
	}
	// One rule that fires again and again about the same people.
	if loud := out[r.IntN(n)]; r.IntN(2) == 0 {
		for i := range out {
			if r.IntN(4) == 0 {
				s := *loud
				s.ID, s.Time, s.Reason = out[i].ID, loud.Time.Truncate(24*time.Hour).Add(time.Duration(r.IntN(24*60))*time.Minute), out[i].Reason
				s.Entities = append(slices.Clone(loud.Entities), thing(entity.Process, fmt.Sprint("process-", r.IntN(6))))
				out[i] = &s
			}
		}
	}
	return out
}

func withdrawal(s *signal.Signal) *signal.Signal {
	w := *s
	w.Withdrawn = true
	return &w
}

// current follows revisions as a store does: the highest number wins.
type current map[string]*Incident

func (c current) take(t *testing.T, revisions []*Incident) {
	t.Helper()
	for _, i := range revisions {
		if old := c[i.ID]; old != nil && old.Revision > i.Revision {
			t.Fatalf("incident %s: revision %d after %d", i.ID, i.Revision, old.Revision)
		} else if old != nil && old.Revision == i.Revision && !reflect.DeepEqual(old, i) {
			t.Fatalf("incident %s: two revisions %d: %s", i.ID, i.Revision, cmp.Diff(old, i))
		}
		c[i.ID] = i
	}
}

// open returns the open incidents without their revision numbers, which do
// depend on the way there.
func (c current) open() map[string]Incident {
	out := map[string]Incident{}
	for id, i := range c {
		if i.State == Open {
			x := *i
			x.Revision = 0
			out[id] = x
		}
	}
	return out
}

// Any order of arrival, any batches, redelivery, signals that came and were
// withdrawn, restarts from snapshot and journal: the same incidents, with the
// same ids, edges and scores.
func TestAnyOrderGivesTheSameIncidents(t *testing.T) {
	runs := uint64(1000)
	if testing.Short() {
		runs = 100
	}
	incidents, merged, dissolved, related, weak, reduced, restarts, resting := 0, 0, 0, 0, 0, 0, 0, 0
	for seed := range runs {
		r := rand.New(rand.NewPCG(seed, 7))
		all := randomSignals(r, 15+r.IntN(55))
		kept, temporary := all[:len(all)*4/5], all[len(all)*4/5:]
		decisions := map[string]Triage{}
		for range r.IntN(3) {
			s := kept[r.IntN(len(kept))]
			decisions[ID("acme", s.ID)] = Triage{
				Assignee: []string{"", "kim", "lee"}[r.IntN(3)], Verdict: []string{"", "benign", "true_positive"}[r.IntN(3)],
				ClosedThrough: []time.Time{{}, s.Time, s.Time.Add(36 * time.Hour)}[r.IntN(3)],
			}
		}

		want := current{}
		straight := newEngine(t, small)
		for id, d := range decisions {
			straight.Triage("acme", id, d)
		}
		observe(t, straight, kept...)
		want.take(t, straight.Flush())

		// The other way: shuffled, with temporary signals and repeats between.
		type input struct {
			s  *signal.Signal
			id string
		}
		var ins []input
		for _, s := range kept {
			ins = append(ins, input{s: s})
		}
		for id := range decisions {
			ins = append(ins, input{id: id})
		}
		for _, s := range temporary {
			ins = append(ins, input{s: s})
		}
		for range 10 {
			ins = append(ins, input{s: kept[r.IntN(len(kept))]})
		}
		slices.SortFunc(ins, func(a, b input) int { // a fixed order before shuffling
			return slices.Compare([]byte(a.id), []byte(b.id))
		})
		r.Shuffle(len(ins), func(i, j int) { ins[i], ins[j] = ins[j], ins[i] })
		for _, s := range temporary {
			ins = append(ins, input{s: withdrawal(s)})
		}
		got := current{}
		e := newEngine(t, small)
		e.crowded = 4 + 60*int(seed%2)
		e.KeepJournal()
		snapshot := e.Snapshot()
		var deltas []byte
		for i, in := range ins {
			if in.s != nil {
				observe(t, e, in.s)
			} else {
				e.Triage("acme", in.id, decisions[in.id])
			}
			if r.IntN(3) == 0 || i == len(ins)-1 {
				got.take(t, e.Flush())
			}
			deltas = append(deltas, e.Delta()...)
			switch r.IntN(20) {
			case 0:
				snapshot, deltas = e.Snapshot(), nil
			case 1:
				restarts++
				for _, w := range e.worlds {
					for ni := range w.nodes {
						if w.nodes[ni].resting {
							resting++
						}
					}
				}
				e = newEngine(t, small)
				e.crowded = 4 + 60*int(seed%2)
				if err := e.Restore(snapshot); err != nil {
					t.Fatal(err)
				}
				again, err := e.Apply(deltas)
				if err != nil {
					t.Fatal(err)
				}
				e.KeepJournal()
				for _, x := range again {
					if old := got[x.ID]; old == nil || old.Revision < x.Revision || old.Revision == x.Revision && !reflect.DeepEqual(old, x) {
						t.Fatalf("seed %d: the journal gave another revision: %s", seed, cmp.Diff(old, x))
					}
				}
			}
		}
		if a, b := want.open(), got.open(); !reflect.DeepEqual(a, b) {
			t.Fatalf("seed %d: straight and shuffled differ:\n%s", seed, cmp.Diff(a, b))
		}
		now := current{}
		for _, i := range e.Incidents() {
			now[i.ID] = i
		}
		if a, b := now.open(), got.open(); !reflect.DeepEqual(a, b) {
			t.Fatalf("seed %d: Incidents differs from the revisions:\n%s", seed, cmp.Diff(a, b))
		}
		for _, i := range got {
			switch i.State {
			case Open:
				incidents++
				related += len(i.Related)
				checkIncident(t, i)
				for _, x := range i.Edges {
					if x.Strength == "weak" {
						weak++
					}
					if x.Weight < 0.9 && x.Strength == "strong" {
						reduced++
					}
				}
			case Merged:
				merged++
			case Dissolved:
				dissolved++
			}
		}
	}
	t.Logf("%d incidents, %d merged, %d dissolved, %d kept apart, %d weak edges, %d reduced edges, %d restarts with %d resting signals", incidents, merged, dissolved, related, weak, reduced, restarts, resting)
	if incidents == 0 || merged == 0 || dissolved == 0 || related == 0 || weak == 0 || reduced == 0 || restarts == 0 || resting == 0 {
		t.Error("something never happened: the test shows less than it says")
	}
}

// checkIncident holds for every open incident.
func checkIncident(t *testing.T, i *Incident) {
	t.Helper()
	sum := 0.0
	for _, p := range i.ScoreParts {
		sum += p.Points
	}
	if sum != i.Score {
		t.Errorf("incident %s: score %g, parts add up to %g", i.ID, i.Score, sum)
	}
	// The signals hang together by the edges that are shown, where all are listed.
	if len(i.Signals) != i.SignalsTotal {
		return
	}
	group := map[string]string{}
	var root func(string) string
	root = func(s string) string {
		if p, ok := group[s]; ok {
			return root(p)
		}
		return s
	}
	for _, x := range i.Edges {
		if a, b := root(x.From), root(x.To); a != b {
			group[a] = b
		}
	}
	for _, s := range i.Signals {
		if root(s.ID) != root(i.Signals[0].ID) {
			t.Errorf("incident %s: nothing shown joins %s to %s", i.ID, s.ID, i.Signals[0].ID)
		}
	}
}

// Taking away what joined two incidents gives back the two, with the ids they
// had; putting it back joins them again.
func TestMergeAndSplitAreInverse(t *testing.T) {
	e := newEngine(t)
	ana, bob := compromise("ana@corp.example"), compromise("bob@corp.example")
	store := current{}
	observe(t, e, append(ana, bob...)...)
	store.take(t, e.Flush())
	before := store.open()
	if len(before) != 2 {
		t.Fatalf("%d incidents", len(before))
	}
	bridge := sig("bridge", "shared-file", "endpoint", time.Hour, user("ana@corp.example"), user("bob@corp.example"))
	for range 3 {
		observe(t, e, bridge)
		store.take(t, e.Flush())
		if got := store.open(); len(got) != 1 {
			t.Fatalf("%d incidents with the bridge", len(got))
		}
		observe(t, e, withdrawal(bridge))
		store.take(t, e.Flush())
		if d := cmp.Diff(before, store.open()); d != "" {
			t.Fatal(d)
		}
	}
}

// A signal that arrives late and is the earliest gives the incident its id;
// the old id says where it went.
func TestLateAnchorTakesOver(t *testing.T) {
	e := newEngine(t)
	observe(t, e, compromise("ana@corp.example")...)
	old := e.Flush()[0]
	observe(t, e, sig("earlier", "phish", "email", -time.Hour, user("ana@corp.example")))
	got := e.Flush()
	if len(got) != 2 {
		t.Fatalf("%d revisions", len(got))
	}
	for _, i := range got {
		switch i.ID {
		case old.ID:
			if i.State != Merged || i.MergedInto != ID("acme", "earlier") || i.Revision != 2 {
				t.Errorf("%+v", i)
			}
		case ID("acme", "earlier"):
			if i.State != Open || i.Revision != 1 || len(i.Signals) != 4 {
				t.Errorf("%+v", i)
			}
		default:
			t.Errorf("an unknown incident %s", i.ID)
		}
	}
	// Delivered again: both once more, with the same numbers.
	observe(t, e, sig("earlier", "phish", "email", -time.Hour, user("ana@corp.example")))
	if d := cmp.Diff(got, e.Flush()); d != "" {
		t.Error(d)
	}
}

func TestWithdrawalDissolves(t *testing.T) {
	e := newEngine(t)
	all := compromise("ana@corp.example")
	observe(t, e, all...)
	e.Flush()
	observe(t, e, withdrawal(all[0]), withdrawal(all[1]))
	got := e.Flush()
	if len(got) != 1 || got[0].State != Dissolved || got[0].Revision != 2 || got[0].Title == "" {
		t.Fatalf("%+v", got)
	}
	observe(t, e, withdrawal(all[1]))
	if d := cmp.Diff(got, e.Flush()); d != "" {
		t.Errorf("the withdrawal again: %s", d)
	}
	observe(t, e, all[0], all[1])
	if got := e.Flush(); len(got) != 1 || got[0].State != Open || got[0].Revision != 3 {
		t.Errorf("%+v", got)
	}
}

func TestRedeliveryGivesTheSameRevision(t *testing.T) {
	e := newEngine(t)
	all := compromise("ana@corp.example")
	observe(t, e, all...)
	first := e.Flush()
	for _, s := range all {
		observe(t, e, s)
		if d := cmp.Diff(first, e.Flush()); d != "" {
			t.Fatal(d)
		}
	}
	if got := e.Flush(); len(got) != 0 {
		t.Errorf("%d revisions of nothing", len(got))
	}
}

func TestStateRefusesDamage(t *testing.T) {
	e := newEngine(t, small)
	e.KeepJournal()
	r := rand.New(rand.NewPCG(5, 5))
	all := randomSignals(r, 60)
	observe(t, e, all...)
	e.Triage("acme", "x", Triage{Assignee: "kim", ClosedThrough: noon})
	e.Flush()
	delta := e.Delta()
	snapshot := e.Snapshot()
	for range 500 {
		for _, good := range [][]byte{snapshot, delta} {
			bad := slices.Clone(good)
			for range 1 + r.IntN(3) {
				bad[r.IntN(len(bad))] = byte(r.IntN(256))
			}
			if r.IntN(3) == 0 {
				bad = bad[:r.IntN(len(bad))]
			}
			f := newEngine(t, small)
			var err error
			if len(good) == len(snapshot) {
				err = f.Restore(bad)
			} else {
				_, err = f.Apply(bad)
			}
			if err == nil { // the damage was in a text; the engine must still work
				f.Flush()
			}
		}
	}
	if err := e.Restore(snapshot); err == nil {
		t.Error("a snapshot was restored over state")
	}
}
