//go:build unix

package mapping_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/rules/mapping"
)

// BenchmarkNormalize measures one core's events a second by source, over real
// records where MXDR_TESTDATA names them.
func BenchmarkNormalize(b *testing.B) {
	e := shipped(b)
	for _, src := range []struct{ name, pattern, contains string }{
		{"m365", "m365-unified-audit/*.ndjson.gz", ""},
		{"cloudtrail", "aws-cloudtrail-stratus/*.json", ""},
		{"okta", "vendor-events-panther/*.ndjson.gz", `"Okta.SystemLog"`},
		{"windows-security", "otrf/atomic/windows__lateral_movement__host__empire*.ndjson.gz", `"Channel":"Security"`},
		{"windows-sysmon", "otrf/atomic/windows__lateral_movement__host__empire*.ndjson.gz", `"Channel":"Microsoft-Windows-Sysmon/Operational"`},
		{"zeek", "otrf/apt29-day1-zeek.ndjson.gz", ""},
	} {
		b.Run(src.name, func(b *testing.B) {
			var records []string
			bytes := 0
			for _, raw := range corpus(b, src.pattern) {
				if !strings.Contains(raw, src.contains) || len(records) == 5000 {
					continue
				}
				if src.name == "okta" {
					if raw = oktaRecord(raw); raw == "" {
						continue
					}
				}
				records = append(records, raw)
				bytes += len(raw)
			}
			if len(records) == 0 {
				b.Fatal("no records")
			}
			sc, ev := e.NewScratch(), event.New(e.Fields())
			in := mapping.Input{Tenant: "acme", Observed: observed}
			fields := 0
			b.ReportAllocs()
			b.SetBytes(int64(bytes / len(records)))
			i, start := 0, cpuTime(b)
			for b.Loop() {
				if err := e.Normalize(records[i%len(records)], in, ev, sc); err != nil {
					b.Fatal(err)
				}
				fields += ev.Len()
				i++
			}
			// Time on the processor: other work on the machine does not count.
			b.ReportMetric(float64(i)/(cpuTime(b)-start).Seconds(), "events/cpu-s")
			b.ReportMetric(float64(fields)/float64(i), "fields/event")
		})
	}
}

// cpuTime is the processor time that the process has used.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// oktaRecord takes the complete System Log records out of the samples.
func oktaRecord(line string) string {
	_, rest, ok := strings.Cut(line, `"event":`)
	if !ok || !strings.Contains(rest, `"published":"20`) && !strings.Contains(rest, `"published": "20`) || !strings.Contains(rest, `"eventType"`) {
		return ""
	}
	rest = strings.TrimSpace(rest)
	return strings.TrimSuffix(rest, "}")
}
