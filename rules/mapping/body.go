package mapping

import (
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/openmxdr/openmxdr/internal/event"
)

// body is a sequence of rules that write fields: constants, copies and field
// rules, then the sections that fit, then the last field rules.
type body struct {
	steps    []step
	sections []section
	finally  []step
}

// step writes one value to one or more targets.
type step struct {
	when    cond
	from    []source
	format  *format
	value   event.Value // constant, if it has no source
	as      []transform
	table   *table
	fold    bool // look up in the table in lower case
	strict  bool // what the table lacks is left out
	absent  event.Value
	to      []target
	append  bool
	keepOld bool
}

type target struct {
	out   int
	isVar bool
}

// section picks one of several bodies by a value.
type section struct {
	on        []source
	exact     map[string]*body
	patterns  []pattern
	otherwise *body
}

type pattern struct {
	test valueTest
	body *body
}

// format joins sources and text, as in "{host}:{port}". It gives nothing if
// one of the sources has nothing.
type format struct{ parts []formatPart }

type formatPart struct {
	text  string
	src   source
	isSrc bool
}

func (b *builder) bodyInto(dst *body, top map[string]*yaml.Node) {
	if n := top["set"]; n != nil {
		b.members(n, "set", func(key string, k, v *yaml.Node) {
			s := step{value: b.value(v, key)}
			b.target(&s, k)
			b.checkConstant(v, &s, s.value)
			dst.steps = append(dst.steps, s)
		})
	}
	if n := top["copy"]; n != nil {
		b.members(n, "copy", func(key string, k, v *yaml.Node) {
			var s step
			b.items(v, func(x *yaml.Node) { s.from = append(s.from, b.source(x)) })
			b.target(&s, k)
			dst.steps = append(dst.steps, s)
		})
	}
	if n := top["fields"]; n != nil {
		b.items(n, func(v *yaml.Node) { dst.steps = append(dst.steps, b.step(v)) })
	}
	if n := top["sections"]; n != nil {
		b.items(n, func(v *yaml.Node) { dst.sections = append(dst.sections, b.section(v)) })
	}
	if n := top["finally"]; n != nil {
		b.items(n, func(v *yaml.Node) { dst.finally = append(dst.finally, b.step(v)) })
	}
}

func (b *builder) body(n *yaml.Node, ignore ...string) *body {
	top := map[string]*yaml.Node{}
	b.members(n, "a section's case", func(key string, k, v *yaml.Node) {
		switch key {
		case "set", "copy", "fields", "sections", "finally":
			top[key] = v
		default:
			for _, x := range ignore {
				if x == key {
					return
				}
			}
			b.fail(k, "%q means nothing here; a case has set, copy, fields, sections, finally", key)
		}
	})
	out := &body{}
	b.bodyInto(out, top)
	return out
}

func (b *builder) step(n *yaml.Node) step {
	var s step
	var to, value, tableNode *yaml.Node
	sources := 0
	b.members(n, "a field rule", func(key string, k, v *yaml.Node) {
		switch key {
		case "to":
			to = v
		case "from":
			sources++
			b.items(v, func(x *yaml.Node) { s.from = append(s.from, b.source(x)) })
		case "value":
			sources++
			value = v
			s.value = b.value(v, "value")
		case "format":
			sources++
			s.format = b.format(v)
		case "as":
			b.items(v, func(x *yaml.Node) {
				if t, ok := compileTransform(b.reader, x); ok {
					s.as = append(s.as, t)
				}
			})
		case "map":
			tableNode = v
		case "fold":
			s.fold = b.flag(v, key)
		case "only_mapped":
			s.strict = b.flag(v, key)
		case "default":
			s.absent = b.value(v, key)
		case "when":
			s.when = b.cond(v)
		case "append":
			s.append = b.flag(v, key)
		case "if_absent":
			s.keepOld = b.flag(v, key)
		default:
			b.fail(k, "%q means nothing in a field rule; there are to, from, value, format, as, map, fold, only_mapped, default, when, append, if_absent", key)
		}
	})
	if to == nil {
		b.fail(n, "the field rule has no \"to\"; name the field that it writes")
		return s
	}
	if sources != 1 {
		b.fail(n, "a field rule needs exactly one of from, value and format")
	}
	if tableNode != nil {
		if tableNode.Kind == yaml.ScalarNode {
			if s.table = b.tables[tableNode.Value]; s.table == nil {
				b.fail(tableNode, "there is no table %q; there are %s", tableNode.Value, choices(keys(b.tables)...))
			}
		} else {
			s.table = b.table(tableNode)
		}
	}
	b.items(to, func(x *yaml.Node) { b.target(&s, x) })
	if value != nil && s.as == nil && s.table == nil {
		b.checkConstant(value, &s, s.value)
	}
	if !s.absent.IsNull() {
		b.checkConstant(n, &s, s.absent)
	}
	if s.table != nil {
		for _, v := range s.table.values {
			b.checkConstant(tableNode, &s, v)
		}
	}
	return s
}

// target adds a target, a field name or "$variable", to a step.
func (b *builder) target(s *step, n *yaml.Node) {
	name := b.text(n, "to")
	if v, ok := strings.CutPrefix(name, "$"); ok {
		i, ok := b.varNo[v]
		if !ok {
			i = b.m.vars
			b.varNo[v] = i
			b.m.vars++
		}
		s.to = append(s.to, target{out: i, isVar: true})
		return
	}
	s.to = append(s.to, target{out: b.out(n, name)})
}

// checkConstant refuses a constant that a target cannot hold.
func (b *builder) checkConstant(n *yaml.Node, s *step, v event.Value) {
	for _, t := range s.to {
		if t.isVar {
			continue
		}
		def := b.m.outs[t.out]
		if def.name == "mxdr.domain" {
			ok := false
			for _, d := range domains {
				ok = ok || d == v.Str()
			}
			if !ok {
				b.fail(n, "domain %q is none of %s", v.Text(), choices(domains...))
			}
			continue
		}
		if def.ecs == nil || v.IsNull() {
			continue
		}
		v.Scalars(func(x event.Value) bool {
			if _, ok := coerceOne(def.ecs, x); !ok {
				if len(def.ecs.Allowed) > 0 {
					b.fail(n, "%s cannot be %q; ECS allows %s", def.name, x.Text(), choices(def.ecs.Allowed...))
				} else {
					b.fail(n, "%s cannot hold %q: the types differ", def.name, x.Text())
				}
			}
			return true
		})
	}
}

func (b *builder) format(n *yaml.Node) *format {
	f := &format{}
	rest := b.text(n, "format")
	for rest != "" {
		before, after, ok := strings.Cut(rest, "{")
		if before != "" {
			f.parts = append(f.parts, formatPart{text: before})
		}
		if !ok {
			break
		}
		name, tail, ok := strings.Cut(after, "}")
		if !ok {
			b.fail(n, "format %q: a brace is not closed", n.Value)
			break
		}
		src := b.source(&yaml.Node{Kind: yaml.ScalarNode, Value: name, Line: n.Line})
		f.parts = append(f.parts, formatPart{src: src, isSrc: true})
		rest = tail
	}
	return f
}

func (b *builder) section(n *yaml.Node) section {
	s := section{exact: map[string]*body{}}
	b.members(n, "a section", func(key string, k, v *yaml.Node) {
		switch key {
		case "on":
			b.items(v, func(x *yaml.Node) { s.on = append(s.on, b.source(x)) })
		case "cases":
			b.items(v, func(x *yaml.Node) { b.sectionCase(&s, x) })
		case "otherwise":
			s.otherwise = b.body(v)
		default:
			b.fail(k, "%q means nothing in a section; there are on, cases, otherwise", key)
		}
	})
	if len(s.on) == 0 {
		b.fail(n, "the section has no \"on\"; name the path whose value picks the case")
	}
	return s
}

func (b *builder) sectionCase(s *section, n *yaml.Node) {
	tests := map[string]*yaml.Node{}
	b.members(n, "a section's case", func(key string, k, v *yaml.Node) {
		switch key {
		case "is", "starts", "ends", "contains", "matches":
			tests[key] = v
		}
	})
	if len(tests) == 0 {
		b.fail(n, "the case has none of is, starts, ends, contains, matches")
		return
	}
	body := b.body(n, "is", "starts", "ends", "contains", "matches")
	if is := tests["is"]; is != nil {
		for _, v := range b.texts(is, "is") {
			if s.exact[v] != nil {
				b.fail(is, "the section has two cases for %q; join them", v)
			}
			s.exact[v] = body
		}
		delete(tests, "is")
	}
	for _, key := range keys(tests) {
		v := tests[key]
		test := b.test(&yaml.Node{Kind: yaml.MappingNode, Line: v.Line, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: key, Line: v.Line}, v}})
		s.patterns = append(s.patterns, pattern{test, body})
	}
}

// apply runs the body on the current record.
func (b *body) apply(r *run) {
	for i := range b.steps {
		b.steps[i].apply(r)
	}
	for i := range b.sections {
		if c := b.sections[i].pick(r); c != nil {
			c.apply(r)
		}
	}
	for i := range b.finally {
		b.finally[i].apply(r)
	}
}

func (s *section) pick(r *run) *body {
	var v event.Value
	for _, src := range s.on {
		if v = r.get(src); !v.IsNull() {
			break
		}
	}
	if v.IsNull() {
		return s.otherwise
	}
	if c, ok := byText(s.exact, v); ok {
		return c
	}
	for i := range s.patterns {
		if s.patterns[i].test.of(v) {
			return s.patterns[i].body
		}
	}
	return s.otherwise
}

func (s *step) apply(r *run) {
	if s.when != nil && !s.when.holds(r) {
		return
	}
	v, ok := s.result(r)
	if !ok {
		if v = s.absent; v.IsNull() {
			return
		}
	}
	for _, t := range s.to {
		if t.isVar {
			r.vars[t.out] = v
			continue
		}
		r.set(t.out, v, s.append, s.keepOld)
	}
}

func (s *step) result(r *run) (event.Value, bool) {
	if s.format != nil {
		text, ok := s.format.text(r)
		return s.convert(event.StringValue(text), ok)
	}
	if len(s.from) == 0 {
		return s.convert(s.value, true)
	}
	for _, src := range s.from {
		v := r.get(src)
		if v.IsNull() {
			continue
		}
		if v, ok := s.convert(v, true); ok {
			return v, true
		}
	}
	return event.Value{}, false
}

func (s *step) convert(v event.Value, ok bool) (event.Value, bool) {
	for i := range s.as {
		if !ok {
			return v, false
		}
		v, ok = s.as[i].apply(v)
	}
	if !ok || s.table == nil {
		return v, ok
	}
	if v.Kind() == event.List {
		var out []event.Value
		v.Scalars(func(x event.Value) bool {
			if y, ok := s.look(x); ok {
				out = append(out, y)
			}
			return true
		})
		return event.ListValue(out), len(out) > 0
	}
	return s.look(v)
}

// look finds v in the table. What the table lacks stays as it is, unless the
// rule has a default or takes only what is mapped.
func (s *step) look(v event.Value) (event.Value, bool) {
	if s.fold {
		v = event.StringValue(strings.ToLower(v.Text()))
	}
	if x, ok := byText(s.table.values, v); ok {
		return x, !x.IsNull()
	}
	return v, !s.strict && s.absent.IsNull()
}

func (f *format) text(r *run) (string, bool) {
	var buf strings.Builder
	for _, p := range f.parts {
		if !p.isSrc {
			buf.WriteString(p.text)
			continue
		}
		v := r.get(p.src)
		if v.IsNull() {
			return "", false
		}
		buf.WriteString(v.Text())
	}
	return buf.String(), true
}
