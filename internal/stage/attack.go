package stage

import (
	"slices"
	"strings"

	"github.com/openmxdr/openmxdr/internal/event"
)

// Level is what a Sigma level is worth.
type Level struct {
	Severity int     // ECS event.severity, 0–100
	Risk     float64 // points for the entities of a signal, before caps and damping
}

// LevelOf returns the worth of a Sigma level. Informational rules describe;
// they add no points. A rule without a level counts as low.
func LevelOf(level string) Level {
	switch strings.ToLower(level) {
	case "informational":
		return Level{10, 0}
	case "medium":
		return Level{47, riskOf(47)}
	case "high":
		return Level{73, riskOf(73)}
	case "critical":
		return Level{99, riskOf(99)}
	}
	return Level{21, riskOf(21)}
}

// riskOf turns a severity into points. The steps are those of the levels, so
// that another product's alert of the same severity weighs as much.
func riskOf(severity int) float64 {
	switch {
	case severity >= 90:
		return 75
	case severity >= 65:
		return 45
	case severity >= 40:
		return 25
	case severity >= 15:
		return 8
	}
	return 0
}

// confidenceOf turns the status of a Sigma rule into how sure its findings are.
func confidenceOf(status string) int {
	switch status {
	case "stable":
		return 75
	case "test", "":
		return 60
	}
	return 45
}

// tacticIDs are the tactics of ATT&CK for Enterprise by their Sigma tag. Rules
// use the names of version 18 (defense-evasion) and of version 19, which split
// that tactic into stealth and defense-impairment.
var tacticIDs = map[string]string{
	"reconnaissance": "TA0043", "resource-development": "TA0042", "initial-access": "TA0001", "execution": "TA0002",
	"persistence": "TA0003", "privilege-escalation": "TA0004", "defense-evasion": "TA0005", "stealth": "TA0005", "defense-impairment": "TA0112",
	"credential-access": "TA0006", "discovery": "TA0007", "lateral-movement": "TA0008", "collection": "TA0009",
	"exfiltration": "TA0010", "command-and-control": "TA0011", "impact": "TA0040",
}

// TacticIDs returns the ATT&CK tactic ids among Sigma tags, sorted.
func TacticIDs(tags []string) []string {
	var out []string
	for _, t := range tags {
		name, ok := strings.CutPrefix(strings.ToLower(t), "attack.")
		if !ok {
			continue
		}
		if id := tacticIDs[strings.ReplaceAll(name, "_", "-")]; id != "" && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// Domain returns the security domain of an event, which its mapping states.
func Domain(ev *event.Event) string { return ev.Text("mxdr.domain") }
