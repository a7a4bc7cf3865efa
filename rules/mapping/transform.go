package mapping

import (
	"fmt"
	"math"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"
	"gopkg.in/yaml.v3"

	"github.com/openmxdr/openmxdr/internal/event"
)

// transform turns one value into another; false means there is no result.
// Transforms of single values are applied to each element of a list.
type transform struct {
	list  func(event.Value) (event.Value, bool)
	text  func(string) (string, bool)
	value func(event.Value) (event.Value, bool)
}

func (t *transform) apply(v event.Value) (event.Value, bool) {
	if t.list != nil {
		return t.list(v)
	}
	if v.Kind() == event.List {
		in := v.List()
		out := make([]event.Value, 0, len(in))
		for _, x := range in {
			if y, ok := t.apply(x); ok {
				out = append(out, y)
			}
		}
		return event.ListValue(out), len(out) > 0
	}
	if t.value != nil {
		return t.value(v)
	}
	s, ok := t.text(v.Text())
	return event.StringValue(s), ok
}

// plainTransforms take no argument.
var plainTransforms = map[string]transform{
	"string": {text: func(s string) (string, bool) { return s, true }},
	"lower":  {text: func(s string) (string, bool) { return strings.ToLower(s), true }},
	"upper":  {text: func(s string) (string, bool) { return strings.ToUpper(s), true }},
	"trim":   {text: func(s string) (string, bool) { s = strings.TrimSpace(s); return s, s != "" }},

	"basename":  {text: func(s string) (string, bool) { s = s[strings.LastIndexAny(s, `\/`)+1:]; return s, s != "" }},
	"dirname":   {text: dirname},
	"extension": {text: extension},

	"address": {text: address},
	"ip":      {text: func(s string) (string, bool) { a, _ := address(s); return ipText(a) }},
	"port":    {value: portOf},

	"int":   {value: toInt},
	"float": {value: toFloat},
	"bool":  {value: toBool},
	"hex":   {value: fromHex},

	"first":  {list: func(v event.Value) (event.Value, bool) { return element(v, 0) }},
	"last":   {list: func(v event.Value) (event.Value, bool) { return element(v, -1) }},
	"unique": {list: unique},
	"count":  {list: func(v event.Value) (event.Value, bool) { return event.IntValue(int64(len(v.List()))), true }},
	"json":   {list: func(v event.Value) (event.Value, bool) { return event.StringValue(string(v.AppendJSON(nil))), true }},

	"domain":            {text: func(s string) (string, bool) { return domainPart(s, 0) }},
	"registered_domain": {text: func(s string) (string, bool) { return domainPart(s, 1) }},
	"top_level_domain":  {text: func(s string) (string, bool) { return domainPart(s, 2) }},
	"subdomain":         {text: func(s string) (string, bool) { return domainPart(s, 3) }},

	"url_scheme":   {text: func(s string) (string, bool) { return urlPart(s, func(u *url.URL) string { return u.Scheme }) }},
	"url_domain":   {text: func(s string) (string, bool) { return urlPart(s, (*url.URL).Hostname) }},
	"url_port":     {text: func(s string) (string, bool) { return urlPart(s, (*url.URL).Port) }},
	"url_path":     {text: func(s string) (string, bool) { return urlPart(s, func(u *url.URL) string { return u.Path }) }},
	"url_query":    {text: func(s string) (string, bool) { return urlPart(s, func(u *url.URL) string { return u.RawQuery }) }},
	"url_fragment": {text: func(s string) (string, bool) { return urlPart(s, func(u *url.URL) string { return u.Fragment }) }},
	"command_args": {list: func(v event.Value) (event.Value, bool) { return commandArgs(v.Text()) }},
}

// argTransforms take one or more arguments.
var argTransforms = map[string]func(args []string) (transform, error){
	"before":      cutter(func(s, sep string) (string, bool) { b, _, ok := strings.Cut(s, sep); return b, ok && b != "" }),
	"after":       cutter(func(s, sep string) (string, bool) { _, a, ok := strings.Cut(s, sep); return a, ok && a != "" }),
	"before_last": cutter(func(s, sep string) (string, bool) { i := strings.LastIndex(s, sep); return s[:max(i, 0)], i > 0 }),
	"after_last": cutter(func(s, sep string) (string, bool) {
		i := strings.LastIndex(s, sep)
		return s[max(i, 0)+len(sep)*min(1, i+1):], i >= 0 && i+len(sep) < len(s)
	}),
	"trim_prefix": cutter(func(s, x string) (string, bool) { s = strings.TrimPrefix(s, x); return s, s != "" }),
	"trim_suffix": cutter(func(s, x string) (string, bool) { s = strings.TrimSuffix(s, x); return s, s != "" }),
	"trim_chars":  cutter(func(s, x string) (string, bool) { s = strings.Trim(s, x); return s, s != "" }),
	"drop":        dropTexts,
	"split":       splitter,
	"join":        joiner,
	"item":        itemer,
	"multiply":    multiplier,
	"match":       matcher,
	"replace":     replacer,
	"pair":        pairFinder,
	"time":        timeReader,
}

func compileTransform(r *reader, n *yaml.Node) (transform, bool) {
	switch n.Kind {
	case yaml.ScalarNode:
		if t, ok := plainTransforms[n.Value]; ok {
			return t, true
		}
		if _, ok := argTransforms[n.Value]; ok {
			r.fail(n, "%s needs an argument: write {%s: …}", n.Value, n.Value)
			return transform{}, false
		}
		r.fail(n, "%q is no conversion; there are %s, and with an argument %s", n.Value, choices(keys(plainTransforms)...), choices(keys(argTransforms)...))
	case yaml.MappingNode:
		if len(n.Content) != 2 {
			r.fail(n, "a conversion has one name and its argument, as in {split: \",\"}")
			return transform{}, false
		}
		name := n.Content[0].Value
		f, ok := argTransforms[name]
		if !ok {
			r.fail(n, "%q is no conversion with an argument; there are %s", name, choices(keys(argTransforms)...))
			return transform{}, false
		}
		t, err := f(r.texts(n.Content[1], name))
		if err != nil {
			r.fail(n, "%s: %v", name, err)
			return transform{}, false
		}
		return t, true
	default:
		r.fail(n, "a conversion is a name or {name: argument}")
	}
	return transform{}, false
}

func keys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

func cutter(f func(s, arg string) (string, bool)) func([]string) (transform, error) {
	return func(args []string) (transform, error) {
		if len(args) != 1 || args[0] == "" {
			return transform{}, fmt.Errorf("wants one text")
		}
		return transform{text: func(s string) (string, bool) { return f(s, args[0]) }}, nil
	}
}

func dropTexts(args []string) (transform, error) {
	return transform{text: func(s string) (string, bool) { return s, !slices.Contains(args, s) }}, nil
}

func splitter(args []string) (transform, error) {
	if len(args) != 1 || args[0] == "" {
		return transform{}, fmt.Errorf("wants one separator")
	}
	return transform{list: func(v event.Value) (event.Value, bool) {
		var out []event.Value
		v.Scalars(func(x event.Value) bool {
			for part := range strings.SplitSeq(x.Text(), args[0]) {
				if part = strings.TrimSpace(part); part != "" && len(out) < maxCollected {
					out = append(out, event.StringValue(part))
				}
			}
			return true
		})
		return event.ListValue(out), len(out) > 0
	}}, nil
}

func joiner(args []string) (transform, error) {
	if len(args) != 1 {
		return transform{}, fmt.Errorf("wants one separator")
	}
	return transform{list: func(v event.Value) (event.Value, bool) {
		return event.StringValue(strings.Join(v.Texts(), args[0])), true
	}}, nil
}

func itemer(args []string) (transform, error) {
	if len(args) != 1 {
		return transform{}, fmt.Errorf("wants one number")
	}
	i, err := strconv.Atoi(args[0])
	if err != nil {
		return transform{}, fmt.Errorf("wants a number, not %q", args[0])
	}
	return transform{list: func(v event.Value) (event.Value, bool) { return element(v, i) }}, nil
}

func multiplier(args []string) (transform, error) {
	if len(args) != 1 {
		return transform{}, fmt.Errorf("wants one number")
	}
	k, err := strconv.ParseFloat(args[0], 64)
	if err != nil {
		return transform{}, fmt.Errorf("wants a number, not %q", args[0])
	}
	return transform{value: func(v event.Value) (event.Value, bool) {
		f, ok := toFloat(v)
		if x := math.Round(f.Float() * k); ok && math.Abs(x) < 1<<62 {
			return event.IntValue(int64(x)), true
		}
		return event.Value{}, false
	}}, nil
}

func matcher(args []string) (transform, error) {
	if len(args) != 1 {
		return transform{}, fmt.Errorf("wants one regular expression")
	}
	re, err := regexp.Compile(args[0])
	if err != nil {
		return transform{}, err
	}
	return transform{text: func(s string) (string, bool) {
		m := re.FindStringSubmatch(s)
		if m == nil {
			return "", false
		}
		s = m[0]
		if len(m) > 1 {
			s = m[1]
		}
		return s, s != ""
	}}, nil
}

func replacer(args []string) (transform, error) {
	if len(args) != 2 {
		return transform{}, fmt.Errorf("wants a regular expression and its replacement")
	}
	re, err := regexp.Compile(args[0])
	if err != nil {
		return transform{}, err
	}
	return transform{text: func(s string) (string, bool) { return re.ReplaceAllString(s, args[1]), true }}, nil
}

// pairFinder takes the value of one name out of "A=1,B=2".
func pairFinder(args []string) (transform, error) {
	if len(args) != 3 || args[0] == "" || args[1] == "" {
		return transform{}, fmt.Errorf("wants the separator of pairs, the sign between name and value, and the name")
	}
	return transform{text: func(s string) (string, bool) {
		for part := range strings.SplitSeq(s, args[0]) {
			k, v, ok := strings.Cut(part, args[1])
			if ok && strings.EqualFold(strings.TrimSpace(k), args[2]) {
				v = strings.TrimSpace(v)
				return v, v != ""
			}
		}
		return "", false
	}}, nil
}

func timeReader(args []string) (transform, error) {
	formats, err := compileTimeFormats(args)
	if err != nil {
		return transform{}, err
	}
	return transform{value: func(v event.Value) (event.Value, bool) {
		t, ok := readTime(v, formats, time.Time{})
		if !ok {
			return event.Value{}, false
		}
		return event.StringValue(t.UTC().Format(event.TimeLayout)), true
	}}, nil
}

func dirname(s string) (string, bool) {
	i := strings.LastIndexAny(s, `\/`)
	if i <= 0 {
		return "", false
	}
	return s[:i], true
}

func extension(s string) (string, bool) {
	s = s[strings.LastIndexAny(s, `\/`)+1:]
	i := strings.LastIndexByte(s, '.')
	if i < 0 || i == len(s)-1 {
		return "", false
	}
	return s[i+1:], true
}

// address takes port and brackets off an address: "10.0.0.1:443",
// "[2001:db8::1]:443", "[::1]", "host:80", and the interface off "fe80::1%eth0".
func address(s string) (string, bool) {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, "[") {
		if end := strings.IndexByte(s, ']'); end > 0 {
			s = s[1:end]
		}
	} else if i := strings.IndexByte(s, ':'); i >= 0 && i == strings.LastIndexByte(s, ':') {
		s = s[:i]
	}
	if i := strings.IndexByte(s, '%'); i > 0 {
		s = s[:i]
	}
	return s, s != ""
}

func portOf(v event.Value) (event.Value, bool) {
	s := strings.TrimSpace(v.Text())
	i := strings.LastIndexByte(s, ':')
	if i < 0 || i != strings.IndexByte(s, ':') && !strings.HasSuffix(s[:i], "]") {
		return event.Value{}, false
	}
	n, err := strconv.ParseUint(s[i+1:], 10, 16)
	return event.IntValue(int64(n)), err == nil
}

// ipText returns the canonical text of an address, IPv4 in IPv6 as IPv4.
func ipText(s string) (string, bool) {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return "", false
	}
	if a.Is4() {
		return s, true // ParseAddr takes only the canonical text of IPv4
	}
	return a.Unmap().WithZone("").String(), true
}

func toInt(v event.Value) (event.Value, bool) {
	switch v.Kind() {
	case event.Int:
		return v, true
	case event.Float:
		if f := v.Float(); f == math.Trunc(f) && math.Abs(f) < 1<<62 {
			return event.IntValue(int64(f)), true
		}
	case event.String:
		s := strings.TrimSpace(v.Str())
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return event.IntValue(i), true
		}
		if f, err := strconv.ParseFloat(s, 64); err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<62 {
			return event.IntValue(int64(f)), true
		}
	}
	return event.Value{}, false
}

func toFloat(v event.Value) (event.Value, bool) {
	switch v.Kind() {
	case event.Int, event.Float:
		return event.FloatValue(v.Float()), true
	case event.String:
		f, err := strconv.ParseFloat(strings.TrimSpace(v.Str()), 64)
		if err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
			return event.FloatValue(f), true
		}
	}
	return event.Value{}, false
}

func toBool(v event.Value) (event.Value, bool) {
	switch v.Kind() {
	case event.Bool:
		return v, true
	case event.Int:
		return event.BoolValue(v.Int() != 0), true
	case event.String:
		switch strings.ToLower(strings.TrimSpace(v.Str())) {
		case "true", "t", "yes", "1":
			return event.BoolValue(true), true
		case "false", "f", "no", "0":
			return event.BoolValue(false), true
		}
	}
	return event.Value{}, false
}

// fromHex reads "0x1f4", and decimal numbers as they are.
func fromHex(v event.Value) (event.Value, bool) {
	s := strings.TrimSpace(v.Text())
	if h, ok := strings.CutPrefix(strings.ToLower(s), "0x"); ok {
		i, err := strconv.ParseInt(h, 16, 64)
		return event.IntValue(i), err == nil
	}
	return toInt(v)
}

func element(v event.Value, i int) (event.Value, bool) {
	if v.Kind() != event.List {
		return v, i == 0 || i == -1
	}
	l := v.List()
	if i < 0 {
		i += len(l)
	}
	if i < 0 || i >= len(l) {
		return event.Value{}, false
	}
	return l[i], true
}

func unique(v event.Value) (event.Value, bool) {
	var out []event.Value
	v.Scalars(func(x event.Value) bool {
		if len(out) < maxCollected && !containsText(out, x.Text()) {
			out = append(out, x)
		}
		return true
	})
	return event.ListValue(out), len(out) > 0
}

func containsText(l []event.Value, s string) bool {
	for _, x := range l {
		if x.Str() == s || x.Kind() != event.String && x.Text() == s {
			return true
		}
	}
	return false
}

// domainPart splits a host name by the public suffix list: 0 the name without
// its final dot, 1 the registered domain, 2 the public suffix, 3 what stands
// before the registered domain.
func domainPart(s string, part int) (string, bool) {
	s = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(s), "."))
	if s == "" || len(s) > 253 {
		return "", false
	}
	if part == 0 {
		return s, true
	}
	suffix, _ := publicsuffix.PublicSuffix(s)
	if part == 2 {
		return suffix, suffix != s
	}
	registered, err := publicsuffix.EffectiveTLDPlusOne(s)
	if err != nil {
		return "", false
	}
	if part == 1 {
		return registered, true
	}
	sub := strings.TrimSuffix(strings.TrimSuffix(s, registered), ".")
	return sub, sub != ""
}

func urlPart(s string, part func(*url.URL) string) (string, bool) {
	u, err := url.Parse(s)
	if err != nil {
		return "", false
	}
	p := part(u)
	return p, p != ""
}

// commandArgs splits a Windows command line at spaces outside double quotes
// and keeps the quotes.
func commandArgs(s string) (event.Value, bool) {
	var out []event.Value
	start, quoted := 0, false
	for i := 0; i <= len(s); i++ {
		switch {
		case i == len(s) || !quoted && (s[i] == ' ' || s[i] == '\t'):
			if i > start && len(out) < maxCollected {
				out = append(out, event.StringValue(s[start:i]))
			}
			start = i + 1
		case s[i] == '"':
			quoted = !quoted
		}
	}
	return event.ListValue(out), len(out) > 0
}
