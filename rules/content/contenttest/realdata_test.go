package contenttest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/openmxdr/openmxdr/internal/rawlog"
	"github.com/openmxdr/openmxdr/internal/signal"
)

// testdata returns a folder of public recordings, which are not part of the
// project.
func testdata(t *testing.T, parts ...string) string {
	t.Helper()
	root := os.Getenv("MXDR_TESTDATA")
	if root == "" {
		t.Skip("needs public recordings; MXDR_TESTDATA names their folder")
	}
	return filepath.Join(append([]string{root}, parts...)...)
}

// read evaluates all records of a file and returns what was found.
func (d *detector) read(t *testing.T, file string) int {
	t.Helper()
	n := 0
	var batch []string
	flush := func() {
		d.add(t, batch...)
		n += len(batch)
		batch = batch[:0]
	}
	err := rawlog.ReadFile(file, func(raw []byte) error {
		if batch = append(batch, string(bytes.Clone(raw))); len(batch) == 2000 {
			flush()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	flush()
	return n
}

func names(signals []*signal.Signal, from int) []string {
	count := map[string]int{}
	for _, s := range signals {
		if s.Severity >= from {
			count[fmt.Sprintf("%s (%d)", s.RuleName, s.Severity)]++
		}
	}
	var out []string
	for n, c := range count {
		out = append(out, fmt.Sprintf("%s × %d", n, c))
	}
	sort.Strings(out)
	return out
}

func TestMeasure(t *testing.T) {
	p := newPipeline(t)
	globs := []string{"m365-unified-audit/*", "aws-cloudtrail-stratus/*", "otrf/*.gz", "otrf/atomic/*", "otrf/campaigns/*.ndjson.gz"}
	for _, g := range globs {
		files, err := filepath.Glob(testdata(t, g))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			d := p.detector(t)
			n := d.read(t, f)
			t.Logf("%s: %d records, %d failed: %s", strings.TrimSuffix(filepath.Base(f), ".ndjson.gz"), n, len(d.failed), strings.Join(names(d.signals(t), 15), "; "))
		}
	}
}
