package ecsnormalizeprocessor

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"

	"github.com/openmxdr/openmxdr/collector-components/processors/ecsnormalizeprocessor/internal/metadata"
)

// NewFactory makes the factory of the ecs_normalize processor.
func NewFactory() processor.Factory {
	return processor.NewFactory(metadata.Type,
		func() component.Config { return &Config{Tenant: "default"} },
		processor.WithLogs(create, metadata.LogsStability))
}

func create(_ context.Context, set processor.Settings, cfg component.Config, next consumer.Logs) (processor.Logs, error) {
	return newNormalizer(set, cfg.(*Config), next)
}
