package sigmaprocessor

import (
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
)

// Config configures the processor.
type Config struct {
	// Rules lists files and folders with Sigma rules, correlations and filters
	// of your own, beside or instead of the shipped ones.
	Rules []string `mapstructure:"rules"`

	// ShippedRules turns the detections that come with the product off.
	ShippedRules bool `mapstructure:"shipped_rules"`

	// FieldMaps lists folders with field maps of your own; a file replaces
	// the shipped one of the same path.
	FieldMaps []string `mapstructure:"field_maps"`

	// Placeholders are the values for %name% in rules that use expand.
	Placeholders map[string][]string `mapstructure:"placeholders"`

	// ReloadInterval is how often rules and field maps are looked at for
	// changes; 0 means never. A set that cannot be loaded is reported and the
	// one before stays.
	ReloadInterval time.Duration `mapstructure:"reload_interval"`

	// Lateness is how far behind the latest event time of its tenant an event
	// may arrive and still count in correlations.
	Lateness time.Duration `mapstructure:"lateness"`

	// MaxStateMiB bounds what correlations remember.
	MaxStateMiB int64 `mapstructure:"max_state_mib"`

	// Storage names the storage extension that keeps the state of
	// correlations. Without one it is lost when the collector stops.
	Storage *component.ID `mapstructure:"storage"`

	_ struct{}
}

func createDefaultConfig() component.Config {
	return &Config{ShippedRules: true, ReloadInterval: 30 * time.Second, Lateness: 10 * time.Minute, MaxStateMiB: 256}
}

// Validate tells what is wrong with the settings.
func (c *Config) Validate() error {
	var errs []error
	if !c.ShippedRules && len(c.Rules) == 0 {
		errs = append(errs, errors.New("rules: name at least one file or folder, or leave shipped_rules on"))
	}
	for i, p := range c.Rules {
		if p == "" {
			errs = append(errs, fmt.Errorf("rules[%d]: must name a file or folder", i))
		}
	}
	for i, p := range c.FieldMaps {
		if p == "" {
			errs = append(errs, fmt.Errorf("field_maps[%d]: must name a folder", i))
		}
	}
	if c.ReloadInterval < 0 {
		errs = append(errs, errors.New("reload_interval: must not be negative; 0 means never"))
	}
	if c.Lateness < 0 {
		errs = append(errs, errors.New("lateness: must not be negative"))
	}
	if c.MaxStateMiB < 1 {
		errs = append(errs, errors.New("max_state_mib: must be at least 1"))
	}
	return errors.Join(errs...)
}
