package sigma

import (
	"bytes"
	"strings"

	"github.com/openmxdr/openmxdr/internal/event"
)

// hint is the longest piece of a keyword that JSON writes as it is, folded;
// empty if there is none.
func (p *predicate) hint() string {
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
	return best
}

// prefilter finds out whether undecoded JSON may hold keywords. It looks at
// pairs of bytes and skips ahead by how far the pair is from the end of the
// first bytes of any keyword (Wu and Manber 1994, with blocks of two).
type prefilter struct {
	hintless bool              // some keyword has no hint
	least    int               // length of the shortest hint
	shift    [1 << 14]uint8    // by hash of two folded bytes
	bloom    [1 << 10]uint64   // by hash of a start key: may be in starts
	starts   map[uint32][]word // by the first bytes of hints: see startKey
}

func pairHash(a, b byte) uint32 { return (uint32(lower[a])<<7 ^ uint32(lower[b])) & (1<<14 - 1) }

func newPrefilter(e *Engine, preds []int32) *prefilter {
	f := &prefilter{least: 255, starts: map[uint32][]word{}}
	var words []word
	for _, p := range preds {
		h := e.preds[p].hint()
		if len(h) < 2 {
			f.hintless = true
			return f
		}
		words = append(words, word{h, p})
		f.least = min(f.least, len(h))
	}
	for i := range f.shift {
		f.shift[i] = uint8(f.least - 1)
	}
	for _, w := range words {
		for i := 1; i < f.least; i++ {
			h := pairHash(w.text[i-1], w.text[i])
			f.shift[h] = min(f.shift[h], uint8(f.least-1-i))
		}
		k := startKey(w.text, f.least)
		f.starts[k] = append(f.starts[k], w)
		b := bloomBit(k)
		f.bloom[b/64] |= 1 << (b % 64)
	}
	return f
}

// startKey is made of the first four bytes, or as many as all hints have.
func startKey[T string | []byte](s T, least int) uint32 {
	var k uint32
	for i := range min(4, least) {
		k = k<<8 | uint32(lower[s[i]])
	}
	return k
}

// find tells whether any hint is in line.
func (f *prefilter) find(line []byte) bool {
	for i := f.least - 1; i < len(line); {
		if n := f.shift[pairHash(line[i-1], line[i])]; n > 0 {
			i += int(n)
			continue
		}
		rest := line[i-f.least+1:]
		k := startKey(rest, f.least)
		i++
		if b := bloomBit(k); f.bloom[b/64]&(1<<(b%64)) == 0 {
			continue
		}
		for _, w := range f.starts[k] {
			if len(rest) >= len(w.text) && equalFolded(rest[:len(w.text)], w.text) {
				return true
			}
		}
	}
	return false
}

// bloomBit spreads start keys over the bits of a prefilter's bloom.
func bloomBit(k uint32) uint32 { return k * 2654435761 >> 16 }

func equalFolded(b []byte, folded string) bool {
	for i := range b {
		if lower[b[i]] != folded[i] {
			return false
		}
	}
	return true
}

// maxLiteral bounds the pieces of keywords that are looked for.
const maxLiteral = 16

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
func maybeKeyword(line []byte, class *routeClass) bool {
	if class.prefilter.hintless || class.prefilter.find(line) {
		return true
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
	if class.hasKeywords && maybeKeyword(line, class) {
		if err := d.decode(line, ev, b, true); err != nil {
			return nil, err
		}
	} else if class.hasKeywords {
		class = class.quiet
	}
	return d.engine.match(ev, s, class), nil
}
