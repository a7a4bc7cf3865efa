package sigma

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/openmxdr/openmxdr/internal/event"
)

// Options of Compile.
type Options struct {
	// FieldMap says where events hold Sigma's fields. Nil: under the same names.
	FieldMap *FieldMap
	// SigmaNames: events carry Sigma's own field names, so the FieldMap is
	// used for routing only.
	SigmaNames bool
	// Routing says which rules are tried on which events.
	Routing Routing
	// Placeholders are the values for %name% in rules that use "expand";
	// they may have wildcards. A rule with a name not given here is left out.
	Placeholders map[string][]string
	// MaxRules bounds the rules; 0 means 100,000.
	MaxRules int
}

// Compile turns the rules of c into an engine whose field names are interned
// in fields. Filters are applied; correlations are only checked for the rules
// they refer to. A rule that cannot be used is left out and reported. Compile
// does not change c. The engine is never nil.
func Compile(c *Collection, fields *event.Fields, opts Options) (*Engine, []Problem) {
	k := &compiler{
		fields: fields, opts: opts,
		slotIndex: map[string]int32{}, predIndex: map[string]int32{}, presentOf: map[int32]int32{},
		lsIndex: map[LogSource]int32{}, mapped: map[mappedKey]int32{},
	}
	k.slots = []slot{{presence: 1}} // slot 0 is the whole event
	if k.opts.MaxRules <= 0 {
		k.opts.MaxRules = 100_000
	}
	silent := k.references(c)
	for _, r := range c.Rules {
		if len(k.rules) >= k.opts.MaxRules {
			k.problem(&r.Meta, r.Line, fmt.Errorf("more than %d rules", k.opts.MaxRules))
			break
		}
		mark := k.mark()
		root, err := k.rule(r, c.Filters)
		if err != nil {
			k.restore(mark)
			k.problem(&r.Meta, r.Line, err)
			continue
		}
		k.rules = append(k.rules, compiledRule{rule: r, root: root, source: k.source(r.LogSource), silent: silent[r]})
	}
	return k.finish(), k.problems
}

type compiler struct {
	fields    *event.Fields
	opts      Options
	slots     []slot
	slotIndex map[string]int32
	mapped    map[mappedKey]int32
	preds     []predicate
	predIndex map[string]int32
	literals  [][]literal // by predicate: what gates it
	presentOf map[int32]int32
	sources   []LogSource
	lsIndex   map[LogSource]int32
	rules     []compiledRule
	problems  []Problem
}

type mappedKey struct {
	ls    LogSource
	field string
}

// slot is a field as rules see it: one or more names of event fields.
type slot struct {
	Candidates
	sigma    string  // the name that the first rule used
	presence float64 // estimated share of events that have it
}

// literalKind says where in a value a literal has to be.
type literalKind uint8

const (
	litWhole literalKind = iota
	litStart
	litEnd
	litInside
)

// literal is folded text that a value must have for a predicate to hold.
type literal struct {
	kind literalKind
	text string
}

func (k *compiler) problem(m *Meta, line int, err error) {
	var le *lineError
	if errors.As(err, &le) && le.line > 0 {
		line = le.line
	}
	k.problems = append(k.problems, Problem{File: m.File, Line: line, RuleID: m.Key(), Reason: err.Error()})
}

// mark and restore undo the predicates of a rule that was refused.
func (k *compiler) mark() int { return len(k.preds) }

func (k *compiler) restore(n int) {
	for key, p := range k.predIndex {
		if int(p) >= n {
			delete(k.predIndex, key)
		}
	}
	for s, p := range k.presentOf {
		if int(p) >= n {
			delete(k.presentOf, s)
		}
	}
	k.preds, k.literals = k.preds[:n], k.literals[:n]
}

func (k *compiler) source(l LogSource) int32 {
	l.Definition = ""
	if i, ok := k.lsIndex[l]; ok {
		return i
	}
	i := int32(len(k.sources))
	k.sources = append(k.sources, l)
	k.lsIndex[l] = i
	return i
}

// rule compiles the conditions of r with the filters that apply to it.
func (k *compiler) rule(r *Rule, filters []*Filter) (*node, error) {
	dets := map[string]Node{}
	for _, d := range r.Detections {
		dets[d.Name] = d.Node
	}
	var any []*node
	for _, c := range r.Conditions {
		n, err := k.expr(c.Expr, dets, r.LogSource)
		if err != nil {
			return nil, err
		}
		any = append(any, n)
	}
	root := join(opOr, any)
	for _, f := range filters {
		if !f.appliesTo(r) {
			continue
		}
		dets := map[string]Node{}
		for _, d := range f.Detections {
			dets[d.Name] = d.Node
		}
		n, err := k.expr(f.Condition.Expr, dets, r.LogSource)
		if err != nil {
			return nil, fmt.Errorf("filter %s (%s:%d): %w", f.Key(), f.File, f.Line, err)
		}
		root = join(opAnd, []*node{root, n})
	}
	return k.simplify(root, false), nil
}

// appliesTo: the filter's log source contains the rule's, and the filter is
// for any rule or names this one.
func (f *Filter) appliesTo(r *Rule) bool {
	if !f.LogSource.contains(r.LogSource) {
		return false
	}
	if f.Any {
		return true
	}
	return slices.ContainsFunc(f.Rules, func(ref string) bool { return r.Meta.is(ref) })
}

// is tells whether ref, an id or name, means this rule.
func (m *Meta) is(ref string) bool {
	if id, ok := canonicalUUID(ref); ok {
		return m.ID == id
	}
	return m.Name != "" && m.Name == ref
}

func (k *compiler) expr(e Expr, dets map[string]Node, l LogSource) (*node, error) {
	many := func(op nodeOp, args []Expr) (*node, error) {
		kids := make([]*node, 0, len(args))
		for _, a := range args {
			n, err := k.expr(a, dets, l)
			if err != nil {
				return nil, err
			}
			kids = append(kids, n)
		}
		return join(op, kids), nil
	}
	switch e := e.(type) {
	case And:
		return many(opAnd, e.Args)
	case Or:
		return many(opOr, e.Args)
	case Not:
		n, err := k.expr(e.Arg, dets, l)
		if err != nil {
			return nil, err
		}
		return notNode(n), nil
	case Selector:
		op := opOr
		if e.All {
			op = opAnd
		}
		args := make([]Expr, len(e.Names))
		for i, n := range e.Names {
			args[i] = Ref{n}
		}
		return many(op, args)
	case Ref:
		d, ok := dets[e.Name]
		if !ok {
			return nil, fmt.Errorf("detection %q is not defined", e.Name)
		}
		return k.detection(d, l)
	}
	return nil, errors.New("an empty condition")
}

func (k *compiler) detection(d Node, l LogSource) (*node, error) {
	switch d := d.(type) {
	case *Group:
		kids := make([]*node, 0, len(d.Nodes))
		for _, x := range d.Nodes {
			n, err := k.detection(x, l)
			if err != nil {
				return nil, err
			}
			kids = append(kids, n)
		}
		if d.And {
			return join(opAnd, kids), nil
		}
		return join(opOr, kids), nil
	case *Item:
		s := int32(0)
		if d.Field != "" {
			s = k.slot(l, d.Field)
		}
		kids := make([]*node, 0, len(d.Values))
		for i := range d.Values {
			n, err := k.value(&d.Values[i], s, l)
			if err != nil {
				return nil, errAt(d.Line, "field %q: %w", d.Field, err)
			}
			kids = append(kids, n)
		}
		op := opOr
		if d.All {
			op = opAnd
		}
		n := join(op, kids)
		if d.Negated {
			n = notNode(n)
		}
		return n, nil
	}
	return nil, errors.New("an empty detection")
}

// slot returns the slot of a Sigma field of rules about l.
func (k *compiler) slot(l LogSource, field string) int32 {
	l.Definition = ""
	mk := mappedKey{l, field}
	if s, ok := k.mapped[mk]; ok {
		return s
	}
	m := k.opts.FieldMap
	if k.opts.SigmaNames {
		m = nil
	}
	c := m.Lookup(l, field)
	key := fmt.Sprint(c.Any, "\x00") + strings.Join(c.Names, "\x00")
	s, ok := k.slotIndex[key]
	if !ok {
		s = int32(len(k.slots))
		k.slots = append(k.slots, slot{Candidates: c, sigma: field, presence: 0.5})
		k.slotIndex[key] = s
	}
	k.mapped[mk] = s
	return s
}

func (k *compiler) present(s int32) int32 {
	if p, ok := k.presentOf[s]; ok {
		return p
	}
	p := k.add(fmt.Sprintf("present %d", s), predicate{kind: predPresent, slot: s, gate: gateExact, cost: k.slots[s].presence}, nil)
	k.presentOf[s] = p
	return p
}

// add returns the predicate with this key, adding it if it is new.
func (k *compiler) add(key string, p predicate, lits []literal) int32 {
	if i, ok := k.predIndex[key]; ok {
		return i
	}
	i := int32(len(k.preds))
	k.preds = append(k.preds, p)
	k.literals = append(k.literals, lits)
	k.predIndex[key] = i
	return i
}

// value compiles one value of an item.
func (k *compiler) value(v *Value, s int32, l LogSource) (*node, error) {
	switch v.Kind {
	case ExpansionValue:
		kids := make([]*node, 0, len(v.Values))
		for i := range v.Values {
			n, err := k.value(&v.Values[i], s, l)
			if err != nil {
				return nil, err
			}
			kids = append(kids, n)
		}
		return join(opOr, kids), nil
	case StringValue, RegexpValue:
		if v.Pattern.has(Placeholder) {
			return k.expand(v, s, l)
		}
		if v.Kind == RegexpValue {
			return k.regexp(v, s)
		}
		return predNode(k.text(v.Pattern, v.Cased, s)), nil
	case NumberValue:
		return predNode(k.text(literalPattern(v.Number.Text), false, s)), nil
	case BoolValue:
		return predNode(k.text(literalPattern(fmt.Sprint(v.Bool)), false, s)), nil
	}
	if s == 0 {
		if v.Kind == NullValue {
			return predNode(k.add("never", predicate{kind: predNever}, nil)), nil
		}
		return nil, fmt.Errorf("%s needs a field; it cannot be a keyword", kindNames[v.Kind])
	}
	switch v.Kind {
	case NullValue:
		return notNode(predNode(k.present(s))), nil
	case ExistsValue:
		n := predNode(k.present(s))
		if !v.Bool {
			n = notNode(n)
		}
		return n, nil
	case CIDRValue:
		return predNode(k.add(fmt.Sprintf("cidr %d %s", s, v.Prefix), predicate{kind: predCIDR, slot: s, net: v.Prefix, cost: 0.1}, nil)), nil
	case CompareValue:
		return predNode(k.add(fmt.Sprintf("compare %d %d %d %v", s, v.Op, v.Part, v.Number.Float),
			predicate{kind: predCompare, slot: s, op: v.Op, part: v.Part, num: v.Number.Float, cost: 0.3}, nil)), nil
	case TimePartValue:
		return predNode(k.add(fmt.Sprintf("time %d %d %v", s, v.Part, v.Number.Float),
			predicate{kind: predTime, slot: s, part: v.Part, num: v.Number.Float, cost: 0.1}, nil)), nil
	case FieldRefValue:
		o := k.slot(l, v.Ref)
		return predNode(k.add(fmt.Sprintf("ref %d %d %v %v %v", s, o, v.Cased, v.StartsWith, v.EndsWith),
			predicate{kind: predRef, slot: s, other: o, cased: v.Cased, start: v.StartsWith, end: v.EndsWith, cost: 0.2}, nil)), nil
	}
	return nil, fmt.Errorf("%s cannot be compiled", kindNames[v.Kind])
}

// maxExpanded bounds the values that the placeholders of one value give.
const maxExpanded = 5000

func (k *compiler) expand(v *Value, s int32, l LogSource) (*node, error) {
	alts := []Pattern{nil}
	for _, part := range v.Pattern {
		if part.Kind != Placeholder {
			for i := range alts {
				alts[i] = concat(alts[i], Pattern{part})
			}
			continue
		}
		values, ok := k.opts.Placeholders[part.Text]
		if !ok || len(values) == 0 {
			return nil, fmt.Errorf("placeholder %%%s%% has no values; the specification forbids to run a rule with it", part.Text)
		}
		if len(alts)*len(values) > maxExpanded {
			return nil, fmt.Errorf("placeholders give more than %d values", maxExpanded)
		}
		var next []Pattern
		for _, a := range alts {
			for _, x := range values {
				p := ParsePattern(x)
				if v.Kind == RegexpValue {
					p = literalPattern(regexp.QuoteMeta(x))
				}
				next = append(next, concat(a, p))
			}
		}
		alts = next
	}
	var kids []*node
	for _, a := range alts {
		x := *v
		x.Pattern = a
		if x.Kind == RegexpValue {
			x.Regexp = regexText(&x)
			if err := checkRegexp(x.Regexp); err != nil {
				return nil, err
			}
		}
		n, err := k.value(&x, s, l)
		if err != nil {
			return nil, err
		}
		kids = append(kids, n)
	}
	return join(opOr, kids), nil
}

// text compiles a pattern: gated by a hash set when it is whole, else by the
// longest literal it has.
func (k *compiler) text(p Pattern, cased bool, s int32) int32 {
	norm := make(Pattern, 0, len(p))
	for _, part := range p {
		if part.Kind == AnyText && norm.endsAny() {
			continue
		}
		norm = append(norm, part)
	}
	p = norm
	kind := predText
	if s == 0 {
		kind = predKeyword
	}
	keyed := p.String()
	if !cased {
		keyed = fold(keyed)
	}
	key := fmt.Sprintf("text %d %v %s", s, cased, keyed)
	if i, ok := k.predIndex[key]; ok {
		return i
	}
	pr := predicate{kind: kind, slot: s, cased: cased, glob: newGlob(p, cased), gate: gateVerify}
	if !cased {
		pr.gate = gateExact
	}
	if s == 0 {
		lit := longestLiteral(p)
		if lit == "" {
			pr.gate, pr.cost = gateNone, 1
			return k.add(key, pr, nil)
		}
		if n := len(p); n > 3 || n == 3 && !(p.startsAny() && p.endsAny()) || n == 2 && !p.startsAny() && !p.endsAny() {
			pr.gate = gateVerify
		}
		pr.cost = costInside(lit)
		return k.add(key, pr, []literal{{litInside, lit}})
	}
	var lit literal
	switch {
	case len(p) == 0:
		lit = literal{litWhole, ""}
		pr.cost = 0.02
	case len(p) == 1 && p[0].Kind == Literal:
		lit = literal{litWhole, fold(p[0].Text)}
		pr.cost = costWhole(lit.text)
	case len(p) == 2 && p[0].Kind == Literal && p[1].Kind == AnyText:
		lit = literal{litStart, fold(p[0].Text)}
		pr.cost = costStart(lit.text)
	case len(p) == 2 && p[0].Kind == AnyText && p[1].Kind == Literal:
		lit = literal{litEnd, fold(p[1].Text)}
		pr.cost = costEnd(lit.text)
	case len(p) == 3 && p.startsAny() && p.endsAny() && p[1].Kind == Literal:
		lit = literal{litInside, fold(p[1].Text)}
		pr.cost = costInside(lit.text)
	default:
		text := longestLiteral(p)
		if text == "" {
			// Only wildcards: any value that is long enough.
			pr.gate, pr.cost = gateNone, 0.6
			return k.add(key, pr, nil)
		}
		lit = literal{litInside, text}
		pr.gate, pr.cost = gateVerify, costInside(text)
	}
	return k.add(key, pr, []literal{lit})
}

func (k *compiler) regexp(v *Value, s int32) (*node, error) {
	key := fmt.Sprintf("regexp %d %s", s, v.Regexp)
	if i, ok := k.predIndex[key]; ok {
		return predNode(i), nil
	}
	re, err := regexp.Compile(v.Regexp)
	if err != nil {
		return nil, fmt.Errorf("regular expression %q is invalid: %w", clip(v.Regexp), err)
	}
	kind := predRegexp
	p := predicate{kind: kind, slot: s, re: re, cost: 0.3}
	var lits []literal
	for _, t := range requiredLiterals(v.Regexp) {
		lits = append(lits, literal{litInside, t})
		p.gate = gateVerify
	}
	if p.gate == gateVerify {
		p.cost = 0
		for _, l := range lits {
			p.cost = min(1, p.cost+costInside(l.text))
		}
	}
	return predNode(k.add(key, p, lits)), nil
}

// The estimates of how often a literal is found only rank witnesses; they do
// not change what matches.

func costWhole(s string) float64 {
	if len(s) <= 5 && strings.Trim(s, "0123456789") == "" {
		return 0.1 // event codes, statuses, counts
	}
	return 0.002 + 0.05*math.Exp(-0.3*float64(len(s)))
}

func costStart(s string) float64 {
	return usual(s, min(0.9, 0.01+0.9*math.Exp(-0.15*float64(len(s)))))
}

func costEnd(s string) float64 {
	return usual(s, min(0.9, 0.004+1.2*math.Exp(-0.3*float64(len(s)))))
}

func costInside(s string) float64 {
	return usual(s, min(0.9, 0.003+1.5*math.Exp(-0.35*float64(len(s)))))
}

// usual raises the estimate for text that ordinary events are full of.
func usual(s string, cost float64) float64 {
	if strings.Contains(everyday, s) {
		return max(cost, 0.25)
	}
	return cost
}
