package mapping

import (
	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/rules/mapping/ecs"
	"time"
)

// coerce gives v the type that ECS wants of field f. What cannot have it is
// left out: the raw value stays under the vendor's prefix.
func coerce(f *ecs.Field, v event.Value) (event.Value, bool) {
	if v.Kind() != event.List {
		x, ok := coerceOne(f, v)
		if ok && f.Array {
			return event.ListValue([]event.Value{x}), true
		}
		return x, ok
	}
	in := v.List()
	if !f.Array {
		if len(in) == 0 {
			return event.Value{}, false
		}
		if len(in) == 1 {
			return coerce(f, in[0])
		}
	}
	same := true
	for i := range in {
		x, ok := coerceOne(f, in[i])
		if !ok || x != in[i] {
			same = false
			break
		}
	}
	if same {
		return v, len(in) > 0
	}
	out := make([]event.Value, 0, len(in))
	for i := range in {
		if x, ok := coerceOne(f, in[i]); ok {
			out = append(out, x)
		}
	}
	if len(out) == 1 && !f.Array {
		return out[0], true
	}
	return event.ListValue(out), len(out) > 0
}

func coerceOne(f *ecs.Field, v event.Value) (event.Value, bool) {
	if v.IsNull() {
		return v, false
	}
	switch f.Type {
	case ecs.Long:
		return toInt(v)
	case ecs.Float:
		return toFloat(v)
	case ecs.Boolean:
		return toBool(v)
	case ecs.IP:
		if v.Kind() != event.String {
			return v, false
		}
		s, ok := ipText(v.Str())
		if len(s) == len(v.Str()) {
			return v, ok
		}
		return event.StringValue(s), ok
	case ecs.Date:
		t, ok := readTime(v, dateFormats, time.Time{})
		if !ok {
			return v, false
		}
		return event.StringValue(t.Format(event.TimeLayout)), true
	case ecs.Object, ecs.GeoPoint:
		return v, v.Kind() == event.Object
	}
	switch v.Kind() {
	case event.List, event.Object:
		return v, false
	case event.String:
		return v, v.Str() != "" && f.Allows(v.Str())
	}
	s := v.Text()
	return event.StringValue(s), f.Allows(s)
}

var dateFormats, _ = compileTimeFormats([]string{"iso8601"})

// set writes v to a field in the field's type.
func (r *run) set(out int, v event.Value, add, keepOld bool) {
	def := &r.m.outs[out]
	id := r.ids[out]
	if keepOld {
		if _, ok := r.ev.Get(id); ok {
			return
		}
	}
	if def.ecs != nil {
		var ok bool
		if v, ok = coerce(def.ecs, v); !ok {
			return
		}
	} else if v.IsNull() {
		return
	}
	if add {
		if old, ok := r.ev.Get(id); ok {
			v = joinLists(old, v)
		}
	}
	r.ev.SetID(id, v)
}

// joinLists appends the values of b to those of a, each once.
func joinLists(a, b event.Value) event.Value {
	var out []event.Value
	for _, v := range [2]event.Value{a, b} {
		v.Scalars(func(x event.Value) bool {
			if len(out) < maxCollected && !containsText(out, x.Text()) {
				out = append(out, x)
			}
			return true
		})
	}
	return event.ListValue(out)
}
