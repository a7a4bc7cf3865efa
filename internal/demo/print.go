//go:build unix

package demo

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/openmxdr/openmxdr/es-ingest/store"
	"github.com/openmxdr/openmxdr/rules/action"
	"github.com/openmxdr/openmxdr/rules/authority"
	"github.com/openmxdr/openmxdr/rules/content"
)

// print writes the incident as a person reads it, and the authority boundary
// around each containment action that fits one of its entities.
func print(out io.Writer, in *store.Incident, tenant string) error {
	w := &strings.Builder{}
	line := func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
	line("\n%s", strings.Repeat("─", 100))
	line("INCIDENT  %s", in.Title)
	line("          severity %s, confidence %s, score %.0f, domains %s", in.Severity, in.Confidence, in.Score, strings.Join(in.Domains, ", "))
	line("          id %s, revision %d", in.ID, in.Revision)
	line("\n%s", in.Summary)
	line("\nWhat happened (UTC)")
	for _, s := range in.Story {
		line("  %s  %s", s.Time.UTC().Format("2006-01-02 15:04:05"), s.Text)
	}
	line("\nWhy these signals belong together")
	for _, e := range in.Edges {
		line("  %s (%s, weight %.2f): %s", e.Entity, e.Strength, e.Weight, e.Reason)
	}
	line("\nHow the score adds up")
	for _, p := range in.ScoreParts {
		line("  %+6.0f  %s", p.Points, p.Label)
	}
	if err := verdicts(w, in, tenant); err != nil {
		return err
	}
	line("%s", strings.Repeat("─", 100))
	_, err := io.WriteString(out, w.String())
	return err
}

// verdicts writes what the shipped policies say about this incident. The
// made-up company has classified its people as standard identities and says
// that the attacker's address is not its own.
func verdicts(out io.Writer, in *store.Incident, tenant string) error {
	catalogue, err := action.Parse("catalogue.yaml", content.ActionCatalogue())
	if err != nil {
		return err
	}
	policies, err := authority.Load(content.Authority(), catalogue)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nWho may contain it (policy version %.12s, business hours)\n", policies.Version())
	w := tabwriter.NewWriter(out, 2, 8, 2, ' ', 0)
	actors := []authority.Actor{authority.Automation, authority.AIAgent, authority.ProviderAnalyst, authority.ProviderLead, authority.CustomerApprover}
	fmt.Fprint(w, "  action\ttarget")
	for _, a := range actors {
		fmt.Fprintf(w, "\t%s", strings.ReplaceAll(string(a), "_", " "))
	}
	fmt.Fprintln(w)
	clauses := map[string]string{}
	var order []string
	for _, e := range in.Entities {
		target := classified(tenant, e)
		for _, act := range catalogue.All() {
			if act.Restores || !act.Applies(target.Type, target.AssetClass) {
				continue
			}
			fmt.Fprintf(w, "  %s\t%s", act.Name, e.Value)
			for _, actor := range actors {
				v := policies.Decide(authority.Request{
					Tenant: tenant, Actor: actor, Action: act.ID, Target: target,
					Severity: authority.Level(in.Severity), Confidence: authority.Level(in.Confidence), Hours: authority.BusinessHours,
				})
				if _, ok := clauses[v.Clause.PolicyID]; !ok {
					clauses[v.Clause.PolicyID] = v.Reason
					order = append(order, v.Clause.PolicyID)
				}
				fmt.Fprintf(w, "\t%s [%d]", verdictWord(v), indexOf(order, v.Clause.PolicyID)+1)
			}
			fmt.Fprintln(w)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for i, id := range order {
		fmt.Fprintf(out, "  [%d] %s: %s\n", i+1, id, clauses[id])
	}
	return nil
}

func classified(tenant string, e store.IncidentEntity) authority.Target {
	t := authority.Unclassified(tenant, action.TargetType(e.Type), e.Value)
	switch {
	case t.IdentityClass == authority.UnclassifiedIdentity:
		t.IdentityClass, t.Criticality = authority.StandardIdentity, authority.CriticalityNormal
	case e.Type == "ip" || e.Type == "domain":
		t.AssetClass, t.Criticality = action.External, authority.CriticalityNormal
	}
	return t
}

func verdictWord(v authority.Verdict) string {
	switch v.Kind {
	case authority.ActAlone:
		return "alone"
	case authority.NeedsApproval:
		return "asks"
	}
	return "never"
}

func indexOf(list []string, s string) int {
	for i, x := range list {
		if x == s {
			return i
		}
	}
	return -1
}
