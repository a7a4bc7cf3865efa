package behaviorprocessor

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"

	"github.com/openmxdr/openmxdr/collector-components/processors/behaviorprocessor/internal/metadata"
)

// NewFactory makes the factory of the behavior processor.
func NewFactory() processor.Factory {
	return processor.NewFactory(metadata.Type, createDefaultConfig,
		processor.WithLogs(create, metadata.LogsStability))
}

func create(_ context.Context, set processor.Settings, cfg component.Config, next consumer.Logs) (processor.Logs, error) {
	return newObserver(set, cfg.(*Config), next)
}
