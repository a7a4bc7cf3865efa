package behaviorprocessor

import (
	"context"
	"fmt"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"

	"github.com/openmxdr/openmxdr/collector-components/internal/stateful"
	"github.com/openmxdr/openmxdr/collector-components/processors/behaviorprocessor/internal/metadata"
	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/internal/stage"
)

// observer is the stateful processor around the behavior stage.
type observer struct {
	*stateful.Processor
	metrics *metadata.TelemetryBuilder
}

func newObserver(set processor.Settings, cfg *Config, next consumer.Logs) (*observer, error) {
	metrics, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	models, err := stage.LoadModels(cfg.Models)
	if err != nil {
		return nil, fmt.Errorf("behavior: %w", err)
	}
	fields := event.NewFields()
	s, err := stage.NewBehavior(models, cfg.engine(), fields)
	if err != nil {
		return nil, err
	}
	o := &observer{metrics: metrics}
	o.Processor = stateful.New(set, cfg.Storage, s, fields, next, o.count)
	return o, nil
}

// Shutdown writes the state.
func (o *observer) Shutdown(ctx context.Context) error {
	o.metrics.Shutdown()
	return o.Processor.Shutdown(ctx)
}

func (o *observer) count(ctx context.Context, grown map[string]int64) {
	o.metrics.BehaviorEvents.Add(ctx, grown["events"])
	o.metrics.BehaviorSignals.Add(ctx, grown["signals"])
	o.metrics.BehaviorLateEvents.Add(ctx, grown["late_events"])
	o.metrics.BehaviorEvictions.Add(ctx, grown["evictions"])
}
