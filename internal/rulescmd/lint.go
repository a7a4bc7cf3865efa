package rulescmd

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/rules/content"
	"github.com/openmxdr/openmxdr/rules/sigma"
)

// lint parses and compiles rules and lists every problem as
// file:line: rule: reason. What would never match here is a note, not a fault.
func lint(c *call) int {
	placeholders := c.flags.String("placeholders", "", "YAML `file` with the values of placeholders: a map from names to lists")
	quiet := c.flags.Bool("quiet", false, "print faults only, no notes and no summary")
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
	all, problems, err := loadRules(c.flags.Args())
	if err != nil {
		return c.failf("%v", err)
	}
	fieldMap, err := sigma.ParseFieldMap(content.FieldMaps(), ".")
	if err != nil {
		return c.failf("%v", err)
	}
	engine, more := sigma.Compile(all, event.NewFields(), sigma.Options{FieldMap: fieldMap, Routing: sigma.RouteDeclared, Placeholders: values})
	problems = append(problems, more...)
	problems = append(problems, repeatedIDs(all)...)
	slices.SortStableFunc(problems, func(a, b sigma.Problem) int {
		if d := strings.Compare(a.File, b.File); d != 0 {
			return d
		}
		return a.Line - b.Line
	})
	for _, p := range problems {
		fmt.Fprintln(c.stdout, p.Error())
	}
	if !*quiet {
		nowhere := 0
		for _, r := range engine.Rules() {
			if !fieldMap.Covers(r.LogSource) {
				fmt.Fprintf(c.stdout, "%s:%d: rule %s: note: no event that is normalized here belongs to log source %s\n", r.File, r.Line, r.Key(), r.LogSource)
				nowhere++
			}
		}
		fmt.Fprintf(c.stderr, "%d rules, %d correlations, %d filters; %d problems; %d rules are about log sources that are not normalized\n",
			len(all.Rules), len(all.Correlations), len(all.Filters), len(problems), nowhere)
	}
	if len(problems) > 0 {
		return 1
	}
	return 0
}

// repeatedIDs reports rules with the same id or name: references to it would
// mean only one of them.
func repeatedIDs(c *sigma.Collection) []sigma.Problem {
	var out []sigma.Problem
	first := map[string]*sigma.Meta{}
	for _, m := range metas(c) {
		for what, key := range map[string]string{"id": m.ID, "name": m.Name} {
			if key == "" {
				continue
			}
			if other := first[what+key]; other != nil {
				out = append(out, sigma.Problem{File: m.File, Line: m.Line, RuleID: m.Key(),
					Reason: fmt.Sprintf("the %s %s is also that of %s:%d", what, key, other.File, other.Line)})
				continue
			}
			first[what+key] = m
		}
	}
	return out
}

func readPlaceholders(name string) (map[string][]string, error) {
	if name == "" {
		return nil, nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("placeholders: %w", err)
	}
	var out map[string][]string
	if err := yaml.Unmarshal(data, &out); err != nil {
		return nil, fmt.Errorf("placeholders: %s: %w", name, err)
	}
	return out, nil
}
