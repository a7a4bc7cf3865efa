package correlation

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/openmxdr/openmxdr/internal/entity"
	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/internal/signal"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(rule, id string, after time.Duration, user string) Match {
	f := fieldMap{}
	if user != "" {
		f["user"] = user
	}
	return Match{Tenant: "acme", Rule: rule, EventID: id, Time: start.Add(after), Fields: f}
}

func newEngine(t *testing.T, late time.Duration, rules ...Rule) *Engine {
	t.Helper()
	e, err := New(rules, Options{Lateness: late})
	require.NoError(t, err)
	return e
}

func active(ss []signal.Signal) []signal.Signal {
	f := finals{}
	f.add(ss)
	return f.list()
}

func bruteForce(n float64) Rule {
	return Rule{ID: "brute", Name: "Brute force", Type: EventCount, Rules: []string{"failed"}, GroupBy: []string{"user"},
		Timespan: 5 * time.Minute, Condition: Condition{Comparisons: []Comparison{{GTE, n}}}}
}

func TestTemporalFiresOnlyWhenAllItsRulesDid(t *testing.T) {
	r := Rule{ID: "t", Type: Temporal, Rules: []string{"a", "b", "c"}, GroupBy: []string{"user"}, Timespan: time.Minute}
	e := newEngine(t, 0, r)
	for i := range 20 { // two of three, however often
		assert.Empty(t, e.Process([]Match{at("a", fmt.Sprint("a", i), time.Duration(i)*time.Second, "ann"), at("b", fmt.Sprint("b", i), time.Duration(i)*time.Second, "ann")}))
	}
	assert.Empty(t, e.Process([]Match{at("c", "c0", 20*time.Second, "bob")}), "another group's match")
	got := e.Process([]Match{at("c", "c1", 21*time.Second, "ann")})
	require.Len(t, got, 1)
	assert.Equal(t, 41, got[0].EventsTotal)
	assert.Len(t, got[0].Events, 41)
	assert.Equal(t, []signal.Match{{Field: "user", Value: "ann"}}, got[0].Matched)
}

func TestTwoEventsEightMinutesApartNeverSatisfyFive(t *testing.T) {
	for _, order := range [][]int{{0, 1}, {1, 0}} {
		e := newEngine(t, time.Hour, bruteForce(2))
		ms := []Match{at("failed", "1", 0, "ann"), at("failed", "2", 8*time.Minute, "ann")}
		var out []signal.Signal
		for _, i := range order {
			out = append(out, e.Process(ms[i:i+1])...)
		}
		assert.Empty(t, append(out, e.Finish()...))
	}
	e := newEngine(t, 0, bruteForce(2))
	assert.Len(t, e.Process([]Match{at("failed", "1", 0, "ann"), at("failed", "2", 5*time.Minute, "ann")}), 1, "exactly the timespan is within it")
}

func TestEarlyArrivingEventNeverHidesATrueBurst(t *testing.T) {
	// An event from the end of the lateness arrives first, then the burst, late but in time.
	e := newEngine(t, 30*time.Minute, bruteForce(5))
	var out []signal.Signal
	out = append(out, e.Process([]Match{at("failed", "early", 25*time.Minute, "ann")})...)
	for i := range 5 {
		out = append(out, e.Process([]Match{at("failed", fmt.Sprint(i), time.Duration(i)*time.Minute, "ann")})...)
	}
	out = append(out, e.Finish()...)
	got := active(out)
	require.Len(t, got, 1)
	assert.Equal(t, 5, got[0].EventsTotal)
	assert.Equal(t, start.Add(4*time.Minute), got[0].Last)

	// Nor does one just before it, as a window that begins with the first event would.
	e = newEngine(t, 0, bruteForce(5))
	out = e.Process([]Match{at("failed", "lone", 0, "ann")})
	for i := range 5 {
		out = append(out, e.Process([]Match{at("failed", fmt.Sprint(i), 4*time.Minute+time.Duration(i)*30*time.Second, "ann")})...)
	}
	require.NotEmpty(t, active(out))
}

func TestPoint100AfterPoint900OfTheSameSecondIsOutOfOrder(t *testing.T) {
	r := Rule{ID: "o", Type: TemporalOrdered, Rules: []string{"a", "b"}, GroupBy: []string{"user"}, Timespan: time.Minute}
	e := newEngine(t, time.Minute, r)
	assert.Empty(t, e.Process([]Match{at("a", "1", 900*time.Millisecond, "ann"), at("b", "2", 100*time.Millisecond, "ann")}))
	assert.Empty(t, e.Finish())
	e = newEngine(t, time.Minute, r)
	assert.Len(t, e.Process([]Match{at("a", "1", 100*time.Millisecond, "ann"), at("b", "2", 900*time.Millisecond, "ann")}), 1)
	e = newEngine(t, time.Minute, r)
	assert.Len(t, e.Process([]Match{at("b", "2", 101, "ann"), at("a", "1", 100, "ann")}), 1, "one nanosecond is enough, in any order of arrival")
}

func TestMissingGroupByFieldPoolsNobody(t *testing.T) {
	e := newEngine(t, 0, bruteForce(2))
	var ms []Match
	for i := range 50 {
		ms = append(ms, at("failed", fmt.Sprint(i), time.Duration(i)*time.Second, ""))
	}
	empty := at("failed", "e1", 50*time.Second, "")
	empty.Fields = fieldMap{"user": ""}
	ms = append(ms, empty, empty)
	assert.Empty(t, append(e.Process(ms), e.Finish()...))
	assert.EqualValues(t, 52, e.Stats().Rules[0].NoGroup)
	assert.Zero(t, e.Stats().Entries)
}

func TestLateButAllowedEventsCount(t *testing.T) {
	e := newEngine(t, 10*time.Minute, bruteForce(3))
	out := e.Process([]Match{at("failed", "1", 0, "ann"), at("failed", "2", time.Minute, "ann"), at("failed", "x", 10*time.Minute, "bob")})
	assert.Empty(t, out)
	out = e.Process([]Match{at("failed", "3", 30*time.Second, "ann")})
	require.Len(t, out, 1, "9.5 minutes late, 10 are allowed")
	late := e.Process([]Match{at("failed", "4", -time.Second, "ann")})
	assert.Empty(t, late)
	assert.EqualValues(t, 1, e.Stats().Late)
}

func TestBurstIsOneSignalThatGrows(t *testing.T) {
	e := newEngine(t, time.Minute, bruteForce(5))
	f := finals{}
	revisions := 0
	for i := range 10_000 {
		ss := e.Process([]Match{at("failed", fmt.Sprint(i), time.Duration(i)*time.Second, "ann")})
		revisions += len(ss)
		f.add(ss)
	}
	f.add(e.Finish())
	require.Len(t, f, 1)
	for _, s := range f {
		assert.Equal(t, 10_000, s.EventsTotal)
		assert.Len(t, s.Events, signal.MaxEvents)
		assert.Equal(t, start, s.First)
		assert.Equal(t, start.Add(4*time.Second), s.Time)
	}
	assert.LessOrEqual(t, revisions, 12, "a long burst costs few revisions")
	assert.Less(t, e.Stats().Entries, int64(1))
}

func TestDuplicateCountsOnce(t *testing.T) {
	e := newEngine(t, time.Hour, bruteForce(2))
	m := at("failed", "1", 0, "ann")
	assert.Empty(t, e.Process([]Match{m, m, m}))
	assert.Empty(t, e.Process([]Match{m}))
	assert.EqualValues(t, 3, e.Stats().Rules[0].Duplicates)
}

func TestLateEventReplacesTheSignal(t *testing.T) {
	e := newEngine(t, time.Hour, bruteForce(2))
	first := e.Process([]Match{at("failed", "2", time.Minute, "ann"), at("failed", "3", 2*time.Minute, "ann")})
	require.Len(t, first, 1)
	out := e.Process([]Match{at("failed", "1", 0, "ann")})
	require.Len(t, out, 2)
	assert.True(t, out[0].Withdrawn)
	assert.Equal(t, first[0].ID, out[0].ID)
	assert.NotEqual(t, first[0].ID, out[1].ID)
	assert.Equal(t, 3, out[1].EventsTotal)
}

func TestChainWithAliases(t *testing.T) {
	success := Rule{ID: "breakin", Type: TemporalOrdered, Rules: []string{"brute", "success"}, GroupBy: []string{"who"},
		Aliases:  map[string]map[string]string{"who": {"brute": "user", "success": "account"}},
		Timespan: 10 * time.Minute}
	e := newEngine(t, time.Minute, success, bruteForce(5))
	assert.True(t, e.Suppressed("brute"))
	assert.True(t, e.Suppressed("success"))
	assert.Equal(t, []string{"account"}, e.Fields("success"))
	ok := at("success", "s", 3*time.Second, "")
	ok.Fields = fieldMap{"account": "ann"}
	var out []signal.Signal
	out = append(out, e.Process([]Match{ok})...)
	for i := range 5 {
		m := at("failed", fmt.Sprint(i), time.Duration(i)*time.Second, "ann")
		m.Entities = []entity.Entity{{Type: entity.User, Value: "ann"}}
		out = append(out, e.Process([]Match{m})...)
	}
	assert.Empty(t, out, "success came before the fifth failure")
	ok.EventID, ok.Time = "s2", start.Add(5*time.Second)
	out = e.Process([]Match{ok})
	require.Len(t, out, 1)
	s := out[0]
	assert.Equal(t, "breakin", s.RuleID)
	assert.Equal(t, "ann", s.Matched[0].Value)
	assert.Equal(t, "mxdr.signal", s.Events[1].Dataset)
	assert.Equal(t, []entity.Entity{{Type: entity.User, Value: "ann"}}, s.Entities)
}

// TestBurstThatGoesOn: a success after hours of failures is a success after
// many failures; yet the failures are one burst to what counts bursts.
func TestBurstThatGoesOn(t *testing.T) {
	above := Rule{ID: "breakin", Type: TemporalOrdered, Rules: []string{"brute", "success"}, GroupBy: []string{"user"}, Timespan: 10 * time.Minute}
	count := Rule{ID: "bursts", Type: EventCount, Rules: []string{"brute"}, GroupBy: []string{"user"}, Timespan: 24 * time.Hour,
		Condition: Condition{Comparisons: []Comparison{{GTE, 2}}}}
	e := newEngine(t, time.Minute, bruteForce(5), above, count)
	for i := range 300 {
		require.Empty(t, e.Process([]Match{at("failed", fmt.Sprint(i), time.Duration(i)*time.Minute, "ann")}))
	}
	got := e.Process([]Match{at("success", "s", 305*time.Minute, "ann")})
	require.Len(t, got, 1)
	assert.Equal(t, "breakin", got[0].RuleID)
	assert.Equal(t, 2, got[0].EventsTotal, "the burst and the success")
	assert.Empty(t, e.Process([]Match{at("success", "s2", 320*time.Minute, "ann")}), "too long after the last failure")
	for _, s := range e.Finish() {
		assert.NotEqual(t, "bursts", s.RuleID, "it is one burst")
	}
}

func TestFutureAndInvalid(t *testing.T) {
	e := newEngine(t, time.Minute, bruteForce(1))
	m := at("failed", "1", 48*time.Hour, "ann")
	m.Observed = start
	bad := at("failed", "", 0, "ann")
	zero := at("failed", "z", 0, "ann")
	zero.Time = time.Time{}
	assert.Empty(t, e.Process([]Match{m, bad, zero}))
	assert.Len(t, e.Process([]Match{at("failed", "2", 0, "ann")}), 1, "the wrong clock made nobody late")
	assert.EqualValues(t, 1, e.Stats().Future)
	assert.EqualValues(t, 2, e.Stats().Invalid)
}

func TestListsOfValues(t *testing.T) {
	r := Rule{ID: "v", Type: ValueCount, Rules: []string{"a"}, GroupBy: []string{"user"}, Timespan: time.Minute,
		Condition: Condition{Comparisons: []Comparison{{GTE, 3}}, Fields: []string{"ip"}}}
	e := newEngine(t, 0, r)
	ev := event.New(event.NewFields())
	ev.Set("user", event.StringsValue("ann", "bob"))
	ev.Set("ip", event.ListValue([]event.Value{event.StringValue("1"), event.StringValue("2"), event.IntValue(3), event.Value{}}))
	got := e.Process([]Match{{Tenant: "acme", Rule: "a", EventID: "1", Time: start, Fields: ev}})
	require.Len(t, got, 2, "one for each user")
	assert.Equal(t, 1, got[0].EventsTotal)
	assert.Contains(t, got[0].Reason, "(the rule asks for at least 3 different values of ip within 1 minute).")

	many := make([]string, 1000)
	for i := range many {
		many[i] = strings.Repeat("x", 5000) + fmt.Sprint(i)
	}
	ev.Set("user", event.StringsValue(many...))
	got = e.Process([]Match{{Tenant: "acme", Rule: "a", EventID: "2", Time: start, Fields: ev}})
	assert.Len(t, got, MaxValues)
	assert.EqualValues(t, 1, e.Stats().Rules[0].Clipped)
}

func TestTenantsShareNothing(t *testing.T) {
	e := newEngine(t, 0, bruteForce(2))
	a, b := at("failed", "1", 0, "ann"), at("failed", "2", time.Second, "ann")
	b.Tenant = "globex"
	assert.Empty(t, e.Process([]Match{a, b}))
	w, ok := e.Watermark("acme")
	assert.True(t, ok)
	assert.Equal(t, start, w)
}

func TestBrokenRulesAreNamedAndLeftOut(t *testing.T) {
	gte := Condition{Comparisons: []Comparison{{GTE, 2}}}
	for want, r := range map[string]Rule{
		"timespan 0s":             {ID: "x", Type: EventCount, Rules: []string{"a"}, Condition: gte},
		"type \"count\" is":       {ID: "x", Type: "count", Rules: []string{"a"}, Timespan: 1, Condition: gte},
		"no rule is referred":     {ID: "x", Type: EventCount, Timespan: 1, Condition: gte},
		"refers to itself":        {ID: "x", Type: EventCount, Rules: []string{"x"}, Timespan: 1, Condition: gte},
		"needs one field":         {ID: "x", Type: ValueSum, Rules: []string{"a"}, Timespan: 1, Condition: gte},
		"takes no field":          {ID: "x", Type: EventCount, Rules: []string{"a"}, Timespan: 1, Condition: Condition{Comparisons: gte.Comparisons, Fields: []string{"f"}}},
		"needs lt, lte":           {ID: "x", Type: EventCount, Rules: []string{"a"}, Timespan: 1},
		"percentile 101":          {ID: "x", Type: ValuePercentile, Rules: []string{"a"}, Timespan: 1, Condition: Condition{Comparisons: gte.Comparisons, Fields: []string{"f"}, Percentile: 101}},
		"is for temporal types":   {ID: "x", Type: EventCount, Rules: []string{"a"}, Timespan: 1, Condition: Condition{Expr: &Expr{Rule: "a"}}},
		"not among the rules":     {ID: "x", Type: Temporal, Rules: []string{"a"}, Timespan: 1, Condition: Condition{Expr: &Expr{Rule: "b"}}},
		"2 rules are needed":      {ID: "x", Type: Temporal, Rules: []string{"a"}, Timespan: 1, Condition: gte},
		"can never hold":          {ID: "x", Type: EventCount, Rules: []string{"a"}, Timespan: 1, Condition: Condition{Comparisons: []Comparison{{GT, 1e9}}}},
		"comparison \"like\"":     {ID: "x", Type: EventCount, Rules: []string{"a"}, Timespan: 1, Condition: Condition{Comparisons: []Comparison{{"like", 1}}}},
		"the wrong number of op":  {ID: "x", Type: Temporal, Rules: []string{"a"}, Timespan: 1, Condition: Condition{Expr: &Expr{Op: Not}}},
		"not named in the boolea": {ID: "x", Type: Temporal, Rules: []string{"a", "b"}, Timespan: 1, Condition: Condition{Expr: &Expr{Rule: "a"}}},
	} {
		e, err := New([]Rule{r, bruteForce(1), {ID: "above", Type: Temporal, Rules: []string{"x", "failed"}, Timespan: 1}}, Options{})
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, `correlation "above": member "x"`)
		var re *RuleError
		require.True(t, errors.As(err, &re))
		assert.Len(t, e.Process([]Match{at("failed", "1", 0, "ann")}), 1, "the others run")
	}
}

func TestParseExpr(t *testing.T) {
	e, err := ParseExpr("a and not (b or c_1) or not d")
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b", "c_1", "d"}, e.Refs())
	assert.Equal(t, Or, e.Op)
	for _, bad := range []string{"", "a and", "a b", "(a", "a)", "not", "1a", "a & b", "and", strings.Repeat("(", 10_000), strings.Repeat("not ", 10_000) + "a"} {
		_, err := ParseExpr(bad)
		assert.Error(t, err, clip(bad, 40))
	}
}

func TestDecimal(t *testing.T) {
	for in, want := range map[string]string{"0.1": "100000000", "-1.5": "-1500000000", "12": "12000000000", "1e3": "1000000000000",
		"0.0000000005": "1", "0.00000000049": "0", "+7": "7000000000", ".5": "500000000"} {
		d, ok := parseDecimal(in)
		require.True(t, ok, in)
		w, ok := parseDecimal(want)
		require.True(t, ok)
		assert.Equal(t, w, d.times(1_000_000_000), in)
	}
	for _, bad := range []string{"", "-", ".", "1.2.3", "0x10", "NaN", "Inf", "1e30", "99999999999999999999999", "1_0", "e5"} {
		_, ok := parseDecimal(bad)
		assert.False(t, ok, bad)
	}
}

func TestPartitionKeepsFamiliesTogether(t *testing.T) {
	rules := []Rule{bruteForce(5), {ID: "a", Rules: []string{"x"}}, {ID: "b", Rules: []string{"x"}}, {ID: "top", Rules: []string{"Brute force"}}}
	parts := Partition(rules, 3)
	require.Len(t, parts, 3)
	assert.ElementsMatch(t, []string{"brute", "top"}, []string{parts[0][0].ID, parts[0][1].ID})
	assert.Len(t, Partition(nil, 4), 1)
}

func TestRestoreSaysWhatItCannotUse(t *testing.T) {
	e := newEngine(t, 0, bruteForce(3))
	e.Process([]Match{at("failed", "1", 0, "ann")})
	snap := e.Snapshot(nil)
	changed := newEngine(t, 0, bruteForce(4))
	res, err := changed.Restore(snap)
	require.NoError(t, err)
	assert.Equal(t, []string{"brute"}, res.Dropped)
	_, err = changed.Restore(snap)
	require.ErrorContains(t, err, "has state already")
	for n := range snap { // cut short anywhere: an error, no panic
		if _, err := newEngine(t, 0, bruteForce(3)).Restore(snap[:n]); err == nil {
			t.Fatalf("a snapshot cut at %d of %d bytes was accepted", n, len(snap))
		}
	}
	for i := range snap { // any byte changed: an error or some state, no panic
		bad := append([]byte(nil), snap...)
		bad[i] ^= 0x55
		_, _ = newEngine(t, 0, bruteForce(3)).Restore(bad)
	}
	_, err = e.Replay([]byte{9})
	require.ErrorContains(t, err, "version 9")
	_, err = e.Replay([]byte{1, 1, 200})
	require.Error(t, err)
}

// TestHostileMatches: nothing in a match makes the engine panic.
func TestHostileMatches(t *testing.T) {
	huge := strings.Repeat("\xff", 1<<16)
	ents := make([]entity.Entity, 1000)
	for i := range ents {
		ents[i] = entity.Entity{Type: entity.Type(huge[:10]), Value: fmt.Sprint(i), Aliases: make([]string, 100)}
	}
	rules := []Rule{bruteForce(1)}
	for _, typ := range []Type{ValueCount, ValueSum, ValueAvg, ValueMedian, ValuePercentile} {
		for _, op := range []Op{GTE, LT} {
			rules = append(rules, Rule{ID: string(typ) + string(op), Type: typ, Rules: []string{"failed"}, GroupBy: []string{"user"}, Timespan: time.Minute,
				Condition: Condition{Comparisons: []Comparison{{op, 1}}, Fields: []string{"n"}}})
		}
	}
	e := newEngine(t, time.Hour, rules...)
	values := []string{"", huge, "NaN", "-0", "1e999", "-1e21", "9999999999999999999999", "0.0000000000000001", "\x00", "٣"}
	var ms []Match
	for i := range 150 {
		m := at("failed", huge[:1+i*100], time.Duration(i%7)*time.Second, "")
		m.Fields = fieldMap{"user": values[i%len(values)], "n": values[i/7%len(values)]}
		m.Entities, m.Tenant = ents, huge[:i%3]
		if i%11 == 0 {
			m.Fields = nil
		}
		ms = append(ms, m)
	}
	delta := e.AppendBatch(nil, ms)
	want := active(append(e.Process(ms), e.Finish()...))
	again := newEngine(t, time.Hour, rules...)
	got, err := again.Replay(delta)
	require.NoError(t, err)
	assert.Equal(t, want, active(append(got, again.Finish()...)))
	checkAccounts(t, e)
	for i := range min(len(delta), 1000) {
		bad := append([]byte(nil), delta[:1000]...)
		bad[i] ^= 0x41
		fresh := newEngine(t, time.Hour, rules[:1]...)
		_, _ = fresh.Replay(bad)
	}
}
