//go:build unix

package integration

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/openmxdr/openmxdr/es-ingest/client"
	esingestexporter "github.com/openmxdr/openmxdr/es-ingest/exporter"
	"github.com/openmxdr/openmxdr/es-ingest/schema"
	"github.com/openmxdr/openmxdr/internal/elastictest"
)

// These tests need an Elasticsearch of their own. They share it, because
// starting one takes longer than the rest.
func TestOwnElasticsearch(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts Elasticsearch three times; not with -short")
	}
	e := elastictest.Own(t, elastictest.Options{
		Roles: map[string]elastictest.Role{
			"acme": {Indices: []string{"logs-*-acme", "mxdr-*-acme"}, Privileges: []string{"create_doc", "create_index", "read", "index", "view_index_metadata"}},
		},
		Users: []elastictest.User{{Name: "acme", Password: "acme-password", Roles: []string{"acme"}}},
	})
	c := connect(t, e)
	t.Run("roles", func(t *testing.T) { testRoles(t, e, c) })
	t.Run("stop", func(t *testing.T) { testOutage(t, e, c, "acme.stop", e.Stop) })
	t.Run("kill", func(t *testing.T) { testOutage(t, e, c, "acme.kill", e.Kill) })
}

// testOutage ends Elasticsearch in the middle of bulk requests and starts it
// again: every record is there once.
func testOutage(t *testing.T, e *elastictest.Instance, c *client.Client, dataset string, end func() error) {
	const batches, size, workers = 100, 100, 4
	const tenant = "outage"
	x := startExporter(t, e, nil)
	var wg sync.WaitGroup
	started := make(chan struct{}, batches)
	for w := range workers {
		wg.Go(func() {
			for b := w; b < batches; b += workers {
				started <- struct{}{}
				// The collector's receivers wait like this.
				assert.NoError(t, x.ConsumeLogs(context.Background(), batch(tenant, dataset, b*size, size)))
			}
		})
	}
	for range batches / 4 {
		<-started
	}
	require.NoError(t, end())
	time.Sleep(2 * time.Second) // for attempts that fail
	require.Less(t, len(started), batches*3/4-1, "nothing was left to send when Elasticsearch ended")
	require.NoError(t, e.Restart(context.Background()))
	wg.Wait()

	var got struct {
		Aggregations struct {
			IDs struct {
				Buckets []struct {
					Count int `json:"doc_count"`
				}
			} `json:"ids"`
		}
	}
	total, _ := search(t, c, schema.Logs(dataset, tenant), nil)
	assert.Equal(t, batches*size, total)
	require.NoError(t, c.DoJSON(context.Background(), "POST", "/"+schema.Logs(dataset, tenant)+"/_search", nil, map[string]any{
		"size": 0, "aggs": map[string]any{"ids": map[string]any{"terms": map[string]any{"field": "event.id", "size": 2 * batches * size}}},
	}, &got))
	assert.Len(t, got.Aggregations.IDs.Buckets, batches*size, "distinct ids")
	total, _ = searchMaybe(t, c, schema.Dead(tenant))
	assert.Zero(t, total, "an outage is no reason for a dead letter")
}

// testRoles: a user of one tenant's indices can neither read nor write
// another's, and a lack of rights makes records wait, not die.
func testRoles(t *testing.T, e *elastictest.Instance, c *client.Client) {
	ctx := context.Background()
	for _, tenant := range []string{"acme", "other"} {
		s := schema.NewSetup(c, schema.Options{})
		require.NoError(t, s.EnsureTenant(ctx, tenant))
		require.NoError(t, s.EnsureLogs(ctx, "acme.audit", tenant))
	}
	x := startExporter(t, e, func(c *esingestexporter.Config) {
		c.User, c.Password, c.Schema.Manage, c.Retry.Enabled = "acme", "acme-password", false, false
	})
	require.NoError(t, x.ConsumeLogs(ctx, batch("acme", "acme.audit", 0, 10)))
	err := x.ConsumeLogs(ctx, batch("other", "acme.audit", 0, 10))
	assert.ErrorContains(t, err, "not stored yet")
	total, _ := search(t, c, schema.Logs("acme.audit", "acme"), nil)
	assert.Equal(t, 10, total)
	for _, index := range []string{schema.Logs("acme.audit", "other"), schema.Dead("other")} {
		total, _ := searchMaybe(t, c, index)
		assert.Zero(t, total, index)
	}
}
