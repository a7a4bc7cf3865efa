// Package pairs compares what the mappings make of raw records with what
// somebody else makes of them, field by field over the core of ECS.
package pairs

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/rules/mapping"
)

// Pair is a raw record and the ECS document that is expected of it.
type Pair struct {
	// Source is the package.datastream of Elastic's integration.
	Source string `json:"source"`
	// File is where the pair comes from.
	File string `json:"file"`
	// Raw is the record: text, or an object.
	Raw json.RawMessage `json:"raw"`
	// Expected is the nested document.
	Expected map[string]any `json:"expected"`
}

// Report is the agreement for one source.
type Report struct {
	Source   string
	Records  int
	Failed   int // records that became a pipeline_error
	Expected int // core fields expected
	Equal    int // of these, equal
	// Fields counts by core field what was expected and not equal.
	Fields map[string]*Difference
	// Errors are the messages of failed records, each once, with how often.
	Errors map[string]int
}

// Difference is a field that is not always as expected.
type Difference struct {
	Count int
	// Want and Got are one example.
	Want, Got string
}

// Agreement is the share of expected core fields that are equal, 0 to 1.
func (r *Report) Agreement() float64 {
	if r.Expected == 0 {
		return 1
	}
	return float64(r.Equal) / float64(r.Expected)
}

// maxLine bounds one line of a pairs file.
const maxLine = 16 << 20

// Check normalizes every pair of JSON lines in r for whose source there is a
// mapping (Mapping.Packages), and returns one report a source, by name.
func Check(e *mapping.Engine, set *mapping.Set, r io.Reader) ([]*Report, error) {
	known := map[string]bool{}
	for _, m := range set.Mappings() {
		for _, p := range m.Packages {
			known[p] = true
		}
	}
	reports := map[string]*Report{}
	sc, ev := e.NewScratch(), event.New(e.Fields())
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 1<<20), maxLine)
	for n := 1; lines.Scan(); n++ {
		var p Pair
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			return nil, fmt.Errorf("line %d is no pair: %w", n, err)
		}
		if !known[p.Source] || p.Expected == nil {
			continue
		}
		rep := reports[p.Source]
		if rep == nil {
			rep = &Report{Source: p.Source, Fields: map[string]*Difference{}, Errors: map[string]int{}}
			reports[p.Source] = rep
		}
		rep.add(e, &p, ev, sc)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the pairs: %w", err)
	}
	out := make([]*Report, 0, len(reports))
	for _, rep := range reports {
		out = append(out, rep)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Source < out[j].Source })
	return out, nil
}

func (rep *Report) add(e *mapping.Engine, p *Pair, ev *event.Event, sc *mapping.Scratch) {
	raw := string(p.Raw)
	var text string
	if json.Unmarshal(p.Raw, &text) == nil {
		raw = text
	}
	rep.Records++
	in := mapping.Input{Tenant: "pairs", Observed: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}
	if err := e.Normalize(raw, in, ev, sc); err != nil {
		rep.Failed++
		var f *mapping.Failure
		if errors.As(err, &f) {
			rep.Errors[string(f.Reason)+": "+err.Error()]++
		}
	}
	flat(p.Expected, "", func(name string, want any) {
		if !Core(name) {
			return
		}
		rep.Expected++
		got, _ := ev.Lookup(name)
		w, g := texts(want), got.Texts()
		if same(w, g) {
			rep.Equal++
			return
		}
		d := rep.Fields[name]
		if d == nil {
			d = &Difference{Want: strings.Join(w, " | "), Got: strings.Join(g, " | ")}
			rep.Fields[name] = d
		}
		d.Count++
	})
}

// Core tells whether a field belongs to the core of ECS that is compared.
// Places and networks of addresses come from enrichment and do not.
func Core(name string) bool {
	switch name {
	case "event.kind", "event.category", "event.type", "event.action", "event.outcome":
		return true
	}
	top, _, _ := strings.Cut(name, ".")
	switch top {
	case "source", "destination", "user", "host", "process", "file", "related":
		return !strings.Contains(name, ".geo.") && !strings.Contains(name, ".as.")
	}
	return false
}

func flat(v any, name string, yield func(string, any)) {
	if m, ok := v.(map[string]any); ok {
		for k, x := range m {
			n := k
			if name != "" {
				n = name + "." + k
			}
			flat(x, n, yield)
		}
		return
	}
	if len(texts(v)) > 0 {
		yield(name, v)
	}
}

func texts(v any) []string {
	switch x := v.(type) {
	case nil:
		return nil
	case string:
		if x == "" {
			return nil
		}
		return []string{x}
	case []any:
		var out []string
		for _, y := range x {
			out = append(out, texts(y)...)
		}
		return out
	case float64:
		return []string{event.FloatValue(x).Text()}
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return []string{string(b)}
}

// same compares as sets; times are compared as times and addresses as addresses.
func same(want, got []string) bool {
	want, got = set(canonical(want)), set(got)
	if len(want) != len(got) {
		return false
	}
	for i := range want {
		if want[i] == got[i] {
			continue
		}
		a, err1 := event.ParseTime(want[i])
		b, err2 := event.ParseTime(got[i])
		// Others keep milliseconds.
		if err1 != nil || err2 != nil || !a.Truncate(time.Millisecond).Equal(b.Truncate(time.Millisecond)) {
			return false
		}
	}
	return true
}

// canonical spells addresses as netip does.
func canonical(s []string) []string {
	out := slices.Clone(s)
	for i := range out {
		if a, err := netip.ParseAddr(out[i]); err == nil {
			out[i] = a.Unmap().String()
		}
	}
	return out
}

func set(s []string) []string {
	s = slices.Clone(s)
	sort.Strings(s)
	return slices.Compact(s)
}
