package correlation

import (
	"fmt"
	"slices"
	"time"

	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/internal/signal"
)

// batchVersion is the first byte of a journal entry.
const batchVersion = 1

const (
	recordMatch   = 1
	recordAdvance = 2
	recordEnd     = 3 // of a batch
)

// AppendBatch appends to dst what Process would read of batch, for a journal.
// The caller makes it durable before it hands on the signals of Process: then
// a restart replays the same batches in the same order onto the last snapshot,
// and no signal can have left that the restored engine does not know of.
func (e *Engine) AppendBatch(dst []byte, batch []Match) []byte {
	w := writer{dst}
	if len(dst) == 0 {
		w.b = append(w.b, batchVersion)
	}
	for i := range batch {
		m := &batch[i]
		ns, ok := nanos(m.Time)
		if !ok || m.EventID == "" {
			continue // Process only counts it
		}
		w.b = append(w.b, recordMatch)
		w.string(m.Tenant)
		w.string(m.Rule)
		w.string(m.EventID)
		w.int(ns)
		observed := int64(0)
		if o, ok := nanos(m.Observed); ok {
			observed = o
		}
		w.int(observed)
		fields := e.Fields(m.Rule)
		if !e.Uses(m.Rule) {
			w.string("")
			w.string("")
			w.entities(nil)
			w.len(0)
			continue
		}
		w.string(m.Domain)
		w.string(m.Dataset)
		w.entities(m.Entities[:min(len(m.Entities), MaxEntities)])
		w.len(len(fields))
		for _, f := range fields {
			texts, _ := textsOf(m.Fields, f)
			w.string(f)
			w.len(len(texts))
			for _, t := range texts {
				w.string(t)
			}
		}
	}
	w.b = append(w.b, recordEnd)
	return w.b
}

// AppendAdvance appends a call of Advance to a journal entry.
func (e *Engine) AppendAdvance(dst []byte, tenant string, t time.Time) []byte {
	w := writer{dst}
	if len(dst) == 0 {
		w.b = append(w.b, batchVersion)
	}
	if ns, ok := nanos(t); ok {
		w.b = append(w.b, recordAdvance)
		w.string(tenant)
		w.int(ns)
	}
	return w.b
}

// Replay makes the same calls again that a journal entry was made from, and
// returns the same signals as they did.
func (e *Engine) Replay(data []byte) ([]signal.Signal, error) {
	if len(data) == 0 {
		return nil, nil
	}
	if data[0] != batchVersion {
		return nil, fmt.Errorf("correlation journal: version %d is unknown, this program reads %d", data[0], batchVersion)
	}
	r := reader{b: data[1:]}
	var out []signal.Signal
	var batch []Match
	for len(r.b) > 0 && r.err == nil {
		switch kind := r.uint(); kind {
		case recordMatch:
			m := Match{Tenant: r.string(), Rule: r.string(), EventID: r.string(), Time: timeOf(r.int())}
			if o := r.int(); o != 0 {
				m.Observed = timeOf(o)
			}
			m.Domain, m.Dataset, m.Entities = r.string(), r.string(), r.entities()
			var f savedFields
			for range r.len() {
				x := savedField{name: r.string()}
				for range r.len() {
					x.texts = append(x.texts, r.string())
				}
				f = append(f, x)
			}
			m.Fields = f
			batch = append(batch, m)
		case recordAdvance:
			tenant, t := r.string(), r.int()
			if r.err != nil {
				break
			}
			out = append(out, e.Advance(tenant, timeOf(t))...)
		case recordEnd:
			out = append(out, e.Process(batch)...)
			batch = nil
		default:
			r.fail(fmt.Errorf("record kind %d is unknown", kind))
		}
	}
	if r.err == nil && len(batch) > 0 {
		r.fail(errTruncated)
	}
	if r.err != nil {
		return out, fmt.Errorf("correlation journal: %w", r.err)
	}
	return out, nil
}

type savedField struct {
	name  string
	texts []string
}

type savedFields []savedField

// Lookup finds a field of a journalled match.
func (f savedFields) Lookup(name string) (event.Value, bool) {
	i := slices.IndexFunc(f, func(x savedField) bool { return x.name == name })
	if i < 0 || len(f[i].texts) == 0 {
		return event.Value{}, false
	}
	if len(f[i].texts) == 1 {
		return event.StringValue(f[i].texts[0]), true
	}
	return event.StringsValue(f[i].texts...), true
}
