package contenttest

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/openmxdr/openmxdr/internal/rawlog"
	"github.com/openmxdr/openmxdr/internal/signal"
)

// every reads the large recordings too, which takes a minute or more:
// go test ./rules/content/contenttest -args -every
var every = flag.Bool("every", false, "evaluate large recordings too")

// small is the compressed size up to which a recording is part of every run.
const small = 250_000

// levels of the signals, by severity.
var levels = []struct {
	severity int
	name     string
}{{90, "critical"}, {65, "high"}, {40, "medium"}, {15, "low"}}

func levelOf(severity int) string {
	for _, l := range levels {
		if severity >= l.severity {
			return l.name
		}
	}
	return "informational"
}

// recordings returns the files of public recordings, which are not part of
// the project.
func recordings(t *testing.T, glob string) []string {
	t.Helper()
	root := os.Getenv("MXDR_TESTDATA")
	if root == "" {
		t.Skip("needs public recordings; MXDR_TESTDATA names their folder")
	}
	files, err := filepath.Glob(filepath.Join(root, glob))
	if err != nil || len(files) == 0 {
		t.Fatalf("nothing matches %s below MXDR_TESTDATA: %v", glob, err)
	}
	return files
}

// read evaluates all records of a file and returns how many there were.
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

// summary lists what was found from a severity on, with numbers.
func summary(signals []*signal.Signal, from int) []string {
	count := map[string]int{}
	for _, s := range signals {
		if s.Severity >= from && s.Kind != signal.Alert {
			count[fmt.Sprintf("%s (%s)", s.RuleName, levelOf(s.Severity))]++
		}
	}
	var out []string
	for n, c := range count {
		if c > 1 {
			n += fmt.Sprintf(" × %d", c)
		}
		out = append(out, n)
	}
	sort.Strings(out)
	return out
}

// count is the number of signals that rules gave, without vendors' alerts.
func count(signals []*signal.Signal) int {
	n := 0
	for _, s := range signals {
		if s.Kind != signal.Alert && s.Severity >= 15 {
			n++
		}
	}
	return n
}

// oneFactOneSignal fails if two single-event rules spoke about one event.
func oneFactOneSignal(t *testing.T, file string, signals []*signal.Signal) {
	t.Helper()
	rule := map[string]string{}
	for _, s := range signals {
		if s.Kind != signal.Rule {
			continue
		}
		key := s.Events[0].Dataset + " " + s.Events[0].ID
		if other := rule[key]; other != "" {
			t.Errorf("%s: event %s gave %q and %q", filepath.Base(file), key, other, s.RuleName)
		}
		rule[key] = s.RuleName
	}
}

// TestMicrosoft365: every planted deed in the log of a real tenant is found,
// and what the service does at set-up is not.
func TestMicrosoft365(t *testing.T) {
	p := newPipeline(t)
	for _, file := range recordings(t, "m365-unified-audit/*.ndjson.gz") {
		d := p.detector(t)
		n := d.read(t, file)
		if len(d.failed) > 0 {
			t.Errorf("%d records could not be normalized, first: %v", len(d.failed), d.failed[0])
		}
		found := map[string]int{}
		signals := d.signals(t)
		oneFactOneSignal(t, file, signals)
		for _, s := range signals {
			found[s.RuleName]++
			for _, e := range s.Entities {
				if strings.HasPrefix(strings.ToUpper(e.Value), "NT AUTHORITY") {
					t.Errorf("%q about %s", s.RuleName, e.Value)
				}
			}
			for _, m := range s.Matched {
				if m.Field == "user.id" && strings.HasPrefix(strings.ToUpper(m.Value), "NT AUTHORITY") {
					t.Errorf("%q about %s", s.RuleName, m.Value)
				}
			}
		}
		for _, rule := range []string{
			"Inbox rule forwards mail outside", "Inbox rule hides mail about money or security", "Inbox rule deletes mail or hides it",
			"Mailbox forwarded outside", "Mailbox forwarded to a colleague", "Mail flow rule copies or redirects mail of the company",
			"Consent to an application that asks for mail or files", "Risky permission granted to an application for one user",
			"Administrator gives himself full access to a mailbox", "Full access to a mailbox granted", "Right to send as another mailbox granted",
			"Secret or certificate added to an application", "Member added to a role that controls the whole directory",
		} {
			if found[rule] == 0 {
				t.Errorf("%q found nothing", rule)
			}
		}
		t.Logf("%d records, %d signals of rules", n, count(signals))
		for _, line := range summary(signals, 15) {
			t.Logf("| %s |", line)
		}
	}
}

// TestStratus: attacks on AWS, each detonated in an account of its own.
func TestStratus(t *testing.T) {
	p := newPipeline(t)
	files, detected := recordings(t, "aws-cloudtrail-stratus/*.json"), 0
	for _, file := range files {
		d := p.detector(t)
		n := d.read(t, file)
		signals := d.signals(t)
		oneFactOneSignal(t, file, signals)
		found := summary(signals, 15)
		if len(found) > 0 {
			detected++
		}
		t.Logf("| %s | %d | %s |", strings.TrimSuffix(filepath.Base(file), ".json"), n, strings.Join(found, "; "))
	}
	t.Logf("%d of %d detected", detected, len(files))
	if detected*14 < len(files)*10 {
		t.Errorf("%d of %d attacks were detected, want ten of fourteen", detected, len(files))
	}
}

// TestZeek: the network side of an emulated intrusion.
func TestZeek(t *testing.T) {
	p := newPipeline(t)
	for _, file := range recordings(t, "otrf/*zeek.ndjson.gz") {
		d := p.detector(t)
		n := d.read(t, file)
		signals := d.signals(t)
		oneFactOneSignal(t, file, signals)
		found := summary(signals, 15)
		if !slices.ContainsFunc(found, func(s string) bool { return strings.Contains(s, "(medium)") }) {
			t.Errorf("%s: nothing of weight was found", file)
		}
		t.Logf("| %s | %d | %s |", strings.TrimSuffix(filepath.Base(file), ".ndjson.gz"), n, strings.Join(found, "; "))
	}
}

// TestRecordings: single techniques and campaigns recorded on Windows. A
// cleared security log does not count: whoever recorded often cleared it first.
func TestRecordings(t *testing.T) {
	p := newPipeline(t)
	total, detected := 0, 0
	for _, file := range slices.Concat(recordings(t, "otrf/atomic/*.ndjson.gz"), recordings(t, "otrf/campaigns/*.ndjson.gz")) {
		if info, err := os.Stat(file); err != nil || info.Size() > small && !*every {
			continue
		}
		d := p.detector(t)
		n := d.read(t, file)
		signals := d.signals(t)
		oneFactOneSignal(t, file, signals)
		found := summary(signals, medium)
		found = slices.DeleteFunc(found, func(s string) bool { return strings.HasPrefix(s, "Security event log cleared") })
		total++
		if len(found) > 0 {
			detected++
		}
		note := ""
		if len(d.failed) > 0 {
			note = fmt.Sprintf(", %d not normalized", len(d.failed))
		}
		t.Logf("| %s | %d%s | %s |", strings.TrimSuffix(filepath.Base(file), ".ndjson.gz"), n, note, strings.Join(found, "; "))
	}
	t.Logf("%d of %d detected", detected, total)
	if detected*2 < total {
		t.Errorf("%d of %d recordings gave a signal of weight, want half", detected, total)
	}
}
