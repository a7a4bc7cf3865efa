package esingestexporter

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
)

func load(t *testing.T, raw map[string]any) (*Config, error) {
	t.Helper()
	c := createDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(raw).Unmarshal(c))
	return c, confmap.Validate(c)
}

func TestDefaultConfig(t *testing.T) {
	require.NoError(t, componenttest.CheckConfigStruct(NewFactory().CreateDefaultConfig()))
	c, err := load(t, nil)
	require.NoError(t, err)
	assert.Zero(t, c.Retry.MaxElapsedTime, "retries go on for good")
	assert.False(t, c.Queue.HasValue(), "a batch is acknowledged when it is stored")
}

func TestLoadConfig(t *testing.T) {
	storage := component.MustNewID("file_storage")
	c, err := load(t, map[string]any{
		"endpoints": []any{"https://a:9200", "https://b:9200"}, "user": "mxdr", "password": "secret", "timeout": "5s", "compression": "none",
		"tls": map[string]any{"insecure_skip_verify": true}, "default_tenant": "acme",
		"schema":        map[string]any{"shards": 3, "replicas": 0, "retention": "720h"},
		"sending_queue": map[string]any{"storage": "file_storage", "wait_for_result": false},
	})
	require.NoError(t, err)
	assert.Equal(t, []string{"https://a:9200", "https://b:9200"}, c.Endpoints)
	assert.Equal(t, 5*time.Second, c.Timeout)
	assert.Equal(t, 0, *c.Schema.Replicas)
	assert.Equal(t, &storage, c.Queue.Get().StorageID)
	text, err := c.Password.MarshalText()
	require.NoError(t, err)
	assert.NotContains(t, string(text), "secret")
}

func TestValidate(t *testing.T) {
	for want, raw := range map[string]map[string]any{
		"endpoints: name at least one":     {"endpoints": []any{}},
		"endpoints[1]: want http":          {"endpoints": []any{"http://a", "ftp://b"}},
		"put the credentials into user":    {"endpoints": []any{"http://u:p@a"}},
		"go together":                      {"user": "u"},
		"exclude each other":               {"user": "u", "password": "p", "api_key": "k"},
		"timeout":                          {"timeout": "0s"},
		"max_request_bytes":                {"max_request_bytes": 1},
		"compression":                      {"compression": "zstd"},
		"default_tenant":                   {"default_tenant": "A-b"},
		"schema::shards":                   {"schema": map[string]any{"shards": -1}},
		"schema::replicas":                 {"schema": map[string]any{"replicas": -1}},
		"schema::retention":                {"schema": map[string]any{"retention": "5h"}},
		"set storage, or wait_for_result":  {"sending_queue": map[string]any{"wait_for_result": false}},
		"sending_queue needs":              {"sending_queue": map[string]any{}, "retry_on_failure": map[string]any{"enabled": false}},
		"retry_on_failure::max_elapsed_ti": {"sending_queue": map[string]any{"storage": "file_storage", "wait_for_result": false}, "retry_on_failure": map[string]any{"max_elapsed_time": "1m"}},
	} {
		_, err := load(t, raw)
		assert.ErrorContains(t, err, want)
	}
}
