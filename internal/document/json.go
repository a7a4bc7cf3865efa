package document

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// ParseJSON makes the document what the JSON text s says. Strings of the
// document are parts of s where possible.
func (d *Document) ParseJSON(s string) error {
	d.Reset()
	n, err := d.parseRoot(s, None, "")
	if err != nil {
		d.Reset()
		return err
	}
	d.root = n
	return nil
}

// ExpandJSON replaces the string node n by the JSON object or array it
// contains and tells whether it did. Text that is not such JSON stays as it
// is, and so does text that would break a limit.
func (d *Document) ExpandJSON(n Node) bool {
	s := strings.TrimSpace(d.Str(n))
	if len(s) < 2 || s[0] != '{' && s[0] != '[' {
		return false
	}
	mark, dotted := len(d.nodes), d.dotted
	c, err := d.parseRoot(s, None, "")
	if err != nil {
		clear(d.nodes[mark:])
		d.nodes, d.dotted = d.nodes[:mark], dotted
		return false
	}
	from, to := &d.nodes[c], &d.nodes[n]
	to.kind, to.num, to.first, to.last, to.str = from.kind, from.num, from.first, from.last, ""
	return true
}

func (d *Document) parseRoot(s string, parent Node, key string) (Node, error) {
	if err := d.checkLength(len(s)); err != nil {
		return None, err
	}
	p := jsonParser{d: d, s: strings.TrimPrefix(s, "\ufeff")}
	p.space()
	if p.i == len(p.s) {
		return None, p.fail("empty record")
	}
	n, err := p.value(parent, key, 0)
	if err != nil {
		return None, err
	}
	p.space()
	if p.i < len(p.s) {
		return None, p.fail("text after the end of the value")
	}
	return n, nil
}

type jsonParser struct {
	d *Document
	s string
	i int
}

func (p *jsonParser) fail(reason string) error {
	return &SyntaxError{Format: "JSON", Offset: p.i, Reason: reason}
}

func (p *jsonParser) space() {
	for p.i < len(p.s) {
		switch p.s[p.i] {
		case ' ', '\t', '\n', '\r':
			p.i++
		default:
			return
		}
	}
}

func (p *jsonParser) value(parent Node, key string, depth int) (Node, error) {
	if depth > p.d.limits.Depth {
		return None, limitError{"depth", depth, p.d.limits.Depth}
	}
	p.space()
	if p.i == len(p.s) {
		return None, p.fail("the record ends where a value should be")
	}
	switch c := p.s[p.i]; {
	case c == '"':
		str, err := p.str()
		if err != nil {
			return None, err
		}
		n, err := p.d.add(parent, key, String)
		p.d.nodes[n].str = str
		return n, err
	case c == '{':
		return p.object(parent, key, depth)
	case c == '[':
		return p.array(parent, key, depth)
	case c == '-' || c >= '0' && c <= '9':
		return p.number(parent, key)
	case c == 't':
		return p.word("true", parent, key, Bool, 1)
	case c == 'f':
		return p.word("false", parent, key, Bool, 0)
	case c == 'n':
		return p.word("null", parent, key, Null, 0)
	}
	return None, p.fail("a value cannot begin with " + strconv.QuoteRune(rune(p.s[p.i])))
}

func (p *jsonParser) word(w string, parent Node, key string, kind Kind, num uint64) (Node, error) {
	if !strings.HasPrefix(p.s[p.i:], w) {
		return None, p.fail("expected " + w)
	}
	p.i += len(w)
	n, err := p.d.add(parent, key, kind)
	if err == nil {
		p.d.nodes[n].num = num
	}
	return n, err
}

func (p *jsonParser) object(parent Node, key string, depth int) (Node, error) {
	n, err := p.d.add(parent, key, Object)
	if err != nil {
		return None, err
	}
	p.i++
	p.space()
	if p.i < len(p.s) && p.s[p.i] == '}' {
		p.i++
		return n, nil
	}
	for {
		p.space()
		if p.i == len(p.s) || p.s[p.i] != '"' {
			return None, p.fail("expected a member name in quotes")
		}
		name, err := p.str()
		if err != nil {
			return None, err
		}
		p.space()
		if p.i == len(p.s) || p.s[p.i] != ':' {
			return None, p.fail("expected a colon after the member name")
		}
		p.i++
		if _, err := p.value(n, name, depth+1); err != nil {
			return None, err
		}
		if done, err := p.more('}'); done || err != nil {
			return n, err
		}
	}
}

func (p *jsonParser) array(parent Node, key string, depth int) (Node, error) {
	n, err := p.d.add(parent, key, Array)
	if err != nil {
		return None, err
	}
	p.i++
	p.space()
	if p.i < len(p.s) && p.s[p.i] == ']' {
		p.i++
		return n, nil
	}
	for {
		if _, err := p.value(n, "", depth+1); err != nil {
			return None, err
		}
		if done, err := p.more(']'); done || err != nil {
			return n, err
		}
	}
}

// more reads a comma (false) or the closing bracket (true).
func (p *jsonParser) more(closing byte) (bool, error) {
	p.space()
	if p.i == len(p.s) {
		return false, p.fail("the record ends inside an object or array")
	}
	switch p.s[p.i] {
	case ',':
		p.i++
		return false, nil
	case closing:
		p.i++
		return true, nil
	}
	return false, p.fail("expected a comma or " + strconv.QuoteRune(rune(closing)))
}

// number reads a JSON number. An integer that int64 cannot hold is kept as
// text, so that no digit of an identifier is lost.
func (p *jsonParser) number(parent Node, key string) (Node, error) {
	start := p.i
	integral := true
	if p.s[p.i] == '-' {
		p.i++
	}
	digits := p.digits()
	if digits == 0 {
		return None, p.fail("expected a digit")
	}
	if p.i < len(p.s) && p.s[p.i] == '.' {
		integral = false
		p.i++
		if p.digits() == 0 {
			return None, p.fail("expected a digit after the decimal point")
		}
	}
	if p.i < len(p.s) && (p.s[p.i] == 'e' || p.s[p.i] == 'E') {
		integral = false
		p.i++
		if p.i < len(p.s) && (p.s[p.i] == '+' || p.s[p.i] == '-') {
			p.i++
		}
		if p.digits() == 0 {
			return None, p.fail("expected a digit in the exponent")
		}
	}
	text := p.s[start:p.i]
	n, err := p.d.add(parent, key, Int)
	if err != nil {
		return None, err
	}
	x := &p.d.nodes[n]
	if integral {
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			x.num = uint64(i)
			return n, nil
		}
		x.kind, x.str = String, text
		return n, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) {
		x.kind, x.str = String, text
		return n, nil
	}
	x.kind, x.num = Float, math.Float64bits(f)
	return n, nil
}

func (p *jsonParser) digits() int {
	start := p.i
	for p.i < len(p.s) && p.s[p.i] >= '0' && p.s[p.i] <= '9' {
		p.i++
	}
	return p.i - start
}

// str reads a string. Raw control characters are let through, because
// shippers write them and they harm nobody here.
func (p *jsonParser) str() (string, error) {
	p.i++
	start := p.i
	ascii, escaped := true, false
	i := start
	for i < len(p.s) {
		c := p.s[i]
		if c == '"' {
			break
		}
		if c == '\\' {
			escaped = true
			i++
		} else if c >= utf8.RuneSelf {
			ascii = false
		}
		i++
	}
	if i >= len(p.s) {
		p.i = start - 1
		return "", p.fail("a string is not closed")
	}
	raw := p.s[start:i]
	p.i = i + 1
	if escaped {
		s, err := p.unescape(raw)
		if err != nil {
			p.i = start
			return "", p.fail(err.Error())
		}
		raw = s
	}
	if !ascii {
		raw = p.d.valid(raw)
	}
	return raw, nil
}

func (p *jsonParser) unescape(raw string) (string, error) {
	// A replaced lone surrogate is 3 bytes for 6, so the result is never longer.
	buf := p.d.text.grab(len(raw))
	n := 0
	for i := 0; i < len(raw); {
		j := strings.IndexByte(raw[i:], '\\')
		if j < 0 {
			n += copy(buf[n:], raw[i:])
			break
		}
		n += copy(buf[n:], raw[i:i+j])
		i += j + 1
		if i == len(raw) {
			return "", errEscape
		}
		c := raw[i]
		i++
		switch c {
		case '"', '\\', '/':
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r, ok := hex4(raw[i:])
			if !ok {
				return "", errEscape
			}
			i += 4
			if utf16.IsSurrogate(r) {
				r2, ok := rune(0), false
				if strings.HasPrefix(raw[i:], `\u`) {
					r2, ok = hex4(raw[i+2:])
				}
				if r = utf16.DecodeRune(r, r2); ok && r != utf8.RuneError {
					i += 6
				}
			}
			n += utf8.EncodeRune(buf[n:n+utf8.RuneLen(r)], r)
			continue
		default:
			return "", errEscape
		}
		buf[n] = c
		n++
	}
	if n == 0 {
		return "", nil
	}
	return unsafe.String(&buf[0], n), nil
}

type plainError string

func (e plainError) Error() string { return string(e) }

const errEscape plainError = "a string has an escape that JSON does not know"

func hex4(s string) (rune, bool) {
	if len(s) < 4 {
		return 0, false
	}
	var r rune
	for i := 0; i < 4; i++ {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
