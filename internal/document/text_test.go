package document

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestTextForms(t *testing.T) {
	d := New(Limits{})
	cef := func(n Node) (bool, error) { return d.ExpandCEF(n) }
	leef := func(n Node) (bool, error) { return d.ExpandLEEF(n) }
	syslog := func(n Node) (bool, error) { return d.ExpandSyslog(n) }
	spaces := func(n Node) (bool, error) { return d.ExpandPairs(n, ' ', "=") }
	commas := func(n Node) (bool, error) { return d.ExpandPairs(n, ',', ":") }
	for name, tc := range map[string]struct {
		in, want string
		f        func(Node) (bool, error)
	}{
		"CEF":            {`<14>host CEF:0|Ven\|dor|Prod|1.0|100|Stopped it|7|src=10.0.0.1 msg=a long text with \= sign act=blocked cs1Label=Rule cs1=`, `{"device":{"vendor":"Ven|dor","product":"Prod","version":"1.0","event_class_id":"100"},"version":"0","name":"Stopped it","severity":"7","extensions":{"src":"10.0.0.1","msg":"a long text with = sign","act":"blocked","cs1Label":"Rule","cs1":""}}`, cef},
		"CEF, odd signs": {`CEF:1|a|b|c|d|e|5|request=http://x/?a=b x=1`, `{"device":{"vendor":"a","product":"b","version":"c","event_class_id":"d"},"version":"1","name":"e","severity":"5","extensions":{"request":"http://x/?a=b","x":"1"}}`, cef},
		"LEEF 1":         {"LEEF:1.0|V|P|2|login|src=10.0.0.1\tusrName=mara lind", `{"device":{"vendor":"V","product":"P","version":"2","event_class_id":"login"},"version":"1.0","attributes":{"src":"10.0.0.1","usrName":"mara lind"}}`, leef},
		"LEEF 2":         {"LEEF:2.0|V|P|2|login|^|src=10.0.0.1^usrName=mara", `{"device":{"vendor":"V","product":"P","version":"2","event_class_id":"login"},"version":"2.0","attributes":{"src":"10.0.0.1","usrName":"mara"}}`, leef},
		"RFC 3164":       {`<38>Mar  2 06:15:00 fs1 sshd[811]: Failed password for root from 203.0.113.5 port 22 ssh2`, `{"priority":"38","timestamp":"Mar  2 06:15:00","hostname":"fs1","appname":"sshd","procid":"811","message":"Failed password for root from 203.0.113.5 port 22 ssh2"}`, syslog},
		"no priority":    {`Mar 12 06:15:00 fs1 su: opened`, `{"timestamp":"Mar 12 06:15:00","hostname":"fs1","appname":"su","message":"opened"}`, syslog},
		"RFC 5424":       {`<165>1 2026-03-02T06:15:00Z fs1 app 12 ID1 [a@1 b="c ] \" d"][e@2] text here`, `{"priority":"165","timestamp":"2026-03-02T06:15:00Z","hostname":"fs1","appname":"app","procid":"12","msgid":"ID1","structured_data":"[a@1 b=\"c ] \\\" d\"][e@2]","message":"text here"}`, syslog},
		"pairs":          {`user=mara note="log in \"x\"" flag n=5`, `{"user":"mara","note":"log in \"x\"","n":"5"}`, spaces},
		"other pairs":    {`a:1, b:"x,y",c:`, `{"a":"1","b":"x,y","c":""}`, commas},
	} {
		if err := d.FromText("m", tc.in); err != nil {
			t.Fatal(err)
		}
		n := d.Member(d.Root(), "m")
		if ok, err := tc.f(n); !ok || err != nil {
			t.Errorf("%s: not recognised (%v)", name, err)
			continue
		}
		var want any
		if err := json.Unmarshal([]byte(tc.want), &want); err != nil {
			t.Fatal(err)
		}
		got, _ := json.Marshal(plain(d.Value(n)))
		norm, _ := json.Marshal(want)
		if string(got) != string(norm) {
			t.Errorf("%s:\nwant %s\ngot  %s", name, norm, got)
		}
	}
	for _, s := range []string{"", "hello", "CEF:0|a|b", "LEEF:1.0|a", "<999999>x", "<14>", "Mar 2 x"} {
		for _, f := range []func(Node) (bool, error){cef, leef, syslog} {
			if err := d.FromText("m", s); err != nil {
				t.Fatal(err)
			}
			if ok, _ := f(d.Member(d.Root(), "m")); ok {
				t.Errorf("%q: recognised", s)
			}
		}
	}
}

// TestTextFormsAreLinear: hostile text costs bounded time.
func TestTextFormsAreLinear(t *testing.T) {
	d := New(Limits{})
	for name, s := range map[string]string{
		"signs": "CEF:0|a|b|c|d|e|5|" + strings.Repeat("=", 1<<20), "words": "CEF:0|a|b|c|d|e|5|a=" + strings.Repeat(" x", 1<<19),
		"backslashes": "CEF:0|" + strings.Repeat(`\`, 1<<20), "quotes": strings.Repeat(`a="`, 1<<18), "pairs": strings.Repeat("a b ", 1<<18) + "=",
		"many": strings.Repeat("a=b ", 1<<18),
	} {
		start := time.Now()
		for _, f := range []func(Node) (bool, error){d.ExpandCEF, d.ExpandLEEF, d.ExpandSyslog, func(n Node) (bool, error) { return d.ExpandPairs(n, ' ', "=") }} {
			if err := d.FromText("m", s); err != nil {
				t.Fatal(err)
			}
			_, _ = f(d.Member(d.Root(), "m"))
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%s: %v", name, took)
		}
	}
}

func FuzzTextForms(f *testing.F) {
	f.Add(`CEF:0|a|b|c|d|e|5|a=b c=d`)
	f.Add(`<13>Mar  2 06:15:00 h p[1]: a="b" c=d`)
	f.Add("LEEF:2.0|a|b|c|d|x09|a=b")
	d := New(Limits{})
	f.Fuzz(func(t *testing.T, s string) {
		for _, expand := range []func(Node) (bool, error){d.ExpandCEF, d.ExpandLEEF, d.ExpandSyslog, func(n Node) (bool, error) { return d.ExpandPairs(n, ' ', "=") }} {
			if d.FromText("m", s) == nil {
				_, _ = expand(d.Member(d.Root(), "m"))
				_ = d.Value(d.Root())
			}
		}
		var z ZeekTSV
		for line := range strings.Lines(s) {
			if r, err := z.Line(strings.TrimSpace(line)); err == nil && r != "" && !json.Valid([]byte(r)) {
				t.Fatalf("%q gives %q", line, r)
			}
		}
	})
}
