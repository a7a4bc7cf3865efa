package stage

import (
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/openmxdr/openmxdr/internal/event"
)

// reason says in one sentence what was found where, with facts of the event.
func reason(title string, ev *event.Event) string {
	var b strings.Builder
	b.WriteString(strings.TrimSuffix(title, "."))
	for _, part := range []struct{ word, field string }{
		{"by", firstField(ev, "user.email", "user.name", "user.full_name", "user.id")},
		{"on", firstField(ev, "host.name", "host.hostname")},
		{"from", firstField(ev, "source.ip", "client.ip")},
	} {
		if part.field == "" {
			continue
		}
		if v := clip(ev.Text(part.field), 120); v != "" {
			b.WriteString(" " + part.word + " " + v)
		}
	}
	return b.String() + "."
}

func firstField(ev *event.Event, names ...string) string {
	for _, n := range names {
		if v, ok := ev.Lookup(n); ok && !v.IsNull() && v.Text() != "" {
			return n
		}
	}
	return ""
}

func firstText(ev *event.Event, names ...string) string {
	if n := firstField(ev, names...); n != "" {
		return ev.Text(n)
	}
	return ""
}

// clip shortens s to at most n bytes without cutting a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

func texts(ev *event.Event, name string) []string {
	v, _ := ev.Lookup(name)
	return v.Texts()
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// maxAhead is how far beyond the time of receipt event time is believed. A
// forged date in the future must not age what is known.
const maxAhead = time.Hour

// believable returns the event's time, or the time of receipt where the event
// claims to be from the future.
func believable(ev *event.Event) time.Time {
	if !ev.Observed.IsZero() && ev.Time.After(ev.Observed.Add(maxAhead)) {
		return ev.Observed
	}
	return ev.Time
}
