// Package event is the view of one security event that every engine reads.
//
// An Event is a flat list of fields with dotted Elastic Common Schema names.
// Names that an engine asks for are interned once, when the engine is
// compiled; after that a lookup is an array access without hashing. Names
// that nobody interned are kept with the event but are found only by a scan.
//
// The package knows no transport: adapters fill events from collector records
// or JSON and read them back. Strings are taken over as they are, never
// copied, so a filled Event is valid as long as its source is.
package event
