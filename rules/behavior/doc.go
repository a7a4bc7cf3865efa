// Package behavior learns what is usual for each entity and says when
// something is new.
//
// A Model is declarative: which events it reads, whose habits it learns, which
// features of those events it remembers, and what novelty is worth. A feature
// of an event is new if the entity did not have that value in the time Forget
// before, and if the entity's habits in that feature have been watched for
// longer than Learn. One event gives at most one signal of a model, which
// names everything that is new about it: "signed in from a new country and a
// new network" is one thing for an analyst, not two.
//
// The final signals are a pure function of the events, in any order of
// arrival and however often each is delivered. An event that arrives late may
// show that a later one was not the first: that one's signal is then emitted
// again with what is left, or withdrawn. The id of a signal derives from
// tenant, model, entity and event id. All times are event times.
package behavior
