package mapping

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/openmxdr/openmxdr/internal/event"
)

// timeFormat reads one spelling of a time. Spellings without a year take the
// latest year in which the time is not more than a day after ref, when the
// record was received; without ref they cannot be read.
type timeFormat func(v event.Value, ref time.Time) (time.Time, bool)

// compileTimeFormats understands iso8601 (RFC 3339 and its usual variants; no
// zone means UTC), iso8601_zone (the same, but only with a zone), unix, unix_ms, unix_us, unix_ns (numbers or text, seconds
// may have a fraction), filetime (100 ns since 1601), syslog (RFC 3164, without a year) and Go layouts.
func compileTimeFormats(names []string) ([]timeFormat, error) {
	if len(names) == 0 {
		names = []string{"iso8601"}
	}
	var out []timeFormat
	for _, name := range names {
		switch name {
		case "iso8601", "rfc3339":
			out = append(out, func(v event.Value, _ time.Time) (time.Time, bool) { return parseISO(v.Str()) })
		case "iso8601_zone":
			out = append(out, func(v event.Value, _ time.Time) (time.Time, bool) {
				s := strings.TrimSpace(v.Str())
				if len(s) < 20 || !strings.ContainsAny(s[19:], "Zz+-") {
					return time.Time{}, false
				}
				return parseISO(s)
			})
		case "unix":
			out = append(out, func(v event.Value, _ time.Time) (time.Time, bool) { return fromEpoch(v, 1e9) })
		case "unix_ms":
			out = append(out, func(v event.Value, _ time.Time) (time.Time, bool) { return fromEpoch(v, 1e6) })
		case "unix_us":
			out = append(out, func(v event.Value, _ time.Time) (time.Time, bool) { return fromEpoch(v, 1e3) })
		case "unix_ns":
			out = append(out, func(v event.Value, _ time.Time) (time.Time, bool) { return fromEpoch(v, 1) })
		case "syslog":
			out = append(out, withoutYear)
		case "filetime":
			out = append(out, func(v event.Value, _ time.Time) (time.Time, bool) {
				i, ok := toInt(v)
				if !ok || i.Int() <= 0 {
					return time.Time{}, false
				}
				const to1970 = 11644473600 // seconds between 1601 and 1970
				return sane(time.Unix(i.Int()/1e7-to1970, i.Int()%1e7*100))
			})
		default:
			if !strings.Contains(name, "2") {
				return nil, fmt.Errorf("%q is no time format: use iso8601, iso8601_zone, unix, unix_ms, unix_us, unix_ns, filetime, syslog or a Go layout such as \"2006-01-02 15:04:05\"", name)
			}
			out = append(out, func(v event.Value, _ time.Time) (time.Time, bool) {
				t, err := time.Parse(name, v.Str())
				if err != nil {
					return time.Time{}, false
				}
				return sane(t)
			})
		}
	}
	return out, nil
}

func readTime(v event.Value, formats []timeFormat, ref time.Time) (time.Time, bool) {
	for _, f := range formats {
		if t, ok := f(v, ref); ok {
			return t, true
		}
	}
	return time.Time{}, false
}

// withoutYear reads the time of RFC 3164, "Mar  2 06:15:00", in UTC.
func withoutYear(v event.Value, ref time.Time) (time.Time, bool) {
	if ref.IsZero() {
		return time.Time{}, false
	}
	// 2000 is a leap year, so that 29 February can be read.
	t, err := time.Parse("2006 Jan _2 15:04:05", "2000 "+strings.TrimSpace(v.Str()))
	if err != nil {
		return time.Time{}, false
	}
	limit := ref.UTC().Add(24 * time.Hour)
	for year := limit.Year(); year > limit.Year()-9; year-- {
		x := time.Date(year, t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
		if x.Day() == t.Day() && !x.After(limit) {
			return sane(x)
		}
	}
	return time.Time{}, false
}

// sane refuses times that no security log can mean and that Elasticsearch
// and nanosecond arithmetic cannot hold.
func sane(t time.Time) (time.Time, bool) {
	if y := t.Year(); y < 1980 || y > 2200 {
		return time.Time{}, false
	}
	return t.UTC(), true
}

// fromEpoch reads a count of units since 1970; perUnit is nanoseconds a unit.
// Floating point seconds are exact to the microsecond and rounded to it.
func fromEpoch(v event.Value, perUnit int64) (time.Time, bool) {
	if v.Kind() == event.String {
		s := strings.TrimSpace(v.Str())
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			v = event.IntValue(i)
		} else if f, err := strconv.ParseFloat(s, 64); err == nil {
			v = event.FloatValue(f)
		} else {
			return time.Time{}, false
		}
	}
	switch v.Kind() {
	case event.Int:
		i := v.Int()
		if i <= 0 || i > math.MaxInt64/perUnit {
			return time.Time{}, false
		}
		return sane(time.Unix(0, i*perUnit))
	case event.Float:
		us := math.Round(v.Float() * float64(perUnit) / 1e3)
		if !(us > 0 && us < 1<<53) {
			return time.Time{}, false
		}
		return sane(time.UnixMicro(int64(us)))
	}
	return time.Time{}, false
}

// parseISO reads "2021-03-23T15:45:38", with T or a space, with an optional
// fraction after a dot or comma, and an optional zone Z, +01, +0100 or +01:00.
func parseISO(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	if len(s) < 19 || s[4] != '-' || s[7] != '-' || s[10] != 'T' && s[10] != ' ' && s[10] != 't' || s[13] != ':' || s[16] != ':' {
		return time.Time{}, false
	}
	year, ok1 := digits(s[0:4])
	month, ok2 := digits(s[5:7])
	day, ok3 := digits(s[8:10])
	hour, ok4 := digits(s[11:13])
	minute, ok5 := digits(s[14:16])
	sec, ok6 := digits(s[17:19])
	if !(ok1 && ok2 && ok3 && ok4 && ok5 && ok6) || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || sec > 60 {
		return time.Time{}, false
	}
	if day > 28 && day > time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day() {
		return time.Time{}, false
	}
	s = s[19:]
	nanos := 0
	if s != "" && (s[0] == '.' || s[0] == ',') {
		i := 1
		for scale := 100_000_000; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
			nanos += int(s[i]-'0') * scale
			scale /= 10
		}
		if i == 1 {
			return time.Time{}, false
		}
		s = s[i:]
	}
	offset, ok := zone(strings.TrimSpace(s))
	if !ok {
		return time.Time{}, false
	}
	return sane(time.Date(year, time.Month(month), day, hour, minute, sec-offset, nanos, time.UTC))
}

func zone(s string) (seconds int, ok bool) {
	switch s {
	case "", "Z", "z", "UTC", "GMT":
		return 0, true
	}
	sign := 1
	switch s[0] {
	case '-':
		sign = -1
	case '+':
	default:
		return 0, false
	}
	s = strings.Replace(s[1:], ":", "", 1)
	if len(s) == 2 {
		s += "00"
	}
	if len(s) != 4 {
		return 0, false
	}
	h, ok1 := digits(s[:2])
	m, ok2 := digits(s[2:])
	return sign * (h*3600 + m*60), ok1 && ok2 && h < 24 && m < 60
}

func digits(s string) (int, bool) {
	n := 0
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}
