package incident

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/openmxdr/openmxdr/internal/entity"
	"github.com/openmxdr/openmxdr/internal/signal"
)

// nouns says the entity types in plain words.
var nouns = map[entity.Type]string{
	entity.User: "user", entity.Host: "host", entity.IP: "address", entity.MailMessage: "message", entity.FileHash: "file",
	entity.Session: "session", entity.CloudPrincipal: "cloud principal", entity.Process: "process", entity.Domain: "domain",
}

// tacticNames are the ATT&CK Enterprise tactics in kill-chain order.
var tacticNames = []struct{ id, name string }{
	{"TA0043", "Reconnaissance"}, {"TA0042", "Resource Development"}, {"TA0001", "Initial Access"}, {"TA0002", "Execution"},
	{"TA0003", "Persistence"}, {"TA0004", "Privilege Escalation"}, {"TA0005", "Defense Evasion"}, {"TA0006", "Credential Access"},
	{"TA0007", "Discovery"}, {"TA0008", "Lateral Movement"}, {"TA0009", "Collection"}, {"TA0011", "Command and Control"},
	{"TA0010", "Exfiltration"}, {"TA0040", "Impact"},
}

const clock = "2 January 2006 15:04"

// tellStory writes title, summary and story from the facts that the incident
// already holds.
func tellStory(inc *Incident, members []member) {
	main := mainParticipant(inc.Entities)
	inc.Title = title(members, main)
	inc.Summary = summary(inc, members, main)
	for _, m := range members {
		if !m.lead {
			continue
		}
		line := StoryLine{Time: m.sig.Time.UTC(), Text: sentence(m.sig), Signal: m.sig.ID}
		if len(m.sig.Tactics) > 0 {
			line.Tactic = m.sig.Tactics[0]
		}
		if m.count > 1 {
			line.Text += fmt.Sprintf(" This was seen %d times until %s UTC.", m.count, time.Unix(0, m.until).UTC().Format(clock))
		}
		inc.Story = append(inc.Story, line)
	}
}

// mainParticipant is who the incident is about: a person before a principal
// before a host, the one in most signals.
func mainParticipant(all []Participant) *Participant {
	for _, t := range []entity.Type{entity.User, entity.CloudPrincipal, entity.Host} {
		for i := range all {
			if all[i].Type == string(t) {
				return &all[i]
			}
		}
	}
	if len(all) > 0 {
		return &all[0]
	}
	return nil
}

func title(members []member, main *Participant) string {
	var names []string
	for _, m := range members {
		names = appendMissing(names, ruleName(m.sig))
	}
	shown := names[:min(len(names), 3)]
	t := strings.Join(shown, ", ")
	if more := len(names) - len(shown); more > 0 {
		t += fmt.Sprintf(" and %d more", more)
	}
	if main != nil {
		t += ": " + show(main.Value)
	}
	return cut(t, 300)
}

func summary(inc *Incident, members []member, main *Participant) string {
	var b strings.Builder
	rules := map[string]bool{}
	failed := 0
	for _, m := range members {
		rules[m.sig.RuleID] = true
		if m.sig.Outcome == "failure" {
			failed++
		}
	}
	fmt.Fprintf(&b, "%s from %s", plural(inc.SignalsTotal, "signal"), plural(len(rules), "detector"))
	if len(inc.Domains) > 0 {
		fmt.Fprintf(&b, " (%s)", strings.Join(inc.Domains, ", "))
	}
	if main != nil {
		fmt.Fprintf(&b, " concern the %s %s", nouns[entity.Type(main.Type)], show(main.Value))
	}
	fmt.Fprintf(&b, ", from %s to %s UTC.", inc.FirstSeen.Format(clock), inc.LastSeen.Format(clock))
	if others := valuesOf(inc.Entities, 3, func(p *Participant) bool {
		return p != main && (p.Type == string(entity.User) || p.Type == string(entity.Host) || p.Type == string(entity.CloudPrincipal))
	}); others != "" {
		fmt.Fprintf(&b, " Also involved: %s.", others)
	}
	if from := valuesOf(inc.Entities, 3, func(p *Participant) bool {
		return p.Type == string(entity.IP) && p.Role == string(entity.Source)
	}); from != "" {
		fmt.Fprintf(&b, " It came from %s.", from)
	}
	if t := tacticList(inc.Tactics); t != "" {
		fmt.Fprintf(&b, " ATT&CK tactics: %s.", t)
	}
	if failed > 0 {
		fmt.Fprintf(&b, " %d of the %s listed failed or were blocked.", failed, plural(len(members), "attempt"))
	}
	if n := inc.SignalsTotal - len(members); n > 0 {
		fmt.Fprintf(&b, " %s more of the same are counted and not listed.", plural(n, "signal"))
	}
	for _, c := range inc.Contradicts[:min(len(inc.Contradicts), 3)] {
		b.WriteString(" " + c.Text)
	}
	for _, r := range inc.Related[:min(len(inc.Related), 3)] {
		fmt.Fprintf(&b, " Incident %s shares names with it and is kept apart: %s.", r.ID, r.Reason)
	}
	return b.String()
}

// valuesOf lists the values of at most n participants that choose picks, and
// how many more there are.
func valuesOf(all []Participant, n int, choose func(*Participant) bool) string {
	var names []string
	more := 0
	for i := range all {
		if !choose(&all[i]) {
			continue
		}
		if len(names) < n {
			names = append(names, show(all[i].Value))
		} else {
			more++
		}
	}
	s := strings.Join(names, ", ")
	if more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}

func tacticList(ids []string) string {
	var names []string
	for _, t := range tacticNames {
		if slices.Contains(ids, t.id) {
			names = append(names, t.name)
		}
	}
	return strings.Join(names, ", ")
}

// sentence says what one signal found, in its detector's words where it has some.
func sentence(s *signal.Signal) string {
	text := show(s.Reason)
	if text == "" {
		text = ruleName(s)
		var who, where string
		for _, e := range s.Entities {
			switch {
			case who == "" && (e.Type == entity.User || e.Type == entity.CloudPrincipal):
				who = " by " + show(e.Value)
			case where == "" && e.Type == entity.Host:
				where = " on " + show(e.Value)
			case where == "" && e.Type == entity.IP && e.Role == entity.Source:
				where = " from " + show(e.Value)
			}
		}
		text += who + where
	}
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	if s.Outcome == "failure" {
		text += " The attempt failed or was blocked."
	}
	return text
}

// show makes text from a log fit for one line: attackers write it.
func show(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, s)
	if short := cut(s, 300); short != s {
		return short + "…"
	}
	return s
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// ago says a span of time in its largest unit.
func ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return plural(int(d/time.Second), "second")
	case d < 2*time.Hour:
		return plural(int(d/time.Minute), "minute")
	case d < 48*time.Hour:
		return plural(int(d/time.Hour), "hour")
	}
	return plural(int(d/(24*time.Hour)), "day")
}
