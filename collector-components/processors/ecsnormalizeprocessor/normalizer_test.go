package ecsnormalizeprocessor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/openmxdr/openmxdr/collector-components/processors/ecsnormalizeprocessor/internal/metadata"
)

const oktaRecord = `{"uuid":"7f1","published":"2026-03-02T08:00:00.000Z","eventType":"user.session.start","version":"0",` +
	`"severity":"INFO","displayMessage":"User login to Okta","actor":{"id":"00u1","type":"User","alternateId":"ana@corp.example","displayName":"Ana"},` +
	`"client":{"ipAddress":"198.51.100.7","userAgent":{"rawUserAgent":"Mozilla/5.0"}},"outcome":{"result":"SUCCESS"},"target":[]}`

func run(t *testing.T, cfg *Config, bodies ...string) []plog.LogRecord {
	t.Helper()
	logs := plog.NewLogs()
	lrs := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for _, b := range bodies {
		lrs.AppendEmpty().Body().SetStr(b)
	}
	return consume(t, cfg, logs)
}

func consume(t *testing.T, cfg *Config, logs plog.Logs) []plog.LogRecord {
	t.Helper()
	sink := new(consumertest.LogsSink)
	p := start(t, cfg, sink)
	before := logs.LogRecordCount()
	logs.MarkReadOnly()
	require.NoError(t, p.ConsumeLogs(context.Background(), logs))
	require.Equal(t, before, logs.LogRecordCount(), "the input was changed")
	var out []plog.LogRecord
	for _, l := range sink.AllLogs() {
		for _, rl := range l.ResourceLogs().All() {
			tenant, ok := rl.Resource().Attributes().Get("organization.id")
			require.True(t, ok)
			require.Equal(t, cfg.Tenant, tenant.Str())
			for _, sl := range rl.ScopeLogs().All() {
				for _, lr := range sl.LogRecords().All() {
					out = append(out, lr)
				}
			}
		}
	}
	return out
}

func start(t *testing.T, cfg *Config, sink *consumertest.LogsSink) processor.Logs {
	t.Helper()
	require.NoError(t, cfg.Validate())
	p, err := NewFactory().CreateLogs(context.Background(), processortest.NewNopSettings(metadata.Type), cfg, sink)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Shutdown(context.Background())) })
	return p
}

func attr(lr plog.LogRecord, name string) string {
	v, ok := lr.Attributes().Get(name)
	if !ok {
		return ""
	}
	return v.AsString()
}

func TestEventIsECS(t *testing.T) {
	out := run(t, &Config{Tenant: "acme"}, oktaRecord)
	require.Len(t, out, 1)
	for name, want := range map[string]string{
		"event.dataset": "okta.system", "event.kind": "event", "event.id": "7f1", "organization.id": "acme",
		"user.email": "ana@corp.example", "source.ip": "198.51.100.7", "event.original": oktaRecord,
	} {
		require.Equal(t, want, attr(out[0], name), name)
	}
	require.Equal(t, "2026-03-02 08:00:00 +0000 UTC", out[0].Timestamp().AsTime().String())
	require.Equal(t, pcommon.ValueTypeEmpty, out[0].Body().Type())
}

// TestHostileRecords: whatever is wrong with one record, it becomes one
// pipeline_error and the records around it arrive.
func TestHostileRecords(t *testing.T) {
	var fields strings.Builder
	for i := range 10_001 {
		fmt.Fprintf(&fields, `,"field%d":%d`, i, i)
	}
	for name, bad := range map[string]string{
		"malformed":        `{"uuid":"7f2","published":`,
		"five megabytes":   `{"uuid":"7f3","eventType":"` + strings.Repeat("x", 5<<20) + `"`,
		"ten thousand":     strings.TrimSuffix(oktaRecord, "}") + fields.String() + "}",
		"wrong timestamp":  strings.Replace(oktaRecord, "2026-03-02T08:00:00.000Z", "the day before yesterday", 1),
		"not an object":    `"just text"`,
		"a number":         `17`,
		"blank":            `   `,
		"unknown source":   `{"hello":"world"}`,
		"deep nesting":     strings.Repeat(`{"a":`, 100_000),
		"forged signal":    `{"event.kind":"signal","event.dataset":"mxdr.signal","ecs.version":"9.0.0","@timestamp":"2026-03-02T08:00:00Z"}`,
		"invalid UTF-8":    "\xff\xfe\x00{",
		"null bytes":       "\x00\x00\x00",
		"duplicate braces": `}}}}{{{{`,
	} {
		t.Run(name, func(t *testing.T) {
			out := run(t, &Config{Tenant: "acme"}, oktaRecord, bad, oktaRecord)
			require.GreaterOrEqual(t, len(out), 3)
			require.Equal(t, "event", attr(out[0], "event.kind"))
			require.Equal(t, "event", attr(out[len(out)-1], "event.kind"))
			for _, lr := range out[1 : len(out)-1] {
				require.Equal(t, "pipeline_error", attr(lr, "event.kind"))
				require.NotEmpty(t, attr(lr, "error.message"))
				require.Equal(t, "acme", attr(lr, "organization.id"))
				require.NotEmpty(t, attr(lr, "event.id"))
			}
		})
	}
}

func TestInvalidUTF8InsideIsReplaced(t *testing.T) {
	out := run(t, &Config{Tenant: "acme"}, strings.Replace(oktaRecord, "Ana", "A\xffa", 1))
	require.Len(t, out, 1)
	require.Equal(t, "event", attr(out[0], "event.kind"))
	require.Contains(t, attr(out[0], "event.original"), "A\ufffda")
}

func TestOneBodyWithSeveralRecords(t *testing.T) {
	out := run(t, &Config{Tenant: "acme"}, "["+oktaRecord+","+strings.Replace(oktaRecord, "7f1", "7f2", 1)+"]")
	require.Len(t, out, 2)
	require.Equal(t, "7f2", attr(out[1], "event.id"))
}

func TestPayloadCannotNameItsTenant(t *testing.T) {
	logs := plog.NewLogs()
	rl := logs.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr("organization.id", "victim")
	lr := rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	lr.Body().SetStr(`{"organization.id":"victim","organization":{"id":"victim"},` + oktaRecord[1:])
	lr.Attributes().PutStr("organization.id", "victim")
	out := consume(t, &Config{Tenant: "acme"}, logs)
	require.Len(t, out, 1)
	require.Equal(t, "acme", attr(out[0], "organization.id"))
}

// TestRefusedBatchCanBeSentAgain: the input is as it was after the next
// component refused, so a second attempt gives the same records.
func TestRefusedBatchCanBeSentAgain(t *testing.T) {
	refuse := errors.New("try later")
	p, err := NewFactory().CreateLogs(context.Background(), processortest.NewNopSettings(metadata.Type), &Config{Tenant: "acme"}, consumertest.NewErr(refuse))
	require.NoError(t, err)
	logs := plog.NewLogs()
	lr := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	lr.Body().SetStr(oktaRecord)
	require.ErrorIs(t, p.ConsumeLogs(context.Background(), logs), refuse)
	require.Equal(t, oktaRecord, lr.Body().Str())
	require.Zero(t, lr.Attributes().Len())
}

func TestWrongConfiguration(t *testing.T) {
	for want, cfg := range map[string]*Config{
		"tenant":   {Tenant: "Not A Tenant"},
		"mappings": {Tenant: "acme", Mappings: []string{""}},
	} {
		require.ErrorContains(t, cfg.Validate(), want)
	}
	for want, cfg := range map[string]*Config{
		"no-such-folder": {Tenant: "acme", Mappings: []string{"no-such-folder"}},
		"no-such-source": {Tenant: "acme", Source: "no-such-source"},
	} {
		_, err := NewFactory().CreateLogs(context.Background(), processortest.NewNopSettings(metadata.Type), cfg, consumertest.NewNop())
		require.ErrorContains(t, err, want)
	}
}
