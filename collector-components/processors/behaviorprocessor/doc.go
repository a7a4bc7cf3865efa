//go:generate go tool -modfile=../../../tools/go.mod mdatagen metadata.yaml

// Package behaviorprocessor is the behavior processor: learns what is usual for each entity and adds a signal for what is new.
package behaviorprocessor
