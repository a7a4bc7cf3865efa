package pairs_test

import (
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"testing"

	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/rules/content"
	"github.com/openmxdr/openmxdr/rules/mapping"
	"github.com/openmxdr/openmxdr/rules/mapping/pairs"
)

func TestAgreement(t *testing.T) {
	dir := os.Getenv("MXDR_TESTDATA")
	if dir == "" {
		t.Skip("MXDR_TESTDATA is not set: it names the folder with ecs-pairs/pairs.jsonl.gz")
	}
	f, err := os.Open(filepath.Join(dir, "ecs-pairs", "pairs.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	set, err := mapping.Load(content.Mappings())
	if err != nil {
		t.Fatal(err)
	}
	reports, err := pairs.Check(set.Compile(event.NewFields()), set, z)
	if err != nil {
		t.Fatal(err)
	}
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
	}
}
