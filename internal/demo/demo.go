//go:build unix

// Package demo shows the whole way once: a made-up company's logs go through
// the real collector into a real Elasticsearch, an attack is planted, and the
// incident that it becomes is printed with who may do what about it.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/openmxdr/openmxdr/es-ingest/client"
	"github.com/openmxdr/openmxdr/es-ingest/store"
	"github.com/openmxdr/openmxdr/internal/collectorproc"
	"github.com/openmxdr/openmxdr/internal/elastictest"
	"github.com/openmxdr/openmxdr/internal/simulate"
)

// Options of a run. The zero value starts everything itself.
type Options struct {
	Collector string // path of mxdr-collector; needed unless OTLP is set
	Config    string // the collector's configuration; likewise
	OTLP      string // URL of a running collector's OTLP/HTTP receiver
	URL       string // of a running Elasticsearch
	User      string
	Password  client.Secret
	Tenant    string // default "demo"
	Days      int    // of ordinary life; default 15
	Staff     int    // default 12
	Seed      uint64
	Keep      bool // leave everything running until ctx ends
	Out       io.Writer
}

// ingestTime is how long the slowest machine may take for the history.
const ingestTime = 5 * time.Minute

// incidentTime is how long the incident may take.
const incidentTime = 60 * time.Second

// Run runs the demo. It fails if the attack does not end in exactly one
// incident of high confidence with three signals from three domains.
func Run(ctx context.Context, o Options) error {
	o = o.withDefaults()
	dir, err := os.MkdirTemp("", "mxdr-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if o.URL == "" {
		o.say("==> starting a real Elasticsearch")
		es, err := elastictest.Start(ctx, elastictest.Options{Progress: o.Out})
		if err != nil {
			return err
		}
		defer func() { _ = es.Close() }()
		o.URL, o.User, o.Password = es.URL, es.User, client.Secret(es.Password)
		o.say("    %s", o.URL)
	}
	if o.OTLP == "" {
		o.say("==> starting the collector")
		collector, err := o.startCollector(ctx, dir)
		if err != nil {
			return err
		}
		defer func() { _ = collector.Stop() }()
		o.OTLP = collector.OTLP
		o.say("    %s", o.OTLP)
	}
	es, err := client.New(client.Config{Endpoints: []string{o.URL}, User: o.User, Password: o.Password})
	if err != nil {
		return err
	}
	defer es.Close()
	incident, err := o.play(ctx, store.New(es))
	if err != nil {
		return err
	}
	if err := print(o.Out, incident, o.Tenant); err != nil {
		return err
	}
	if o.Keep {
		o.say("\nRunning until you press Ctrl-C: Elasticsearch %s (user %s, password %s), OTLP %s", o.URL, o.User, string(o.Password), o.OTLP)
		<-ctx.Done()
	}
	return nil
}

func (o Options) withDefaults() Options {
	if o.Tenant == "" {
		o.Tenant = "demo"
	}
	if o.Days == 0 {
		o.Days = 15
	}
	if o.Staff == 0 {
		o.Staff = 12
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
	return o
}

func (o Options) say(format string, args ...any) { fmt.Fprintf(o.Out, format+"\n", args...) }

func (o Options) startCollector(ctx context.Context, dir string) (*collectorproc.Process, error) {
	config, err := filepath.Abs(o.Config)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return collectorproc.Start(ctx, collectorproc.Options{
		Binary: o.Collector, Config: config, Dir: dir,
		Env: map[string]string{
			"MXDR_ELASTICSEARCH_URL": o.URL, "MXDR_ELASTICSEARCH_USER": o.User,
			"MXDR_ELASTICSEARCH_PASSWORD": string(o.Password), "MXDR_TENANT": o.Tenant,
		},
	})
}

// play sends the company's life, then the attack, and waits for the incident.
func (o Options) play(ctx context.Context, incidents *store.Store) (*store.Incident, error) {
	records, err := simulate.Company(simulate.Options{
		Seed: o.Seed, End: time.Now().Truncate(time.Second), Days: o.Days, Staff: o.Staff, Attack: true,
	})
	if err != nil {
		return nil, err
	}
	history, attack := split(records)
	o.say("==> %d days in the life of %d people: %d raw records of Okta, Microsoft 365, AWS, Windows and Zeek", o.Days, o.Staff, len(history))
	started := time.Now()
	sending, cancel := context.WithTimeout(ctx, ingestTime)
	defer cancel()
	if err := collectorproc.Send(sending, o.OTLP, history); err != nil {
		return nil, err
	}
	o.say("    taken in after %s", time.Since(started).Round(10*time.Millisecond))
	if before, err := incidents.Incidents(ctx, o.Tenant, store.IncidentFilter{}, store.Page{Size: 1}); err == nil && before.Total > 0 {
		return nil, fmt.Errorf("ordinary life alone made %d incidents, the first being %q", before.Total, before.Incidents[0].Title)
	}
	o.say("==> the attack: %d records (a sign-in from abroad, an inbox rule, sixty downloads)", len(attack))
	started = time.Now()
	if err := collectorproc.Send(sending, o.OTLP, attack); err != nil {
		return nil, err
	}
	waiting, cancel := context.WithTimeout(ctx, incidentTime)
	defer cancel()
	found, first, err := await(waiting, incidents, o.Tenant, started)
	if err != nil {
		return nil, err
	}
	o.say("    first readable in Elasticsearch %s after the first record was sent", first.Round(10*time.Millisecond))
	return found, nil
}

func split(records []simulate.Record) (history, attack [][]byte) {
	for _, r := range records {
		if r.Chain == "" {
			history = append(history, r.Raw)
		} else {
			attack = append(attack, r.Raw)
		}
	}
	return history, attack
}

// await polls until there is exactly one incident and it is complete. It also
// returns how long after started the first incident could be read.
func await(ctx context.Context, incidents *store.Store, tenant string, started time.Time) (*store.Incident, time.Duration, error) {
	var first time.Duration
	var last error
	for {
		page, err := incidents.Incidents(ctx, tenant, store.IncidentFilter{}, store.Page{Size: 10})
		switch {
		case err != nil:
			last = err
		case page.Total == 0:
			last = errors.New("no incident yet")
		default:
			if first == 0 {
				first = time.Since(started)
			}
			if last = complete(page); last == nil {
				whole, err := incidents.Incident(ctx, tenant, page.Incidents[0].ID)
				if err == nil {
					return &whole, first, nil
				}
				last = err
			}
		}
		select {
		case <-ctx.Done():
			return nil, 0, fmt.Errorf("the incident did not come as it should: %w", last)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func complete(page store.IncidentPage) error {
	in := page.Incidents[0]
	domains := map[string]bool{}
	for _, s := range in.Signals {
		domains[s.Domain] = true
	}
	switch {
	case page.Total != 1:
		return fmt.Errorf("there are %d incidents, want one", page.Total)
	case len(in.Signals) != 3:
		return fmt.Errorf("incident %q has %d signals, want three", in.Title, len(in.Signals))
	case len(domains) != 3:
		return fmt.Errorf("incident %q has signals of %d domains, want three", in.Title, len(domains))
	case in.Confidence != "high":
		return fmt.Errorf("incident %q has %s confidence, want high", in.Title, in.Confidence)
	}
	return nil
}
