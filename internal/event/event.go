package event

import "time"

// Event is one event: its event time and its fields. Field names are unique.
//
// An Event is not safe for concurrent writing; any number of readers may share
// one that nobody writes. Reset makes an Event reusable without giving up its
// memory.
type Event struct {
	// Time is when the event happened, by its source (ECS @timestamp).
	// It is kept here and is not one of the fields.
	Time time.Time
	// Observed is when the pipeline received the event, zero if unknown.
	Observed time.Time

	fields *Fields
	list   []Field
	slot   []uint64 // by FieldID: epoch<<32 | index into list + 1
	epoch  uint32
}

// New returns an empty event whose names are looked up in fields.
func New(fields *Fields) *Event {
	return &Event{fields: fields, epoch: 1}
}

// Fields returns the table in which the event's names are interned.
func (e *Event) Fields() *Fields { return e.fields }

// Reset empties the event and keeps its memory.
func (e *Event) Reset() {
	e.Time, e.Observed = time.Time{}, time.Time{}
	clear(e.list)
	e.list = e.list[:0]
	e.epoch++
	if e.epoch == 0 {
		clear(e.slot)
		e.epoch = 1
	}
}

// Len returns the number of fields.
func (e *Event) Len() int { return len(e.list) }

// At returns field i, in the order of insertion; 0 ≤ i < Len().
func (e *Event) At(i int) Field { return e.list[i] }

// All calls yield for every field in the order of insertion.
func (e *Event) All(yield func(Field) bool) {
	for i := range e.list {
		if !yield(e.list[i]) {
			return
		}
	}
}

// Get returns the value of an interned field. It does not hash or allocate.
func (e *Event) Get(id FieldID) (Value, bool) {
	if int(id) < len(e.slot) {
		if s := e.slot[id]; uint32(s>>32) == e.epoch {
			return e.list[uint32(s)-1].Value, true
		}
	}
	return Value{}, false
}

// Lookup returns the value of a field by name.
func (e *Event) Lookup(name string) (Value, bool) {
	if id := e.fields.ID(name); id != 0 {
		if v, ok := e.Get(id); ok {
			return v, true
		}
	}
	if i := e.scan(name); i >= 0 {
		return e.list[i].Value, true
	}
	return Value{}, false
}

// Text returns the text of field name, "" if it is absent.
func (e *Event) Text(name string) string {
	v, _ := e.Lookup(name)
	return v.Text()
}

// Set gives field name the value v, replacing what it had.
func (e *Event) Set(name string, v Value) {
	id := e.fields.ID(name)
	if i := e.index(id, name); i >= 0 {
		e.list[i].Value = v
		return
	}
	e.append(id, name, v)
}

// SetID is Set for an interned field.
func (e *Event) SetID(id FieldID, v Value) {
	if i := e.index(id, ""); i >= 0 {
		e.list[i].Value = v
		return
	}
	e.append(id, e.fields.Name(id), v)
}

// Add is Set for a name that the caller knows to be new to the event; it
// skips the search that Set needs for names that are not interned. Adding an
// interned name twice replaces its value all the same.
func (e *Event) Add(name string, v Value) {
	id := e.fields.ID(name)
	if id != 0 {
		if i := e.index(id, name); i >= 0 {
			e.list[i].Value = v
			return
		}
	}
	e.append(id, name, v)
}

// SetString sets a string field and leaves the event alone if s is empty.
func (e *Event) SetString(name, s string) {
	if s != "" {
		e.Set(name, StringValue(s))
	}
}

// Delete removes a field and tells whether it was there. The order of the
// remaining fields changes: the last one takes its place.
func (e *Event) Delete(name string) bool {
	id := e.fields.ID(name)
	i := e.index(id, name)
	if i < 0 {
		return false
	}
	last := len(e.list) - 1
	if f := e.list[i]; f.ID != 0 {
		e.slot[f.ID] = 0
	}
	if i != last {
		e.list[i] = e.list[last]
		if f := e.list[i]; f.ID != 0 {
			e.slot[f.ID] = uint64(e.epoch)<<32 | uint64(i+1)
		}
	}
	e.list[last] = Field{}
	e.list = e.list[:last]
	return true
}

// Clone returns a copy that shares no memory that e.Reset would reuse.
// Strings and composite values are shared.
func (e *Event) Clone() *Event {
	c := New(e.fields)
	c.Time, c.Observed = e.Time, e.Observed
	c.list = make([]Field, 0, len(e.list))
	for _, f := range e.list {
		c.append(c.fields.ID(f.Name), f.Name, f.Value)
	}
	return c
}

func (e *Event) append(id FieldID, name string, v Value) {
	e.list = append(e.list, Field{ID: id, Name: name, Value: v})
	if id == 0 {
		return
	}
	if int(id) >= len(e.slot) {
		grown := make([]uint64, max(e.fields.Len()+1, int(id)+1))
		copy(grown, e.slot)
		e.slot = grown
	}
	e.slot[id] = uint64(e.epoch)<<32 | uint64(len(e.list))
}

// index finds a field by id, or by name when it is not interned (or was
// interned only after the event was filled).
func (e *Event) index(id FieldID, name string) int {
	if id != 0 && int(id) < len(e.slot) {
		if s := e.slot[id]; uint32(s>>32) == e.epoch {
			return int(uint32(s)) - 1
		}
	}
	if name == "" {
		name = e.fields.Name(id)
	}
	return e.scan(name)
}

// scan looks among the fields that were not interned when they were added.
func (e *Event) scan(name string) int {
	for i := range e.list {
		if e.list[i].ID == 0 && e.list[i].Name == name {
			return i
		}
	}
	return -1
}
