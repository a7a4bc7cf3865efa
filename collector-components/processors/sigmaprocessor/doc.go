//go:generate go tool -modfile=../../../tools/go.mod mdatagen metadata.yaml

// Package sigmaprocessor is the sigma processor: evaluates Sigma rules and correlations on events and adds a signal for each match.
package sigmaprocessor
