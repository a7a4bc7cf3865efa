package stage

import (
	"errors"
	"fmt"
	"slices"

	"github.com/openmxdr/openmxdr/rules/sigma"
	"github.com/openmxdr/openmxdr/rules/sigma/correlation"
)

// correlationRules turns parsed correlations into the correlation engine's
// input. One that refers to a rule that could not be used is left out, and so
// is one that the engine refuses.
func correlationRules(c *sigma.Collection, engine *sigma.Engine) ([]correlation.Rule, []sigma.Problem) {
	known := map[string]bool{}
	for _, r := range engine.Rules() {
		known[r.ID], known[r.Name] = true, true
	}
	key := map[string]string{} // of correlations, by the names that refer to them
	for _, x := range c.Correlations {
		known[x.ID], known[x.Name] = true, true
		key[x.ID], key[x.Name] = x.Key(), x.Key()
	}
	delete(known, "")
	delete(key, "")
	var rules []correlation.Rule
	var problems []sigma.Problem
	leaveOut := func(x *sigma.Correlation, err error) {
		problems = append(problems, sigma.Problem{File: x.File, Line: x.Line, RuleID: x.Key(), Reason: err.Error()})
	}
	parsed := map[string]*sigma.Correlation{}
	for _, x := range c.Correlations {
		rule, err := correlationRule(x, known, key)
		if err != nil {
			leaveOut(x, err)
			continue
		}
		parsed[rule.ID] = x
		rules = append(rules, rule)
	}
	_, err := correlation.New(rules, correlation.Options{})
	for _, e := range unjoin(err) {
		var refused *correlation.RuleError
		if errors.As(e, &refused) && parsed[refused.ID] != nil {
			leaveOut(parsed[refused.ID], refused.Err)
			rules = slices.DeleteFunc(rules, func(r correlation.Rule) bool { return r.ID == refused.ID })
		}
	}
	return rules, problems
}

// unjoin returns the errors that errors.Join put together.
func unjoin(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

func correlationRule(x *sigma.Correlation, known map[string]bool, key map[string]string) (correlation.Rule, error) {
	for _, name := range x.Rules {
		if !known[name] {
			return correlation.Rule{}, fmt.Errorf("rule %q, which it refers to, is not there or was left out", name)
		}
	}
	refs := slices.Clone(x.Rules)
	for i, name := range refs {
		if k := key[name]; k != "" {
			refs[i] = k
		}
	}
	level := LevelOf(x.Level)
	r := correlation.Rule{
		ID: x.Key(), Name: x.Title, Type: correlation.Type(x.Type), Rules: refs, GroupBy: x.GroupBy,
		Timespan: x.Timespan, Generate: x.Generate,
		Severity: level.Severity, Confidence: confidenceOf(x.Status), Risk: level.Risk,
		Tags: x.Tags, Tactics: TacticIDs(x.Tags), Techniques: x.Techniques(),
	}
	if len(x.Aliases) > 0 {
		r.Aliases = map[string]map[string]string{}
		for _, a := range x.Aliases {
			fields := map[string]string{}
			for ref, field := range a.Fields {
				if k := key[ref]; k != "" {
					ref = k
				}
				fields[ref] = field
			}
			r.Aliases[a.Name] = fields
		}
	}
	switch t := x.Threshold; {
	case x.Boolean != nil:
		expr, err := boolean(x.Boolean, key)
		if err != nil {
			return r, err
		}
		r.Condition.Expr = expr
	case t == nil:
		return r, errors.New("it has no condition")
	default:
		r.Condition.Comparisons = []correlation.Comparison{{Op: correlation.Op(t.Op), Value: t.Count}}
		r.Condition.Fields = t.Fields
		r.Condition.Percentile = max(t.Percentile, 0)
	}
	return r, nil
}

func boolean(x sigma.Expr, key map[string]string) (*correlation.Expr, error) {
	args := func(op correlation.ExprOp, list ...sigma.Expr) (*correlation.Expr, error) {
		e := &correlation.Expr{Op: op}
		for _, a := range list {
			sub, err := boolean(a, key)
			if err != nil {
				return nil, err
			}
			e.Args = append(e.Args, sub)
		}
		return e, nil
	}
	switch x := x.(type) {
	case sigma.And:
		return args(correlation.And, x.Args...)
	case sigma.Or:
		return args(correlation.Or, x.Args...)
	case sigma.Not:
		return args(correlation.Not, x.Arg)
	case sigma.Ref:
		name := x.Name
		if k := key[name]; k != "" {
			name = k
		}
		return &correlation.Expr{Op: correlation.Ref, Rule: name}, nil
	}
	return nil, fmt.Errorf("%T cannot stand in the condition of a correlation", x)
}
