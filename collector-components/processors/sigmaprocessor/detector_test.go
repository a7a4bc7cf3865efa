package sigmaprocessor

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/openmxdr/openmxdr/collector-components/processors/sigmaprocessor/internal/metadata"
)

const rule = `title: Someone signs in as root
id: 5e9b7c3a-2f64-4c0f-8f0b-0b7c2a6d1e10
status: stable
level: high
logsource: {product: okta}
detection:
  sel: {user.name: root}
  condition: sel
tags: [attack.initial-access, attack.t1078]
`

func signIn(user string) plog.Logs {
	logs := plog.NewLogs()
	rl := logs.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr("organization.id", "acme")
	lr := rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	lr.SetTimestamp(pcommon.NewTimestampFromTime(time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)))
	for k, v := range map[string]string{
		"event.kind": "event", "event.dataset": "okta.system", "event.id": "e1", "mxdr.domain": "identity",
		"user.name": user, "source.ip": "198.51.100.7",
	} {
		lr.Attributes().PutStr(k, v)
	}
	return logs
}

func signals(logs plog.Logs) []plog.LogRecord {
	var out []plog.LogRecord
	for _, rl := range logs.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, lr := range sl.LogRecords().All() {
				if k, _ := lr.Attributes().Get("event.kind"); k.AsString() == "signal" {
					out = append(out, lr)
				}
			}
		}
	}
	return out
}

func newTest(t *testing.T, cfg *Config) (*detector, *consumertest.LogsSink) {
	t.Helper()
	sink := new(consumertest.LogsSink)
	require.NoError(t, cfg.Validate())
	p, err := newDetector(processortest.NewNopSettings(metadata.Type), cfg, sink)
	require.NoError(t, err)
	require.NoError(t, p.Start(context.Background(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, p.Shutdown(context.Background())) })
	return p, sink
}

func ownRules(t *testing.T) (*Config, string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "root.yml")
	require.NoError(t, os.WriteFile(file, []byte(rule), 0o600))
	cfg := createDefaultConfig().(*Config)
	cfg.ShippedRules = false
	cfg.Rules = []string{dir}
	return cfg, file
}

func TestSignalSaysWhatMatched(t *testing.T) {
	cfg, _ := ownRules(t)
	p, sink := newTest(t, cfg)
	require.NoError(t, p.ConsumeLogs(context.Background(), signIn("root")))
	require.NoError(t, p.ConsumeLogs(context.Background(), signIn("ana")))
	found := signals(sink.AllLogs()[0])
	require.Len(t, found, 1)
	require.Empty(t, signals(sink.AllLogs()[1]))
	for name, want := range map[string]any{
		"rule.id": "5e9b7c3a-2f64-4c0f-8f0b-0b7c2a6d1e10", "event.severity": int64(73), "organization.id": "acme",
		"mxdr.signal.domain": "identity", "mxdr.signal.kind": "rule",
	} {
		v, ok := found[0].Attributes().Get(name)
		require.True(t, ok, name)
		require.Equal(t, want, v.AsRaw(), name)
	}
	matched, ok := found[0].Attributes().Get("mxdr.signal.matched")
	require.True(t, ok)
	require.Equal(t, []any{map[string]any{"field": "user.name", "value": "root"}}, matched.Slice().AsRaw())
}

// TestDeliveredAgain: the same event gives a signal with the same id.
func TestDeliveredAgain(t *testing.T) {
	cfg, _ := ownRules(t)
	p, sink := newTest(t, cfg)
	for range 2 {
		require.NoError(t, p.ConsumeLogs(context.Background(), signIn("root")))
	}
	a, _ := signals(sink.AllLogs()[0])[0].Attributes().Get("event.id")
	b, _ := signals(sink.AllLogs()[1])[0].Attributes().Get("event.id")
	require.Equal(t, a.Str(), b.Str())
}

func TestChangedRulesAreLoaded(t *testing.T) {
	cfg, file := ownRules(t)
	cfg.ReloadInterval = 10 * time.Millisecond
	p, sink := newTest(t, cfg)
	require.NoError(t, os.WriteFile(file, []byte("title: broken\n"), 0o600))
	time.Sleep(50 * time.Millisecond)
	require.NoError(t, p.ConsumeLogs(context.Background(), signIn("root")))
	require.Len(t, signals(sink.AllLogs()[0]), 1, "a set without one good rule must not replace the one before")

	changed := []byte(rule[:len(rule)-1])
	changed = append(changed, []byte("\n# changed\n")...)
	other := filepath.Join(filepath.Dir(file), "other.yml")
	require.NoError(t, os.WriteFile(file, changed, 0o600))
	require.NoError(t, os.WriteFile(other, []byte(`title: Another
id: 6e9b7c3a-2f64-4c0f-8f0b-0b7c2a6d1e11
level: low
logsource: {product: okta}
detection:
  sel: {source.ip: 198.51.100.7}
  condition: sel
`), 0o600))
	require.Eventually(t, func() bool {
		sink.Reset()
		require.NoError(t, p.ConsumeLogs(context.Background(), signIn("root")))
		return len(signals(sink.AllLogs()[0])) == 2
	}, 5*time.Second, 20*time.Millisecond)
}

func TestWrongConfiguration(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"rules":           func(c *Config) { c.ShippedRules = false },
		"rules[0]":        func(c *Config) { c.Rules = []string{""} },
		"field_maps[0]":   func(c *Config) { c.FieldMaps = []string{""} },
		"reload_interval": func(c *Config) { c.ReloadInterval = -1 },
		"lateness":        func(c *Config) { c.Lateness = -1 },
		"max_state_mib":   func(c *Config) { c.MaxStateMiB = 0 },
	} {
		cfg := createDefaultConfig().(*Config)
		change(cfg)
		require.ErrorContains(t, cfg.Validate(), want)
	}
	cfg := createDefaultConfig().(*Config)
	cfg.Rules = []string{"no-such-folder"}
	_, err := newDetector(processortest.NewNopSettings(metadata.Type), cfg, consumertest.NewNop())
	require.ErrorContains(t, err, "no-such-folder")
}
