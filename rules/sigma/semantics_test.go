package sigma

import (
	"fmt"
	"strings"
	"testing"

	"github.com/openmxdr/openmxdr/internal/event"
)

// ruleText wraps a detection section, indented by two spaces, into a rule.
func ruleText(detection string) string {
	return "title: t\nlogsource: {product: test}\ndetection:\n" + detection
}

// jsonMatches tells whether the only rule of text matches an event in JSON.
func jsonMatches(t testing.TB, text, line string) bool {
	t.Helper()
	c, problems := ParseFile("rule.yml", []byte(text))
	for _, p := range problems {
		t.Fatalf("%s\n%s", p.Error(), text)
	}
	fields := event.NewFields()
	e, problems := Compile(c, fields, Options{})
	for _, p := range problems {
		t.Fatalf("%s\n%s", p.Error(), text)
	}
	ev := event.New(fields)
	var s Scratch
	var b Buffer
	ms, err := NewDecoder(e).Match([]byte(line), ev, &s, &b)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	got := len(ms) > 0
	// The same event, filled whole, must give the same.
	if err := NewDecoder(e).decode([]byte(line), ev, &b, true); err != nil {
		t.Fatal(err)
	}
	if whole := len(e.Match(ev, &s)) > 0; whole != got {
		t.Errorf("%s on %s: %v on the whole event, %v on the fields asked for", text, line, whole, got)
	}
	return got
}

// TestValues: one row says which values of field f an item matches and which
// it does not. Values are JSON; "absent" leaves the field out.
func TestValues(t *testing.T) {
	for _, c := range []struct {
		item    string
		yes, no []string
	}{
		{`f: abc`, []string{`"abc"`, `"ABC"`, `"aBc"`, `["x","abc"]`, `[["abc"]]`}, []string{`"abcd"`, `"xabc"`, `""`, `null`, `absent`, `5`, `[]`, `["x"]`}},
		{`f: 'ÄÖß'`, []string{`"äöß"`, `"ÄÖẞ"`}, []string{`"aoss"`, `"ÄÖSS"`}},
		{`f: k`, []string{`"K"`, `"\u212a"`}, []string{`"c"`}},
		{`f: 'a*c'`, []string{`"ac"`, `"abc"`, `"A**C"`, `"abcabc"`}, []string{`"abcd"`, `"ab"`}},
		{`f: 'a?c'`, []string{`"abc"`, `"aäc"`, `"a?c"`}, []string{`"ac"`, `"abbc"`}},
		{`f: 'a\*c'`, []string{`"a*c"`}, []string{`"abc"`, `"a\\*c"`}},
		{`f: 'a\\*c'`, []string{`"a\\c"`, `"a\\xc"`}, []string{`"a*c"`, `"ac"`}},
		{`f: 'a\\\*c'`, []string{`"a\\*c"`}, []string{`"a\\xc"`}},
		{`f: 'a\b'`, []string{`"a\\b"`}, []string{`"ab"`, `"a\\\\b"`}},
		{`f: 'a\\b'`, []string{`"a\\b"`}, []string{`"a\\\\b"`}},
		{`f: '\\\\srv'`, []string{`"\\\\srv"`}, []string{`"\\srv"`}},
		{`f: '*'`, []string{`"x"`, `""`, `0`, `false`}, []string{`null`, `absent`, `[]`}},
		{`f: '?*'`, []string{`"x"`, `"xy"`}, []string{`""`, `null`}},
		{`f: ''`, []string{`""`, `["",1]`}, []string{`null`, `absent`, `" "`, `0`}},
		{`f: null`, []string{`null`, `absent`, `[]`, `[null]`}, []string{`""`, `0`, `false`, `[null,1]`}},
		{`f|contains: []`, []string{`null`, `absent`}, []string{`"x"`}},
		{`f: []`, []string{`null`, `absent`}, []string{`""`}},
		{`f: [null, a]`, []string{`null`, `absent`, `"A"`}, []string{`"b"`}},
		{`f: 4688`, []string{`4688`, `"4688"`, `4688.0`, `[1,4688]`}, []string{`"04688"`, `4689`, `"4688 "`}},
		{`f: '4688'`, []string{`4688`, `"4688"`}, []string{`46880`}},
		{`f: 1.5`, []string{`1.5`, `"1.5"`}, []string{`1`, `15`}},
		{`f: -3`, []string{`-3`, `"-3"`}, []string{`3`}},
		{`f: 18446744073709551615`, []string{`18446744073709551615`, `"18446744073709551615"`}, []string{`18446744073709551614`}},
		{`f: true`, []string{`true`, `"true"`, `"True"`}, []string{`false`, `1`}},
		{`f: 'false'`, []string{`false`, `"FALSE"`}, []string{`true`, `0`}},
		{`f|contains: b`, []string{`"abc"`, `"B"`}, []string{`"ac"`, `""`}},
		{`f|contains: 'a*c'`, []string{`"xabbcx"`, `"ac"`}, []string{`"ca"`}},
		{`f|contains: 'a?c'`, []string{`"xabcx"`}, []string{`"ac"`}},
		{`f|contains: '*b*'`, []string{`"abc"`}, []string{`"ac"`}},
		{`f|contains: ''`, []string{`"abc"`, `""`}, []string{`null`, `absent`}},
		{`f|contains: [x, y]`, []string{`"ax"`, `"ay"`}, []string{`"az"`}},
		{`f|contains|all: [x, y]`, []string{`"yx"`, `["x","y"]`}, []string{`"ax"`, `"y"`}},
		{`f|all: ['*x*', '*y*']`, []string{`"xy"`}, []string{`"x"`}},
		{`f|startswith: ab`, []string{`"abc"`, `"AB"`}, []string{`"xab"`, `"a"`}},
		{`f|startswith: 'a?b'`, []string{`"aXbc"`}, []string{`"abc"`}},
		{`f|endswith: '\cmd.exe'`, []string{`"C:\\CMD.exe"`}, []string{`"C:\\cmd.exe "`, `"cmd.exe"`}},
		{`f|endswith: 'a long suffix that exceeds what an automaton keeps.exe'`, []string{`"x a long suffix that exceeds what an automaton KEEPS.exe"`}, []string{`"a short suffix that exceeds what an automaton keeps.exe"`}},
		{`f|contains: 'a long needle that exceeds what an automaton keeps'`, []string{`"x a long needle that exceeds what an automaton keepsx"`}, []string{`"a short needle that exceeds what an automaton keeps"`}},
		{`f|cased: aBc`, []string{`"aBc"`}, []string{`"abc"`}},
		{`f|contains|cased: B`, []string{`"aBc"`}, []string{`"abc"`}},
		{`f|cased|startswith: A`, []string{`"Ab"`}, []string{`"ab"`}},
		{`f|neq: abc`, []string{`"x"`, `absent`, `null`}, []string{`"ABC"`}},
		{`f|neq: [a, b]`, []string{`"c"`}, []string{`"a"`, `"b"`}},
		{`f|contains|neq: a`, []string{`"b"`}, []string{`"xax"`}},
		{`f|contains|all|neq: [a, b]`, []string{`"a"`, `"b"`}, []string{`"ab"`}},
		{`f|exists: true`, []string{`"x"`, `""`, `0`}, []string{`absent`, `null`}},
		{`f|exists: false`, []string{`absent`, `null`}, []string{`"x"`, `""`}},
		{`f|exists: 'yes'`, nil, nil},
		{`f|re: 'a.c'`, []string{`"xabcx"`}, []string{`"ABC"`, `"ac"`}},
		{`f|re: '^a.c$'`, []string{`"abc"`}, []string{`"xabc"`, `"abcx"`}},
		{`f|re|i: 'a.c'`, []string{`"ABC"`}, []string{`"ac"`}},
		{`f|re|m: '^b$'`, []string{`"a\nb\nc"`}, []string{`"ab"`}},
		{`f|re: '^b$'`, nil, []string{`"a\nb\nc"`}},
		{`f|re|s: 'a.b'`, []string{`"a\nb"`}, []string{`"ab"`}},
		{`f|re: 'a.b'`, nil, []string{`"a\nb"`}},
		{`f|re|ignorecase|dotall: 'a.b'`, []string{`"A\nB"`}, nil},
		{`f|re|startswith: 'a|b'`, []string{`"ax"`, `"bx"`}, []string{`"xa"`}},
		{`f|re|endswith: 'a|b'`, []string{`"xa"`, `"xb"`}, []string{`"ax"`, `"bx"`}},
		{`f|re|contains: 'a|b'`, []string{`"xax"`}, []string{`"x"`}},
		{`f|re: '(foo|bar)[0-9]+'`, []string{`"a bar7"`}, []string{`"bar"`, `"FOO1"`}},
		{`f|re: '\d{3}'`, []string{`123`, `"a1234"`}, []string{`12`}},
		{`f|windash|contains: ' -enc'`, []string{`"x -ENC"`, `"x /enc"`, `"x –enc"`, `"x —enc"`, `"x ―enc"`}, []string{`"x enc"`, `"x +enc"`}},
		{`f|windash: 'a-b /c'`, []string{`"a-b -c"`, `"a-b /c"`}, []string{`"a/b -c"`}},
		{`f|windash|contains|all: [' -a', ' -b']`, []string{`"x /a –b"`}, []string{`"x /a"`}},
		{`f|base64: foobar`, []string{`"Zm9vYmFy"`}, []string{`"foobar"`}},
		{`f|base64|contains: foobar`, []string{`"xxZm9vYmFyxx"`}, []string{`"x"`}},
		{`f|base64offset|contains: foobar`, []string{`"eCBmb29iYXI="`, `"Zm9vYmFy"`, `"IGZvb2Jhcg=="`}, []string{`"YmFyZm9v"`}},
		{`f|wide|base64: ab`, []string{`"YQBiAA=="`}, []string{`"YWI="`}},
		{`f|utf16le|base64: ab`, []string{`"YQBiAA=="`}, nil},
		{`f|utf16be|base64: ab`, []string{`"AGEAYg=="`}, nil},
		{`f|utf16|base64: ab`, []string{`"//5hAGIA"`}, nil},
		{`f|wide: ab`, []string{`"a\u0000b\u0000"`}, []string{`"ab"`}},
		{`f|lt: 5`, []string{`4`, `4.9`, `"4"`, `-1`, `[9,1]`}, []string{`5`, `"x"`, `absent`, `true`}},
		{`f|lte: 5`, []string{`5`, `"5.0"`}, []string{`5.1`}},
		{`f|gt: 5`, []string{`6`, `5.01`}, []string{`5`, `""`, `"0x10"`}},
		{`f|gte: 5.5`, []string{`5.5`, `"1e3"`}, []string{`5.4`}},
		{`f|cidr: 10.0.0.0/8`, []string{`"10.1.2.3"`, `"::ffff:10.1.2.3"`, `["1.1.1.1","10.0.0.1"]`}, []string{`"11.0.0.1"`, `"10.0.0.0/8"`, `"x"`, `""`}},
		{`f|cidr: '2001:db8::/32'`, []string{`"2001:DB8::1"`, `"2001:db8:0:0:0:0:0:1%eth0"`}, []string{`"2001:db9::1"`, `"10.0.0.1"`}},
		{`f|cidr: 10.1.2.3`, []string{`"10.1.2.3"`}, []string{`"10.1.2.4"`}},
		{`f|cidr: [10.0.0.0/255.0.0.0, fe80::/10]`, []string{`"10.9.9.9"`, `"fe80::1%3"`}, []string{`"192.168.0.1"`}},
		{`f|fieldref: g`, []string{`"same"`, `"SAME"`}, []string{`"other"`, `absent`, `null`}},
		{`f|fieldref|cased: g`, nil, nil},
		{`f|fieldref|neq: g`, []string{`"other"`, `absent`}, []string{`"same"`}},
		{`f|fieldref|startswith: g`, []string{`"same1"`}, []string{`"1same"`}},
		{`f|fieldref|endswith: g`, []string{`"1same"`}, []string{`"same1"`}},
		{`f|fieldref|contains: g`, []string{`"1same1"`}, []string{`"1sam"`}},
		{`f|minute: 5`, []string{`"2024-03-09T23:05:00Z"`, `1710025500`}, []string{`"2024-03-09T23:06:00Z"`, `"x"`}},
		{`f|hour: 23`, []string{`"2024-03-09T23:05:00+05:00"`, `"2024-03-09 23:05:00.123"`}, []string{`"2024-03-09T22:05:00Z"`}},
		{`f|day: 9`, []string{`"2024-03-09"`}, []string{`"2024-03-10"`}},
		{`f|week: 10`, []string{`"2024-03-09T00:00:00Z"`}, []string{`"2024-03-11T00:00:00Z"`}},
		{`f|month: 3`, []string{`"2024-03-09T00:00:00Z"`}, []string{`"2024-04-09T00:00:00Z"`}},
		{`f|year: 2024`, []string{`"2024-03-09T00:00:00Z"`, `1710025500000`}, []string{`"2023-03-09T00:00:00Z"`}},
		{`f|hour|gte: 22`, []string{`"2024-03-09T23:05:00Z"`}, []string{`"2024-03-09T21:05:00Z"`}},
	} {
		text := ruleText("  sel:\n    " + c.item + "\n  condition: sel\n")
		if col, problems := ParseFile("r", []byte(text)); len(problems) > 0 {
			if c.yes != nil || c.no != nil {
				t.Errorf("%s: %s", c.item, problems[0].Error())
			}
			continue
		} else if c.yes == nil && c.no == nil {
			t.Errorf("%s is accepted: %+v", c.item, col.Rules[0])
			continue
		}
		check := func(v string, want bool) {
			line := `{"g":"same","f":` + v + `}`
			if v == "absent" {
				line = `{"g":"same"}`
			}
			if got := jsonMatches(t, text, line); got != want {
				t.Errorf("%s on %s: %v, want %v", c.item, line, got, want)
			}
		}
		for _, v := range c.yes {
			check(v, true)
		}
		for _, v := range c.no {
			check(v, false)
		}
	}
}

// TestDetections: how items, lists and conditions join.
func TestDetections(t *testing.T) {
	for _, c := range []struct {
		name, detection string
		yes, no         []string
	}{
		{"map is and", "  s: {a: 1, b: 2}\n  condition: s", []string{`{"a":1,"b":2}`}, []string{`{"a":1}`}},
		{"list of maps is or", "  s: [{a: 1}, {b: 2}]\n  condition: s", []string{`{"a":1}`, `{"b":2}`}, []string{`{"c":1}`}},
		{"nested lists", "  s: [[{a: 1}, {b: 2}], {c: 3}]\n  condition: s", []string{`{"b":2}`, `{"c":3}`}, []string{`{"a":2}`}},
		{"keywords", "  k: [one, 'tw?']\n  condition: k", []string{`{"x":"stone"}`, `{"x":["a","TWO"]}`, `{"x":{"y":"one"}}`}, []string{`{"x":"on e"}`, `{"one":"x"}`}},
		{"one keyword", "  k: 4711\n  condition: k", []string{`{"x":"a 4711 b"}`, `{"x":4711}`}, []string{`{"x":4710}`}},
		{"all keywords", "  k:\n    '|all': [one, two]\n  condition: k", []string{`{"x":"one","y":"two"}`, `{"x":"two one"}`}, []string{`{"x":"one"}`}},
		{"keyword with slash and quote", "  k: ['a/b', 'say \"x\"']\n  condition: k", []string{`{"x":"a\/b"}`, `{"x":"say \"x\""}`, `{"x":"\u0061/b"}`}, []string{`{"x":"ab"}`}},
		{"keyword re", "  k:\n    '|re': 'o.e'\n  condition: k", nil, nil},
		{"not", "  s: {a: 1}\n  f: {b: 2}\n  condition: s and not f", []string{`{"a":1}`, `{"a":1,"b":3}`}, []string{`{"a":1,"b":2}`, `{"b":3}`}},
		{"only not", "  f: {b: 2}\n  condition: not f", []string{`{}`, `{"b":3}`}, []string{`{"b":2}`}},
		{"precedence", "  a: {a: 1}\n  b: {b: 1}\n  c: {c: 1}\n  condition: a or b and not c", []string{`{"a":1,"c":1}`, `{"b":1}`}, []string{`{"b":1,"c":1}`}},
		{"parentheses", "  a: {a: 1}\n  b: {b: 1}\n  c: {c: 1}\n  condition: (a or b) and not (c)", []string{`{"a":1}`, `{"b":1}`}, []string{`{"a":1,"c":1}`}},
		{"1 of pattern", "  s_1: {a: 1}\n  s_2: {b: 1}\n  t: {c: 1}\n  condition: 1 of s_*", []string{`{"a":1}`, `{"b":1}`}, []string{`{"c":1}`}},
		{"any of pattern", "  s_1: {a: 1}\n  s_2: {b: 1}\n  condition: any of s*", []string{`{"b":1}`}, []string{`{"c":1}`}},
		{"all of pattern", "  s_1: {a: 1}\n  s_2: {b: 1}\n  t: {c: 1}\n  condition: all of s_*", []string{`{"a":1,"b":1}`}, []string{`{"a":1}`}},
		{"not 1 of", "  s: {a: 1}\n  f_1: {b: 1}\n  f_2: {c: 1}\n  condition: s and not 1 of f_*", []string{`{"a":1}`}, []string{`{"a":1,"c":1}`}},
		{"them leaves out underscores", "  s: {a: 1}\n  _h: {b: 1}\n  condition: all of them", []string{`{"a":1}`}, []string{`{"b":1}`}},
		{"them leaves out timeframe", "  s: {a: 1}\n  timeframe: 5m\n  condition: 1 of them", []string{`{"a":1}`}, []string{`{"a":"5m"}`}},
		{"list of conditions", "  s: {a: 1}\n  t: {b: 1}\n  condition: [s, t]", []string{`{"a":1}`, `{"b":1}`}, []string{`{}`}},
		{"spaces around names", "  s: {' a ': 1}\n  condition: s", []string{`{"a":1}`}, nil},
		{"dotted name, nested", "  s: {a.b.c: 1}\n  condition: s", []string{`{"a":{"b":{"c":1}}}`, `{"a.b":{"c":1}}`, `{"a":{"b.c":1}}`, `{"a.b.c":1}`, `{"a":{"b":[{"c":2},{"c":1}]}}`, `{"a":[{"b":{"c":1}}]}`}, []string{`{"a":{"b":1}}`, `{"a":{"b":{"c":[{}]}}}`}},
		{"object as text", "  s: {'a|contains': '\"k\":\"v\"'}\n  condition: s", []string{`{"a":{"k":"v"}}`}, []string{`{"a":{"k":"w"}}`}},
		{"same predicate twice", "  s: {a: 1}\n  t: {a: 1, b: 1}\n  condition: s and not t", []string{`{"a":1}`}, []string{`{"a":1,"b":1}`}},
	} {
		text := ruleText(c.detection + "\n")
		if c.yes == nil && c.no == nil {
			continue
		}
		for i, lines := range [][]string{c.yes, c.no} {
			for _, l := range lines {
				if got := jsonMatches(t, text, l); got != (i == 0) {
					t.Errorf("%s: %s: %v, want %v", c.name, l, got, i == 0)
				}
			}
		}
	}
}

// TestRefused: what is refused, at which line, and why.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		text string
		line int
		want string
	}{
		{"- a\n", 1, "must be a map"},
		{"a: [\n", 0, "not valid YAML"},
		{"title: t\ntitle: u\n", 2, "appears twice"},
		{"title: t\nlogsource: {product: x}\n", 1, "must have a detection"},
		{"title: t\ndetection: {s: {a: 1}, condition: s}\n", 1, "must have a logsource"},
		{"logsource: {product: x}\ndetection: {s: {a: 1}, condition: s}\n", 1, "title is missing"},
		{"title: t\nid: x\nlogsource: {product: x}\ndetection: {s: {a: 1}, condition: s}\n", 2, "not a UUID"},
		{"title: t\nlevel: huge\nlogsource: {product: x}\ndetection: {s: {a: 1}, condition: s}\n", 2, "not one of"},
		{"title: t\nstatus: new\nlogsource: {product: x}\ndetection: {s: {a: 1}, condition: s}\n", 2, "not one of"},
		{"title: t\ndate: 2024-13-01\nlogsource: {product: x}\ndetection: {s: {a: 1}, condition: s}\n", 2, "not a date"},
		{"title: t\ntags: [x]\nlogsource: {product: x}\ndetection: {s: {a: 1}, condition: s}\n", 2, "namespace"},
		{"title: t\nlogsource: {definition: x}\ndetection: {s: {a: 1}, condition: s}\n", 2, "category, product or service"},
		{"action: other\n", 1, "unknown collection action"},
		{ruleText("  s: {a: 1}\n"), 4, "must have a condition"},
		{ruleText("  condition: s\n"), 4, "no detection"},
		{ruleText("  s: {}\n  condition: s\n"), 4, "empty"},
		{ruleText("  s: []\n  condition: s\n"), 4, "empty"},
		{ruleText("  s: {a: {b: 1}}\n  condition: s\n"), 4, "not a map"},
		{ruleText("  s: {a: [[1]]}\n  condition: s\n"), 4, "not a list"},
		{ruleText("  s: {a: 2024-01-01}\n  condition: s\n"), 4, "not a date"},
		{ruleText("  s: {a|nope: 1}\n  condition: s\n"), 4, "unknown modifier"},
		{ruleText("  s: {a|contains: 1}\n  condition: s\n"), 4, "needs text, not a number"},
		{ruleText("  s: {a|contains: null}\n  condition: s\n"), 4, "needs text, not null"},
		{ruleText("  s: {a|contains|re: x}\n  condition: s\n"), 4, "before all other"},
		{ruleText("  s: {a|re: '('}\n  condition: s\n"), 4, "regular expression"},
		{ruleText("  s: {a|re: '(?=x)y'}\n  condition: s\n"), 4, "backtracking"},
		{ruleText("  s: {a|re: '(a{1000}){1000}'}\n  condition: s\n"), 4, "regular expression"},
		{ruleText("  s: {a|i: x}\n  condition: s\n"), 4, "needs a regular expression"},
		{ruleText("  s: {a|exists: 1}\n  condition: s\n"), 4, "needs a boolean"},
		{ruleText("  s: {'|exists': true}\n  condition: s\n"), 4, "needs a field"},
		{ruleText("  s: {a|lt: x}\n  condition: s\n"), 4, "needs a number"},
		{ruleText("  s: {a|gte|hour: 5}\n  condition: s\n"), 4, "needs a number"},
		{ruleText("  s: {a|cidr: 10.0.0.1/8}\n  condition: s\n"), 4, "behind the mask"},
		{ruleText("  s: {a|cidr: x}\n  condition: s\n"), 4, "not a network"},
		{ruleText("  s: {a|base64: 'x*'}\n  condition: s\n"), 4, "wildcards"},
		{ruleText("  s: {a|wide: 'é'}\n  condition: s\n"), 4, "UTF-16"},
		{ruleText("  s: {a|fieldref: 'x*'}\n  condition: s\n"), 4, "wildcards"},
		{ruleText("  s: {a|windash: ' -a -b -c -d'}\n  condition: s\n"), 4, "more than 3 dashes"},
		{ruleText("  s: {a: 1}\n  condition: t\n"), 5, "not defined"},
		{ruleText("  s: {a: 1}\n  condition: s AND s\n"), 5, "unexpected"},
		{ruleText("  s: {a: 1}\n  condition: 2 of them\n"), 5, "only 1, any and all"},
		{ruleText("  s: {a: 1}\n  condition: 1 of x*\n"), 5, "fits no detection"},
		{ruleText("  s: {a: 1}\n  condition: s | count() > 5\n"), 5, "correlation"},
		{ruleText("  s: {a: 1}\n  condition: (s\n"), 5, "closing parenthesis"},
		{ruleText("  s: {a: 1}\n  condition: s and\n"), 5, "ends where"},
		{ruleText("  s: {a: 1}\n  condition: ''\n"), 5, "empty"},
		{ruleText("  s: {a: 1}\n  condition: " + strings.Repeat("(", 500) + "s" + strings.Repeat(")", 500) + "\n"), 5, "nested deeper"},
	} {
		col, problems := ParseFile("r.yml", []byte(c.text))
		if len(col.Rules) > 0 || len(problems) == 0 {
			t.Errorf("%q is accepted", c.text)
			continue
		}
		found := false
		for _, p := range problems {
			found = found || strings.Contains(p.Reason, c.want) && (c.line == 0 || p.Line == c.line) && p.File == "r.yml"
		}
		if !found {
			t.Errorf("%q: %v, want %q at line %d", c.text, problems, c.want, c.line)
		}
	}
}

// TestCollections: global, reset and repeat, several documents, and what is
// left of a file in which some are broken.
func TestCollections(t *testing.T) {
	text := `action: global
title: base
logsource: {product: x}
detection: {condition: s}
---
detection: {s: {a: 1}}
---
action: repeat
title: again
detection: {s: {a: 2}}
---
action: reset
---
title: alone
logsource: {product: y}
detection: {s: {a: 3}, condition: s}
---
title: broken
logsource: {product: y}
detection: {s: {a: 3}}
---
title: last
logsource: {product: y}
detection: {s: {a: 4}, condition: s}
`
	c, problems := ParseFile("r.yml", []byte(text))
	var got []string
	for _, r := range c.Rules {
		it := r.Detections[0].Node.(*Item)
		got = append(got, fmt.Sprint(r.Title, r.LogSource.Product, it.Values[0].Number.Text))
	}
	if want := "[basex1 againx2 aloney3 lasty4]"; fmt.Sprint(got) != want {
		t.Errorf("rules %v, want %s", got, want)
	}
	if len(problems) != 1 || problems[0].RuleID != "broken" || problems[0].Line < 18 {
		t.Errorf("problems %v", problems)
	}
}
