package behaviorprocessor

import (
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/component"

	"github.com/openmxdr/openmxdr/rules/behavior"
)

// Config configures the processor.
type Config struct {
	// Models lists folders with baselines of your own over the shipped ones;
	// a file replaces the shipped one of the same path.
	Models []string `mapstructure:"models"`

	// MaxEntries bounds the remembered values and events of all entities.
	MaxEntries int `mapstructure:"max_entries"`

	// Storage names the storage extension that keeps the state. Without one
	// everything is learnt anew after a restart.
	Storage *component.ID `mapstructure:"storage"`

	_ struct{}
}

func createDefaultConfig() component.Config {
	return &Config{MaxEntries: behavior.Default().MaxEntries}
}

// Validate tells what is wrong with the settings.
func (c *Config) Validate() error {
	var errs []error
	for i, dir := range c.Models {
		if dir == "" {
			errs = append(errs, fmt.Errorf("models[%d]: must name a folder", i))
		}
	}
	if err := c.engine().Validate(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (c *Config) engine() behavior.Config {
	cfg := behavior.Default()
	cfg.MaxEntries = c.MaxEntries
	return cfg
}
