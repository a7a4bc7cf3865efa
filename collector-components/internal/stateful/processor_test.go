package stateful

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/internal/stage"
)

// once finds each value of "word" the first time it sees it.
type once struct {
	fields *event.Fields
	seen   map[string]bool
}

func newOnce() *once { return &once{fields: event.NewFields(), seen: map[string]bool{}} }

func (o *once) Prepare(batch []*event.Event) stage.Prepared {
	var words []string
	for _, ev := range batch {
		if w := ev.Text("word"); w != "" {
			words = append(words, w)
		}
	}
	return words
}

func (o *once) Apply(p stage.Prepared) (added []*event.Event, delta []byte) {
	for _, w := range p.([]string) {
		if o.seen[w] {
			continue
		}
		o.seen[w] = true
		delta = append(append(delta, w...), '\n')
		added = append(added, o.finding(w))
	}
	return added, delta
}

func (o *once) finding(word string) *event.Event {
	ev := event.New(o.fields)
	ev.Set("organization.id", event.StringValue("acme"))
	ev.Set("found", event.StringValue(word))
	return ev
}

func (o *once) Snapshot() ([]byte, error) {
	return []byte(fmt.Sprintln(slices.Sorted(maps.Keys(o.seen)))), nil
}

func (o *once) Restore(snapshot []byte, deltas [][]byte) ([]*event.Event, error) {
	o.seen = map[string]bool{}
	for _, w := range bytes.Fields(bytes.Trim(snapshot, "[]\n")) {
		o.seen[string(w)] = true
	}
	var added []*event.Event
	for _, d := range deltas {
		for _, w := range bytes.Fields(d) {
			o.seen[string(w)] = true
			added = append(added, o.finding(string(w)))
		}
	}
	return added, nil
}

func (o *once) Counters() map[string]int64 { return map[string]int64{"words": int64(len(o.seen))} }

// memory is a storage extension that outlives the processors.
type memory struct {
	component.StartFunc
	component.ShutdownFunc
	mu   sync.Mutex
	data map[string][]byte
	fail error
}

func (m *memory) GetClient(context.Context, component.Kind, component.ID, string) (storage.Client, error) {
	return m, nil
}

func (m *memory) Get(_ context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.data[key]), nil
}

func (m *memory) Set(ctx context.Context, key string, value []byte) error {
	return m.Batch(ctx, storage.SetOperation(key, value))
}

func (m *memory) Delete(ctx context.Context, key string) error {
	return m.Batch(ctx, storage.DeleteOperation(key))
}
func (m *memory) Close(context.Context) error { return nil }

func (m *memory) Batch(_ context.Context, ops ...*storage.Operation) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	for _, op := range ops {
		switch op.Type {
		case storage.Get:
			op.Value = slices.Clone(m.data[op.Key])
		case storage.Set:
			m.data[op.Key] = slices.Clone(op.Value)
		case storage.Delete:
			delete(m.data, op.Key)
		}
	}
	return nil
}

type host struct{ component.Host }

var storageID = component.MustNewID("memory")

func (h host) GetExtensions() map[component.ID]component.Component {
	return map[component.ID]component.Component{storageID: theMemory}
}

var theMemory *memory

func start(t *testing.T, next consumer.Logs) *Processor {
	t.Helper()
	o := newOnce()
	p := New(processortest.NewNopSettings(component.MustNewType("once")), &storageID, o, o.fields, next, nil)
	require.NoError(t, p.Start(context.Background(), host{componenttest.NewNopHost()}))
	return p
}

func words(list ...string) plog.Logs {
	logs := plog.NewLogs()
	lrs := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for _, w := range list {
		lrs.AppendEmpty().Attributes().PutStr("word", w)
	}
	return logs
}

func found(sink *consumertest.LogsSink) []string {
	set := map[string]bool{}
	for _, l := range sink.AllLogs() {
		for _, rl := range l.ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				for _, lr := range sl.LogRecords().All() {
					if v, ok := lr.Attributes().Get("found"); ok {
						set[v.Str()] = true
					}
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// gate is a consumer that refuses while it is shut.
type gate struct {
	*consumertest.LogsSink
	shut error
}

func (g *gate) ConsumeLogs(ctx context.Context, logs plog.Logs) error {
	if g.shut != nil {
		return g.shut
	}
	return g.LogsSink.ConsumeLogs(ctx, logs)
}

func TestFindingsOfARefusedBatchGoWithTheNext(t *testing.T) {
	theMemory = &memory{data: map[string][]byte{}}
	g := &gate{LogsSink: new(consumertest.LogsSink), shut: errors.New("full")}
	p := start(t, g)
	require.ErrorIs(t, p.ConsumeLogs(context.Background(), words("a")), g.shut)
	g.shut = nil
	require.NoError(t, p.ConsumeLogs(context.Background(), words("a"))) // delivered again: nothing new in it
	require.Equal(t, []string{"a"}, found(g.LogsSink))
	require.NoError(t, p.Shutdown(context.Background()))
}

// TestCrashAfterRefusal: the process dies after a batch was refused and before
// the sender tried again. The finding is handed on after the restart, without
// any further input.
func TestCrashAfterRefusal(t *testing.T) {
	theMemory = &memory{data: map[string][]byte{}}
	g := &gate{LogsSink: new(consumertest.LogsSink), shut: errors.New("full")}
	p := start(t, g)
	require.Error(t, p.ConsumeLogs(context.Background(), words("a")))
	// No Shutdown: this is the crash.
	sink := new(consumertest.LogsSink)
	again := start(t, sink)
	again.resent.Wait()
	require.Equal(t, []string{"a"}, found(sink))
	require.NoError(t, again.ConsumeLogs(context.Background(), words("a", "b")))
	require.Equal(t, []string{"a", "b"}, found(sink))
	require.NoError(t, again.Shutdown(context.Background()))
	p.stop()
	p.resent.Wait()
}

// TestSnapshotHoldsNothingUndelivered: an orderly stop while findings wait
// must not write a snapshot in which they are no longer news.
func TestSnapshotHoldsNothingUndelivered(t *testing.T) {
	theMemory = &memory{data: map[string][]byte{}}
	g := &gate{LogsSink: new(consumertest.LogsSink), shut: errors.New("full")}
	p := start(t, g)
	require.Error(t, p.ConsumeLogs(context.Background(), words("a")))
	require.NoError(t, p.Shutdown(context.Background()))
	sink := new(consumertest.LogsSink)
	again := start(t, sink)
	again.resent.Wait()
	require.Equal(t, []string{"a"}, found(sink))
	require.NoError(t, again.Shutdown(context.Background()))
	quiet := new(consumertest.LogsSink)
	third := start(t, quiet)
	third.resent.Wait()
	require.Empty(t, found(quiet), "everything was handed on before the stop")
	require.NoError(t, third.ConsumeLogs(context.Background(), words("a")))
	require.Empty(t, found(quiet))
	require.NoError(t, third.Shutdown(context.Background()))
}

// TestStorageFails: what could not be journalled is not acknowledged, and is
// journalled with the next batch.
func TestStorageFails(t *testing.T) {
	theMemory = &memory{data: map[string][]byte{}}
	sink := new(consumertest.LogsSink)
	p := start(t, sink)
	theMemory.fail = errors.New("disk full")
	require.ErrorIs(t, p.ConsumeLogs(context.Background(), words("a")), theMemory.fail)
	theMemory.fail = nil
	require.NoError(t, p.ConsumeLogs(context.Background(), words("b")))
	require.Equal(t, []string{"a", "b"}, found(sink))
	after := new(consumertest.LogsSink)
	again := start(t, after) // crash
	again.resent.Wait()
	require.Equal(t, []string{"a", "b"}, found(after))
	require.NoError(t, again.Shutdown(context.Background()))
	require.NoError(t, p.Shutdown(context.Background()))
}

func TestStorageMustBeThere(t *testing.T) {
	o := newOnce()
	missing := component.MustNewID("nowhere")
	p := New(processortest.NewNopSettings(component.MustNewType("once")), &missing, o, o.fields, consumertest.NewNop(), nil)
	require.ErrorContains(t, p.Start(context.Background(), componenttest.NewNopHost()), `"nowhere"`)
	require.NoError(t, p.Shutdown(context.Background()))
}
