package esingestexporter

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/openmxdr/openmxdr/internal/event"
)

// Limits of what becomes a field name or an object. Beyond them a document
// is still complete, only shaped more plainly.
const (
	maxName     = 256 // bytes of a whole dotted name
	maxSegments = 32  // parts of a dotted name
	maxDepth    = 32  // of nested values; deeper ones become their JSON text
)

// leaf is one value under its whole dotted name.
type leaf struct {
	name  string
	value pcommon.Value // used if text is nil
	text  []byte        // JSON
}

// encoder turns the attributes of records into nested JSON documents that
// Elasticsearch accepts, whatever their names and values are. It reads pdata
// directly. Not safe for concurrent use; take one from the pool.
type encoder struct {
	leaves []leaf
	order  []uint32 // scratch of object
	sorted []leaf   // scratch of the outermost object
	size   int      // of the last document, a guess for the next
	// renamed counts names that Elasticsearch would not have taken.
	renamed int
}

var encoders = sync.Pool{New: func() any { return &encoder{} }}

func (e *encoder) reset() {
	clear(e.leaves)
	e.leaves = e.leaves[:0]
	clear(e.sorted)
	e.sorted = e.sorted[:0]
	e.renamed = 0
}

// add takes every attribute but those in skip. Maps are opened, so that
// "a" holding {b: 1} and "a.b" are the same field.
func (e *encoder) add(m pcommon.Map, skip func(string) bool) {
	for k, v := range m.All() {
		if skip == nil || !skip(k) {
			e.put(k, v, 0)
		}
	}
}

func (e *encoder) put(name string, v pcommon.Value, depth int) {
	switch v.Type() {
	case pcommon.ValueTypeEmpty:
		return
	case pcommon.ValueTypeMap:
		if depth < maxDepth {
			for k, x := range v.Map().All() {
				e.put(name+"."+k, x, depth+1)
			}
			return
		}
	}
	e.leaves = append(e.leaves, leaf{name: e.clean(name), value: v})
}

// addText takes a field that is not an attribute.
func (e *encoder) addText(name, value string) {
	e.leaves = append(e.leaves, leaf{name: name, text: event.AppendString(nil, value)})
}

const timeLayout = "2006-01-02T15:04:05.999999999Z"

func (e *encoder) addTime(name string, t time.Time) {
	b := append(make([]byte, 0, len(timeLayout)+2), '"')
	b = t.UTC().AppendFormat(b, timeLayout)
	e.leaves = append(e.leaves, leaf{name: name, text: append(b, '"')})
}

// document writes what was added as one nested JSON object.
func (e *encoder) document(depth int) []byte {
	// Indices are sorted and not the leaves: those are large, and moving
	// pointers about costs the garbage collector.
	e.order = e.order[:0]
	for i := range e.leaves {
		e.order = append(e.order, uint32(i))
	}
	slices.SortFunc(e.order, func(a, b uint32) int {
		if c := comparePath(e.leaves[a].name, e.leaves[b].name); c != 0 {
			return c
		}
		return int(a) - int(b)
	})
	e.sorted = e.sorted[:0]
	for _, i := range e.order {
		e.sorted = append(e.sorted, e.leaves[i])
	}
	dst := e.level(make([]byte, 0, e.size+e.size/8+64), e.sorted, 0, depth)
	e.size = len(dst)
	return dst
}

// comparePath orders names so that a name comes directly before its children:
// a dot sorts below every other byte.
func comparePath(a, b string) int {
	n := min(len(a), len(b))
	for i := 0; i < n; i++ {
		if x, y := a[i], b[i]; x != y {
			if x == '.' {
				return -1
			}
			if y == '.' {
				return 1
			}
			return int(x) - int(y)
		}
	}
	return len(a) - len(b)
}

// level writes leaves, which are sorted and share their first at bytes.
func (e *encoder) level(dst []byte, leaves []leaf, at, depth int) []byte {
	dst = append(dst, '{')
	for i := 0; i < len(leaves); {
		rest := leaves[i].name[at:]
		key := rest
		if dot := strings.IndexByte(rest, '.'); dot >= 0 {
			key = rest[:dot]
		}
		same, j := 0, i // same: leaves with exactly this name
		for j < len(leaves) {
			r := leaves[j].name[at:]
			if !strings.HasPrefix(r, key) || len(r) > len(key) && r[len(key)] != '.' {
				break
			}
			if len(r) == len(key) {
				same++
			}
			j++
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = event.AppendString(dst, key)
		dst = append(dst, ':')
		switch {
		case same == j-i:
			dst = e.values(dst, leaves[i:j], depth)
		case same > 0:
			// Both a value and a parent: JSON cannot say that, so the
			// value moves to a child of its own.
			sub := slices.Clone(leaves[i:j])
			for k := range sub[:same] {
				sub[k].name += ".value"
			}
			slices.SortStableFunc(sub, func(a, b leaf) int { return comparePath(a.name, b.name) })
			dst = e.level(dst, sub, at+len(key)+1, depth)
		default:
			dst = e.level(dst, leaves[i:j], at+len(key)+1, depth)
		}
		i = j
	}
	return append(dst, '}')
}

// values writes the value of one name; if the name came more than once, all
// its values as a list.
func (e *encoder) values(dst []byte, leaves []leaf, depth int) []byte {
	if len(leaves) == 1 {
		return e.leaf(dst, &leaves[0], depth)
	}
	dst = append(dst, '[')
	for i := range leaves {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = e.leaf(dst, &leaves[i], depth)
	}
	return append(dst, ']')
}

func (e *encoder) leaf(dst []byte, l *leaf, depth int) []byte {
	if l.text != nil {
		return append(dst, l.text...)
	}
	return e.value(dst, l.value, depth)
}

func (e *encoder) value(dst []byte, v pcommon.Value, depth int) []byte {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return event.AppendString(dst, v.Str())
	case pcommon.ValueTypeInt:
		return strconv.AppendInt(dst, v.Int(), 10)
	case pcommon.ValueTypeBool:
		return strconv.AppendBool(dst, v.Bool())
	case pcommon.ValueTypeDouble:
		return event.AppendFloat(dst, v.Double())
	case pcommon.ValueTypeBytes:
		return event.AppendString(dst, v.AsString())
	case pcommon.ValueTypeSlice:
		if depth >= maxDepth {
			return event.AppendString(dst, v.AsString())
		}
		s := v.Slice()
		dst = append(dst, '[')
		for i := range s.Len() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = e.value(dst, s.At(i), depth+1)
		}
		return append(dst, ']')
	case pcommon.ValueTypeMap:
		if depth >= maxDepth {
			return event.AppendString(dst, v.AsString())
		}
		sub := encoder{leaves: make([]leaf, 0, v.Map().Len())}
		for k, x := range v.Map().All() {
			sub.put(k, x, depth+1)
		}
		dst = append(dst, sub.document(depth+1)...)
		e.renamed += sub.renamed
		return dst
	}
	return append(dst, "null"...)
}

// clean returns a name that Elasticsearch takes as a field's: no empty or
// blank parts, no control characters, valid UTF-8, no underscore at the
// beginning (those are its own), bounded in length and parts.
func (e *encoder) clean(name string) string {
	if isClean(name) {
		return name
	}
	e.renamed++
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return '_'
		}
		return r
	}, name)
	parts := strings.Split(name, ".")
	if len(parts) > maxSegments {
		parts = append(parts[:maxSegments-1], strings.Join(parts[maxSegments-1:], "_"))
	}
	for i, p := range parts {
		if strings.TrimSpace(p) == "" {
			parts[i] = "_"
		}
	}
	if strings.HasPrefix(parts[0], "_") {
		parts[0] = "x" + parts[0]
	}
	name = strings.Join(parts, ".")
	if len(name) > maxName {
		// Names that differ only behind the cut stay different.
		sum := hash(name)[:16]
		cut := maxName - len(sum) - 1
		for cut > 0 && !utf8.RuneStart(name[cut]) {
			cut--
		}
		name = strings.TrimRight(name[:cut], ".") + "~" + sum
	}
	return name
}

func isClean(name string) bool {
	if name == "" || len(name) > maxName || name[0] == '_' {
		return false
	}
	segments, blank := 1, true
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '.':
			if blank {
				return false
			}
			segments++
			blank = true
		case c >= utf8.RuneSelf:
			// Rare: the long way decides.
			if !utf8.ValidString(name) {
				return false
			}
			return isCleanUnicode(name)
		case c < 0x20 || c == 0x7f:
			return false
		case c != ' ':
			blank = false
		}
	}
	return !blank && segments <= maxSegments
}

func isCleanUnicode(name string) bool {
	if strings.Count(name, ".") >= maxSegments {
		return false
	}
	for part := range strings.SplitSeq(name, ".") {
		if strings.TrimSpace(part) == "" {
			return false
		}
	}
	return strings.IndexFunc(name, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }) < 0
}
