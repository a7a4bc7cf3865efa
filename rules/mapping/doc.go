// Package mapping turns raw vendor records into Elastic Common Schema events.
//
// A mapping is one YAML file: how its source is recognised, where the event's
// id and time are, which raw values become which fields. Load reads a folder
// of them and refuses mistakes with file, line and remedy: unknown ECS fields,
// constants that ECS does not allow, paths and conditions that make no sense.
// Compile binds the set to a table of interned field names. The resulting
// Engine is safe for concurrent use with one Scratch per goroutine.
//
// The engine never drops a record. What no mapping fits, or what fails
// part-way, becomes event.kind: pipeline_error with the reason and the
// original. It reads no clock and does no I/O. The tenant comes from the
// caller alone; nothing in a record can set organization.id, mxdr.* or the
// kinds of records that later stages write.
package mapping
