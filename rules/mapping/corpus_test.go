package mapping_test

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openmxdr/openmxdr/internal/document"
	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/rules/mapping"
	"github.com/openmxdr/openmxdr/rules/mapping/ecs"
)

// corpus returns the records in the files that match a pattern under
// MXDR_TESTDATA.
func corpus(t testing.TB, pattern string) []string { return corpusEvery(t, pattern, 1) }

// corpusEvery is corpus, of files of lines only every nth line.
func corpusEvery(t testing.TB, pattern string, nth int) []string {
	t.Helper()
	dir := os.Getenv("MXDR_TESTDATA")
	if dir == "" {
		t.Skip("MXDR_TESTDATA is not set: it names the folder with " + pattern)
	}
	files, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no file matches %s in MXDR_TESTDATA: %v", pattern, err)
	}
	var out []string
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		var r io.Reader = f
		if strings.HasSuffix(file, ".gz") {
			if r, err = gzip.NewReader(f); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
		}
		if strings.HasSuffix(file, ".json") {
			all, err := io.ReadAll(r)
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			document.Split(string(all), func(s string) bool { out = append(out, s); return true })
		} else {
			lines := bufio.NewScanner(r)
			lines.Buffer(make([]byte, 1<<20), 64<<20)
			for i := 0; lines.Scan(); i++ {
				if i%nth != 0 {
					continue
				}
				if s := strings.TrimSpace(lines.Text()); s != "" {
					out = append(out, s)
				}
			}
			if err := lines.Err(); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
		}
		f.Close()
	}
	return out
}

type tally struct {
	records, failed int
	datasets        map[string]int
	errors          map[string]int
}

// normalizeAll normalizes records and checks what every event must satisfy.
func normalizeAll(t *testing.T, records []string) tally {
	t.Helper()
	e := shipped(t)
	sc, ev := e.NewScratch(), event.New(e.Fields())
	out := tally{datasets: map[string]int{}, errors: map[string]int{}}
	observed := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	problems := map[string]int{}
	for _, raw := range records {
		out.records++
		err := e.Normalize(raw, mapping.Input{Tenant: "acme", Observed: observed}, ev, sc)
		if err != nil {
			out.failed++
			if out.errors[err.Error()]++; out.errors[err.Error()] == 1 && len(out.errors) < 6 {
				t.Logf("%v\n    %.300s", err, raw)
			}
		}
		out.datasets[ev.Text("event.dataset")]++
		if len(records) > 20_000 && out.records%25 != 0 {
			continue // checking costs more than normalizing
		}
		for _, p := range conformance(ev, err == nil) {
			problems[p]++
		}
	}
	for p, n := range problems {
		t.Errorf("%s (%d records)", p, n)
	}
	return out
}

// conformance returns what is wrong with an event by ECS and by the contract
// of records.
func conformance(ev *event.Event, mapped bool) []string {
	var out []string
	seen := map[string]bool{}
	for f := range ev.All {
		if seen[f.Name] {
			out = append(out, f.Name+" occurs twice")
		}
		seen[f.Name] = true
		def, ok := ecs.Lookup(f.Name)
		if !ok {
			if ecs.Root(f.Name) && !strings.HasPrefix(f.Name, "winlog.") {
				out = append(out, f.Name+" is no ECS field")
			}
			continue
		}
		if def.Array != (f.Value.Kind() == event.List) && f.Value.Kind() != event.List {
			out = append(out, f.Name+" must be a list")
		}
		f.Value.Scalars(func(v event.Value) bool {
			good := true
			switch def.Type {
			case ecs.Long:
				good = v.Kind() == event.Int
			case ecs.Float:
				good = v.Kind() == event.Float || v.Kind() == event.Int
			case ecs.Boolean:
				good = v.Kind() == event.Bool
			case ecs.Keyword, ecs.IP, ecs.Date:
				good = v.Kind() == event.String && v.Str() != ""
			}
			if !good || !def.Allows(v.Text()) {
				out = append(out, f.Name+" cannot be "+v.Text())
			}
			return true
		})
	}
	for _, name := range []string{"event.kind", "event.dataset", "event.id", "event.original", "organization.id"} {
		if !seen[name] {
			out = append(out, name+" is missing")
		}
	}
	if mapped {
		for _, name := range []string{"event.category", "event.type", "event.outcome", "mxdr.domain"} {
			if !seen[name] {
				out = append(out, ev.Text("event.dataset")+": "+name+" is missing")
			}
		}
		if ev.Time.IsZero() {
			out = append(out, "the event time is missing")
		}
	}
	if !json.Valid(ev.AppendJSON(nil)) {
		out = append(out, "the document is no valid JSON")
	}
	return out
}

func TestMicrosoft365Corpus(t *testing.T) {
	got := normalizeAll(t, corpus(t, "m365-unified-audit/*.ndjson.gz"))
	t.Logf("%+v", got)
	if got.failed != 0 || got.records != 5373 || got.datasets["o365.audit"] != 5373 {
		t.Errorf("want 5373 records of o365.audit and no failure, got %+v", got)
	}
}

func TestWindowsCorpus(t *testing.T) {
	// Neighbours differ little, so every seventh stands for all.
	records := append(corpusEvery(t, "otrf/atomic/windows*.ndjson.gz", 7), corpusEvery(t, "otrf/campaigns/*-windows.ndjson.gz", 7)...)
	got := normalizeAll(t, records)
	t.Logf("%d records, %d failed, %v", got.records, got.failed, got.datasets)
	if got.failed != 0 {
		t.Errorf("%d of %d records failed", got.failed, got.records)
	}
}

func TestZeekCorpus(t *testing.T) {
	records := corpus(t, "otrf/apt29-day1-zeek.ndjson.gz")
	for _, log := range tarred(t, "otrf/campaigns/*-zeek.tar.gz") {
		document.Split(log, func(s string) bool { records = append(records, s); return true })
	}
	got := normalizeAll(t, records)
	t.Logf("%+v", got)
	if got.failed != 0 {
		t.Errorf("%d of %d records failed", got.failed, got.records)
	}
}

func TestCloudTrailCorpus(t *testing.T) {
	// The recordings of otrf have their event time in @timestamp alone.
	got := normalizeAll(t, append(corpus(t, "aws-cloudtrail-stratus/*.json"), corpus(t, "otrf/atomic/aws__*.ndjson.gz")...))
	t.Logf("%+v", got)
	if got.failed != 0 || got.datasets["aws.cloudtrail"] != got.records {
		t.Errorf("want every record in aws.cloudtrail and no failure, got %+v", got)
	}
}

// TestAbridgedVendorEvents: samples made for rule tests lack or blot out what
// their rule does not need. Only those without a readable event time, or with
// the vendor's member names in another spelling, may fail.
func TestAbridgedVendorEvents(t *testing.T) {
	type names struct{ time, operation string }
	m365 := names{"CreationTime", "Operation"}
	sources := map[string]names{"Okta.SystemLog": {"published", "eventType"}, "AWS.CloudTrail": {"eventTime", "eventVersion"},
		"Microsoft365.Audit.Exchange": m365, "Microsoft365.Audit.SharePoint": m365, "Microsoft365.Audit.AzureActiveDirectory": m365}
	all := 0
	var records []string
	for _, line := range corpus(t, "vendor-events-panther/*.ndjson.gz") {
		var x struct {
			LogTypes []string `json:"log_types"`
			Event    json.RawMessage
		}
		if err := json.Unmarshal([]byte(line), &x); err != nil {
			t.Fatal(err)
		}
		var event map[string]any
		if json.Unmarshal(x.Event, &event) != nil {
			continue
		}
		for _, lt := range x.LogTypes {
			n, ok := sources[lt]
			if !ok {
				continue
			}
			all++
			if at, _ := event[n.time].(string); strings.HasPrefix(at, "20") && event[n.operation] != nil {
				records = append(records, string(x.Event))
				break
			}
		}
	}
	got := normalizeAll(t, records)
	t.Logf("%d of %d samples are complete enough: %+v", got.records, all, got)
	if got.failed != 0 {
		t.Errorf("%d of %d records with a time failed", got.failed, got.records)
	}
}

// TestSigmaHQRegressionEvents: true positives of detection rules, as event
// log tools write them in JSON.
func TestSigmaHQRegressionEvents(t *testing.T) {
	dir := os.Getenv("MXDR_TESTDATA")
	if dir == "" {
		t.Skip("MXDR_TESTDATA is not set: it names the folder with sigmahq/regression")
	}
	var records []string
	err := filepath.WalkDir(filepath.Join(dir, "sigmahq", "regression"), func(file string, d os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".json") {
			return err
		}
		raw, err := os.ReadFile(file)
		if err == nil {
			document.Split(string(raw), func(s string) bool { records = append(records, s); return true })
		}
		return err
	})
	if err != nil || len(records) < 90 {
		t.Fatalf("%d records: %v", len(records), err)
	}
	got := normalizeAll(t, records)
	t.Logf("%+v", got)
	if got.failed != 0 {
		t.Errorf("%d of %d records failed", got.failed, got.records)
	}
}

// tarred returns the files in the tar archives that match a pattern.
func tarred(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(os.Getenv("MXDR_TESTDATA"), pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no file matches %s in MXDR_TESTDATA: %v", pattern, err)
	}
	var out []string
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		r := tar.NewReader(z)
		for {
			h, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if h.Typeflag == tar.TypeReg {
				raw, err := io.ReadAll(r)
				if err != nil {
					t.Fatalf("%s: %v", file, err)
				}
				out = append(out, string(raw))
			}
		}
		f.Close()
	}
	return out
}
