package document

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// ParseXML makes the document what the XML text s says, in the form in which
// event log tools write events as JSON:
//
//   - an element is a member named by its local name; one without attributes
//     and children is a string;
//   - attributes are members of the member "#attributes", the text of an
//     element that has attributes or children is the member "#text";
//   - <Data Name="X">text</Data> is the member X: text, and a Data without a
//     name is param1, param2, …;
//   - repeated elements become a list.
//
// It reads the subset that event logs write: no document type, no entities
// but the five of XML and character references.
func (d *Document) ParseXML(s string) error {
	d.Reset()
	if err := d.checkLength(len(s)); err != nil {
		return err
	}
	p := xmlParser{d: d, s: d.valid(s)}
	root, err := d.add(None, "", Object)
	if err == nil {
		d.root = root
		err = p.document(root)
	}
	if err != nil {
		d.Reset()
	}
	return err
}

type xmlParser struct {
	d *Document
	s string
	i int
}

func (p *xmlParser) fail(reason string) error {
	return &SyntaxError{Format: "XML", Offset: p.i, Reason: reason}
}

func (p *xmlParser) document(root Node) error {
	seen := false
	for {
		p.space()
		if p.i == len(p.s) {
			if !seen {
				return p.fail("there is no element")
			}
			return nil
		}
		if skipped, err := p.skipMarkup(); err != nil {
			return err
		} else if skipped {
			continue
		}
		if seen || p.s[p.i] != '<' {
			return p.fail("expected exactly one element")
		}
		seen = true
		if err := p.element(root, 0); err != nil {
			return err
		}
	}
}

func (p *xmlParser) space() {
	for p.i < len(p.s) && (p.s[p.i] <= ' ' || strings.HasPrefix(p.s[p.i:], "\ufeff")) {
		if p.s[p.i] <= ' ' {
			p.i++
		} else {
			p.i += len("\ufeff")
		}
	}
}

// skipMarkup passes over comments and processing instructions.
func (p *xmlParser) skipMarkup() (bool, error) {
	rest := p.s[p.i:]
	for _, m := range [2][2]string{{"<!--", "-->"}, {"<?", "?>"}} {
		if strings.HasPrefix(rest, m[0]) {
			end := strings.Index(rest, m[1])
			if end < 0 {
				return false, p.fail("a comment or instruction is not closed")
			}
			p.i += end + len(m[1])
			return true, nil
		}
	}
	if strings.HasPrefix(rest, "<!DOCTYPE") {
		return false, p.fail("a document type is not allowed")
	}
	return false, nil
}

// name reads an element's or attribute's name and returns its local part.
func (p *xmlParser) name() (full, local string, err error) {
	start := p.i
	for p.i < len(p.s) && !strings.ContainsRune(" \t\r\n=/><\"'", rune(p.s[p.i])) {
		p.i++
	}
	full = p.s[start:p.i]
	if full == "" {
		return "", "", p.fail("a name is empty")
	}
	return full, full[strings.LastIndexByte(full, ':')+1:], nil
}

// element reads an element, p.i at its "<", as a member of parent.
func (p *xmlParser) element(parent Node, depth int) error {
	d := p.d
	if depth > d.limits.Depth {
		return limitError{"depth", depth, d.limits.Depth}
	}
	p.i++
	full, local, err := p.name()
	if err != nil {
		return err
	}
	n, err := d.add(None, local, Object)
	if err != nil {
		return err
	}
	attrs, dataName, closed, err := p.attributes(n, local == "Data")
	if err != nil {
		return err
	}
	text := ""
	if !closed {
		if text, err = p.content(n, full, depth); err != nil {
			return err
		}
	}
	switch {
	case local == "Data" && attrs == None && d.nodes[n].num == 0:
		d.SetString(n, text)
		if dataName == "" {
			dataName = "param" + strconv.Itoa(d.Len(parent)+1)
		}
		d.nodes[n].key = dataName
	case attrs == None && d.nodes[n].num == 0:
		d.SetString(n, text)
	case strings.TrimSpace(text) != "":
		if _, err := d.AddString(n, "#text", text); err != nil {
			return err
		}
	}
	return p.join(parent, n)
}

// join attaches n to parent; a second member of the same name makes a list.
// An event data name that occurs twice keeps its first value.
func (p *xmlParser) join(parent, n Node) error {
	d := p.d
	if d.Len(parent) > 256 { // nobody repeats elements there; do not search
		d.attach(parent, n)
		return nil
	}
	old := d.Member(parent, d.Key(n))
	if old == None {
		d.attach(parent, n)
		return nil
	}
	if d.Kind(old) != Array {
		moved, err := d.add(None, "", Null)
		if err != nil {
			return err
		}
		o, m := &d.nodes[old], &d.nodes[moved]
		*m = node{str: o.str, num: o.num, first: o.first, last: o.last, kind: o.kind}
		*o = node{key: o.key, next: o.next, kind: Array}
		d.attach(old, moved)
	}
	d.nodes[n].key = ""
	d.attach(old, n)
	return nil
}

// attributes reads up to the end of the start tag. The Name of a Data element
// is returned instead of kept.
func (p *xmlParser) attributes(n Node, isData bool) (attrs Node, dataName string, closed bool, err error) {
	for {
		p.space()
		if p.i == len(p.s) {
			return attrs, dataName, false, p.fail("a tag is not closed")
		}
		switch {
		case p.s[p.i] == '>':
			p.i++
			return attrs, dataName, false, nil
		case strings.HasPrefix(p.s[p.i:], "/>"):
			p.i += 2
			return attrs, dataName, true, nil
		}
		full, local, err := p.name()
		if err != nil {
			return attrs, "", false, err
		}
		p.space()
		if p.i == len(p.s) || p.s[p.i] != '=' {
			return attrs, "", false, p.fail("expected = after an attribute's name")
		}
		p.i++
		p.space()
		if p.i == len(p.s) || p.s[p.i] != '"' && p.s[p.i] != '\'' {
			return attrs, "", false, p.fail("expected a quoted attribute value")
		}
		quote := p.s[p.i]
		end := strings.IndexByte(p.s[p.i+1:], quote)
		if end < 0 {
			return attrs, "", false, p.fail("an attribute value is not closed")
		}
		value := p.decode(p.s[p.i+1 : p.i+1+end])
		p.i += end + 2
		switch {
		case isData && local == "Name":
			dataName = value
		case full == "xmlns" || strings.HasPrefix(full, "xmlns:"):
		default:
			if attrs == None {
				if attrs, err = p.d.AddObject(n, "#attributes"); err != nil {
					return attrs, "", false, err
				}
			}
			if _, err := p.d.AddString(attrs, local, value); err != nil {
				return attrs, "", false, err
			}
		}
	}
}

// content reads to the end tag of the element called full and returns the
// text directly in it.
func (p *xmlParser) content(n Node, full string, depth int) (string, error) {
	var text textParts
	for {
		end := strings.IndexByte(p.s[p.i:], '<')
		if end < 0 {
			p.i = len(p.s)
			return "", p.fail("element " + full + " is not closed")
		}
		if end > 0 {
			text.add(p.decode(p.s[p.i : p.i+end]))
			p.i += end
		}
		rest := p.s[p.i:]
		switch {
		case strings.HasPrefix(rest, "</"):
			p.i += 2
			name, _, err := p.name()
			if err != nil {
				return "", err
			}
			p.space()
			if name != full || p.i == len(p.s) || p.s[p.i] != '>' {
				return "", p.fail("expected the end of element " + full)
			}
			p.i++
			return text.String(), nil
		case strings.HasPrefix(rest, "<![CDATA["):
			end := strings.Index(rest, "]]>")
			if end < 0 {
				return "", p.fail("character data is not closed")
			}
			text.add(rest[len("<![CDATA["):end])
			p.i += end + 3
		default:
			skipped, err := p.skipMarkup()
			if err != nil {
				return "", err
			}
			if skipped {
				continue
			}
			if err := p.element(n, depth+1); err != nil {
				return "", err
			}
		}
	}
}

// textParts joins the pieces of an element's text in linear time. White space
// before the first text is no text.
type textParts struct {
	first string
	rest  []byte
}

func (t *textParts) add(s string) {
	switch {
	case t.first == "" && strings.TrimSpace(s) == "":
	case t.first == "":
		t.first = s
	default:
		t.rest = append(t.rest, s...)
	}
}

func (t *textParts) String() string {
	if len(t.rest) == 0 {
		return t.first
	}
	return t.first + string(t.rest)
}

// decode resolves entities. Unknown ones stay as they are.
func (p *xmlParser) decode(s string) string {
	if strings.IndexByte(s, '&') < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for s != "" {
		i := strings.IndexByte(s, '&')
		if i < 0 {
			break
		}
		b.WriteString(s[:i])
		s = s[i:]
		end := strings.IndexByte(s[:min(len(s), 12)], ';')
		if end < 0 {
			b.WriteByte('&')
			s = s[1:]
			continue
		}
		if r, ok := entity(s[1:end]); ok {
			b.WriteRune(r)
		} else {
			b.WriteString(s[:end+1])
		}
		s = s[end+1:]
	}
	b.WriteString(s)
	return b.String()
}

func entity(name string) (rune, bool) {
	switch name {
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "amp":
		return '&', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	digits, ok := strings.CutPrefix(name, "#")
	if !ok {
		return 0, false
	}
	base := 10
	if h, ok := strings.CutPrefix(strings.ToLower(digits), "x"); ok {
		digits, base = h, 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil || n == 0 || n > utf8.MaxRune || !utf8.ValidRune(rune(n)) {
		return utf8.RuneError, err == nil
	}
	return rune(n), true
}
