package incidentprocessor

import (
	"errors"
	"fmt"
	"os"

	"go.opentelemetry.io/collector/component"

	"github.com/openmxdr/openmxdr/rules/content"
	"github.com/openmxdr/openmxdr/rules/incident"
)

// Config configures the processor.
type Config struct {
	// Weights names a file with weights, windows and limits of your own
	// instead of the shipped ones; see rules/content/incident/default.yml.
	Weights string `mapstructure:"weights"`

	// Storage names the storage extension that keeps the state. Without one
	// it is lost when the collector stops.
	Storage *component.ID `mapstructure:"storage"`

	_ struct{}
}

func createDefaultConfig() component.Config { return &Config{} }

// Validate reads the weights, so that a mistake in them stops the start.
func (c *Config) Validate() error {
	_, err := c.engine()
	return err
}

func (c *Config) engine() (incident.Config, error) {
	if c.Weights == "" {
		return incident.Load(content.Incident())
	}
	raw, err := os.ReadFile(c.Weights)
	if err != nil {
		return incident.Config{}, fmt.Errorf("weights: %w", err)
	}
	cfg, err := incident.Load(raw)
	if err != nil {
		return incident.Config{}, errors.Join(fmt.Errorf("weights: %s", c.Weights), err)
	}
	return cfg, nil
}
