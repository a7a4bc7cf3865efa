//go:generate go tool -modfile=../../../tools/go.mod mdatagen metadata.yaml

// Package incidentprocessor is the incident processor: joins signals that share entities into incidents and adds a revision whenever one changes.
package incidentprocessor
