package incident

import (
	"time"

	"github.com/openmxdr/openmxdr/internal/entity"
	"github.com/openmxdr/openmxdr/internal/signal"
)

// The states of an incident.
const (
	Open      = "open"
	Merged    = "merged"    // another incident has its signals; see MergedInto
	Dissolved = "dissolved" // its signals were withdrawn or no longer suffice
)

// The levels of confidence and severity.
const (
	Low      = "low"
	Medium   = "medium"
	High     = "high"
	Critical = "critical"
)

// Incident is one revision of one incident. It is a line of incidents.ndjson
// and, under mxdr.incident, the machine's part of the incident document.
type Incident struct {
	ID         string        `json:"id"`
	Tenant     string        `json:"tenant"`
	Revision   int64         `json:"revision"` // from 1
	Title      string        `json:"title"`
	Summary    string        `json:"summary"`
	State      string        `json:"state"`
	MergedInto string        `json:"merged_into,omitempty"`
	Confidence string        `json:"confidence"`
	Severity   string        `json:"severity"`
	Score      float64       `json:"score"`
	FirstSeen  time.Time     `json:"first_seen"`
	LastSeen   time.Time     `json:"last_seen"`
	Domains    []string      `json:"domains"`
	Tactics    []string      `json:"tactics"`
	Techniques []string      `json:"techniques"`
	Entities   []Participant `json:"entities"`
	Signals    []Finding     `json:"signals"`
	// SignalsTotal counts all signals; Signals lists at most
	// Config.MaxListed of each finding.
	SignalsTotal int           `json:"signals_total"`
	Edges        []Edge        `json:"edges"`
	EdgesTotal   int           `json:"edges_total"` // Edges lists those between listed signals
	ScoreParts   []ScorePart   `json:"score_parts"`
	Story        []StoryLine   `json:"story"`
	Related      []Related     `json:"related,omitempty"`
	Contradicts  []Contrasting `json:"contradictions,omitempty"`
}

// Entity is an entity in one signal.
type Entity struct {
	Type    string   `json:"type"`
	Value   string   `json:"value"`
	Role    string   `json:"role,omitempty"`
	Aliases []string `json:"aliases,omitempty"`
}

// Participant is an entity and in how many of the listed signals it is.
type Participant struct {
	Entity
	Signals int `json:"signals"`
}

// Finding is a signal as an incident shows it.
type Finding struct {
	ID          string    `json:"id"`
	Kind        string    `json:"kind"`
	RuleID      string    `json:"rule_id"`
	RuleName    string    `json:"rule_name"`
	Severity    int       `json:"severity"`
	Confidence  int       `json:"confidence"`
	Domain      string    `json:"domain"`
	Dataset     string    `json:"dataset"`
	Time        time.Time `json:"time"`
	Reason      string    `json:"reason"`
	Outcome     string    `json:"outcome,omitempty"`
	Tactics     []string  `json:"tactics,omitempty"`
	Techniques  []string  `json:"techniques,omitempty"`
	Entities    []Entity  `json:"entities,omitempty"`
	Matched     []Match   `json:"matched,omitempty"`
	Events      []Event   `json:"events,omitempty"`
	EventsTotal int       `json:"events_total"`
}

// Match is a field value that made a rule fire.
type Match struct {
	Field string `json:"field"`
	Value string `json:"value"`
}

// Event points at an original event.
type Event struct {
	ID      string    `json:"id"`
	Dataset string    `json:"dataset,omitempty"`
	Time    time.Time `json:"time,omitzero"`
}

// Edge says why two signals belong together.
type Edge struct {
	From     string  `json:"from"`
	To       string  `json:"to"`
	Entity   string  `json:"entity"`   // type:value
	Strength string  `json:"strength"` // strong, weak
	Weight   float64 `json:"weight"`   // 0 to 1
	Reason   string  `json:"reason"`
}

// ScorePart is one line of how the score adds up.
type ScorePart struct {
	Label  string  `json:"label"`
	Points float64 `json:"points"` // a whole number
	Signal string  `json:"signal,omitempty"`
}

// StoryLine is one line of what happened.
type StoryLine struct {
	Time   time.Time `json:"time"`
	Text   string    `json:"text"`
	Signal string    `json:"signal,omitempty"`
	Tactic string    `json:"tactic,omitempty"`
}

// Related names an incident that shares a key with this one and was not
// merged with it.
type Related struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// Contrasting says that two signals tell different outcomes of the same thing.
type Contrasting struct {
	Entity    string `json:"entity"`    // type:value, or event:id
	Succeeded string `json:"succeeded"` // signal id
	Failed    string `json:"failed"`    // signal id
	Text      string `json:"text"`
}

// Triage is what people decided about an incident. The zero Triage is none.
type Triage struct {
	// ClosedThrough is the event time up to which a closed incident owns its
	// signals; the zero time means open. What happens later starts a new
	// incident, which names the closed one.
	ClosedThrough time.Time
	Assignee      string
	Verdict       string // true_positive, benign, false_positive or empty
}

// ID returns the id of the incident whose earliest signal is the given one.
func ID(tenant, anchorSignal string) string { return signal.NewID("incident", tenant, anchorSignal) }

// finding makes what an incident shows of a signal.
func finding(s *signal.Signal) Finding {
	f := Finding{
		ID: s.ID, Kind: string(s.Kind), RuleID: s.RuleID, RuleName: s.RuleName, Severity: s.Severity, Confidence: s.Confidence,
		Domain: s.Domain, Dataset: s.Dataset, Time: s.Time, Reason: s.Reason, Outcome: s.Outcome,
		Tactics: s.Tactics, Techniques: s.Techniques, EventsTotal: s.EventsTotal,
	}
	for _, e := range s.Entities {
		f.Entities = append(f.Entities, shown(e))
	}
	for _, m := range s.Matched {
		f.Matched = append(f.Matched, Match(m))
	}
	for _, r := range s.Events {
		f.Events = append(f.Events, Event(r))
	}
	return f
}

func shown(e entity.Entity) Entity {
	return Entity{Type: string(e.Type), Value: e.Value, Role: string(e.Role), Aliases: e.Aliases}
}
