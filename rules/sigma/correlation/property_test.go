package correlation

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"sort"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openmxdr/openmxdr/internal/entity"
	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/internal/signal"
)

type fieldMap map[string]string

func (f fieldMap) Lookup(name string) (event.Value, bool) {
	v, ok := f[name]
	return event.StringValue(v), ok
}

const second = int64(time.Second)

// randomRules makes one to four correlations, members first.
func randomRules(r *rand.Rand) []Rule {
	types := []Type{EventCount, ValueCount, Temporal, TemporalOrdered, ValueSum, ValueAvg, ValuePercentile, ValueMedian}
	ops := []Op{GTE, GTE, GT, LT, LTE, EQ, NEQ}
	var rules []Rule
	names := []string{"a", "b", "c"}
	for i := range 1 + r.IntN(4) {
		c := Rule{ID: "corr" + strconv.Itoa(i), Name: "Correlation " + strconv.Itoa(i), Type: types[r.IntN(len(types))], Severity: 50,
			Timespan: time.Duration(1+r.IntN(8)) * time.Second, Generate: r.IntN(2) == 0}
		for _, j := range r.Perm(len(names))[:1+r.IntN(min(3, len(names)))] {
			c.Rules = append(c.Rules, names[j])
		}
		if r.IntN(3) > 0 {
			c.GroupBy = []string{"user"}
			if r.IntN(4) == 0 {
				c.Aliases = map[string]map[string]string{"user": {"b": "account"}}
			}
		}
		op, n := ops[r.IntN(len(ops))], float64(1+r.IntN(5))
		switch c.Type {
		case EventCount:
			c.Condition.Comparisons = []Comparison{{op, n}}
		case ValueCount:
			c.Condition.Comparisons, c.Condition.Fields = []Comparison{{op, 1 + float64(r.IntN(3))}}, []string{"ip"}
		case Temporal, TemporalOrdered:
			switch {
			case r.IntN(3) == 0:
				c.Condition.Expr = randomExpr(r, c.Rules)
			case r.IntN(4) == 0:
				c.Condition.Comparisons = []Comparison{{op, float64(1 + r.IntN(len(c.Rules)))}}
				if op == GT {
					c.Condition.Comparisons[0].Value--
				}
			case c.Type == TemporalOrdered && r.IntN(4) == 0:
				c.Rules = append(c.Rules, c.Rules[0])
			}
		default:
			c.Condition.Comparisons, c.Condition.Fields = []Comparison{{op, float64(r.IntN(80)-10) / 4}}, []string{"bytes"}
			c.Condition.Percentile = r.IntN(101)
		}
		rules = append(rules, c)
		names = append(names, c.ID)
	}
	return rules
}

func randomExpr(r *rand.Rand, names []string) *Expr {
	var parts []*Expr
	for _, n := range names {
		e := &Expr{Rule: n}
		if r.IntN(3) == 0 {
			e = &Expr{Op: Not, Args: []*Expr{e}}
		}
		parts = append(parts, e)
	}
	for len(parts) > 1 {
		e := &Expr{Op: And + ExprOp(r.IntN(2)), Args: []*Expr{parts[0], parts[1]}}
		if r.IntN(5) == 0 {
			e = &Expr{Op: Not, Args: []*Expr{e}}
		}
		parts = append(parts[2:], e)
	}
	return parts[0]
}

func randomMatches(r *rand.Rand) []Match {
	n := 5 + r.IntN(60)
	if r.IntN(60) == 0 { // long enough to fold matches away in the middle
		n = 400
	}
	step := []int64{second, second / 2, 3 * second, second / 10}[r.IntN(4)]
	span := int64(n) * step
	neg := r.IntN(3) == 0
	var out []Match
	for i := range n {
		t := r.Int64N(span)
		if r.IntN(3) > 0 { // many equal times and exact distances
			t -= t % second
		}
		f := fieldMap{"ip": strconv.Itoa(r.IntN(4)), "bytes": strconv.FormatFloat(float64(r.IntN(60))/4, 'f', -1, 64)}
		if neg && r.IntN(3) == 0 {
			f["bytes"] = "-" + f["bytes"]
		}
		if r.IntN(12) == 0 {
			f["bytes"] = "many"
		}
		if r.IntN(10) > 0 {
			f["user"] = []string{"ann", "bob"}[r.IntN(2)]
			f["account"] = f["user"]
		}
		m := Match{Tenant: "acme", EventID: "e" + strconv.Itoa(i), Time: time.Unix(0, 1_700_000_000*second+t),
			Domain: "endpoint", Dataset: "d", Fields: f,
			Entities: []entity.Entity{{Type: entity.IP, Value: f["ip"]}, {Type: entity.User, Value: f["user"] + "!"}}}
		for _, rule := range []string{"a", "b", "c"} { // one event may match several rules
			if r.IntN(3) == 0 {
				m.Rule = rule
				out = append(out, m)
			}
		}
	}
	return out
}

// shuffled returns the matches in an order in which none is late, some of them twice.
func shuffled(r *rand.Rand, ms []Match, late time.Duration) []Match {
	type arrival struct {
		at int64
		n  int
		m  Match
	}
	var as []arrival
	for _, m := range ms {
		for range 1 + r.IntN(5)/4 {
			as = append(as, arrival{m.Time.UnixNano() + r.Int64N(int64(late)+1), r.IntN(1000), m})
		}
	}
	sort.SliceStable(as, func(i, j int) bool {
		if as[i].at != as[j].at {
			return as[i].at < as[j].at
		}
		return as[i].n < as[j].n
	})
	out := make([]Match, len(as))
	for i := range as {
		out[i] = as[i].m
	}
	return out
}

type finals map[string]signal.Signal

func (f finals) add(ss []signal.Signal) {
	for _, s := range ss {
		f[s.ID] = s
	}
}

func (f finals) list() []signal.Signal {
	var out []signal.Signal
	for _, s := range f {
		if !s.Withdrawn {
			out = append(out, s)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out
}

// run sends the matches in random batches through an engine that is killed and
// restored at random points from its last snapshot and the batches since.
func run(t *testing.T, r *rand.Rand, rules []Rule, opts Options, ms []Match, kill bool) []signal.Signal {
	t.Helper()
	e, err := New(rules, opts)
	if err != nil {
		t.Fatal(err)
	}
	f := finals{}
	snap := e.Snapshot(nil)
	var journal [][]byte
	for i := 0; i < len(ms); {
		n := min(1+r.IntN(1+r.IntN(20)), len(ms)-i)
		batch := ms[i : i+n]
		i += n
		delta := e.AppendBatch(nil, batch)
		f.add(e.Process(batch))
		if r.IntN(4) == 0 {
			f.add(e.Advance("acme", batch[n-1].Time))
			delta = e.AppendAdvance(delta, "acme", batch[n-1].Time)
		}
		journal = append(journal, delta)
		if !kill {
			continue
		}
		if r.IntN(6) == 0 {
			snap, journal = e.Snapshot(nil), nil
		}
		if r.IntN(8) == 0 {
			e, _ = New(rules, opts)
			if _, err := e.Restore(snap); err != nil {
				t.Fatal(err)
			}
			if again := e.Snapshot(nil); string(again) != string(snap) {
				t.Fatal("a restored engine writes another snapshot")
			}
			for _, d := range journal {
				ss, err := e.Replay(d)
				if err != nil {
					t.Fatal(err)
				}
				f.add(ss)
			}
		}
	}
	f.add(e.Finish())
	checkAccounts(t, e)
	return f.list()
}

// checkAccounts verifies that everything charged was given back.
func checkAccounts(t *testing.T, e *Engine) {
	t.Helper()
	if s := e.Stats(); s.Bytes != 0 || s.Entries != 0 || s.Late != 0 {
		t.Fatalf("after the end: %d bytes, %d entries, %d late", s.Bytes, s.Entries, s.Late)
	}
}

func encode(ss []signal.Signal) string {
	for i := range ss {
		ss[i].Reason = ""
	}
	b, _ := json.MarshalIndent(ss, "", " ")
	return string(b)
}

// TestAnyOrderAnySplitAnyRestart: random streams, shuffled within the lateness,
// cut into random batches, killed and restored at random points, give
// byte-identical final signals, and those of the oracle.
// MXDR_PROPERTY_STREAMS sets how many streams; default 1,000.
func TestAnyOrderAnySplitAnyRestart(t *testing.T) {
	streams := 1000
	if s := os.Getenv("MXDR_PROPERTY_STREAMS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("MXDR_PROPERTY_STREAMS: %v", err)
		}
		streams = n
	}
	total := 0
	for seed := range streams {
		r := rand.New(rand.NewPCG(uint64(seed), 7))
		rules, ms := randomRules(r), randomMatches(r)
		opts := Options{Lateness: time.Duration(r.IntN(12)) * time.Second}
		want := encode(oracle(rules, ms))
		total += len(want)
		for variant := range 4 {
			got := encode(run(t, r, rules, opts, shuffled(r, ms, opts.Lateness), variant > 0))
			if got != want {
				t.Fatalf("seed %d variant %d lateness %v\nrules %s\n(-oracle +engine)\n%s", seed, variant, opts.Lateness, show(rules), cmp.Diff(want, got))
			}
		}
	}
	if total < streams*200 {
		t.Fatalf("the streams give too few signals to mean anything: %d bytes", total)
	}
}

func show(rules []Rule) string {
	s := ""
	for _, r := range rules {
		b, _ := json.Marshal(r)
		s += fmt.Sprintln(string(b))
	}
	return s
}

// TestReplaySaysTheSame: whatever arrives in whatever order, too late or not, an
// engine restored from a snapshot and the journal has said, revision by revision,
// what the first one said. So it knows of every signal that ever left.
func TestReplaySaysTheSame(t *testing.T) {
	revisions := 0
	for seed := range 300 {
		r := rand.New(rand.NewPCG(uint64(seed), 11))
		rules, ms := randomRules(r), shuffled(r, randomMatches(r), 20*time.Second)
		opts := Options{Lateness: time.Duration(r.IntN(5)) * time.Second, MaxGroupEntries: 20, MaxEntries: int64(20 + r.IntN(100))}
		e, err := New(rules, opts)
		if err != nil {
			t.Fatal(err)
		}
		var snap []byte
		var said [][]signal.Signal
		var journal [][]byte
		for i := 0; i < len(ms); {
			n := min(1+r.IntN(10), len(ms)-i)
			delta := e.AppendBatch(nil, ms[i:i+n])
			out := e.Process(ms[i : i+n])
			if r.IntN(3) == 0 {
				delta = e.AppendBatch(e.AppendAdvance(delta, "acme", ms[i].Time), ms[i:i+1])
				out = append(out, e.Advance("acme", ms[i].Time)...)
				out = append(out, e.Process(ms[i:i+1])...)
			}
			i += n
			journal, said = append(journal, delta), append(said, out)
			if r.IntN(30) == 0 {
				snap, journal, said = e.Snapshot(nil), nil, nil
			}
		}
		again, _ := New(rules, opts)
		if snap != nil {
			if _, err := again.Restore(snap); err != nil {
				t.Fatal(err)
			}
		}
		for i, d := range journal {
			out, err := again.Replay(d)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := encode(out), encode(said[i]); got != want {
				t.Fatalf("seed %d, entry %d of %d\nrules %s\n%s", seed, i, len(journal), show(rules), cmp.Diff(want, got))
			}
			revisions += len(out)
		}
		if string(e.Snapshot(nil)) != string(again.Snapshot(nil)) {
			t.Fatalf("seed %d: the states differ", seed)
		}
	}
	if revisions < 1000 {
		t.Fatalf("only %d revisions were compared", revisions)
	}
}
