package sigma

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/openmxdr/openmxdr/internal/event"
)

// naive evaluates rules straight from the syntax tree, one value after the
// other, with regular expressions for every pattern. It shares no code with
// the engine but the parser and the numbers' text.
type naive struct{ ev *event.Event }

func (n naive) rule(r *Rule) bool {
	return slices.ContainsFunc(r.Conditions, func(c Condition) bool { return n.expr(c.Expr, r.Detections) })
}

func (n naive) expr(e Expr, dets []Detection) bool {
	switch e := e.(type) {
	case And:
		return !slices.ContainsFunc(e.Args, func(a Expr) bool { return !n.expr(a, dets) })
	case Or:
		return slices.ContainsFunc(e.Args, func(a Expr) bool { return n.expr(a, dets) })
	case Not:
		return !n.expr(e.Arg, dets)
	case Ref:
		for _, d := range dets {
			if d.Name == e.Name {
				return n.node(d.Node)
			}
		}
	case Selector:
		hits := 0
		for _, name := range e.Names {
			if n.expr(Ref{name}, dets) {
				hits++
			}
		}
		return e.All && hits == len(e.Names) || !e.All && hits > 0
	}
	return false
}

func (n naive) node(d Node) bool {
	switch d := d.(type) {
	case *Group:
		for _, x := range d.Nodes {
			if n.node(x) != d.And {
				return !d.And
			}
		}
		return d.And
	case *Item:
		ok := d.All
		for i := range d.Values {
			hit := n.value(d.Field, &d.Values[i])
			if d.All {
				ok = ok && hit
			} else {
				ok = ok || hit
			}
		}
		return ok != d.Negated
	}
	return false
}

// texts returns the values of a field ("" for all of the event) as text.
func (n naive) texts(field string) (out []string) {
	var walk func(v event.Value, deep bool)
	walk = func(v event.Value, deep bool) {
		switch v.Kind() {
		case event.Null:
		case event.List:
			for _, x := range v.List() {
				walk(x, deep)
			}
		case event.Object:
			if !deep {
				out = append(out, v.Text())
				return
			}
			for _, f := range v.Object() {
				walk(f.Value, deep)
			}
		default:
			out = append(out, v.Text())
		}
	}
	for i := range n.ev.Len() {
		if f := n.ev.At(i); field == "" || f.Name == field {
			walk(f.Value, field == "")
		}
	}
	return out
}

func pattern(p Pattern, cased, whole bool) *regexp.Regexp {
	var b strings.Builder
	b.WriteString("(?s)")
	if !cased {
		b.WriteString("(?i)")
	}
	if whole {
		b.WriteString("^(?:")
	}
	for _, part := range p {
		switch part.Kind {
		case AnyText:
			b.WriteString(".*")
		case AnyChar:
			b.WriteString(".")
		default:
			b.WriteString(regexp.QuoteMeta(part.Text))
		}
	}
	if whole {
		b.WriteString(")$")
	}
	return regexp.MustCompile(b.String())
}

var decimal = regexp.MustCompile(`^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$`)

func (n naive) value(field string, v *Value) bool {
	texts := n.texts(field)
	some := func(f func(string) bool) bool { return slices.ContainsFunc(texts, f) }
	switch v.Kind {
	case ExpansionValue:
		return slices.ContainsFunc(v.Values, func(x Value) bool { return n.value(field, &x) })
	case StringValue:
		return some(pattern(v.Pattern, v.Cased, field != "").MatchString)
	case NumberValue:
		if field == "" {
			return some(func(s string) bool { return strings.Contains(s, v.Number.Text) })
		}
		return some(func(s string) bool { return s == v.Number.Text })
	case BoolValue:
		if field == "" {
			return some(func(s string) bool { return strings.Contains(strings.ToLower(s), fmt.Sprint(v.Bool)) })
		}
		return some(func(s string) bool { return strings.EqualFold(s, fmt.Sprint(v.Bool)) })
	case NullValue:
		return field != "" && len(texts) == 0
	case ExistsValue:
		return len(texts) > 0 == v.Bool
	case RegexpValue:
		return some(regexp.MustCompile(v.Regexp).MatchString)
	case CIDRValue:
		return some(func(s string) bool {
			a, err := netip.ParseAddr(s)
			return err == nil && v.Prefix.Contains(a)
		})
	case CompareValue:
		return some(func(s string) bool {
			if !decimal.MatchString(s) {
				return false
			}
			f, _ := strconv.ParseFloat(s, 64)
			return map[CompareOp]bool{LT: f < v.Number.Float, LTE: f <= v.Number.Float, GT: f > v.Number.Float, GTE: f >= v.Number.Float}[v.Op]
		})
	case FieldRefValue:
		others := n.texts(v.Ref)
		return some(func(s string) bool {
			return slices.ContainsFunc(others, func(o string) bool {
				p := literalPattern(o).open(v.EndsWith, v.StartsWith)
				return pattern(p, v.Cased, true).MatchString(s)
			})
		})
	}
	return false
}

// gen makes rules and events from few letters, so that they often meet.
type gen struct{ *rand.Rand }

func (g gen) of(xs ...string) string { return xs[g.IntN(len(xs))] }

func (g gen) text(max int) string {
	var b strings.Builder
	for range g.IntN(max + 1) {
		b.WriteString(g.of("a", "A", "b", "B", "ab", "k", "K", "\u212a", "s", "ſ", "é", "É", `\`, "-", "/", " ", "1", ".", "ß", "aab"))
	}
	return b.String()
}

func (g gen) pattern() string {
	var b strings.Builder
	for range 1 + g.IntN(3) {
		b.WriteString(g.text(2))
		if g.IntN(3) == 0 {
			b.WriteString(g.of("*", "?", `\*`, `\\`))
		}
	}
	return b.String()
}

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func (g gen) item(keyword bool) string {
	mods, value := "", ""
	scalar := func() string { return quoted(g.pattern()) }
	switch g.IntN(16) {
	case 0:
		value = g.of("null", "1", "11", "true", "''", "1.5")
		if keyword {
			value = g.of("1", "11", "true")
		}
	case 1:
		mods, value = g.of("|re", "|re|i", "|re|startswith", "|re|endswith"), quoted(g.of("a+b", "(a|b)k", "^a", "b$", "a.b", "[ab]{2}", "aab", `\\`, "k"))
	case 2:
		if keyword {
			value = scalar()
			break
		}
		mods, value = g.of("|lt", "|lte", "|gt", "|gte"), g.of("1", "0", "11", "1.5", "-1")
	case 3:
		if keyword {
			value = scalar()
			break
		}
		mods, value = g.of("|fieldref", "|fieldref|startswith", "|fieldref|endswith", "|fieldref|contains", "|fieldref|cased"), g.of("a", "b", "c")
	case 4:
		if keyword {
			value = scalar()
			break
		}
		mods, value = "|exists", g.of("true", "false")
	default:
		mods = g.of("", "", "|contains", "|startswith", "|endswith", "|contains|cased", "|cased", "|windash|contains", "|contains|all", "|all", "|neq", "|contains|neq", "|endswith|all")
		value = scalar()
		if g.IntN(2) == 0 {
			n := 1 + g.IntN(3)
			if g.IntN(20) == 0 {
				n = 20
			}
			var vs []string
			for range n {
				vs = append(vs, scalar())
			}
			value = "[" + strings.Join(vs, ", ") + "]"
		}
	}
	if keyword {
		if strings.Contains(mods, "re") || strings.Contains(mods, "neq") {
			mods, value = "|contains", scalar()
		}
		return "'" + mods + "': " + value
	}
	return g.of("a", "b", "c", "d.e") + mods + ": " + value
}

func (g gen) rule() string {
	var b strings.Builder
	names := []string{"s1", "s2", "f1", "f2"}[:1+g.IntN(4)]
	for _, n := range names {
		fmt.Fprintf(&b, "  %s:\n", n)
		switch g.IntN(5) {
		case 0:
			fmt.Fprintf(&b, "    - %s\n    - %s\n", quoted(g.pattern()), quoted(g.pattern()))
		case 1:
			fmt.Fprintf(&b, "    - %s\n    - %s\n", g.item(false), g.item(false))
		case 2:
			fmt.Fprintf(&b, "    %s\n", g.item(true))
		default:
			first := g.item(false)
			fmt.Fprintf(&b, "    %s\n", first)
			if second := g.item(false); strings.SplitN(second, ":", 2)[0] != strings.SplitN(first, ":", 2)[0] {
				fmt.Fprintf(&b, "    %s\n", second)
			}
		}
	}
	var cond func(depth int) string
	cond = func(depth int) string {
		if depth == 0 || g.IntN(3) == 0 {
			return g.of(g.of(names...), "1 of them", "all of s*", "1 of s*")
		}
		switch g.IntN(4) {
		case 0:
			return "not " + cond(0)
		case 1:
			return "(" + cond(depth-1) + ")"
		case 2:
			return cond(depth-1) + " or " + cond(depth-1)
		}
		return cond(depth-1) + " and " + cond(depth-1)
	}
	fmt.Fprintf(&b, "  condition: %s\n", cond(3))
	return ruleText(b.String())
}

func (g gen) value(depth int) any {
	switch g.IntN(12) {
	case 0:
		return g.IntN(13) - 1
	case 1:
		return g.IntN(2) == 0
	case 2:
		return nil
	case 3:
		return float64(g.IntN(4)) + 0.5
	case 4, 5:
		if depth > 0 {
			out := []any{}
			for range g.IntN(3) {
				out = append(out, g.value(depth-1))
			}
			return out
		}
	}
	return g.text(6)
}

func (g gen) event() []byte {
	m := map[string]any{}
	for _, f := range []string{"a", "b", "c", "x"} {
		if g.IntN(4) > 0 {
			m[f] = g.value(2)
		}
	}
	if g.IntN(2) == 0 {
		m["d"] = map[string]any{"e": g.value(1)}
	} else if g.IntN(2) == 0 {
		m["d.e"] = g.value(1)
	}
	line, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return line
}

// TestEngineAgainstNaive: over generated rules and events, all rules in one
// engine give what each gives alone, however the event was decoded.
func TestEngineAgainstNaive(t *testing.T) {
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	matched, judged := 0, 0
	for round := range rounds {
		g := gen{rand.New(rand.NewPCG(uint64(round), 99))}
		all := &Collection{}
		for len(all.Rules) < 40 {
			c, problems := ParseFile(fmt.Sprint("r", len(all.Rules)), []byte(g.rule()))
			if len(problems) == 0 {
				all.Merge(c)
			}
		}
		fields := event.NewFields()
		e, problems := Compile(all, fields, Options{})
		for _, p := range problems {
			t.Fatal(p.Error())
		}
		d := NewDecoder(e)
		ev, whole := event.New(fields), event.New(fields)
		var s Scratch
		var b, b2 Buffer
		for range 60 {
			line := g.event()
			if err := d.decode(line, whole, &b2, true); err != nil {
				t.Fatal(err)
			}
			ms, err := d.Match(line, ev, &s, &b)
			if err != nil {
				t.Fatal(err)
			}
			got := map[*Rule]bool{}
			for _, m := range ms {
				got[m.Rule] = true
				for _, f := range m.Fields() {
					if f.Field == "" {
						t.Errorf("a match without a field: %+v", f)
					}
				}
			}
			for i, m := range e.Match(whole, &s) {
				if !got[m.Rule] || i > 0 && m.index <= e.Match(whole, &s)[i-1].index {
					t.Errorf("round %d: %s: %s matches on the whole event only", round, line, m.Rule.File)
				}
			}
			for _, r := range all.Rules {
				want := naive{whole}.rule(r)
				judged++
				if want {
					matched++
				}
				if got[r] != want {
					t.Fatalf("round %d: %s on %s: engine %v, naive %v\n%s", round, r.File, line, got[r], want, ruleSource(r))
				}
			}
		}
	}
	t.Logf("%d of %d judgements are matches", matched, judged)
	if matched*50 < judged || matched*2 > judged {
		t.Errorf("%d matches of %d: the generator tells little", matched, judged)
	}
}

func ruleSource(r *Rule) string {
	var b strings.Builder
	for _, d := range r.Detections {
		fmt.Fprintf(&b, "%s: ", d.Name)
		switch n := d.Node.(type) {
		case *Item:
			fmt.Fprintf(&b, "%+v\n", *n)
		case *Group:
			for _, x := range n.Nodes {
				fmt.Fprintf(&b, "and=%v %+v; ", n.And, x)
			}
			b.WriteByte('\n')
		}
	}
	return b.String() + r.Conditions[0].Text
}
