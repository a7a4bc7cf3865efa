package sigma

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// FieldMap says, for every log source, which events it is about and which
// event fields hold its Sigma fields. It is read from YAML files:
//
//	logsources:            # which events a log source is about
//	  - logsource: {product: windows, category: process_creation}
//	    when:              # any of these maps, all members of one
//	      - {winlog.channel: Microsoft-Windows-Sysmon/Operational, event.code: 1}
//	      - {winlog.channel: Security, event.code: 4688}
//	also: {winlog.channel: Channel}   # other names of the fields in "when"
//	mappings:              # where the fields of a log source are
//	  - for: [{product: windows}]
//	    prefix: winlog.event_data.   # fields not listed: prefix + name
//	    case: snake        # … with the name in snake case
//	    renames: {requestParameters.: aws.cloudtrail.flattened.request_parameters.}  # beginnings of names
//	    fields:
//	      Image: process.executable
//	      User: [winlog.event_data.User, user.name]   # the first that is present
//	      IpAddress: {any: [source.ip, winlog.event_data.IpAddress]}
//
// Every mapping whose "for" contains the log source of a rule is used, the one
// with the most attributes first, then in order of files; the first that lists
// a field decides. After the names listed, a field is looked for under every
// prefix and under its own name.
// A FieldMap is immutable and safe for concurrent use.
type FieldMap struct {
	sources  []sourceRule
	mappings []mapping
	also     map[string][]string
}

type sourceRule struct {
	LogSource
	when []map[string][]string // folded texts
}

type mapping struct {
	on     LogSource
	prefix []string
	snake  bool
	begins [][2]string // beginnings of Sigma names and what stands for them
	fields map[string]Candidates
}

// Candidates are the event fields that hold a Sigma field: the first that is
// present, or any of them when Any is set.
type Candidates struct {
	Names []string
	Any   bool
}

// ParseFieldMap reads all *.yml and *.yaml files below root in lexical order.
// Any fault makes it useless, so it is an error with file and line.
func ParseFieldMap(fsys fs.FS, root string) (*FieldMap, error) {
	m := &FieldMap{}
	err := fs.WalkDir(fsys, root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ext := path.Ext(name); d.IsDir() || ext != ".yml" && ext != ".yaml" {
			return nil
		}
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		return m.add(name, data)
	})
	if err != nil {
		return nil, fmt.Errorf("sigma field mappings: %w", err)
	}
	return m, nil
}

func (m *FieldMap) add(name string, data []byte) error {
	docs, errs := readDocuments(data)
	for _, err := range errs {
		return at(name, err)
	}
	for _, doc := range docs {
		if doc.kind == yNull {
			continue
		}
		if doc.kind != yMap {
			return at(name, errAt(doc.line, "a document must be a map"))
		}
		for _, p := range doc.pairs {
			if p.key == "also" && p.val.kind == yMap {
				if m.also == nil {
					m.also = map[string][]string{}
				}
				for _, a := range p.val.pairs {
					t, err := texts(a.val)
					if err != nil {
						return at(name, err)
					}
					m.also[a.key] = append(m.also[a.key], t...)
				}
				continue
			}
			if p.key != "logsources" && p.key != "mappings" {
				return at(name, errAt(p.keyLine, "unknown key %q; there are logsources, also and mappings", p.key))
			}
			if p.val.kind != yList {
				return at(name, errAt(p.keyLine, "%s must be a list", p.key))
			}
			for _, n := range p.val.list {
				var err error
				switch p.key {
				case "logsources":
					err = m.addSource(n)
				default:
					err = m.addMapping(n)
				}
				if err != nil {
					return at(name, err)
				}
			}
		}
	}
	return nil
}

func at(name string, err error) error {
	if le, ok := err.(*lineError); ok && le.line > 0 {
		return fmt.Errorf("%s:%d: %w", name, le.line, le.err)
	}
	return fmt.Errorf("%s: %w", name, err)
}

func readTriple(n *ynode) (LogSource, error) {
	var l LogSource
	if n == nil || n.kind != yMap {
		return l, errAt(lineOf(n), "a logsource must be a map of product, category and service")
	}
	for _, p := range n.pairs {
		if p.val.kind != yString {
			return l, errAt(p.keyLine, "%s must be text", p.key)
		}
		switch p.key {
		case "product":
			l.Product = p.val.text
		case "category":
			l.Category = p.val.text
		case "service":
			l.Service = p.val.text
		default:
			return l, errAt(p.keyLine, "unknown attribute %q of a logsource", p.key)
		}
	}
	return l, nil
}

func lineOf(n *ynode) int {
	if n == nil {
		return 0
	}
	return n.line
}

func (m *FieldMap) addSource(n *ynode) error {
	if n.kind != yMap {
		return errAt(n.line, "an entry must be a map")
	}
	l, err := readTriple(n.get("logsource"))
	if err != nil {
		return err
	}
	when := n.get("when")
	if when == nil || when.kind != yList || len(when.list) == 0 {
		return errAt(n.line, "an entry needs \"when\": a list of maps from fields to values")
	}
	r := sourceRule{LogSource: l}
	for _, w := range when.list {
		if w.kind != yMap || len(w.pairs) == 0 {
			return errAt(w.line, "when: each entry must be a map from fields to values")
		}
		cond := map[string][]string{}
		for _, p := range w.pairs {
			texts, err := texts(p.val)
			if err != nil {
				return err
			}
			for i := range texts {
				texts[i] = fold(texts[i])
			}
			cond[p.key] = texts
		}
		r.when = append(r.when, cond)
	}
	m.sources = append(m.sources, r)
	return nil
}

// texts reads a scalar or list of scalars as text.
func texts(n *ynode) ([]string, error) {
	list := []*ynode{n}
	if n.kind == yList {
		list = n.list
	}
	var out []string
	for _, x := range list {
		switch x.kind {
		case yString:
			out = append(out, x.text)
		case yNumber:
			out = append(out, x.num.Text)
		case yBool:
			out = append(out, fmt.Sprint(x.b))
		default:
			return nil, errAt(x.line, "must be text or a number, not %s", x.kind)
		}
	}
	return out, nil
}

func (m *FieldMap) addMapping(n *ynode) error {
	if n.kind != yMap {
		return errAt(n.line, "an entry must be a map")
	}
	var on []LogSource
	out := mapping{fields: map[string]Candidates{}}
	for _, p := range n.pairs {
		switch p.key {
		case "for":
			list := []*ynode{p.val}
			if p.val.kind == yList {
				list = p.val.list
			}
			for _, x := range list {
				l, err := readTriple(x)
				if err != nil {
					return err
				}
				on = append(on, l)
			}
		case "prefix":
			t, err := texts(p.val)
			if err != nil {
				return err
			}
			out.prefix = t
		case "case":
			if out.snake = p.val.text == "snake"; !out.snake {
				return errAt(p.keyLine, "case can only be snake")
			}
		case "renames":
			for _, r := range p.val.pairs {
				out.begins = append(out.begins, [2]string{r.key, r.val.text})
			}
			if len(out.begins) == 0 {
				return errAt(p.keyLine, "renames must be a map from beginnings of names to others")
			}
		case "fields":
			if p.val.kind != yMap {
				return errAt(p.keyLine, "fields must be a map")
			}
			for _, f := range p.val.pairs {
				c, err := candidates(f.val)
				if err != nil {
					return err
				}
				out.fields[f.key] = c
			}
		default:
			return errAt(p.keyLine, "unknown key %q; there are for, prefix, case, renames and fields", p.key)
		}
	}
	if len(on) == 0 {
		return errAt(n.line, "a mapping needs \"for\": the log sources it is about")
	}
	for _, l := range on {
		x := out
		x.on = l
		m.mappings = append(m.mappings, x)
	}
	return nil
}

func candidates(n *ynode) (Candidates, error) {
	c := Candidates{}
	if n.kind == yMap {
		if len(n.pairs) != 1 || n.pairs[0].key != "any" {
			return c, errAt(n.line, "a field must be given a name, a list of names, or {any: list}")
		}
		c.Any, n = true, n.pairs[0].val
	}
	t, err := texts(n)
	if err != nil {
		return c, err
	}
	if len(t) == 0 || slices.Contains(t, "") {
		return c, errAt(n.line, "a field must be given at least one name")
	}
	c.Names = t
	return c, nil
}

// Lookup returns the event fields that hold field for rules about l. A nil
// FieldMap gives the field itself.
func (m *FieldMap) Lookup(l LogSource, field string) Candidates {
	c, _ := m.lookup(l, field)
	return c
}

// lookup also tells whether a mapping lists the field.
func (m *FieldMap) lookup(l LogSource, field string) (Candidates, bool) {
	if m == nil {
		return Candidates{Names: []string{field}}, false
	}
	var use []*mapping
	for i := range m.mappings {
		if m.mappings[i].on.contains(l) {
			use = append(use, &m.mappings[i])
		}
	}
	slices.SortStableFunc(use, func(a, b *mapping) int { return b.on.attributes() - a.on.attributes() })
	out, listed := Candidates{}, false
	for _, x := range use {
		if c, ok := x.fields[field]; ok {
			out, listed = Candidates{Names: slices.Clone(c.Names), Any: c.Any}, true
			break
		}
	}
	for _, x := range use {
		for _, b := range x.begins {
			if rest, ok := strings.CutPrefix(field, b[0]); ok && !slices.Contains(out.Names, b[1]+rest) {
				out.Names = append(out.Names, b[1]+rest)
			}
		}
		tail := field
		if x.snake {
			tail = snakeCase(field)
		}
		for _, p := range x.prefix {
			if name := p + tail; !strings.HasPrefix(field, p) && !slices.Contains(out.Names, name) {
				out.Names = append(out.Names, name)
			}
		}
	}
	if !slices.Contains(out.Names, field) {
		out.Names = append(out.Names, field)
	}
	return out, listed
}

// snakeCase writes lower-case words joined by "_": debugContext becomes
// debug_context, isMFAUsed is_mfa_used.
func snakeCase(s string) string {
	upper := func(i int) bool { return i < len(s) && s[i] >= 'A' && s[i] <= 'Z' }
	var b strings.Builder
	for i := range len(s) {
		if !upper(i) {
			b.WriteByte(s[i])
			continue
		}
		if i > 0 && s[i-1] != '.' && s[i-1] != '_' && (!upper(i-1) || i+1 < len(s) && !upper(i+1) && s[i+1] != '.') {
			b.WriteByte('_')
		}
		b.WriteByte(s[i] + 'a' - 'A')
	}
	return b.String()
}

func (l LogSource) attributes() int {
	n := 0
	for _, s := range []string{l.Product, l.Category, l.Service} {
		if s != "" {
			n++
		}
	}
	return n
}

// Covers tells whether the map declares events for log source l, which is
// whether rules about it can match when routing is strict.
func (m *FieldMap) Covers(l LogSource) bool {
	for i := range m.sources {
		if l.contains(m.sources[i].LogSource) {
			return true
		}
	}
	return false
}
