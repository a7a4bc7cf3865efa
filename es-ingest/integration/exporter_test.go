//go:build unix

package integration

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/exporter"

	"github.com/openmxdr/openmxdr/es-ingest/client"
	esingestexporter "github.com/openmxdr/openmxdr/es-ingest/exporter"
	"github.com/openmxdr/openmxdr/es-ingest/schema"
	"github.com/openmxdr/openmxdr/internal/elastictest"
)

// Setting up again, and from several collectors at once, changes nothing.
func TestSetUpTwice(t *testing.T) {
	t.Parallel()
	e := elastictest.Shared(t)
	c := connect(t, e)
	tenant := e.Tenant(t)
	ctx := context.Background()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s := schema.NewSetup(c, schema.Options{})
			assert.NoError(t, s.EnsureTenant(ctx, tenant))
			assert.NoError(t, s.EnsureLogs(ctx, "okta.system", tenant))
			s.Forget()
			assert.NoError(t, s.EnsureTenant(ctx, tenant))
			assert.NoError(t, s.EnsureLogs(ctx, "okta.system", tenant))
		})
	}
	wg.Wait()
	var got struct {
		Templates []struct {
			Template struct {
				Version  int
				Patterns []string `json:"index_patterns"`
			} `json:"index_template"`
		} `json:"index_templates"`
	}
	require.NoError(t, c.DoJSON(ctx, "GET", "/_index_template/mxdr-logs-okta.system-"+tenant, nil, nil, &got))
	require.Len(t, got.Templates, 1)
	assert.Equal(t, []string{"logs-okta.system-" + tenant}, got.Templates[0].Template.Patterns)
	assert.Equal(t, schema.Version, got.Templates[0].Template.Version)
	for _, bad := range []string{"", "A", "a-b", "a*", "a,b", "../x", strings.Repeat("a", 41), "_a"} {
		assert.Error(t, schema.NewSetup(c, schema.Options{}).EnsureTenant(ctx, bad), bad)
		assert.Error(t, schema.NewSetup(c, schema.Options{}).EnsureLogs(ctx, "x", bad), bad)
	}
	for _, bad := range []string{"", "A", "a-b", "a*", "a,b", "../x", "a..b", "a.", strings.Repeat("a", 101)} {
		assert.Error(t, schema.NewSetup(c, schema.Options{}).EnsureLogs(ctx, bad, tenant), bad)
	}
}

// A template of somebody else's under our name is not written over.
func TestSetUpLeavesForeignTemplates(t *testing.T) {
	t.Parallel()
	e := elastictest.Shared(t)
	c := connect(t, e)
	tenant := e.Tenant(t)
	ctx := context.Background()
	name := "mxdr-logs-a.b-" + tenant
	require.NoError(t, c.DoJSON(ctx, "PUT", "/_index_template/"+name, nil, map[string]any{"index_patterns": []string{"elsewhere-" + tenant}}, nil))
	assert.ErrorContains(t, schema.NewSetup(c, schema.Options{}).EnsureLogs(ctx, "a.b", tenant), "is not OpenMXDR's")
	require.NoError(t, c.DoJSON(ctx, "PUT", "/_index_template/"+name, nil, map[string]any{
		"index_patterns": []string{"elsewhere-" + tenant}, "version": schema.Version + 1, "_meta": map[string]any{"managed_by": "openmxdr"},
	}, nil))
	assert.NoError(t, schema.NewSetup(c, schema.Options{}).EnsureLogs(ctx, "a.b", tenant), "a later version is left alone")
}

// Writing 5,000 documents twice is writing them once, in the same exporter, in
// a new one, and after the data stream has rolled over.
func TestTwiceIsOnce(t *testing.T) {
	t.Parallel()
	const n = 5000
	e := elastictest.Shared(t)
	c := connect(t, e)
	tenant := e.Tenant(t)
	index := schema.Logs("acme.audit", tenant)
	x := startExporter(t, e, nil)
	all := func(x exporter.Logs) {
		for i := 0; i < n; i += 1000 {
			require.NoError(t, x.ConsumeLogs(context.Background(), batch(tenant, "acme.audit", i, 1000)))
		}
	}
	all(x)
	all(x)
	total, docs := search(t, c, index, nil)
	require.Equal(t, n, total)
	assert.Equal(t, "logs", dig(docs[0].Source, "data_stream", "type"))
	assert.Equal(t, tenant, dig(docs[0].Source, "organization", "id"))
	assert.Equal(t, docs[0].ID, dig(docs[0].Source, "event", "id"))

	// The exporter learns of the rollover from the answer to its write.
	require.NoError(t, c.DoJSON(context.Background(), "POST", "/"+index+"/_rollover", nil, nil, nil))
	all(x)
	total, _ = search(t, c, index, nil)
	require.Equal(t, n, total, "after a rollover")
	// It goes on with what is new.
	send(t, x, batch(tenant, "acme.audit", n-500, 1000))
	total, _ = search(t, c, index, nil)
	require.Equal(t, n+500, total)
	// A new process looks before it writes.
	all(startExporter(t, e, nil))
	total, _ = search(t, c, index, nil)
	require.Equal(t, n+500, total, "a new exporter after a rollover")
}

// Event fields can be searched by their types.
func TestFieldsAreSearchable(t *testing.T) {
	t.Parallel()
	e := elastictest.Shared(t)
	c := connect(t, e)
	tenant := e.Tenant(t)
	x := startExporter(t, e, nil)
	send(t, x, one(epoch, map[string]any{
		"organization.id": tenant, "event.dataset": "acme.audit", "event.id": "1", "source.ip": "10.2.3.4", "process.command_line": strings.Repeat("x", 3000) + " evil",
		"source.geo.location": map[string]any{"lat": 48.1, "lon": 11.5}, "http.response.status_code": 404, "okta.target": []any{map[string]any{"id": "t1"}, map[string]any{"id": "t2"}},
		"message": "Password spray from abroad", "threat.indicator.ip": "10.9.9.9",
	}))
	for name, q := range map[string]map[string]any{
		"address range": {"term": map[string]any{"source.ip": "10.2.0.0/16"}},
		"rare field":    {"term": map[string]any{"threat.indicator.ip": "10.9.0.0/16"}},
		"number":        {"range": map[string]any{"http.response.status_code": map[string]any{"gte": 400, "lt": 500}}},
		"vendor list":   {"term": map[string]any{"okta.target.id": "t2"}},
		"text":          {"match": map[string]any{"message": "SPRAY"}},
		"long keyword":  {"wildcard": map[string]any{"process.command_line": "*evil"}},
		"place":         {"geo_distance": map[string]any{"distance": "10km", "source.geo.location": map[string]any{"lat": 48.1, "lon": 11.5}}},
		"time":          {"range": map[string]any{"@timestamp": map[string]any{"gte": "2026-03-01T08:00:00Z", "lte": "2026-03-01T08:00:00Z"}}},
	} {
		total, _ := search(t, c, schema.AllLogs(tenant), q)
		assert.Equal(t, 1, total, name)
	}
	total, _ := search(t, c, schema.AllLogs(tenant), map[string]any{"exists": map[string]any{"field": "event.original"}})
	assert.Equal(t, 0, total)
}

// A document that Elasticsearch refuses goes to the dead letters with the
// reason, once, and the rest arrives.
func TestRefusedDocument(t *testing.T) {
	t.Parallel()
	e := elastictest.Shared(t)
	c := connect(t, e)
	tenant := e.Tenant(t)
	ctx := context.Background()
	// Somebody's own strict template stands in for what we cannot foresee.
	require.NoError(t, schema.NewSetup(c, schema.Options{}).EnsureTenant(ctx, tenant))
	require.NoError(t, c.DoJSON(ctx, "PUT", "/_index_template/mxdr-logs-strict-"+tenant, nil, map[string]any{
		"index_patterns": []string{schema.Logs("strict", tenant)}, "data_stream": map[string]any{}, "priority": 500,
		"template": map[string]any{"mappings": map[string]any{"dynamic_templates": []any{}, "properties": map[string]any{"bad": map[string]any{"type": "long"}}}},
	}, nil))
	x := startExporter(t, e, func(c *esingestexporter.Config) { c.Schema.Manage = false })
	logs := batch(tenant, "strict", 0, 100)
	logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(42).Attributes().PutStr("bad", "not a number")
	send(t, x, logs, logs)
	total, _ := search(t, c, schema.Logs("strict", tenant), nil)
	assert.Equal(t, 99, total)
	total, dead := search(t, c, schema.Dead(tenant), nil)
	require.Equal(t, 1, total)
	src := dead[0].Source
	assert.Equal(t, "id-000042", dig(src, "mxdr", "dead", "id"))
	assert.Equal(t, schema.Logs("strict", tenant), dig(src, "mxdr", "dead", "index"))
	assert.Contains(t, dig(src, "error", "message"), "not a number")
	assert.Equal(t, "document_parsing_exception", dig(src, "error", "type"))
	assert.Contains(t, dig(src, "mxdr", "dead", "document"), `"bad":"not a number"`)
}

// A record without a tenant, or with one that would reach another index, ends
// in the dead letters of nobody in particular; the resource's tenant wins.
func TestTenantIsNotTakenFromAnywhere(t *testing.T) {
	t.Parallel()
	e := elastictest.Shared(t)
	c := connect(t, e)
	tenant := e.Tenant(t)
	x := startExporter(t, e, nil)
	mark := "mark-" + tenant
	for i, bad := range []string{"", "*", "a,b", "../" + tenant, "X", "a-b", strings.Repeat("a", 100)} {
		send(t, x, one(epoch, map[string]any{"organization.id": bad, "event.dataset": "acme.audit", "event.id": fmt.Sprintf("%s-%d", mark, i)}))
	}
	total, docs := search(t, c, schema.Dead("unassigned"), map[string]any{"prefix": map[string]any{"mxdr.dead.id": mark}})
	assert.Equal(t, 7, total)
	assert.Contains(t, dig(docs[0].Source, "error", "message"), "organization.id")

	logs := one(epoch, map[string]any{"organization.id": "someone_else", "event.dataset": "acme.audit", "event.id": "1"})
	logs.ResourceLogs().At(0).Resource().Attributes().PutStr("organization.id", tenant)
	send(t, x, logs)
	total, docs = search(t, c, schema.AllLogs(tenant), nil)
	require.Equal(t, 1, total)
	assert.Equal(t, tenant, dig(docs[0].Source, "organization", "id"))
	// A dataset cannot reach another index either.
	for i, d := range []string{"", "*", "x,y", "../../a", "A B", "x-" + tenant, strings.Repeat("d", 300), ".", "ü"} {
		send(t, x, one(epoch, map[string]any{"organization.id": tenant, "event.dataset": d, "event.id": fmt.Sprintf("d%d", i)}))
	}
	total, _ = search(t, c, schema.AllLogs(tenant), nil)
	assert.Equal(t, 10, total)
}

// No name and no value makes Elasticsearch refuse a document, or hides the
// fields of the schema from a search.
func TestHostileFields(t *testing.T) {
	t.Parallel()
	e := elastictest.Shared(t)
	c := connect(t, e)
	tenant := e.Tenant(t)
	x := startExporter(t, e, nil)
	many := map[string]any{}
	for i := range 10_000 {
		many[fmt.Sprintf("evil.field%05d", i)] = i
	}
	deep := map[string]any{"x": 1}
	for range 200 {
		deep = map[string]any{"d": deep}
	}
	list := any("bottom")
	for range 200 {
		list = []any{list}
	}
	cases := []map[string]any{
		many,
		{"...": 1, ".": 2, "": 3, "..a..": 4, "a.": 5, ".a": 6, "a. .b": 7, " ": 8, "\u2003": 9, "\t": 10},
		{strings.Repeat("n", 300): 1, strings.Repeat("n", 299) + "o": 2, strings.Repeat("a.", 5000) + "a": 3},
		{"_id": "x", "_index": "y", "_source": map[string]any{"a": 1}, "_ignored": 1, "_seq_no": 1, "_routing": "z"},
		{"source": "text", "source.ip": map[string]any{"a": 1}, "user": []any{1, "x", map[string]any{"name": 1}}, "event": 3},
		{"source.ip": "not an address", "source.port": "http", "event.start": "yesterday", "source.geo.location": "nowhere", "process.pid": 1e300},
		{"source.geo.location": map[string]any{"lat": 1000, "lon": "x"}, "event.original": strings.Repeat("o", 1<<20), "host.name": strings.Repeat("h", 100_000)},
		{"v": "text"}, {"v": 1}, {"v": map[string]any{"w": 1}}, {"v": []any{true, 1.5, nil, []any{}}},
		{"nul": "a\x00b\xff\xfe", "k\x00\xff\x01": 1, "e\u0301": "é", "🙂": "🙂", "*": 1, "a*": 2, "\"quoted\\": 3, "a\nb": 4},
		{"deep": deep, "list": list},
		{"a": "leaf", "a.value": "taken", "a.b": 1, "a.value.c": 2},
		{"objects": []any{map[string]any{"": 1, ".": 2, "_": 3, "x.y": 4, "x": map[string]any{"y": 5}}}},
		{"@timestamp": "not ours", "data_stream.type": "metrics", "data_stream.namespace": "other", "event.ingested": "nonsense"},
	}
	for i, m := range cases {
		attributes := map[string]any{"organization.id": tenant, "event.dataset": "acme.audit", "event.id": fmt.Sprintf("h%02d", i)}
		for k, v := range m {
			attributes[k] = v
		}
		send(t, x, one(epoch, attributes))
	}
	// After all this, fields that had not occurred before are searchable.
	send(t, x, one(epoch, map[string]any{"organization.id": tenant, "event.dataset": "acme.audit", "event.id": "after", "destination.ip": "10.7.7.7"}))
	if total, dead := searchMaybe(t, c, schema.Dead(tenant)); total > 0 {
		for _, d := range dead {
			t.Errorf("refused: %v: %v", dig(d.Source, "mxdr", "dead", "id"), dig(d.Source, "error", "message"))
		}
	}
	total, _ := search(t, c, schema.AllLogs(tenant), nil)
	assert.Equal(t, len(cases)+1, total)
	total, _ = search(t, c, schema.AllLogs(tenant), map[string]any{"term": map[string]any{"destination.ip": "10.7.0.0/16"}})
	assert.Equal(t, 1, total)
}

func searchMaybe(t *testing.T, c *client.Client, index string) (int, []document) {
	t.Helper()
	err := c.DoJSON(context.Background(), http.MethodGet, "/"+index+"/_mapping", nil, nil, nil)
	if client.StatusOf(err) == http.StatusNotFound {
		return 0, nil
	}
	require.NoError(t, err)
	return search(t, c, index, nil)
}
