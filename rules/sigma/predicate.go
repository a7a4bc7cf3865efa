package sigma

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/openmxdr/openmxdr/internal/event"
)

// predKind says how a predicate judges a value.
type predKind uint8

const (
	predText    predKind = iota // glob over the text of a value
	predRegexp                  // re found in the text
	predCIDR                    // prefix contains the address
	predCompare                 // number, or time part, compared
	predTime                    // time part equal
	predRef                     // text compared with that of another field
	predPresent                 // the field has a value
	predKeyword                 // glob found in any value of the event
	predNever                   // cannot hold: a keyword that is null
)

// predicate is one test of one slot. Equal tests of all rules share one.
type predicate struct {
	kind  predKind
	slot  int32
	cased bool
	glob  *glob
	re    *regexp.Regexp
	net   netip.Prefix
	op    CompareOp
	part  TimePart
	num   float64
	other int32 // slot of the referenced field
	start bool  // the other field's text has to be a prefix …
	end   bool  // … or suffix; both: contained

	// How the engine comes to know the predicate:
	gate gate
	// cost estimates how often the predicate holds, from 0 (never) to 1.
	cost float64
}

// gate says what a hit in an automaton or hash set means.
type gate uint8

const (
	gateNone   gate = iota // there is no hit: evaluate when asked
	gateExact              // the hit is the truth
	gateVerify             // without a hit it is false; with one, evaluate
)

// value is one scalar of a field, ready for comparison.
type value struct {
	raw    string // the text as it is
	folded string // the text without regard to case
	v      event.Value
}

// holds evaluates the predicate on one value. It is what the engine promises
// for every way it has of finding out; predRef and predPresent are decided by
// the caller.
func (p *predicate) holds(x *value) bool {
	switch p.kind {
	case predText:
		if p.cased {
			return p.glob.match(x.raw)
		}
		return p.glob.match(x.folded)
	case predKeyword:
		if p.cased {
			return p.glob.contains(x.raw)
		}
		return p.glob.contains(x.folded)
	case predRegexp:
		return p.re.MatchString(x.raw)
	case predCIDR:
		return inNetwork(p.net, x.raw)
	case predCompare:
		if p.part != 0 {
			n, ok := partOf(x, p.part)
			return ok && compareNumbers(float64(n), p.op, p.num)
		}
		n, ok := number(x)
		return ok && compareNumbers(n, p.op, p.num)
	case predTime:
		n, ok := partOf(x, p.part)
		return ok && float64(n) == p.num
	}
	return false
}

// inNetwork takes addresses as they are written in logs: with a zone, and
// IPv4 mapped into IPv6.
func inNetwork(net netip.Prefix, s string) bool {
	if len(s) < 2 || len(s) > 64 {
		return false
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return false
	}
	a = a.WithZone("")
	return net.Contains(a) || a.Is4In6() && net.Contains(a.Unmap())
}

// number returns the value as a number; text has to be a decimal number.
func number(x *value) (float64, bool) {
	switch x.v.Kind() {
	case event.Int, event.Float:
		return x.v.Float(), true
	case event.String:
		s := x.raw
		if s == "" || len(s) > 64 || s[0] != '-' && s[0] != '+' && s[0] != '.' && (s[0] < '0' || s[0] > '9') {
			return 0, false
		}
		if strings.ContainsAny(s, "xX_pP") { // forms of Go that logs do not use
			return 0, false
		}
		f, err := strconv.ParseFloat(s, 64)
		return f, err == nil
	}
	return 0, false
}

func compareNumbers(a float64, op CompareOp, b float64) bool {
	switch op {
	case LT:
		return a < b
	case LTE:
		return a <= b
	case GT:
		return a > b
	case GTE:
		return a >= b
	}
	return false
}

// timeLayouts are the forms of points in time that fields hold. A form
// without an offset is taken as it stands.
var timeLayouts = []string{
	time.RFC3339Nano,
	"2006-01-02T15:04:05.999999999",
	"2006-01-02 15:04:05.999999999",
	"2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02 15:04:05.999999999 -0700",
	"2006-01-02T15:04:05.999999999-0700",
	"2006/01/02 15:04:05",
	"2006-01-02",
	time.RFC1123Z, time.RFC1123, time.ANSIC, time.UnixDate,
	"02/Jan/2006:15:04:05 -0700",
}

// parseTime reads a point in time; numbers are Unix seconds, or milliseconds,
// microseconds or nanoseconds when they are that large.
func parseTime(x *value) (time.Time, bool) {
	if n, ok := number(x); ok {
		a := n
		if a < 0 {
			a = -a
		}
		switch {
		case a < 1e11:
			return time.Unix(0, 0).UTC().Add(time.Duration(n * 1e9)), a < 9e9
		case a < 1e14:
			return time.UnixMilli(int64(n)).UTC(), true
		case a < 1e17:
			return time.UnixMicro(int64(n)).UTC(), true
		case a < 9e18:
			return time.Unix(0, int64(n)).UTC(), true
		}
		return time.Time{}, false
	}
	if len(x.raw) < 8 || len(x.raw) > 64 {
		return time.Time{}, false
	}
	for _, l := range timeLayouts {
		if t, err := time.Parse(l, x.raw); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func partOf(x *value, part TimePart) (int, bool) {
	t, ok := parseTime(x)
	if !ok {
		return 0, false
	}
	switch part {
	case Minute:
		return t.Minute(), true
	case Hour:
		return t.Hour(), true
	case Day:
		return t.Day(), true
	case Week:
		_, w := t.ISOWeek()
		return w, true
	case Month:
		return int(t.Month()), true
	}
	return t.Year(), true
}

// refHolds compares a value with one of the referenced field.
func (p *predicate) refHolds(x, y *value) bool {
	a, b := x.folded, y.folded
	if p.cased {
		a, b = x.raw, y.raw
	}
	switch {
	case p.start && p.end:
		return strings.Contains(a, b)
	case p.start:
		return strings.HasPrefix(a, b)
	case p.end:
		return strings.HasSuffix(a, b)
	}
	return a == b
}
