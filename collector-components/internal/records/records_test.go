package records

import (
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/openmxdr/openmxdr/internal/event"
)

func TestRoundTrip(t *testing.T) {
	fields := event.NewFields("user.name", TenantAttribute)
	in := event.New(fields)
	in.Time = time.Date(2026, 2, 3, 4, 5, 6, 7, time.UTC)
	in.Set("user.name", event.StringValue("ana"))
	in.Set("n", event.IntValue(-4))
	in.Set("f", event.FloatValue(2.5))
	in.Set("b", event.BoolValue(true))
	in.Set("null", event.Value{})
	in.Set("list", event.ListValue([]event.Value{
		event.StringValue("x"),
		event.ObjectValue([]event.Field{{Name: "k", Value: event.StringsValue("y")}}),
	}))
	record := plog.NewLogRecord()
	record.Body().SetStr("raw")
	record.Attributes().PutStr("old", "gone")
	Write(in, record)
	if record.Body().Type() != pcommon.ValueTypeEmpty {
		t.Error("Write left the body")
	}
	out := event.New(fields)
	Read(pcommon.NewResource(), record, out)
	if got, want := string(out.AppendJSON(nil)), string(in.AppendJSON(nil)); got != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
}

func TestResourceTenantWins(t *testing.T) {
	res := pcommon.NewResource()
	res.Attributes().PutStr(TenantAttribute, "pipeline")
	record := plog.NewLogRecord()
	record.Attributes().PutStr(TenantAttribute, "payload")
	ev := event.New(event.NewFields())
	Read(res, record, ev)
	if got := ev.Text(TenantAttribute); got != "pipeline" {
		t.Errorf("event tenant = %q, want the resource's", got)
	}
	if got := Tenant(res, record); got != "pipeline" {
		t.Errorf("Tenant = %q, want the resource's", got)
	}
}

func TestDeepValueIsBounded(t *testing.T) {
	v := pcommon.NewValueEmpty()
	inner := v
	for range 1000 {
		inner = inner.SetEmptySlice().AppendEmpty()
	}
	inner.SetStr("deep")
	depth := 0
	for x := Value(v); x.Kind() == event.List; x = x.List()[0] {
		depth++
	}
	if depth > MaxDepth {
		t.Fatalf("read %d levels, want at most %d", depth, MaxDepth)
	}
}

func BenchmarkReadWrite60(b *testing.B) {
	record := plog.NewLogRecord()
	names := make([]string, 60)
	for i := range names {
		names[i] = "some.field.name." + string(rune('a'+i%26)) + string(rune('a'+i/26))
		record.Attributes().PutStr(names[i], "value")
	}
	ev := event.New(event.NewFields(names[:30]...))
	res := pcommon.NewResource()
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Read(res, record, ev)
		}
	})
	b.Run("write", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Write(ev, record)
		}
	})
	ids := make([]event.FieldID, 30)
	for i := range ids {
		ids[i] = ev.Fields().ID(names[i])
	}
	// What 30 rule fields cost on the record itself, and on the view.
	b.Run("30 lookups in the record", func(b *testing.B) {
		for b.Loop() {
			for _, n := range names[:30] {
				if _, ok := record.Attributes().Get(n); !ok {
					b.Fatal(n)
				}
			}
		}
	})
	Read(res, record, ev)
	b.Run("30 lookups in the view", func(b *testing.B) {
		for b.Loop() {
			for _, id := range ids {
				if _, ok := ev.Get(id); !ok {
					b.Fatal(id)
				}
			}
		}
	})
}
