// Package plugin is the backend of the Grafana app and of its data source. It
// reads incidents, signals and events of one tenant through es-ingest/store,
// lets people triage incidents, and says what authority the policies give to
// whom. It keeps no state of its own: everything lives in Elasticsearch.
//
// The backend is the only place where access is decided. Grafana lets viewers
// reach every resource, passes headers of clients on as they are, and its page
// is code in somebody's browser. So who asks is read from the plugin context
// only, and the tenant from the settings of the Grafana organization only.
package plugin

import (
	"context"
	"errors"
	"fmt"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/app"
	"github.com/grafana/grafana-plugin-sdk-go/backend/datasource"
	"github.com/grafana/grafana-plugin-sdk-go/backend/httpclient"
	"github.com/grafana/grafana-plugin-sdk-go/backend/instancemgmt"
	"github.com/grafana/grafana-plugin-sdk-go/backend/tracing"

	"github.com/openmxdr/openmxdr/rules/action"
	"github.com/openmxdr/openmxdr/rules/authority"
	"github.com/openmxdr/openmxdr/rules/content"
)

// The plugins that the binary serves.
const (
	AppID        = "openmxdr-app"
	DataSourceID = "openmxdr-datasource"
)

// Serve answers Grafana until it ends the process. Grafana runs the same
// binary for the app and for the data source and tells neither apart at start;
// every request says which of the two it is for.
func Serve() error {
	policies, err := startingPolicies()
	if err != nil {
		return err
	}
	backend.SetupPluginEnvironment(AppID)
	if err := backend.SetupTracer(AppID, tracing.Opts{}); err != nil {
		return fmt.Errorf("set up tracing: %w", err)
	}
	h := newHost(policies)
	return backend.Manage(AppID, backend.ServeOpts{
		CheckHealthHandler:  h,
		CallResourceHandler: h,
		QueryDataHandler:    h,
	})
}

// startingPolicies loads the policies and the catalogue in the binary.
func startingPolicies() (*authority.Policies, error) {
	catalogue, err := action.Parse("catalogue.yaml", content.ActionCatalogue())
	if err != nil {
		return nil, fmt.Errorf("action catalogue: %w", err)
	}
	policies, err := authority.Load(content.Authority(), catalogue)
	if err != nil {
		return nil, fmt.Errorf("authority policies: %w", err)
	}
	return policies, nil
}

// host hands every request to the instance of its app or data source.
type host struct {
	instances instancemgmt.InstanceManager
}

var (
	_ backend.CheckHealthHandler  = (*host)(nil)
	_ backend.CallResourceHandler = (*host)(nil)
	_ backend.QueryDataHandler    = (*host)(nil)
)

func newHost(policies *authority.Policies) *host {
	return &host{instances: instancemgmt.NewInstanceManagerWrapper(provider{
		app: app.NewInstanceProvider(func(ctx context.Context, s backend.AppInstanceSettings) (instancemgmt.Instance, error) {
			c, err := appConfig(s)
			opts, optsErr := connection(ctx, s.HTTPClientOptions)
			return newInstance(c, opts, policies, errors.Join(err, optsErr)), nil
		}),
		dataSource: datasource.NewInstanceProvider(func(ctx context.Context, s backend.DataSourceInstanceSettings) (instancemgmt.Instance, error) {
			c, err := dataSourceConfig(s)
			opts, optsErr := connection(ctx, s.HTTPClientOptions)
			return newInstance(c, opts, policies, errors.Join(err, optsErr)), nil
		}),
	})}
}

// connection reads TLS and proxy from the settings. The SDK panics when one of
// its members has another type than it expects.
func connection(ctx context.Context, read func(context.Context) (httpclient.Options, error)) (opts httpclient.Options, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the connection's settings cannot be read: %v", r)
		}
	}()
	if opts, err = read(ctx); err != nil {
		return opts, fmt.Errorf("the connection's settings: %w", err)
	}
	return opts, nil
}

// provider chooses between the SDK's providers for apps and for data sources.
type provider struct {
	app, dataSource instancemgmt.InstanceProvider
}

func (p provider) of(pc backend.PluginContext) instancemgmt.InstanceProvider {
	if pc.DataSourceInstanceSettings != nil {
		return p.dataSource
	}
	return p.app
}

// GetKey implements instancemgmt.InstanceProvider.
func (p provider) GetKey(ctx context.Context, pc backend.PluginContext) (any, error) {
	return p.of(pc).GetKey(ctx, pc)
}

// NeedsUpdate implements instancemgmt.InstanceProvider.
func (p provider) NeedsUpdate(ctx context.Context, pc backend.PluginContext, cached instancemgmt.CachedInstance) bool {
	return p.of(pc).NeedsUpdate(ctx, pc, cached)
}

// NewInstance implements instancemgmt.InstanceProvider.
func (p provider) NewInstance(ctx context.Context, pc backend.PluginContext) (instancemgmt.Instance, error) {
	return p.of(pc).NewInstance(ctx, pc)
}

func (h *host) instance(ctx context.Context, pc backend.PluginContext) (*instance, error) {
	got, err := h.instances.Get(ctx, pc)
	if err != nil {
		return nil, fmt.Errorf("the plugin is not configured: %w", err)
	}
	in, ok := got.(*instance)
	if !ok {
		return nil, fmt.Errorf("instance of type %T, want %T", got, in)
	}
	return in, nil
}

// CheckHealth implements backend.CheckHealthHandler.
func (h *host) CheckHealth(ctx context.Context, req *backend.CheckHealthRequest) (*backend.CheckHealthResult, error) {
	in, err := h.instance(ctx, req.PluginContext)
	if err != nil {
		return &backend.CheckHealthResult{Status: backend.HealthStatusError, Message: err.Error()}, nil
	}
	return in.CheckHealth(ctx, req)
}

// CallResource implements backend.CallResourceHandler.
func (h *host) CallResource(ctx context.Context, req *backend.CallResourceRequest, sender backend.CallResourceResponseSender) error {
	in, err := h.instance(ctx, req.PluginContext)
	if err != nil {
		return sendError(sender, errNotConfigured(err))
	}
	return in.CallResource(ctx, req, sender)
}

// QueryData implements backend.QueryDataHandler.
func (h *host) QueryData(ctx context.Context, req *backend.QueryDataRequest) (*backend.QueryDataResponse, error) {
	in, err := h.instance(ctx, req.PluginContext)
	if err != nil {
		return nil, err
	}
	return in.QueryData(ctx, req)
}
