package sigma

import (
	"bytes"
	"encoding/binary"

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
// every second byte only: of every hint it knows the windows at two
// neighbouring places, one of which is met wherever the hint begins. Windows
// are as long as that allows, from two to four bytes. Setting bit 5 of every
// byte makes ASCII letters lower case without folding the line first; other
// bytes that become alike are sorted out by comparing.
type prefilter struct {
	hintless bool // some keyword has no hint of three bytes
	level    [3]*windows
}

// windows are those of one size, size 2 first.
type windows struct {
	mask   uint32
	bitmap [windowBits / 64]uint64
	hints  map[uint32][]gram
}

const (
	windowBits = 1 << 15 // 4 KiB
	lowerBits  = 0x20202020
)

func windowBit(k uint32) uint32 { return k * gramMul >> (32 - 15) }

func newPrefilter(e *Engine, preds []int32) *prefilter {
	f := &prefilter{}
	for _, p := range preds {
		h := e.preds[p].hint()
		if len(h) < 3 {
			return &prefilter{hintless: true}
		}
		size := min(4, len(h)-1)
		w := f.level[size-2]
		if w == nil {
			w = &windows{mask: 1<<(8*size) - 1, hints: map[uint32][]gram{}}
			if size == 4 {
				w.mask = 1<<32 - 1
			}
			f.level[size-2] = w
		}
		at := 0
		if size == 4 {
			at = rarestWindow(h, size+1, func(win string) int { return len(w.hints[w.key(win)]) + len(w.hints[w.key(win[1:])]) })
		}
		for _, off := range []int{at, at + 1} {
			k := w.key(h[off:])
			w.hints[k] = append(w.hints[k], gram{off: uint16(off), pred: p, word: h})
			b := windowBit(k)
			w.bitmap[b/64] |= 1 << (b % 64)
		}
	}
	return f
}

func (w *windows) key(s string) uint32 {
	var k uint32
	for i := range min(4, len(s)) {
		k |= uint32(s[i]) << (8 * i)
	}
	return (k | lowerBits) & w.mask
}

// find tells whether any hint is in line. The line ends with a brace, so no
// hint reaches beyond the last four bytes that are looked at.
func (f *prefilter) find(line []byte) bool {
	w2, w3, w4 := f.level[0], f.level[1], f.level[2]
	for i := 0; i+gramSize <= len(line); i += 2 {
		k := binary.LittleEndian.Uint32(line[i:]) | lowerBits
		if w4 != nil {
			if b := windowBit(k); w4.bitmap[b/64]&(1<<(b%64)) != 0 && w4.compare(line, i, k) {
				return true
			}
		}
		if w3 != nil {
			k := k & 0xffffff
			if b := windowBit(k); w3.bitmap[b/64]&(1<<(b%64)) != 0 && w3.compare(line, i, k) {
				return true
			}
		}
		if w2 != nil {
			k := k & 0xffff
			if b := windowBit(k); w2.bitmap[b/64]&(1<<(b%64)) != 0 && w2.compare(line, i, k) {
				return true
			}
		}
	}
	return false
}

func (w *windows) compare(line []byte, i int, k uint32) bool {
	for _, g := range w.hints[k] {
		at := i - int(g.off)
		if at >= 0 && at+len(g.word) <= len(line) && equalFolded(line[at:at+len(g.word)], g.word) {
			return true
		}
	}
	return false
}

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
		if i == len(s) || s[i] < 0x20 || s[i] > 0x7e || s[i] == '"' || s[i] == '\\' {
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
// that pieces of keywords may have: printable ASCII, and the two letters
// outside ASCII that fold into it.
func telling(digits []byte) bool {
	r, ok := hex4(digits)
	return !ok || r >= 0x20 && r < 0x7f || r == 0x212a || r == 0x17f
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
