//go:build unix

// Package integration tests exporter and store against a real Elasticsearch.
package integration

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/openmxdr/openmxdr/es-ingest/client"
	esingestexporter "github.com/openmxdr/openmxdr/es-ingest/exporter"
	"github.com/openmxdr/openmxdr/internal/elastictest"
)

func TestMain(m *testing.M) { os.Exit(elastictest.Run(m)) }

func connect(t testing.TB, e *elastictest.Instance) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{Endpoints: []string{e.URL}, User: e.User, Password: client.Secret(e.Password)})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// startExporter starts the exporter as the collector does, with retries.
func startExporter(t testing.TB, e *elastictest.Instance, change func(*esingestexporter.Config)) exporter.Logs {
	t.Helper()
	f := esingestexporter.NewFactory()
	cfg := f.CreateDefaultConfig().(*esingestexporter.Config)
	cfg.Endpoints = []string{e.URL}
	cfg.User, cfg.Password = e.User, configopaque.String(e.Password)
	cfg.Retry.InitialInterval = 200 * time.Millisecond
	cfg.Retry.MaxInterval = time.Second
	if change != nil {
		change(cfg)
	}
	require.NoError(t, cfg.Validate())
	x, err := f.CreateLogs(context.Background(), exportertest.NewNopSettings(f.Type()), cfg)
	require.NoError(t, err)
	require.NoError(t, x.Start(context.Background(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, x.Shutdown(context.Background())) })
	return x
}

var epoch = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// batch makes n events, numbered from first.
func batch(tenant, dataset string, first, n int) plog.Logs {
	logs := plog.NewLogs()
	records := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for i := first; i < first+n; i++ {
		r := records.AppendEmpty()
		r.SetTimestamp(pcommon.NewTimestampFromTime(epoch.Add(time.Duration(i) * time.Second)))
		a := r.Attributes()
		a.PutStr("organization.id", tenant)
		a.PutStr("event.kind", "event")
		a.PutStr("event.dataset", dataset)
		a.PutStr("event.id", fmt.Sprintf("id-%06d", i))
		a.PutStr("user.name", fmt.Sprintf("user-%d", i%50))
		a.PutStr("source.ip", fmt.Sprintf("10.1.%d.%d", i/250%250, i%250))
		a.PutStr("event.original", fmt.Sprintf(`{"n":%d}`, i))
	}
	return logs
}

// one makes a batch of a single record.
func one(at time.Time, attributes map[string]any) plog.Logs {
	logs := plog.NewLogs()
	r := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	r.SetTimestamp(pcommon.NewTimestampFromTime(at))
	if err := r.Attributes().FromRaw(attributes); err != nil {
		panic(err)
	}
	return logs
}

func send(t testing.TB, x exporter.Logs, logs ...plog.Logs) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, l := range logs {
		require.NoError(t, x.ConsumeLogs(ctx, l))
	}
}

type document struct {
	Index  string         `json:"_index"`
	ID     string         `json:"_id"`
	Source map[string]any `json:"_source"`
}

// search refreshes and returns up to 10 documents and how many there are.
func search(t testing.TB, c *client.Client, index string, query map[string]any) (int, []document) {
	t.Helper()
	ctx := context.Background()
	require.NoError(t, c.DoJSON(ctx, "POST", "/"+index+"/_refresh", nil, nil, nil))
	var out struct {
		Hits struct {
			Total struct{ Value int }
			Hits  []document
		}
	}
	body := map[string]any{"track_total_hits": true}
	if query != nil {
		body["query"] = query
	}
	require.NoError(t, c.DoJSON(ctx, "POST", "/"+index+"/_search", nil, body, &out))
	return out.Hits.Total.Value, out.Hits.Hits
}

// dig follows names into nested objects.
func dig(v any, names ...string) any {
	for _, n := range names {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[n]
	}
	return v
}
