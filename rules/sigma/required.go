package sigma

import (
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// requiredLiterals returns folded texts of which every text that the regular
// expression matches contains at least one; none when there is no such set
// that helps.
func requiredLiterals(s string) []string {
	re, err := syntax.Parse(s, syntax.Perl)
	if err != nil {
		return nil
	}
	set := required(re.Simplify(), 0)
	if len(set) > 64 {
		return nil
	}
	for _, t := range set {
		if len(t) == 1 && strings.Contains("`^~{}<>|;$%&!#@?*", t) {
			continue // rare enough to be worth looking for alone
		}
		// U+FFFD also stands for bytes that are not UTF-8.
		if len(t) < 2 || strings.ContainsRune(t, utf8.RuneError) {
			return nil
		}
	}
	return set
}

func required(re *syntax.Regexp, depth int) []string {
	if depth > 100 {
		return nil
	}
	switch re.Op {
	case syntax.OpLiteral:
		return []string{fold(string(re.Rune))}
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0], depth+1)
	case syntax.OpRepeat:
		if re.Min > 0 {
			return required(re.Sub[0], depth+1)
		}
	case syntax.OpAlternate:
		var out []string
		for _, sub := range re.Sub {
			set := required(sub, depth+1)
			if set == nil {
				return nil
			}
			if out = append(out, set...); len(out) > 64 {
				return nil
			}
		}
		return out
	case syntax.OpConcat:
		var best []string
		for _, sub := range re.Sub {
			if set := required(sub, depth+1); set != nil && (best == nil || shortest(set) > shortest(best)) {
				best = set
			}
		}
		return best
	}
	return nil
}

func shortest(set []string) int {
	n := len(set[0])
	for _, s := range set {
		n = min(n, len(s))
	}
	return n
}
