//go:build unix

package plugin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/grpcplugin"
	"github.com/grafana/grafana-plugin-sdk-go/genproto/pluginv2"
	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/stretchr/testify/require"

	"github.com/openmxdr/openmxdr/internal/elastictest"
)

func TestMain(m *testing.M) {
	code := elastictest.Run(m)
	if binary.dir != "" {
		_ = os.RemoveAll(binary.dir)
	}
	os.Exit(code)
}

// binary is the plugin as it ships, built once for all tests.
var binary struct {
	once      sync.Once
	dir, path string
	err       error
}

func built(t testing.TB) string {
	t.Helper()
	binary.once.Do(func() {
		if binary.dir, binary.err = os.MkdirTemp("", "gpx"); binary.err != nil {
			return
		}
		binary.path = filepath.Join(binary.dir, "gpx_openmxdr")
		out, err := exec.Command("go", "build", "-o", binary.path, "..").CombinedOutput()
		if err != nil {
			binary.err = fmt.Errorf("build the plugin: %w\n%s", err, out)
		}
	})
	require.NoError(t, binary.err)
	return binary.path
}

// process is a running plugin, driven over go-plugin's gRPC as Grafana does.
type process struct {
	t         testing.TB
	client    *goplugin.Client
	resources grpcplugin.ResourceClient
	queries   grpcplugin.DataClient
	health    grpcplugin.DiagnosticsClient
	log       *lockedBuffer
}

// lockedBuffer collects what the plugin logs.
type lockedBuffer struct {
	sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.Lock()
	defer b.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) text() string {
	b.Lock()
	defer b.Unlock()
	return b.String()
}

func start(t testing.TB) *process {
	t.Helper()
	log := &lockedBuffer{}
	c := goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig: goplugin.HandshakeConfig{
			ProtocolVersion: grpcplugin.ProtocolVersion, MagicCookieKey: grpcplugin.MagicCookieKey, MagicCookieValue: grpcplugin.MagicCookieValue,
		},
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		VersionedPlugins: map[int]goplugin.PluginSet{grpcplugin.ProtocolVersion: {
			"diagnostics": &grpcplugin.DiagnosticsGRPCPlugin{}, "resource": &grpcplugin.ResourceGRPCPlugin{}, "data": &grpcplugin.DataGRPCPlugin{},
		}},
		Cmd:    exec.Command(built(t)),
		Logger: hclog.New(&hclog.LoggerOptions{Level: hclog.Debug, Output: log}),
		Stderr: log,
	})
	t.Cleanup(c.Kill)
	conn, err := c.Client()
	require.NoError(t, err)
	p := &process{t: t, client: c, log: log}
	for name, into := range map[string]func(any){
		"diagnostics": func(v any) { p.health = v.(grpcplugin.DiagnosticsClient) },
		"resource":    func(v any) { p.resources = v.(grpcplugin.ResourceClient) },
		"data":        func(v any) { p.queries = v.(grpcplugin.DataClient) },
	} {
		v, err := conn.Dispense(name)
		require.NoError(t, err)
		into(v)
	}
	return p
}

// org is one Grafana organization with its settings.
type org struct {
	id     int64
	json   map[string]any
	secure map[string]string
}

// as is the plugin context of the app in the organization.
func (o org) as(u *backend.User) backend.PluginContext {
	text, err := json.Marshal(o.json)
	if err != nil {
		panic(err)
	}
	//lint:ignore SA1019 Grafana 10.1 has no namespace and tells organizations apart by OrgID
	return backend.PluginContext{OrgID: o.id, PluginID: AppID, User: u, AppInstanceSettings: &backend.AppInstanceSettings{
		JSONData: text, DecryptedSecureJSONData: o.secure, Updated: time.Unix(1_700_000_000, 0),
	}}
}

// source is the plugin context of a data source with the same settings.
func (o org) source(u *backend.User) backend.PluginContext {
	pc := o.as(u)
	//lint:ignore SA1019 as above
	return backend.PluginContext{OrgID: o.id, PluginID: DataSourceID, User: u, DataSourceInstanceSettings: &backend.DataSourceInstanceSettings{
		ID: o.id, UID: fmt.Sprint("ds", o.id), Type: DataSourceID, Name: "OpenMXDR",
		JSONData: pc.AppInstanceSettings.JSONData, DecryptedSecureJSONData: o.secure, Updated: time.Unix(1_700_000_000, 0),
	}}
}

// answer is what a resource answered.
type answer struct {
	status  int
	body    []byte
	headers map[string][]string
}

func (a answer) into(t testing.TB, v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(a.body))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(v), "%s", a.body)
}

func (a answer) code(t testing.TB) string {
	t.Helper()
	var e ErrorBody
	a.into(t, &e)
	require.NotEmpty(t, e.Error.Message)
	return e.Error.Code
}

// call asks a resource as Grafana does: url is path and query.
func (p *process) call(pc backend.PluginContext, method, url string, body []byte, headers map[string][]string) (answer, error) {
	path, _, _ := strings.Cut(url, "?")
	if headers == nil {
		headers = map[string][]string{"Content-Type": {"application/json"}}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	stream, err := p.resources.CallResource(ctx, backend.ToProto().CallResourceRequest(&backend.CallResourceRequest{
		PluginContext: pc, Method: method, Path: path, URL: url, Body: body, Headers: headers,
	}))
	if err != nil {
		return answer{}, err
	}
	var a answer
	for {
		part, err := stream.Recv()
		if err == io.EOF {
			return a, nil
		}
		if err != nil {
			return a, err
		}
		r := backend.FromProto().CallResourceResponse(part)
		if r.Status != 0 {
			a.status, a.headers = r.Status, r.Headers
		}
		a.body = append(a.body, r.Body...)
	}
}

func (p *process) get(pc backend.PluginContext, url string) answer {
	p.t.Helper()
	a, err := p.call(pc, http.MethodGet, url, nil, nil)
	require.NoError(p.t, err)
	return a
}

func (p *process) post(pc backend.PluginContext, url string, body any) answer {
	p.t.Helper()
	text, err := json.Marshal(body)
	require.NoError(p.t, err)
	a, err := p.call(pc, http.MethodPost, url, text, nil)
	require.NoError(p.t, err)
	return a
}

func (p *process) check(pc backend.PluginContext) *backend.CheckHealthResult {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	res, err := p.health.CheckHealth(ctx, &pluginv2.CheckHealthRequest{PluginContext: backend.ToProto().PluginContext(pc)})
	require.NoError(p.t, err)
	return &backend.CheckHealthResult{Status: backend.HealthStatus(res.Status), Message: res.Message, JSONDetails: res.JsonDetails}
}

func (p *process) query(pc backend.PluginContext, queries ...backend.DataQuery) (*backend.QueryDataResponse, error) {
	p.t.Helper()
	for i := range queries {
		if queries[i].RefID == "" {
			queries[i].RefID = string(rune('A' + i))
		}
		if queries[i].TimeRange.To.IsZero() {
			queries[i].TimeRange = backend.TimeRange{From: day.Add(-24 * time.Hour), To: day.Add(24 * time.Hour)}
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	res, err := p.queries.QueryData(ctx, backend.ToProto().QueryDataRequest(&backend.QueryDataRequest{PluginContext: pc, Queries: queries}))
	if err != nil {
		return nil, err
	}
	return backend.FromProto().QueryDataResponse(res)
}

// The users of the tests.
var (
	viewer    = &backend.User{Login: "vera", Name: "Vera", Role: "Viewer"}
	editor    = &backend.User{Login: "eddy", Name: "Eddy", Role: "Editor"}
	admin     = &backend.User{Login: "ada", Name: "Ada", Role: "Admin"}
	robot     = &backend.User{Login: "sa-1-robot", Name: "Robot", Role: "Admin"}
	anonymous = &backend.User{Login: "", Name: "", Role: "Admin"}
)
