package healthextension

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"

	"github.com/openmxdr/openmxdr/collector-components/extensions/healthextension/internal/metadata"
)

// NewFactory makes the factory of the health extension.
func NewFactory() extension.Factory {
	return extension.NewFactory(metadata.Type,
		func() component.Config { return defaultConfig() },
		func(_ context.Context, set extension.Settings, cfg component.Config) (extension.Extension, error) {
			return newHealth(cfg.(*Config), set), nil
		},
		metadata.ExtensionStability)
}
