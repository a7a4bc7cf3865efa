package plugin

import (
	"encoding/json"
	"time"

	"github.com/openmxdr/openmxdr/es-ingest/store"
)

// The bodies of the resource API. Lists are never null. Errors of every
// resource have the form of ErrorBody.

// IncidentSummary is one line of the incident list.
type IncidentSummary struct {
	ID          string          `json:"id"`
	Title       string          `json:"title"`
	State       string          `json:"state"`
	Severity    string          `json:"severity"`
	Confidence  string          `json:"confidence"`
	Score       float64         `json:"score"`
	Domains     []string        `json:"domains"`
	Tactics     []string        `json:"tactics"`
	Entities    []SummaryEntity `json:"entities"` // at most summaryEntities, those in most signals first
	FirstSeen   time.Time       `json:"first_seen"`
	LastSeen    time.Time       `json:"last_seen"`
	SignalCount int             `json:"signal_count"`
	Revision    int64           `json:"revision"`
	Status      string          `json:"status"`
	Assignee    string          `json:"assignee"`
	Verdict     string          `json:"verdict"`
}

// SummaryEntity is an entity in the incident list.
type SummaryEntity struct {
	Type  string `json:"type"`
	Value string `json:"value"`
	Role  string `json:"role,omitempty"`
}

// IncidentList answers GET /incidents.
type IncidentList struct {
	Items      []IncidentSummary `json:"items"`
	Total      int64             `json:"total"`
	NextCursor string            `json:"next_cursor,omitempty"`
}

// IncidentDetail answers GET /incidents/{id}.
type IncidentDetail struct {
	Incident IncidentBody `json:"incident"`
	Triage   TriageBody   `json:"triage"`
}

// IncidentBody is the machine's part of an incident and its revision.
type IncidentBody struct {
	store.Machine
	Revision int64 `json:"revision"`
}

// TriageBody is people's part of an incident. Version goes back with a change.
type TriageBody struct {
	Status    string          `json:"status"`
	Assignee  string          `json:"assignee"`
	Verdict   string          `json:"verdict"`
	Comments  []store.Comment `json:"comments"`
	UpdatedAt time.Time       `json:"updated_at,omitzero"`
	UpdatedBy string          `json:"updated_by,omitempty"`
	Version   string          `json:"version"`
}

// TriageChange is the body of POST /incidents/{id}/triage. Absent members stay
// as they are.
type TriageChange struct {
	Status   *string `json:"status"`
	Assignee *string `json:"assignee"`
	Verdict  *string `json:"verdict"`
	Comment  string  `json:"comment"`
	Version  string  `json:"version"`
}

// TriageResult answers POST /incidents/{id}/triage.
type TriageResult struct {
	Triage TriageBody `json:"triage"`
}

// EventList answers GET /incidents/{id}/events. Missing are the ids of events
// that the incident names and Elasticsearch does not have (any more). Omitted
// counts events left out because the answer would become too large.
type EventList struct {
	Items   []EventBody `json:"items"`
	Missing []string    `json:"missing"`
	Omitted int         `json:"omitted"`
}

// EventBody is one original event.
type EventBody struct {
	ID        string          `json:"id"`
	Dataset   string          `json:"dataset"`
	Index     string          `json:"index"`
	Time      time.Time       `json:"time"`
	SignalIDs []string        `json:"signal_ids"`
	Document  json.RawMessage `json:"document"`
}

// IncidentAuthority answers GET /incidents/{id}/authority: for each containment
// action and each entity that it works on, who may take it.
type IncidentAuthority struct {
	Items         []ActionAuthority `json:"items"`
	PolicyVersion string            `json:"policy_version"`
	// Severity, Confidence and Hours are what the verdicts are for.
	Severity   string `json:"severity"`
	Confidence string `json:"confidence"`
	Hours      string `json:"hours"`
	// Omitted counts entities left out because the incident has too many.
	Omitted int `json:"omitted"`
}

// ActionAuthority is who may take one action on one target.
type ActionAuthority struct {
	Action     string        `json:"action"`
	ActionName string        `json:"action_name"`
	Does       string        `json:"does"`
	Undo       string        `json:"undo"`
	Risk       string        `json:"risk"`
	D3FEND     string        `json:"d3fend"` // the nearest D3FEND technique, or ""
	Target     TargetBody    `json:"target"`
	Verdicts   []VerdictBody `json:"verdicts"` // one for each actor, in a fixed order
}

// TargetBody is the target of an action and what it is to the business.
type TargetBody struct {
	Type          string `json:"type"`
	Value         string `json:"value"`
	AssetClass    string `json:"asset_class"`
	IdentityClass string `json:"identity_class"`
	Criticality   string `json:"criticality"`
	// ClassifiedBy says where the classes come from.
	ClassifiedBy string `json:"classified_by"`
}

// VerdictBody is one verdict with its reasons.
type VerdictBody struct {
	Actor    string `json:"actor"`
	Verdict  string `json:"verdict"` // act_alone, needs_approval, forbidden
	Reason   string `json:"reason"`
	PolicyID string `json:"policy_id"`
	// Clause is the policy's text, ClauseAt its file and line; both empty when
	// no policy file decided.
	Clause          string   `json:"clause"`
	ClauseAt        string   `json:"clause_at"`
	Approvers       []string `json:"approvers"`
	ApprovalsNeeded int      `json:"approvals_needed"`
	TTLSeconds      int64    `json:"ttl_seconds"`
	OnTimeout       string   `json:"on_timeout"`
}

// Named is an id with a name for people.
type Named struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// MatrixBody answers GET /authority/matrix.
type MatrixBody struct {
	PolicyVersion string       `json:"policy_version"`
	Actors        []string     `json:"actors"`
	Actions       []Named      `json:"actions"`
	TargetClasses []Named      `json:"target_classes"`
	Severities    []string     `json:"severities"`
	Confidences   []string     `json:"confidences"`
	Hours         []string     `json:"hours"`
	Cells         []MatrixCell `json:"cells"`
}

// MatrixCell is one verdict of the matrix.
type MatrixCell struct {
	Action      string `json:"action"`
	TargetClass string `json:"target_class"`
	Severity    string `json:"severity"`
	Confidence  string `json:"confidence"`
	Hours       string `json:"hours"`
	VerdictBody
}

// PoliciesBody answers GET /authority/policies.
type PoliciesBody struct {
	Version string       `json:"version"`
	Files   []PolicyFile `json:"files"`
}

// PolicyFile is one policy file.
type PolicyFile struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// WhoAmI answers GET /whoami.
type WhoAmI struct {
	Login string `json:"login"`
	Name  string `json:"name"`
	Role  string `json:"role"`
	// Actor is the part in which the user acts; empty for those who only read.
	Actor string `json:"actor"`
	May   May    `json:"may"`
}

// May says what the user may do here.
type May struct {
	Triage bool `json:"triage"`
	// Reason says why not; empty when they may.
	Reason string `json:"reason"`
}

// ErrorBody is the body of every answer with a status of 400 or above.
type ErrorBody struct {
	Error ErrorDetail `json:"error"`
	// Triage is the present state when Status is 409.
	Triage *TriageBody `json:"triage,omitempty"`
}

// ErrorDetail says what went wrong and what to do. It holds no secrets.
type ErrorDetail struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
}
