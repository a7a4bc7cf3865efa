package sigma

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	correlationTypes = []CorrelationType{EventCount, ValueCount, Temporal, TemporalOrdered, ValueSum, ValueAvg, ValuePercentile, ValueMedian}
	thresholdOps     = []string{"lt", "lte", "gt", "gte", "eq", "neq"}

	timespanForm = regexp.MustCompile(`^([0-9]+)([smhdwMy])$`)
	refName      = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	timespanUnit = map[string]int64{"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "M": 2629746, "y": 31556952}
)

// correlation reads a correlation document.
func (p *parser) correlation(doc *ynode) {
	var f faults
	c := &Correlation{}
	p.meta(&c.Meta, doc, &f, "correlation")
	d := doc.get("correlation")
	if d.kind != yMap {
		f.add(d.line, "correlation must be a map, not %s", d.kind)
		p.close(&c.Meta, &f)
		return
	}
	c.correlationType(d, &f)
	temporal := c.Type == Temporal || c.Type == TemporalOrdered
	c.rules(d, temporal, &f)
	c.GroupBy = names(d, "group-by", &f)
	c.timespan(d, &f)
	if g := d.get("generate"); g != nil && g.kind != yNull {
		if g.kind != yBool {
			f.add(g.line, "generate must be a boolean, not %s", g.kind)
		}
		c.Generate = g.b
	}
	c.aliases(d, &f)
	c.condition(d, temporal, &f)
	if p.close(&c.Meta, &f) {
		p.out.Correlations = append(p.out.Correlations, c)
	}
}

func (c *Correlation) correlationType(d *ynode, f *faults) {
	t := d.get("type")
	if t == nil || t.kind == yNull {
		f.add(d.line, "a correlation must have a type")
		return
	}
	c.Type = CorrelationType(strings.ToLower(t.text))
	if t.kind != yString || !slices.Contains(correlationTypes, c.Type) {
		f.add(t.line, "correlation type %q is not known", clip(t.text))
	}
}

func (c *Correlation) rules(d *ynode, temporal bool, f *faults) {
	n := d.get("rules")
	if n == nil || n.kind == yNull {
		if !temporal {
			f.add(d.line, "a correlation must say which rules it is about")
		}
		return
	}
	switch n.kind {
	case yString:
		c.Rules = []string{n.text}
	case yList:
		for _, r := range n.list {
			if r.kind != yString {
				f.add(r.line, "a rule must be referred to by id or name, not by %s", r.kind)
				continue
			}
			c.Rules = append(c.Rules, r.text)
		}
	default:
		f.add(n.line, "rules must be an id or name or a list of them, not %s", n.kind)
	}
}

// names reads text or a list of text.
func names(d *ynode, key string, f *faults) []string {
	n := d.get(key)
	if n == nil || n.kind == yNull {
		return nil
	}
	switch n.kind {
	case yString:
		return []string{n.text}
	case yList:
		var out []string
		for _, x := range n.list {
			if x.kind == yMap || x.kind == yList || x.kind == yNull {
				f.add(x.line, "%s must name fields, not %s", key, x.kind)
				continue
			}
			out = append(out, x.text)
		}
		return out
	}
	f.add(n.line, "%s must be a field or a list of fields, not %s", key, n.kind)
	return nil
}

func (c *Correlation) timespan(d *ynode, f *faults) {
	n := d.get("timespan")
	if n == nil || n.kind == yNull {
		f.add(d.line, "a correlation must have a timespan")
		return
	}
	m := timespanForm.FindStringSubmatch(n.text)
	if n.kind != yString || m == nil {
		f.add(n.line, "timespan %q is not a count with one of the units s, m, h, d, w, M, y", clip(n.text))
		return
	}
	count, err := strconv.ParseInt(m[1], 10, 64)
	unit := timespanUnit[m[2]]
	if err != nil || count > math.MaxInt64/int64(time.Second)/unit {
		f.add(n.line, "timespan %q is longer than 292 years", clip(n.text))
		return
	}
	if count == 0 {
		f.add(n.line, "timespan %q must be greater than zero", n.text)
		return
	}
	c.Timespan = time.Duration(count*unit) * time.Second
}

func (c *Correlation) aliases(d *ynode, f *faults) {
	n := d.get("aliases")
	if n == nil || n.kind == yNull {
		return
	}
	if n.kind != yMap {
		f.add(n.line, "aliases must be a map, not %s", n.kind)
		return
	}
	for _, pr := range n.pairs {
		if pr.val.kind != yMap {
			f.add(pr.keyLine, "alias %q must be a map from rules to fields, not %s", pr.key, pr.val.kind)
			continue
		}
		a := Alias{Name: pr.key, Fields: map[string]string{}}
		for _, fr := range pr.val.pairs {
			if fr.val.kind != yString {
				f.add(fr.keyLine, "alias %q: the field of rule %q must be text, not %s", pr.key, fr.key, fr.val.kind)
				continue
			}
			a.Fields[fr.key] = fr.val.text
		}
		c.Aliases = append(c.Aliases, a)
	}
}

func (c *Correlation) condition(d *ynode, temporal bool, f *faults) {
	n := d.get("condition")
	switch {
	case n == nil || n.kind == yNull:
		if !temporal {
			f.add(d.line, "a correlation of type %s must have a condition", c.Type)
		} else if len(c.Rules) == 0 {
			f.add(d.line, "a correlation without rules must have a boolean condition that names them")
		}
		c.Threshold = &Threshold{Op: "gte", Count: float64(len(c.Rules)), Percentile: -1}
	case n.kind == yMap:
		if temporal && len(c.Rules) == 0 {
			f.add(d.line, "a correlation must say which rules it is about")
		}
		c.threshold(n, f)
	case n.kind == yString && !temporal:
		f.add(n.line, "a boolean condition is possible for temporal and temporal_ordered only")
	case n.kind == yString:
		c.boolean(n, f)
	default:
		f.add(n.line, "condition must be a map or text, not %s", n.kind)
	}
}

func (c *Correlation) threshold(n *ynode, f *faults) {
	t := &Threshold{Percentile: -1}
	for _, pr := range n.pairs {
		switch {
		case slices.Contains(thresholdOps, pr.key):
			if t.Op != "" {
				f.add(pr.keyLine, "a condition must have exactly one comparison; it has %s and %s", t.Op, pr.key)
				continue
			}
			v, ok := count(pr.val)
			if !ok {
				f.add(pr.val.line, "%q is not a number to compare with", clip(pr.val.text))
			}
			t.Op, t.Count = pr.key, v
		case pr.key == "field":
			t.Fields = names(n, "field", f)
		case pr.key == "percentile":
			v, ok := count(pr.val)
			if !ok || v < 0 || v > 100 {
				f.add(pr.val.line, "percentile %q is not a number from 0 to 100", clip(pr.val.text))
				continue
			}
			t.Percentile = int(v)
		default:
			f.add(pr.keyLine, "a condition cannot have %q", clip(pr.key))
		}
	}
	if t.Op == "" {
		f.add(n.line, "a condition must have one of %s", strings.Join(thresholdOps, ", "))
	}
	switch c.Type {
	case ValueCount, ValueSum, ValueAvg, ValuePercentile, ValueMedian:
		if len(t.Fields) == 0 {
			f.add(n.line, "the condition of a %s correlation must name a field", c.Type)
		}
	}
	c.Threshold = t
}

func count(n *ynode) (float64, bool) {
	switch n.kind {
	case yNumber:
		return n.num.Float, !math.IsInf(n.num.Float, 0) && !math.IsNaN(n.num.Float)
	case yString:
		v, err := strconv.ParseFloat(strings.TrimSpace(n.text), 64)
		return v, err == nil && !math.IsInf(v, 0) && !math.IsNaN(v)
	}
	return 0, false
}

// boolean reads a condition over rules and checks it against the list of
// rules, where there is one.
func (c *Correlation) boolean(n *ynode, f *faults) {
	var named []string
	e, err := parseExpr(n.text, func(p *condParser) (Expr, error) {
		t := p.tokens[p.at]
		p.at++
		if !refName.MatchString(t) {
			return nil, fmt.Errorf("%q is not the name of a rule (letters, digits and \"_\", not beginning with a digit)", t)
		}
		if !slices.Contains(named, t) {
			named = append(named, t)
		}
		return Ref{t}, nil
	})
	if err != nil {
		f.add(n.line, "condition %q: %w", clip(n.text), err)
		return
	}
	c.Boolean = e
	if len(c.Rules) == 0 {
		c.Rules = named
		return
	}
	for _, r := range c.Rules {
		if !slices.Contains(named, r) {
			f.add(n.line, "rule %q is listed but not used in the condition", clip(r))
		}
	}
	for _, r := range named {
		if !slices.Contains(c.Rules, r) {
			f.add(n.line, "rule %q is used in the condition but not listed", r)
		}
	}
}
