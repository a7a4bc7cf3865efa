// Package document decodes one raw record into a tree with path lookups.
//
// A Document reads JSON, XML and plain text, and can be built from an
// event.Value. It is made for reuse: nodes lie in one slice, and strings are
// parts of the input wherever the input spells them without escapes. Decoded
// strings stay valid after Reset, because their memory is never written twice.
//
// The input is hostile. Depth, number of nodes and length are limited, every
// decoder runs in time linear in its input, and an error says at which byte
// the input went wrong. Invalid UTF-8 is replaced by U+FFFD. Of members with
// the same name the first counts.
package document
