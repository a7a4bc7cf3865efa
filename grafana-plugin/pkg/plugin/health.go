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
// what is wrong and what to change; whoever is not an administrator learns only that
// something is wrong, because the reasons hold addresses and names of indices.
func (in *instance) CheckHealth(ctx context.Context, req *backend.CheckHealthRequest) (*backend.CheckHealthResult, error) {
	result, err := in.health(ctx)
	if u := req.PluginContext.User; err == nil && (u == nil || u.Role != roleAdmin) {
		result.JSONDetails = nil
		if result.Status != backend.HealthStatusOk {
			result.Message = "The connection to Elasticsearch does not work. An administrator sees why when testing it."
		}
	}
	return result, err
}

func (in *instance) health(ctx context.Context) (*backend.CheckHealthResult, error) {
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
