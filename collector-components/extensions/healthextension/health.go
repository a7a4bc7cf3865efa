package healthextension

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sort"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensioncapabilities"
	"go.uber.org/zap"
)

// health serves 200 while the pipelines are ready and no component is in
// error, else 503; the body says which component reports what.
type health struct {
	cfg    *Config
	set    extension.Settings
	server *http.Server
	done   sync.WaitGroup

	mu         sync.Mutex
	ready      bool
	components map[string]*componentstatus.Event
}

var (
	_ extensioncapabilities.PipelineWatcher        = (*health)(nil)
	_ extensioncapabilities.ComponentStatusWatcher = (*health)(nil)
)

func newHealth(cfg *Config, set extension.Settings) *health {
	return &health{cfg: cfg, set: set, components: map[string]*componentstatus.Event{}}
}

// Start opens the endpoint; it answers 503 until the pipelines are ready.
func (h *health) Start(ctx context.Context, host component.Host) error {
	listener, err := h.cfg.ToListener(ctx)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", h.serve)
	h.server, err = h.cfg.ToServer(ctx, host.GetExtensions(), h.set.TelemetrySettings, mux)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	h.done.Go(func() {
		if err := h.server.Serve(listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
			h.set.Logger.Error("Health endpoint stopped", zap.Error(err))
		}
	})
	return nil
}

// Shutdown closes the endpoint and waits for requests under way.
func (h *health) Shutdown(ctx context.Context) error {
	if h.server == nil {
		return nil
	}
	err := h.server.Shutdown(ctx)
	h.done.Wait()
	return err
}

// Ready tells that all pipelines run.
func (h *health) Ready() error { return h.setReady(true) }

// NotReady tells that the receivers are about to stop.
func (h *health) NotReady() error { return h.setReady(false) }

func (h *health) setReady(ready bool) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ready = ready
	return nil
}

// Changed keeps the newest status of every component.
func (h *health) Changed(source *componentstatus.InstanceID, ev *componentstatus.Event) {
	name := strings.ToLower(source.Kind().String()) + ":" + source.ComponentID().String()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.components[name] = ev
}

type report struct {
	Status     string            `json:"status"`
	Components []componentReport `json:"unhealthy,omitempty"`
}

type componentReport struct {
	Component string    `json:"component"`
	Status    string    `json:"status"`
	Since     time.Time `json:"since"`
}

func (h *health) serve(w http.ResponseWriter, _ *http.Request) {
	r, code := h.report(time.Now())
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	if err := json.NewEncoder(w).Encode(r); err != nil {
		h.set.Logger.Debug("Health reply not written", zap.Error(err))
	}
}

// report leaves error texts out: they can hold addresses and payloads, and
// the endpoint has no login.
func (h *health) report(now time.Time) (report, int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := report{Status: "ok"}
	code := http.StatusOK
	if !h.ready {
		r.Status, code = "starting or stopping", http.StatusServiceUnavailable
	}
	for name, ev := range h.components {
		switch ev.Status() {
		case componentstatus.StatusRecoverableError:
			if h.cfg.RecoveryDuration == 0 || now.Sub(ev.Timestamp()) < h.cfg.RecoveryDuration {
				continue
			}
		case componentstatus.StatusPermanentError, componentstatus.StatusFatalError:
		default:
			continue
		}
		r.Components = append(r.Components, componentReport{name, ev.Status().String(), ev.Timestamp()})
		r.Status, code = "unhealthy", http.StatusServiceUnavailable
	}
	sort.Slice(r.Components, func(i, j int) bool { return r.Components[i].Component < r.Components[j].Component })
	return r, code
}
