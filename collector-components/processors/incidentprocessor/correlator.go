package incidentprocessor

import (
	"context"
	"fmt"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"

	"github.com/openmxdr/openmxdr/collector-components/internal/stateful"
	"github.com/openmxdr/openmxdr/collector-components/processors/incidentprocessor/internal/metadata"
	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/internal/stage"
)

// correlator is the stateful processor around the incident stage.
type correlator struct {
	*stateful.Processor
	metrics *metadata.TelemetryBuilder
}

func newCorrelator(set processor.Settings, cfg *Config, next consumer.Logs) (*correlator, error) {
	metrics, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	weights, err := cfg.engine()
	if err != nil {
		return nil, fmt.Errorf("incident: %w", err)
	}
	fields := event.NewFields()
	s, err := stage.NewIncident(weights, fields)
	if err != nil {
		return nil, fmt.Errorf("incident: %w", err)
	}
	c := &correlator{metrics: metrics}
	c.Processor = stateful.New(set, cfg.Storage, s, fields, next, c.count)
	return c, nil
}

// Shutdown writes the state.
func (c *correlator) Shutdown(ctx context.Context) error {
	c.metrics.Shutdown()
	return c.Processor.Shutdown(ctx)
}

func (c *correlator) count(ctx context.Context, grown map[string]int64) {
	c.metrics.IncidentSignals.Add(ctx, grown["signals"])
	c.metrics.IncidentRevisions.Add(ctx, grown["revisions"])
	c.metrics.IncidentLateSignals.Add(ctx, grown["late_signals"])
	c.metrics.IncidentEvictions.Add(ctx, grown["evictions"])
	c.metrics.IncidentRejectedSignals.Add(ctx, grown["rejected"])
}
