package plugin

import (
	"context"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/httpclient"
	"github.com/grafana/grafana-plugin-sdk-go/backend/resource/httpadapter"

	"github.com/openmxdr/openmxdr/es-ingest/client"
	"github.com/openmxdr/openmxdr/es-ingest/store"
	"github.com/openmxdr/openmxdr/rules/authority"
)

// incidentStore is what the backend needs of es-ingest/store.
type incidentStore interface {
	Incidents(ctx context.Context, tenant string, f store.IncidentFilter, p store.Page) (store.IncidentPage, error)
	Incident(ctx context.Context, tenant, id string) (store.Incident, error)
	UpdateTriage(ctx context.Context, tenant, id, version, by string, change store.TriageChange) (store.Incident, error)
	Signals(ctx context.Context, tenant string, f store.SignalFilter, p store.Page) (store.SignalPage, error)
	EventsByID(ctx context.Context, tenant string, refs []store.EventRef) ([]store.Event, error)
	IncidentHistogram(ctx context.Context, tenant string, f store.IncidentFilter, by string, interval time.Duration) ([]store.Series, error)
	SignalHistogram(ctx context.Context, tenant string, f store.SignalFilter, by string, interval time.Duration) ([]store.Series, error)
	EventHistogram(ctx context.Context, tenant string, span store.TimeRange, by string, interval time.Duration) ([]store.Series, error)
	IncidentCounts(ctx context.Context, tenant string, f store.IncidentFilter, by string, size int) ([]store.Count, error)
	SignalCounts(ctx context.Context, tenant string, f store.SignalFilter, by string, size int) ([]store.Count, error)
}

// maxAnswer bounds what the backend reads from Elasticsearch for one request.
const maxAnswer = 64 << 20

// instance is the app in one Grafana organization, or one data source. Grafana
// makes a new one when the settings change. It is safe for concurrent use.
type instance struct {
	config   config
	client   *client.Client
	store    incidentStore
	policies *authority.Policies
	now      func() time.Time
	// broken says what is wrong with the settings; nothing else works then.
	broken error

	resources backend.CallResourceHandler
}

// newInstance connects nothing yet. Wrong settings give an instance that says
// so, because an error here would reach people as an unexplained failure.
func newInstance(c config, opts httpclient.Options, policies *authority.Policies, settingsErr error) *instance {
	in := &instance{config: c, policies: policies, now: time.Now, broken: settingsErr}
	in.resources = httpadapter.New(in.routes())
	if in.broken != nil {
		return in
	}
	// The client signs requests itself; Grafana's options bring TLS and proxy.
	opts.BasicAuth = nil
	transport, err := httpclient.GetTransport(opts)
	if err != nil {
		in.broken = err
		return in
	}
	in.client, in.broken = client.New(client.Config{
		Endpoints:        c.endpoints,
		User:             c.user,
		Password:         client.Secret(c.password),
		APIKey:           client.Secret(c.apiKey),
		Timeout:          25 * time.Second, // Grafana gives up after 30
		MaxResponseBytes: maxAnswer,
		Transport:        transport,
	})
	if in.broken == nil {
		in.store = store.New(in.client)
	}
	return in
}

// Dispose implements instancemgmt.InstanceDisposer.
func (in *instance) Dispose() {
	if in.client != nil {
		in.client.Close()
	}
}

// CallResource implements backend.CallResourceHandler.
func (in *instance) CallResource(ctx context.Context, req *backend.CallResourceRequest, sender backend.CallResourceResponseSender) error {
	if len(req.Body) > maxBody {
		return sendError(sender, errTooLarge())
	}
	return in.resources.CallResource(ctx, req, sender)
}
