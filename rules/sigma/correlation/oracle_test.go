package correlation

import (
	"fmt"
	"math/big"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/openmxdr/openmxdr/internal/entity"
	"github.com/openmxdr/openmxdr/internal/signal"
)

// The oracle computes the final signals from the definition in the package
// comment: all matches at once, every window, no state. It shares no code with
// the engine but the input types and the text of the reason.

type oracleMatch struct {
	t        int64
	ref      string
	id       string
	fields   map[string]string
	domain   string
	dataset  string
	entities []entity.Entity
	later    bool // a burst that goes on; only temporal types look at it
}

type oracleEntry struct {
	oracleMatch
	pos  int    // position of ref, for temporal types
	text string // value
	num  *big.Rat
}

func oracle(rules []Rule, matches []Match) []signal.Signal {
	var in []oracleMatch
	for _, m := range matches {
		f := map[string]string{}
		for k, v := range m.Fields.(fieldMap) {
			f[k] = v
		}
		in = append(in, oracleMatch{m.Time.UnixNano(), m.Rule, m.EventID, f, m.Domain, m.Dataset, m.Entities, false})
	}
	var out []signal.Signal
	suppressed := map[string]bool{}
	for _, r := range rules {
		for _, ref := range r.Rules {
			if !r.Generate {
				suppressed[ref] = true
			}
		}
	}
	for _, r := range rules { // tests list members first
		signals, more := oracleRule(r, in)
		in = append(in, more...)
		if !suppressed[r.ID] {
			out = append(out, signals...)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out
}

func oracleRule(r Rule, in []oracleMatch) (signals []signal.Signal, out []oracleMatch) {
	temporal := r.Type == Temporal || r.Type == TemporalOrdered
	groups := map[string][]oracleEntry{}
	values := map[string][]string{}
	seen := map[string]bool{}
	for _, m := range in {
		pos := slices.Index(r.Rules, m.ref)
		if pos < 0 || m.later && !temporal {
			continue
		}
		// Positions among distinct members.
		var distinct []string
		for _, x := range r.Rules {
			if !slices.Contains(distinct, x) {
				distinct = append(distinct, x)
			}
		}
		pos = slices.Index(distinct, m.ref)
		field := func(name string) string {
			if f, ok := r.Aliases[name][m.ref]; ok {
				name = f
			}
			return m.fields[name]
		}
		var parts []string
		missing := false
		for _, f := range r.GroupBy {
			v := field(f)
			missing = missing || v == ""
			parts = append(parts, v)
		}
		if missing {
			continue
		}
		e := oracleEntry{oracleMatch: m}
		if temporal {
			e.pos = pos
		}
		if len(r.Condition.Fields) > 0 {
			e.text = field(r.Condition.Fields[0])
			if e.text == "" {
				continue
			}
			if r.Type != ValueCount {
				n, ok := new(big.Rat).SetString(e.text)
				if !ok {
					continue
				}
				e.num, e.text = n, n.RatString()
			}
		}
		g := strings.Join(parts, "\x00")
		id := fmt.Sprint(g, "\x01", m.t, "\x01", e.pos, "\x01", m.id, "\x01", e.text)
		if seen[id] {
			continue
		}
		seen[id] = true
		groups[g] = append(groups[g], e)
		values[g] = parts
	}
	for g, es := range groups {
		sort.SliceStable(es, func(i, j int) bool {
			a, b := es[i], es[j]
			if a.t != b.t {
				return a.t < b.t
			}
			if a.pos != b.pos {
				return a.pos < b.pos
			}
			if a.id != b.id {
				return a.id < b.id
			}
			if a.num != nil {
				return a.num.Cmp(b.num) < 0
			}
			return a.text < b.text
		})
		type span struct {
			from, to int // inclusive
			fire     int64
		}
		var bursts []span
		prev := -1
		for i := range es {
			j := i
			for j+1 < len(es) && es[j+1].t-es[i].t <= int64(r.Timespan) {
				j++
			}
			if j == prev { // not maximal
				continue
			}
			prev = j
			if !oracleHolds(r, es[i:j+1]) {
				continue
			}
			fire := es[j].t
			if oracleMonotone(r) {
				for k := i; k <= j; k++ {
					if oracleHolds(r, es[i:k+1]) {
						fire = es[k].t
						break
					}
				}
			}
			if n := len(bursts); n > 0 && bursts[n-1].to >= i {
				bursts[n-1].to = j
				bursts[n-1].fire = min(bursts[n-1].fire, fire)
			} else {
				bursts = append(bursts, span{i, j, fire})
			}
		}
		for _, b := range bursts {
			s, m := oracleSignal(r, values[g], es[b.from:b.to+1], b.fire, tenantOf(g))
			signals = append(signals, s)
			out = append(out, m)
			for i := b.from; i <= b.to; i++ { // one more for every later time among its events
				if es[i].t <= b.fire || es[i].t == es[i-1].t {
					continue
				}
				l := m
				l.t, l.later, l.entities, l.domain = es[i].t, true, nil, es[i].domain
				for j := i; j <= b.to && es[j].t == es[i].t; j++ {
					l.entities = append(l.entities, es[j].entities...)
				}
				out = append(out, l)
			}
		}
	}
	return signals, out
}

func tenantOf(string) string { return "acme" }

func oracleMonotone(r Rule) bool {
	switch r.Type {
	case ValueAvg, ValueMedian, ValuePercentile:
		return false
	}
	for _, c := range r.Condition.Comparisons {
		if c.Op != GT && c.Op != GTE {
			return false
		}
	}
	var not func(*Expr) bool
	not = func(e *Expr) bool { return e != nil && (e.Op == Not || slices.ContainsFunc(e.Args, not)) }
	return !not(r.Condition.Expr)
}

func oracleHolds(r Rule, es []oracleEntry) bool {
	compare := func(x *big.Rat) bool {
		for _, c := range r.Condition.Comparisons {
			t, _ := new(big.Rat).SetString(strconv.FormatFloat(c.Value, 'f', -1, 64))
			o := x.Cmp(t)
			ok := map[Op]bool{LT: o < 0, LTE: o <= 0, GT: o > 0, GTE: o >= 0, EQ: o == 0, NEQ: o != 0}[c.Op]
			if !ok {
				return false
			}
		}
		return true
	}
	number := func(n int) *big.Rat { return new(big.Rat).SetInt64(int64(n)) }
	switch r.Type {
	case EventCount:
		return compare(number(len(es)))
	case ValueCount:
		d := map[string]bool{}
		for _, e := range es {
			d[e.text] = true
		}
		return compare(number(len(d)))
	case Temporal:
		present := map[string]bool{}
		for _, e := range es {
			present[e.ref] = true
		}
		if r.Condition.Expr != nil {
			return oracleExpr(r.Condition.Expr, present)
		}
		if len(r.Condition.Comparisons) == 0 {
			for _, x := range r.Rules {
				if !present[x] {
					return false
				}
			}
			return true
		}
		return compare(number(len(present)))
	case TemporalOrdered:
		if r.Condition.Expr != nil {
			// Some choice of true rules in order makes the expression true while
			// the rules under not are judged by what is there.
			present := map[string]bool{}
			for _, e := range es {
				present[e.ref] = true
			}
			for mask := range 1 << len(r.Rules) {
				var seq []string
				for i, x := range r.Rules {
					if mask>>i&1 == 1 {
						seq = append(seq, x)
					}
				}
				if longest(seq, es) == len(seq) && oracleOrdered(r.Condition.Expr, seq, present, false) {
					return true
				}
			}
			return false
		}
		n := longest(r.Rules, es)
		if len(r.Condition.Comparisons) == 0 {
			return n == len(r.Rules)
		}
		return compare(number(n))
	}
	var nums []*big.Rat
	sum := new(big.Rat)
	for _, e := range es {
		nums = append(nums, e.num)
		sum.Add(sum, e.num)
	}
	switch r.Type {
	case ValueSum:
		return compare(sum)
	case ValueAvg:
		return compare(sum.Quo(sum, number(len(es))))
	}
	p := r.Condition.Percentile
	if r.Type == ValueMedian {
		p = 50
	}
	sort.Slice(nums, func(i, j int) bool { return nums[i].Cmp(nums[j]) < 0 })
	pos := new(big.Rat).SetFrac64(int64(p*(len(nums)-1)), 100)
	k := int(new(big.Int).Quo(pos.Num(), pos.Denom()).Int64())
	v := new(big.Rat).Set(nums[k])
	if k+1 < len(nums) {
		d := new(big.Rat).Sub(nums[k+1], nums[k])
		v.Add(v, d.Mul(d, new(big.Rat).Sub(pos, number(k))))
	}
	return compare(v)
}

func oracleExpr(e *Expr, present map[string]bool) bool {
	switch e.Op {
	case And:
		return !slices.ContainsFunc(e.Args, func(a *Expr) bool { return !oracleExpr(a, present) })
	case Or:
		return slices.ContainsFunc(e.Args, func(a *Expr) bool { return oracleExpr(a, present) })
	case Not:
		return !oracleExpr(e.Args[0], present)
	}
	return present[e.Rule]
}

func oracleOrdered(e *Expr, seq []string, present map[string]bool, negated bool) bool {
	switch {
	case e.Op == Not:
		return oracleOrdered(e.Args[0], seq, present, !negated)
	case e.Op == Ref && negated:
		return !present[e.Rule]
	case e.Op == Ref:
		return slices.Contains(seq, e.Rule)
	case (e.Op == And) != negated:
		return !slices.ContainsFunc(e.Args, func(a *Expr) bool { return !oracleOrdered(a, seq, present, negated) })
	}
	return slices.ContainsFunc(e.Args, func(a *Expr) bool { return oracleOrdered(a, seq, present, negated) })
}

// longest is the length of the longest common subsequence.
func longest(seq []string, es []oracleEntry) int {
	l := make([][]int, len(seq)+1)
	for i := range l {
		l[i] = make([]int, len(es)+1)
	}
	for i := 1; i <= len(seq); i++ {
		for j := 1; j <= len(es); j++ {
			l[i][j] = max(l[i-1][j], l[i][j-1])
			if seq[i-1] == es[j-1].ref {
				l[i][j] = max(l[i][j], l[i-1][j-1]+1)
			}
		}
	}
	return l[len(seq)][len(es)]
}

func oracleSignal(r Rule, values []string, es []oracleEntry, fire int64, tenant string) (signal.Signal, oracleMatch) {
	key := ""
	for _, v := range values {
		key += string(rune(len(v))) + v
	}
	s := signal.Signal{
		ID:     signal.NewID("correlation", tenant, r.ID, key, strconv.FormatInt(es[0].t, 10), es[0].id),
		Tenant: tenant, Kind: signal.Correlation, Time: time.Unix(0, fire).UTC(), First: time.Unix(0, es[0].t).UTC(),
		Last: time.Unix(0, es[len(es)-1].t).UTC(), RuleID: r.ID, RuleName: r.Name, Severity: r.Severity,
		Domain: es[0].domain, Dataset: es[0].dataset,
	}
	m := oracleMatch{t: fire, ref: r.ID, id: s.ID, fields: map[string]string{}, domain: es[0].domain, dataset: "mxdr.signal"}
	for i, f := range r.GroupBy {
		s.Matched = append(s.Matched, signal.Match{Field: f, Value: values[i]})
		m.fields[f] = values[i]
	}
	seen, ents, early := map[string]bool{}, map[string]entity.Entity{}, map[string]entity.Entity{}
	for _, e := range es {
		for _, x := range e.entities {
			ents[x.Key().String()+string(x.Role)] = x
			if e.t <= fire {
				early[x.Key().String()+string(x.Role)] = x
			}
		}
		again := slices.ContainsFunc(s.Events, func(x signal.EventRef) bool { return x.ID == e.id && e.dataset == "mxdr.signal" })
		if id := fmt.Sprint(e.t, e.id); !seen[id] && !again {
			seen[id] = true
			s.EventsTotal++
			if len(s.Events) < signal.MaxEvents {
				s.Events = append(s.Events, signal.EventRef{ID: e.id, Dataset: e.dataset, Time: time.Unix(0, e.t).UTC()})
			}
		}
	}
	for _, x := range ents {
		s.Entities = append(s.Entities, x)
	}
	slices.SortFunc(s.Entities, entity.Compare)
	for _, x := range early {
		m.entities = append(m.entities, x)
	}
	return s, m
}
