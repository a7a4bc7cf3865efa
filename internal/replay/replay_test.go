package replay

import (
	"bufio"
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openmxdr/openmxdr/internal/simulate"
	"github.com/openmxdr/openmxdr/internal/stage"
)

// company writes a company's life, one file a source, and returns the files.
func company(t *testing.T, attack bool, change func([][]byte) [][]byte) []string {
	t.Helper()
	records, err := simulate.Company(simulate.Options{
		Seed: 3, End: time.Date(2026, 3, 20, 16, 0, 0, 0, time.UTC), Days: 15, Staff: 12, Attack: attack,
	})
	if err != nil {
		t.Fatal(err)
	}
	bySource := map[simulate.Source][][]byte{}
	for _, r := range records {
		bySource[r.Source] = append(bySource[r.Source], r.Raw)
	}
	dir := t.TempDir()
	var files []string
	for _, s := range []simulate.Source{simulate.Zeek, simulate.M365, simulate.Windows, simulate.Okta, simulate.CloudTrail} {
		name := filepath.Join(dir, string(s)+".ndjson")
		if err := os.WriteFile(name, bytes.Join(change(bySource[s]), []byte("\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, name)
	}
	return files
}

func asIs(lines [][]byte) [][]byte { return lines }

func run(t *testing.T, o Options) *Result {
	t.Helper()
	o.Rules = stage.DetectionSources{Shipped: true}
	r, err := Run(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func lines(t *testing.T, name string) []map[string]any {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []map[string]any
	scan := bufio.NewScanner(f)
	scan.Buffer(nil, 1<<24)
	for scan.Scan() {
		var m map[string]any
		if err := json.Unmarshal(scan.Bytes(), &m); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out = append(out, m)
	}
	return out
}

func TestAttackBecomesOneIncident(t *testing.T) {
	out := t.TempDir()
	r := run(t, Options{Files: company(t, true, asIs), Out: out})
	if len(r.Incidents) != 1 || r.Incidents[0].Confidence != "high" || len(r.Incidents[0].Domains) != 3 || len(r.Errors) != 0 {
		t.Fatalf("%d incidents, errors %v", len(r.Incidents), r.Errors)
	}
	if events := lines(t, filepath.Join(out, "events.ndjson")); len(events) != r.Events {
		t.Errorf("%d lines of events, want %d", len(events), r.Events)
	}
	if signals := lines(t, filepath.Join(out, "signals.ndjson")); len(signals) != len(r.Signals) {
		t.Errorf("%d lines of signals, want %d", len(signals), len(r.Signals))
	}
	incidents := lines(t, filepath.Join(out, "incidents.ndjson"))
	if len(incidents) != 1 {
		t.Fatalf("%d lines of incidents", len(incidents))
	}
	for _, member := range []string{"id", "title", "confidence", "score", "domains", "entities", "signals", "edges", "first_seen", "last_seen"} {
		if incidents[0][member] == nil {
			t.Errorf("the incident has no %q", member)
		}
	}
}

func TestOrdinaryLifeBecomesNoIncident(t *testing.T) {
	if r := run(t, Options{Files: company(t, false, asIs)}); len(r.Incidents) != 0 {
		t.Fatalf("%d incidents, the first being %q", len(r.Incidents), r.Incidents[0].Title)
	}
}

// TestOrderAndRepetitionDoNotMatter: shuffled files with every record twice
// give the same incidents.
func TestOrderAndRepetitionDoNotMatter(t *testing.T) {
	want := run(t, Options{Files: company(t, true, asIs)})
	rng := rand.New(rand.NewPCG(1, 1))
	got := run(t, Options{Files: company(t, true, func(l [][]byte) [][]byte {
		twice := append(append([][]byte{}, l...), l...)
		rng.Shuffle(len(twice), func(i, j int) { twice[i], twice[j] = twice[j], twice[i] })
		return twice
	})})
	if got.Duplicates != want.Events {
		t.Errorf("%d repeated, want %d", got.Duplicates, want.Events)
	}
	if d := cmp.Diff(want.Incidents, got.Incidents); d != "" {
		t.Fatal(d)
	}
}

func TestBrokenRecordsAreNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mixed.ndjson")
	good := `{"uuid":"a","published":"2026-03-02T08:00:00Z","eventType":"user.session.start","actor":{"alternateId":"ana@corp.example"},"outcome":{"result":"SUCCESS"}}`
	if err := os.WriteFile(file, []byte(good+"\n{\"broken\":\n"+good+"\nnothing known\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := run(t, Options{Files: []string{file}})
	if r.Events != 1 || r.Duplicates != 1 || len(r.ErrorTexts) != 2 {
		t.Fatalf("%d events, %d repeated, errors %q", r.Events, r.Duplicates, r.ErrorTexts)
	}
	if !strings.Contains(r.ErrorTexts[0], "mixed.ndjson, record 2") {
		t.Errorf("the first error does not say where: %s", r.ErrorTexts[0])
	}
}

func TestMissingFileIsAnError(t *testing.T) {
	if _, err := Run(Options{Files: []string{"no-such-file"}, Rules: stage.DetectionSources{Shipped: true}}); err == nil || !strings.Contains(err.Error(), "no-such-file") {
		t.Fatalf("got %v", err)
	}
}
