package sigma

import "strings"

// PartKind is the type of a Part.
type PartKind uint8

// The parts of a pattern.
const (
	Literal     PartKind = iota // Text as it is
	AnyText                     // "*": any text, also none
	AnyChar                     // "?": one character
	Placeholder                 // "%Text%", to be filled in before matching
)

// Part is a piece of a Pattern.
type Part struct {
	Kind PartKind
	Text string
}

// Pattern is a Sigma string: literal text, wildcards and placeholders.
// Neighbouring literals are one part; the empty pattern is the empty string.
type Pattern []Part

// ParsePattern reads a Sigma string. "*" and "?" are wildcards; a backslash
// takes the special meaning from "*", "?" and "\" and is literal before
// anything else.
func ParsePattern(s string) Pattern {
	var p Pattern
	var lit []byte
	flush := func() {
		if len(lit) > 0 {
			p = append(p, Part{Kind: Literal, Text: string(lit)})
			lit = lit[:0]
		}
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '\\':
			if i+1 < len(s) && (s[i+1] == '*' || s[i+1] == '?' || s[i+1] == '\\') {
				i++
				lit = append(lit, s[i])
			} else {
				lit = append(lit, c)
			}
		case '*':
			flush()
			p = append(p, Part{Kind: AnyText})
		case '?':
			flush()
			p = append(p, Part{Kind: AnyChar})
		default:
			lit = append(lit, c)
		}
	}
	flush()
	return p
}

// literalPattern is s without any wildcard.
func literalPattern(s string) Pattern {
	if s == "" {
		return nil
	}
	return Pattern{{Kind: Literal, Text: s}}
}

// String writes the pattern so that ParsePattern reads it back.
func (p Pattern) String() string {
	var b strings.Builder
	for i, part := range p {
		switch part.Kind {
		case AnyText:
			b.WriteByte('*')
		case AnyChar:
			b.WriteByte('?')
		case Placeholder:
			b.WriteString("%" + part.Text + "%")
		default:
			wild := i+1 < len(p) && p[i+1].Kind != Literal
			for j := 0; j < len(part.Text); j++ {
				c := part.Text[j]
				last := j == len(part.Text)-1
				switch {
				case c == '*' || c == '?':
					b.WriteByte('\\')
				case c == '\\' && (last && wild || !last && strings.IndexByte(`*?\`, part.Text[j+1]) >= 0):
					b.WriteByte('\\')
				}
				b.WriteByte(c)
			}
		}
	}
	return b.String()
}

// plain returns the text of a pattern without wildcards; placeholders are
// written as %name%.
func (p Pattern) plain() string {
	var b strings.Builder
	for _, part := range p {
		switch part.Kind {
		case Literal:
			b.WriteString(part.Text)
		case Placeholder:
			b.WriteString("%" + part.Text + "%")
		}
	}
	return b.String()
}

func (p Pattern) has(k PartKind) bool {
	for _, part := range p {
		if part.Kind == k {
			return true
		}
	}
	return false
}

func (p Pattern) wildcards() bool { return p.has(AnyText) || p.has(AnyChar) }

// startsAny and endsAny tell whether the pattern begins or ends with "*".
func (p Pattern) startsAny() bool { return len(p) > 0 && p[0].Kind == AnyText }
func (p Pattern) endsAny() bool   { return len(p) > 0 && p[len(p)-1].Kind == AnyText }

// open puts "*" at the start and the end as asked, unless it is there.
func (p Pattern) open(start, end bool) Pattern {
	q := make(Pattern, 0, len(p)+2)
	if start && !p.startsAny() {
		q = append(q, Part{Kind: AnyText})
	}
	q = append(q, p...)
	if end && !q.endsAny() {
		q = append(q, Part{Kind: AnyText})
	}
	return q
}

// concat joins patterns and merges literals that meet.
func concat(ps ...Pattern) Pattern {
	var out Pattern
	for _, p := range ps {
		for _, part := range p {
			if n := len(out); n > 0 && part.Kind == Literal && out[n-1].Kind == Literal {
				out[n-1].Text += part.Text
				continue
			}
			out = append(out, part)
		}
	}
	return out
}

// withPlaceholders turns %name% in literal parts into placeholders. A name is
// not empty and has neither "%" nor a backslash; any other "%" is literal.
func (p Pattern) withPlaceholders() Pattern {
	var out Pattern
	for _, part := range p {
		if part.Kind != Literal {
			out = append(out, part)
			continue
		}
		rest := part.Text
		lit := ""
		for {
			i := strings.IndexByte(rest, '%')
			if i < 0 {
				break
			}
			j := strings.IndexByte(rest[i+1:], '%')
			if j > 0 && !strings.Contains(rest[i+1:i+1+j], `\`) {
				if lit += rest[:i]; lit != "" {
					out = append(out, Part{Kind: Literal, Text: lit})
				}
				lit = ""
				out = append(out, Part{Kind: Placeholder, Text: rest[i+1 : i+1+j]})
				rest = rest[i+j+2:]
				continue
			}
			lit += rest[:i+1]
			rest = rest[i+1:]
		}
		if lit += rest; lit != "" {
			out = append(out, Part{Kind: Literal, Text: lit})
		}
	}
	return out
}

// mapLiterals applies f to every literal part.
func (p Pattern) mapLiterals(f func(string) (string, error)) (Pattern, error) {
	out := make(Pattern, len(p))
	for i, part := range p {
		out[i] = part
		if part.Kind == Literal {
			t, err := f(part.Text)
			if err != nil {
				return nil, err
			}
			out[i].Text = t
		}
	}
	return out, nil
}
