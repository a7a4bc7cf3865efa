package sigma

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	mbits "math/bits"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// modifiers apply a modifier to an item; i is its place in Item.Modifiers.
// They act in the order in which they are written.
var modifiers map[string]func(it *Item, i int) error

func init() {
	modifiers = map[string]func(*Item, int) error{
		"all": func(it *Item, _ int) error { it.All = true; return nil },
		"neq": func(it *Item, _ int) error { it.Negated = true; return nil },

		"contains":   each(func(v *Value) error { return open(v, true, true) }),
		"startswith": each(func(v *Value) error { return open(v, false, true) }),
		"endswith":   each(func(v *Value) error { return open(v, true, false) }),
		"cased":      each(func(v *Value) error { v.Cased = true; return want(v, StringValue) }),
		"exists":     exists,

		"windash":      each(windash),
		"base64":       each(encodeBase64),
		"base64offset": each(encodeBase64Offset),
		"wide":         each(func(v *Value) error { return encodeUTF16(v, false, "") }),
		"utf16le":      each(func(v *Value) error { return encodeUTF16(v, false, "") }),
		"utf16be":      each(func(v *Value) error { return encodeUTF16(v, true, "") }),
		"utf16":        each(func(v *Value) error { return encodeUTF16(v, false, byteOrderMark) }),

		"re":         unmodified(each(asRegexp)),
		"i":          each(func(v *Value) error { return regexFlag(v, "i") }),
		"ignorecase": each(func(v *Value) error { return regexFlag(v, "i") }),
		"m":          each(func(v *Value) error { return regexFlag(v, "m") }),
		"multiline":  each(func(v *Value) error { return regexFlag(v, "m") }),
		"s":          each(func(v *Value) error { return regexFlag(v, "s") }),
		"dotall":     each(func(v *Value) error { return regexFlag(v, "s") }),

		"cidr":     unmodified(each(asCIDR)),
		"fieldref": each(asFieldRef),
		"expand":   each(expand),

		"lt":  each(func(v *Value) error { return compare(v, LT) }),
		"lte": each(func(v *Value) error { return compare(v, LTE) }),
		"gt":  each(func(v *Value) error { return compare(v, GT) }),
		"gte": each(func(v *Value) error { return compare(v, GTE) }),

		"minute": each(func(v *Value) error { return timePart(v, Minute) }),
		"hour":   each(func(v *Value) error { return timePart(v, Hour) }),
		"day":    each(func(v *Value) error { return timePart(v, Day) }),
		"week":   each(func(v *Value) error { return timePart(v, Week) }),
		"month":  each(func(v *Value) error { return timePart(v, Month) }),
		"year":   each(func(v *Value) error { return timePart(v, Year) }),
	}
}

// each applies f to every value, and to the alternatives of an expansion.
func each(f func(*Value) error) func(*Item, int) error {
	var walk func(vs []Value) error
	walk = func(vs []Value) error {
		for i := range vs {
			if vs[i].Kind == ExpansionValue {
				if err := walk(vs[i].Values); err != nil {
					return err
				}
				continue
			}
			if err := f(&vs[i]); err != nil {
				return err
			}
		}
		return nil
	}
	return func(it *Item, _ int) error { return walk(it.Values) }
}

// unmodified refuses a modifier that is not the first one.
func unmodified(f func(*Item, int) error) func(*Item, int) error {
	return func(it *Item, i int) error {
		if i > 0 && len(it.Values) > 0 {
			return errors.New("it must come before all other modifiers")
		}
		return f(it, i)
	}
}

var kindNames = [...]string{"text", "a number", "a boolean", "null", "a regular expression", "a network", "a comparison",
	"a field reference", "an existence check", "a time part", "a list of alternatives"}

// want refuses values of other kinds.
func want(v *Value, kinds ...ValueKind) error {
	if slices.Contains(kinds, v.Kind) {
		return nil
	}
	return fmt.Errorf("it needs %s, not %s", kindNames[kinds[0]], kindNames[v.Kind])
}

func open(v *Value, start, end bool) error {
	switch v.Kind {
	case StringValue:
		v.Pattern = v.Pattern.open(start, end)
	case RegexpValue:
		// A search is open at both ends already. startswith anchors the
		// start, endswith the end; both together mean the whole value.
		switch {
		case start && end:
			v.anchored = 0
		case end:
			v.anchored |= anchorStart
		default:
			v.anchored |= anchorEnd
		}
	case FieldRefValue:
		v.StartsWith = v.StartsWith || end
		v.EndsWith = v.EndsWith || start
	default:
		return want(v, StringValue)
	}
	return nil
}

func exists(it *Item, i int) error {
	if it.Field == "" {
		return errors.New("it needs a field")
	}
	if i > 0 && len(it.Values) > 0 {
		return errors.New("it must come before all other modifiers")
	}
	return each(func(v *Value) error {
		if err := want(v, BoolValue); err != nil {
			return err
		}
		v.Kind = ExistsValue
		return nil
	})(it, i)
}

// maxDashes bounds the alternatives of windash: five for each dash.
const maxDashes = 3

var dashes = []string{"-", "/", "\u2013", "\u2014", "\u2015"}

// windash gives alternatives for every "-" or "/" that begins a word and does
// not follow one: hyphen, slash, en dash, em dash and horizontal bar.
func windash(v *Value) error {
	if err := want(v, StringValue); err != nil {
		return err
	}
	alts := []Pattern{nil}
	n := 0
	for _, part := range v.Pattern {
		if part.Kind != Literal {
			for i := range alts {
				alts[i] = append(alts[i], part)
			}
			continue
		}
		start := 0
		add := func(s string) {
			for i := range alts {
				alts[i] = concat(alts[i], literalPattern(s))
			}
		}
		for i := 0; i < len(part.Text); i++ {
			if c := part.Text[i]; c != '-' && c != '/' {
				continue
			}
			before, _ := utf8.DecodeLastRuneInString(part.Text[:i])
			after, _ := utf8.DecodeRuneInString(part.Text[i+1:])
			if i > 0 && wordRune(before) || i+1 == len(part.Text) || !wordRune(after) {
				continue
			}
			if n++; n > maxDashes {
				return fmt.Errorf("more than %d dashes would be varied in one value; split it into several values", maxDashes)
			}
			add(part.Text[start:i])
			var next []Pattern
			for _, a := range alts {
				for _, d := range dashes {
					next = append(next, concat(a, literalPattern(d)))
				}
			}
			alts, start = next, i+1
		}
		add(part.Text[start:])
	}
	if n == 0 {
		return nil
	}
	out := Value{Kind: ExpansionValue}
	for _, a := range alts {
		out.Values = append(out.Values, Value{Kind: StringValue, Pattern: a, Cased: v.Cased})
	}
	*v = out
	return nil
}

func wordRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) }

// byteOrderMark stands before text of the modifier utf16; in base64 it is
// encoded as FF FE.
const byteOrderMark = "\ufeff"

func encodeUTF16(v *Value, big bool, mark string) error {
	if err := want(v, StringValue); err != nil {
		return err
	}
	p, err := v.Pattern.mapLiterals(func(s string) (string, error) {
		var b []byte
		for _, u := range utf16.Encode([]rune(s)) {
			if big {
				b = append(b, byte(u>>8), byte(u))
			} else {
				b = append(b, byte(u), byte(u>>8))
			}
		}
		if !utf8.Valid(b) {
			return "", fmt.Errorf("%q has characters outside ASCII whose UTF-16 form is not text", s)
		}
		return string(b), nil
	})
	if err != nil {
		return err
	}
	v.Pattern = concat(literalPattern(mark), p)
	return nil
}

func base64Input(v *Value) ([]byte, error) {
	if err := want(v, StringValue); err != nil {
		return nil, err
	}
	if v.Pattern.wildcards() {
		return nil, errors.New("text with wildcards cannot be encoded; escape them or leave them out")
	}
	b := []byte(v.Pattern.plain())
	if rest, ok := strings.CutPrefix(string(b), byteOrderMark); ok {
		b = append([]byte{0xff, 0xfe}, rest...)
	}
	return b, nil
}

func encodeBase64(v *Value) error {
	b, err := base64Input(v)
	if err != nil {
		return err
	}
	v.Pattern = literalPattern(base64.StdEncoding.EncodeToString(b))
	return nil
}

// encodeBase64Offset gives the three forms that text takes inside a longer
// encoded text, without the characters that also depend on its neighbours.
func encodeBase64Offset(v *Value) error {
	b, err := base64Input(v)
	if err != nil {
		return err
	}
	out := Value{Kind: ExpansionValue}
	for i := range 3 {
		enc := base64.StdEncoding.EncodeToString(append([]byte("   "[:i]), b...))
		from := [3]int{0, 2, 3}[i]
		to := len(enc) - [3]int{0, 3, 2}[(len(b)+i)%3]
		if from > to {
			from = to
		}
		out.Values = append(out.Values, Value{Kind: StringValue, Pattern: literalPattern(enc[from:to]), Cased: v.Cased})
	}
	*v = out
	return nil
}

func asRegexp(v *Value) error {
	if err := want(v, StringValue); err != nil {
		return err
	}
	*v = Value{Kind: RegexpValue, Pattern: v.Pattern}
	return nil
}

func regexFlag(v *Value, flag string) error {
	if err := want(v, RegexpValue); err != nil {
		return err
	}
	if !strings.Contains(v.flags, flag) {
		v.flags += flag
	}
	return nil
}

func asCIDR(v *Value) error {
	if err := want(v, StringValue); err != nil {
		return err
	}
	s := v.Pattern.String()
	if v.Pattern.wildcards() {
		return fmt.Errorf("%q is not a network in CIDR notation", s)
	}
	p, err := parsePrefix(s)
	if err != nil {
		return err
	}
	*v = Value{Kind: CIDRValue, Prefix: p}
	return nil
}

// parsePrefix reads a network. A single address is the network of itself; a
// dotted IPv4 mask is taken as well. Bits behind the mask must be zero.
func parsePrefix(s string) (netip.Prefix, error) {
	addr, bits, ok := strings.Cut(s, "/")
	a, err := netip.ParseAddr(addr)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, fmt.Errorf("%q is not a network in CIDR notation", s)
	}
	if !ok {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	if m, err := netip.ParseAddr(bits); err == nil && m.Is4() && a.Is4() {
		b := m.As4()
		n := binary.BigEndian.Uint32(b[:])
		ones := mbits.LeadingZeros32(^n)
		if n<<ones != 0 { // not a network mask; perhaps its complement
			n = ^n
			ones = mbits.LeadingZeros32(^n)
		}
		if n<<ones != 0 {
			return netip.Prefix{}, fmt.Errorf("%q has a mask that is not contiguous", s)
		}
		bits = strconv.Itoa(ones)
	}
	p, err := netip.ParsePrefix(addr + "/" + bits)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is not a network in CIDR notation", s)
	}
	if p.Masked() != p {
		return netip.Prefix{}, fmt.Errorf("%q has bits set behind the mask; the network is %s", s, p.Masked())
	}
	return p, nil
}

func asFieldRef(v *Value) error {
	if err := want(v, StringValue); err != nil {
		return err
	}
	if v.Pattern.wildcards() {
		return errors.New("a field name must not have wildcards")
	}
	*v = Value{Kind: FieldRefValue, Ref: v.Pattern.plain(), Cased: v.Cased}
	return nil
}

func expand(v *Value) error {
	if err := want(v, StringValue, RegexpValue); err != nil {
		return err
	}
	v.Pattern = v.Pattern.withPlaceholders()
	return nil
}

func compare(v *Value, op CompareOp) error {
	switch v.Kind {
	case TimePartValue, NumberValue:
		v.Kind, v.Op = CompareValue, op
		return nil
	}
	return want(v, NumberValue)
}

// timePart takes what is left of a point when a fraction is given.
func timePart(v *Value, part TimePart) error {
	if v.Kind != NumberValue && v.Kind != TimePartValue {
		return want(v, NumberValue)
	}
	v.Kind, v.Part = TimePartValue, part
	v.Number = floatNumber(math.Trunc(v.Number.Float))
	return nil
}
