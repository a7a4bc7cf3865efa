package esingestexporter

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pipeline"
	"go.opentelemetry.io/collector/receiver"
)

// TestConsumeContract runs the collector's own test of what an exporter
// promises, against a server that answers like Elasticsearch's _bulk: an error
// that passes is status 429 of the document, one that stays is 400.
func TestConsumeContract(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	cfg := createDefaultConfig()
	cfg.Endpoints = []string{"http://" + address}
	cfg.Schema.Manage = false
	cfg.DefaultTenant = "acme"
	cfg.Retry.InitialInterval = time.Millisecond
	cfg.Retry.MaxInterval = 2 * time.Millisecond
	exportertest.CheckConsumeContract(exportertest.CheckConsumeContractParams{
		T:                    t,
		NumberOfTestElements: 100,
		Signal:               pipeline.SignalLogs,
		ExporterFactory:      NewFactory(),
		ExporterConfig:       cfg,
		ReceiverFactory: receiver.NewFactory(component.MustNewType("fake_elasticsearch"), func() component.Config { return &struct{}{} },
			receiver.WithLogs(func(_ context.Context, _ receiver.Settings, _ component.Config, next consumer.Logs) (receiver.Logs, error) {
				return &fakeElasticsearch{address: address, next: next}, nil
			}, component.StabilityLevelDevelopment)),
	})
}

// fakeElasticsearch hands each document of a bulk request on as a record and
// answers with what became of it.
type fakeElasticsearch struct {
	address string
	next    consumer.Logs
	server  *http.Server
}

func (f *fakeElasticsearch) Start(context.Context, component.Host) error {
	l, err := net.Listen("tcp", f.address)
	if err != nil {
		return err
	}
	f.server = &http.Server{Handler: f, ReadHeaderTimeout: time.Second}
	go func() { _ = f.server.Serve(l) }()
	return nil
}

func (f *fakeElasticsearch) Shutdown(context.Context) error { return f.server.Close() }

func (f *fakeElasticsearch) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Elastic-Product", "Elasticsearch")
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Path != "/_bulk" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		body = z
	}
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 1<<24)
	var items []string
	for lines.Scan() {
		var action struct {
			Create struct {
				Index string `json:"_index"`
			} `json:"create"`
		}
		_ = json.Unmarshal(lines.Bytes(), &action)
		lines.Scan()
		status := http.StatusCreated
		if !strings.HasPrefix(action.Create.Index, "mxdr-dead-") {
			var doc struct {
				ID any `json:"test_id"`
			}
			_ = json.Unmarshal(lines.Bytes(), &doc)
			logs := plog.NewLogs()
			logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Attributes().PutStr("test_id", fmt.Sprint(doc.ID))
			switch err := f.next.ConsumeLogs(r.Context(), logs); {
			case consumererror.IsPermanent(err):
				status = http.StatusBadRequest
			case err != nil:
				status = http.StatusTooManyRequests
			}
		}
		items = append(items, fmt.Sprintf(`{"create":{"_index":"i","status":%d}}`, status))
	}
	_, _ = fmt.Fprintf(w, `{"items":[%s]}`, strings.Join(items, ","))
}
