// Package ecs knows the fields of the Elastic Common Schema: their names,
// types, whether they hold lists, and the values that the schema allows.
package ecs

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
)

//go:generate go run gen.go -in $MXDR_TESTDATA/ecs/ecs_flat.yml

// Version is the value of ecs.version on records that follow this table.
const Version = "9.4.0"

//go:embed fields.tsv
var table string

// Type is the kind of value that a field takes.
type Type uint8

// The types, named by what a value must be; Elasticsearch types that take the
// same values share one.
const (
	Keyword Type = iota // text of any kind: keyword, wildcard, text, match_only_text
	Long
	Float
	Boolean
	Date
	IP
	GeoPoint
	Object // object, nested, flattened
)

// Field is one field of the schema.
type Field struct {
	Name string
	Type Type
	// Array tells that the schema asks for a list.
	Array bool
	// Allowed are the only values of the field; empty means any.
	Allowed []string
}

// Allows tells whether the schema lets the field have the value s.
func (f *Field) Allows(s string) bool {
	return len(f.Allowed) == 0 || slices.Contains(f.Allowed, s)
}

var fields = sync.OnceValue(func() map[string]*Field {
	m := make(map[string]*Field, 2048)
	for line := range strings.Lines(table) {
		c := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(c) != 4 {
			continue
		}
		f := &Field{Name: c[0], Type: typeOf(c[1]), Array: c[2] == "array"}
		if c[3] != "" {
			f.Allowed = strings.Split(c[3], ",")
		}
		m[f.Name] = f
	}
	return m
})

func typeOf(s string) Type {
	switch s {
	case "long", "unsigned_long", "integer":
		return Long
	case "float", "scaled_float", "double":
		return Float
	case "boolean":
		return Boolean
	case "date":
		return Date
	case "ip":
		return IP
	case "geo_point":
		return GeoPoint
	case "object", "nested", "flattened":
		return Object
	}
	return Keyword
}

// Lookup returns the field name, or false if the schema has no such field.
func Lookup(name string) (*Field, bool) {
	f, ok := fields()[name]
	return f, ok
}

// All calls yield for every field, in no order.
func All(yield func(*Field) bool) {
	for _, f := range fields() {
		if !yield(f) {
			return
		}
	}
}

// Root tells whether name begins with one of the schema's field sets, so that
// a name in it that Lookup does not know is a mistake.
func Root(name string) bool {
	top, _, _ := strings.Cut(name, ".")
	return roots()[top]
}

var roots = sync.OnceValue(func() map[string]bool {
	m := map[string]bool{}
	for name := range fields() {
		top, _, _ := strings.Cut(name, ".")
		m[top] = true
	}
	return m
})

// Parent tells whether the schema has fields under name.
func Parent(name string) bool { return parents()[name] }

var parents = sync.OnceValue(func() map[string]bool {
	m := map[string]bool{}
	for name := range fields() {
		for i := strings.LastIndexByte(name, '.'); i > 0; i = strings.LastIndexByte(name[:i], '.') {
			m[name[:i]] = true
		}
	}
	return m
})
