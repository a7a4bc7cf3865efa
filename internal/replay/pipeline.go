package replay

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/internal/signal"
	"github.com/openmxdr/openmxdr/internal/stage"
	"github.com/openmxdr/openmxdr/rules/behavior"
	"github.com/openmxdr/openmxdr/rules/content"
	"github.com/openmxdr/openmxdr/rules/incident"
	"github.com/openmxdr/openmxdr/rules/sigma/correlation"
)

// pipeline is the stages of the collector's pipeline, one after the other.
type pipeline struct {
	sigma     *stage.Sigma
	behavior  *stage.Behavior
	incident  *stage.Incident
	rules     int
	leftOut   []error
	latest    map[string]*signal.Signal     // by id: the last version
	incidents map[string]*incident.Incident // by id: the last revision
}

func newPipeline(o Options, fields *event.Fields) (*pipeline, error) {
	p := &pipeline{latest: map[string]*signal.Signal{}, incidents: map[string]*incident.Incident{}}
	detections, err := o.Rules.Load(fields)
	if err != nil {
		return nil, err
	}
	single, correlations := detections.Rules()
	p.rules, p.leftOut = single+correlations, detections.Problems
	// Events come in order, so nothing is late.
	if p.sigma, err = stage.NewSigma(detections, fields, correlation.Options{}); err != nil {
		return nil, err
	}
	models, err := stage.LoadModels(o.Models)
	if err != nil {
		return nil, err
	}
	if p.behavior, err = stage.NewBehavior(models, behavior.Default(), fields); err != nil {
		return nil, err
	}
	weights, err := incident.Load(content.Incident())
	if err != nil {
		return nil, err
	}
	p.incident, err = stage.NewIncident(weights, fields)
	return p, err
}

// run takes a batch of events through the stages.
func (p *pipeline) run(events []*event.Event) {
	signals := stage.Run(p.sigma, events)
	signals = append(signals, stage.Run(p.behavior, events)...)
	p.signals(signals)
	p.revisions(stage.Run(p.incident, append(slices.Clone(events), signals...)))
}

// finish lets event time come to its end.
func (p *pipeline) finish() {
	signals := p.sigma.Finish()
	p.signals(signals)
	p.revisions(stage.Run(p.incident, signals))
}

func (p *pipeline) signals(records []*event.Event) {
	for _, ev := range records {
		if s, err := signal.Decode(ev); err == nil { // it was encoded a moment ago
			p.latest[s.ID] = s
		}
	}
}

func (p *pipeline) revisions(records []*event.Event) {
	for _, ev := range records {
		if in, err := incident.Decode(ev); err == nil {
			p.incidents[in.ID] = in
		}
	}
}

// final returns what holds at the end: signals that were not withdrawn in the
// order of time, and open incidents by score.
func (p *pipeline) final() ([]*signal.Signal, []*incident.Incident) {
	var signals []*signal.Signal
	for _, s := range p.latest {
		if !s.Withdrawn {
			signals = append(signals, s)
		}
	}
	slices.SortFunc(signals, func(a, b *signal.Signal) int {
		return cmp.Or(a.Time.Compare(b.Time), strings.Compare(a.ID, b.ID))
	})
	incidents := slices.Collect(maps.Values(p.incidents))
	incidents = slices.DeleteFunc(incidents, func(in *incident.Incident) bool { return in.State != incident.Open })
	slices.SortFunc(incidents, byScore)
	return signals, incidents
}
