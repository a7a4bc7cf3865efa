package plugin

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/openmxdr/openmxdr/es-ingest/store"
)

// CheckHealth implements backend.CheckHealthHandler. It does what the pages
// do: connect, authenticate, read the tenant's incidents. The message says
// what is wrong and what to change.
func (in *instance) CheckHealth(ctx context.Context, _ *backend.CheckHealthRequest) (*backend.CheckHealthResult, error) {
	if in.broken != nil {
		return unhealthy("The settings are not complete: " + in.broken.Error()), nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	user, cluster, err := in.client.Ping(ctx)
	if err != nil {
		return unhealthy(in.config.diagnose(err)), nil
	}
	page, err := in.store.Incidents(ctx, in.config.tenant, store.IncidentFilter{}, store.Page{Size: 1})
	if err != nil {
		return unhealthy(in.config.diagnose(err)), nil
	}
	message := fmt.Sprintf("Connected to Elasticsearch; tenant %s has %d open incidents.", in.config.tenant, page.Total)
	details, err := json.Marshal(map[string]any{
		"cluster": cluster, "user": user, "tenant": in.config.tenant, "openIncidents": page.Total, "policyVersion": in.policies.Version(),
	})
	if err != nil {
		return nil, fmt.Errorf("encode health details: %w", err)
	}
	return &backend.CheckHealthResult{Status: backend.HealthStatusOk, Message: message, JSONDetails: details}, nil
}

func unhealthy(message string) *backend.CheckHealthResult {
	return &backend.CheckHealthResult{Status: backend.HealthStatusError, Message: message}
}
