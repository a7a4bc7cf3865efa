package mapping

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"sort"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/rules/mapping/ecs"
)

// Load reads every mapping under fsys: files named *.yml. Files named
// *.test.yml hold test cases; files in a folder "common" are parts that
// mappings include. The error lists all mistakes, each with file and line.
func Load(fsys fs.FS) (*Set, error) {
	l := loader{parts: map[string]*yaml.Node{}}
	set := &Set{cases: map[string][]byte{}, files: map[string]string{}}
	sources := map[string]*yaml.Node{}
	var errs []error
	err := fs.WalkDir(fsys, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".yml") {
			return err
		}
		raw, err := fs.ReadFile(fsys, file)
		if err != nil {
			return err
		}
		if name, ok := strings.CutSuffix(path.Base(file), ".test.yml"); ok {
			set.cases[name], set.files[name] = raw, file
			return nil
		}
		var doc yaml.Node
		if err := yaml.Unmarshal(raw, &doc); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", file, err))
			return nil
		}
		if len(doc.Content) == 0 {
			errs = append(errs, fmt.Errorf("%s: the file is empty; remove it or write a mapping", file))
			return nil
		}
		if path.Base(path.Dir(file)) == "common" {
			l.parts[strings.TrimSuffix(path.Base(file), ".yml")] = doc.Content[0]
		} else {
			sources[file] = doc.Content[0]
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the mappings: %w", err)
	}
	files := keys(sources)
	byName := map[string]string{}
	for _, file := range files {
		m, err := l.load(file, sources[file])
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if other, ok := byName[m.Name]; ok {
			errs = append(errs, fmt.Errorf("%s:1: mapping %s is also in %s; rename one", file, m.Name, other))
			continue
		}
		byName[m.Name] = file
		set.mappings = append(set.mappings, m)
	}
	for name, file := range set.files {
		if _, ok := byName[name]; !ok && len(errs) == 0 {
			errs = append(errs, fmt.Errorf("%s: there is no mapping %s.yml for these cases; rename the file", file, name))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	sort.Slice(set.mappings, func(i, j int) bool { return set.mappings[i].Name < set.mappings[j].Name })
	return set, nil
}

type loader struct{ parts map[string]*yaml.Node }

// builder builds one mapping.
type builder struct {
	*reader
	m        *Mapping
	parts    map[string]*yaml.Node
	pathNo   map[string]int
	outNo    map[string]int
	varNo    map[string]int
	tables   map[string]*table
	included []string
}

var (
	nameRule    = regexp.MustCompile(`^[a-z0-9][a-z0-9_]*(\.[a-z0-9_]+)*$`)
	fieldRule   = regexp.MustCompile(`^[A-Za-z0-9_@-]+(\.[A-Za-z0-9_@-]+)*$`)
	packageRule = regexp.MustCompile(`^[a-z0-9_]+\.[a-z0-9_]+$`)
)

func (l *loader) load(file string, root *yaml.Node) (*Mapping, error) {
	b := &builder{
		reader: &reader{file: file},
		m:      &Mapping{Name: strings.TrimSuffix(path.Base(file), ".yml"), File: file},
		parts:  l.parts,
		pathNo: map[string]int{}, outNo: map[string]int{}, varNo: map[string]int{},
		tables: map[string]*table{},
	}
	b.document(root)
	m := b.m
	m.flow = b.flow()
	for what, ok := range map[string]bool{
		"title":   m.Title != "",
		"domain":  m.Domain != "",
		"dataset": m.Dataset != "",
		"match":   len(m.match) > 0,
		"time":    m.time.set,
		"vendor":  m.vendor.prefix != "",
	} {
		if !ok {
			b.fail(root, "the mapping has no %q; every mapping needs one", what)
		}
	}
	if _, ok := b.outNo["event.kind"]; !ok {
		b.fail(root, "no rule sets event.kind; add it under \"set\", for example event.kind: event")
	}
	sort.Slice(b.errs, func(i, j int) bool { return b.errs[i].Error() < b.errs[j].Error() })
	return m, b.err()
}

// document reads the top level of a mapping or of a part that it includes. The
// included parts come first, so that the mapping has the last word.
func (b *builder) document(root *yaml.Node) {
	top := map[string]*yaml.Node{}
	b.members(root, "a mapping", func(key string, k, v *yaml.Node) {
		if !slices.Contains(topKeys, key) {
			b.fail(k, "%q means nothing here; a mapping has %s", key, choices(topKeys...))
			return
		}
		top[key] = v
	})
	if n := top["include"]; n != nil {
		b.items(n, func(v *yaml.Node) { b.include(v) })
	}
	if n := top["tables"]; n != nil {
		b.members(n, "tables", func(name string, k, v *yaml.Node) { b.tables[name] = b.table(v) })
	}
	m := b.m
	for key, f := range map[string]func(n *yaml.Node){
		"title":    func(n *yaml.Node) { m.Title = b.text(n, "title") },
		"domain":   b.domain,
		"dataset":  b.dataset,
		"package":  b.pkg,
		"priority": func(n *yaml.Node) { m.priority = int(b.value(n, "priority").Int()) },
		"nulls": func(n *yaml.Node) {
			m.nulls = map[string]bool{}
			for _, s := range b.texts(n, "nulls") {
				m.nulls[s] = true
			}
		},
		"match":  b.matches,
		"shapes": b.shapes,
		"id":     b.id,
		"time":   b.time,
		"vendor": b.vendor,
	} {
		if n := top[key]; n != nil {
			f(n)
		}
	}
	if n := top["prepare"]; n != nil {
		b.m.prepare = append(b.m.prepare, b.prepares(n)...)
	}
	b.bodyInto(&b.m.body, top)
	if n := top["passed"]; n != nil {
		b.passedInto(n)
	}
	if n := top["related"]; n != nil {
		b.relatedInto(n)
	}
}

var topKeys = []string{"include", "tables", "title", "domain", "dataset", "package", "priority", "nulls", "match",
	"shapes", "prepare", "id", "time", "vendor", "passed", "set", "copy", "fields", "sections", "finally", "related"}

func (b *builder) include(n *yaml.Node) {
	name := b.text(n, "include")
	part, ok := b.parts[name]
	if !ok {
		b.fail(n, "there is no part common/%s.yml; there are %s", name, choices(keys(b.parts)...))
		return
	}
	if slices.Contains(b.included, name) {
		b.fail(n, "part %s is included twice; include it once", name)
		return
	}
	b.included = append(b.included, name)
	file := b.file
	b.file = path.Join(path.Dir(file), "common", name+".yml")
	b.document(part)
	b.file = file
}

func (b *builder) domain(n *yaml.Node) {
	b.m.Domain = b.text(n, "domain")
	if !slices.Contains(domains, b.m.Domain) {
		b.fail(n, "domain %q is none of %s", b.m.Domain, choices(domains...))
	}
}

func (b *builder) dataset(n *yaml.Node) {
	b.m.Dataset = b.text(n, "dataset")
	if !nameRule.MatchString(b.m.Dataset) || len(b.m.Dataset) > 100 || strings.HasPrefix(b.m.Dataset, "mxdr.") {
		b.fail(n, "dataset %q must be lower case names joined by dots, at most 100 bytes, and not under mxdr", b.m.Dataset)
	}
}

func (b *builder) pkg(n *yaml.Node) {
	b.m.Packages = b.texts(n, "package")
	for _, p := range b.m.Packages {
		if !packageRule.MatchString(p) {
			b.fail(n, "package %q must be package.datastream", p)
		}
	}
}

// id reads the alternatives for the natural id: each is a path or a list of
// paths that are needed together.
func (b *builder) id(n *yaml.Node) {
	b.m.ids = nil
	b.items(n, func(v *yaml.Node) {
		var all []source
		b.items(v, func(p *yaml.Node) { all = append(all, b.source(p)) })
		b.m.ids = append(b.m.ids, all)
	})
}

// time reads the places of the event time: the first that can be read counts.
func (b *builder) time(n *yaml.Node) {
	b.m.time = timeSpec{set: true}
	b.items(n, func(v *yaml.Node) {
		if v.Kind == yaml.ScalarNode {
			f, _ := compileTimeFormats(nil)
			b.m.time.readings = append(b.m.time.readings, timeReading{b.source(v), f})
			return
		}
		b.members(v, "time", func(key string, k, x *yaml.Node) {
			if key == "fallback" {
				if x.Value != "observed" {
					b.fail(x, "the only fallback is \"observed\", the time of reception")
				}
				b.m.time.observed = true
				return
			}
			f, err := compileTimeFormats(b.texts(x, "a time format"))
			if err != nil {
				b.fail(x, "%v", err)
			}
			b.m.time.readings = append(b.m.time.readings, timeReading{b.source(k), f})
		})
	})
}

// passedInto reads the rules for records that arrive in ECS form. Their paths
// are read in that form. Such records keep all their fields as they are, so
// the rules can write mxdr.domain alone, which no record may bring along.
func (b *builder) passedInto(n *yaml.Node) {
	b.items(n, func(v *yaml.Node) {
		s := b.step(v)
		if (len(s.from) > 0 || s.format != nil) && (s.table == nil || !s.strict) {
			b.fail(v, "a rule under \"passed\" has a value, or a map with only_mapped; else a record could name any domain")
			return
		}
		for _, t := range s.to {
			if t.isVar || b.m.outs[t.out].name != "mxdr.domain" {
				b.fail(v, "a rule under \"passed\" can write only mxdr.domain; records in ECS form keep their other fields")
				return
			}
		}
		b.m.passed = append(b.m.passed, s)
	})
}

func (b *builder) relatedInto(n *yaml.Node) {
	b.members(n, "related", func(key string, k, v *yaml.Node) {
		name := "related." + key
		if f, ok := ecs.Lookup(name); !ok || !f.Array {
			b.fail(k, "ECS has no list %s; it has related.hash, related.hosts, related.ip and related.user", name)
			return
		}
		spec := relatedSpec{out: b.out(k, name)}
		b.items(v, func(x *yaml.Node) {
			if !strings.HasPrefix(x.Value, "$") {
				x = &yaml.Node{Kind: yaml.ScalarNode, Value: "$" + x.Value, Line: x.Line}
			}
			spec.from = append(spec.from, b.source(x))
		})
		for i := range b.m.related {
			if b.m.related[i].out == spec.out {
				b.m.related[i].from = append(b.m.related[i].from, spec.from...)
				return
			}
		}
		b.m.related = append(b.m.related, spec)
	})
}

// out numbers a field that the mapping writes.
func (b *builder) out(n *yaml.Node, name string) int {
	if i, ok := b.outNo[name]; ok {
		return i
	}
	def := outDef{name: name}
	f, known := ecs.Lookup(name)
	switch {
	case !fieldRule.MatchString(name):
		b.fail(n, "%q is no field name: names joined by single dots", name)
	case name == "mxdr.domain":
	case strings.HasPrefix(name, "mxdr.") || strings.HasPrefix(name, "organization."):
		b.fail(n, "a mapping may not write %s; the pipeline does", name)
	case name == "@timestamp" || name == "event.id" || name == "event.original" || name == "ecs.version" || name == "event.dataset":
		b.fail(n, "%s is written by the engine; use \"time\", \"id\" or \"dataset\"", name)
	case known:
		def.ecs = f
	case ecs.Root(name):
		b.fail(n, "ECS has no field %s; choose one that it has or one under the vendor's prefix", name)
	}
	b.outNo[name] = len(b.m.outs)
	b.m.outs = append(b.m.outs, def)
	return len(b.m.outs) - 1
}

// path numbers a raw path.
func (b *builder) path(n *yaml.Node) int {
	p := b.reader.path(n)
	if i, ok := b.pathNo[p.text]; ok {
		return i
	}
	b.pathNo[p.text] = len(b.m.paths)
	b.m.paths = append(b.m.paths, p)
	return len(b.m.paths) - 1
}

// table is a lookup table; with fold its keys are in lower case.
type table struct{ values map[string]event.Value }

func (b *builder) table(n *yaml.Node) *table {
	t := &table{values: map[string]event.Value{}}
	b.members(n, "a table", func(key string, k, v *yaml.Node) { t.values[key] = b.value(v, "a table's value") })
	return t
}
