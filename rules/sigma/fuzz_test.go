package sigma

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"unicode/utf8"

	"github.com/openmxdr/openmxdr/internal/event"
)

// FuzzParse: whatever a file holds, parsing and compiling end, every problem
// says what it is, and the same file gives the same.
func FuzzParse(f *testing.F) {
	f.Add([]byte(ruleText("  s: {'a|contains|all': [b, 'c*d']}\n  t: [x, y]\n  condition: s and not 1 of t*\n")))
	f.Add([]byte(ruleText("  s: {'a|re|i': '^(a|b){2,3}$', b|windash: ' -x', c|base64offset|contains: foo, d|cidr: 10.0.0.0/8}\n  condition: all of them\n")))
	f.Add([]byte("title: c\ncorrelation: {type: temporal, rules: [a, b], timespan: 5m, group-by: u, condition: a and not b}\n---\naction: global\n"))
	f.Add([]byte("title: f\nlogsource: {product: x}\nfilter: {rules: any, s: {a: 1}, condition: not s}\n"))
	f.Add([]byte("a: &a [*a]\n"))
	g := gen{rand.New(rand.NewPCG(1, 2))}
	for range 20 {
		f.Add([]byte(g.rule()))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, problems := ParseFile("f.yml", data)
		e, more := Compile(c, event.NewFields(), Options{})
		for _, p := range append(problems, more...) {
			if p.File != "f.yml" || p.Reason == "" {
				t.Errorf("a problem without file or reason: %+v", p)
			}
		}
		again, _ := ParseFile("f.yml", data)
		if len(again.Rules) != len(c.Rules) || len(e.Rules()) > len(c.Rules) {
			t.Errorf("%d rules, then %d", len(c.Rules), len(again.Rules))
		}
		for _, r := range c.Rules {
			for _, d := range r.Detections {
				checkPatterns(t, d.Node)
			}
		}
	})
}

// checkPatterns: a pattern written out reads back as the same pattern.
func checkPatterns(t *testing.T, n Node) {
	switch n := n.(type) {
	case *Group:
		for _, x := range n.Nodes {
			checkPatterns(t, x)
		}
	case *Item:
		for _, v := range n.Values {
			if v.Kind == StringValue && !v.Pattern.has(Placeholder) {
				if got := ParsePattern(v.Pattern.String()); got.String() != v.Pattern.String() {
					t.Errorf("pattern %q reads back as %q", v.Pattern.String(), got.String())
				}
			}
		}
	}
}

// FuzzMatch: whatever an event holds, the engine gives what the naive
// evaluator gives.
func FuzzMatch(f *testing.F) {
	g := gen{rand.New(rand.NewPCG(3, 4))}
	all := &Collection{}
	for len(all.Rules) < 60 {
		if c, problems := ParseFile("r", []byte(g.rule())); len(problems) == 0 {
			all.Merge(c)
		}
	}
	fields := event.NewFields()
	e, _ := Compile(all, fields, Options{})
	d := NewDecoder(e)
	for range 30 {
		f.Add(g.event())
	}
	f.Add([]byte(`{"a":"\ud83d\ude00\u212a","Event":{"EventData":{"Data":[{"#attributes":{"Name":"a"},"#text":"b"}]}}}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		ev, whole := event.New(fields), event.New(fields)
		var s Scratch
		var b, b2 Buffer
		if err := d.decode(line, whole, &b2, true); err != nil {
			return
		}
		ms, err := d.Match(line, ev, &s, &b)
		if err != nil {
			t.Fatalf("%q: decoded whole but not in part: %v", line, err)
		}
		got := map[*Rule]bool{}
		for _, m := range ms {
			got[m.Rule] = true
			m.Fields()
		}
		if !json.Valid(line) || !utf8.Valid(line) {
			return // the naive evaluator cannot say: numbers such as 01, bytes that are no text
		}
		for _, r := range all.Rules {
			if want := (naive{whole}).rule(r); got[r] != want {
				t.Errorf("%q: engine %v, naive %v\n%s", line, got[r], want, ruleSource(r))
			}
		}
	})
}
