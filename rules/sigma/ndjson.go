package sigma

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"

	"github.com/openmxdr/openmxdr/internal/event"
)

// Decoder reads events in JSON and decodes only the fields that an engine's
// rules look at. It takes flat events and nested ones (members of objects get
// dotted names), and Windows events with "Event": the members of System,
// EventData and UserData become fields of their own, the provider's name
// Provider_Name. It is immutable and may be shared.
//
// Keywords are about the whole event. Decode leaves out what no rule asks for
// by name; Match decodes the rest when a keyword may be in it.
type Decoder struct {
	engine *Engine
	root   *jsonNode
}

// Buffer holds the texts of the event decoded last. Each goroutine needs its
// own; the zero value is ready.
type Buffer struct {
	arena []byte
	line  []byte
	at    int
	all   bool   // decode every member
	path  []byte // names that lead to the current object, with dots
}

// jsonNode is a place in the tree of wanted names.
type jsonNode struct {
	id      event.FieldID // the field to set, 0 if this is not wanted itself
	members map[string]*jsonNode
	list    bool // objects in a list are kept, because names lead into them
	windows windowsPart
}

type windowsPart uint8

const (
	notWindows windowsPart = iota
	windowsData
	windowsUser
)

const maxJSONDepth = 64

// NewDecoder returns a decoder for the fields that e looks at.
func NewDecoder(e *Engine) *Decoder {
	d := &Decoder{engine: e, root: &jsonNode{}}
	add := func(name string) { d.root.add(name, e.fields) }
	for _, s := range e.slots {
		for _, n := range s.Names {
			add(n)
		}
	}
	for _, id := range e.router.keys {
		add(e.fields.Name(id))
	}
	d.windows(e)
	return d
}

func (n *jsonNode) child(name string) *jsonNode {
	if n.members == nil {
		n.members = map[string]*jsonNode{}
	}
	c := n.members[name]
	if c == nil {
		c = &jsonNode{}
		n.members[name] = c
	}
	return c
}

// add wants a name. Any of its dots may be a dot of a member's name or a step
// into an object.
func (n *jsonNode) add(name string, fields *event.Fields) {
	var walk func(n *jsonNode, from int)
	walk = func(n *jsonNode, from int) {
		for i := from; i < len(name); i++ {
			if name[i] == '.' && i > from {
				c := n.child(name[from:i])
				if c.id == 0 {
					c.id, c.list = fields.ID(name[:i]), true
				}
				walk(c, i+1)
			}
		}
		c := n.child(name[from:])
		c.id, c.list = fields.ID(name), false
	}
	if strings.Count(name, ".") <= 8 { // the ways to split grow with every dot
		walk(n, 0)
	} else {
		n.child(name).id = fields.ID(name)
	}
}

// windows adds the shape of Windows events as exporters write them.
func (d *Decoder) windows(e *Engine) {
	ev := d.root.child("Event")
	sys := ev.child("System")
	for path, name := range map[string]string{
		"Provider/#attributes/Name": "Provider_Name", "Provider/Name": "Provider_Name", "Provider/@Name": "Provider_Name",
		"EventID": "EventID", "EventID/#text": "EventID",
		"Channel": "Channel", "Computer": "Computer", "Level": "Level", "Task": "Task", "Opcode": "Opcode",
		"Keywords": "Keywords", "EventRecordID": "EventRecordID", "Version": "Version",
		"Execution/#attributes/ProcessID": "ProcessID", "Execution/#attributes/ThreadID": "ThreadID",
		"Security/#attributes/UserID": "UserID", "TimeCreated/#attributes/SystemTime": "SystemTime",
	} {
		if id := e.fields.ID(name); id != 0 {
			n := sys
			for _, p := range strings.Split(path, "/") {
				n = n.child(p)
			}
			n.id = id
		}
	}
	data := ev.child("EventData")
	data.members, data.windows = d.root.members, windowsData
	user := ev.child("UserData")
	user.members, user.windows = d.root.members, windowsUser
}

// errJSON is what is wrong with a line, and where.
func (b *Buffer) fail(what string) error {
	return fmt.Errorf("not valid JSON at byte %d: %s", b.at+1, what)
}

// Decode fills ev, which it resets first, from one JSON object. ev must use
// the Fields of the engine; it and its texts are valid until the next Decode
// with the same Buffer and until line is changed.
func (d *Decoder) Decode(line []byte, ev *event.Event, b *Buffer) error {
	return d.decode(line, ev, b, false)
}

func (d *Decoder) decode(line []byte, ev *event.Event, b *Buffer, all bool) error {
	ev.Reset()
	b.start(line)
	b.all = all
	if err := d.object(d.root, ev, b, 0); err != nil {
		return err
	}
	b.space()
	if b.at < len(b.line) {
		return b.fail("text after the object")
	}
	return nil
}

func (b *Buffer) start(line []byte) {
	if cap(b.arena) > maxKept {
		b.arena = nil
	}
	b.arena, b.line, b.at, b.path = b.arena[:0], line, 0, b.path[:0]
	b.space()
}

func (b *Buffer) space() {
	for b.at < len(b.line) {
		if c := b.line[b.at]; c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return
		}
		b.at++
	}
}

func (b *Buffer) peek() byte {
	if b.at < len(b.line) {
		return b.line[b.at]
	}
	return 0
}

// members calls yield with the name of every member of an object; yield must
// read or skip the value.
func (b *Buffer) members(yield func(name string) error) error {
	if b.peek() != '{' {
		return b.fail("an object is expected")
	}
	b.at++
	b.space()
	if b.peek() == '}' {
		b.at++
		return nil
	}
	for {
		name, err := b.text()
		if err != nil {
			return err
		}
		b.space()
		if b.peek() != ':' {
			return b.fail("a colon is expected")
		}
		b.at++
		b.space()
		if err := yield(name); err != nil {
			return err
		}
		b.space()
		switch b.peek() {
		case ',':
			b.at++
			b.space()
		case '}':
			b.at++
			return nil
		default:
			return b.fail("a comma or the end of the object is expected")
		}
	}
}

func (d *Decoder) object(n *jsonNode, ev *event.Event, b *Buffer, depth int) error {
	if depth > maxJSONDepth {
		return b.fail("nested too deeply")
	}
	return b.members(func(name string) error {
		c := n.members[name]
		if n.windows != notWindows {
			if n.windows == windowsUser && b.peek() == '{' {
				return d.object(n, ev, b, depth+1)
			}
			if name == "Data" && b.peek() == '[' {
				return d.dataList(n, c, ev, b, depth+1)
			}
			if c == nil && strings.IndexByte(name, ' ') >= 0 {
				// Sigma leaves spaces in names out, or writes "_" for them.
				if c = n.members[strings.ReplaceAll(name, " ", "")]; c == nil {
					c = n.members[strings.ReplaceAll(name, " ", "_")]
				}
			}
		}
		if b.all {
			before := len(b.path)
			b.path = append(b.path, name...)
			err := d.everyMember(c, n.windows != notWindows, ev, b, depth+1)
			b.path = b.path[:before]
			return err
		}
		if c == nil {
			return b.skip(0)
		}
		return d.member(c, n.windows != notWindows, ev, b, depth+1)
	})
}

// noNames is the place of objects in which nothing is wanted by name.
var noNames = &jsonNode{}

// everyMember is member, but keeps what nobody asked for by name too, under
// its dotted name.
func (d *Decoder) everyMember(c *jsonNode, windows bool, ev *event.Event, b *Buffer, depth int) error {
	if b.peek() == '{' {
		if c == nil {
			c = noNames
		}
		if c.id == 0 || c.list {
			b.path = append(b.path, '.')
			return d.object(c, ev, b, depth)
		}
	}
	if c != nil && c.id != 0 && !(c.list && b.peek() != '[') {
		return d.member(c, windows, ev, b, depth)
	}
	v, err := b.value(depth)
	if err != nil {
		return err
	}
	ev.Set(string(b.path), v)
	return nil
}

func (d *Decoder) member(c *jsonNode, windows bool, ev *event.Event, b *Buffer, depth int) error {
	if b.peek() != '{' {
		if c.id == 0 || c.list && b.peek() != '[' {
			return b.skip(0)
		}
		v, err := b.value(depth)
		if err != nil {
			return err
		}
		ev.SetID(c.id, v)
		return nil
	}
	if c.id != 0 && !c.list {
		start := b.at
		v, err := b.value(depth)
		if err != nil {
			return err
		}
		if t, ok := v.Lookup("#text"); ok && windows {
			v = t
		}
		ev.SetID(c.id, v)
		if len(c.members) == 0 {
			return nil
		}
		b.at = start
	}
	if len(c.members) == 0 {
		return b.skip(0)
	}
	return d.object(c, ev, b, depth)
}

// dataList reads EventData whose members are a list: {"#attributes": {"Name":
// …}, "#text": …} each, or plain texts, which stay the field Data.
func (d *Decoder) dataList(n, data *jsonNode, ev *event.Event, b *Buffer, depth int) error {
	v, err := b.value(depth)
	if err != nil {
		return err
	}
	var rest []event.Value
	for _, x := range v.List() {
		attrs, _ := x.Lookup("#attributes")
		name, named := attrs.Lookup("Name")
		if !named {
			name, named = x.Lookup("@Name")
		}
		text, hasText := x.Lookup("#text")
		switch {
		case named:
			if c := n.members[name.Str()]; c != nil && c.id != 0 {
				ev.SetID(c.id, text)
			}
		case hasText:
			rest = append(rest, text)
		default:
			rest = append(rest, x)
		}
	}
	if data != nil && data.id != 0 && len(rest) > 0 {
		ev.SetID(data.id, event.ListValue(rest))
	}
	return nil
}

// text reads a string. Without escapes it is part of the line.
func (b *Buffer) text() (string, error) {
	if b.peek() != '"' {
		return "", b.fail("text in quotes is expected")
	}
	b.at++
	s := b.line[b.at:]
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			b.at += i + 1
			return unsafe.String(unsafe.SliceData(s), i), nil
		case c == '\\':
			return b.escaped(i)
		case c < 0x20:
			b.at += i
			return "", b.fail("a control character in text")
		}
	}
	b.at = len(b.line)
	return "", b.fail("the text does not end")
}

// escaped reads the rest of a string whose first plain bytes have no escapes.
func (b *Buffer) escaped(plain int) (string, error) {
	start := len(b.arena)
	s := b.line[b.at:]
	// What is decoded is never longer than what it is decoded from, except
	// that a broken surrogate (6 bytes) becomes U+FFFD (3 bytes).
	b.arena = append(b.arena, s[:plain]...)
	for i := plain; i < len(s); {
		c := s[i]
		switch {
		case c == '"':
			b.at += i + 1
			out := b.arena[start:]
			return unsafe.String(unsafe.SliceData(out), len(out)), nil
		case c < 0x20:
			b.at += i
			return "", b.fail("a control character in text")
		case c != '\\':
			b.arena = append(b.arena, c)
			i++
			continue
		}
		if i+1 >= len(s) {
			break
		}
		switch e := s[i+1]; e {
		case '\\', '"', '/':
			b.arena = append(b.arena, e)
		case 'n':
			b.arena = append(b.arena, '\n')
		case 't':
			b.arena = append(b.arena, '\t')
		case 'r':
			b.arena = append(b.arena, '\r')
		case 'b':
			b.arena = append(b.arena, '\b')
		case 'f':
			b.arena = append(b.arena, '\f')
		case 'u':
			r, ok := hex4(s[i+2:])
			if !ok {
				b.at += i
				return "", b.fail("a wrong \\u escape")
			}
			i += 4
			if utf16.IsSurrogate(r) {
				r2, ok := rune(0), false
				if i+3 < len(s) && s[i+2] == '\\' && s[i+3] == 'u' {
					r2, ok = hex4(s[i+4:])
				}
				if r = utf16.DecodeRune(r, r2); ok && r != utf8.RuneError {
					i += 6
				} else {
					r = utf8.RuneError
				}
			}
			b.arena = utf8.AppendRune(b.arena, r)
		default:
			b.at += i
			return "", b.fail("a wrong escape")
		}
		i += 2
	}
	b.at = len(b.line)
	return "", b.fail("the text does not end")
}

func hex4(s []byte) (rune, bool) {
	if len(s) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range s[:4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// value reads any value. Whole numbers that do not fit 64 bits stay text, so
// that no digit is lost.
func (b *Buffer) value(depth int) (event.Value, error) {
	if depth > maxJSONDepth {
		return event.Value{}, b.fail("nested too deeply")
	}
	switch c := b.peek(); c {
	case '"':
		s, err := b.text()
		return event.StringValue(s), err
	case '{':
		var fs []event.Field
		err := b.members(func(name string) error {
			v, err := b.value(depth + 1)
			fs = append(fs, event.Field{Name: name, Value: v})
			return err
		})
		return event.ObjectValue(fs), err
	case '[':
		b.at++
		b.space()
		var list []event.Value
		if b.peek() == ']' {
			b.at++
			return event.ListValue(nil), nil
		}
		for {
			v, err := b.value(depth + 1)
			if err != nil {
				return v, err
			}
			list = append(list, v)
			b.space()
			switch b.peek() {
			case ',':
				b.at++
				b.space()
			case ']':
				b.at++
				return event.ListValue(list), nil
			default:
				return event.Value{}, b.fail("a comma or the end of the list is expected")
			}
		}
	case 't', 'f', 'n':
		word := map[byte]string{'t': "true", 'f': "false", 'n': "null"}[c]
		if !bytes.HasPrefix(b.line[b.at:], []byte(word)) {
			return event.Value{}, b.fail("a value is expected")
		}
		b.at += len(word)
		if c == 'n' {
			return event.Value{}, nil
		}
		return event.BoolValue(c == 't'), nil
	}
	return b.number()
}

func (b *Buffer) number() (event.Value, error) {
	start := b.at
	whole := true
	for ; b.at < len(b.line); b.at++ {
		c := b.line[b.at]
		if c >= '0' && c <= '9' || c == '-' {
			continue
		}
		if c != '+' && c != '.' && c != 'e' && c != 'E' {
			break
		}
		whole = false
	}
	lit := b.line[start:b.at]
	s := unsafe.String(unsafe.SliceData(lit), len(lit))
	if whole && len(s) > 0 && len(s) <= 18 {
		neg, n := false, int64(0)
		for i, c := range lit {
			if c == '-' {
				if i > 0 || len(lit) == 1 {
					b.at = start
					return event.Value{}, b.fail("a value is expected")
				}
				neg = true
				continue
			}
			n = n*10 + int64(c-'0')
		}
		if neg {
			n = -n
		}
		return event.IntValue(n), nil
	}
	if whole {
		i, err := strconv.ParseInt(s, 10, 64)
		if err == nil {
			return event.IntValue(i), nil
		}
		if errors.Is(err, strconv.ErrRange) {
			return event.StringValue(s), nil
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		b.at = start
		return event.Value{}, b.fail("a value is expected")
	}
	return event.FloatValue(f), nil
}

// skip passes over a value without decoding it.
func (b *Buffer) skip(depth int) error {
	if depth > maxJSONDepth {
		return b.fail("nested too deeply")
	}
	switch b.peek() {
	case '"':
		return b.skipText()
	case '{', '[':
		return b.skipNested()
	case 't', 'f', 'n':
		_, err := b.value(0)
		return err
	}
	_, err := b.number()
	return err
}

// skipText finds the closing quote: one with an even number of backslashes before it.
func (b *Buffer) skipText() error {
	b.at++
	for {
		i := bytes.IndexByte(b.line[b.at:], '"')
		if i < 0 {
			b.at = len(b.line)
			return b.fail("the text does not end")
		}
		end := b.at + i
		k := end
		for k > b.at && b.line[k-1] == '\\' {
			k--
		}
		b.at = end + 1
		if (end-k)%2 == 0 {
			return nil
		}
	}
}

// skipNested passes over an object or list by counting brackets.
func (b *Buffer) skipNested() error {
	open := 0
	for b.at < len(b.line) {
		switch b.line[b.at] {
		case '"':
			if err := b.skipText(); err != nil {
				return err
			}
			continue
		case '{', '[':
			open++
		case '}', ']':
			open--
			if open == 0 {
				b.at++
				return nil
			}
		}
		b.at++
	}
	return b.fail("an object or list does not end")
}
