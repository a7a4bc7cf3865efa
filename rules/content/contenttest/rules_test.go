package contenttest

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/openmxdr/openmxdr/internal/stage"
	"github.com/openmxdr/openmxdr/rules/content"
	"github.com/openmxdr/openmxdr/rules/sigma"
)

var domains = []string{"identity", "email", "saas", "cloud", "endpoint", "network"}

// TestCases runs every rule on its own cases. A positive case gives exactly
// the rule's signal: one fact, one signal. What other rules find must be
// named.
func TestCases(t *testing.T) {
	p := newPipeline(t)
	fsys := content.Sigma()
	for _, file := range ruleFiles(t, fsys) {
		t.Run(strings.TrimSuffix(file, ".yml"), func(t *testing.T) {
			raw, err := fs.ReadFile(fsys, file)
			if err != nil {
				t.Fatal(err)
			}
			rules, problems := sigma.ParseFile(file, raw)
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			target := subject(t, rules)
			cases := readCases(t, fsys, strings.TrimSuffix(file, ".yml")+".test.yml")
			seen := map[bool]bool{}
			for _, c := range cases {
				seen[c.Match] = true
				t.Run(c.Name, func(t *testing.T) { p.run(t, c, target, path.Dir(file)) })
			}
			if !seen[true] || !seen[false] {
				t.Error("a rule needs a case that matches and one that does not")
			}
		})
	}
}

// subject is what a rule file is about: its correlation, else its rule.
func subject(t *testing.T, c *sigma.Collection) *sigma.Meta {
	t.Helper()
	if n := len(c.Correlations); n > 0 {
		return &c.Correlations[n-1].Meta
	}
	if len(c.Rules) != 1 {
		t.Fatalf("the file has %d rules and no correlation", len(c.Rules))
	}
	return &c.Rules[0].Meta
}

func (p *pipeline) run(t *testing.T, c ruleCase, target *sigma.Meta, domain string) {
	records, err := c.records()
	if err != nil {
		t.Fatal(err)
	}
	if len(records) == 0 {
		t.Fatal("the case has no records")
	}
	d := p.detector(t)
	d.add(t, records...)
	for _, err := range d.failed {
		t.Error(err)
	}
	want := slices.Clone(c.Also)
	if c.Match {
		want = append(want, target.Title)
	}
	var got []string
	for _, s := range d.signals(t) {
		if s.RuleID == target.ID && s.Domain != domain {
			t.Errorf("the rule is in folder %s, its signal is about %s", domain, s.Domain)
		}
		// What others find in a case that does not match is their business.
		if (c.Match || s.RuleID == target.ID) && !slices.Contains(got, s.RuleName) {
			got = append(got, s.RuleName)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got signals of %q, want %q", got, want)
		if len(records) == 1 {
			t.Log(d.explain(records[0]))
		}
	}
}

// TestMetadata: whoever reads a signal finds out what it means, how bad it
// is, and when it is wrong.
func TestMetadata(t *testing.T) {
	all, problems := sigma.ParseFS(content.Sigma(), ".")
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	ids := map[string]string{}
	perDomain := map[string]int{}
	check := func(m *sigma.Meta) {
		if other, ok := ids[m.ID]; ok {
			t.Errorf("%s: id %s is also that of %s", m.File, m.ID, other)
		}
		ids[m.ID] = m.File
		for what, missing := range map[string]bool{
			"id": m.ID == "", "description": m.Description == "", "author": m.Author == "", "date": m.Date == "", "status": m.Status == "", "level": m.Level == "",
		} {
			if missing {
				t.Errorf("%s: %q has no %s", m.File, m.Title, what)
			}
		}
		if m.Level == "informational" {
			return // part of a correlation
		}
		perDomain[path.Dir(m.File)]++
		if len(m.FalsePositives) == 0 {
			t.Errorf("%s: %q does not say when it is wrong", m.File, m.Title)
		}
		if len(m.Techniques()) == 0 || len(stage.TacticIDs(m.Tags)) == 0 {
			t.Errorf("%s: %q needs a technique and a tactic of ATT&CK among its tags", m.File, m.Title)
		}
	}
	for _, r := range all.Rules {
		check(&r.Meta)
	}
	for _, c := range all.Correlations {
		check(&c.Meta)
	}
	total := 0
	for _, d := range domains {
		if perDomain[d] == 0 {
			t.Errorf("no detection for %s", d)
		}
		total += perDomain[d]
		t.Logf("%-8s %3d detections", d, perDomain[d])
	}
	if total != sum(perDomain) {
		t.Errorf("folders are named by domain: %v", perDomain)
	}
	t.Logf("%-8s %3d detections", "all", total)
}

func sum(m map[string]int) int {
	n := 0
	for _, v := range m {
		n += v
	}
	return n
}
