package ecsnormalizeprocessor

import (
	"errors"
	"fmt"
	"regexp"
)

// Config configures the processor.
type Config struct {
	// Tenant is written to organization.id of every record, whatever the
	// record itself says. Use one pipeline per tenant.
	Tenant string `mapstructure:"tenant"`

	// Mappings lists folders with mappings of your own. A mapping replaces a
	// shipped one of the same name. Read at start.
	Mappings []string `mapstructure:"mappings"`

	// Source names the mapping that all records of this pipeline use. Empty
	// (default): each record is recognised by its content.
	Source string `mapstructure:"source"`

	_ struct{}
}

var tenantRule = regexp.MustCompile(`^[a-z0-9][a-z0-9_]{0,39}$`)

// Validate tells what is wrong with the settings.
func (c *Config) Validate() error {
	var errs []error
	if !tenantRule.MatchString(c.Tenant) {
		errs = append(errs, fmt.Errorf("tenant: %q is not 1 to 40 lower case letters, digits and underscores, beginning with a letter or digit", c.Tenant))
	}
	for i, dir := range c.Mappings {
		if dir == "" {
			errs = append(errs, fmt.Errorf("mappings[%d]: must name a folder", i))
		}
	}
	return errors.Join(errs...)
}
