package sigma

import (
	"fmt"
	"math"
	"regexp/syntax"
	"slices"
	"strings"
)

// detections reads the named searches of a detection or filter section, all
// members but those named in except, and returns them with their names.
func (p *parser) detections(d *ynode, f *faults, except ...string) ([]Detection, []string) {
	var out []Detection
	var names []string
	for _, pr := range d.pairs {
		if slices.Contains(except, pr.key) && !pr.null {
			continue
		}
		node, err := p.detection(pr.val, pr.keyLine)
		if err != nil {
			f.take(withName(err, pr.key))
			// Conditions may still refer to it: one fault is reported once.
			names = append(names, pr.key)
			continue
		}
		out = append(out, Detection{Name: pr.key, Line: pr.keyLine, Node: node})
		names = append(names, pr.key)
	}
	if len(names) == 0 {
		f.add(d.line, "no detection is defined")
	}
	return out, names
}

func withName(err error, name string) error {
	if le, ok := err.(*lineError); ok {
		return &lineError{le.line, fmt.Errorf("detection %q: %w", name, le.err)}
	}
	return fmt.Errorf("detection %q: %w", name, err)
}

// detection reads a map (all items), a plain value or list of plain values
// (keywords), or a list of any of these (any).
func (p *parser) detection(n *ynode, line int) (Node, error) {
	switch n.kind {
	case yMap:
		if len(n.pairs) == 0 {
			return nil, errAt(line, "it is empty")
		}
		g := &Group{And: true}
		for _, pr := range n.pairs {
			it, err := p.item(pr.key, pr.val, pr.keyLine)
			if err != nil {
				return nil, err
			}
			g.Nodes = append(g.Nodes, it)
		}
		if len(g.Nodes) == 1 {
			return g.Nodes[0], nil
		}
		return g, nil
	case yList:
		plain := true
		for _, x := range n.list {
			plain = plain && x.kind != yMap && x.kind != yList
		}
		if plain {
			if len(n.list) == 0 {
				return nil, errAt(line, "it is empty")
			}
			return p.item("", n, line)
		}
		g := &Group{}
		for _, x := range n.list {
			node, err := p.detection(x, x.line)
			if err != nil {
				return nil, err
			}
			g.Nodes = append(g.Nodes, node)
		}
		if len(g.Nodes) == 1 {
			return g.Nodes[0], nil
		}
		return g, nil
	}
	return p.item("", n, line)
}

// item reads "field|modifier|…: value or values".
func (p *parser) item(key string, val *ynode, line int) (*Item, error) {
	parts := strings.Split(key, "|")
	it := &Item{Field: strings.TrimSpace(parts[0]), Modifiers: parts[1:], Line: line}
	list := []*ynode{val}
	if val.kind == yList {
		list = val.list
	}
	if len(list) > MaxValues {
		return nil, errAt(line, "field %q has %d values, more than the %d allowed", it.Field, len(list), MaxValues)
	}
	isRegex := slices.Contains(it.Modifiers, "re")
	for _, n := range list {
		v := Value{}
		switch n.kind {
		case yString:
			v.Kind = StringValue
			if isRegex {
				v.Pattern = literalPattern(n.text)
			} else {
				v.Pattern = ParsePattern(n.text)
			}
		case yNumber:
			v.Kind, v.Number = NumberValue, n.num
			if isRegex {
				v = Value{Kind: StringValue, Pattern: literalPattern(n.num.Text)}
			}
			if math.IsNaN(n.num.Float) || math.IsInf(n.num.Float, 0) {
				return nil, errAt(n.line, "field %q: %q is not a finite number", it.Field, n.text)
			}
		case yBool:
			v.Kind, v.Bool = BoolValue, n.b
		case yNull:
			v.Kind = NullValue
		default:
			return nil, errAt(n.line, "field %q: a value must be text, a number, a boolean or null, not %s", it.Field, n.kind)
		}
		it.Values = append(it.Values, v)
	}
	if len(it.Values) == 0 && it.Field == "" {
		return nil, errAt(line, "a list of keywords is empty")
	}
	for i, name := range it.Modifiers {
		m, ok := modifiers[name]
		if !ok {
			return nil, errAt(line, "field %q: unknown modifier %q", it.Field, name)
		}
		if err := m(it, i); err != nil {
			return nil, errAt(line, "field %q: modifier %s: %w", it.Field, name, err)
		}
	}
	if len(it.Values) == 0 { // an empty list means null, whatever the modifiers
		it.Values = []Value{{Kind: NullValue}}
	}
	for i := range it.Values {
		if err := p.checkRegex(&it.Values[i]); err != nil {
			return nil, errAt(line, "field %q: %w", it.Field, err)
		}
	}
	return it, nil
}

// checkRegex parses a regular expression, with placeholders as they stand,
// and bounds its size. Repetitions are counted before they are unrolled, so
// a small text cannot become a large program.
func (p *parser) checkRegex(v *Value) error {
	if v.Kind != RegexpValue {
		return nil
	}
	v.Regexp = regexText(v)
	return checkRegexp(v.Regexp)
}

func checkRegexp(s string) error {
	if len(s) > MaxRegexBytes {
		return fmt.Errorf("the regular expression has %d bytes, more than the %d allowed", len(s), MaxRegexBytes)
	}
	re, err := syntax.Parse(s, syntax.Perl)
	if err != nil {
		return fmt.Errorf("regular expression %q is invalid or needs backtracking, which RE2 does not do: %w", clip(s), err)
	}
	if n := regexSize(re); n > MaxRegexProg {
		return fmt.Errorf("regular expression %q unrolls to about %d instructions, more than the %d allowed", clip(s), n, MaxRegexProg)
	}
	return nil
}

// regexSize estimates the instructions of a regular expression.
func regexSize(re *syntax.Regexp) int {
	n := 1
	switch re.Op {
	case syntax.OpLiteral:
		n = len(re.Rune)
	case syntax.OpCharClass:
		n = 1 + len(re.Rune)/8
	}
	for _, sub := range re.Sub {
		n += regexSize(sub)
		if n > MaxRegexProg {
			return n
		}
	}
	if re.Op == syntax.OpRepeat {
		times := re.Max
		if times < re.Min {
			times = re.Min + 1
		}
		n *= max(times, 1)
	}
	return n
}

// regexText writes a regular expression value with its anchors and flags.
func regexText(v *Value) string {
	s := v.Pattern.plain()
	if v.anchored != 0 {
		s = "(?:" + s + ")"
		if v.anchored&anchorStart != 0 {
			s = `\A` + s
		}
		if v.anchored&anchorEnd != 0 {
			s += `\z`
		}
	}
	if v.flags != "" {
		s = "(?" + v.flags + ")" + s
	}
	return s
}

const (
	anchorStart = 1 << iota
	anchorEnd
)
