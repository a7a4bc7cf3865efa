package sigmaprocessor

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"
	"go.uber.org/zap"

	"github.com/openmxdr/openmxdr/collector-components/internal/stateful"
	"github.com/openmxdr/openmxdr/collector-components/processors/sigmaprocessor/internal/metadata"
	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/internal/stage"
	"github.com/openmxdr/openmxdr/rules/sigma/correlation"
)

// detector is the stateful processor around the Sigma stage, with rules that
// are read again when their files change.
type detector struct {
	*stateful.Processor
	sigma   *stage.Sigma
	fields  *event.Fields
	sources stage.DetectionSources
	logger  *zap.Logger
	metrics *metadata.TelemetryBuilder
	every   time.Duration

	stop    context.CancelFunc
	stopped sync.WaitGroup
}

func newDetector(set processor.Settings, cfg *Config, next consumer.Logs) (*detector, error) {
	metrics, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	d := &detector{
		fields: event.NewFields(), logger: set.Logger, metrics: metrics, every: cfg.ReloadInterval,
		sources: stage.DetectionSources{
			Shipped: cfg.ShippedRules, Rules: cfg.Rules, FieldMaps: cfg.FieldMaps, Placeholders: cfg.Placeholders,
		},
	}
	detections, err := d.sources.Load(d.fields)
	if err != nil {
		return nil, fmt.Errorf("sigma: %w", err)
	}
	d.report(detections)
	d.sigma, err = stage.NewSigma(detections, d.fields, correlation.Options{Lateness: cfg.Lateness, MaxBytes: cfg.MaxStateMiB << 20})
	if err != nil {
		return nil, fmt.Errorf("sigma: %w", err)
	}
	d.Processor = stateful.New(set, cfg.Storage, d.sigma, d.fields, next, d.count)
	return d, nil
}

// Start brings the state back and begins to watch the rules.
func (d *detector) Start(ctx context.Context, host component.Host) error {
	if err := d.Processor.Start(ctx, host); err != nil {
		return err
	}
	background, stop := context.WithCancel(context.Background())
	d.stop = stop
	if d.every > 0 && d.sources.Watched() {
		d.stopped.Go(func() { d.watch(background) })
	}
	return nil
}

// Shutdown stops watching and writes the state.
func (d *detector) Shutdown(ctx context.Context) error {
	if d.stop != nil {
		d.stop()
		d.stopped.Wait()
	}
	d.metrics.Shutdown()
	return d.Processor.Shutdown(ctx)
}

func (d *detector) watch(ctx context.Context) {
	tick := time.NewTicker(d.every)
	defer tick.Stop()
	before, err := d.sources.Fingerprint()
	if err != nil {
		d.logger.Error("Rules cannot be read", zap.Error(err))
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now, err := d.sources.Fingerprint()
		if err != nil {
			d.logger.Error("Rules cannot be read; those loaded before stay in force", zap.Error(err))
			continue
		}
		if now == before {
			continue
		}
		before = now
		d.reload()
	}
}

func (d *detector) reload() {
	detections, err := d.sources.Load(d.fields)
	if err == nil {
		err = d.Exclusive(func() error { return d.sigma.Reload(detections) })
	}
	if err != nil {
		d.logger.Error("Changed rules not loaded; those before stay in force", zap.Error(err))
		return
	}
	d.report(detections)
}

// report names every rule that was left out.
func (d *detector) report(detections *stage.Detections) {
	single, correlations := detections.Rules()
	d.logger.Info("Rules loaded", zap.Int("rules", single), zap.Int("correlations", correlations), zap.Int("left_out", len(detections.Problems)))
	for _, p := range detections.Problems {
		d.logger.Warn("Rule left out", zap.Error(p))
	}
}

func (d *detector) count(ctx context.Context, grown map[string]int64) {
	d.metrics.SigmaEvents.Add(ctx, grown["events"])
	d.metrics.SigmaSignals.Add(ctx, grown["signals"])
	d.metrics.SigmaLateEvents.Add(ctx, grown["late_events"])
	d.metrics.SigmaEvictions.Add(ctx, grown["evictions"])
}
