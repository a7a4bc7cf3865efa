package mapping

import (
	"regexp"

	"gopkg.in/yaml.v3"

	"github.com/openmxdr/openmxdr/internal/document"
)

// expandText replaces a text by the object that a format says it is. Other
// text stays as it is.
type expandText struct {
	at     *rawPath
	expand func(*document.Document, document.Node) (bool, error)
}

func (x *expandText) apply(d *document.Document) error {
	n := x.at.find(d, d.Root())
	if d.Kind(n) != document.String {
		return nil
	}
	_, err := x.expand(d, n)
	return err
}

func (b *builder) keyValues(args map[string]*yaml.Node) prepareStep {
	separator, equals := " ", "="
	if n := args["separator"]; n != nil {
		separator = b.text(n, "separator")
	}
	if n := args["equals"]; n != nil {
		equals = b.text(n, "equals")
	}
	if len(separator) != 1 || equals == "" {
		b.fail(args["key_values"], "key_values wants one character as separator and a text as equals")
		return &expandText{at: b.reader.path(args["key_values"])}
	}
	return &expandText{b.reader.path(args["key_values"]), func(d *document.Document, n document.Node) (bool, error) {
		return d.ExpandPairs(n, separator[0], equals)
	}}
}

// extract puts the named groups of the first pattern that fits a text into an
// object. Patterns are regular expressions in RE2, whose time is linear.
type extract struct {
	at       *rawPath
	patterns []*regexp.Regexp
	into     []string
}

func (b *builder) extract(args map[string]*yaml.Node) *extract {
	x := &extract{at: b.reader.path(args["extract"])}
	if args["patterns"] == nil || args["into"] == nil {
		b.fail(args["extract"], "extract wants \"patterns\", regular expressions with named groups, and \"into\", the object that takes them")
		return nil
	}
	x.into = b.plainPath(args["into"])
	b.items(args["patterns"], func(n *yaml.Node) {
		re, err := regexp.Compile(b.text(n, "a pattern"))
		if err != nil {
			b.fail(n, "patterns: %v", err)
			return
		}
		named := false
		for _, name := range re.SubexpNames() {
			named = named || name != ""
		}
		if !named {
			b.fail(n, "the pattern has no named group; write (?P<name>…)")
		}
		x.patterns = append(x.patterns, re)
	})
	return x
}

func (x *extract) apply(d *document.Document) error {
	s := d.Str(x.at.find(d, d.Root()))
	if s == "" {
		return nil
	}
	for _, re := range x.patterns {
		m := re.FindStringSubmatchIndex(s)
		if m == nil {
			continue
		}
		into, err := makePath(d, d.Root(), x.into)
		if err != nil || d.Kind(into) != document.Object {
			return err
		}
		for i, name := range re.SubexpNames() {
			if name == "" || m[2*i] < 0 || m[2*i] == m[2*i+1] {
				continue
			}
			if _, err := d.AddString(into, name, s[m[2*i]:m[2*i+1]]); err != nil {
				return err
			}
		}
		return nil
	}
	return nil
}
