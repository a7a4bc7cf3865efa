package store

import (
	"encoding/json"
	"errors"
	"time"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrNotFound: the tenant has no such incident.
	ErrNotFound = errors.New("not found")
	// ErrConflict: somebody else changed the triage part since the caller
	// read it. Read again and decide again.
	ErrConflict = errors.New("changed by someone else in the meantime")
	// ErrInvalid: the caller asked for something that makes no sense; the
	// text says what.
	ErrInvalid = errors.New("invalid request")
)

// Incident is one incident document: the machine's part, and what people made
// of it.
type Incident struct {
	Machine
	// Revision counts the machine's revisions, from 1.
	Revision int64  `json:"revision"`
	Tenant   string `json:"tenant"`
	Triage   Triage `json:"triage"`
	// TriageVersion stands for exactly this state of the triage part.
	// UpdateTriage takes it back and refuses if the part has changed.
	TriageVersion string `json:"triage_version"`
}

// Machine is the machine's part of an incident, as docs/schema.md has it.
type Machine struct {
	ID         string           `json:"id"`
	Title      string           `json:"title"`
	Summary    string           `json:"summary"`
	State      string           `json:"state"` // open, merged, dissolved
	MergedInto string           `json:"merged_into,omitempty"`
	Confidence string           `json:"confidence"` // low, medium, high
	Severity   string           `json:"severity"`   // low, medium, high, critical
	Score      float64          `json:"score"`
	FirstSeen  time.Time        `json:"first_seen"`
	LastSeen   time.Time        `json:"last_seen"`
	Domains    []string         `json:"domains"`
	Tactics    []string         `json:"tactics"`
	Techniques []string         `json:"techniques"`
	Entities   []IncidentEntity `json:"entities"`
	Signals    []IncidentSignal `json:"signals"`
	Edges      []Edge           `json:"edges"`
	ScoreParts []ScorePart      `json:"score_parts"`
	Story      []StoryLine      `json:"story"`
	// SignalsTotal and EdgesTotal count all; the lists hold the first and the
	// last of many alike.
	SignalsTotal   int             `json:"signals_total"`
	EdgesTotal     int             `json:"edges_total"`
	Related        []Related       `json:"related,omitempty"`
	Contradictions []Contradiction `json:"contradictions,omitempty"`
}

// Related is another incident that shares an entity and was not merged.
type Related struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// Contradiction says that two signals tell different outcomes of one thing.
type Contradiction struct {
	Entity    string `json:"entity"`    // type:value, or event:id
	Succeeded string `json:"succeeded"` // signal id
	Failed    string `json:"failed"`    // signal id
	Text      string `json:"text"`
}

// Entity is something that a signal is about.
type Entity struct {
	Type    string   `json:"type"`
	Value   string   `json:"value"`
	Role    string   `json:"role,omitempty"`
	Aliases []string `json:"aliases,omitempty"`
}

// IncidentEntity is an entity and in how many of the incident's signals it is.
type IncidentEntity struct {
	Entity
	Signals int `json:"signals"`
}

// Match is a field value that made a rule fire.
type Match struct {
	Field string `json:"field"`
	Value string `json:"value"`
}

// EventRef points at an original event.
type EventRef struct {
	ID      string    `json:"id"`
	Dataset string    `json:"dataset,omitempty"`
	Time    time.Time `json:"time,omitzero"`
}

// IncidentSignal is what an incident tells about one of its signals.
type IncidentSignal struct {
	ID          string     `json:"id"`
	Kind        string     `json:"kind"`
	RuleID      string     `json:"rule_id"`
	RuleName    string     `json:"rule_name"`
	Severity    int        `json:"severity"`
	Confidence  int        `json:"confidence"`
	Domain      string     `json:"domain"`
	Dataset     string     `json:"dataset"`
	Time        time.Time  `json:"time"`
	Reason      string     `json:"reason"`
	Outcome     string     `json:"outcome,omitempty"`
	Tactics     []string   `json:"tactics,omitempty"`
	Techniques  []string   `json:"techniques,omitempty"`
	Entities    []Entity   `json:"entities,omitempty"`
	Matched     []Match    `json:"matched,omitempty"`
	Events      []EventRef `json:"events,omitempty"`
	EventsTotal int        `json:"events_total"`
}

// Edge says why two signals belong together.
type Edge struct {
	From     string  `json:"from"`
	To       string  `json:"to"`
	Entity   string  `json:"entity"`
	Strength string  `json:"strength"`
	Weight   float64 `json:"weight"`
	Reason   string  `json:"reason"`
}

// ScorePart is one line of how the score adds up.
type ScorePart struct {
	Label  string  `json:"label"`
	Points float64 `json:"points"`
	Signal string  `json:"signal,omitempty"`
}

// StoryLine is one line of the incident's story.
type StoryLine struct {
	Time   time.Time `json:"time"`
	Text   string    `json:"text"`
	Signal string    `json:"signal,omitempty"`
	Tactic string    `json:"tactic,omitempty"`
}

// The states of triage.
const (
	StatusNew        = "new"
	StatusInProgress = "in_progress"
	StatusResolved   = "resolved"
	StatusClosed     = "closed"
)

// The verdicts of triage; the empty verdict means none yet.
const (
	VerdictTruePositive  = "true_positive"
	VerdictBenign        = "benign"
	VerdictFalsePositive = "false_positive"
)

// Triage is people's part of an incident. An incident nobody touched has
// status new and nothing else.
type Triage struct {
	Status    string    `json:"status"`
	Assignee  string    `json:"assignee,omitempty"`
	Verdict   string    `json:"verdict,omitempty"`
	Comments  []Comment `json:"comments,omitempty"`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
	UpdatedBy string    `json:"updated_by,omitempty"`
}

// Comment is one remark on an incident.
type Comment struct {
	Time   time.Time `json:"time"`
	Author string    `json:"author"`
	Text   string    `json:"text"`
}

// TriageChange is what one person changes. Nil fields stay as they are.
type TriageChange struct {
	Status   *string `json:"status,omitempty"`
	Assignee *string `json:"assignee,omitempty"`
	Verdict  *string `json:"verdict,omitempty"`
	Comment  string  `json:"comment,omitempty"` // added to the comments if not empty
}

// Limits of what people may write, in bytes.
const (
	MaxAssignee = 256
	MaxComment  = 10_000
	MaxComments = 1_000
)

// Signal is one signal document.
type Signal struct {
	ID          string     `json:"id"`
	Tenant      string     `json:"tenant"`
	Kind        string     `json:"kind"`
	Status      string     `json:"status"` // active, withdrawn
	Time        time.Time  `json:"time"`
	First       time.Time  `json:"first"`
	Last        time.Time  `json:"last"`
	RuleID      string     `json:"rule_id"`
	RuleName    string     `json:"rule_name"`
	Severity    int        `json:"severity"`
	Confidence  int        `json:"confidence"`
	Risk        float64    `json:"risk"`
	Reason      string     `json:"reason"`
	Outcome     string     `json:"outcome,omitempty"`
	Domain      string     `json:"domain"`
	Dataset     string     `json:"dataset"`
	Tactics     []string   `json:"tactics"`
	Techniques  []string   `json:"techniques"`
	Tags        []string   `json:"tags"`
	Entities    []Entity   `json:"entities"`
	Matched     []Match    `json:"matched"`
	Events      []EventRef `json:"events"`
	EventsTotal int        `json:"events_total"`
}

// Event is one original event: the whole ECS document as it is stored.
type Event struct {
	ID      string          `json:"id"`
	Dataset string          `json:"dataset"`
	Time    time.Time       `json:"time"`
	Source  json.RawMessage `json:"source"`
}

// TimeRange is a half-open span of event time, [From, To). A zero end leaves
// that side open.
type TimeRange struct {
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
}

// IncidentFilter chooses incidents. Empty fields choose all; the values of one
// field are alternatives; different fields must all hold.
type IncidentFilter struct {
	// Time chooses incidents of which some part lies in the span.
	Time       TimeRange `json:"time,omitzero"`
	States     []string  `json:"states,omitempty"` // open, merged, dissolved; empty means open
	Statuses   []string  `json:"statuses,omitempty"`
	Severities []string  `json:"severities,omitempty"`
	Confidence []string  `json:"confidence,omitempty"`
	Domains    []string  `json:"domains,omitempty"`
	Tactics    []string  `json:"tactics,omitempty"`
	Techniques []string  `json:"techniques,omitempty"`
	Verdicts   []string  `json:"verdicts,omitempty"`
	Assignees  []string  `json:"assignees,omitempty"` // "" chooses incidents without one
	// Entities are "type:value", or a value of any type. Aliases count.
	Entities []string `json:"entities,omitempty"`
	// Text are words that must all occur in title, summary, reasons, rule
	// names or entity values. It is not a query language.
	Text string `json:"text,omitempty"`
}

// SignalFilter chooses signals, in the manner of IncidentFilter.
type SignalFilter struct {
	Time        TimeRange `json:"time,omitzero"`
	IDs         []string  `json:"ids,omitempty"`
	Kinds       []string  `json:"kinds,omitempty"`
	Statuses    []string  `json:"statuses,omitempty"` // active, withdrawn
	RuleIDs     []string  `json:"rule_ids,omitempty"`
	Domains     []string  `json:"domains,omitempty"`
	Datasets    []string  `json:"datasets,omitempty"`
	Techniques  []string  `json:"techniques,omitempty"`
	MinSeverity int       `json:"min_severity,omitempty"`
	Entities    []string  `json:"entities,omitempty"`
	Text        string    `json:"text,omitempty"`
}

// Page says which part of a result, in which order.
type Page struct {
	// Sort is one of the names in IncidentSorts or SignalSorts; empty means
	// last_seen for incidents and time for signals.
	Sort string `json:"sort,omitempty"`
	// Ascending turns the order round; without it the largest come first.
	Ascending bool `json:"ascending,omitempty"`
	// Size is the number of results, 1 to MaxPage; 0 means 50.
	Size int `json:"size,omitempty"`
	// After is the Next of the page before; empty begins at the start.
	After string `json:"after,omitempty"`
}

// MaxPage is the largest page.
const MaxPage = 500

// IncidentPage is one page of incidents.
type IncidentPage struct {
	Incidents []Incident `json:"incidents"`
	Total     int64      `json:"total"`          // how many the filter chooses, exactly
	Next      string     `json:"next,omitempty"` // for Page.After; empty on the last page
}

// SignalPage is one page of signals.
type SignalPage struct {
	Signals []Signal `json:"signals"`
	Total   int64    `json:"total"`
	Next    string   `json:"next,omitempty"`
}

// Series is one line of a chart.
type Series struct {
	Name   string  `json:"name"`
	Points []Point `json:"points"`
}

// Point is a count at the start of an interval.
type Point struct {
	Time  time.Time `json:"time"`
	Count int64     `json:"count"`
}

// Count is a value and how many documents have it.
type Count struct {
	Value string `json:"value"`
	Count int64  `json:"count"`
}
