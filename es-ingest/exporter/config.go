package esingestexporter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/config/configtls"
	"go.opentelemetry.io/collector/exporter/exporterhelper"

	"github.com/openmxdr/openmxdr/es-ingest/client"
	"github.com/openmxdr/openmxdr/es-ingest/schema"
)

// Config is the configuration of the es_ingest exporter. README.md has a table
// of it.
type Config struct {
	// Endpoints are base addresses of Elasticsearch, used in turn.
	Endpoints []string `mapstructure:"endpoints"`
	// User and Password, or APIKey.
	User     string              `mapstructure:"user"`
	Password configopaque.String `mapstructure:"password"`
	APIKey   configopaque.String `mapstructure:"api_key"`
	// TLS is used for https endpoints.
	TLS configtls.ClientConfig `mapstructure:"tls"`
	// Timeout bounds one request.
	Timeout time.Duration `mapstructure:"timeout"`
	// MaxRequestBytes is the size at which a bulk request is cut, before
	// compression.
	MaxRequestBytes int `mapstructure:"max_request_bytes"`
	// Compression is "gzip" or "none".
	Compression string `mapstructure:"compression"`
	// DefaultTenant takes records without organization.id. Empty sends them
	// to the dead letters.
	DefaultTenant string `mapstructure:"default_tenant"`
	// Schema is how templates are set up.
	Schema SchemaConfig `mapstructure:"schema"`
	// Retry is on for good by default: what is not written is tried again.
	Retry configretry.BackOffConfig `mapstructure:"retry_on_failure"`
	// Queue is off by default: a batch is acknowledged when Elasticsearch
	// has it.
	Queue configoptional.Optional[exporterhelper.QueueBatchConfig] `mapstructure:"sending_queue"`

	_ struct{} // keyed fields only
}

// SchemaConfig says how index templates are set up.
type SchemaConfig struct {
	// Manage lets the exporter write its index templates. Without it
	// somebody else must have done so.
	Manage bool `mapstructure:"manage"`
	// Shards of each data stream's backing index; 0 is Elasticsearch's default.
	Shards int `mapstructure:"shards"`
	// Replicas of every index; unset means one as soon as there is a second node.
	Replicas *int `mapstructure:"replicas"`
	// Retention of events in whole days; 0 keeps them for good.
	Retention time.Duration `mapstructure:"retention"`
}

func createDefaultConfig() *Config {
	retry := configretry.NewDefaultBackOffConfig()
	retry.InitialInterval = time.Second
	retry.MaxElapsedTime = 0
	queue := exporterhelper.NewDefaultQueueConfig()
	queue.WaitForResult = true
	queue.BlockOnOverflow = true
	return &Config{
		Endpoints:       []string{"http://localhost:9200"},
		Timeout:         30 * time.Second,
		MaxRequestBytes: 8 << 20,
		Compression:     "gzip",
		Schema:          SchemaConfig{Manage: true},
		Retry:           retry,
		Queue:           configoptional.Default(queue),
	}
}

// Validate reports everything that is wrong, naming the fields.
func (c *Config) Validate() error {
	var errs []error
	if err := c.client().Validate(); err != nil {
		errs = append(errs, err)
	}
	if c.Timeout <= 0 {
		errs = append(errs, errors.New("timeout: must be above 0"))
	}
	if c.MaxRequestBytes < 1<<16 || c.MaxRequestBytes > 90<<20 {
		errs = append(errs, errors.New("max_request_bytes: want 65536 (64 KiB) to 94371840 (90 MiB); Elasticsearch takes at most 100 MiB"))
	}
	if c.Compression != "gzip" && c.Compression != "none" {
		errs = append(errs, fmt.Errorf("compression: %q is neither gzip nor none", c.Compression))
	}
	if c.DefaultTenant != "" {
		if err := schema.CheckTenant(c.DefaultTenant); err != nil {
			errs = append(errs, fmt.Errorf("default_tenant: %w", err))
		}
	}
	if c.Schema.Shards < 0 || c.Schema.Shards > 1024 {
		errs = append(errs, errors.New("schema::shards: want 0 to 1024"))
	}
	if r := c.Schema.Replicas; r != nil && (*r < 0 || *r > 100) {
		errs = append(errs, errors.New("schema::replicas: want 0 to 100"))
	}
	if r := c.Schema.Retention; r < 0 || r%(24*time.Hour) != 0 {
		errs = append(errs, errors.New("schema::retention: want whole days, such as 720h"))
	}
	if !c.Retry.Enabled && c.Queue.HasValue() {
		errs = append(errs, errors.New("sending_queue needs retry_on_failure: without it the queue gives up a batch at the first error"))
	}
	if q := c.Queue.Get(); q != nil && q.StorageID == nil && !q.WaitForResult {
		errs = append(errs, errors.New("sending_queue: set storage, or wait_for_result: a queue in memory loses what it has acknowledged when the process dies"))
	}
	if q := c.Queue.Get(); q != nil && q.StorageID != nil && c.Retry.MaxElapsedTime != 0 {
		errs = append(errs, errors.New("retry_on_failure::max_elapsed_time: want 0 with a persistent sending_queue: a batch that runs out of time would be lost"))
	}
	return errors.Join(errs...)
}

func (c *Config) client() client.Config {
	return client.Config{
		Endpoints: c.Endpoints, User: c.User, Password: client.Secret(c.Password), APIKey: client.Secret(c.APIKey), Timeout: c.Timeout,
	}
}

func (c *Config) connect(ctx context.Context) (*client.Client, error) {
	cc := c.client()
	tls, err := c.TLS.LoadTLSConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	cc.TLS = tls
	return client.New(cc)
}

func (c *Config) schema() schema.Options {
	return schema.Options{Shards: c.Schema.Shards, Replicas: c.Schema.Replicas, Retention: c.Schema.Retention}
}
