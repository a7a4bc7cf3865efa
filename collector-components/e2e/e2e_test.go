//go:build unix

package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/openmxdr/openmxdr/es-ingest/client"
	"github.com/openmxdr/openmxdr/internal/collectorproc"
	"github.com/openmxdr/openmxdr/internal/demo"
	"github.com/openmxdr/openmxdr/internal/elastictest"
)

// TestMicrosoft365 sends a real tenant's log twice: every record is there
// once, none failed, and the second time adds neither events nor signals.
func TestMicrosoft365(t *testing.T) {
	records := testdata(t, "m365-unified-audit/2021-05.ndjson.gz")
	require.Len(t, records, 5373)
	p := newPipeline(t, elastictest.Shared(t))
	started := time.Now()
	p.send(records)
	t.Logf("all records acknowledged after %s", time.Since(started))
	require.Equal(t, 5373, p.events())
	require.Zero(t, p.errors())
	require.Zero(t, p.dead())
	signals, incidents := p.signals(), p.incidents()
	require.NotZero(t, signals)
	for _, planted := range []string{
		"Inbox rule forwards mail outside", "Mailbox forwarded outside",
		"Consent to an application that asks for mail or files", "Full access to a mailbox granted",
	} {
		require.NotZero(t, p.count("mxdr-signals-"+p.tenant, term("rule.name", planted)), "no signal: %s", planted)
	}

	p.send(records)
	require.Equal(t, 5373, p.events(), "events after the second time")
	require.Equal(t, signals, p.signals(), "signals after the second time")
	require.Equal(t, incidents, p.incidents(), "incidents after the second time")
	require.Zero(t, p.dead())
	t.Logf("%d signals, %d incidents", signals, len(incidents))
}

// TestHostileRecords: each ends as one counted pipeline_error document, or
// is refused with a clear error; the records around it arrive.
func TestHostileRecords(t *testing.T) {
	p := newPipeline(t, elastictest.Shared(t))
	var many strings.Builder
	many.WriteString(`{"uuid":"x"`)
	for i := range 10_000 {
		fmt.Fprintf(&many, `,"field%d":"v"`, i)
	}
	many.WriteString("}")
	hostile := [][]byte{
		[]byte(`{"uuid":"broken","published":`),
		[]byte(`{"uuid":"long","displayMessage":"` + strings.Repeat("A", 5<<20) + `"}`),
		[]byte("\xff\xfe\xfd not UTF-8"),
		[]byte(many.String()),
		[]byte(`{"uuid":"when","published":"not a time","eventType":"user.session.start"}`),
		[]byte(`["a","list"]`),
		[]byte(`42`),
	}
	var batch [][]byte
	for i, h := range hostile {
		batch = append(batch, oktaRecord(i), h)
	}
	batch = append(batch, oktaRecord(len(hostile)))
	p.send(batch)
	good := p.count("logs-okta.system-"+p.tenant, term("event.kind", "event"))
	require.Equal(t, len(hostile)+1, good, "the records around the hostile ones")
	// A list of two texts is two records.
	require.Equal(t, len(hostile)+1, p.errors()+p.dead())
	require.Zero(t, p.dead())
}

// TestElasticsearchStops for a minute in the middle: afterwards every record
// is there once.
func TestElasticsearchStops(t *testing.T) {
	es := elastictest.Own(t, elastictest.Options{})
	p := newPipeline(t, es)
	const total, outage = 3000, time.Minute
	var sent sync.WaitGroup
	var failed error
	sent.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
		defer cancel()
		for i := 0; i < total && failed == nil; i += 50 {
			var batch [][]byte
			for j := i; j < i+50; j++ {
				batch = append(batch, oktaRecord(j))
			}
			failed = collectorproc.Send(ctx, p.collector.OTLP, batch)
		}
	})
	time.Sleep(300 * time.Millisecond)
	require.NoError(t, es.Stop())
	time.Sleep(outage)
	require.NoError(t, es.Restart(context.Background()))
	sent.Wait()
	require.NoError(t, failed)
	require.Equal(t, total, p.events())
	require.Zero(t, p.errors()+p.dead())
}

// TestKilledCollector is killed again and again while a real log comes in.
// The final documents are those of a run without disturbance.
func TestKilledCollector(t *testing.T) {
	records := testdata(t, "m365-unified-audit/2021-05.ndjson.gz")
	es := elastictest.Shared(t)
	calm := newPipeline(t, es)
	calm.send(records)
	want := calm.incidents()

	p := newPipeline(t, es)
	rng := rand.New(rand.NewPCG(1, 2))
	kills := 0
	for len(records) > 0 {
		n := min(400, len(records))
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		done := make(chan error, 1)
		go func() { done <- collectorproc.Send(ctx, p.collector.OTLP, records[:n]) }()
		var err error
		if kills < 8 && rng.IntN(2) == 0 {
			time.Sleep(time.Duration(rng.IntN(250)) * time.Millisecond)
			require.NoError(t, p.collector.Kill())
			kills++
			cancel()
			err = <-done
			p.start()
		} else {
			err = <-done
			cancel()
		}
		if err == nil {
			records = records[n:]
		}
	}
	require.NotZero(t, kills)
	require.Equal(t, 5373, p.events())
	require.Equal(t, calm.signals(), p.signals())
	got := p.incidents()
	require.Equal(t, withoutTenant(want), withoutTenant(got))
	t.Logf("%d kills, %d incidents", kills, len(got))
}

// withoutTenant keeps what does not depend on the tenant. Ids do, and with them
// the order of what happened in the same instant.
func withoutTenant(list []essence) []string {
	var out []string
	for _, e := range list {
		out = append(out, fmt.Sprintf("%s, confidence %s, score %.0f, %d signals, %d edges", e.State, e.Confidence, e.Score, len(e.Signals), len(e.Edges)))
	}
	return out
}

// TestDemo is the main job: one attack, one incident, in seconds.
func TestDemo(t *testing.T) {
	es := elastictest.Shared(t)
	var out strings.Builder
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	err := demo.Run(ctx, demo.Options{
		Collector: collectorBinary(t), Config: "../../examples/quickstart/collector.yaml",
		URL: es.URL, User: es.User, Password: client.Secret(es.Password), Tenant: es.Tenant(t), Out: &out,
	})
	require.NoError(t, err, out.String())
	t.Log(out.String())
}

// TestHealth: the endpoint answers, and tells nothing that is not its business.
func TestHealth(t *testing.T) {
	p := newPipeline(t, elastictest.Shared(t))
	res, err := http.Get(p.collector.Health)
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.NoError(t, p.collector.Stop())
	_, err = http.Get(p.collector.Health)
	require.Error(t, err)
	require.False(t, errors.Is(err, context.Canceled))
}
