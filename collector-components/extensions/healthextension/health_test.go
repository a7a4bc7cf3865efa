package healthextension

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pipeline"

	"github.com/openmxdr/openmxdr/collector-components/extensions/healthextension/internal/metadata"
)

func TestStatusFollowsComponents(t *testing.T) {
	cfg := defaultConfig()
	cfg.RecoveryDuration = time.Minute
	h := newHealth(cfg, extensiontest.NewNopSettings(metadata.Type))
	exporter := componentstatus.NewInstanceID(component.MustNewID("es_ingest"), component.KindExporter, pipeline.NewID(pipeline.SignalLogs))

	status := func(at time.Time) int { _, code := h.report(at); return code }
	now := time.Now()
	require.Equal(t, http.StatusServiceUnavailable, status(now), "before the pipelines are ready")
	require.NoError(t, h.Ready())
	require.Equal(t, http.StatusOK, status(now))

	h.Changed(exporter, componentstatus.NewRecoverableErrorEvent(errors.New("secret address")))
	require.Equal(t, http.StatusOK, status(now), "a recoverable error that just began")
	require.Equal(t, http.StatusServiceUnavailable, status(now.Add(2*time.Minute)), "one that lasts")
	h.Changed(exporter, componentstatus.NewEvent(componentstatus.StatusOK))
	require.Equal(t, http.StatusOK, status(now.Add(2*time.Minute)), "recovered")

	h.Changed(exporter, componentstatus.NewPermanentErrorEvent(errors.New("secret address")))
	r, code := h.report(now)
	require.Equal(t, http.StatusServiceUnavailable, code)
	require.Equal(t, "exporter:es_ingest", r.Components[0].Component)
	h.Changed(exporter, componentstatus.NewEvent(componentstatus.StatusOK))
	require.NoError(t, h.NotReady())
	require.Equal(t, http.StatusServiceUnavailable, status(now), "while stopping")
}

func TestEndpoint(t *testing.T) {
	cfg := defaultConfig()
	cfg.NetAddr.Endpoint = "127.0.0.1:0"
	h := newHealth(cfg, extensiontest.NewNopSettings(metadata.Type))
	require.NoError(t, h.Start(context.Background(), componenttest.NewNopHost()))
	require.NoError(t, h.Shutdown(context.Background()))
}

func TestConfigErrorsNameTheField(t *testing.T) {
	cfg := defaultConfig()
	cfg.NetAddr.Endpoint = ""
	cfg.RecoveryDuration = -1
	err := cfg.Validate()
	require.ErrorContains(t, err, "endpoint")
	require.ErrorContains(t, err, "recovery_duration")
	require.NoError(t, defaultConfig().Validate())
}
