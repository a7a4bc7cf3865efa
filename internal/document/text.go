package document

import (
	"strings"
)

// ExpandPairs replaces the text n by an object of the pairs in it, as in
// `user=mara action="log in"` with a space as the separator. Values may stand
// in double quotes, with backslashes before quotes. A part without the sign
// between name and value is left out. It tells whether there was a pair.
func (d *Document) ExpandPairs(n Node, separator byte, equals string) (bool, error) {
	s := d.Str(n)
	if equals == "" || !strings.Contains(s, equals) {
		return false, nil
	}
	d.MakeObject(n)
	for s != "" {
		s = strings.TrimLeft(s, string(separator)+" \t")
		key, rest, ok := strings.Cut(s, equals)
		if !ok {
			break
		}
		if i := strings.LastIndexByte(key, separator); i >= 0 {
			key = key[i+1:] // parts before it have no value
		}
		var value string
		rest = strings.TrimLeft(rest, " ")
		if strings.HasPrefix(rest, `"`) {
			end := closingQuote(rest)
			value, rest = rest[1:end], strings.TrimPrefix(rest[end:], `"`)
			if strings.Contains(value, `\"`) {
				value = strings.ReplaceAll(value, `\"`, `"`)
			}
			s = rest
		} else {
			value, s, _ = strings.Cut(rest, string(separator))
		}
		if key = strings.TrimSpace(key); key == "" {
			continue
		}
		if _, err := d.AddString(n, key, strings.TrimSpace(value)); err != nil {
			return true, err
		}
	}
	return true, nil
}

// closingQuote returns where the quote that s begins with ends, the end of s
// if nowhere.
func closingQuote(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(s)
}

// ExpandCEF replaces the text n, which holds an event in ArcSight's Common
// Event Format from "CEF:" on, by an object: version, device.vendor,
// device.product, device.version, device.event_class_id, name, severity and
// extensions. It tells whether there was one.
//
// Format: ArcSight Common Event Format (CEF) Implementation Standard, version 25.
func (d *Document) ExpandCEF(n Node) (bool, error) {
	s := d.Str(n)
	i := strings.Index(s, "CEF:")
	if i < 0 {
		return false, nil
	}
	s = s[i+len("CEF:"):]
	var header [7]string
	for j := range header {
		end := unescapedIndex(s, '|')
		if end < 0 {
			if j < 6 {
				return false, nil
			}
			end = len(s)
		}
		header[j] = unescapeCEF(s[:end])
		s = s[min(end+1, len(s)):]
	}
	d.MakeObject(n)
	device, err := d.AddObject(n, "device")
	if err != nil {
		return true, err
	}
	for _, f := range []struct {
		at   Node
		name string
		text string
	}{{n, "version", header[0]}, {device, "vendor", header[1]}, {device, "product", header[2]}, {device, "version", header[3]},
		{device, "event_class_id", header[4]}, {n, "name", header[5]}, {n, "severity", header[6]}} {
		if _, err := d.AddString(f.at, f.name, f.text); err != nil {
			return true, err
		}
	}
	ext, err := d.AddObject(n, "extensions")
	if err != nil {
		return true, err
	}
	return true, d.cefExtensions(ext, s)
}

// cefExtensions reads "key=value key=value". Values may contain spaces and,
// against the standard but often, equals signs: a value ends at the last space
// before the next sign that has a word of its own before it.
func (d *Document) cefExtensions(ext Node, s string) error {
	eq := unescapedIndex(s, '=')
	for eq >= 0 {
		key := strings.TrimSpace(s[:eq])
		key = key[strings.LastIndexByte(key, ' ')+1:]
		s = s[eq+1:]
		value := s
		eq = -1
		for from := 0; ; {
			next := unescapedIndex(s[from:], '=')
			if next < 0 {
				break
			}
			if cut := strings.LastIndexByte(s[from:from+next], ' '); cut >= 0 && cut < next-1 {
				value, eq = s[:from+cut], next-cut-1
				s = s[from+cut+1:]
				break
			}
			from += next + 1
		}
		if key != "" {
			if _, err := d.AddString(ext, key, strings.TrimSpace(unescapeCEF(value))); err != nil {
				return err
			}
		}
	}
	return nil
}

func unescapedIndex(s string, c byte) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case c:
			return i
		}
	}
	return -1
}

var cefEscapes = strings.NewReplacer(`\\`, `\`, `\=`, `=`, `\|`, `|`, `\n`, "\n", `\r`, "\r")

func unescapeCEF(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	return cefEscapes.Replace(s)
}

// ExpandLEEF replaces the text n, which holds an event in IBM's Log Event
// Extended Format from "LEEF:" on, by an object: version, device.vendor,
// device.product, device.version, device.event_class_id and attributes. It
// tells whether there was one.
//
// Format: IBM QRadar LEEF, versions 1.0 and 2.0.
func (d *Document) ExpandLEEF(n Node) (bool, error) {
	s := d.Str(n)
	i := strings.Index(s, "LEEF:")
	if i < 0 {
		return false, nil
	}
	parts := strings.SplitN(s[i+len("LEEF:"):], "|", 6)
	if len(parts) < 6 {
		return false, nil
	}
	separator, attrs := byte('\t'), parts[5]
	if strings.HasPrefix(parts[0], "2") {
		// Version 2 may name the separator in a field of its own.
		if head, rest, ok := strings.Cut(attrs, "|"); ok && !strings.Contains(head, "=") {
			attrs = rest
			switch h := unescapeHex(strings.Replace(head, "0x", `\x`, 1)); {
			case len(h) == 1:
				separator = h[0]
			case len(head) == 1:
				separator = head[0]
			}
		}
	}
	d.MakeObject(n)
	device, err := d.AddObject(n, "device")
	if err != nil {
		return true, err
	}
	for _, f := range []struct {
		at   Node
		name string
		text string
	}{{n, "version", parts[0]}, {device, "vendor", parts[1]}, {device, "product", parts[2]}, {device, "version", parts[3]}, {device, "event_class_id", parts[4]}} {
		if _, err := d.AddString(f.at, f.name, f.text); err != nil {
			return true, err
		}
	}
	a, err := d.AddObject(n, "attributes")
	if err != nil {
		return true, err
	}
	for part := range strings.SplitSeq(attrs, string(separator)) {
		if key, value, ok := strings.Cut(part, "="); ok && strings.TrimSpace(key) != "" {
			if _, err := d.AddString(a, strings.TrimSpace(key), value); err != nil {
				return true, err
			}
		}
	}
	return true, nil
}

// ExpandSyslog replaces the text n by an object of its syslog header and the
// rest: priority, timestamp, hostname, appname, procid, msgid, structured
// data as text, and message. It reads RFC 5424, RFC 3164 with or without
// priority, and RFC 3164 with an ISO 8601 time. It tells whether there was a
// header.
func (d *Document) ExpandSyslog(n Node) (bool, error) {
	h, ok := parseSyslog(d.Str(n))
	if !ok {
		return false, nil
	}
	d.MakeObject(n)
	for _, f := range [...][2]string{{"priority", h.priority}, {"timestamp", h.timestamp}, {"hostname", h.hostname}, {"appname", h.appname},
		{"procid", h.procid}, {"msgid", h.msgid}, {"structured_data", h.data}, {"message", h.message}} {
		if f[1] == "" || f[1] == "-" {
			continue
		}
		if _, err := d.AddString(n, f[0], f[1]); err != nil {
			return true, err
		}
	}
	return true, nil
}

type syslogHeader struct{ priority, timestamp, hostname, appname, procid, msgid, data, message string }

func parseSyslog(s string) (h syslogHeader, ok bool) {
	if strings.HasPrefix(s, "<") {
		end := strings.IndexByte(s[:min(len(s), 5)], '>')
		if end < 2 {
			return h, false
		}
		h.priority, s = s[1:end], s[end+1:]
		if rest, v5424 := strings.CutPrefix(s, "1 "); v5424 {
			for _, f := range []*string{&h.timestamp, &h.hostname, &h.appname, &h.procid, &h.msgid} {
				*f, rest, ok = strings.Cut(rest, " ")
				if !ok {
					return h, false
				}
			}
			h.data, h.message = cutStructuredData(rest)
			h.message = strings.TrimPrefix(h.message, "\ufeff")
			return h, true
		}
	}
	if h.timestamp, s, ok = cutSyslogTime(s); !ok {
		return h, false
	}
	if h.hostname, s, ok = strings.Cut(s, " "); !ok || strings.HasSuffix(h.hostname, ":") {
		return h, false
	}
	tag, message, ok := strings.Cut(s, ": ")
	if !ok || strings.ContainsAny(tag, " \t") {
		h.message = s
		return h, true
	}
	h.message = message
	h.appname = tag
	if name, pid, ok := strings.Cut(tag, "["); ok && strings.HasSuffix(pid, "]") {
		h.appname, h.procid = name, pid[:len(pid)-1]
	}
	return h, true
}

// cutSyslogTime cuts "Mar  2 06:15:00 " or an ISO 8601 time off s.
func cutSyslogTime(s string) (timestamp, rest string, ok bool) {
	if len(s) > 20 && s[4] == '-' && s[7] == '-' && (s[10] == 'T' || s[10] == 't') {
		return strings.Cut(s, " ")
	}
	if len(s) < 16 || s[3] != ' ' || s[6] != ' ' || s[9] != ':' || s[12] != ':' || s[15] != ' ' {
		return "", s, false
	}
	return s[:15], s[16:], true
}

func cutStructuredData(s string) (data, message string) {
	if !strings.HasPrefix(s, "[") {
		data, message, _ = strings.Cut(s, " ")
		return data, message
	}
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ']' && !quoted && (i+1 == len(s) || s[i+1] != '['):
			return s[:i+1], strings.TrimPrefix(s[i+1:], " ")
		}
	}
	return s, ""
}
