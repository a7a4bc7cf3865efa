//go:build unix

// Package e2e runs the collector's own binary against a real Elasticsearch.
package e2e

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/openmxdr/openmxdr/es-ingest/client"
	"github.com/openmxdr/openmxdr/es-ingest/store"
	"github.com/openmxdr/openmxdr/internal/collectorproc"
	"github.com/openmxdr/openmxdr/internal/elastictest"
)

func TestMain(m *testing.M) {
	code := elastictest.Run(m)
	if binary.dir != "" {
		_ = os.RemoveAll(binary.dir)
	}
	os.Exit(code)
}

var binary struct {
	sync.Once
	dir, path string
	err       error
}

// collectorBinary builds the collector once, or takes the one that
// MXDR_COLLECTOR names.
func collectorBinary(t *testing.T) string {
	t.Helper()
	binary.Do(func() {
		if binary.path = os.Getenv("MXDR_COLLECTOR"); binary.path != "" {
			return
		}
		if binary.dir, binary.err = os.MkdirTemp("", "mxdr-collector-"); binary.err != nil {
			return
		}
		binary.path = filepath.Join(binary.dir, "mxdr-collector")
		out, err := exec.Command("go", "build", "-o", binary.path, "../distribution").CombinedOutput()
		if err != nil {
			binary.err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	require.NoError(t, binary.err)
	return binary.path
}

// pipeline is a collector between a test and an Elasticsearch.
type pipeline struct {
	t         *testing.T
	es        *elastictest.Instance
	client    *client.Client
	store     *store.Store
	tenant    string
	dir       string
	collector *collectorproc.Process
}

func newPipeline(t *testing.T, es *elastictest.Instance) *pipeline {
	t.Helper()
	c, err := client.New(client.Config{Endpoints: []string{es.URL}, User: es.User, Password: client.Secret(es.Password)})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	p := &pipeline{t: t, es: es, client: c, store: store.New(c), tenant: es.Tenant(t), dir: t.TempDir()}
	p.start()
	t.Cleanup(func() {
		require.NoError(t, p.collector.Stop())
		if t.Failed() {
			if log, err := os.ReadFile(p.collector.LogFile); err == nil {
				t.Logf("the end of the collector's log:\n%s", log[max(0, len(log)-4000):])
			}
		}
	})
	return p
}

// start runs a collector with the state that the one before left.
func (p *pipeline) start() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	config, err := filepath.Abs("../../examples/quickstart/collector.yaml")
	require.NoError(p.t, err)
	p.collector, err = collectorproc.Start(ctx, collectorproc.Options{
		Binary: collectorBinary(p.t), Config: config, Dir: p.dir,
		Env: map[string]string{
			"MXDR_ELASTICSEARCH_URL": p.es.URL, "MXDR_ELASTICSEARCH_USER": p.es.User,
			"MXDR_ELASTICSEARCH_PASSWORD": p.es.Password, "MXDR_TENANT": p.tenant,
		},
	})
	require.NoError(p.t, err)
}

func (p *pipeline) send(records [][]byte) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	require.NoError(p.t, collectorproc.Send(ctx, p.collector.OTLP, records))
}

// count refreshes and counts documents by a query in the body's form.
func (p *pipeline) count(index string, query map[string]any) int {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	lenient := map[string][]string{"ignore_unavailable": {"true"}, "allow_no_indices": {"true"}}
	require.NoError(p.t, p.client.DoJSON(ctx, http.MethodPost, "/"+index+"/_refresh", lenient, nil, nil))
	var out struct{ Count int }
	require.NoError(p.t, p.client.DoJSON(ctx, http.MethodPost, "/"+index+"/_count", lenient, map[string]any{"query": query}, &out))
	return out.Count
}

func (p *pipeline) events() int {
	return p.count("logs-*-"+p.tenant, map[string]any{"match_all": map[string]any{}})
}

func (p *pipeline) errors() int {
	return p.count("logs-*-"+p.tenant, term("event.kind", "pipeline_error"))
}

func (p *pipeline) signals() int {
	return p.count("mxdr-signals-"+p.tenant, map[string]any{"match_all": map[string]any{}})
}

func (p *pipeline) dead() int {
	return p.count("mxdr-dead-"+p.tenant, map[string]any{"match_all": map[string]any{}})
}

func term(field, value string) map[string]any {
	return map[string]any{"term": map[string]any{field: value}}
}

// essence is what must be the same of an incident whatever happened on the way.
type essence struct {
	ID, Title, State, Confidence string
	Score                        float64
	Signals, Edges               []string
}

func (p *pipeline) incidents() []essence {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	p.count("mxdr-incidents-"+p.tenant, map[string]any{"match_all": map[string]any{}})
	page, err := p.store.Incidents(ctx, p.tenant, store.IncidentFilter{}, store.Page{Sort: "first_seen", Ascending: true, Size: store.MaxPage})
	require.NoError(p.t, err)
	require.EqualValues(p.t, page.Total, len(page.Incidents))
	out := []essence{}
	for _, in := range page.Incidents {
		whole, err := p.store.Incident(ctx, p.tenant, in.ID)
		require.NoError(p.t, err)
		e := essence{ID: in.ID, Title: in.Title, State: in.State, Confidence: in.Confidence, Score: in.Score}
		for _, s := range whole.Signals {
			e.Signals = append(e.Signals, s.ID)
		}
		for _, x := range whole.Edges {
			e.Edges = append(e.Edges, x.From+" "+x.To+" "+x.Entity)
		}
		out = append(out, e)
	}
	return out
}

// testdata returns the lines of a gzipped file of the real data.
func testdata(t *testing.T, name string) [][]byte {
	t.Helper()
	root := os.Getenv("MXDR_TESTDATA")
	if root == "" {
		t.Skip("needs the real data that MXDR_TESTDATA names")
	}
	f, err := os.Open(filepath.Join(root, name))
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	all, err := io.ReadAll(z)
	require.NoError(t, err)
	return bytes.Split(bytes.TrimSpace(all), []byte("\n"))
}

// oktaRecord is one good record with an id of its own.
func oktaRecord(id int) []byte {
	raw, err := json.Marshal(map[string]any{
		"uuid": fmt.Sprintf("00000000-0000-4000-8000-%012d", id), "version": "0", "severity": "INFO",
		"published": time.Date(2026, 3, 2, 8, 0, 0, id*1000, time.UTC).Format(time.RFC3339Nano),
		"eventType": "user.session.start", "displayMessage": "User login to Okta",
		"actor":   map[string]any{"id": "00u1", "type": "User", "alternateId": "ana@corp.example", "displayName": "Ana"},
		"client":  map[string]any{"ipAddress": "198.51.100.7", "userAgent": map[string]any{"rawUserAgent": "Mozilla/5.0"}},
		"outcome": map[string]any{"result": "SUCCESS"}, "target": []any{},
	})
	if err != nil {
		panic(err)
	}
	return raw
}
