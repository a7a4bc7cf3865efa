package correlation

import (
	"math"
	"math/bits"
	"strconv"
)

// decimal is a signed 128-bit number of billionths. Adding is exact and
// therefore independent of order, which floating point is not.
type decimal struct {
	hi int64
	lo uint64
}

const decimalDigits = 9

// maxDecimalDigits keeps numbers below 1e22, so that millions of them, times
// 100 for percentiles, stay within 127 bits.
const maxDecimalDigits = 22

func (a decimal) add(b decimal) decimal {
	lo, c := bits.Add64(a.lo, b.lo, 0)
	return decimal{a.hi + b.hi + int64(c), lo}
}

func (a decimal) sub(b decimal) decimal {
	lo, c := bits.Sub64(a.lo, b.lo, 0)
	return decimal{a.hi - b.hi - int64(c), lo}
}

func (a decimal) negative() bool { return a.hi < 0 }

func (a decimal) cmp(b decimal) int {
	switch {
	case a.hi < b.hi, a.hi == b.hi && a.lo < b.lo:
		return -1
	case a == b:
		return 0
	}
	return 1
}

// times multiplies by a number ≥ 0.
func (a decimal) times(n uint64) decimal {
	neg := a.negative()
	if neg {
		a = decimal{}.sub(a)
	}
	hi, lo := bits.Mul64(a.lo, n)
	r := decimal{int64(uint64(a.hi)*n + hi), lo}
	if neg {
		r = decimal{}.sub(r)
	}
	return r
}

// parseDecimal reads a decimal number, rounding half away from zero at the
// ninth digit after the point. It refuses what is not a finite number below
// 1e22.
func parseDecimal(s string) (decimal, bool) {
	if len(s) == 0 || len(s) > 400 {
		return decimal{}, false
	}
	i, neg := 0, false
	if s[0] == '-' || s[0] == '+' {
		neg, i = s[0] == '-', 1
	}
	var d decimal
	whole, frac, any, point, round := 0, 0, false, false, false
	for ; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '.' && !point:
			point = true
			continue
		case c >= '0' && c <= '9':
		case (c == 'e' || c == 'E') && any:
			f, err := strconv.ParseFloat(s, 64)
			if err != nil {
				return decimal{}, false
			}
			return decimalFromFloat(f)
		default:
			return decimal{}, false
		}
		any = true
		if point {
			if frac == decimalDigits {
				if !round && c >= '5' {
					d = d.add(decimal{0, 1})
				}
				round = true
				continue
			}
			frac++
		} else if whole > 0 || c != '0' {
			if whole++; whole > maxDecimalDigits {
				return decimal{}, false
			}
		}
		d = d.times(10).add(decimal{0, uint64(c - '0')})
	}
	if !any {
		return decimal{}, false
	}
	for ; frac < decimalDigits; frac++ {
		d = d.times(10)
	}
	if neg {
		d = decimal{}.sub(d)
	}
	return d, true
}

func decimalFromFloat(f float64) (decimal, bool) {
	if math.IsNaN(f) || math.Abs(f) >= 1e22 {
		return decimal{}, false
	}
	return parseDecimal(strconv.FormatFloat(f, 'f', -1, 64))
}
