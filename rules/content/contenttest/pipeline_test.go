package contenttest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/internal/signal"
	"github.com/openmxdr/openmxdr/internal/stage"
	"github.com/openmxdr/openmxdr/rules/mapping"
	"github.com/openmxdr/openmxdr/rules/sigma/correlation"
)

const tenant = "aurora"

// pipeline normalizes raw records and evaluates the shipped detections. What
// is compiled is shared; a detector with memory is made for each run.
type pipeline struct {
	fields     *event.Fields
	mappings   *mapping.Engine
	detections *stage.Detections
}

var shared = sync.OnceValues(func() (*pipeline, error) {
	set, err := stage.LoadMappings(nil)
	if err != nil {
		return nil, err
	}
	p := &pipeline{fields: event.NewFields()}
	p.mappings = set.Compile(p.fields)
	p.detections, err = stage.DetectionSources{Shipped: true}.Load(p.fields)
	if err != nil {
		return nil, err
	}
	if len(p.detections.Problems) > 0 {
		return nil, fmt.Errorf("shipped detections: %v", p.detections.Problems)
	}
	return p, nil
})

func newPipeline(t *testing.T) *pipeline {
	t.Helper()
	p, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// detector evaluates the detections over the records of one source after
// another, in the order of event time.
type detector struct {
	*pipeline
	sigma   *stage.Sigma
	scratch *mapping.Scratch
	failed  []error // records that could not be normalized
	found   map[string]*signal.Signal
	order   []string
}

func (p *pipeline) detector(t *testing.T) *detector {
	t.Helper()
	s, err := stage.NewSigma(p.detections, p.fields, correlation.Options{Lateness: 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return &detector{pipeline: p, sigma: s, scratch: p.mappings.NewScratch(), found: map[string]*signal.Signal{}}
}

// add evaluates records.
func (d *detector) add(t *testing.T, records ...string) {
	t.Helper()
	batch := make([]*event.Event, 0, len(records))
	for _, raw := range records {
		ev := event.New(d.fields)
		in := mapping.Input{Tenant: tenant, Observed: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)}
		if err := d.mappings.Normalize(raw, in, ev, d.scratch); err != nil {
			d.failed = append(d.failed, fmt.Errorf("%w: %.300s", err, raw))
			continue
		}
		batch = append(batch, ev)
	}
	slices.SortStableFunc(batch, func(a, b *event.Event) int { return a.Time.Compare(b.Time) })
	d.keep(t, stage.Run(d.sigma, batch))
}

func (d *detector) keep(t *testing.T, added []*event.Event) {
	t.Helper()
	for _, ev := range added {
		s, err := signal.Decode(ev)
		if err != nil {
			t.Fatal(err)
		}
		if d.found[s.ID] == nil {
			d.order = append(d.order, s.ID)
		}
		d.found[s.ID] = s
	}
}

// signals ends the run and returns what was found and not withdrawn.
func (d *detector) signals(t *testing.T) []*signal.Signal {
	t.Helper()
	d.keep(t, d.sigma.Finish())
	var out []*signal.Signal
	for _, id := range d.order {
		if s := d.found[id]; !s.Withdrawn {
			out = append(out, s)
		}
	}
	return out
}

// explain returns what a record was normalized to.
func (d *detector) explain(raw string) string {
	ev := event.New(d.fields)
	_ = d.mappings.Normalize(raw, mapping.Input{Tenant: tenant}, ev, d.scratch)
	ev.Delete("event.original")
	return string(ev.AppendFlatJSON(nil))
}
