package sigma

import (
	"strings"
	"testing"
	"unicode"
)

// TestFold: folding joins exactly what strings.EqualFold joins, at every place
// of the eight bytes that are folded at once.
func TestFold(t *testing.T) {
	for place := range 17 {
		pad := strings.Repeat("Zq", place)[:place]
		for c := range 128 {
			s := pad + string(rune(c)) + "XYZ[@`{az09AZ"
			want := strings.ToLower(s)
			if got := fold(s); got != want {
				t.Fatalf("fold(%q) = %q, want %q", s, got, want)
			}
		}
	}
	for r := rune(0); r < 0x3000; r++ {
		for o := unicode.SimpleFold(r); o != r; o = unicode.SimpleFold(o) {
			a, b := "prefix12"+string(r)+"x", "PREFIX12"+string(o)+"X"
			if fold(a) != fold(b) || !strings.EqualFold(a, b) {
				t.Fatalf("%q and %q fold to %q and %q", a, b, fold(a), fold(b))
			}
		}
	}
	if a, b := fold("ı"), fold("i"); a == b {
		t.Error("dotless i folds to i")
	}
	if got := fold("A\xffB"); got != "a\xffb" {
		t.Errorf("invalid bytes: %q", got)
	}
}
