package ecsnormalizeprocessor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/openmxdr/openmxdr/collector-components/internal/records"
	"github.com/openmxdr/openmxdr/collector-components/processors/ecsnormalizeprocessor/internal/metadata"
	"github.com/openmxdr/openmxdr/internal/document"
	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/internal/stage"
	"github.com/openmxdr/openmxdr/rules/mapping"
)

// normalizer turns every record it is given into one or more events. It
// builds new records and leaves its input alone, so that a sender may try a
// refused batch again. It is safe for concurrent use.
type normalizer struct {
	component.StartFunc
	cfg     *Config
	engine  *mapping.Engine
	next    consumer.Logs
	logger  *zap.Logger
	metrics *metadata.TelemetryBuilder
	known   map[string]bool // datasets of the mappings: the values that a metric may have
	scratch sync.Pool       // of *worker
}

// worker is what one goroutine needs.
type worker struct {
	scratch *mapping.Scratch
	event   *event.Event
	good    map[string]int64          // by dataset
	bad     map[mapping.Reason]int64  // by reason
	example map[mapping.Reason]string // first error of a batch
}

func newNormalizer(set processor.Settings, cfg *Config, next consumer.Logs) (*normalizer, error) {
	metrics, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	loaded, err := stage.LoadMappings(cfg.Mappings)
	if err != nil {
		return nil, fmt.Errorf("ecs_normalize: %w", err)
	}
	if cfg.Source != "" && loaded.Mapping(cfg.Source) == nil {
		return nil, fmt.Errorf("ecs_normalize: source: there is no mapping %q", cfg.Source)
	}
	n := &normalizer{cfg: cfg, engine: loaded.Compile(event.NewFields()), next: next, logger: set.Logger, metrics: metrics}
	n.known = map[string]bool{}
	for _, m := range loaded.Mappings() {
		n.known[m.Dataset] = true
	}
	n.scratch.New = func() any {
		return &worker{
			scratch: n.engine.NewScratch(),
			event:   event.New(n.engine.Fields()),
			good:    map[string]int64{},
			bad:     map[mapping.Reason]int64{},
			example: map[mapping.Reason]string{},
		}
	}
	return n, nil
}

// Capabilities tells that the input is not changed.
func (*normalizer) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: false}
}

// Shutdown has nothing to flush.
func (n *normalizer) Shutdown(context.Context) error {
	n.metrics.Shutdown()
	return nil
}

// ConsumeLogs hands on the events of logs and returns the next stage's error.
func (n *normalizer) ConsumeLogs(ctx context.Context, logs plog.Logs) error {
	w := n.scratch.Get().(*worker)
	out := plog.NewLogs()
	for i := range logs.ResourceLogs().Len() {
		from := logs.ResourceLogs().At(i)
		to := out.ResourceLogs().AppendEmpty()
		from.Resource().CopyTo(to.Resource())
		to.SetSchemaUrl(from.SchemaUrl())
		to.Resource().Attributes().PutStr(records.TenantAttribute, n.cfg.Tenant)
		for j := range from.ScopeLogs().Len() {
			scope := to.ScopeLogs().AppendEmpty()
			from.ScopeLogs().At(j).Scope().CopyTo(scope.Scope())
			scope.SetSchemaUrl(from.ScopeLogs().At(j).SchemaUrl())
			in := from.ScopeLogs().At(j).LogRecords()
			scope.LogRecords().EnsureCapacity(in.Len())
			for k := range in.Len() {
				n.record(w, in.At(k), scope.LogRecords())
			}
		}
	}
	n.count(ctx, w)
	n.scratch.Put(w)
	return n.next.ConsumeLogs(ctx, out)
}

// record normalizes one record. A body that holds several vendor records
// becomes several.
func (n *normalizer) record(w *worker, in plog.LogRecord, out plog.LogRecordSlice) {
	observed := in.ObservedTimestamp()
	if observed == 0 {
		observed = pcommon.NewTimestampFromTime(time.Now())
	}
	input := mapping.Input{Tenant: n.cfg.Tenant, Mapping: n.cfg.Source, Observed: observed.AsTime()}
	emit := func(err error) {
		lr := out.AppendEmpty()
		lr.SetObservedTimestamp(observed)
		records.Write(w.event, lr)
		n.tally(w, err)
	}
	switch body := in.Body(); body.Type() {
	case pcommon.ValueTypeEmpty:
		// A record that is already flat ECS, as another collector's
		// ecs_normalize or an ECS shipper writes it.
		emit(n.engine.NormalizeValue(attributesValue(in), input, w.event, w.scratch))
	case pcommon.ValueTypeMap, pcommon.ValueTypeSlice:
		emit(n.engine.NormalizeValue(records.Value(body), input, w.event, w.scratch))
	default:
		text := body.Str()
		if body.Type() == pcommon.ValueTypeBytes {
			text = string(body.Bytes().AsRaw())
		} else if body.Type() != pcommon.ValueTypeStr {
			text = body.AsString()
		}
		if document.Split(text, func(record string) bool {
			emit(n.engine.Normalize(record, input, w.event, w.scratch))
			return true
		}) == 0 { // nothing but blanks is still a record that somebody sent
			emit(n.engine.Normalize(text, input, w.event, w.scratch))
		}
	}
}

// attributesValue returns the attributes and the time of a record as one value.
func attributesValue(in plog.LogRecord) event.Value {
	fields := make([]event.Field, 0, in.Attributes().Len()+1)
	if t := records.Time(in); !t.IsZero() {
		fields = append(fields, event.Field{Name: "@timestamp", Value: event.StringValue(t.UTC().Format(event.TimeLayout))})
	}
	for k, v := range in.Attributes().All() {
		fields = append(fields, event.Field{Name: k, Value: records.Value(v)})
	}
	return event.ObjectValue(fields)
}

func (n *normalizer) tally(w *worker, err error) {
	if err == nil {
		dataset := w.event.Text("event.dataset")
		if !n.known[dataset] {
			dataset = "other" // a record that was ECS already; it must not name metrics
		}
		w.good[dataset]++
		return
	}
	reason := mapping.Reason("unknown")
	var failure *mapping.Failure
	if errors.As(err, &failure) {
		reason = failure.Reason
	}
	if w.bad[reason] == 0 {
		w.example[reason] = err.Error()
	}
	w.bad[reason]++
}

// count reports what a batch had. One log line per reason and batch: a
// source that sends nothing but garbage must not flood the log as well.
func (n *normalizer) count(ctx context.Context, w *worker) {
	for dataset, c := range w.good {
		n.metrics.EcsNormalizeRecords.Add(ctx, c, metric.WithAttributes(attribute.String("dataset", dataset)))
	}
	for reason, c := range w.bad {
		n.metrics.EcsNormalizeErrors.Add(ctx, c, metric.WithAttributes(attribute.String("reason", string(reason))))
		n.logger.Warn("Records not normalized; they go on as event.kind pipeline_error",
			zap.String("reason", string(reason)), zap.Int64("records", c), zap.String("first_error", w.example[reason]))
	}
	clear(w.good)
	clear(w.bad)
	clear(w.example)
}
