package esingestexporter

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/openmxdr/openmxdr/es-ingest/bulk"
	"github.com/openmxdr/openmxdr/es-ingest/client"
	"github.com/openmxdr/openmxdr/es-ingest/exporter/internal/metadata"
	"github.com/openmxdr/openmxdr/es-ingest/schema"
	"github.com/openmxdr/openmxdr/es-ingest/store"
)

// esExporter writes batches of records to Elasticsearch. consume returns nil
// only when every record is stored, was stored before, or is in the dead
// letters. What can be tried again comes back in the error; nothing is retried
// in here, the collector's retry does that.
type esExporter struct {
	config    *Config
	logger    *zap.Logger
	telemetry *metadata.TelemetryBuilder
	now       func() time.Time

	client *client.Client
	setup  *schema.Setup // nil when templates are somebody else's matter
	events *bulk.Appender
	writer *bulk.Writer
	store  *store.Store
}

func newExporter(c *Config, set exporter.Settings) (*esExporter, error) {
	tb, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	return &esExporter{config: c, logger: set.Logger, telemetry: tb, now: time.Now}, nil
}

// start connects and sets the templates up. If Elasticsearch does not answer
// yet, that is no reason not to start: the first batch tries again.
func (x *esExporter) start(ctx context.Context, _ component.Host) error {
	c, err := x.config.connect(ctx)
	if err != nil {
		return err
	}
	x.client = c
	x.writer = &bulk.Writer{Client: c, MaxBytes: x.config.MaxRequestBytes, Gzip: x.config.Compression == "gzip"}
	x.events = &bulk.Appender{Writer: x.writer}
	x.store = store.New(c)
	if !x.config.Schema.Manage {
		return nil
	}
	x.setup = schema.NewSetup(c, x.config.schema())
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := x.setup.EnsureShared(ctx); err != nil {
		x.logger.Warn("Elasticsearch is not ready; its set-up is tried again with the first batch", zap.Error(err))
	}
	return nil
}

func (x *esExporter) shutdown(context.Context) error {
	if x.client != nil {
		x.client.Close()
	}
	x.telemetry.Shutdown()
	return nil
}

// record is one record on its way: where from, where to, and what became of it.
type record struct {
	resource, scope, index int
	place                  place
	document               []byte
	result                 bulk.Result
	dead                   bool // it is in the dead letters
}

func (x *esExporter) consume(ctx context.Context, logs plog.Logs) error {
	records := x.read(logs)
	if len(records) == 0 {
		return nil
	}
	var fail failure
	records.prepare(ctx, x, &fail)
	x.writeEvents(ctx, records, &fail)
	x.writeSignals(ctx, records, &fail)
	x.writeIncidents(ctx, records, &fail)
	x.writeDead(ctx, records, &fail)
	return x.conclude(ctx, logs, records, &fail)
}

// failure gathers why some records must come again.
type failure struct {
	first error
	after time.Duration
}

func (f *failure) add(err error) {
	if err == nil {
		return
	}
	if f.first == nil {
		f.first = err
	}
	var b *bulk.Error
	if errors.As(err, &b) {
		f.after = max(f.after, b.After)
	}
	var c *client.Error
	if errors.As(err, &c) {
		f.after = max(f.after, c.RetryAfter)
	}
}

type recordList []record

// read encodes every record of a batch.
func (x *esExporter) read(logs plog.Logs) recordList {
	records := make(recordList, 0, logs.LogRecordCount())
	e := encoders.Get().(*encoder)
	defer encoders.Put(e)
	now := x.now()
	renamed := 0
	for r, rl := range logs.ResourceLogs().All() {
		for s, sl := range rl.ScopeLogs().All() {
			for i, lr := range sl.LogRecords().All() {
				rec := record{resource: r, scope: s, index: i, place: x.locate(rl.Resource(), lr, now)}
				e.reset()
				rec.document = encode(e, lr, &rec.place, now)
				renamed += e.renamed
				records = append(records, rec)
			}
		}
	}
	e.reset() // it must not keep the batch alive
	if renamed > 0 {
		x.telemetry.EsIngestRenamedFields.Add(context.Background(), int64(renamed))
	}
	return records
}

// own are attributes that the exporter sets itself.
func own(name string) bool {
	switch name {
	case "@timestamp", tenantAttribute, "data_stream.type", "data_stream.dataset", "data_stream.namespace":
		return true
	}
	return false
}

// encode makes a record's document, and its id if it has none.
func encode(e *encoder, lr plog.LogRecord, p *place, now time.Time) []byte {
	attributes := lr.Attributes()
	e.add(attributes, own)
	e.addTime("@timestamp", p.time)
	e.addText(tenantAttribute, p.tenant)
	original, hasOriginal := attributes.Get("event.original")
	if body := lr.Body(); body.Type() != pcommon.ValueTypeEmpty && !hasOriginal {
		// A record that came without ecs_normalize is kept whole as well.
		original, hasOriginal = body, true
		e.addText("event.original", body.AsString())
	}
	if p.kind != eventKind {
		return e.document(0)
	}
	if p.id == "" {
		if hasOriginal {
			p.id = hash(p.tenant, p.dataset, original.AsString())
		} else {
			p.id = hash(p.tenant, p.dataset, strconv.FormatInt(int64(lr.Timestamp()), 10), string(e.document(0)))
		}
		e.addText("event.id", p.id)
	}
	e.addText("data_stream.type", "logs")
	e.addText("data_stream.dataset", p.dataset)
	e.addText("data_stream.namespace", p.tenant)
	if _, ok := attributes.Get("event.ingested"); !ok {
		e.addTime("event.ingested", now)
	}
	if _, ok := attributes.Get("event.created"); !ok && lr.ObservedTimestamp() != 0 {
		e.addTime("event.created", lr.ObservedTimestamp().AsTime())
	}
	return e.document(0)
}

// prepare sets Elasticsearch up for what the batch holds, and marks records
// for which that failed as to be tried again.
func (l recordList) prepare(ctx context.Context, x *esExporter, fail *failure) {
	for i := range l {
		if p := l[i].place.problem; p != "" {
			l[i].result = bulk.Result{Outcome: bulk.Refused, Type: "invalid_record", Reason: p}
		} else {
			l[i].result = bulk.Result{Outcome: bulk.Retry, Reason: "not tried"}
		}
	}
	if x.setup == nil {
		return
	}
	type stream struct{ dataset, tenant string }
	failed := map[stream]error{}
	for i := range l {
		p := &l[i].place
		k := stream{tenant: p.tenant}
		if p.kind == eventKind && p.problem == "" {
			k.dataset = p.dataset
		}
		err, seen := failed[k]
		if !seen {
			if err = x.setup.EnsureTenant(ctx, k.tenant); err == nil && k.dataset != "" {
				err = x.setup.EnsureLogs(ctx, k.dataset, k.tenant)
			}
			failed[k] = err
			fail.add(err)
		}
		if err != nil {
			l[i].result = bulk.Result{Outcome: bulk.Retry, Status: client.StatusOf(err), Type: notReady, Reason: err.Error()}
		}
	}
}

// notReady marks records that must not be written yet.
const notReady = "not_ready"

// choose returns the places of the records of one kind that may be written.
func (l recordList) choose(k kind) []int {
	var out []int
	for i := range l {
		if l[i].place.kind == k && l[i].result.Outcome == bulk.Retry && l[i].result.Type != notReady {
			out = append(out, i)
		}
	}
	return out
}

func (x *esExporter) writeEvents(ctx context.Context, l recordList, fail *failure) {
	chosen := l.choose(eventKind)
	if len(chosen) == 0 {
		return
	}
	ops := make([]bulk.Op, len(chosen))
	for j, i := range chosen {
		p := &l[i].place
		ops[j] = bulk.Op{Index: schema.Logs(p.dataset, p.tenant), ID: p.id, Time: p.time, Document: l[i].document}
	}
	results, err := x.events.Append(ctx, ops)
	l.settle(chosen, results)
	fail.add(err)
}

func (x *esExporter) writeSignals(ctx context.Context, l recordList, fail *failure) {
	chosen := l.choose(signalKind)
	if len(chosen) == 0 {
		return
	}
	ops := make([]bulk.Op, len(chosen))
	for j, i := range chosen {
		p := &l[i].place
		ops[j] = bulk.Op{Index: schema.Signals(p.tenant), ID: p.id, Version: p.version, Document: l[i].document}
	}
	results, err := x.writer.Write(ctx, ops)
	l.settle(chosen, results)
	fail.add(err)
}

func (x *esExporter) writeIncidents(ctx context.Context, l recordList, fail *failure) {
	chosen := l.choose(incidentKind)
	if len(chosen) == 0 {
		return
	}
	revisions := make([]store.Revision, len(chosen))
	for j, i := range chosen {
		p := &l[i].place
		revisions[j] = store.Revision{Tenant: p.tenant, ID: p.id, Number: p.version, Document: l[i].document}
	}
	results, err := x.store.ApplyRevisions(ctx, revisions)
	l.settle(chosen, results)
	fail.add(err)
}

func (l recordList) settle(chosen []int, results []bulk.Result) {
	for j, i := range chosen {
		l[i].result = results[j]
	}
}

// writeDead stores what was refused, with the reason. A record counts as
// delivered only after that.
func (x *esExporter) writeDead(ctx context.Context, l recordList, fail *failure) {
	var ops []bulk.Op
	var chosen []int
	now := x.now()
	for i := range l {
		if l[i].result.Outcome == bulk.Refused {
			ops = append(ops, deadLetter(&l[i], now))
			chosen = append(chosen, i)
		}
	}
	if len(chosen) == 0 {
		return
	}
	results, err := x.events.Append(ctx, ops)
	fail.add(err)
	for j, i := range chosen {
		switch results[j].Outcome {
		case bulk.Written, bulk.Conflict:
			l[i].dead = true
			x.logger.Warn("Elasticsearch refused a record; it is in the dead letters",
				zap.String("index", ops[j].Index), zap.String("id", ops[j].ID), zap.String("record", l[i].place.id),
				zap.String("type", l[i].result.Type), zap.String("reason", l[i].result.Reason))
		default:
			// Even the dead letters refuse it, which their mapping rules
			// out: something is wrong with the set-up, so keep the record.
			err := fmt.Errorf("dead letter for record %q: %s: %s: %s", l[i].place.id, results[j].Outcome, results[j].Type, results[j].Reason)
			fail.add(err)
			l[i].result = bulk.Result{Outcome: bulk.Retry, Reason: err.Error()}
		}
	}
}

// maxDeadDocument bounds what a dead letter keeps of a document, in bytes.
const maxDeadDocument = 8 << 20

// deadLetter makes the document that tells of a refused record.
func deadLetter(r *record, now time.Time) bulk.Op {
	p := &r.place
	target := [...]string{schema.Logs(p.dataset, p.tenant), schema.Signals(p.tenant), schema.Incidents(p.tenant)}[p.kind]
	document := string(r.document)
	cut := len(document) > maxDeadDocument
	if cut {
		document = client.Shorten(document, maxDeadDocument)
	}
	// What was refused may come again; it is the same letter then.
	// Incidents and signals have one letter for each revision.
	id := hash(target, p.id, strconv.FormatInt(p.version, 10))
	if p.id == "" {
		id = hash(target, string(r.document))
	}
	e := encoder{}
	e.addTime("@timestamp", p.time)
	e.addText(tenantAttribute, p.tenant)
	e.addText("event.kind", "pipeline_error")
	e.addText("event.dataset", p.dataset)
	e.addText("error.type", r.result.Type)
	e.addText("error.code", strconv.Itoa(r.result.Status))
	e.addText("error.message", r.result.Reason)
	e.addText("mxdr.dead.index", target)
	e.addText("mxdr.dead.id", p.id)
	e.addTime("mxdr.dead.time", now)
	e.addText("mxdr.dead.document", document)
	e.leaves = append(e.leaves, leaf{name: "mxdr.dead.truncated", text: strconv.AppendBool(nil, cut)})
	return bulk.Op{Index: schema.Dead(p.tenant), ID: id, Time: p.time, Document: e.document(0)}
}

// The outcomes that the metrics tell apart; see metadata.yaml.
const (
	outcomeWritten   = "written"
	outcomeDuplicate = "duplicate"
	outcomeStale     = "stale"
	outcomeDead      = "dead"
	outcomeRetry     = "retry"
)

// outcome says what became of a record, for the metrics.
func (r *record) outcome() string {
	switch {
	case r.dead:
		return outcomeDead
	case r.result.Outcome == bulk.Written:
		return outcomeWritten
	case r.result.Outcome == bulk.Conflict && r.place.kind == eventKind:
		return outcomeDuplicate
	case r.result.Outcome == bulk.Conflict:
		return outcomeStale
	}
	return outcomeRetry
}

// conclude counts the outcomes and returns what must come again.
func (x *esExporter) conclude(ctx context.Context, logs plog.Logs, l recordList, fail *failure) error {
	type cell struct {
		kind    kind
		outcome string
	}
	counts := map[cell]int64{}
	var again []int
	for i := range l {
		o := l[i].outcome()
		counts[cell{l[i].place.kind, o}]++
		if o == outcomeRetry {
			again = append(again, i)
		}
	}
	for c, n := range counts {
		x.telemetry.EsIngestDocuments.Add(ctx, n, metric.WithAttributes(
			attribute.String("kind", c.kind.String()), attribute.String("outcome", c.outcome)))
	}
	if len(again) == 0 {
		if fail.first != nil {
			// Nothing is lost, but somebody should know.
			x.logger.Warn("Elasticsearch", zap.Error(fail.first))
		}
		return nil
	}
	err := fail.first
	if err == nil {
		err = fmt.Errorf("record %q: %s", l[again[0]].place.id, l[again[0]].result.Reason)
	}
	err = fmt.Errorf("%d of %d records are not stored yet: %w", len(again), len(l), err)
	if x.setup != nil && (l.missingIndex(again) || client.StatusOf(err) == 404) {
		x.setup.Forget()
	}
	if fail.after > 0 {
		err = exporterhelper.NewThrottleRetry(err, fail.after)
	}
	if len(again) == len(l) {
		return err
	}
	return consumererror.NewLogs(err, subset(logs, l, again))
}

func (l recordList) missingIndex(again []int) bool {
	for _, i := range again {
		if l[i].result.Status == 404 {
			return true
		}
	}
	return false
}

// subset copies the chosen records, in order, with their resource and scope.
func subset(logs plog.Logs, l recordList, chosen []int) plog.Logs {
	out := plog.NewLogs()
	var rl plog.ResourceLogs
	var sl plog.ScopeLogs
	resource, scope := -1, -1
	for _, i := range chosen {
		r := &l[i]
		from := logs.ResourceLogs().At(r.resource)
		if r.resource != resource {
			rl = out.ResourceLogs().AppendEmpty()
			from.Resource().CopyTo(rl.Resource())
			rl.SetSchemaUrl(from.SchemaUrl())
			resource, scope = r.resource, -1
		}
		if r.scope != scope {
			sl = rl.ScopeLogs().AppendEmpty()
			from.ScopeLogs().At(r.scope).Scope().CopyTo(sl.Scope())
			sl.SetSchemaUrl(from.ScopeLogs().At(r.scope).SchemaUrl())
			scope = r.scope
		}
		from.ScopeLogs().At(r.scope).LogRecords().At(r.index).CopyTo(sl.LogRecords().AppendEmpty())
	}
	return out
}
