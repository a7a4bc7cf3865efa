package rulescmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const rules = `title: Encoded command
id: 5299fadf-f228-4526-8274-251db1960be9
level: high
logsource: {product: windows, category: process_creation}
detection:
  s: {Image|endswith: '\powershell.exe', CommandLine|contains: ' -enc '}
  condition: s
---
title: Elsewhere
logsource: {product: linux}
detection: {s: {CommandLine|contains: ' -enc '}, condition: s}
---
title: Word
logsource: {service: app}
detection: {k: [needle], condition: k}
`

// tree writes files below a new folder and returns it.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func call1(t *testing.T, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errOut bytes.Buffer
	status = Run(args, strings.NewReader(stdin), &out, &errOut)
	return status, out.String(), errOut.String()
}

// TestEval: flat, Windows and ECS events in one stream; matches carry the line
// and come in its order; faulty lines are named and the rest goes on.
func TestEval(t *testing.T) {
	dir := tree(t, map[string]string{"a/r.yml": rules, "a/r.test.yml": "- not a rule\n"})
	in := `{"Image":"C:\\powershell.exe","CommandLine":"powershell -ENC x","product":"windows","category":"process_creation"}

{"broken
{"Event":{"System":{"Channel":"Microsoft-Windows-Sysmon/Operational","EventID":1},"EventData":{"Image":"C:\\PowerShell.exe","CommandLine":"p -enc y"}}}
{"event":{"dataset":"windows.sysmon_operational","code":"1"},"winlog":{"channel":"Microsoft-Windows-Sysmon/Operational"},"process":{"executable":"C:\\powershell.exe","command_line":"p -enc z"}}
{"message":"a needle","product":"cisco","service":"app"}`
	type match struct {
		RuleID    string `json:"rule_id"`
		RuleTitle string `json:"rule_title"`
		Line      int
		Matched   []matchedField
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--logsource-routing"}, "1:Encoded command 4:Encoded command 5:Encoded command 6:Word"},
		{nil, "1:Encoded command 1:Elsewhere 4:Encoded command 4:Elsewhere 5:Encoded command 6:Word"},
		{[]string{"--logsource-routing", "--workers", "1", "--matched"}, "1:Encoded command 4:Encoded command 5:Encoded command 6:Word"},
	} {
		status, out, errOut := call1(t, in, append([]string{"eval", "--rules", dir}, c.args...)...)
		if status != 1 || !strings.Contains(errOut, "line 3: not valid JSON") || !strings.Contains(errOut, "1 lines could not be read") {
			t.Errorf("status %d, %s", status, errOut)
		}
		var got []string
		for _, l := range strings.Split(strings.TrimSpace(out), "\n") {
			var m match
			if err := json.Unmarshal([]byte(l), &m); err != nil {
				t.Fatalf("%s: %v", l, err)
			}
			got = append(got, fmt.Sprintf("%d:%s", m.Line, m.RuleTitle))
			if len(c.args) == 4 && len(m.Matched) == 0 {
				t.Errorf("%s: no matched fields", l)
			}
			if m.RuleTitle == "Encoded command" && m.RuleID != "5299fadf-f228-4526-8274-251db1960be9" {
				t.Errorf("%s: wrong id", l)
			}
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%v: %s\nwant %s", c.args, s, c.want)
		}
	}
}

// TestEvalOrder: many chunks and workers, and a line that is too long, keep
// the order and the numbers of the lines.
func TestEvalOrder(t *testing.T) {
	dir := tree(t, map[string]string{"r.yml": "title: t\nlogsource: {product: x}\ndetection: {s: {a: 1}, condition: s}\n"})
	var in strings.Builder
	const n = 40_000
	for i := 1; i <= n; i++ {
		switch {
		case i == 1000:
			in.WriteString(`{"b":"` + strings.Repeat("x", maxLine+chunkBytes) + "\"}\n")
		case i%100 == 0:
			in.WriteString("{\"a\":1}\n")
		default:
			in.WriteString("{\"a\":2,\"pad\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}\n")
		}
	}
	status, out, errOut := call1(t, in.String(), "eval", "--rules", dir, "--workers", "4")
	if status != 1 || !strings.Contains(errOut, "line 1000: longer than") {
		t.Errorf("status %d, %s", status, errOut)
	}
	var want strings.Builder
	for i := 100; i <= n; i += 100 {
		if i != 1000 {
			fmt.Fprintf(&want, "{\"rule_id\":\"t\",\"rule_title\":\"t\",\"line\":%d}\n", i)
		}
	}
	if out != want.String() {
		t.Errorf("%d bytes of output, want %d: %.200s", len(out), want.Len(), out)
	}
}

// TestLint: faults with file, line and rule; status 1; notes on what cannot match.
func TestLint(t *testing.T) {
	dir := tree(t, map[string]string{
		"good.yml": "title: g\nid: 5299fadf-f228-4526-8274-251db1960be9\nlogsource: {product: okta, service: okta}\ndetection: {s: {a: 1}, condition: s}\n",
		"bad.yml":  "title: b\nlogsource: {product: okta}\ndetection:\n  s: {a|nope: 1}\n  condition: s\n",
		"ph.yml":   "title: p\nlogsource: {product: okta}\ndetection: {s: {a|expand: '%who%'}, condition: s}\n",
		"odd.yml":  "title: o\nlogsource: {product: printer}\ndetection: {s: {a: 1}, condition: s}\n",
	})
	status, out, errOut := call1(t, "", "lint", dir)
	if status != 1 || !strings.Contains(out, filepath.Join(dir, "bad.yml")+":4: rule b: ") || !strings.Contains(out, "ph.yml:3: rule p: ") || !strings.Contains(out, "odd.yml:1: rule o: note: ") || !strings.Contains(errOut, "2 problems") {
		t.Errorf("status %d\n%s%s", status, out, errOut)
	}
	ph := filepath.Join(tree(t, map[string]string{"v.yaml": "who: [alice]\n"}), "v.yaml")
	if status, out, _ := call1(t, "", "lint", "--quiet", "--placeholders", ph, filepath.Join(dir, "ph.yml"), filepath.Join(dir, "good.yml")); status != 0 || out != "" {
		t.Errorf("status %d\n%s", status, out)
	}
	if status, out, _ := call1(t, "", "lint", filepath.Join(dir, "good.yml"), filepath.Join(dir, "good.yml")); status != 1 || !strings.Contains(out, "is also that of") {
		t.Errorf("a repeated id: status %d\n%s", status, out)
	}
	if status, _, _ := call1(t, "", "lint", filepath.Join(dir, "absent")); status != 1 {
		t.Errorf("an absent file: status %d", status)
	}
}

// TestTest: cases that hold pass, others fail by name, and what cannot be
// normalized or has no rule is said.
func TestTest(t *testing.T) {
	rule := "title: Impersonation\nid: 5299fadf-f228-4526-8274-251db1960be9\nlevel: high\nlogsource: {product: okta, service: okta}\ndetection: {s: {eventType: user.session.impersonation.initiate}, condition: s}\n"
	event := "{uuid: a1, published: '2026-03-01T00:00:00.000Z', eventType: %s, actor: {id: u, type: User, alternateId: a@b.example}, outcome: {result: SUCCESS}}"
	good := "- name: yes\n  match: true\n  raw: " + fmt.Sprintf(event, "user.session.impersonation.initiate") + "\n- name: no\n  match: false\n  raw: " + fmt.Sprintf(event, "user.session.start") + "\n"
	dir := tree(t, map[string]string{"r.yml": rule, "r.test.yml": good})
	if status, out, errOut := call1(t, "", "test", "-v", dir); status != 0 || !strings.Contains(errOut, "2 cases in 1 files, 0 faults") {
		t.Errorf("status %d\n%s%s", status, out, errOut)
	}
	dir = tree(t, map[string]string{"r.yml": rule, "r.test.yml": strings.Replace(good, "match: true", "match: false", 1), "alone.test.yml": good})
	if status, out, _ := call1(t, "", "test", dir); status != 1 || !strings.Contains(out, "FAIL "+filepath.Join(dir, "r.test.yml")+": yes") || !strings.Contains(out, "alone.test.yml: there is no rule") {
		t.Errorf("status %d\n%s", status, out)
	}
}

// TestUsage: what is wrong with a call is said on standard error, status 2.
func TestUsage(t *testing.T) {
	for _, args := range [][]string{nil, {"nope"}, {"eval"}, {"eval", "--nope"}, {"lint"}, {"test"}} {
		if status, out, errOut := call1(t, "", args...); status != 2 || errOut == "" || out != "" {
			t.Errorf("%v: status %d, %q, %q", args, status, out, errOut)
		}
	}
	if status, out, _ := call1(t, "", "help"); status != 0 || !strings.Contains(out, "eval") {
		t.Errorf("help: status %d, %q", status, out)
	}
}
