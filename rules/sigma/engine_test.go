package sigma

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/openmxdr/openmxdr/internal/event"
)

// compileText parses and compiles rules and fails on any problem.
func compileText(t testing.TB, text string, o Options) (*Engine, *event.Fields) {
	t.Helper()
	c, problems := ParseFile("r.yml", []byte(text))
	fields := event.NewFields()
	e, more := Compile(c, fields, o)
	for _, p := range append(problems, more...) {
		t.Fatal(p.Error())
	}
	return e, fields
}

func titles(ms []Match) string {
	var out []string
	for _, m := range ms {
		out = append(out, m.Rule.Title)
	}
	return strings.Join(out, " ")
}

func matchJSON(t testing.TB, e *Engine, f *event.Fields, line string) []Match {
	t.Helper()
	var s Scratch
	var b Buffer
	ms, err := NewDecoder(e).Match([]byte(line), event.New(f), &s, &b)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return ms
}

// TestFilters: a filter narrows the rules it names, or all of its log source,
// and nothing else.
func TestFilters(t *testing.T) {
	e, f := compileText(t, `title: one
name: r_one
logsource: {product: windows, category: process_creation}
detection: {sel: {a: 1}, condition: sel}
---
title: two
id: 5299fadf-f228-4526-8274-251db1960be9
logsource: {product: windows}
detection: {sel: {a: 1}, condition: sel}
---
title: three
logsource: {product: linux}
detection: {sel: {a: 1}, condition: sel}
---
title: only named
logsource: {product: windows}
filter:
  rules: [r_one, 5299FADF-F228-4526-8274-251DB1960BE9]
  sel: {user: admin}
  condition: not sel
---
title: any of windows
logsource: {product: windows}
filter:
  rules: any
  sel_1: {host: lab}
  sel_2: {host: test}
  condition: not 1 of sel_*
`, Options{})
	for line, want := range map[string]string{
		`{"a":1}`:                "one two three",
		`{"a":1,"user":"admin"}`: "three",
		`{"a":1,"host":"test"}`:  "three",
		`{"a":1,"host":"x"}`:     "one two three",
	} {
		if got := titles(matchJSON(t, e, f, line)); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

// TestPlaceholders: values are alternatives, in text and in regular
// expressions; a rule with an unknown one is left out and the rest runs.
func TestPlaceholders(t *testing.T) {
	text := ruleText("  s: {'a|contains|all|expand': ['%who%', '-']}\n  condition: s\n") + "---\n" +
		strings.Replace(ruleText("  s: {'a|re|expand': '^%who%$'}\n  condition: s\n"), "title: t", "title: re", 1) + "---\n" +
		strings.Replace(ruleText("  s: {'a|expand': '%other%'}\n  condition: s\n"), "title: t", "title: o", 1)
	c, problems := ParseFile("r.yml", []byte(text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	fields := event.NewFields()
	e, problems := Compile(c, fields, Options{Placeholders: map[string][]string{"who": {"al.ce", "b*b"}}})
	if len(problems) != 1 || problems[0].RuleID != "o" || !strings.Contains(problems[0].Reason, "%other%") {
		t.Errorf("problems: %v", problems)
	}
	for line, want := range map[string]string{`{"a":"x-al.ce"}`: "t", `{"a":"al.ce"}`: "re", `{"a":"alxce"}`: "", `{"a":"-bob"}`: "t", `{"a":"b*b"}`: "re"} {
		if got := titles(matchJSON(t, e, fields, line)); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

// TestCorrelations: documents are read whole, base rules are silent unless a
// correlation generates, and references that lead nowhere are reported.
func TestCorrelations(t *testing.T) {
	base := "title: a\nname: rule_a\nlogsource: {product: x}\ndetection: {s: {a: 1}, condition: s}\n---\n" +
		"title: b\nname: rule_b\nlogsource: {product: x}\ndetection: {s: {b: 1}, condition: s}\n---\n"
	c, problems := ParseFile("r.yml", []byte(base+`title: many
name: burst
correlation:
  type: value_count
  rules: rule_a
  group-by: [user, ip]
  timespan: 15m
  condition: {gte: 10, field: [host, port]}
  aliases:
    ip: {rule_a: src_ip, rule_b: client}
---
title: order
correlation:
  type: temporal_ordered
  rules: [burst, rule_b]
  timespan: 1M
  generate: true
---
title: boolean
correlation:
  type: temporal
  timespan: 2h
  condition: rule_a and not (rule_b or burst)
---
title: percentile
correlation: {type: value_percentile, rules: [rule_b], timespan: 1d, condition: {gt: 1.5, field: bytes, percentile: 95}}
`))
	if len(problems) > 0 || len(c.Correlations) != 4 {
		t.Fatal(problems, len(c.Correlations))
	}
	many, order, boolean, pct := c.Correlations[0], c.Correlations[1], c.Correlations[2], c.Correlations[3]
	if many.Type != ValueCount || many.Timespan != 15*time.Minute || fmt.Sprintf("%v %v %s %v", many.GroupBy, many.Threshold.Fields, many.Threshold.Op, many.Threshold.Count) != "[user ip] [host port] gte 10" ||
		many.Aliases[0].Name != "ip" || many.Aliases[0].Fields["rule_b"] != "client" {
		t.Errorf("%+v", many)
	}
	if !order.Generate || order.Timespan != 2629746*time.Second || order.Threshold.Op != "gte" || order.Threshold.Count != 2 {
		t.Errorf("%+v", order)
	}
	if fmt.Sprint(boolean.Rules) != "[rule_a rule_b burst]" || boolean.Boolean == nil || boolean.Threshold != nil {
		t.Errorf("%+v", boolean)
	}
	if pct.Threshold.Percentile != 95 || pct.Threshold.Count != 1.5 {
		t.Errorf("%+v", pct.Threshold)
	}
	fields := event.NewFields()
	e, problems := Compile(c, fields, Options{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for _, m := range matchJSON(t, e, fields, `{"a":1,"b":1}`) {
		if !m.Silent {
			t.Errorf("rule %s is not silent", m.Rule.Title)
		}
	}
	c, _ = ParseFile("r.yml", []byte(base+"title: x\ncorrelation: {type: event_count, rules: [gone, rule_a], timespan: 1m, generate: true, condition: {gte: 2}}\n"))
	e, problems = Compile(c, fields, Options{})
	if len(problems) != 1 || !strings.Contains(problems[0].Reason, `"gone"`) {
		t.Errorf("problems: %v", problems)
	}
	if ms := matchJSON(t, e, fields, `{"a":1}`); len(ms) != 1 || ms[0].Silent {
		t.Errorf("a generating correlation must leave its rules their findings: %+v", ms)
	}
}

const testMap = `
also: {winlog.channel: Channel, event.code: EventID}
logsources:
  - logsource: {product: windows}
    when: [{winlog.channel: [Security, Sysmon]}]
  - logsource: {product: windows, category: process_creation}
    when:
      - {winlog.channel: Sysmon, event.code: 1}
      - {winlog.channel: Security, event.code: 4688}
  - logsource: {product: windows, service: security}
    when: [{winlog.channel: Security}]
  - logsource: {product: linux, category: process_creation}
    when: [{host.os.type: linux, event.category: process}]
mappings:
  - for: {product: windows}
    prefix: winlog.event_data.
    fields:
      User: [winlog.event_data.User, user.name]
      Ip: {any: [source.ip, destination.ip]}
  - for: {category: process_creation}
    fields: {Image: process.executable}
`

const routedRules = `title: proc
logsource: {product: windows, category: process_creation}
detection: {s: {Image|endswith: x.exe}, condition: s}
---
title: anyproc
logsource: {category: process_creation}
detection: {s: {Image|endswith: x.exe}, condition: s}
---
title: sec
logsource: {product: windows, service: security}
detection: {s: {Image|endswith: x.exe}, condition: s}
---
title: win
logsource: {product: windows}
detection: {s: {Other: v, User: u}, condition: s}
---
title: nouser
logsource: {product: windows}
detection: {s: {Other: v}, f: {User: null}, condition: s and f}
---
title: ip
logsource: {product: windows}
detection: {s: {Ip|cidr: 10.0.0.0/8}, condition: s}
---
title: elsewhere
logsource: {product: printer}
detection: {s: {Image|endswith: x.exe}, condition: s}
---
title: word
logsource: {product: linux}
detection: {k: [needle], condition: k}
`

// TestRoutingAndMapping: which rules are tried on which events, and where
// their fields are looked for.
func TestRoutingAndMapping(t *testing.T) {
	m, err := ParseFieldMap(fstest.MapFS{"m.yml": {Data: []byte(testMap)}}, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		routing Routing
		line    string
		want    string
	}{
		{RouteDeclared, `{"winlog":{"channel":"Sysmon"},"event":{"code":"1"},"process":{"executable":"C:\\x.exe"}}`, "proc anyproc"},
		{RouteDeclared, `{"winlog.channel":"security","event.code":4688,"process.executable":"x.exe"}`, "proc anyproc"},
		{RouteDeclared, `{"winlog.channel":"Security","event.code":4624,"winlog.event_data.Image":"x.exe"}`, "sec"},
		{RouteDeclared, `{"Channel":"Sysmon","EventID":1,"Image":"x.exe"}`, "proc anyproc"},
		{RouteDeclared, `{"host.os.type":"linux","event.category":["process","session"],"process.executable":"x.exe","m":"needle"}`, "anyproc word"},
		{RouteDeclared, `{"process.executable":"x.exe"}`, ""},
		{RouteDeclared, `{"winlog.channel":"Sysmon","winlog.event_data.Other":"v","user.name":"u"}`, "win"},
		{RouteDeclared, `{"winlog.channel":"Sysmon","Other":"v","winlog.event_data.User":"x","user.name":"u"}`, ""},
		{RouteDeclared, `{"winlog.channel":"Sysmon","Other":"v","winlog.event_data.User":"","user.name":"u"}`, ""},
		{RouteDeclared, `{"winlog.channel":"Sysmon","Other":"v"}`, "nouser"},
		{RouteDeclared, `{"winlog.channel":"Sysmon","source.ip":"1.1.1.1","destination.ip":["2.2.2.2","10.1.1.1"]}`, "ip"},
		{RouteConflicts, `{"product":"Windows","category":"process_creation","Image":"x.exe"}`, "proc anyproc sec"},
		{RouteConflicts, `{"product":"windows","category":"process_creation","service":"sysmon","Image":"x.exe"}`, "proc anyproc"},
		{RouteConflicts, `{"Channel":"Security","EventID":4624,"Image":"x.exe"}`, "proc anyproc sec"},
		{RouteConflicts, `{"logsource":{"product":"linux"},"Image":"x.exe","m":"needle"}`, "anyproc word"},
		{RouteConflicts, `{"Image":"x.exe","m":"needle"}`, "proc anyproc sec elsewhere word"},
		{RouteNone, `{"product":"windows","Image":"x.exe","m":"needle"}`, "proc anyproc sec elsewhere word"},
	} {
		e, f := compileText(t, routedRules, Options{FieldMap: m, Routing: c.routing})
		if got := titles(matchJSON(t, e, f, c.line)); got != c.want {
			t.Errorf("routing %d: %s: %q, want %q", c.routing, c.line, got, c.want)
		}
	}
	for _, bad := range []string{"x: []", "logsources: [{logsource: {product: x}}]", "logsources: [{logsource: {os: x}, when: [{a: 1}]}]",
		"mappings: [{fields: {a: b}}]", "mappings: [{for: {product: x}, fields: {a: []}}]", "mappings: [{for: {product: x}, case: upper}]", "mappings: {a: b}", "- x"} {
		if _, err := ParseFieldMap(fstest.MapFS{"m.yml": {Data: []byte(bad)}}, "."); err == nil || !strings.Contains(err.Error(), "m.yml:1") {
			t.Errorf("%s: error %v, want one at m.yml:1", bad, err)
		}
	}
}

// TestHostileRouting: values that no log source knows make no new classes, and
// a list of many of them no long key.
func TestHostileRouting(t *testing.T) {
	m, err := ParseFieldMap(fstest.MapFS{"m.yml": {Data: []byte(testMap)}}, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, routing := range []Routing{RouteDeclared, RouteConflicts} {
		e, f := compileText(t, routedRules, Options{FieldMap: m, Routing: routing})
		ev := event.New(f)
		var s Scratch
		for i := range 20_000 {
			ev.Reset()
			ev.Set("winlog.channel", event.StringValue(fmt.Sprint("channel", i)))
			ev.Set("product", event.StringValue(fmt.Sprint("product", i)))
			ev.Set("event.code", event.ListValue([]event.Value{event.IntValue(int64(i)), {}, event.ObjectValue(nil)}))
			e.Match(ev, &s)
		}
		if n := len(s.routes.classes); n > 100 {
			t.Errorf("routing %d: %d classes", routing, n)
		}
	}
}

// TestExplain: what made a rule match, by event field and value.
func TestExplain(t *testing.T) {
	m, _ := ParseFieldMap(fstest.MapFS{"m.yml": {Data: []byte(testMap)}}, ".")
	e, f := compileText(t, `title: t
logsource: {product: windows, category: process_creation}
detection:
  img: {Image|endswith: [x.exe, y.exe]}
  arg: {Args|contains: [one, two, three]}
  off: {Args: nothing}
  no: {User: admin}
  kw: [needle]
  condition: (img and 1 of arg* or off) and not no and kw
`, Options{FieldMap: m})
	ms := matchJSON(t, e, f, `{"process.executable":"C:\\Y.EXE","Args":["a ONE","b","three"],"message":"some needle"}`)
	if len(ms) != 1 {
		t.Fatal("no match")
	}
	got := fmt.Sprintf("%q", ms[0].Fields())
	want := `[{"Args" "a ONE" "Args"} {"Args" "three" "Args"} {"message" "some needle" ""} {"process.executable" "C:\\Y.EXE" "Image"}]`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestWindowsShapes: the forms in which exporters write Windows events.
func TestWindowsShapes(t *testing.T) {
	e, f := compileText(t, `title: t
logsource: {product: windows}
detection:
  s: {EventID: 7, Provider_Name: P, Channel: C, Computer: H, Feature_Name: 'on', ThreatName: bad, Data|contains: d1}
  condition: s
---
title: user
logsource: {product: windows}
detection: {s: {Query: q, EventID: 5}, condition: s}
`, Options{})
	sys := func(id string) string {
		return `"System":{"Provider":{"#attributes":{"Name":"P"}},"EventID":` + id + `,"Channel":"C","Computer":"H"}`
	}
	for line, want := range map[string]string{
		`{"Event":{` + sys("7") + `,"EventData":{"Feature Name":"on","Threat Name":"bad","Data":["d1","d2"]}}}`:                                                                         "t",
		`{"Event":{` + sys(`{"#text":7,"#attributes":{"Qualifiers":0}}`) + `,"EventData":{"Feature Name":"on","ThreatName":"bad","Data":{"#text":["d0","d1"]}}}}`:                       "t",
		`{"Event":{` + sys(`"7"`) + `,"EventData":{"Data":[{"#attributes":{"Name":"Feature_Name"},"#text":"on"},{"#attributes":{"Name":"ThreatName"},"#text":"bad"},{"#text":"d1"}]}}}`: "t",
		`{"Event":{` + sys("5") + `,"UserData":{"Operation_Started":{"#attributes":{"xmlns":"x"},"Query":"q"}}}}`:                                                                       "user",
		`{"EventID":7,"Provider_Name":"P","Channel":"C","Computer":"H","Feature_Name":"on","ThreatName":"bad","Data":"x d1"}`:                                                           "t",
		`{"Event":{` + sys("7") + `,"EventData":null}}`: "",
	} {
		if got := titles(matchJSON(t, e, f, line)); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

// TestDecoderAgainstJSON: what the decoder accepts and makes of a line is what
// encoding/json makes of it.
func TestDecoderAgainstJSON(t *testing.T) {
	e, f := compileText(t, ruleText("  s: {a: 1, b.c: 1}\n  condition: s\n"), Options{})
	d := NewDecoder(e)
	ev := event.New(f)
	var b Buffer
	for _, line := range []string{`{"a":"x\u00e9\ud83d\ude00\ud83d\n\/\\"}`, `{"a":-0.5e3}`, `{"a":[1,"two",null,{"k":[]}]}`, `{"a":"\ud83dx"}`, ` { "a" : true , "z" : { "y" : [ { } ] } } `, `{}`, `{"z":"\"","a":9007199254740993}`, `{"a":12345678901234567890123}`} {
		var want map[string]any
		if err := json.Unmarshal([]byte(line), &want); err != nil {
			t.Fatal(line, err)
		}
		if err := d.Decode([]byte(line), ev, &b); err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		v, _ := ev.Lookup("a")
		var got any
		if err := json.Unmarshal(v.AppendJSON(nil), &got); err != nil {
			t.Fatal(err)
		}
		if s, ok := got.(string); ok && strings.HasPrefix(s, "123456789") {
			continue // no digit is lost, unlike in a float64
		}
		if fmt.Sprint(got) != fmt.Sprint(want["a"]) {
			t.Errorf("%s: %v, want %v", line, got, want["a"])
		}
	}
	for _, line := range []string{``, `x`, `{`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{"a":1}x`, `{"a":"x}`, `{"a":"\x"}`, `{"a":"\u12"}`, `{"a":tru}`, `{"a":--1}`, `[1]`, `{"a":[1}`, `{"z":[1}`, "{\"a\":\"\x01\"}", `{"z":{"a":1}`, `{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`} {
		if err := d.Decode([]byte(line), ev, &b); err == nil {
			t.Errorf("%q is accepted", line)
		}
	}
}

// TestPathological: hostile rules are refused or run in bounded time and memory.
func TestPathological(t *testing.T) {
	bomb := "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
	for i := 'b'; i < 'k'; i++ {
		bomb += fmt.Sprintf("%c: &%c [%s]\n", i, i, strings.TrimSuffix(strings.Repeat("*"+string(i-1)+", ", 10), ", "))
	}
	long := strings.Repeat("x", 1000)
	var many, nested, huge strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&many, "      - v%d\n", i)
	}
	for i := range 5000 {
		fmt.Fprintf(&nested, "      - '%s'\n", strings.Repeat("a", 1+i%1200))
	}
	for i := range 3000 {
		fmt.Fprintf(&huge, "      - '%d%s%d'\n", i, long, i)
	}
	for name, text := range map[string]string{
		"alias bomb":         bomb + ruleText("  s: {a: *j}\n  condition: s\n"),
		"alias cycle":        "title: &t\n  - *t\nlogsource: {product: x}\n",
		"deep lists":         ruleText("  s: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "\n  condition: s\n"),
		"deep maps":          ruleText("  s: " + strings.Repeat("{a: ", 5000) + strings.Repeat("}", 5000) + "\n  condition: s\n"),
		"100,000 values":     ruleText("  s:\n    a:\n" + many.String() + "  condition: s\n"),
		"big regex":          ruleText("  s: {a|re: '" + strings.Repeat("(a|b)", 5000) + "'}\n  condition: s\n"),
		"exploding regex":    ruleText("  s: {a|re: '((a{100}){100}){100}'}\n  condition: s\n"),
		"long condition":     ruleText("  s: {a: 1}\n  condition: " + strings.Repeat("s or ", 10_000) + "s\n"),
		"file too large":     "title: " + strings.Repeat("x", MaxFileBytes),
		"unclosed quotes":    "title: '" + strings.Repeat("x", 1<<20),
		"not text":           string(bytes.Repeat([]byte{0xff, 0x00}, 1000)),
		"placeholder growth": ruleText("  s: {a|expand: '%p%%p%%p%%p%'}\n  condition: s\n"),
	} {
		start := time.Now()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		c, problems := ParseFile("r.yml", []byte(text))
		_, more := Compile(c, event.NewFields(), Options{Placeholders: map[string][]string{"p": strings.Fields(strings.Repeat("v ", 50))}})
		runtime.ReadMemStats(&after)
		if len(problems)+len(more) == 0 {
			t.Errorf("%s: accepted", name)
		}
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("%s: took %v", name, d)
		}
		if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 512 {
			t.Errorf("%s: allocated %d MiB", name, mb)
		}
	}
	for name, text := range map[string]string{
		"nested needles": ruleText("  s:\n    a|contains:\n" + nested.String() + "  condition: s\n"),
		"long needles":   ruleText("  s:\n    a|contains:\n" + huge.String() + "  condition: s\n"),
	} {
		start := time.Now()
		e, f := compileText(t, text, Options{})
		if st := e.Stats(); st.TableBytes > 200<<20 {
			t.Errorf("%s: tables of %d bytes", name, st.TableBytes)
		}
		if !(len(matchJSON(t, e, f, `{"a":"`+strings.Repeat("a", 100_000)+`"}`)) == 1) && name == "nested needles" {
			t.Errorf("%s: no match", name)
		}
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("%s: took %v", name, d)
		}
	}
}

// TestNoAllocation: an event that matches nothing allocates nothing, in
// matching and in decoding.
func TestNoAllocation(t *testing.T) {
	e, f := compileText(t, routedRules, Options{})
	d := NewDecoder(e)
	ev := event.New(f)
	var s Scratch
	var b Buffer
	lines := [][]byte{[]byte(`{"Image":"C:\\Users\\ü\\y.exe","Other":5,"User":["a","b"],"Ip":"11.1.1.1","n":1.5,"EventID":1}`), []byte(`{"Image":"k"}`)}
	run := func() {
		for _, l := range lines {
			if ms, err := d.Match(l, ev, &s, &b); err != nil || len(ms) > 0 {
				t.Fatal(titles(ms), err)
			}
		}
	}
	run()
	// The list of two users is the one thing that has to be made.
	if n := testing.AllocsPerRun(100, run); n > 4 {
		t.Errorf("%v allocations for decoding two events, one with a list", n)
	}
	if err := d.Decode(lines[0], ev, &b); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { e.Match(ev, &s) }); n != 0 {
		t.Errorf("%v allocations in matching", n)
	}
}

// TestConcurrentUse: one engine, many goroutines, each with its own Scratch,
// and one Scratch moved between engines.
func TestConcurrentUse(t *testing.T) {
	e, f := compileText(t, routedRules, Options{})
	other, of := compileText(t, ruleText("  s: {q: 1}\n  condition: s\n"), Options{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			d := NewDecoder(e)
			ev, oev := event.New(f), event.New(of)
			oev.Set("q", event.IntValue(1))
			var s Scratch
			var b Buffer
			for i := range 500 {
				ms, err := d.Match([]byte(`{"Image":"x.exe","m":"needle"}`), ev, &s, &b)
				if err != nil || len(ms) != 5 {
					t.Errorf("%v %v", titles(ms), err)
					return
				}
				if i%100 == 0 && len(other.Match(oev, &s)) != 1 {
					t.Error("the other engine does not match")
				}
			}
		}()
	}
	wg.Wait()
}

// TestEpochWrap: results of old events never leak into new ones, even when the
// counter that tells them apart starts over.
func TestEpochWrap(t *testing.T) {
	e, f := compileText(t, ruleText("  s: {a: 1}\n  condition: s\n"), Options{})
	yes, no := event.New(f), event.New(f)
	yes.Set("a", event.IntValue(1))
	no.Set("a", event.IntValue(2))
	var s Scratch
	e.Match(no, &s)
	s.epoch = 1<<31 - 4
	for range 6 {
		if len(e.Match(yes, &s)) != 1 || len(e.Match(no, &s)) != 0 {
			t.Fatalf("wrong at epoch %d", s.epoch)
		}
	}
}
