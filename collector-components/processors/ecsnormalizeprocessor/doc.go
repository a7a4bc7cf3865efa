//go:generate go tool -modfile=../../../tools/go.mod mdatagen metadata.yaml

// Package ecsnormalizeprocessor is the ecs_normalize processor: turns raw vendor records into Elastic Common Schema events by declarative mappings.
package ecsnormalizeprocessor
