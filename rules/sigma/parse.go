package sigma

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// ParseFile reads one file, which may hold several YAML documents: rules,
// correlations, filters, and the collection actions global, reset and repeat.
// What cannot be used is reported with file, line and reason; everything else
// is returned. name is used in problems and in Meta.File. The collection is
// never nil.
func ParseFile(name string, data []byte) (*Collection, []Problem) {
	p := &parser{file: name, out: &Collection{}}
	docs, errs := readDocuments(data)
	for _, err := range errs {
		p.report("", 0, err)
	}
	p.documents(docs)
	slices.SortStableFunc(p.problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return p.out, p.problems
}

// ParseFS reads every file named *.yml or *.yaml below root ("." for all), in
// lexical order, but for test cases (*.test.yml). The collection is never nil.
func ParseFS(fsys fs.FS, root string) (*Collection, []Problem) {
	out := &Collection{}
	var problems []Problem
	err := fs.WalkDir(fsys, root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			problems = append(problems, Problem{File: name, Reason: fmt.Sprintf("cannot be read: %v", err)})
			if d != nil && d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if ext := path.Ext(name); d.IsDir() || ext != ".yml" && ext != ".yaml" {
			return nil
		}
		if strings.HasSuffix(strings.TrimSuffix(name, path.Ext(name)), ".test") {
			return nil // test cases beside a rule
		}
		if info, err := d.Info(); err == nil && info.Size() > MaxFileBytes {
			problems = append(problems, Problem{File: name, Reason: fmt.Sprintf("the file has %d bytes, more than the %d allowed for rules", info.Size(), MaxFileBytes)})
			return nil
		}
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			problems = append(problems, Problem{File: name, Reason: fmt.Sprintf("cannot be read: %v", err)})
			return nil
		}
		c, ps := ParseFile(name, data)
		out.Merge(c)
		problems = append(problems, ps...)
		return nil
	})
	if err != nil {
		problems = append(problems, Problem{File: root, Reason: fmt.Sprintf("cannot be read: %v", err)})
	}
	return out, problems
}

type parser struct {
	file     string
	out      *Collection
	problems []Problem
}

func (p *parser) report(rule string, line int, err error) {
	var le *lineError
	if errors.As(err, &le) && le.line > 0 {
		line = le.line
	}
	p.problems = append(p.problems, Problem{File: p.file, Line: line, RuleID: rule, Reason: err.Error()})
}

// documents interprets the documents of a file in order. "global" sets what
// is put over every rule that follows, "reset" forgets it, "repeat" puts the
// document over the previous rule and makes another one.
func (p *parser) documents(docs []*ynode) {
	none := &ynode{kind: yMap}
	global, prev := none, none
	for _, doc := range docs {
		if doc.kind == yNull {
			continue
		}
		if doc.kind != yMap {
			p.report("", doc.line, fmt.Errorf("a document must be a map, not %s", doc.kind))
			continue
		}
		action := doc.get("action")
		if action == nil || action.kind == yNull {
			switch {
			case doc.get("correlation") != nil:
				p.correlation(doc)
			case doc.get("filter") != nil:
				p.filter(doc)
			default:
				prev = override(doc, global)
				p.rule(prev)
			}
			continue
		}
		switch action.text {
		case "global":
			global = without(doc, "action")
			prev = global
		case "reset":
			global = none
		case "repeat":
			line := doc.line
			prev = override(prev, without(doc, "action"))
			prev.line = line
			p.rule(prev)
		default:
			p.report("", action.line, fmt.Errorf("unknown collection action %q; there are global, reset and repeat", action.text))
		}
	}
}

func without(n *ynode, key string) *ynode {
	out := &ynode{kind: yMap, line: n.line}
	for _, p := range n.pairs {
		if p.key != key {
			out.pairs = append(out.pairs, p)
		}
	}
	return out
}

// faults gathers the errors of one document.
type faults struct{ errs []error }

func (f *faults) add(line int, format string, args ...any) {
	f.errs = append(f.errs, errAt(line, format, args...))
}

func (f *faults) take(err error) {
	if err != nil {
		f.errs = append(f.errs, err)
	}
}

// close reports the faults and tells whether there were none.
func (p *parser) close(m *Meta, f *faults) bool {
	for _, err := range f.errs {
		p.report(m.Key(), m.Line, err)
	}
	return len(f.errs) == 0
}

func (p *parser) rule(doc *ynode) {
	var f faults
	r := &Rule{}
	p.meta(&r.Meta, doc, &f, "logsource", "detection")
	r.LogSource = logSource(doc, &f, "rule")
	if d := doc.get("detection"); d == nil {
		f.add(doc.line, "a rule must have a detection")
	} else if d.kind != yMap {
		f.add(d.line, "detection must be a map, not %s", d.kind)
	} else {
		dets, names := p.detections(d, &f, "condition")
		r.Detections = dets
		r.Conditions = conditions(d, names, &f)
	}
	if p.close(&r.Meta, &f) {
		p.out.Rules = append(p.out.Rules, r)
	}
}

// conditions reads the condition or list of conditions of a detection section.
func conditions(d *ynode, names []string, f *faults) []Condition {
	c := d.get("condition")
	if c == nil || c.kind == yNull || c.kind == yList && len(c.list) == 0 {
		f.add(d.line, "detection must have a condition")
		return nil
	}
	list := []*ynode{c}
	if c.kind == yList {
		list = c.list
	}
	var out []Condition
	for _, n := range list {
		if n.kind != yString {
			f.add(n.line, "a condition must be text, not %s", n.kind)
			continue
		}
		e, err := parseCondition(n.text, names)
		if err != nil {
			f.add(n.line, "condition %q: %w", clip(n.text), err)
			continue
		}
		out = append(out, Condition{Text: n.text, Line: n.line, Expr: e})
	}
	return out
}

func clip(s string) string {
	const limit = 160
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}

func (p *parser) filter(doc *ynode) {
	var f faults
	out := &Filter{}
	p.meta(&out.Meta, doc, &f, "logsource", "filter")
	out.LogSource = logSource(doc, &f, "filter")
	d := doc.get("filter")
	if d.kind != yMap {
		f.add(d.line, "filter must be a map, not %s", d.kind)
		p.close(&out.Meta, &f)
		return
	}
	dets, names := p.detections(d, &f, "condition", "rules")
	out.Detections = dets
	if c := d.get("condition"); c == nil {
		f.add(d.line, "a filter must have a condition")
	} else if c.kind != yString {
		f.add(c.line, "the condition of a filter must be text, not %s", c.kind)
	} else if e, err := parseCondition(c.text, names); err != nil {
		f.add(c.line, "condition %q: %w", clip(c.text), err)
	} else {
		out.Condition = Condition{Text: c.text, Line: c.line, Expr: e}
	}
	switch rules := d.get("rules"); {
	case rules == nil:
		f.add(d.line, "a filter must say which rules it is for; use \"rules: any\" for all of its log source")
	case rules.kind == yString && strings.EqualFold(rules.text, "any"):
		out.Any = true
	case rules.kind == yString:
		out.Rules = []string{rules.text}
	case rules.kind == yList && len(rules.list) == 0:
		out.Any = true
	case rules.kind == yList:
		for _, r := range rules.list {
			if r.kind != yString {
				f.add(r.line, "a rule must be referred to by id or name, not by %s", r.kind)
				continue
			}
			out.Rules = append(out.Rules, r.text)
		}
	default:
		f.add(rules.line, "rules of a filter must be \"any\", an id or name, or a list of them, not %s", rules.kind)
	}
	if p.close(&out.Meta, &f) {
		p.out.Filters = append(p.out.Filters, out)
	}
}
