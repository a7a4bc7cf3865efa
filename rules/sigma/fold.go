package sigma

import (
	"encoding/binary"
	"unicode"
	"unicode/utf8"
)

// foldRune maps every rune of a simple-folding orbit (unicode.SimpleFold) to
// the same one, so that two texts are equal without regard to case exactly
// when their folded forms are equal. ASCII letters fold to lower case.
func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}
	least := r
	for n := unicode.SimpleFold(r); n != r; n = unicode.SimpleFold(n) {
		least = min(least, n)
	}
	if 'A' <= least && least <= 'Z' {
		return least + 'a' - 'A'
	}
	return least
}

// appendFold appends the folded form of s. Bytes that are not valid UTF-8 stay
// as they are.
func appendFold(dst []byte, s string) []byte {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		x := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		if x&highBits != 0 {
			return appendFoldRunes(dst, s[i:])
		}
		// In each byte the high bit of the first sum is set from "A" on, that
		// of the second one from behind "Z" on.
		upper := (x + (0x80-'A')*eachByte) &^ (x + (0x7f-'Z')*eachByte) & highBits
		dst = binary.LittleEndian.AppendUint64(dst, x|upper>>2)
	}
	return appendFoldRunes(dst, s[i:])
}

const (
	eachByte = 0x0101010101010101
	highBits = 0x80 * eachByte
)

func appendFoldRunes(dst []byte, s string) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			dst = append(dst, lower[c])
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			dst = append(dst, c)
		} else {
			dst = utf8.AppendRune(dst, foldRune(r))
		}
		i += size
	}
	return dst
}

func fold(s string) string { return string(appendFold(make([]byte, 0, len(s)), s)) }

// isASCII tells whether s has no byte above 0x7F.
func isASCII(s string) bool {
	for len(s) >= 8 {
		if (s[0]|s[1]|s[2]|s[3]|s[4]|s[5]|s[6]|s[7])&0x80 != 0 {
			return false
		}
		s = s[8:]
	}
	var or byte
	for i := 0; i < len(s); i++ {
		or |= s[i]
	}
	return or < utf8.RuneSelf
}

// lower is the folding of single bytes in text that is ASCII or folded already.
var lower = func() (t [256]byte) {
	for i := range t {
		t[i] = byte(i)
		if 'A' <= i && i <= 'Z' {
			t[i] += 'a' - 'A'
		}
	}
	return t
}()
