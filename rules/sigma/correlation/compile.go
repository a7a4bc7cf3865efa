package correlation

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/openmxdr/openmxdr/internal/signal"
)

// maxSpan keeps sums of times and timespans within 64 bits.
const maxSpan = math.MaxInt64 / 8

// mode says when windows are decided.
type mode uint8

const (
	// monotone: more matches only make the condition true; nothing is ever taken back.
	monotone mode = iota
	// atWatermark: windows are decided once, when nothing can join them.
	atWatermark
	// revocable: fires at once like monotone, but matches may be taken out
	// again (they are bursts of other correlations) or lower the figure
	// (negative numbers).
	revocable
)

// rule is a compiled Rule.
type rule struct {
	Rule
	print      string // fingerprint of what the state depends on
	mode       mode
	refs       []string // distinct members
	positions  []uint16 // Rules as indices into refs
	keyed      bool     // temporal: the member is part of a match's identity
	valued     bool     // has value fields
	numeric    bool     // values are numbers
	span       int64    // timespan, ns
	delay      int64    // how far its watermark lags behind the tenant's, ns
	level      int      // 0 for rules over single rules, else 1 + that of the highest member
	need       int      // monotone counts: smallest figure that matches
	chains     []chain  // temporal_ordered
	steps      int      // sum of len(chain.seq)
	expr       *boolExpr
	compare    []comparison
	groupBy    [][]string // by member: field names
	values     [][]string // by member: value field names
	parents    []member
	once       []member // parents that count a burst once
	each       []member // temporal parents: a burst goes on at each of its members
	index      int      // in Engine.rules
	suppressed bool     // makes no signals of its own
	stats      RuleStats
}

// member is a place in a correlation.
type member struct {
	rule *rule
	ref  int
}

type comparison struct {
	op     Op
	number float64
	exact  decimal
}

// RuleError says why a correlation was left out.
type RuleError struct {
	ID  string
	Err error
}

func (e *RuleError) Error() string { return fmt.Sprintf("correlation %q: %v", e.ID, e.Err) }

// Unwrap returns the reason.
func (e *RuleError) Unwrap() error { return e.Err }

// compileAll compiles what it can; the error joins a RuleError for each rule
// that is left out, including those that refer to one.
func compileAll(in []Rule, opts Options) ([]*rule, error) {
	var errs []error
	byRef := map[string]*rule{}
	broken := map[string]bool{}
	var rules []*rule
	fail := func(r Rule, err error) {
		errs = append(errs, &RuleError{r.ID, err})
		broken[r.ID] = true
		if r.Name != "" {
			broken[r.Name] = true
		}
	}
	for _, r := range in {
		if byRef[r.ID] != nil {
			errs = append(errs, &RuleError{r.ID, errors.New("another correlation has the same id; it is left out")})
			continue
		}
		c, err := compile(r, opts)
		if err != nil {
			fail(r, err)
			continue
		}
		byRef[r.ID] = c
		rules = append(rules, c)
	}
	for _, c := range rules {
		if c.Name != "" && byRef[c.Name] == nil {
			byRef[c.Name] = c
		}
	}
	rules, linkErrs := link(rules, byRef, broken, fail)
	if linkErrs {
		// Rules left out by fail are already in errs.
		for _, c := range rules {
			c.parents = slices.DeleteFunc(c.parents, func(m member) bool { return broken[m.rule.ID] })
		}
	}
	for _, c := range rules {
		c.print = c.fingerprint()
		for _, p := range c.parents {
			if p.rule.keyed {
				c.each = append(c.each, p)
			} else {
				c.once = append(c.once, p)
			}
		}
	}
	slices.SortStableFunc(rules, func(a, b *rule) int { return cmp.Or(cmp.Compare(a.level, b.level), cmp.Compare(a.ID, b.ID)) })
	return rules, errors.Join(errs...)
}

// link resolves members that are correlations, refuses cycles and sets levels,
// delays and modes. It tells whether it left rules out.
func link(rules []*rule, byRef map[string]*rule, broken map[string]bool, fail func(Rule, error)) ([]*rule, bool) {
	const visiting, done = 1, 2
	state := map[*rule]int{}
	reason := map[*rule]error{}
	var visit func(c *rule) error
	visit = func(c *rule) error {
		switch state[c] {
		case visiting:
			return errors.New("refers to itself through its members")
		case done:
			return reason[c]
		}
		state[c] = visiting
		err := func() error {
			for i, ref := range c.refs {
				m := byRef[ref]
				if m == nil {
					if broken[ref] {
						return fmt.Errorf("member %q was left out", ref)
					}
					continue
				}
				if err := visit(m); err != nil {
					return fmt.Errorf("member %q: %w", ref, err)
				}
				c.level = max(c.level, m.level+1)
				if m.delay > maxSpan-m.span {
					return errors.New("timespans of its members add up to more than 36 years")
				}
				c.delay = max(c.delay, m.delay+m.span)
				if c.mode == monotone {
					c.mode = revocable
				}
				m.parents = append(m.parents, member{c, i})
			}
			return nil
		}()
		state[c], reason[c] = done, err
		return err
	}
	kept, dropped := rules[:0:0], false
	for _, c := range rules {
		if err := visit(c); err != nil {
			fail(c.Rule, err)
			dropped = true
			continue
		}
		kept = append(kept, c)
	}
	return kept, dropped
}

func compile(r Rule, opts Options) (*rule, error) {
	c := &rule{Rule: r, span: int64(r.Timespan)}
	if r.ID == "" {
		return nil, errors.New("id is missing")
	}
	if c.span <= 0 || c.span > maxSpan {
		return nil, fmt.Errorf("timespan %v: it must be more than 0 and at most 36 years", r.Timespan)
	}
	members := r.Rules
	if len(members) == 0 && r.Condition.Expr != nil {
		members = r.Condition.Expr.Refs()
	}
	if len(members) == 0 {
		return nil, errors.New("rules: no rule is referred to")
	}
	for _, m := range members {
		i := slices.Index(c.refs, m)
		if i < 0 {
			i = len(c.refs)
			c.refs = append(c.refs, m)
		}
		c.positions = append(c.positions, uint16(i))
		if len(c.refs) > MaxMembers {
			return nil, fmt.Errorf("rules: more than %d are referred to", MaxMembers)
		}
	}
	if len(r.GroupBy) > maxGroupBy {
		return nil, fmt.Errorf("group-by: more than %d fields", maxGroupBy)
	}
	if err := c.compileType(opts); err != nil {
		return nil, err
	}
	for _, ref := range c.refs {
		c.groupBy = append(c.groupBy, c.fieldsOf(ref, r.GroupBy))
		c.values = append(c.values, c.fieldsOf(ref, r.Condition.Fields))
	}
	c.stats.ID = r.ID
	return c, nil
}

func (c *rule) fieldsOf(ref string, names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = n
		if f, ok := c.Aliases[n][ref]; ok {
			out[i] = f
		}
	}
	return out
}

func (c *rule) compileType(opts Options) error {
	cond := c.Condition
	temporal := c.Type == Temporal || c.Type == TemporalOrdered
	switch c.Type {
	case EventCount, Temporal, TemporalOrdered:
		c.keyed = temporal
		if len(cond.Fields) > 0 {
			return fmt.Errorf("condition: %s takes no field", c.Type)
		}
	case ValueCount, ValueSum, ValueAvg, ValuePercentile, ValueMedian:
		c.valued, c.numeric = true, c.Type != ValueCount
		if len(cond.Fields) == 0 || c.numeric && len(cond.Fields) > 1 {
			return fmt.Errorf("condition: %s needs one field", c.Type)
		}
	default:
		return fmt.Errorf("type %q is unknown", c.Type)
	}
	if c.Type == ValuePercentile && (cond.Percentile < 0 || cond.Percentile > 100) {
		return fmt.Errorf("condition: percentile %d is not within 0 to 100", cond.Percentile)
	}
	if cond.Expr != nil {
		if !temporal || len(cond.Comparisons) > 0 {
			return errors.New("condition: a boolean condition is for temporal types, and without a number")
		}
		return c.compileExpr()
	}
	if len(cond.Comparisons) == 0 {
		if !temporal {
			return fmt.Errorf("condition: %s needs lt, lte, gt, gte, eq or neq", c.Type)
		}
		n := len(c.refs)
		if c.Type == TemporalOrdered {
			n = len(c.positions)
		}
		cond.Comparisons = []Comparison{{GTE, float64(n)}}
	}
	rising := true
	c.need = 1
	for _, x := range cond.Comparisons {
		exact, ok := decimalFromFloat(x.Value)
		if !ok {
			return fmt.Errorf("condition: %v is not a number below 1e22", x.Value)
		}
		c.compare = append(c.compare, comparison{x.Op, x.Value, exact})
		least := 0.0
		switch x.Op {
		case GTE:
			least = math.Ceil(x.Value)
		case GT:
			least = math.Floor(x.Value) + 1
		case LT, LTE, EQ, NEQ:
			rising = false
		default:
			return fmt.Errorf("condition: comparison %q is unknown", x.Op)
		}
		if !c.numeric && least > float64(opts.MaxGroupEntries) {
			return fmt.Errorf("condition: %v %v can never hold, one group keeps %d matches", x.Op, x.Value, opts.MaxGroupEntries)
		}
		c.need = max(c.need, int(min(least, 1<<30)))
	}
	switch {
	case !rising, c.Type == ValueAvg, c.Type == ValuePercentile, c.Type == ValueMedian:
		c.mode = atWatermark
	case c.Type == ValueSum:
		c.mode = revocable
	case c.Type == TemporalOrdered:
		if c.need > len(c.positions) {
			return fmt.Errorf("condition: %d steps are needed, the rules have %d", c.need, len(c.positions))
		}
		var err error
		if c.chains, err = chooseChains(c.positions, c.need); err != nil {
			return err
		}
	case c.Type == Temporal && c.need > len(c.refs):
		return fmt.Errorf("condition: %d rules are needed, there are %d", c.need, len(c.refs))
	}
	c.countSteps()
	return nil
}

func (c *rule) compileExpr() error {
	b, negated, err := compileExpr(c.Condition.Expr, c.refs, 0)
	if err != nil {
		return err
	}
	for _, ref := range c.refs {
		if !slices.Contains(c.Condition.Expr.Refs(), ref) {
			return fmt.Errorf("rule %q is referred to but not named in the boolean condition", ref)
		}
	}
	c.expr = &b
	if negated {
		c.mode = atWatermark
	}
	if c.Type == TemporalOrdered {
		ts, err := terms(&b, false)
		if err != nil {
			return err
		}
		c.chains = orderedTerms(ts, c.positions)
	}
	c.countSteps()
	return nil
}

func (c *rule) countSteps() {
	for _, ch := range c.chains {
		c.steps += len(ch.seq)
	}
}

// fingerprint covers everything that state and results depend on.
func (c *rule) fingerprint() string {
	parts := []string{string(c.Type), strconv.FormatInt(c.span, 10), strconv.Itoa(int(c.mode)),
		strconv.FormatInt(c.delay, 10), strconv.Itoa(c.Condition.Percentile)}
	for i, ref := range c.refs {
		parts = append(parts, "ref", ref)
		parts = append(append(append(parts, c.groupBy[i]...), "values"), c.values[i]...)
	}
	for _, p := range c.positions {
		parts = append(parts, strconv.Itoa(int(p)))
	}
	parts = append(append(parts, "group"), c.GroupBy...)
	for _, x := range c.compare {
		parts = append(parts, string(x.op), strconv.FormatFloat(x.number, 'g', -1, 64))
	}
	if c.expr != nil {
		parts = append(parts, fmt.Sprint(*c.expr))
	}
	return signal.NewID(parts...)
}

// holds compares a count.
func (c *rule) holds(n int) bool {
	for _, x := range c.compare {
		if !x.op.holds(cmp.Compare(float64(n), x.number)) {
			return false
		}
	}
	return true
}

// holdsExact compares value/scale.
func (c *rule) holdsExact(value decimal, scale uint64) bool {
	for _, x := range c.compare {
		if !x.op.holds(value.cmp(x.exact.times(scale))) {
			return false
		}
	}
	return true
}

func (o Op) holds(order int) bool {
	switch o {
	case LT:
		return order < 0
	case LTE:
		return order <= 0
	case GT:
		return order > 0
	case GTE:
		return order >= 0
	case EQ:
		return order == 0
	}
	return order != 0
}
