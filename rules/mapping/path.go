package mapping

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/openmxdr/openmxdr/internal/document"
	"github.com/openmxdr/openmxdr/internal/event"
)

// rawPath is a compiled raw path such as "actor.id", "target[0].id",
// "target[type=User].alternateId" or "records[].name". Member names that
// contain dots ("id.orig_h") are found as well. A backquoted part is one
// member name whatever it contains.
type rawPath struct {
	text  string
	segs  []seg
	multi bool // contains [] and so names many nodes
}

type seg struct {
	key    string
	joined []string // joined[k]: this and the next k+1 names with dots between
	sel    selector
	index  int
	member string // sel bySelf: element's member …
	equals string // … and its text
}

type selector uint8

const (
	noSelector selector = iota
	byIndex
	byMember
	everyElement
)

// compilePath parses a raw path.
func compilePath(text string) (*rawPath, error) {
	p := &rawPath{text: text}
	rest := text
	for rest != "" {
		var s seg
		if rest[0] == '`' {
			end := strings.IndexByte(rest[1:], '`')
			if end < 0 {
				return nil, fmt.Errorf("path %q: a backquote is not closed", text)
			}
			s.key, rest = rest[1:1+end], rest[2+end:]
		} else {
			end := strings.IndexAny(rest, ".[")
			if end < 0 {
				end = len(rest)
			}
			s.key, rest = rest[:end], rest[end:]
		}
		if s.key == "" && !strings.HasPrefix(rest, "[") {
			return nil, fmt.Errorf("path %q: a name is empty", text)
		}
		if strings.HasPrefix(rest, "[") {
			end := strings.IndexByte(rest, ']')
			if end < 0 {
				return nil, fmt.Errorf("path %q: a bracket is not closed", text)
			}
			inner := rest[1:end]
			rest = rest[end+1:]
			switch {
			case inner == "":
				s.sel = everyElement
				p.multi = true
			case strings.Contains(inner, "="):
				s.sel = byMember
				s.member, s.equals, _ = strings.Cut(inner, "=")
			default:
				i, err := strconv.Atoi(inner)
				if err != nil || i < 0 {
					return nil, fmt.Errorf("path %q: [%s] is none of [], [number], [member=value]", text, inner)
				}
				s.sel, s.index = byIndex, i
			}
		}
		p.segs = append(p.segs, s)
		if rest == "" {
			break
		}
		if rest[0] != '.' || len(rest) == 1 {
			return nil, fmt.Errorf("path %q: expected a dot and a name after %q", text, s.key)
		}
		rest = rest[1:]
	}
	if len(p.segs) == 0 {
		return nil, fmt.Errorf("path is empty")
	}
	for i := range p.segs {
		name := p.segs[i].key
		for j := i; j+1 < len(p.segs) && p.segs[j].sel == noSelector; j++ {
			name += "." + p.segs[j+1].key
			p.segs[i].joined = append(p.segs[i].joined, name)
		}
	}
	return p, nil
}

// find returns the node that p names under n, None if there is none. For a
// path with [] it returns the first that exists.
func (p *rawPath) find(d *document.Document, n document.Node) document.Node {
	return findSegs(d, n, p.segs)
}

func findSegs(d *document.Document, n document.Node, segs []seg) document.Node {
	for i := range segs {
		s := &segs[i]
		m := n
		if s.key != "" {
			m = d.Member(n, s.key)
		}
		if m == document.None {
			if d.Dotted() {
				for k, name := range s.joined {
					if m := d.Member(n, name); m != document.None {
						last := segs[i+k+1]
						if m = last.choose(d, m); m != document.None {
							return findSegs(d, m, segs[i+k+2:])
						}
					}
				}
			}
			return document.None
		}
		if s.sel == everyElement {
			if d.Kind(m) != document.Array {
				n = m
				continue
			}
			for c := d.First(m); c != document.None; c = d.Next(c) {
				if x := findSegs(d, c, segs[i+1:]); x != document.None && !d.Empty(x) {
					return x
				}
			}
			return document.None
		}
		if m = s.choose(d, m); m == document.None {
			return document.None
		}
		n = m
	}
	return n
}

// choose applies the segment's selector to m. A value that is no array stands
// for an array of itself.
func (s *seg) choose(d *document.Document, m document.Node) document.Node {
	switch s.sel {
	case byIndex:
		if d.Kind(m) != document.Array {
			if s.index == 0 {
				return m
			}
			return document.None
		}
		return d.Element(m, s.index)
	case byMember:
		if d.Kind(m) != document.Array {
			if d.Value(d.Member(m, s.member)).Text() == s.equals {
				return m
			}
			return document.None
		}
		for c := d.First(m); c != document.None; c = d.Next(c) {
			x := d.Member(c, s.member)
			if x != document.None && (d.Str(x) == s.equals || d.Kind(x) != document.String && d.Value(x).Text() == s.equals) {
				return c
			}
		}
		return document.None
	}
	return m
}

// collect appends the value of every node that p names under n.
func (p *rawPath) collect(d *document.Document, n document.Node, out []event.Value) []event.Value {
	return collectSegs(d, n, p.segs, out)
}

// maxCollected bounds the values that one path with [] gives.
const maxCollected = 256

func collectSegs(d *document.Document, n document.Node, segs []seg, out []event.Value) []event.Value {
	for i := range segs {
		s := &segs[i]
		if s.sel != everyElement {
			if n = findSegs(d, n, segs[i:i+1]); n == document.None {
				return out
			}
			continue
		}
		m := n
		if s.key != "" {
			m = d.Member(n, s.key)
		}
		if d.Kind(m) != document.Array {
			if m == document.None {
				return out
			}
			n = m
			continue
		}
		for c := d.First(m); c != document.None && len(out) < maxCollected; c = d.Next(c) {
			out = collectSegs(d, c, segs[i+1:], out)
		}
		return out
	}
	if d.Empty(n) {
		return out
	}
	if d.Kind(n) == document.Array {
		for c := d.First(n); c != document.None && len(out) < maxCollected; c = d.Next(c) {
			if !d.Empty(c) {
				out = append(out, d.Value(c))
			}
		}
		return out
	}
	return append(out, d.Value(n))
}
