package event

import (
	"math"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// TimeLayout is how times are written: RFC 3339 in UTC with as many digits of
// the second as needed.
const TimeLayout = "2006-01-02T15:04:05.999999999Z07:00"

// AppendJSON appends the event as one nested JSON document to dst: dotted
// names become objects, members are sorted by name, and the time is written
// as @timestamp. Where a name is both a value and the parent of others
// ("a" and "a.b"), the value is kept under "a.value" so nothing is lost.
func (e *Event) AppendJSON(dst []byte) []byte {
	fs := make([]Field, 0, len(e.list)+1)
	if !e.Time.IsZero() {
		fs = append(fs, Field{Name: "@timestamp", Value: StringValue(e.Time.UTC().Format(TimeLayout))})
	}
	fs = append(fs, e.list...)
	return appendNested(dst, fs)
}

// AppendFlatJSON appends the event as one JSON object with dotted names as
// they are, in the order of insertion, @timestamp first.
func (e *Event) AppendFlatJSON(dst []byte) []byte {
	dst = append(dst, '{')
	n := 0
	if !e.Time.IsZero() {
		dst = append(dst, `"@timestamp":`...)
		dst = AppendString(dst, e.Time.UTC().Format(TimeLayout))
		n++
	}
	for _, f := range e.list {
		if n > 0 {
			dst = append(dst, ',')
		}
		dst = AppendString(dst, f.Name)
		dst = append(dst, ':')
		dst = f.Value.AppendJSON(dst)
		n++
	}
	return append(dst, '}')
}

// appendNested writes flat fields as a nested object. The names are split at
// dots; sorting by path puts every subtree in one run.
func appendNested(dst []byte, fs []Field) []byte {
	sort.Slice(fs, func(i, j int) bool { return lessPath(fs[i].Name, fs[j].Name) })
	return appendLevel(dst, fs, 0)
}

// lessPath orders names so that a name sorts directly before its children.
func lessPath(a, b string) bool {
	n := min(len(a), len(b))
	for i := 0; i < n; i++ {
		if a[i] == b[i] {
			continue
		}
		if a[i] == '.' {
			return true
		}
		if b[i] == '.' {
			return false
		}
		return a[i] < b[i]
	}
	return len(a) < len(b)
}

// appendLevel writes fs, whose names share their first depth bytes.
func appendLevel(dst []byte, fs []Field, depth int) []byte {
	dst = append(dst, '{')
	for i := 0; i < len(fs); {
		rest := fs[i].Name[depth:]
		key, _, _ := strings.Cut(rest, ".")
		j := i + 1
		for j < len(fs) && childOrSame(fs[j].Name[depth:], key) {
			j++
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendString(dst, key)
		dst = append(dst, ':')
		switch {
		case j == i+1 && len(rest) == len(key):
			dst = fs[i].Value.AppendJSON(dst)
		case len(rest) == len(key): // both a value and a parent
			sub := append([]Field{{Name: fs[i].Name + ".value", Value: fs[i].Value}}, fs[i+1:j]...)
			sort.SliceStable(sub, func(a, b int) bool { return lessPath(sub[a].Name, sub[b].Name) })
			dst = appendLevel(dst, dropRepeats(sub), depth+len(key)+1)
		default:
			dst = appendLevel(dst, fs[i:j], depth+len(key)+1)
		}
		i = j
	}
	return append(dst, '}')
}

func dropRepeats(fs []Field) []Field {
	out := fs[:0]
	for i, f := range fs {
		if i == 0 || f.Name != out[len(out)-1].Name {
			out = append(out, f)
		}
	}
	return out
}

func childOrSame(rest, key string) bool {
	return strings.HasPrefix(rest, key) && (len(rest) == len(key) || rest[len(key)] == '.')
}

// AppendJSON appends v in JSON. Invalid UTF-8 is replaced by U+FFFD; numbers
// that JSON cannot express (NaN, infinities) become null.
func (v Value) AppendJSON(dst []byte) []byte {
	switch v.kind {
	case Bool:
		return strconv.AppendBool(dst, v.num == 1)
	case Int:
		return strconv.AppendInt(dst, int64(v.num), 10)
	case Float:
		return AppendFloat(dst, math.Float64frombits(v.num))
	case String:
		return AppendString(dst, v.str)
	case List:
		dst = append(dst, '[')
		for i, x := range v.ref.list {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = x.AppendJSON(dst)
		}
		return append(dst, ']')
	case Object:
		dst = append(dst, '{')
		for i, f := range v.ref.object {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendString(dst, f.Name)
			dst = append(dst, ':')
			dst = f.Value.AppendJSON(dst)
		}
		return append(dst, '}')
	}
	return append(dst, "null"...)
}

// AppendFloat appends f as a JSON number. What JSON cannot express (NaN,
// infinities) becomes null.
func AppendFloat(dst []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(dst, "null"...)
	}
	format := byte('f')
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, f, format, -1, 64)
}

const hexDigits = "0123456789abcdef"

// AppendString appends s as a JSON string; invalid UTF-8 becomes U+FFFD.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= 0x20 && c != '"' && c != '\\' {
				i++
				continue
			}
			dst = append(dst, s[start:i]...)
			switch c {
			case '"', '\\':
				dst = append(dst, '\\', c)
			case '\n':
				dst = append(dst, '\\', 'n')
			case '\r':
				dst = append(dst, '\\', 'r')
			case '\t':
				dst = append(dst, '\\', 't')
			default:
				dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			}
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			dst = append(dst, s[start:i]...)
			dst = append(dst, "\ufffd"...)
			i++
			start = i
			continue
		}
		i += size
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// ParseTime reads an RFC 3339 time as TimeLayout writes it.
func ParseTime(s string) (time.Time, error) { return time.Parse(time.RFC3339Nano, s) }
