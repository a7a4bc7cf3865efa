// Package replay runs the whole pipeline in one process over files of vendor
// logs: the engines of the collector, without a collector or a database.
package replay

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/openmxdr/openmxdr/internal/document"
	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/internal/rawlog"
	"github.com/openmxdr/openmxdr/internal/signal"
	"github.com/openmxdr/openmxdr/internal/stage"
	"github.com/openmxdr/openmxdr/rules/incident"
	"github.com/openmxdr/openmxdr/rules/mapping"
)

// Options say what to replay and where the results go.
type Options struct {
	Files []string // "-" is standard input
	Out   string   // folder for events.ndjson, signals.ndjson, incidents.ndjson; "" writes none
	// Mapping names the mapping of all records; "" recognises each.
	Mapping  string
	Tenant   string   // default "default"
	Mappings []string // folders over the shipped mappings
	Models   []string // folders over the shipped baselines
	Rules    stage.DetectionSources
}

// Result is what a replay found.
type Result struct {
	Records    int // raw records read
	Events     int // distinct events, without pipeline errors
	Duplicates int // records that an earlier one repeats
	Errors     map[mapping.Reason]int
	ErrorTexts []string // the first few, with file and record number
	Datasets   map[string]int
	Rules      int
	LeftOut    []error // rules that could not be used
	Signals    []*signal.Signal
	Incidents  []*incident.Incident // open ones, highest score first
	First      time.Time
	Last       time.Time
}

// batch is how many events go through the stages at once. The result does not
// depend on it.
const batch = 512

// maxErrorTexts bounds Result.ErrorTexts.
const maxErrorTexts = 20

// raw is a record that was read, and its place in event time.
type raw struct {
	text string
	at   time.Time
	file int32
	line int32
}

// Run replays. Events of all files are put in the order of event time first,
// so it does not matter which file is named first. Memory grows with the size
// of the raw records, not of the events.
func Run(o Options) (*Result, error) {
	if o.Tenant == "" {
		o.Tenant = "default"
	}
	mappings, err := stage.LoadMappings(o.Mappings)
	if err != nil {
		return nil, err
	}
	fields := event.NewFields()
	engine := mappings.Compile(fields)
	p, err := newPipeline(o, fields)
	if err != nil {
		return nil, err
	}
	r := &Result{Errors: map[mapping.Reason]int{}, Datasets: map[string]int{}}
	r.Rules, r.LeftOut = p.rules, p.leftOut
	input := mapping.Input{Tenant: o.Tenant, Mapping: o.Mapping}
	records, err := r.read(o, engine, input)
	if err != nil {
		return nil, err
	}
	out, err := openOutput(o.Out)
	if err != nil {
		return nil, err
	}
	if err := r.process(records, engine, input, p, out); err != nil {
		return nil, errors.Join(err, out.close())
	}
	r.Signals, r.Incidents = p.final()
	if err := out.results(r); err != nil {
		return nil, errors.Join(err, out.close())
	}
	return r, out.close()
}

// read cuts the files into records and sorts them by event time. Records that
// fail keep their place in the file, after the events before them.
func (r *Result) read(o Options, engine *mapping.Engine, input mapping.Input) ([]raw, error) {
	var records []raw
	scratch, ev := engine.NewScratch(), event.New(engine.Fields())
	for i, name := range o.Files {
		line := int32(0)
		var last time.Time
		err := rawlog.ReadFile(name, func(b []byte) error {
			document.Split(string(b), func(text string) bool {
				line++
				r.Records++
				if err := engine.Normalize(text, input, ev, scratch); err != nil {
					r.fail(err, name, line)
				} else {
					last = ev.Time
				}
				records = append(records, raw{text: strings.Clone(text), at: last, file: int32(i), line: line})
				return true
			})
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(records, func(a, b raw) int { return a.at.Compare(b.at) })
	return records, nil
}

func (r *Result) fail(err error, file string, line int32) {
	reason := mapping.ReasonSyntax
	var f *mapping.Failure
	if errors.As(err, &f) {
		reason = f.Reason
	}
	r.Errors[reason]++
	if len(r.ErrorTexts) < maxErrorTexts {
		r.ErrorTexts = append(r.ErrorTexts, fmt.Sprintf("%s, record %d: %v", file, line, err))
	}
}

func (r *Result) process(records []raw, engine *mapping.Engine, input mapping.Input, p *pipeline, out *output) error {
	scratch := engine.NewScratch()
	seen := make(map[string]bool, len(records))
	events := make([]*event.Event, 0, batch)
	for i, rec := range records {
		input.Observed = rec.at
		ev := event.New(engine.Fields())
		failed := engine.Normalize(rec.text, input, ev, scratch) != nil
		key := ev.Text("event.dataset") + "\x00" + ev.Text("event.id")
		if seen[key] {
			r.Duplicates++
		} else {
			seen[key] = true
			if !failed {
				r.count(ev)
			}
			if err := out.event(ev); err != nil {
				return err
			}
			events = append(events, ev)
		}
		if len(events) == batch || i == len(records)-1 {
			p.run(events)
			events = events[:0]
		}
	}
	p.finish()
	return nil
}

func (r *Result) count(ev *event.Event) {
	r.Events++
	r.Datasets[ev.Text("event.dataset")]++
	if r.First.IsZero() || ev.Time.Before(r.First) {
		r.First = ev.Time
	}
	if ev.Time.After(r.Last) {
		r.Last = ev.Time
	}
}

// output writes the three files, or nothing at all.
type output struct {
	dir    string
	events *os.File
	buf    *bufio.Writer
	line   []byte
}

func openOutput(dir string) (*output, error) {
	if dir == "" {
		return &output{}, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	f, err := os.Create(filepath.Join(dir, "events.ndjson"))
	if err != nil {
		return nil, err
	}
	return &output{dir: dir, events: f, buf: bufio.NewWriterSize(f, 1<<18)}, nil
}

func (w *output) event(ev *event.Event) error {
	if w.dir == "" {
		return nil
	}
	w.line = append(ev.AppendJSON(w.line[:0]), '\n')
	_, err := w.buf.Write(w.line)
	return err
}

func (w *output) results(r *Result) error {
	if w.dir == "" {
		return nil
	}
	fields := event.NewFields()
	var signals []byte
	for _, s := range r.Signals {
		signals = append(signal.Encode(s, fields).AppendJSON(signals), '\n')
	}
	var incidents []byte
	for _, in := range r.Incidents {
		line, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("incident %s: %w", in.ID, err)
		}
		incidents = append(append(incidents, line...), '\n')
	}
	return errors.Join(
		os.WriteFile(filepath.Join(w.dir, "signals.ndjson"), signals, 0o644),
		os.WriteFile(filepath.Join(w.dir, "incidents.ndjson"), incidents, 0o644),
	)
}

func (w *output) close() error {
	if w.dir == "" {
		return nil
	}
	return errors.Join(w.buf.Flush(), w.events.Close())
}

// byScore orders incidents for a reader.
func byScore(a, b *incident.Incident) int {
	return cmp.Or(cmp.Compare(b.Score, a.Score), a.FirstSeen.Compare(b.FirstSeen), strings.Compare(a.ID, b.ID))
}
