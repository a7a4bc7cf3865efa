// Package records carries events between collector log records and the view
// that the engines read. It is the only place where both are known.
package records

import (
	"math"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/xpdata"

	"github.com/openmxdr/openmxdr/internal/event"
)

// MaxDepth bounds how deep nested attribute values are read; deeper values
// become their JSON text.
const MaxDepth = 32

// Read fills ev, which it resets first, with the record's time and
// attributes. Strings are not copied: ev is valid until the record changes.
// Resource attributes are not part of the event, but for organization.id,
// which wins over the record's own.
func Read(resource pcommon.Resource, record plog.LogRecord, ev *event.Event) {
	ev.Reset()
	ev.Time = Time(record)
	if ts := record.ObservedTimestamp(); ts != 0 {
		ev.Observed = ts.AsTime()
	}
	for k, v := range record.Attributes().All() {
		ev.Add(k, Value(v))
	}
	if tenant, ok := resource.Attributes().Get(TenantAttribute); ok {
		ev.Set(TenantAttribute, Value(tenant))
	}
}

// TenantAttribute is the attribute that names the tenant.
const TenantAttribute = "organization.id"

// Time returns the record's event time, or the zero time if it has none.
func Time(record plog.LogRecord) time.Time {
	if ts := record.Timestamp(); ts != 0 {
		return ts.AsTime()
	}
	return time.Time{}
}

// Value turns an attribute value into an event value. Strings are shared.
func Value(v pcommon.Value) event.Value { return value(v, 0) }

func value(v pcommon.Value, depth int) event.Value {
	if depth >= MaxDepth {
		return event.StringValue(v.AsString())
	}
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return event.StringValue(v.Str())
	case pcommon.ValueTypeInt:
		return event.IntValue(v.Int())
	case pcommon.ValueTypeDouble:
		return event.FloatValue(v.Double())
	case pcommon.ValueTypeBool:
		return event.BoolValue(v.Bool())
	case pcommon.ValueTypeBytes:
		return event.StringValue(v.AsString()) // base64, as OTLP's JSON has it
	case pcommon.ValueTypeSlice:
		s := v.Slice()
		list := make([]event.Value, s.Len())
		for i := range list {
			list[i] = value(s.At(i), depth+1)
		}
		return event.ListValue(list)
	case pcommon.ValueTypeMap:
		m := v.Map()
		fields := make([]event.Field, 0, m.Len())
		for k, x := range m.All() {
			fields = append(fields, event.Field{Name: k, Value: value(x, depth+1)})
		}
		return event.ObjectValue(fields)
	}
	return event.Value{}
}

// Write replaces the record's time, attributes and body by those of ev: what
// ev does not have the record loses. The observed time, severity and trace
// context stay.
func Write(ev *event.Event, record plog.LogRecord) {
	if !ev.Time.IsZero() {
		record.SetTimestamp(pcommon.NewTimestampFromTime(ev.Time))
	} else {
		record.SetTimestamp(0)
	}
	// Field names are unique, so the search for duplicates that Put makes on
	// every call (quadratic over a record) is not needed.
	var attrs xpdata.MapBuilder
	attrs.EnsureCapacity(ev.Len())
	for f := range ev.All {
		put(attrs.AppendEmpty(f.Name), f.Value)
	}
	attrs.UnsafeIntoMap(record.Attributes())
	pcommon.NewValueEmpty().MoveTo(record.Body())
}

func put(dst pcommon.Value, v event.Value) {
	switch v.Kind() {
	case event.String:
		dst.SetStr(v.Str())
	case event.Int:
		dst.SetInt(v.Int())
	case event.Float:
		if f := v.Float(); !math.IsNaN(f) {
			dst.SetDouble(f)
		}
	case event.Bool:
		dst.SetBool(v.Bool())
	case event.List:
		s := dst.SetEmptySlice()
		s.EnsureCapacity(len(v.List()))
		for _, x := range v.List() {
			put(s.AppendEmpty(), x)
		}
	case event.Object:
		m := dst.SetEmptyMap()
		m.EnsureCapacity(len(v.Object()))
		for _, f := range v.Object() {
			put(m.PutEmpty(f.Name), f.Value)
		}
	}
}

// Tenant returns the tenant of a record: of its resource, else of itself.
func Tenant(resource pcommon.Resource, record plog.LogRecord) string {
	if v, ok := resource.Attributes().Get(TenantAttribute); ok {
		return v.AsString()
	}
	if v, ok := record.Attributes().Get(TenantAttribute); ok {
		return v.AsString()
	}
	return ""
}
