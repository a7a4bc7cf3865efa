package document

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/openmxdr/openmxdr/internal/event"
)

// plain turns a value into what encoding/json would make of it.
func plain(v event.Value) any {
	switch v.Kind() {
	case event.Bool:
		return v.Bool()
	case event.Int, event.Float:
		return v.Float()
	case event.String:
		return v.Str()
	case event.List:
		out := make([]any, 0)
		for _, x := range v.List() {
			out = append(out, plain(x))
		}
		return out
	case event.Object:
		out := map[string]any{}
		for _, f := range v.Object() {
			if _, ok := out[f.Name]; !ok {
				out[f.Name] = plain(f.Value)
			}
		}
		return out
	}
	return nil
}

func TestJSONAgreesWithStandardLibrary(t *testing.T) {
	d := New(Limits{})
	for _, s := range []string{
		`{}`, `[]`, `""`, `null`, ` { "a" : [ 1 , -2.5e3 , true , false , null , "x" ] } `,
		`{"a":{"b":{"c":[{"d":"e"},[[]]]}}}`, `"\u00e9\ud83d\ude00\"\\\/\b\f\n\r\t"`, `"\ud800"`, `"\ud800\u0041"`,
		`{"":0,"a.b":1}`, `0`, `-0`, `1e2`, `123456789012`, "\ufeff{\"bom\":1}", "{\"a\":\"caf\u00e9\"}",
	} {
		var want any
		if err := json.Unmarshal([]byte(strings.TrimPrefix(s, "\ufeff")), &want); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		if err := d.ParseJSON(s); err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		if got := plain(d.Value(d.Root())); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: want %#v, got %#v", s, want, got)
		}
	}
	for _, s := range []string{``, `{`, `{"a"}`, `{"a":}`, `{a:1}`, `[1,]`, `{"a":1,}`, `tru`, `01x`, `1.`, `1e`, `-`, `"a`, `"\x"`, `"\u12"`, `{} {}`, `]`, `'a'`} {
		if err := d.ParseJSON(s); err == nil {
			t.Errorf("%q: want an error", s)
		} else if d.Root() != None {
			t.Errorf("%q: a broken record leaves a tree", s)
		}
	}
}

func TestJSONKeepsLargeIntegersAndFirstMembers(t *testing.T) {
	d := New(Limits{})
	if err := d.ParseJSON(`{"n":18446744073709551616,"a":1,"a":2,"bad":"` + "\xff" + `"}`); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"n": "18446744073709551616", "a": "1", "bad": "\ufffd"} {
		if got := d.Value(d.Member(d.Root(), name)).Text(); got != want {
			t.Errorf("%s: want %q, got %q", name, want, got)
		}
	}
}

func TestLimits(t *testing.T) {
	d := New(Limits{Bytes: 1000, Nodes: 20, Depth: 5})
	for name, s := range map[string]string{
		"bytes": strings.Repeat(" ", 1001), "fields": "[" + strings.Repeat("1,", 30) + "1]", "depth": strings.Repeat("[", 7) + strings.Repeat("]", 7),
		"fields in XML": "<a>" + strings.Repeat("<b/>", 30) + "</a>", "depth in XML": strings.Repeat("<a>", 7) + strings.Repeat("</a>", 7),
	} {
		err := d.ParseJSON(s)
		if strings.HasSuffix(name, "XML") {
			err = d.ParseXML(s)
		}
		if err == nil || !IsLimit(err) {
			t.Errorf("%s: want a limit error, got %v", name, err)
		}
	}
}

// TestStringsOutliveReset: what a document gave out is never written again.
func TestStringsOutliveReset(t *testing.T) {
	d := New(Limits{})
	var kept []string
	for i := range 5000 {
		if err := d.ParseJSON(fmt.Sprintf(`{"k":"a\t%d\u00e9"}`, i)); err != nil {
			t.Fatal(err)
		}
		kept = append(kept, d.Str(d.Member(d.Root(), "k")))
	}
	for i, s := range kept {
		if want := fmt.Sprintf("a\t%d\u00e9", i); s != want {
			t.Fatalf("string %d became %q", i, s)
		}
	}
}

func TestXML(t *testing.T) {
	d := New(Limits{})
	in := `<?xml version="1.0"?><!-- x --><w:Event xmlns:w="urn:x"><System><Provider Name='P &amp; Q'/><EventID Qualifiers="0">7</EventID><Empty></Empty></System>` +
		`<EventData><Data Name="A">1 &lt; 2&#x41;&#66;</Data><Data Name='B'/><Data>plain</Data><Data><![CDATA[<raw>&]]></Data></EventData><K>a</K><K>b</K><K>c</K></w:Event>`
	if err := d.ParseXML(in); err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(plain(d.Value(d.Root())))
	if err != nil {
		t.Fatal(err)
	}
	var a, b any
	_ = json.Unmarshal(got, &a)
	want := `{"Event":{"System":{"Provider":{"#attributes":{"Name":"P & Q"}},"EventID":{"#attributes":{"Qualifiers":"0"},"#text":"7"},"Empty":""},` +
		`"EventData":{"A":"1 < 2AB","B":"","param3":"plain","param4":"<raw>&"},"K":["a","b","c"]}}`
	if err := json.Unmarshal([]byte(want), &b); err != nil || !reflect.DeepEqual(a, b) {
		t.Errorf("want %s\ngot  %s", want, got)
	}
	for _, s := range []string{"", "text", "<a>", "<a></b>", "<a b></a>", "<a b=c/>", "<a/><b/>", "<!DOCTYPE a><a/>", "<a", "<a>&lt;", "<!-- x", "<a b='x/>", "< a/>"} {
		if err := d.ParseXML(s); err == nil {
			t.Errorf("%q: want an error", s)
		}
	}
}

func TestSplit(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want []string
	}{
		{`{"a":1}`, []string{`{"a":1}`}},
		{`[{"a":1}, {"b":[2]}]`, []string{`{"a":1}`, `{"b":[2]}`}},
		{`{"Records":[{"a":"]}"},{"b":2}]}`, []string{`{"a":"]}"}`, `{"b":2}`}},
		{`{"@odata.context":"x","value":[{"a":1}],"@odata.nextLink":"y"}`, []string{`{"a":1}`}},
		{`{"value":[1,2],"a":1}`, []string{`{"value":[1,2],"a":1}`}},
		{`{"a":1,"b":1,"c":1,"d":1,"records":[{"x":1}]}`, []string{`{"a":1,"b":1,"c":1,"d":1,"records":[{"x":1}]}`}},
		{"{\"a\":1}\n{\"b\":2}\r\n", []string{`{"a":1}`, `{"b":2}`}},
		{"{\"a\":\n{\"b\":2}\n{\"c\":3}", []string{`{"a":`, `{"b":2}`, `{"c":3}`}},
		{"{\"a\":1}\nplain line\n{\"b\":1}", []string{`{"a":1}`, "plain line", `{"b":1}`}},
		{"a text of\n  two lines", []string{"a text of\n  two lines"}},
		{"<Event>\n</Event>", []string{"<Event>\n</Event>"}},
		{"<Event a='1'>\nx</Event>\n<Event/></Event>", []string{"<Event a='1'>\nx</Event>", "<Event/></Event>"}},
		{"<?xml version='1.0'?>\n<Events><Event>a</Event><Event>b</Event></Events>\n", []string{"<Event>a</Event>", "<Event>b</Event>"}},
		{"", nil},
		{"[]", nil},
		{"[}", []string{"}"}},
		{`[{"a":1}}]`, []string{`{"a":1}`, "}", "]"}},
	} {
		var got []string
		Split(tc.in, func(s string) bool { got = append(got, s); return true })
		if !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: want %q, got %q", tc.in, tc.want, got)
		}
	}
}

// TestSplitIsLinear: hostile payloads cost one pass, not one a line.
func TestSplitIsLinear(t *testing.T) {
	for name, unit := range map[string]string{"open objects": "{\n", "open lists": "[\n", "quotes": "\"\n", "closers": "}\n", "records": "{}\n", "commas": ",{\n", "envelopes": `{"Records":[{` + "\n"} {
		start := time.Now()
		n := Split(strings.Repeat(unit, 4<<20/len(unit)), func(string) bool { return true })
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("%s: %v for %d records", name, took, n)
		}
	}
}

func FuzzDecoders(f *testing.F) {
	for _, s := range []string{`{"a":[1,"\u00e9"]}`, `<a b="c">&lt;<d/></a>`, `{"Records":[{}]}`, "[{},[]]"} {
		f.Add(s)
	}
	d := New(Limits{})
	f.Fuzz(func(t *testing.T, s string) {
		if d.ParseJSON(s) == nil && !json.Valid([]byte(strings.TrimPrefix(s, "\ufeff"))) {
			// Raw control characters and what UTF-8 repair accepts are the only liberties.
			if strings.IndexFunc(s, func(r rune) bool { return r < 0x20 }) < 0 && !strings.Contains(s, "0") && !strings.HasPrefix(s, "\ufeff") {
				t.Fatalf("accepted %q", s)
			}
		}
		_ = d.ParseXML(s)
		Split(s, func(string) bool { return true })
	})
}

func BenchmarkParseJSON(b *testing.B) {
	s := `{"CreationTime":"2026-03-02T09:01:02","Id":"a2","Operation":"New-InboxRule","RecordType":1,"Workload":"Exchange","ClientIP":"203.0.113.4:443","UserId":"mara.lind@contoso.example","Parameters":[{"Name":"Name","Value":".."},{"Name":"ForwardTo","Value":"x\u0040evil.example"}],"Item":{"Id":"AAA","Path":"\\Inbox"}}`
	d := New(Limits{})
	b.ReportAllocs()
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		if err := d.ParseJSON(s); err != nil {
			b.Fatal(err)
		}
	}
}

// TestDecodersEnd: random text over the characters that mean something ends
// in every decoder.
func TestDecodersEnd(t *testing.T) {
	const alphabet = `[[]]{{}}"":,\n1e-.tfn<<>>/!-?&;'= ` + "\n\tRecords"
	d := New(Limits{})
	rnd := rand.New(rand.NewPCG(1, 2))
	buf := make([]byte, 40)
	for range 100_000 {
		s := buf[:rnd.IntN(len(buf))]
		for i := range s {
			s[i] = alphabet[rnd.IntN(len(alphabet))]
		}
		done := make(chan struct{})
		text := string(s)
		timer := time.AfterFunc(10*time.Second, func() {
			select {
			case <-done:
			default:
				panic(fmt.Sprintf("no end of %q", text))
			}
		})
		_ = d.ParseJSON(text)
		_ = d.ParseXML(text)
		total := 0
		Split(text, func(r string) bool { total += len(r); return true })
		close(done)
		timer.Stop()
		if total > len(text) {
			t.Fatalf("%q: split into more text than there was", text)
		}
	}
}

func TestZeekTSV(t *testing.T) {
	log := "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tdns\n#open\tx\n" +
		"#fields\tts\tuid\tid.orig_h\tid.orig_p\tquery\tanswers\trejected\trtt\ttags\n#types\ttime\tstring\taddr\tport\tstring\tvector[string]\tbool\tinterval\tset[enum]\n" +
		"1772432100.123456\tC1\t10.0.0.1\t53\ta\\x5cb\tx,y\tF\t-\t(empty)\n" +
		"too\tfew\n#close\tx\n"
	var got []string
	Split(log, func(s string) bool { got = append(got, s); return true })
	want := []string{`{"_path":"dns","ts":1772432100.123456,"uid":"C1","id.orig_h":"10.0.0.1","id.orig_p":53,"query":"a\\b","answers":["x","y"],"rejected":false,"tags":[]}`, "too\tfew"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("want %q\ngot  %q", want, got)
	}
	var z ZeekTSV
	if _, err := z.Line("1\t2"); err == nil {
		t.Error("a row before its header: want an error")
	}
}
