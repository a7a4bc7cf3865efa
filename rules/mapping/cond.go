package mapping

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/openmxdr/openmxdr/internal/event"
)

// cond is a compiled condition.
type cond interface{ holds(r *run) bool }

type (
	condAll []cond
	condAny []cond
	condNot struct{ cond }
	// condOn asks something of the values of a source.
	condOn struct {
		src  source
		test valueTest
	}
)

func (c condAll) holds(r *run) bool {
	for _, x := range c {
		if !x.holds(r) {
			return false
		}
	}
	return true
}

func (c condAny) holds(r *run) bool {
	for _, x := range c {
		if x.holds(r) {
			return true
		}
	}
	return false
}

func (c condNot) holds(r *run) bool { return !c.cond.holds(r) }

func (c condOn) holds(r *run) bool { return c.test.of(r.get(c.src)) }

// valueTest is what a condition asks of a value. All that is set must hold;
// of a list, one element suffices.
type valueTest struct {
	exists           *bool
	is               []string
	starts, ends, in []string
	matches          *regexp.Regexp
	below, above     *float64
	fold             bool
	plain            bool // nothing but is
}

func (t *valueTest) of(v event.Value) bool {
	if t.exists != nil {
		if *t.exists == v.IsNull() {
			return false
		}
		if t.only() {
			return true
		}
	}
	if v.IsNull() {
		return false
	}
	if v.Kind() != event.List {
		return t.one(v)
	}
	found := false
	v.Scalars(func(x event.Value) bool {
		found = t.one(x)
		return !found
	})
	return found
}

// equalText compares the text of v without making it.
func equalText(v event.Value, s string) bool {
	switch v.Kind() {
	case event.String:
		return v.Str() == s
	case event.Int:
		var buf [20]byte
		return string(strconv.AppendInt(buf[:0], v.Int(), 10)) == s
	}
	return v.Text() == s
}

// byText looks the text of v up without making it.
func byText[T any](m map[string]T, v event.Value) (T, bool) {
	if v.Kind() == event.Int {
		var buf [20]byte
		x, ok := m[string(strconv.AppendInt(buf[:0], v.Int(), 10))]
		return x, ok
	}
	x, ok := m[v.Text()]
	return x, ok
}

// only tells whether the test asks for nothing but existence.
func (t *valueTest) only() bool {
	return t.is == nil && t.starts == nil && t.ends == nil && t.in == nil && t.matches == nil && t.below == nil && t.above == nil
}

func (t *valueTest) one(v event.Value) bool {
	if t.plain {
		return slices.ContainsFunc(t.is, func(s string) bool { return equalText(v, s) })
	}
	s := v.Text()
	if t.fold {
		s = strings.ToLower(s)
	}
	if t.is != nil && !slices.Contains(t.is, s) ||
		t.starts != nil && !anyOf(t.starts, s, strings.HasPrefix) ||
		t.ends != nil && !anyOf(t.ends, s, strings.HasSuffix) ||
		t.in != nil && !anyOf(t.in, s, strings.Contains) ||
		t.matches != nil && !t.matches.MatchString(s) {
		return false
	}
	if t.below != nil || t.above != nil {
		f, ok := toFloat(v)
		if !ok || t.below != nil && f.Float() >= *t.below || t.above != nil && f.Float() <= *t.above {
			return false
		}
	}
	return true
}

func anyOf(list []string, s string, f func(s, x string) bool) bool {
	for _, x := range list {
		if f(s, x) {
			return true
		}
	}
	return false
}

// cond compiles a condition: a mapping of sources to what they must be, all of
// which must hold, with "any", "all" and "not" for more.
func (b *builder) cond(n *yaml.Node) cond {
	var all condAll
	b.members(n, "a condition", func(key string, k, v *yaml.Node) {
		switch key {
		case "any", "all":
			var list []cond
			b.items(v, func(x *yaml.Node) { list = append(list, b.cond(x)) })
			if key == "any" {
				all = append(all, condAny(list))
			} else {
				all = append(all, condAll(list))
			}
		case "not":
			all = append(all, condNot{b.cond(v)})
		default:
			all = append(all, condOn{b.source(k), b.test(v)})
		}
	})
	if len(all) == 1 {
		return all[0]
	}
	return all
}

func (b *builder) test(n *yaml.Node) valueTest {
	var t valueTest
	if n.Kind != yaml.MappingNode {
		if t.is = b.texts(n, "a value to compare with"); n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
			b.fail(n, "compare with a value, or write {exists: false}")
		}
		t.plain = true
		return t
	}
	b.members(n, "a test", func(key string, k, v *yaml.Node) {
		switch key {
		case "exists":
			x := b.flag(v, "exists")
			t.exists = &x
		case "is":
			t.is = b.texts(v, key)
		case "starts":
			t.starts = b.texts(v, key)
		case "ends":
			t.ends = b.texts(v, key)
		case "contains":
			t.in = b.texts(v, key)
		case "fold":
			t.fold = b.flag(v, key)
		case "matches":
			re, err := regexp.Compile(b.text(v, key))
			if err != nil {
				b.fail(v, "matches: %v", err)
			}
			t.matches = re
		case "below", "above":
			x := b.value(v, key).Float()
			if key == "below" {
				t.below = &x
			} else {
				t.above = &x
			}
		default:
			b.fail(k, "%q is no test; there are exists, is, starts, ends, contains, matches, below, above, fold", key)
		}
	})
	if t.fold {
		for _, l := range [][]string{t.is, t.starts, t.ends, t.in} {
			for i := range l {
				l[i] = strings.ToLower(l[i])
			}
		}
	}
	return t
}
