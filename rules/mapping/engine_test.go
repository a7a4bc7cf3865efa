package mapping_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/rules/mapping"
)

var observed = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func normalize(t testing.TB, e *mapping.Engine, raw string) (*event.Event, *mapping.Failure) {
	t.Helper()
	ev := event.New(e.Fields())
	err := e.Normalize(raw, mapping.Input{Tenant: "acme", Observed: observed}, ev, e.NewScratch())
	if err == nil {
		return ev, nil
	}
	var f *mapping.Failure
	if !errors.As(err, &f) {
		t.Fatalf("the error is no Failure: %T %v", err, err)
	}
	return ev, f
}

// TestFailuresAreRecords: whatever comes in, a record goes out.
func TestFailuresAreRecords(t *testing.T) {
	e := shipped(t)
	var wide strings.Builder
	wide.WriteString(`{"eventType":"x","published":"2026-03-02T07:45:10Z"`)
	for i := range 10_000 {
		fmt.Fprintf(&wide, `,"f%d":%d`, i, i)
	}
	wide.WriteString("}")
	for _, tc := range []struct {
		name, raw string
		want      mapping.Reason
	}{
		{"malformed", `{"a":`, mapping.ReasonSyntax},
		{"two values", `{"a":1}{"b":2}`, mapping.ReasonSyntax},
		{"a list", `[1,2]`, mapping.ReasonSyntax},
		{"empty", "", mapping.ReasonSyntax},
		{"blank", " \n\t", mapping.ReasonSyntax},
		{"text", "hello there", mapping.ReasonUnmapped},
		{"unknown object", `{"hello":"there"}`, mapping.ReasonUnmapped},
		{"5 MB", `{"eventType":"` + strings.Repeat("a", 5<<20) + `"}`, mapping.ReasonLimit},
		{"10,000 fields", wide.String(), mapping.ReasonLimit},
		{"deep", `{"a":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + "}", mapping.ReasonLimit},
		{"invalid UTF-8", "{\"a\":\"\xff\xfe\"", mapping.ReasonSyntax},
		{"wrong time", `{"eventType":"x","published":"the day before","uuid":"u"}`, mapping.ReasonTime},
		{"time far off", `{"eventType":"x","published":"9999-01-01T00:00:00Z","uuid":"u"}`, mapping.ReasonTime},
		{"two days ahead", `{"eventType":"x","published":"2026-03-04T12:00:01Z","uuid":"u"}`, mapping.ReasonTime},
		{"no time", `{"eventSource":"a","eventName":"b","awsRegion":"c"}`, mapping.ReasonTime},
		{"document type", `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><Event/>`, mapping.ReasonSyntax},
	} {
		start := time.Now()
		ev, f := normalize(t, e, tc.raw)
		if f == nil || f.Reason != tc.want {
			t.Errorf("%s: want failure %s, got %v", tc.name, tc.want, f)
			continue
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("%s: took %v", tc.name, took)
		}
		want := strings.ToValidUTF8(tc.raw, "\ufffd")
		if ev.Text("event.kind") != "pipeline_error" || ev.Text("event.original") != want || ev.Text("organization.id") != "acme" ||
			ev.Text("error.message") == "" || ev.Text("event.id") == "" || !ev.Time.Equal(observed) {
			t.Errorf("%s: the record is incomplete: %.300s", tc.name, ev.AppendFlatJSON(nil))
		}
	}
}

func TestTenantComesFromThePipeline(t *testing.T) {
	e := shipped(t)
	for _, tenant := range []string{"", "Acme", "a b", "_x", strings.Repeat("a", 41), "../x"} {
		ev := event.New(e.Fields())
		err := e.Normalize(`{"a":1}`, mapping.Input{Tenant: tenant}, ev, e.NewScratch())
		var f *mapping.Failure
		if !errors.As(err, &f) || f.Reason != mapping.ReasonTenant {
			t.Errorf("tenant %q: want it refused, got %v", tenant, err)
		}
		if _, ok := ev.Lookup("organization.id"); ok {
			t.Errorf("tenant %q was written", tenant)
		}
	}
}

// TestForgedRecords: an ECS record passes, but not what only the pipeline may say.
func TestForgedRecords(t *testing.T) {
	e := shipped(t)
	const base = `"@timestamp":"2026-03-02T07:00:00Z","ecs":{"version":"8.11.0"},"event":{"kind":%q,"dataset":%q,"category":["process"],"id":"x1"}`
	good := "{" + fmt.Sprintf(base, "event", "custom.app") + `,"source":{"ip":"not an ip","port":"443"},"user.name":"mara","organization":{"id":"victim","name":"Victim"},"mxdr":{"signal":{"kind":"rule"}},"custom":{"a":1}}`
	ev, f := normalize(t, e, good)
	if f != nil {
		t.Fatal(f)
	}
	for name, want := range map[string]string{"organization.id": "acme", "event.dataset": "custom.app", "source.port": "443", "user.name": "mara",
		"source.ip": "", "mxdr.signal.kind": "", "organization.name": "", "custom.a": "1", "event.id": "x1"} {
		if got := ev.Text(name); got != want {
			t.Errorf("%s: want %q, got %q", name, want, got)
		}
	}
	for _, tc := range [][2]string{{"signal", "mxdr.signal"}, {"state", "mxdr.incident"}, {"pipeline_error", "x.y"}, {"event", "mxdr.incident"}, {"event", "../../x"}, {"event", "A B"}} {
		ev, f := normalize(t, e, "{"+fmt.Sprintf(base, tc[0], tc[1])+"}")
		if f == nil || f.Reason != mapping.ReasonForged || ev.Text("event.kind") != "pipeline_error" || ev.Text("event.dataset") != mapping.UnmappedDataset {
			t.Errorf("kind %s, dataset %s: want it refused, got %v: %s", tc[0], tc[1], f, ev.AppendFlatJSON(nil))
		}
	}
}

// TestSameRecordSameID: the id depends on the record alone.
func TestSameRecordSameID(t *testing.T) {
	e := shipped(t)
	a := `{"EventID":7045,"Channel":"System","@timestamp":"2026-03-02T06:40:00Z","ServiceName":"a"}`
	b := strings.Replace(a, `"a"}`, `"b"}`, 1)
	ids := map[string]bool{}
	for _, raw := range []string{a, b, a} {
		ev, f := normalize(t, e, raw)
		if f != nil {
			t.Fatal(f)
		}
		ids[ev.Text("event.id")] = true
	}
	if len(ids) != 2 {
		t.Errorf("want 2 ids of 2 different records, got %v", ids)
	}
	ev := event.New(e.Fields())
	if err := e.Normalize(a, mapping.Input{Tenant: "other"}, ev, e.NewScratch()); err != nil || ids[ev.Text("event.id")] {
		t.Errorf("another tenant has the same id (%v)", err)
	}
}

// TestValueAndTextAgree: a record that arrives as a tree gives the same
// fields as its text.
func TestValueAndTextAgree(t *testing.T) {
	e := shipped(t)
	raw := `{"uuid":"u1","published":"2026-03-02T07:45:10Z","eventType":"user.session.start","actor":{"id":"a","type":"User","alternateId":"m@x.example"},"outcome":{"result":"SUCCESS"},"target":[{"id":"t","type":"User"}]}`
	want, f := normalize(t, e, raw)
	if f != nil {
		t.Fatal(f)
	}
	v := event.ObjectValue([]event.Field{
		{Name: "uuid", Value: event.StringValue("u1")}, {Name: "published", Value: event.StringValue("2026-03-02T07:45:10Z")},
		{Name: "eventType", Value: event.StringValue("user.session.start")},
		{Name: "actor", Value: event.ObjectValue([]event.Field{{Name: "id", Value: event.StringValue("a")}, {Name: "type", Value: event.StringValue("User")}, {Name: "alternateId", Value: event.StringValue("m@x.example")}})},
		{Name: "outcome", Value: event.ObjectValue([]event.Field{{Name: "result", Value: event.StringValue("SUCCESS")}})},
		{Name: "target", Value: event.ListValue([]event.Value{event.ObjectValue([]event.Field{{Name: "id", Value: event.StringValue("t")}, {Name: "type", Value: event.StringValue("User")}})})},
	})
	got := event.New(e.Fields())
	if err := e.NormalizeValue(v, mapping.Input{Tenant: "acme"}, got, e.NewScratch()); err != nil {
		t.Fatal(err)
	}
	if a, b := string(want.AppendJSON(nil)), string(got.AppendJSON(nil)); a != b {
		t.Errorf("text %s\nvalue %s", a, b)
	}
}

// TestScratchReuse: what one record leaves in a scratch changes no other.
func TestScratchReuse(t *testing.T) {
	e := shipped(t)
	raws := []string{
		`{"uuid":"u1","published":"2026-03-02T07:45:10Z","eventType":"user.session.start","actor":{"id":"a","type":"User","alternateId":"m@x.example"},"outcome":{"result":"SUCCESS"},"extra":{"a\u0041":"caf\u00e9"}}`,
		`{"CreationTime":"2026-03-02T09:01:02","Id":"a2","Operation":"New-InboxRule","RecordType":1,"Workload":"Exchange","Parameters":[{"Name":"A.B c","Value":"\"q\""}]}`,
		`{"broken`,
		`{"EventID":1,"Channel":"Microsoft-Windows-Sysmon/Operational","UtcTime":"2026-03-02 06:20:01.250","Image":"C:\\a\\b.exe"}`,
	}
	want := map[string]string{}
	for _, raw := range raws {
		ev, _ := normalize(t, e, raw)
		want[raw] = string(ev.AppendJSON(nil))
	}
	sc := e.NewScratch()
	kept := map[string]*event.Event{}
	for range 3 {
		for _, raw := range raws {
			ev := event.New(e.Fields())
			_ = e.Normalize(raw, mapping.Input{Tenant: "acme", Observed: observed}, ev, sc)
			kept[raw] = ev
		}
	}
	for raw, ev := range kept {
		if got := string(ev.AppendJSON(nil)); got != want[raw] {
			t.Errorf("with a used scratch: %s\nwith a fresh one: %s", got, want[raw])
		}
	}
}

// TestHostileNames: member names that attackers choose make valid documents
// and bounded memory.
func TestHostileNames(t *testing.T) {
	e := shipped(t)
	sc, ev := e.NewScratch(), event.New(e.Fields())
	for i := range 300 {
		var b strings.Builder
		b.WriteString(`{"eventVersion":"1","eventTime":"2026-03-02T11:20:31Z","eventSource":"s","eventName":"n","awsRegion":"r","requestParameters":{"":1,".":2,"a..b":3,"\u0000":4,"a":5,"a":6,"a.b":7`)
		for j := range 1000 {
			fmt.Fprintf(&b, `,"%d-%d":1`, i, j)
		}
		b.WriteString(`},"mxdr":{"incident":{"id":"x"}},"organization.id":"victim"}`)
		if err := e.Normalize(b.String(), mapping.Input{Tenant: "acme"}, ev, sc); err != nil {
			t.Fatal(err)
		}
		if ev.Text("organization.id") != "acme" || ev.Text("mxdr.incident.id") != "" {
			t.Fatal("a payload wrote a reserved field")
		}
		if !json.Valid(ev.AppendJSON(nil)) {
			t.Fatal("the document is no valid JSON")
		}
	}
}

// TestLoadErrors: a mistake is named with file, line and remedy.
func TestLoadErrors(t *testing.T) {
	const head = "title: T\ndomain: cloud\ndataset: a.b\nmatch:\n  - {x: {exists: true}}\ntime: t\nvendor: {prefix: v}\nset: {event.kind: event}\n"
	for name, tc := range map[string]struct{ text, want string }{
		"unknown field":     {head + "copy: {source.ipp: x}\n", "m.yml:9: ECS has no field source.ipp"},
		"forbidden value":   {strings.Replace(head, "kind: event", "kind: evnt", 1), `m.yml:8: event.kind cannot be "evnt"; ECS allows alert`},
		"wrong type":        {head + "copy: {source.port: x}\nfields:\n  - {to: source.port, value: http}\n", "m.yml:11: source.port cannot hold"},
		"reserved":          {head + "copy: {organization.id: x}\n", "m.yml:9: a mapping may not write organization.id"},
		"reserved prefix":   {strings.Replace(head, "prefix: v", "prefix: mxdr.x", 1), "m.yml:7: prefix"},
		"unknown key":       {head + "colour: red\n", `m.yml:9: "colour" means nothing here`},
		"unknown transform": {head + "fields:\n  - {to: message, from: x, as: shout}\n", `m.yml:10: "shout" is no conversion`},
		"unset reference":   {head + "fields:\n  - {to: message, from: $user.name}\n", "m.yml:10: nothing sets $user.name"},
		"bad path":          {head + "fields:\n  - {to: message, from: 'a[b]'}\n", "m.yml:10: path"},
		"no domain":         {strings.Replace(head, "domain: cloud\n", "", 1), `the mapping has no "domain"`},
		"missing part":      {head + "include: nope\n", "there is no part common/nope.yml"},
		"bad regexp":        {head + "fields:\n  - {to: message, from: x, as: [{match: '('}]}\n", "m.yml:10: match: error parsing regexp"},
		"bad yaml":          {"a: [", "m.yml: yaml"},
		"passed elsewhere":  {head + "passed:\n  - {to: message, value: a}\n", `m.yml:10: a rule under "passed" can write only mxdr.domain`},
		"passed freely":     {head + "passed:\n  - {to: mxdr.domain, from: x}\n", `m.yml:10: a rule under "passed" has a value, or a map with only_mapped`},
		"passed no domain":  {head + "passed:\n  - {to: mxdr.domain, value: moon}\n", `m.yml:10: domain "moon" is none of`},
		"no kind":           {strings.Replace(head, "set: {event.kind: event}\n", "", 1), "no rule sets event.kind"},
	} {
		_, err := mapping.Load(fstest.MapFS{"m.yml": {Data: []byte(tc.text)}})
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: want an error with %q, got %v", name, tc.want, err)
		}
	}
	if _, err := mapping.Load(fstest.MapFS{"m.yml": {Data: []byte(head)}}); err != nil {
		t.Errorf("the correct mapping is refused: %v", err)
	}
}

// FuzzNormalize: no input panics, and every input gives one complete record.
func FuzzNormalize(f *testing.F) {
	for _, s := range []string{`{"CreationTime":"2026-03-02T09:01:02","Id":"a2","Operation":"X","RecordType":1,"Workload":"Exchange","Parameters":[{"Name":"A","Value":"b"}]}`,
		`<Event><System><EventID>1</EventID><Channel>Security</Channel></System><EventData><Data Name="a">b</Data></EventData></Event>`,
		`{"ts":1.5,"uid":"a","id.orig_h":"1.2.3.4","conn_state":"SF"}`, `{"EventID":1,"Channel":"x","winlog":{"event_data":{"a":1}}}`,
		`{"event":{"original":"{}"},"ecs":{"version":"1"}}`, `{"eventType":"a","published":"2026-03-02T09:01:02Z","target":[{"type":"User"}]}`} {
		f.Add(s)
	}
	e := shipped(f)
	sc, ev := e.NewScratch(), event.New(e.Fields())
	f.Fuzz(func(t *testing.T, raw string) {
		_ = e.Normalize(raw, mapping.Input{Tenant: "acme", Observed: observed}, ev, sc)
		if ev.Text("organization.id") != "acme" || ev.Text("event.kind") == "" || ev.Text("event.id") == "" {
			t.Fatalf("%q: incomplete record %s", raw, ev.AppendFlatJSON(nil))
		}
		if !json.Valid(ev.AppendJSON(nil)) {
			t.Fatalf("%q: no valid JSON", raw)
		}
	})
}

// TestConcurrentUse: one engine, many goroutines, each with its own scratch.
func TestConcurrentUse(t *testing.T) {
	e := shipped(t)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			sc, ev := e.NewScratch(), event.New(e.Fields())
			for i := range 200 {
				id := fmt.Sprintf("g%d-%d", g, i)
				raw := `{"uuid":"` + id + `","published":"2026-03-02T07:45:10Z","eventType":"user.session.start","actor":{"id":"` + id + `","type":"User","alternateId":"` + id + `@x.example"},"outcome":{"result":"SUCCESS"}}`
				if err := e.Normalize(raw, mapping.Input{Tenant: "acme"}, ev, sc); err != nil || ev.Text("event.id") != id || ev.Text("user.name") != id {
					t.Errorf("%s: %v %s", id, err, ev.AppendFlatJSON(nil))
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestNamedMapping: the configuration may name the mapping instead of leaving
// it to recognition.
func TestNamedMapping(t *testing.T) {
	e := shipped(t)
	ev := event.New(e.Fields())
	raw := `{"published":"2026-03-02T07:45:10Z","uuid":"u"}`
	if _, f := normalize(t, e, raw); f == nil || f.Reason != mapping.ReasonUnmapped {
		t.Errorf("without a name: want it unmapped, got %v", f)
	}
	if err := e.Normalize(raw, mapping.Input{Tenant: "acme", Mapping: "okta.system"}, ev, e.NewScratch()); err != nil || ev.Text("event.dataset") != "okta.system" {
		t.Errorf("with a name: %v, %s", err, ev.AppendFlatJSON(nil))
	}
	wrapped := `{"message":"{\"published\":\"2026-03-02T07:45:10Z\",\"uuid\":\"u7\",\"eventType\":\"x\"}"}`
	if err := e.Normalize(wrapped, mapping.Input{Tenant: "acme", Mapping: "okta.system"}, ev, e.NewScratch()); err != nil || ev.Text("event.id") != "u7" {
		t.Errorf("wrapped: %v, %s", err, ev.AppendFlatJSON(nil))
	}
	if err := e.Normalize(raw, mapping.Input{Tenant: "acme", Mapping: "okta.sytem"}, ev, e.NewScratch()); err == nil {
		t.Error("a mapping that is not there: want an error")
	}
}

// TestTextSource: a source that writes text needs no Go.
func TestTextSource(t *testing.T) {
	const text = `
title: Secure shell
domain: endpoint
dataset: example.sshd
match:
  - {message: {contains: ["sshd["]}}
prepare:
  - {move: {message: log}}
  - {syslog: log}
  - {extract: log.message, into: ssh, patterns: ['^(?P<result>Accepted|Failed) (?P<method>\S+) for (?:invalid user )?(?P<user>\S+) from (?P<ip>\S+) port (?P<port>\d+)']}
time: [{log.timestamp: [iso8601, syslog]}]
vendor: {prefix: example.sshd}
set: {event.kind: event, event.category: [authentication], event.type: [start]}
copy: {user.name: ssh.user, source.ip: ssh.ip, source.port: ssh.port, host.name: log.hostname, process.name: log.appname, process.pid: log.procid}
fields:
  - {to: event.outcome, from: ssh.result, map: {Accepted: success, Failed: failure}, only_mapped: true, default: unknown}
related: {ip: [source.ip], user: [user.name]}
`
	set, err := mapping.Load(fstest.MapFS{"example.sshd.yml": {Data: []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	e := set.Compile(event.NewFields())
	for raw, want := range map[string]time.Time{
		"<38>Mar  2 06:15:00 fs1 sshd[811]: Failed password for invalid user oracle from 203.0.113.5 port 2201 ssh2":           time.Date(2026, 3, 2, 6, 15, 0, 0, time.UTC),
		"<38>Dec 31 23:59:59 fs1 sshd[811]: Failed password for invalid user oracle from 203.0.113.5 port 2201 ssh2":           time.Date(2025, 12, 31, 23, 59, 59, 0, time.UTC),
		"<38>2026-03-02T06:15:00+02:00 fs1 sshd[811]: Failed password for invalid user oracle from 203.0.113.5 port 2201 ssh2": time.Date(2026, 3, 2, 4, 15, 0, 0, time.UTC),
	} {
		ev, f := normalize(t, e, raw)
		if f != nil {
			t.Errorf("%s: %v", raw, f)
			continue
		}
		if !ev.Time.Equal(want) || ev.Text("user.name") != "oracle" || ev.Text("source.port") != "2201" || ev.Text("event.outcome") != "failure" || ev.Text("host.name") != "fs1" || ev.Text("process.pid") != "811" {
			t.Errorf("%s: %s", raw, ev.AppendFlatJSON(nil))
		}
	}
}

// TestLongNamesCostNoMemory: names that differ only far behind are not kept.
func TestLongNamesCostNoMemory(t *testing.T) {
	e := shipped(t)
	sc, ev := e.NewScratch(), event.New(e.Fields())
	prefix := strings.Repeat("k", 100_000)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range 400 {
		raw := fmt.Sprintf(`{"eventVersion":"1","eventTime":"2026-03-02T11:20:31Z","eventSource":"s","eventName":"n","awsRegion":"r","requestParameters":{"%s%d":1}}`, prefix, i)
		if err := e.Normalize(raw, mapping.Input{Tenant: "acme"}, ev, sc); err != nil {
			t.Fatal(err)
		}
	}
	ev.Reset()
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 8<<20 {
		t.Errorf("400 records with a long name left %d bytes behind", grown)
	}
	runtime.KeepAlive(sc)
}

// TestDeepLongNames: a deep tree of long names does not become many very long
// field names.
func TestDeepLongNames(t *testing.T) {
	e := shipped(t)
	var b strings.Builder
	b.WriteString(`{"eventVersion":"1","eventTime":"2026-03-02T11:20:31Z","eventSource":"s","eventName":"n","awsRegion":"r","requestParameters":`)
	for range 50 {
		b.WriteString(`{"` + strings.Repeat("d", 250) + `":`)
	}
	b.WriteString("{")
	for i := range 7000 {
		fmt.Fprintf(&b, `"%d":1,`, i)
	}
	b.WriteString(`"x":1}` + strings.Repeat("}", 51))
	ev, f := normalize(t, e, b.String())
	if f != nil {
		t.Fatal(f)
	}
	names := 0
	for field := range ev.All {
		names += len(field.Name)
	}
	if names > 100_000 || !json.Valid(ev.AppendJSON(nil)) {
		t.Errorf("%d fields with %d bytes of names", ev.Len(), names)
	}
}
