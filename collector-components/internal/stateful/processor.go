// Package stateful is the processor around a stage that remembers: it adds
// what the stage finds to each batch, journals what the batch changed in the
// collector's storage extension, and acknowledges only then.
package stateful

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/processor"
	"go.uber.org/zap"

	"github.com/openmxdr/openmxdr/collector-components/internal/records"
	"github.com/openmxdr/openmxdr/internal/checkpoint"
	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/internal/stage"
)

// compactAfter is how many journalled bytes make a new snapshot worth its cost.
const compactAfter = 8 << 20

// Processor runs one stage. It is safe for concurrent use.
//
// Order of things in ConsumeLogs: the stage takes the batch in; what changed
// is journalled; the batch and what the stage added go to the next component;
// when that accepted them ConsumeLogs returns. If the next component refuses,
// the findings stay in memory and go out with the next batch, because the
// stage may see the batch again and then finds nothing new in it. After a
// crash the journal brings the state back, and all that was found since the
// last snapshot is handed on once more; ids make that harmless. A snapshot is
// made only when everything found has been handed on.
type Processor struct {
	set     processor.Settings
	storage *component.ID
	stage   stage.Stage
	fields  *event.Fields
	next    consumer.Logs
	counted func(context.Context, map[string]int64)

	client  storage.Client
	journal *checkpoint.Journal

	// inFlight is held for reading while a batch is on its way and for
	// writing while a snapshot is made.
	inFlight sync.RWMutex
	stop     context.CancelFunc
	resent   sync.WaitGroup

	mu         sync.Mutex     // guards the stage's state and what follows
	waiting    []*event.Event // found, and not accepted by the next component
	unwritten  [][]byte       // deltas that the storage did not take
	journalled int            // bytes since the last snapshot
	before     map[string]int64
}

// New makes a processor. storageID may be nil: then the state is lost at the
// end of the process. counted is told by how much each counter of the stage
// grew; it may be nil.
func New(set processor.Settings, storageID *component.ID, s stage.Stage, fields *event.Fields, next consumer.Logs,
	counted func(context.Context, map[string]int64),
) *Processor {
	return &Processor{set: set, storage: storageID, stage: s, fields: fields, next: next, counted: counted, before: map[string]int64{}}
}

// Capabilities tells that records are appended to the input.
func (*Processor) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: true}
}

// Start brings the state back from the storage extension.
func (p *Processor) Start(ctx context.Context, host component.Host) error {
	if p.storage == nil {
		p.set.Logger.Warn("No storage is configured: what this processor remembers is lost when the collector stops")
		return nil
	}
	ext, ok := host.GetExtensions()[*p.storage]
	if !ok {
		return fmt.Errorf("storage: there is no extension %q under service::extensions", p.storage)
	}
	provider, ok := ext.(storage.Extension)
	if !ok {
		return fmt.Errorf("storage: extension %q is not a storage extension", p.storage)
	}
	client, err := provider.GetClient(ctx, component.KindProcessor, p.set.ID, "")
	if err != nil {
		return fmt.Errorf("storage %q: %w", p.storage, err)
	}
	if err := p.restore(ctx, client); err != nil {
		return errors.Join(fmt.Errorf("storage %q: state of %s: %w", p.storage, p.set.ID, err), client.Close(ctx))
	}
	p.client = client
	background, stop := context.WithCancel(context.Background())
	p.stop = stop
	p.resent.Go(func() { p.handOnAgain(background) })
	return nil
}

func (p *Processor) restore(ctx context.Context, client storage.Client) error {
	journal, err := checkpoint.Open(ctx, kv{client})
	if err != nil {
		return err
	}
	snapshot, deltas, err := journal.Load(ctx)
	if damaged := (*checkpoint.CorruptError)(nil); errors.As(err, &damaged) {
		p.set.Logger.Error("Part of the stored state is damaged; continuing with what comes before it", zap.Error(err))
	} else if err != nil {
		return err
	}
	if p.waiting, err = p.stage.Restore(snapshot, deltas); err != nil {
		return err
	}
	for _, d := range deltas {
		p.journalled += len(d)
	}
	p.journal = journal
	return nil
}

// retryEvery is how often findings from before a restart are offered to the
// next component until it takes them.
const retryEvery = time.Second

// handOnAgain offers what Restore found, so that it does not have to wait for
// the next batch.
func (p *Processor) handOnAgain(ctx context.Context) {
	for {
		p.mu.Lock()
		nothing := len(p.waiting) == 0
		p.mu.Unlock()
		if nothing {
			return
		}
		err := p.ConsumeLogs(ctx, plog.NewLogs())
		if err == nil {
			return
		}
		p.set.Logger.Warn("Findings from before the restart are not accepted yet", zap.Error(err))
		select {
		case <-ctx.Done():
			return
		case <-time.After(retryEvery):
		}
	}
}

// ConsumeLogs adds what the stage finds in logs and hands all on.
func (p *Processor) ConsumeLogs(ctx context.Context, logs plog.Logs) error {
	p.inFlight.RLock()
	err := p.consume(ctx, logs)
	p.inFlight.RUnlock()
	if err != nil {
		return err
	}
	return p.compactIfDue(ctx)
}

func (p *Processor) consume(ctx context.Context, logs plog.Logs) error {
	send, err := p.apply(ctx, p.stage.Prepare(p.events(logs)))
	if err == nil {
		Append(logs, send)
		if logs.LogRecordCount() == 0 {
			return nil
		}
		err = p.next.ConsumeLogs(ctx, logs)
	}
	if err != nil {
		p.mu.Lock()
		p.waiting = append(send, p.waiting...)
		p.mu.Unlock()
	}
	return err
}

// apply takes a batch in, journals it, and returns all that must be handed on.
func (p *Processor) apply(ctx context.Context, prepared stage.Prepared) ([]*event.Event, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	added, delta := p.stage.Apply(prepared)
	send := append(p.waiting, added...)
	p.waiting = nil
	p.count(ctx)
	if p.journal == nil {
		return send, nil
	}
	if delta != nil {
		p.unwritten = append(p.unwritten, delta)
	}
	for len(p.unwritten) > 0 {
		if err := p.journal.Append(ctx, p.unwritten[0]); err != nil {
			return send, fmt.Errorf("journal of %s: %w", p.set.ID, err)
		}
		p.journalled += len(p.unwritten[0])
		p.unwritten = p.unwritten[1:]
	}
	return send, nil
}

// Shutdown writes a snapshot, so that the next start is quick.
func (p *Processor) Shutdown(ctx context.Context) error {
	if p.client == nil {
		return nil
	}
	p.stop()
	p.resent.Wait()
	p.inFlight.Lock()
	defer p.inFlight.Unlock()
	return errors.Join(p.compact(ctx), p.client.Close(ctx))
}

func (p *Processor) events(logs plog.Logs) []*event.Event {
	out := make([]*event.Event, 0, logs.LogRecordCount())
	for i := range logs.ResourceLogs().Len() {
		rl := logs.ResourceLogs().At(i)
		for j := range rl.ScopeLogs().Len() {
			lrs := rl.ScopeLogs().At(j).LogRecords()
			for k := range lrs.Len() {
				ev := event.New(p.fields)
				records.Read(rl.Resource(), lrs.At(k), ev)
				out = append(out, ev)
			}
		}
	}
	return out
}

func (p *Processor) compactIfDue(ctx context.Context) error {
	p.mu.Lock()
	due := p.journalled >= compactAfter
	p.mu.Unlock()
	if !due {
		return nil
	}
	p.inFlight.Lock()
	defer p.inFlight.Unlock()
	return p.compact(ctx)
}

// compact replaces the journal by a snapshot, unless findings still wait to be
// handed on. The caller holds inFlight for writing.
func (p *Processor) compact(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting)+len(p.unwritten) > 0 {
		return nil
	}
	snapshot, err := p.stage.Snapshot()
	if err != nil {
		return fmt.Errorf("state of %s: %w", p.set.ID, err)
	}
	if err := p.journal.Compact(ctx, snapshot); err != nil {
		return fmt.Errorf("journal of %s: %w", p.set.ID, err)
	}
	p.journalled = 0
	return nil
}

// count reports how much the stage's counters grew. The caller holds mu.
func (p *Processor) count(ctx context.Context) {
	if p.counted == nil {
		return
	}
	grown := map[string]int64{}
	for name, n := range p.stage.Counters() {
		if d := n - p.before[name]; d > 0 {
			grown[name] = d
			p.before[name] = n
		}
	}
	if len(grown) > 0 {
		p.counted(ctx, grown)
	}
}

// Exclusive runs f while no batch is taken in, for changes of the stage itself.
func (p *Processor) Exclusive(f func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return f()
}
