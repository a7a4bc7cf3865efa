// Package fromsigma gives the correlation engine what the Sigma parser read:
// correlation documents become rules of the engine, and matches of single rules
// become its input, with fields found through the field mappings.
package fromsigma

import (
	"errors"
	"fmt"
	"slices"

	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/rules/sigma"
	"github.com/openmxdr/openmxdr/rules/sigma/correlation"
)

// Options of New.
type Options struct {
	// FieldMap says where events hold the fields that correlations group by and
	// look at. Nil: under the same names.
	FieldMap *sigma.FieldMap
	// Usable tells whether a single rule was compiled; a correlation that
	// refers to another one is left out. Nil: all are.
	Usable func(*sigma.Rule) bool
	// Complete fills in what Sigma says in words (severity, confidence, risk,
	// tactics) and the engine wants in numbers. It may be nil.
	Complete func(*sigma.Correlation, *correlation.Rule)
	// Engine are the options that the rules will run with; a condition that
	// its limits rule out is a problem.
	Engine correlation.Options
}

// Set is what the correlations of a collection are to the engine. It is
// immutable and safe for concurrent use.
type Set struct {
	// Rules are sound: correlation.New takes all of them.
	Rules []correlation.Rule
	// Problems names each correlation that was left out, with file, line and reason.
	Problems []sigma.Problem

	refs   map[*sigma.Rule]string
	fields map[*sigma.Rule]map[string]sigma.Candidates
	silent map[*sigma.Rule]bool
}

// New converts the correlations of c.
func New(c *sigma.Collection, opts Options) *Set {
	s := &Set{refs: map[*sigma.Rule]string{}, fields: map[*sigma.Rule]map[string]sigma.Candidates{}, silent: map[*sigma.Rule]bool{}}
	b := &builder{set: s, c: c, opts: opts, members: map[string][]*sigma.Rule{}}
	parsed := map[string]*sigma.Correlation{}
	for _, x := range c.Correlations {
		r, err := b.convert(x)
		if err == nil && parsed[r.ID] != nil {
			err = fmt.Errorf("another correlation is called %q too; give it an id", r.ID)
		}
		if err != nil {
			b.leaveOut(x, err)
			continue
		}
		parsed[r.ID] = x
		s.Rules = append(s.Rules, r)
	}
	b.leaveOutDependents(parsed)
	engine, err := correlation.New(s.Rules, opts.Engine)
	for _, e := range unjoin(err) {
		var refused *correlation.RuleError
		if errors.As(e, &refused) && parsed[refused.ID] != nil {
			b.leaveOut(parsed[refused.ID], refused.Err)
			s.Rules = slices.DeleteFunc(s.Rules, func(r correlation.Rule) bool { return r.ID == refused.ID })
		}
	}
	for ref, rules := range b.members {
		for _, r := range rules {
			if !engine.Uses(ref) {
				continue
			}
			s.refs[r] = ref
			s.silent[r] = engine.Suppressed(ref)
			for _, name := range engine.Fields(ref) {
				if s.fields[r] == nil {
					s.fields[r] = map[string]sigma.Candidates{}
				}
				s.fields[r][name] = opts.FieldMap.Lookup(r.LogSource, name)
			}
		}
	}
	return s
}

// Ref returns what Match.Rule must be for a match of r, and whether any
// correlation refers to r at all.
func (s *Set) Ref(r *sigma.Rule) (ref string, used bool) {
	ref, used = s.refs[r]
	return ref, used
}

// Silent tells whether a match of r should make no signal of its own, because
// a correlation that does not generate refers to it.
func (s *Set) Silent(r *sigma.Rule) bool { return s.silent[r] }

// Fields returns the fields of an event that r matched, by the names that
// correlations use.
func (s *Set) Fields(r *sigma.Rule, ev *event.Event) correlation.Fields {
	return mapped{s.fields[r], ev}
}

type mapped struct {
	names map[string]sigma.Candidates
	ev    *event.Event
}

// Lookup returns the first candidate that is present, or all of them as a list
// where the field mapping says any.
func (m mapped) Lookup(name string) (event.Value, bool) {
	c, ok := m.names[name]
	if !ok {
		return m.ev.Lookup(name)
	}
	var all []event.Value
	for _, n := range c.Names {
		v, ok := m.ev.Lookup(n)
		if !ok || v.IsNull() {
			continue
		}
		if !c.Any {
			return v, true
		}
		all = append(all, v)
	}
	if len(all) == 0 {
		return event.Value{}, false
	}
	return event.ListValue(all), true
}

type builder struct {
	set     *Set
	c       *sigma.Collection
	opts    Options
	members map[string][]*sigma.Rule // by reference
}

func (b *builder) leaveOut(x *sigma.Correlation, err error) {
	b.set.Problems = append(b.set.Problems, sigma.Problem{File: x.File, Line: x.Line, RuleID: x.Key(), Reason: err.Error()})
}

// leaveOutDependents leaves out the correlations with members that were left
// out, until there are no more.
func (b *builder) leaveOutDependents(parsed map[string]*sigma.Correlation) {
	gone := map[string]bool{}
	for _, x := range b.c.Correlations {
		gone[x.Key()] = parsed[x.Key()] == nil
	}
	for again := true; again; {
		again = false
		b.set.Rules = slices.DeleteFunc(b.set.Rules, func(r correlation.Rule) bool {
			i := slices.IndexFunc(r.Rules, func(ref string) bool { return gone[ref] })
			if i >= 0 {
				b.leaveOut(parsed[r.ID], fmt.Errorf("correlation %q, which it refers to, was left out", r.Rules[i]))
				gone[r.ID], again = true, true
			}
			return i >= 0
		})
	}
}

// ref returns the one name under which the engine knows a member, whether a
// correlation calls it by its id or its name.
func (b *builder) ref(name string) (string, error) {
	r, x := b.c.Find(name)
	switch {
	case x != nil:
		return x.Key(), nil
	case r == nil:
		return "", fmt.Errorf("rule %q, which it refers to, is not there", name)
	case b.opts.Usable != nil && !b.opts.Usable(r):
		return "", fmt.Errorf("rule %q, which it refers to, was left out", name)
	}
	key := r.Key()
	if !slices.Contains(b.members[key], r) {
		b.members[key] = append(b.members[key], r)
	}
	return key, nil
}

func (b *builder) convert(x *sigma.Correlation) (correlation.Rule, error) {
	r := correlation.Rule{
		ID: x.Key(), Name: x.Title, Type: correlation.Type(x.Type), GroupBy: x.GroupBy, Timespan: x.Timespan,
		Generate: x.Generate, Tags: x.Tags, Techniques: x.Techniques(),
	}
	for _, name := range x.Rules {
		ref, err := b.ref(name)
		if err != nil {
			return r, err
		}
		r.Rules = append(r.Rules, ref)
	}
	for _, a := range x.Aliases {
		fields := map[string]string{}
		for name, field := range a.Fields {
			ref, err := b.ref(name)
			if err != nil {
				return r, fmt.Errorf("alias %q: %w", a.Name, err)
			}
			fields[ref] = field
		}
		if r.Aliases == nil {
			r.Aliases = map[string]map[string]string{}
		}
		r.Aliases[a.Name] = fields
	}
	switch t := x.Threshold; {
	case x.Boolean != nil:
		e, err := b.expr(x.Boolean)
		if err != nil {
			return r, err
		}
		r.Condition.Expr = e
	case t == nil:
		return r, errors.New("it has no condition")
	case r.Type == correlation.ValuePercentile && t.Percentile < 0:
		return r, errors.New("condition: value_percentile needs a percentile")
	default:
		temporal := r.Type == correlation.Temporal || r.Type == correlation.TemporalOrdered
		// "As many as there are" is the default of temporal types; a rule
		// that is listed twice counts twice only where order matters.
		if !temporal || t.Op != "gte" || t.Count != float64(len(r.Rules)) {
			r.Condition.Comparisons = []correlation.Comparison{{Op: correlation.Op(t.Op), Value: t.Count}}
		}
		r.Condition.Fields, r.Condition.Percentile = t.Fields, max(t.Percentile, 0)
	}
	if b.opts.Complete != nil {
		b.opts.Complete(x, &r)
	}
	return r, nil
}

func (b *builder) expr(x sigma.Expr) (*correlation.Expr, error) {
	var op correlation.ExprOp
	var args []sigma.Expr
	switch x := x.(type) {
	case sigma.Ref:
		ref, err := b.ref(x.Name)
		return &correlation.Expr{Rule: ref}, err
	case sigma.And:
		op, args = correlation.And, x.Args
	case sigma.Or:
		op, args = correlation.Or, x.Args
	case sigma.Not:
		op, args = correlation.Not, []sigma.Expr{x.Arg}
	default:
		return nil, fmt.Errorf("condition: %T cannot stand in the condition of a correlation", x)
	}
	e := &correlation.Expr{Op: op}
	for _, a := range args {
		sub, err := b.expr(a)
		if err != nil {
			return nil, err
		}
		e.Args = append(e.Args, sub)
	}
	return e, nil
}

// unjoin returns the errors that errors.Join put together.
func unjoin(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}
