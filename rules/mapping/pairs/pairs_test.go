package pairs_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/rules/content"
	"github.com/openmxdr/openmxdr/rules/mapping"
	"github.com/openmxdr/openmxdr/rules/mapping/pairs"
)

func engine(t *testing.T) (*mapping.Engine, *mapping.Set) {
	t.Helper()
	set, err := mapping.Load(content.Mappings())
	if err != nil {
		t.Fatal(err)
	}
	return set.Compile(event.NewFields()), set
}

func open(t *testing.T) io.Reader {
	t.Helper()
	dir := os.Getenv("MXDR_TESTDATA")
	if dir == "" {
		t.Skip("MXDR_TESTDATA is not set: it names the folder with ecs-pairs/pairs.jsonl.gz")
	}
	f, err := os.Open(filepath.Join(dir, "ecs-pairs", "pairs.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestAgreement(t *testing.T) {
	r := open(t)
	e, set := engine(t)
	reports, err := pairs.Check(e, set, r)
	if err != nil {
		t.Fatal(err)
	}
	if len(reports) < 20 {
		t.Fatalf("only %d sources have pairs", len(reports))
	}
	check(t, reports, 0.95)
}

func check(t *testing.T, reports []*pairs.Report, usual float64) {
	t.Helper()
	for _, r := range reports {
		t.Log(r.Source, fmt.Sprintf("%d records, %d failed, %d of %d core fields equal (%.1f %%)", r.Records, r.Failed, r.Equal, r.Expected, 100*r.Agreement()))
		names := make([]string, 0, len(r.Fields))
		for n := range r.Fields {
			names = append(names, n)
		}
		sort.Slice(names, func(i, j int) bool { return r.Fields[names[i]].Count > r.Fields[names[j]].Count })
		for _, n := range names {
			d := r.Fields[n]
			t.Logf("    %s ×%d: want %q, got %q", n, d.Count, d.Want, d.Got)
		}
		for e, n := range r.Errors {
			t.Logf("    failed ×%d: %s", n, e)
		}
		want := usual
		if w, ok := agreed[r.Source]; ok {
			want = w
		}
		if r.Agreement() < want || r.Failed > 0 {
			t.Errorf("%s: agreement is %.3f with %d failures, want %.2f without", r.Source, r.Agreement(), r.Failed, want)
		}
	}
}

// agreed are the shares of expected core fields that must be equal. Where it
// is below 95 %, the differences are defended in the README of the mappings.
var agreed = map[string]float64{
	"o365.audit": 0.84, // host.* there is the tenant, which is no host
	// One field of few records: their wrapper names a host, and doubled backslashes.
	"zeek.rdp": 0.90, "zeek.smb_files": 0.90, "zeek.weird": 0.90,
}

// TestEventXML: the pairs of Windows hold the event's XML as well; it must
// give what the shipper's JSON gives.
func TestEventXML(t *testing.T) {
	e, set := engine(t)
	var lines bytes.Buffer
	n := 0
	scanner := bufio.NewScanner(open(t))
	scanner.Buffer(make([]byte, 1<<20), 16<<20)
	for scanner.Scan() {
		var p map[string]any
		if err := json.Unmarshal(scanner.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		raw, _ := p["raw"].(map[string]any)
		inner, _ := raw["event"].(map[string]any)
		xml, _ := inner["original"].(string)
		if !strings.HasPrefix(xml, "<Event") || strings.Count(xml, "</Event>") != 1 || p["source"] == "windows.forwarded" {
			continue
		}
		p["raw"] = xml
		line, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		lines.Write(append(line, '\n'))
		n++
	}
	if n < 200 {
		t.Fatalf("only %d pairs have XML", n)
	}
	reports, err := pairs.Check(e, set, &lines)
	if err != nil {
		t.Fatal(err)
	}
	check(t, reports, 0.95)
}
