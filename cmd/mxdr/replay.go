package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/openmxdr/openmxdr/internal/replay"
	"github.com/openmxdr/openmxdr/internal/stage"
	"github.com/openmxdr/openmxdr/rules/incident"
)

// list is a flag that may be given several times.
type list []string

func (l *list) String() string     { return strings.Join(*l, ",") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

func runReplay(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	o := replay.Options{Rules: stage.DetectionSources{Shipped: true}}
	var mappings, rules, maps list
	flags := flag.NewFlagSet("mxdr replay", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.Out, "out", "", "folder for events.ndjson, signals.ndjson and incidents.ndjson (made if need be)")
	flags.StringVar(&o.Mapping, "format", "", "the mapping that all records use, such as okta.system; default: each record is recognised")
	flags.StringVar(&o.Tenant, "tenant", "default", "organization.id of every record")
	flags.Var(&mappings, "mappings", "folder with mappings of your own over the shipped ones (may be repeated)")
	flags.Var(&rules, "rules", "file or folder with Sigma rules beside the shipped ones (may be repeated)")
	flags.Var(&maps, "field-maps", "folder with field maps of your own over the shipped ones (may be repeated)")
	noShipped := flags.Bool("no-shipped-rules", false, "use only the rules named with -rules")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: mxdr replay [options] FILE…   (- is standard input; JSON lines, JSON lists, event XML; also gzipped)")
		flags.PrintDefaults()
	}
	files, err := parse(flags, args)
	if err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	if len(files) == 0 {
		flags.Usage()
		return 2
	}
	o.Files, o.Mappings = files, mappings
	o.Rules.Rules, o.Rules.FieldMaps, o.Rules.Shipped = rules, maps, !*noShipped
	started := time.Now()
	r, err := replay.Run(o)
	if err != nil {
		fmt.Fprintln(stderr, "mxdr replay:", err)
		return 1
	}
	summary(stdout, r, o, time.Since(started))
	return 0
}

// parse accepts options before, between and after the files.
func parse(flags *flag.FlagSet, args []string) (files []string, err error) {
	for {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		if flags.NArg() == 0 {
			return files, nil
		}
		files = append(files, flags.Arg(0))
		args = flags.Args()[1:]
	}
}

// shownIncidents bounds the summary on the terminal; the file has all.
const shownIncidents = 20

func summary(out io.Writer, r *replay.Result, o replay.Options, took time.Duration) {
	say := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	failed := 0
	for _, n := range r.Errors {
		failed += n
	}
	say("%d records read, %d events, %d repeated, %d not normalized (%.0f records/s)",
		r.Records, r.Events, r.Duplicates, failed, float64(r.Records)/max(took.Seconds(), 1e-9))
	for _, name := range slices.Sorted(maps.Keys(r.Datasets)) {
		say("  %8d  %s", r.Datasets[name], name)
	}
	for _, text := range r.ErrorTexts {
		say("  not normalized: %s", text)
	}
	if more := failed - len(r.ErrorTexts); more > 0 {
		say("  … and %d more; see event.kind pipeline_error in events.ndjson", more)
	}
	for _, err := range r.LeftOut {
		say("  rule left out: %v", err)
	}
	say("%d signals from %d rules", len(r.Signals), r.Rules)
	byRule := map[string]int{}
	for _, s := range r.Signals {
		byRule[s.RuleName]++
	}
	for _, name := range slices.SortedFunc(maps.Keys(byRule), func(a, b string) int {
		if byRule[a] != byRule[b] {
			return byRule[b] - byRule[a]
		}
		return strings.Compare(a, b)
	}) {
		say("  %8d  %s", byRule[name], name)
	}
	say("%d incidents", len(r.Incidents))
	w := tabwriter.NewWriter(out, 2, 8, 2, ' ', 0)
	for _, in := range r.Incidents[:min(len(r.Incidents), shownIncidents)] {
		fmt.Fprintf(w, "  %s\t%s\tscore %.0f\t%d signals\t%s\t%s\n", in.Severity, in.Confidence+" confidence", in.Score, in.SignalsTotal, strings.Join(in.Domains, "+"), line(in))
	}
	_ = w.Flush()
	if more := len(r.Incidents) - shownIncidents; more > 0 {
		say("  … and %d more", more)
	}
	if o.Out != "" {
		say("written to %s: events.ndjson, signals.ndjson, incidents.ndjson", o.Out)
	}
}

func line(in *incident.Incident) string {
	return fmt.Sprintf("%s (%s to %s)", in.Title, in.FirstSeen.UTC().Format("2006-01-02 15:04"), in.LastSeen.UTC().Format("2006-01-02 15:04"))
}
