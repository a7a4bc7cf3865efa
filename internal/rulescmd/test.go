package rulescmd

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/internal/signal"
	"github.com/openmxdr/openmxdr/internal/stage"
	"github.com/openmxdr/openmxdr/rules/mapping"
	"github.com/openmxdr/openmxdr/rules/sigma"
	"github.com/openmxdr/openmxdr/rules/sigma/correlation"
)

const (
	testTenant = "test"
	// caseLateness is how far the records of a case may be out of order.
	caseLateness = 24 * time.Hour
)

// tester runs cases the way that events go: mapping, routing, rules and
// correlations.
type tester struct {
	fields     *event.Fields
	mappings   *mapping.Engine
	detections *stage.Detections
}

// test runs the cases beside rules and prints a line for each that fails.
func test(c *call) int {
	var mappings, fieldMaps pathList
	c.flags.Var(&mappings, "mappings", "`folder` of mappings that lie over those shipped; may be given several times")
	c.flags.Var(&fieldMaps, "fieldmaps", "`folder` of field maps that lie over those shipped; may be given several times")
	placeholders := c.flags.String("placeholders", "", "YAML `file` with the values of placeholders: a map from names to lists")
	verbose := c.flags.Bool("v", false, "name every case")
	if status, ok := c.parse(); !ok {
		return status
	}
	if c.flags.NArg() == 0 {
		c.flags.Usage()
		return 2
	}
	values, err := readPlaceholders(*placeholders)
	if err != nil {
		return c.failf("%v", err)
	}
	set, err := stage.LoadMappings(mappings)
	if err != nil {
		return c.failf("%v", err)
	}
	t := &tester{fields: event.NewFields()}
	t.mappings = set.Compile(t.fields)
	t.detections, err = stage.DetectionSources{Rules: c.flags.Args(), FieldMaps: fieldMaps, Placeholders: values}.Load(t.fields)
	if err != nil {
		return c.failf("%v", err)
	}
	files, err := caseFiles(c.flags.Args())
	if err != nil {
		return c.failf("%v", err)
	}
	cases, failed := 0, len(t.detections.Problems)
	for _, p := range t.detections.Problems {
		fmt.Fprintln(c.stdout, p)
	}
	for _, file := range files {
		list, err := readCases(file)
		if err != nil {
			failed++
			fmt.Fprintln(c.stdout, err)
			continue
		}
		target, err := subject(strings.TrimSuffix(file, ".test"+filepath.Ext(file)) + filepath.Ext(file))
		if err != nil {
			failed++
			fmt.Fprintf(c.stdout, "%s: %v\n", file, err)
			continue
		}
		for i := range list {
			cases++
			if err := t.run(&list[i], target); err != nil {
				failed++
				fmt.Fprintf(c.stdout, "FAIL %s: %s: %v\n", file, list[i].Name, err)
			} else if *verbose {
				fmt.Fprintf(c.stdout, "ok   %s: %s\n", file, list[i].Name)
			}
		}
	}
	fmt.Fprintf(c.stderr, "%d cases in %d files, %d faults\n", cases, len(files), failed)
	if failed > 0 {
		return 1
	}
	if cases == 0 {
		return c.failf("no cases beside the rules; they are named RULE.test.yml")
	}
	return 0
}

// caseFiles finds the files of cases in folders and beside rule files.
func caseFiles(paths []string) ([]string, error) {
	var out []string
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			ext := filepath.Ext(p)
			beside := strings.TrimSuffix(p, ext) + ".test" + ext
			if _, err := os.Stat(beside); err == nil {
				out = append(out, beside)
			}
			continue
		}
		err = filepath.WalkDir(p, func(name string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && (strings.HasSuffix(name, ".test.yml") || strings.HasSuffix(name, ".test.yaml")) {
				out = append(out, name)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// subject is what a rule file is about: its last correlation, else its rule.
func subject(file string) (*sigma.Meta, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("there is no rule for these cases: %w", err)
	}
	c, problems := sigma.ParseFile(file, data)
	if len(problems) > 0 {
		return nil, problems[0]
	}
	if n := len(c.Correlations); n > 0 {
		return &c.Correlations[n-1].Meta, nil
	}
	if len(c.Rules) != 1 {
		return nil, fmt.Errorf("%s has %d rules and no correlation; cases need one to be about", file, len(c.Rules))
	}
	return &c.Rules[0].Meta, nil
}

// run normalizes the records of a case, evaluates the rules, and compares what
// they found with what the case says: in a case that matches exactly the rule
// and those under "also", in another not the rule.
func (t *tester) run(c *ruleCase, target *sigma.Meta) error {
	records, err := c.records()
	if err != nil {
		return err
	}
	s, err := stage.NewSigma(t.detections, t.fields, correlation.Options{Lateness: caseLateness})
	if err != nil {
		return err
	}
	scratch := t.mappings.NewScratch()
	batch := make([]*event.Event, 0, len(records))
	for i, raw := range records {
		ev := event.New(t.fields)
		if err := t.mappings.Normalize(raw, mapping.Input{Tenant: testTenant}, ev, scratch); err != nil {
			return fmt.Errorf("record %d cannot be normalized: %w", i+1, err)
		}
		batch = append(batch, ev)
	}
	slices.SortStableFunc(batch, func(a, b *event.Event) int { return a.Time.Compare(b.Time) })
	found := map[string]*signal.Signal{}
	for _, ev := range append(stage.Run(s, batch), s.Finish()...) {
		sig, err := signal.Decode(ev)
		if err != nil {
			return fmt.Errorf("a signal: %w", err)
		}
		found[sig.ID] = sig
	}
	hit := false
	var names []string
	for _, sig := range found {
		if sig.Withdrawn {
			continue
		}
		if sig.RuleID == target.Key() {
			hit = true
		} else if !slices.Contains(names, sig.RuleName) {
			names = append(names, sig.RuleName)
		}
	}
	if hit != c.Match {
		explain := ""
		if c.Match && len(batch) == 1 {
			explain = "; the record became " + string(batch[0].AppendFlatJSON(nil))
		}
		return fmt.Errorf("the rule matches: %v, the case says %v%s", hit, c.Match, explain)
	}
	if !c.Match {
		return nil
	}
	want := slices.Clone(c.Also)
	slices.Sort(want)
	slices.Sort(names)
	if !slices.Equal(names, want) {
		return fmt.Errorf("other rules that found something: %q, the case says %q", names, want)
	}
	return nil
}
