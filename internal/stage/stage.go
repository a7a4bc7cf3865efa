// Package stage joins the engines to the records they read and write: events
// in, signals and incident revisions out. The collector's processors and the
// command line run the same stages.
package stage

import (
	"github.com/openmxdr/openmxdr/internal/event"
)

// Stage looks at events and adds records. The same events give the same
// records with the same ids in whatever order and batches they come.
type Stage interface {
	// Prepare does what needs no memory of earlier events. It may be called
	// from several goroutines. Its result refers to batch.
	Prepare(batch []*event.Event) Prepared
	// Apply takes a prepared batch in. It returns the records to add, and a
	// delta by which Restore can take the same batch in again; nil if the
	// state did not change. Calls of Apply, Snapshot and Restore must not
	// overlap, and deltas must be kept in the order of the calls. Nothing of
	// the batch is kept.
	Apply(Prepared) (added []*event.Event, delta []byte)
	// Snapshot returns the whole state.
	Snapshot() ([]byte, error)
	// Restore replaces the state by a snapshot (nil: empty) and the deltas
	// that came after it, and returns what those deltas added, to be handed
	// on again: whether it was, nobody knows.
	Restore(snapshot []byte, deltas [][]byte) (added []*event.Event, err error)
	// Counters returns what the stage counted since it was made, by name.
	// Like Apply it must not overlap other calls.
	Counters() map[string]int64
}

// Prepared is the result of a stage's Prepare, for its own Apply.
type Prepared any

// Run is Prepare and Apply in one, for callers without a journal.
func Run(s Stage, batch []*event.Event) []*event.Event {
	added, _ := s.Apply(s.Prepare(batch))
	return added
}

// The kinds of records, ECS event.kind.
const (
	KindSignal        = "signal"
	KindState         = "state"
	KindPipelineError = "pipeline_error"
)

// Telemetry tells whether an event is normalized telemetry and not something
// that the pipeline itself wrote.
func Telemetry(ev *event.Event) bool {
	switch ev.Text("event.kind") {
	case KindSignal, KindState, KindPipelineError:
		return false
	}
	return true
}
