//go:generate go tool -modfile=../../../tools/go.mod mdatagen metadata.yaml

// Package healthextension answers health probes from the status that the
// collector's components report.
package healthextension
