package document

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/openmxdr/openmxdr/internal/event"
)

// ZeekTSV reads Zeek's tab-separated logs, whose header lines say what the
// columns are, and gives every row the form of Zeek's JSON logs: one object
// with dotted names, the log's name in "_path". The zero value is ready for
// the first line. It is not safe for concurrent use.
//
// Format: https://docs.zeek.org/en/master/log-formats.html
type ZeekTSV struct {
	path, separator, setSeparator, empty, unset string
	names, types                                []string
	buf                                         []byte
}

// maxZeekColumns bounds the columns of a log.
const maxZeekColumns = 1024

// Line reads the next line without its end. It returns the record, "" for
// header lines. A row that has not as many columns as the header says, or
// that comes before the header, is an error.
func (z *ZeekTSV) Line(line string) (record string, err error) {
	line = strings.TrimSuffix(line, "\r")
	if strings.HasPrefix(line, "#") {
		z.header(line)
		return "", nil
	}
	if line == "" {
		return "", nil
	}
	if len(z.names) == 0 || len(z.types) != len(z.names) {
		return "", &SyntaxError{Format: "Zeek TSV", Reason: "a row comes before the #fields and #types of its header"}
	}
	b := append(z.buf[:0], `{"_path":`...)
	b = event.StringValue(z.path).AppendJSON(b)
	rest, more := line, true
	for i, name := range z.names {
		if !more {
			return "", &SyntaxError{Format: "Zeek TSV", Offset: len(line), Reason: "the row has fewer columns than the header"}
		}
		var cell string
		cell, rest, more = strings.Cut(rest, z.separator)
		if cell == z.unset || cell == "" {
			continue
		}
		b = append(b, ',')
		b = event.StringValue(name).AppendJSON(b)
		b = append(b, ':')
		b = z.value(b, cell, z.types[i])
	}
	if more {
		return "", &SyntaxError{Format: "Zeek TSV", Offset: len(line) - len(rest), Reason: "the row has more columns than the header"}
	}
	z.buf = append(b, '}')
	return string(z.buf), nil
}

func (z *ZeekTSV) header(line string) {
	if z.separator == "" {
		*z = ZeekTSV{separator: "\t", setSeparator: ",", empty: "(empty)", unset: "-", buf: z.buf}
	}
	if v, ok := strings.CutPrefix(line, "#separator "); ok {
		*z = ZeekTSV{separator: unescapeHex(v), setSeparator: ",", empty: "(empty)", unset: "-", buf: z.buf}
		if z.separator == "" {
			z.separator = "\t"
		}
		return
	}
	key, value, _ := strings.Cut(line, z.separator)
	switch key {
	case "#set_separator":
		z.setSeparator = value
	case "#empty_field":
		z.empty = value
	case "#unset_field":
		z.unset = value
	case "#path":
		z.path = value
	case "#fields":
		z.names = cutColumns(value, z.separator)
	case "#types":
		z.types = cutColumns(value, z.separator)
	}
}

func cutColumns(s, separator string) []string {
	if s == "" {
		return nil
	}
	return strings.SplitN(strings.Clone(s), separator, maxZeekColumns)
}

func (z *ZeekTSV) value(b []byte, cell, typ string) []byte {
	if inner, ok := containerType(typ); ok {
		b = append(b, '[')
		if cell != z.empty && z.setSeparator != "" {
			first := true
			for part := range strings.SplitSeq(cell, z.setSeparator) {
				if !first {
					b = append(b, ',')
				}
				first = false
				b = z.scalar(b, part, inner)
			}
		}
		return append(b, ']')
	}
	if cell == z.empty {
		cell = ""
	}
	return z.scalar(b, cell, typ)
}

func containerType(typ string) (inner string, ok bool) {
	for _, p := range [2]string{"set[", "vector["} {
		if s, ok := strings.CutPrefix(typ, p); ok {
			return strings.TrimSuffix(s, "]"), true
		}
	}
	return "", false
}

func (z *ZeekTSV) scalar(b []byte, s, typ string) []byte {
	switch typ {
	case "time", "interval", "double":
		if f, err := strconv.ParseFloat(s, 64); err == nil {
			return event.FloatValue(f).AppendJSON(b)
		}
	case "count", "int", "port":
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return strconv.AppendInt(b, i, 10)
		}
	case "bool":
		if s == "T" || s == "F" {
			return strconv.AppendBool(b, s == "T")
		}
	}
	return event.StringValue(unescapeHex(s)).AppendJSON(b)
}

// unescapeHex resolves Zeek's \xHH. Bytes that make no UTF-8 stay escaped.
func unescapeHex(s string) string {
	if !strings.Contains(s, `\x`) {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) && s[i+1] == 'x' {
			if n, err := strconv.ParseUint(s[i+2:i+4], 16, 8); err == nil {
				out = append(out, byte(n))
				i += 3
				continue
			}
		}
		out = append(out, s[i])
	}
	if !utf8.Valid(out) {
		return s
	}
	return string(out)
}
