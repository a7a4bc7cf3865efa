package correlation

import (
	"fmt"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/openmxdr/openmxdr/internal/entity"
	"github.com/openmxdr/openmxdr/internal/signal"
)

// flood sends n matches with a group key each to a noisy correlation, and now
// and then one match of five for a quiet one.
func flood(e *Engine, n int) []signal.Signal {
	var out []signal.Signal
	batch := make([]Match, 0, 1000)
	for i := range n {
		ip := strconv.Itoa(i)
		batch = append(batch, Match{Tenant: "acme", Rule: "scan", EventID: "event-identifier-" + ip, Time: start.Add(time.Duration(i) * time.Microsecond),
			Domain: "network", Dataset: "zeek.conn", Fields: fieldMap{"ip": ip},
			Entities: []entity.Entity{{Type: entity.IP, Value: ip, Role: entity.Source}}})
		if i%(n/5) == 0 {
			m := at("failed", "quiet"+ip, time.Duration(i)*time.Microsecond, "ann")
			batch = append(batch, m)
		}
		if len(batch) >= 1000 {
			out = append(out, e.Process(batch)...)
			batch = batch[:0]
		}
	}
	return append(out, e.Process(batch)...)
}

func scanRule() Rule {
	return Rule{ID: "scans", Type: EventCount, Rules: []string{"scan"}, GroupBy: []string{"ip"}, Timespan: time.Hour,
		Condition: Condition{Comparisons: []Comparison{{GTE, 3}}}}
}

// TestMillionGroupsUnderLimit: with 256 MiB, evictions are counted, a quiet
// correlation loses nothing, the heap is what is accounted for, and the limit
// costs less than a factor of two.
func TestMillionGroupsUnderLimit(t *testing.T) {
	if testing.Short() {
		t.Skip("a million groups take some seconds")
	}
	const n = 1_000_000
	var before, after runtime.MemStats
	var limited, free time.Duration
	for try := range 3 { // the machine may be busy
		e, err := New([]Rule{scanRule(), bruteForce(5)}, Options{MaxBytes: 1 << 40, MaxEntries: 1 << 40})
		require.NoError(t, err)
		begin := time.Now()
		flood(e, n)
		free = time.Since(begin)
		assert.EqualValues(t, n, e.Stats().Rules[1].Groups)
		assert.Zero(t, e.Stats().Rules[1].EvictedGroups)
		e = nil

		runtime.GC()
		runtime.ReadMemStats(&before)
		e, err = New([]Rule{scanRule(), bruteForce(5)}, Options{MaxBytes: 256 << 20})
		require.NoError(t, err)
		begin = time.Now()
		out := flood(e, n)
		limited = time.Since(begin)
		runtime.GC()
		runtime.ReadMemStats(&after)

		s := e.Stats()
		quiet, noisy := s.Rules[0], s.Rules[1]
		require.Equal(t, "brute", quiet.ID)
		assert.Positive(t, noisy.EvictedGroups)
		assert.EqualValues(t, n, noisy.EvictedGroups+noisy.Groups, "every group is held or counted as evicted")
		assert.Zero(t, quiet.EvictedGroups)
		require.Len(t, out, 1, "the quiet correlation fires")
		assert.Equal(t, "brute", out[0].RuleID)
		assert.LessOrEqual(t, s.Bytes, int64(256<<20))
		heap := int64(after.HeapAlloc) - int64(before.HeapAlloc)
		assert.LessOrEqual(t, heap, int64(256<<20), "the real heap stays within the limit")
		t.Logf("unlimited %v (%.0f matches/s), limited %v (%.0f matches/s), evicted %d groups, accounted %d MiB, heap %d MiB",
			free, n/free.Seconds(), limited, n/limited.Seconds(), noisy.EvictedGroups, s.Bytes>>20, heap>>20)
		runtime.KeepAlive(e)
		if limited < 2*free {
			return
		}
		t.Logf("try %d: limited is %.1f times as slow", try, limited.Seconds()/free.Seconds())
	}
	t.Errorf("with the limit it takes %v, without %v", limited, free)
}

func TestEntryLimitEvictsTheLargestFirst(t *testing.T) {
	e, err := New([]Rule{scanRule(), bruteForce(5)}, Options{MaxEntries: 100, Lateness: time.Second})
	require.NoError(t, err)
	for i := range 40 {
		e.Process([]Match{at("failed", fmt.Sprint(i), time.Duration(i)*time.Millisecond, "user"+strconv.Itoa(i))})
	}
	flood(e, 1000)
	s := e.Stats()
	assert.EqualValues(t, 0, s.Rules[0].EvictedGroups, "40 of 100 is less than an equal share")
	assert.LessOrEqual(t, s.Entries, int64(100))
	assert.EqualValues(t, 1000, s.Rules[1].EvictedGroups+s.Rules[1].Groups)
}

func TestGroupLimitGivesUpItsOldest(t *testing.T) {
	e, err := New([]Rule{bruteForce(5)}, Options{MaxGroupEntries: 10})
	require.NoError(t, err)
	var ms []Match
	for i := range 4 {
		ms = append(ms, at("failed", fmt.Sprint("early", i), time.Duration(i)*time.Second, "ann"))
	}
	f := finals{}
	f.add(e.Process(ms))
	for i := range 100 {
		f.add(e.Process([]Match{at("failed", fmt.Sprint(i), 6*time.Minute+time.Duration(i)*time.Second, "ann")}))
	}
	assert.LessOrEqual(t, e.Stats().Entries, int64(10))
	f.add(e.Finish())
	got := f.list()
	require.Len(t, got, 1)
	assert.Equal(t, 100, got[0].EventsTotal, "what a burst gives up it still counts")
	assert.EqualValues(t, 4, e.Stats().Rules[0].EvictedEntries, "what was in no burst is lost and counted")
}

func TestExpiredStateIsDropped(t *testing.T) {
	e := newEngine(t, 0, bruteForce(5))
	for i := range 1000 {
		e.Process([]Match{at("failed", fmt.Sprint(i), time.Duration(i)*time.Minute, "user"+strconv.Itoa(i))})
	}
	assert.LessOrEqual(t, e.Stats().Entries, int64(6))
	e.Advance("acme", start.Add(2000*time.Minute))
	assert.Zero(t, e.Stats().Bytes)
}

// TestBurstsPayForWhatTheyGather: long bursts keep references and entities of
// matches that have left; many such bursts stay within the limit too.
func TestBurstsPayForWhatTheyGather(t *testing.T) {
	r := bruteForce(2)
	r.Timespan = 10 * time.Second
	e, err := New([]Rule{r}, Options{MaxBytes: 8 << 20})
	require.NoError(t, err)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for round := range 100 { // 2,000 groups, each a match every 5 s, with entities of its own
		var batch []Match
		for g := range 2000 {
			m := at("failed", fmt.Sprint(round, "-", g), time.Duration(round)*5*time.Second, "user"+strconv.Itoa(g))
			m.Entities = []entity.Entity{{Type: entity.IP, Value: fmt.Sprint("address ", round, " of ", g)}}
			batch = append(batch, m)
		}
		e.Process(batch)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	s := e.Stats()
	assert.Positive(t, s.Rules[0].EvictedGroups)
	assert.LessOrEqual(t, s.Bytes, int64(8<<20))
	assert.LessOrEqual(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(16<<20))
	runtime.KeepAlive(e)
}

func TestEvictedBurstsTellTheirLastRevision(t *testing.T) {
	e, err := New([]Rule{scanRule()}, Options{MaxEntries: 50})
	require.NoError(t, err)
	f := finals{}
	for i := range 20 {
		m := at("scan", fmt.Sprint("v", i), time.Duration(i), "")
		m.Fields = fieldMap{"ip": "victim"}
		f.add(e.Process([]Match{m}))
	}
	f.add(flood(e, 1000))
	require.Len(t, f, 1)
	for _, s := range f {
		assert.Equal(t, 20, s.EventsTotal)
	}
}

func BenchmarkFlood(b *testing.B) {
	for name, limit := range map[string]int64{"unlimited": 1 << 40, "256MiB": 256 << 20} {
		b.Run(name, func(b *testing.B) {
			e, _ := New([]Rule{scanRule(), bruteForce(5)}, Options{MaxBytes: limit, MaxEntries: 1 << 40})
			b.ReportAllocs()
			flood(e, max(5, b.N))
		})
	}
}

// BenchmarkBurst is one group with a full window of distinct values, the worst
// place for a value_count: in order, and backwards within the lateness.
func BenchmarkBurst(b *testing.B) {
	for _, typ := range []Type{EventCount, ValueCount, ValueSum, Temporal, ValueMedian} {
		for _, order := range []string{"ordered", "shuffled"} {
			b.Run(string(typ)+"/"+order, func(b *testing.B) {
				r := Rule{ID: "b", Type: typ, Rules: []string{"a"}, GroupBy: []string{"user"}, Timespan: 10 * time.Second,
					Condition: Condition{Comparisons: []Comparison{{GTE, 100}}}}
				switch typ {
				case Temporal:
					r.Condition.Comparisons = nil
				case EventCount:
				default:
					r.Condition.Fields = []string{"n"}
				}
				e, err := New([]Rule{r}, Options{Lateness: 10 * time.Second})
				if err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				batch := make([]Match, 0, 100)
				for i := range b.N {
					t := time.Duration(i) * time.Millisecond
					if order == "shuffled" {
						t -= time.Duration(i*7919%5000) * time.Millisecond
					}
					s := strconv.Itoa(i)
					batch = append(batch, Match{Tenant: "acme", Rule: "a", EventID: s, Time: start.Add(t), Fields: fieldMap{"user": "ann", "n": s}})
					if len(batch) == cap(batch) {
						e.Process(batch)
						batch = batch[:0]
					}
				}
				e.Process(batch)
				b.ReportMetric(float64(e.Stats().Entries), "held")
			})
		}
	}
}
