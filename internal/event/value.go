package event

import (
	"math"
	"strconv"
)

// Kind is the type of a Value.
type Kind uint8

// The kinds of values. The zero Value is Null.
const (
	Null Kind = iota
	Bool
	Int
	Float
	String
	List
	Object
)

// Value is one field value: a scalar, a list of values or an object. It is
// small enough to pass by value and immutable once it is in an Event.
type Value struct {
	kind Kind
	num  uint64
	str  string
	ref  *composite
}

type composite struct {
	list   []Value
	object []Field
}

// Field is a name and its value. ID is 0 when nobody interned Name.
type Field struct {
	ID    FieldID
	Name  string
	Value Value
}

// StringValue, IntValue, FloatValue, BoolValue, ListValue, StringsValue and
// ObjectValue make values. Slices are taken over, not copied.
func StringValue(s string) Value { return Value{kind: String, str: s} }

// IntValue makes an integer value.
func IntValue(i int64) Value { return Value{kind: Int, num: uint64(i)} }

// FloatValue makes a floating point value.
func FloatValue(f float64) Value { return Value{kind: Float, num: math.Float64bits(f)} }

// BoolValue makes a boolean value.
func BoolValue(b bool) Value {
	v := Value{kind: Bool}
	if b {
		v.num = 1
	}
	return v
}

// ListValue makes a list.
func ListValue(l []Value) Value { return Value{kind: List, ref: &composite{list: l}} }

// ObjectValue makes an object; field order is kept.
func ObjectValue(f []Field) Value { return Value{kind: Object, ref: &composite{object: f}} }

// StringsValue makes a list of strings.
func StringsValue(s ...string) Value {
	l := make([]Value, len(s))
	for i, x := range s {
		l[i] = StringValue(x)
	}
	return ListValue(l)
}

// Kind returns the type of v.
func (v Value) Kind() Kind { return v.kind }

// IsNull tells whether v holds nothing.
func (v Value) IsNull() bool { return v.kind == Null }

// Str returns the string of a String value and "" of any other kind.
func (v Value) Str() string {
	if v.kind != String {
		return ""
	}
	return v.str
}

// Int returns the integer of an Int or integral Float value, or 0.
func (v Value) Int() int64 {
	switch v.kind {
	case Int:
		return int64(v.num)
	case Float:
		if f := math.Float64frombits(v.num); f == math.Trunc(f) && math.Abs(f) < 1<<63 {
			return int64(f)
		}
	}
	return 0
}

// Float returns the number of an Int or Float value, or 0.
func (v Value) Float() float64 {
	switch v.kind {
	case Int:
		return float64(int64(v.num))
	case Float:
		return math.Float64frombits(v.num)
	}
	return 0
}

// Bool returns the value of a Bool, or false.
func (v Value) Bool() bool { return v.kind == Bool && v.num == 1 }

// List returns the elements of a List value, or nil. The caller must not change them.
func (v Value) List() []Value {
	if v.kind != List {
		return nil
	}
	return v.ref.list
}

// Object returns the fields of an Object value, or nil. The caller must not change them.
func (v Value) Object() []Field {
	if v.kind != Object {
		return nil
	}
	return v.ref.object
}

// Lookup returns the member name of an Object value.
func (v Value) Lookup(name string) (Value, bool) {
	for _, f := range v.Object() {
		if f.Name == name {
			return f.Value, true
		}
	}
	return Value{}, false
}

// Text returns v as text: strings as they are, numbers and booleans in their
// JSON form, "" for null, JSON for lists and objects.
func (v Value) Text() string {
	switch v.kind {
	case String:
		return v.str
	case Null:
		return ""
	case Int:
		return strconv.FormatInt(int64(v.num), 10)
	}
	return string(v.AppendJSON(nil))
}

// Scalars calls yield for v itself if it is a scalar, or for each scalar in
// the list v, however deep, until yield returns false. Objects are passed over.
func (v Value) Scalars(yield func(Value) bool) bool {
	switch v.kind {
	case List:
		for _, x := range v.ref.list {
			if !x.Scalars(yield) {
				return false
			}
		}
		return true
	case Object:
		return true
	}
	return yield(v)
}

// Texts returns the text of every scalar in v; see Scalars. Null gives none.
func (v Value) Texts() []string {
	var out []string
	v.Scalars(func(x Value) bool {
		if x.kind != Null {
			out = append(out, x.Text())
		}
		return true
	})
	return out
}
