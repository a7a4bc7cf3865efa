package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/openmxdr/openmxdr/internal/event"
)

// Case is one test case of a mapping, from the file NAME.test.yml beside it:
//
//	cases:
//	  - name: what the record is
//	    raw: {the: record}        # or the record as text
//	    expect: {event.action: login, "@timestamp": "2026-03-02T08:15:00Z"}
//	    absent: [source.ip]       # fields that must not be there
//	    error: time               # the Reason of a record that must fail
type Case struct {
	Name string
	// File and Line are where the case stands.
	File string
	Line int
	// Raw is the record as it arrives.
	Raw    string
	Expect map[string]event.Value
	Absent []string
	// Error is the Reason with which the record must fail, "" if it must not.
	Error Reason
}

// Cases returns the test cases of mapping name. The error lists the mistakes
// of the file with their lines.
func (s *Set) Cases(name string) ([]Case, error) {
	raw, ok := s.cases[name]
	if !ok {
		return nil, nil
	}
	file := s.files[name]
	var doc struct{ Cases []yaml.Node }
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	r := &reader{file: file}
	var out []Case
	for i := range doc.Cases {
		out = append(out, r.testCase(&doc.Cases[i]))
	}
	return out, r.err()
}

func (r *reader) testCase(n *yaml.Node) Case {
	c := Case{File: r.file, Line: n.Line, Expect: map[string]event.Value{}}
	r.members(n, "a test case", func(key string, k, v *yaml.Node) {
		switch key {
		case "name":
			c.Name = r.text(v, key)
		case "raw":
			if v.Kind == yaml.ScalarNode {
				c.Raw = strings.TrimSpace(v.Value)
			} else {
				c.Raw = string(r.tree(v).AppendJSON(nil))
			}
		case "expect":
			r.members(v, "expect", func(name string, _, x *yaml.Node) { c.Expect[name] = r.value(x, name) })
		case "absent":
			c.Absent = r.texts(v, key)
		case "error":
			c.Error = Reason(r.text(v, key))
		default:
			r.fail(k, "%q means nothing in a test case; there are name, raw, expect, absent, error", key)
		}
	})
	if c.Name == "" || c.Raw == "" {
		r.fail(n, "a test case needs a name and a raw record")
	}
	return c
}

// tree reads a YAML tree as a value, with the members in their order.
func (r *reader) tree(n *yaml.Node) event.Value {
	n = deref(n)
	switch n.Kind {
	case yaml.MappingNode:
		var fields []event.Field
		r.members(n, "a record", func(key string, _, v *yaml.Node) {
			fields = append(fields, event.Field{Name: key, Value: r.tree(v)})
		})
		return event.ObjectValue(fields)
	case yaml.SequenceNode:
		var list []event.Value
		for _, c := range n.Content {
			list = append(list, r.tree(c))
		}
		return event.ListValue(list)
	}
	return r.value(n, "a record's value")
}

// Check runs a case of mapping name and returns what is not as expected, one
// line each; none means the case passes. The record must be recognised as one
// of this mapping by itself.
func (e *Engine) Check(name string, c Case) []string {
	ev := event.New(e.fields)
	observed := time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC) // cases may lie in the future
	sc := e.NewScratch()
	err := e.Normalize(c.Raw, Input{Tenant: "test", Observed: observed}, ev, sc)
	var out []string
	say := func(format string, args ...any) {
		out = append(out, fmt.Sprintf("%s:%d: %s: ", c.File, c.Line, c.Name)+fmt.Sprintf(format, args...))
	}
	if err != nil || c.Error != "" {
		var f *Failure
		switch {
		case err == nil:
			say("want it to fail with %s, but it does not", c.Error)
		case !errors.As(err, &f) || f.Reason != c.Error:
			say("fails: %v", err)
		}
	} else if i, ok := e.byName[name]; !ok || e.mappings[i] != sc.run.m {
		got := "none"
		if sc.run.m != nil {
			got = sc.run.m.Name
		}
		say("is recognised as %s", got)
	}
	for _, field := range keys(c.Expect) {
		want := c.Expect[field]
		if field == "@timestamp" {
			if t, err := event.ParseTime(want.Text()); err != nil || !t.Equal(ev.Time) {
				say("@timestamp: want %s, got %s", want.Text(), ev.Time.Format(event.TimeLayout))
			}
			continue
		}
		got, _ := ev.Lookup(field)
		if !sameTexts(want, got) {
			say("%s: want %s, got %s", field, quoted(want), quoted(got))
		}
	}
	for _, field := range c.Absent {
		if got, ok := ev.Lookup(field); ok {
			say("%s: want nothing, got %s", field, quoted(got))
		}
	}
	return out
}

func sameTexts(a, b event.Value) bool {
	if a.Kind() != event.List && b.Kind() == event.List && len(b.List()) == 1 {
		b = b.List()[0]
	}
	return (a.Kind() == event.List) == (b.Kind() == event.List) && slices.Equal(a.Texts(), b.Texts())
}

func quoted(v event.Value) string {
	if v.IsNull() {
		return "nothing"
	}
	if v.Kind() == event.String {
		return strconv.Quote(v.Str())
	}
	return string(v.AppendJSON(nil))
}
