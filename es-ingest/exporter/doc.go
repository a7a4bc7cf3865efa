//go:generate rm -f generated_component_test.go generated_package_test.go
//go:generate go tool -modfile=../../tools/go.mod mdatagen metadata.yaml
//go:generate sh -c "sed -i.bak 's/^package exporter$/package esingestexporter/' generated_component_test.go generated_package_test.go && rm -f generated_*.bak"

// Package esingestexporter is the es_ingest exporter: it writes events,
// signals and incidents to Elasticsearch, each exactly once, and says of every
// record what became of it.
package esingestexporter
