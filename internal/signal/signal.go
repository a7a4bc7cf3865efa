// Package signal is what detectors say: one thing found suspicious in one or
// more events, with the rule that found it, the values that matched and the
// entities it is about. Signals travel through the pipeline as records
// (event.kind: signal); Encode and Decode turn one into the other and back.
package signal

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/openmxdr/openmxdr/internal/entity"
)

// Kind says what sort of detector made a signal.
type Kind string

// The kinds of detectors.
const (
	Rule        Kind = "rule"        // a single-event Sigma rule
	Correlation Kind = "correlation" // a Sigma correlation over several events
	Behavior    Kind = "behavior"    // a baseline of an entity
	Alert       Kind = "alert"       // another product's alert
)

// Signal is one finding. Signals are values: nobody changes one that was
// handed on. A later signal with the same ID replaces the earlier one.
type Signal struct {
	// ID is the same whenever the same events lead to the same finding.
	ID     string
	Tenant string
	Kind   Kind
	// Withdrawn: later-arriving events showed that the finding does not hold.
	Withdrawn bool

	Time  time.Time // event time of what made it fire
	First time.Time // earliest event
	Last  time.Time // latest event

	RuleID      string
	RuleName    string
	Severity    int      // 0–100; ECS event.severity
	Confidence  int      // 0–100: how sure the detector is that what it says happened
	Risk        float64  // points it adds to its entities before caps and damping
	Reason      string   // one plain sentence with the facts
	Domain      string   // endpoint, network, cloud, email, identity, saas
	Dataset     string   // event.dataset of the events
	Tactics     []string // MITRE ATT&CK, TA0001
	Techniques  []string // MITRE ATT&CK, T1078.004
	Tags        []string
	Outcome     string // ECS event.outcome of what was attempted, where known
	Entities    []entity.Entity
	Matched     []Match
	Events      []EventRef
	EventsTotal int // how many events there were when Events keeps only some
}

// Match is a field value that made a rule fire.
type Match struct {
	Field string
	Value string
}

// EventRef points at an original event.
type EventRef struct {
	ID      string // event.id, the document id in Elasticsearch
	Dataset string
	Time    time.Time
}

// MaxEvents bounds the events that one signal refers to; EventsTotal counts all.
const MaxEvents = 50

// NewID derives a signal id from what identifies the finding. The parts are
// length-prefixed, so no two lists of parts give the same id.
func NewID(parts ...string) string {
	h := sha256.New()
	var n [4]byte
	for _, p := range parts {
		n[0], n[1], n[2], n[3] = byte(len(p)>>24), byte(len(p)>>16), byte(len(p)>>8), byte(len(p))
		h.Write(n[:])
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
