package sigma

import (
	"bytes"
	"strings"

	"github.com/openmxdr/openmxdr/internal/event"
)

// keywordHints prepares the search for keywords in undecoded JSON: of every
// keyword the longest piece that JSON writes as it is.
func (d *Decoder) keywordHints() {
	var words []word
	d.hintless = make([]bool, len(d.engine.preds))
	for i := range d.engine.preds {
		p := &d.engine.preds[i]
		if p.kind != predKeyword {
			continue
		}
		best := ""
		for _, seg := range p.glob.segments {
			for _, part := range seg.parts {
				if part.Kind == Literal {
					if h := plainPiece(fold(part.Text)); len(h) > len(best) {
						best = h
					}
				}
			}
		}
		if best == "" {
			d.hintless[i] = true
			continue
		}
		words = append(words, word{best, int32(i)})
	}
	d.hints = newContains(words)
}

// plainPiece returns the last maxLiteral bytes of the longest run of bytes
// that JSON writers leave as they are, but for \uXXXX and \/.
func plainPiece(s string) string {
	best, start := "", 0
	for i := 0; i <= len(s); i++ {
		if i == len(s) || s[i] < 0x20 || s[i] > 0x7e || strings.IndexByte("\"\\<>&", s[i]) >= 0 {
			if i-start > len(best) {
				best = s[start:i]
			}
			start = i + 1
		}
	}
	return best[max(0, len(best)-maxLiteral):]
}

// maybeKeyword tells whether a line may hold a keyword on which it depends
// whether a rule that the class of events allows matches.
func (d *Decoder) maybeKeyword(line []byte, class *routeClass) bool {
	for _, p := range class.keywordList {
		if d.hintless[p] {
			return true
		}
	}
	if a := d.hints; a != nil {
		next, state := a.next, a.width
		for _, c := range line {
			state = next[state+uint32(a.class[c])]
			if state&outBit != 0 {
				for _, p := range a.outputs(state) {
					if class.keywords[p] {
						return true
					}
				}
				state &= stateMask
			}
		}
	}
	for rest := line; ; {
		i := bytes.IndexByte(rest, '\\')
		if i < 0 || i+1 >= len(rest) {
			break
		}
		if rest[i+1] == '/' || rest[i+1] == 'u' && telling(rest[i+2:]) {
			return true
		}
		rest = rest[i+2:]
	}
	return bytes.Contains(line, []byte("\u212a")) || bytes.Contains(line, []byte("\u017f"))
}

// telling tells whether the four digits of a \u escape stand for a character
// that pieces of keywords may have: printable ASCII but for what JSON writers
// like to escape, and the two letters outside ASCII that fold into it.
func telling(digits []byte) bool {
	r, ok := hex4(digits)
	return !ok || r >= 0x20 && r < 0x7f && r != '<' && r != '>' && r != '&' || r == 0x212a || r == 0x17f
}

// Match decodes a line and matches it. Of the event only the fields that rules
// ask for are filled in, or all of them when a keyword may be in the line.
func (d *Decoder) Match(line []byte, ev *event.Event, s *Scratch, b *Buffer) ([]Match, error) {
	if err := d.decode(line, ev, b, false); err != nil {
		return nil, err
	}
	class := d.engine.classify(ev, s)
	if class.needs.keywords && d.maybeKeyword(line, class) {
		if err := d.decode(line, ev, b, true); err != nil {
			return nil, err
		}
	} else if class.needs.keywords {
		class = class.quiet
	}
	return d.engine.match(ev, s, class), nil
}
