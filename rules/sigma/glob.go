package sigma

import (
	"strings"
	"unicode/utf8"
)

// glob matches a pattern with wildcards against text. Between two "*" the
// leftmost place is taken, which is enough: no backtracking is needed, and a
// match costs at most the length of the text times that of one segment.
type glob struct {
	segments  []segment // the pieces between "*"
	openStart bool      // the pattern begins with "*"
	openEnd   bool      // the pattern ends with "*"
}

// segment is a run of literals and "?".
type segment struct {
	parts []Part
	plain string // the text, when the segment has no "?"
	hasQ  bool
}

// newGlob compiles p, folding its literals unless cased is set.
func newGlob(p Pattern, cased bool) *glob {
	g := &glob{openStart: p.startsAny(), openEnd: p.endsAny()}
	var cur segment
	has := false
	flush := func() {
		if has {
			g.segments = append(g.segments, cur)
		}
		cur, has = segment{}, false
	}
	for _, part := range p {
		switch part.Kind {
		case AnyText:
			flush()
		case AnyChar:
			cur.parts, cur.hasQ, has = append(cur.parts, part), true, true
		case Literal:
			t := part.Text
			if !cased {
				t = fold(t)
			}
			cur.parts, has = append(cur.parts, Part{Kind: Literal, Text: t}), true
			cur.plain += t
		}
	}
	flush()
	return g
}

// matchAt matches the segment at the start of s and returns the length it
// took, or -1.
func (g *segment) matchAt(s string) int {
	n := 0
	for _, p := range g.parts {
		if p.Kind == Literal {
			if !strings.HasPrefix(s[n:], p.Text) {
				return -1
			}
			n += len(p.Text)
			continue
		}
		if n >= len(s) {
			return -1
		}
		_, size := utf8.DecodeRuneInString(s[n:])
		n += size
	}
	return n
}

// find returns where the segment first matches in s and how long the match is.
func (g *segment) find(s string) (at, size int) {
	if !g.hasQ {
		return strings.Index(s, g.plain), len(g.plain)
	}
	for i := 0; i <= len(s); {
		if n := g.matchAt(s[i:]); n >= 0 {
			return i, n
		}
		if i == len(s) {
			break
		}
		_, w := utf8.DecodeRuneInString(s[i:])
		i += w
	}
	return -1, 0
}

// matchEnd tells whether the segment matches the end of s.
func (g *segment) matchEnd(s string) bool {
	if !g.hasQ {
		return strings.HasSuffix(s, g.plain)
	}
	i := len(s)
	for k := len(g.parts) - 1; k >= 0; k-- {
		if p := g.parts[k]; p.Kind == Literal {
			if !strings.HasSuffix(s[:i], p.Text) {
				return false
			}
			i -= len(p.Text)
			continue
		}
		if i == 0 {
			return false
		}
		_, w := utf8.DecodeLastRuneInString(s[:i])
		i -= w
	}
	return true
}

// match tells whether the whole of s matches. Unless the pattern is cased, s
// must be folded.
func (g *glob) match(s string) bool {
	segs := g.segments
	if len(segs) == 0 {
		return g.openStart || s == ""
	}
	if !g.openStart {
		n := segs[0].matchAt(s)
		if n < 0 {
			return false
		}
		if len(segs) == 1 && !g.openEnd {
			return n == len(s)
		}
		s, segs = s[n:], segs[1:]
	}
	for len(segs) > 1 || len(segs) == 1 && g.openEnd {
		at, n := segs[0].find(s)
		if at < 0 {
			return false
		}
		s, segs = s[at+n:], segs[1:]
	}
	return len(segs) == 0 || segs[0].matchEnd(s)
}

// find tells whether the pattern matches anywhere in s.
func (g *glob) contains(s string) bool {
	for i := range g.segments {
		at, n := g.segments[i].find(s)
		if at < 0 {
			return false
		}
		s = s[at+n:]
	}
	return true
}

// longest returns the longest literal of the pattern, folded. Neighbouring
// literals count as one only when nothing stands between them.
func longestLiteral(p Pattern) string {
	best := ""
	for _, part := range p {
		if part.Kind == Literal && len(part.Text) > len(best) {
			best = part.Text
		}
	}
	return fold(best)
}
