package document

import "strings"

// Split calls yield for every record in payload, until it returns false, and
// returns how many there were. A payload is
//
//   - a JSON list of records, as APIs answer and as services put into files;
//   - an object whose member "Records", "records", "value" or "events" is a
//     list of objects and which says little else: the elements of that list;
//   - several JSON values one after the other, as in JSON lines;
//   - Windows events in XML, one after the other or inside <Events>;
//   - a Zeek log in tab-separated form: its rows as JSON;
//   - anything else: one record, even if it is broken, so that it is not lost.
//
// But for Zeek's rows nothing is copied, and no tree is built, so a payload of
// any size costs one pass. Text between records that is no JSON is yielded as a record too.
func Split(payload string, yield func(record string) bool) int {
	n := 0
	emit := func(s string) bool {
		if s = strings.TrimSpace(s); s == "" {
			return true
		}
		n++
		return yield(s)
	}
	payload = strings.TrimPrefix(payload, "\ufeff")
	if strings.HasPrefix(payload, "#separator") {
		splitZeek(payload, emit)
		return n
	}
	if s := strings.TrimLeft(payload, " \t\r\n"); s != "" && s[0] != '{' && s[0] != '[' && s[0] != '<' {
		emit(s) // text; its lines belong together
		return n
	}
	splitTop(payload, emit)
	return n
}

// splitZeek yields the rows of a log; a row that is none as it stands.
func splitZeek(s string, emit func(string) bool) {
	var z ZeekTSV
	for line := range strings.Lines(s) {
		line = strings.TrimRight(line, "\r\n")
		record, err := z.Line(line)
		if err != nil {
			record = line
		}
		if !emit(record) {
			return
		}
	}
}

func splitTop(s string, emit func(string) bool) bool {
	broken := false // a value is not closed: from here on lines stand alone
	for {
		s = strings.TrimLeft(s, " \t\r\n,")
		if s == "" {
			return true
		}
		if s[0] != '{' && s[0] != '[' {
			line, rest, _ := strings.Cut(s, "\n")
			if strings.HasPrefix(s, "<Event") || strings.HasPrefix(s, "<?xml") {
				line, rest = cutEvent(s)
			}
			if !emit(line) {
				return false
			}
			s = rest
			continue
		}
		end := -1
		if !broken {
			end = skipValue(s, 0)
			broken = end < 0
		}
		if broken {
			line, rest, _ := strings.Cut(s, "\n")
			s = rest
			if end = skipValue(line, 0); end < 0 || strings.TrimSpace(line[end:]) != "" {
				if !emit(line) {
					return false
				}
			} else if !splitValue(line[:end], emit) {
				return false
			}
			continue
		}
		if end == 0 { // a closing bracket or comma without an opening
			end = 1
		}
		if !splitValue(s[:end], emit) {
			return false
		}
		s = s[end:]
	}
}

// cutEvent cuts the first event off XML that holds one or more, perhaps
// inside <Events>. XML that it does not understand is one record.
func cutEvent(s string) (event, rest string) {
	const end = "</Event>"
	i := strings.Index(s, end)
	if i < 0 {
		if s = strings.TrimSpace(s); s == "</Events>" {
			s = ""
		}
		return s, ""
	}
	event, rest = s[:i+len(end)], s[i+len(end):]
	// The declaration and the opening of the list belong to no event.
	for _, prefix := range [2]string{"<?xml", "<Events"} {
		if strings.HasPrefix(event, prefix) {
			if j := strings.IndexByte(event, '>'); j >= 0 {
				event = strings.TrimSpace(event[j+1:])
			}
		}
	}
	if strings.TrimSpace(rest) == "</Events>" {
		rest = ""
	}
	return event, rest
}

func splitValue(s string, emit func(string) bool) bool {
	if s[0] == '[' {
		return splitArray(s, emit)
	}
	if list := envelope(s); list != "" {
		return splitArray(list, emit)
	}
	return emit(s)
}

// splitArray yields the elements of the JSON array s. Elements that are
// arrays are split again, one level deep.
func splitArray(s string, emit func(string) bool) bool {
	for i := 1; i < len(s); {
		switch s[i] {
		case ' ', '\t', '\r', '\n', ',':
			i++
			continue
		case ']':
			return true
		}
		end := skipValue(s, i)
		if end <= i { // broken: what is left is one record
			return emit(s[i:])
		}
		if !emit(s[i:end]) {
			return false
		}
		i = end
	}
	return true
}

// envelope returns the list of records in object s, "" if s is itself a record.
func envelope(s string) string {
	list, members := "", 0
	for i := skipSpace(s, 1); i < len(s) && s[i] == '"'; {
		end := skipValue(s, i)
		if end < 0 {
			return ""
		}
		key := s[i+1 : end-1]
		i = skipSpace(s, end)
		if i == len(s) || s[i] != ':' {
			return ""
		}
		i = skipSpace(s, i+1)
		end = skipValue(s, i)
		if end < 0 {
			return ""
		}
		switch key {
		case "Records", "records", "value", "events":
			if s[i] == '[' {
				if first := skipSpace(s[:end], i+1); first < end && s[first] == '{' && list == "" {
					list = s[i:end]
				}
			}
		}
		// An envelope says little else: links, a count, a cursor.
		if members++; members > 4 {
			return ""
		}
		if i = skipSpace(s, end); i < len(s) && s[i] == ',' {
			i = skipSpace(s, i+1)
		}
	}
	return list
}

func skipSpace(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t' || s[i] == '\n' || s[i] == '\r') {
		i++
	}
	return i
}

// skipValue returns the end of the JSON value that begins at i, -1 if it is
// not closed. It checks brackets and strings, nothing else.
func skipValue(s string, i int) int {
	depth := 0
	for i < len(s) {
		switch s[i] {
		case '"':
			for i++; ; i++ {
				if i >= len(s) {
					return -1
				}
				if s[i] == '\\' {
					i++
				} else if s[i] == '"' {
					break
				}
			}
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			} else if depth < 0 {
				return i
			}
		case ',':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	if depth > 0 {
		return -1
	}
	return i
}
