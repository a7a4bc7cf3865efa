package esingestexporter

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

func encodeRaw(t testing.TB, raw map[string]any) (string, *encoder) {
	t.Helper()
	m := pcommon.NewMap()
	require.NoError(t, m.FromRaw(raw))
	e := &encoder{}
	e.add(m, nil)
	return string(e.document(0)), e
}

func TestEncode(t *testing.T) {
	for name, c := range map[string]struct {
		in   map[string]any
		want string
	}{
		"nested":           {map[string]any{"b.c": 1, "a": "x", "b.a.z": true}, `{"a":"x","b":{"a":{"z":true},"c":1}}`},
		"lists":            {map[string]any{"l": []any{1, "a", nil, []any{1.5}, map[string]any{"x.y": 1}}}, `{"l":[1,"a",null,[1.5],{"x":{"y":1}}]}`},
		"map as children":  {map[string]any{"a": map[string]any{"b": 1, "c.d": 2}, "a.e": 3}, `{"a":{"b":1,"c":{"d":2},"e":3}}`},
		"value and parent": {map[string]any{"a": "v", "a.b": 1, "a-b": 2}, `{"a":{"b":1,"value":"v"},"a-b":2}`},
		"value taken":      {map[string]any{"a": "v", "a.b": 1, "a.value": 2}, `{"a":{"b":1,"value":["v",2]}}`},
		"value is parent":  {map[string]any{"a": "v", "a.value.x": 1}, `{"a":{"value":{"value":"v","x":1}}}`},
		"same twice":       {map[string]any{"a": map[string]any{"b": 1}, "a.b": 1}, `{"a":{"b":[1,1]}}`},
		"no number":        {map[string]any{"nan": math.NaN(), "inf": math.Inf(1), "big": 1e300, "small": 1e-9}, `{"big":1e+300,"inf":null,"nan":null,"small":1e-09}`},
		"text":             {map[string]any{"a": "\"\\\n\t\x00\x7fé\xff"}, `{"a":"\"\\\n\t\u0000` + "\x7f" + `é` + "\ufffd" + `"}`},
		"bytes":            {map[string]any{"a": []byte{1, 2}}, `{"a":"AQI="}`},
		"nothing":          {map[string]any{"a": nil}, `{}`},
		"blank parts":      {map[string]any{"a..b": 1, "": 2, ".": 3, "c. .d": 4}, `{"_":0}`},
		"root underscore":  {map[string]any{"_id": 1, "a._id": 2}, `{"a":{"_id":2},"x_id":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			got, e := encodeRaw(t, c.in)
			assert.True(t, json.Valid([]byte(got)), got)
			if name == "blank parts" {
				assert.Equal(t, 4, e.renamed)
				c.want = `{"a":{"_":{"b":1}},"c":{"_":{"d":4}},"x_":{"value":2,"_":3}}`
			}
			var a, b any
			require.NoError(t, json.Unmarshal([]byte(got), &a))
			require.NoError(t, json.Unmarshal([]byte(c.want), &b))
			assert.Empty(t, cmp.Diff(b, a), got)
		})
	}
}

// checkNames walks a document: no repeated members, no names that
// Elasticsearch refuses.
func checkNames(t *testing.T, d *json.Decoder, root bool, depth int) {
	t.Helper()
	tok, err := d.Token()
	require.NoError(t, err)
	delim, ok := tok.(json.Delim)
	if !ok {
		return
	}
	require.Less(t, depth, 2*maxDepth+maxSegments+2)
	seen := map[string]bool{}
	for d.More() {
		if delim == '{' {
			k, err := d.Token()
			require.NoError(t, err)
			name := k.(string)
			require.False(t, seen[name], "member %q twice", name)
			seen[name] = true
			require.NotEmpty(t, strings.TrimSpace(name))
			require.NotContains(t, name, ".")
			if root {
				require.False(t, strings.HasPrefix(name, "_"), name)
			}
		}
		checkNames(t, d, false, depth+1)
	}
	_, err = d.Token()
	require.NoError(t, err)
}

// FuzzEncode: whatever names and values come, the document is valid JSON
// without repeated members or names that Elasticsearch does not take.
func FuzzEncode(f *testing.F) {
	f.Add("a", "a.b", "a.value", "v", 3)
	f.Add("", ".", "..a", "\xff", 40)
	f.Add("_id", " ", "\u2003.\u0085", "\x00", 0)
	f.Add(strings.Repeat("x.", 300), strings.Repeat("y", 300), strings.Repeat("é", 200), "x", 1)
	f.Fuzz(func(t *testing.T, a, b, c, v string, depth int) {
		m := pcommon.NewMap()
		m.PutStr(a, v)
		m.PutInt(b, 1)
		inner := m.PutEmptyMap(c)
		for range min(max(depth, 0), 100) {
			inner.PutStr(a, v)
			inner.PutEmptySlice("list").AppendEmpty().SetEmptyMap().PutStr(b, v)
			inner = inner.PutEmptyMap(b)
		}
		e := &encoder{}
		e.add(m, nil)
		raw := e.document(0)
		require.True(t, json.Valid(raw), "%s", raw)
		checkNames(t, json.NewDecoder(strings.NewReader(string(raw))), true, 0)
	})
}

// The id of a record without one depends on tenant, data set and original
// only, so that a record sent again is the same document.
func TestIDs(t *testing.T) {
	x := &esExporter{config: createDefaultConfig()}
	id := func(at time.Time, raw map[string]any) string {
		lr := plog.NewLogRecord()
		lr.SetTimestamp(pcommon.NewTimestampFromTime(at))
		require.NoError(t, lr.Attributes().FromRaw(raw))
		p := x.locate(pcommon.NewResource(), lr, time.Now())
		e := &encoder{}
		doc := encode(e, lr, &p, time.Now())
		var out struct {
			Event struct{ ID string }
		}
		require.NoError(t, json.Unmarshal(doc, &out))
		if len(p.id) <= maxID {
			assert.Equal(t, p.id, out.Event.ID)
		}
		return p.id
	}
	now := time.Now()
	base := map[string]any{"organization.id": "acme", "event.dataset": "a.b", "event.original": "x"}
	with := func(k, v string) map[string]any {
		m := map[string]any{}
		for k, v := range base {
			m[k] = v
		}
		m[k] = v
		return m
	}
	first := id(now, base)
	assert.Equal(t, first, id(now.Add(time.Second), base))
	assert.NotEqual(t, first, id(now, with("organization.id", "acme2")))
	assert.NotEqual(t, first, id(now, with("event.dataset", "a.c")))
	assert.NotEqual(t, first, id(now, with("event.original", "y")))
	assert.Equal(t, "own", id(now, with("event.id", "own")))
	bare := map[string]any{"organization.id": "acme", "user.name": "u"}
	assert.Equal(t, id(now, bare), id(now, bare))
	assert.NotEqual(t, id(now, bare), id(now.Add(time.Second), bare))
}

func TestSignalVersion(t *testing.T) {
	v := func(raw map[string]any) int64 {
		m := pcommon.NewMap()
		require.NoError(t, m.FromRaw(raw))
		return signalVersion(m)
	}
	order := []map[string]any{
		{"mxdr.signal.events_total": -5}, {"mxdr.signal.events_total": 1}, {"mxdr.signal.events_total": 1, "mxdr.signal.status": "withdrawn"},
		{"mxdr.signal.events_total": 2.0}, {"mxdr.signal.events_total": math.MaxInt64, "mxdr.signal.status": "withdrawn"},
	}
	for i := 1; i < len(order); i++ {
		assert.Less(t, v(order[i-1]), v(order[i]), i)
	}
	assert.Positive(t, v(order[0]))
	assert.EqualValues(t, 7, v(map[string]any{"event.sequence": 7, "mxdr.signal.events_total": 100}))
}

// benchLogs are records with 40 fields, as a normalized sign-in has them.
func benchLogs(n int) plog.Logs {
	logs := plog.NewLogs()
	rl := logs.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr(tenantAttribute, "acme")
	records := rl.ScopeLogs().AppendEmpty().LogRecords()
	for i := range n {
		r := records.AppendEmpty()
		r.SetTimestamp(pcommon.NewTimestampFromTime(time.Unix(1_700_000_000+int64(i), 0)))
		a := r.Attributes()
		a.PutStr("event.kind", "event")
		a.PutStr("event.dataset", "o365.audit")
		a.PutStr("event.id", fmt.Sprintf("%032d", i))
		a.PutStr("event.original", strings.Repeat(`{"Operation":"UserLoggedIn"}`, 20))
		for j := range 30 {
			a.PutStr(fmt.Sprintf("o365.audit.Group%d.Field%02d", j%5, j), "some value of a field")
		}
		a.PutStr("source.ip", "203.0.113.9")
		a.PutStr("user.name", "alice")
		a.PutStr("user.email", "alice@contoso.com")
		a.PutInt("source.port", 443)
		for _, l := range []string{"event.category", "event.type"} {
			a.PutEmptySlice(l).AppendEmpty().SetStr("authentication")
		}
	}
	return logs
}

// BenchmarkEncode is the whole way from a record to its document: routing, id,
// sorting and JSON.
func BenchmarkEncode(b *testing.B) {
	x := &esExporter{config: createDefaultConfig(), now: time.Now}
	logs := benchLogs(1000)
	size := 0
	for _, r := range x.read(logs) {
		size += len(r.document)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		x.read(logs)
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "docs/s")
}

// TestEncodeAnything is FuzzEncode with names drawn from what has gone wrong
// elsewhere, many at once.
func TestEncodeAnything(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	parts := []string{"", "a", "b", "value", "_", "x", " ", "é", "\u2003", "\x00", "\xff", "_id", "*", "source", "ip", strings.Repeat("n", 200)}
	name := func() string {
		p := make([]string, 1+r.IntN(4))
		for i := range p {
			p[i] = parts[r.IntN(len(parts))]
		}
		return strings.Join(p, ".")
	}
	for range 5000 {
		m := pcommon.NewMap()
		for range r.IntN(12) {
			switch r.IntN(3) {
			case 0:
				m.PutInt(name(), 1)
			case 1:
				m.PutEmptyMap(name()).PutStr(name(), "v")
			case 2:
				m.PutEmptySlice(name()).AppendEmpty().SetEmptyMap().PutEmptyMap(name()).PutBool(name(), true)
			}
		}
		e := &encoder{}
		e.add(m, nil)
		raw := e.document(0)
		require.True(t, json.Valid(raw), "%s", raw)
		checkNames(t, json.NewDecoder(strings.NewReader(string(raw))), true, 0)
	}
}
