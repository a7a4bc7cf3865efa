package event

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLookupBeforeAndAfterInterning(t *testing.T) {
	f := NewFields("a.b")
	e := New(f)
	e.Set("a.b", IntValue(1))
	e.Set("late", StringValue("x"))
	id := f.Intern("late") // interned after the event was filled
	if v, ok := e.Lookup("late"); !ok || v.Str() != "x" {
		t.Fatalf("late: got %v %v", v, ok)
	}
	e.SetID(id, StringValue("y"))
	if e.Len() != 2 || e.Text("late") != "y" {
		t.Fatalf("SetID of a late name made a second field: %d fields, %q", e.Len(), e.Text("late"))
	}
	e.Reset()
	if _, ok := e.Get(f.ID("a.b")); ok || e.Len() != 0 {
		t.Fatal("Reset left a field behind")
	}
}

func TestDeleteKeepsOthers(t *testing.T) {
	f := NewFields("a", "b", "c")
	for _, gone := range []string{"a", "b", "c", "d"} {
		e := New(f)
		for i, n := range []string{"a", "b", "c", "d"} {
			e.Set(n, IntValue(int64(i)))
		}
		if !e.Delete(gone) || e.Delete(gone) {
			t.Fatalf("Delete(%q): want true, then false", gone)
		}
		for i, n := range []string{"a", "b", "c", "d"} {
			v, ok := e.Lookup(n)
			if ok == (n == gone) || ok && v.Int() != int64(i) {
				t.Errorf("after Delete(%q): %q = %v, %v", gone, n, v, ok)
			}
		}
	}
}

func TestAppendJSON(t *testing.T) {
	f := NewFields()
	e := New(f)
	e.Time = time.Date(2026, 3, 1, 2, 3, 4, 500, time.UTC)
	e.Set("user.name", StringValue("a\"b\\\n\x01\xff"))
	e.Set("user", StringValue("both value and parent"))
	e.Set("user.id", IntValue(-3))
	e.Set("user-agent", BoolValue(true))
	e.Set("list", ListValue([]Value{FloatValue(1.5), {}, StringsValue("x", "y"), ObjectValue([]Field{{Name: "k.l", Value: IntValue(1)}})}))
	var got any
	raw := e.AppendJSON(nil)
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	want := map[string]any{
		"@timestamp": "2026-03-01T02:03:04.0000005Z",
		"user":       map[string]any{"value": "both value and parent", "name": "a\"b\\\n\x01\ufffd", "id": -3.0},
		"user-agent": true,
		"list":       []any{1.5, nil, []any{"x", "y"}, map[string]any{"k.l": 1.0}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatal(d)
	}
	flat := map[string]any{}
	if err := json.Unmarshal(e.AppendFlatJSON(nil), &flat); err != nil || len(flat) != 6 {
		t.Fatalf("flat: %v, %d members", err, len(flat))
	}
}

// FuzzAppendJSON: whatever the names and values, the document is valid JSON
// without repeated members.
func FuzzAppendJSON(f *testing.F) {
	f.Add("a", "a.value", "a.b", "v")
	f.Add("", ".", "..", "\xff")
	f.Fuzz(func(t *testing.T, a, b, c, v string) {
		e := New(NewFields(b))
		for _, n := range []string{a, b, c} {
			e.Set(n, StringValue(v))
		}
		if raw := e.AppendJSON(nil); !json.Valid(raw) {
			t.Fatalf("%q %q %q: %s", a, b, c, raw)
		}
	})
}

func benchEvent() (*Event, []FieldID) {
	names := make([]string, 60)
	for i := range names {
		names[i] = fmt.Sprintf("field.number.%02d", i)
	}
	f := NewFields(names...)
	e := New(f)
	for _, n := range names {
		e.Add(n, StringValue("value"))
	}
	ids := make([]FieldID, 30)
	for i := range ids {
		ids[i] = f.ID(names[2*i])
	}
	return e, ids
}

// BenchmarkFill60 and BenchmarkGet30 are the two costs that every engine
// pays: one pass to fill 60 fields, then 30 lookups.
func BenchmarkFill60(b *testing.B) {
	e, _ := benchEvent()
	src := append([]Field(nil), e.list...)
	b.ReportAllocs()
	for b.Loop() {
		e.Reset()
		for i := range src {
			e.Add(src[i].Name, src[i].Value)
		}
	}
}

func BenchmarkGet30(b *testing.B) {
	e, ids := benchEvent()
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		for _, id := range ids {
			if v, ok := e.Get(id); ok {
				n += len(v.Str())
			}
		}
	}
	_ = n
}
