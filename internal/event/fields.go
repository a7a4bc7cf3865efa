package event

import (
	"maps"
	"sync"
	"sync/atomic"
)

// FieldID names an interned field. The zero FieldID means "not interned".
type FieldID uint32

// Fields interns field names. It only ever grows, and only when rules,
// mappings or models are loaded, never by what an event contains, so hostile
// input cannot make it large. All methods are safe for concurrent use;
// lookups take no lock.
type Fields struct {
	mu    sync.Mutex
	table atomic.Pointer[fieldTable]
}

type fieldTable struct {
	ids   map[string]FieldID
	names []string // names[0] is unused: FieldID 0 means "not interned"
}

// NewFields returns a table that holds the given names.
func NewFields(names ...string) *Fields {
	f := &Fields{}
	f.table.Store(&fieldTable{ids: map[string]FieldID{}, names: []string{""}})
	f.InternAll(names)
	return f
}

// Intern returns the id of name and adds it if it is new. Interning copies
// the table; use InternAll for many names.
func (f *Fields) Intern(name string) FieldID {
	if id := f.ID(name); id != 0 {
		return id
	}
	return f.InternAll([]string{name})[0]
}

// InternAll returns the ids of names in order, adding those that are new.
func (f *Fields) InternAll(names []string) []FieldID {
	f.mu.Lock()
	defer f.mu.Unlock()
	old := f.table.Load()
	ids := make([]FieldID, len(names))
	var next *fieldTable
	for i, name := range names {
		t := old
		if next != nil {
			t = next
		}
		id, ok := t.ids[name]
		if !ok {
			if next == nil {
				next = &fieldTable{ids: maps.Clone(old.ids), names: append([]string(nil), old.names...)}
			}
			id = FieldID(len(next.names))
			next.ids[name] = id
			next.names = append(next.names, name)
		}
		ids[i] = id
	}
	if next != nil {
		f.table.Store(next)
	}
	return ids
}

// ID returns the id of name, or 0 if name was never interned.
func (f *Fields) ID(name string) FieldID { return f.table.Load().ids[name] }

// Name returns the name of id, or "" for an id that this table did not give.
func (f *Fields) Name(id FieldID) string {
	t := f.table.Load()
	if int(id) >= len(t.names) {
		return ""
	}
	return t.names[id]
}

// Len returns the number of interned names.
func (f *Fields) Len() int { return len(f.table.Load().names) - 1 }
