package healthextension

import (
	"errors"
	"time"

	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/confignet"
)

// Config configures the endpoint. All settings of confighttp.ServerConfig apply.
type Config struct {
	confighttp.ServerConfig `mapstructure:",squash"`

	// RecoveryDuration is how long a component may report a recoverable
	// error before the collector counts as unhealthy. 0 means that a
	// recoverable error never makes it unhealthy.
	RecoveryDuration time.Duration `mapstructure:"recovery_duration"`

	_ struct{}
}

// Validate tells what is wrong with the settings.
func (c *Config) Validate() error {
	var errs []error
	if c.NetAddr.Endpoint == "" {
		errs = append(errs, errors.New("endpoint: must not be empty, for example localhost:13133"))
	}
	if c.RecoveryDuration < 0 {
		errs = append(errs, errors.New("recovery_duration: must not be negative"))
	}
	return errors.Join(errs...)
}

func defaultConfig() *Config {
	server := confighttp.NewDefaultServerConfig()
	server.NetAddr = confignet.NewDefaultAddrConfig()
	server.NetAddr.Transport = confignet.TransportTypeTCP
	server.NetAddr.Endpoint = "localhost:13133"
	return &Config{ServerConfig: server}
}
