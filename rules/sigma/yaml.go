package sigma

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Limits on what a rule file may hold. They are far above what rules in
// circulation use and keep a hostile file from costing time or memory.
const (
	MaxFileBytes  = 4 << 20 // size of one file
	MaxNodes      = 40000   // YAML nodes of one document, aliases counted each time
	MaxDepth      = 32      // nesting of YAML maps and lists
	MaxValues     = 20000   // values of one detection item
	MaxRegexBytes = 8 << 10 // length of one regular expression
	MaxRegexProg  = 20000   // instructions of one compiled regular expression
	MaxCondition  = 16 << 10
	MaxCondDepth  = 128 // nesting of a condition
)

// ykind is the type of a ynode.
type ykind uint8

const (
	yNull ykind = iota
	yBool
	yNumber
	yString
	yDate // a YAML timestamp
	yMap
	yList
)

func (k ykind) String() string {
	return [...]string{"null", "a boolean", "a number", "text", "a date", "a map", "a list"}[k]
}

// ynode is a YAML node after aliases and scalar types were resolved as YAML
// 1.1 does it, which is what rules are written against.
type ynode struct {
	kind  ykind
	line  int
	text  string // scalars: the text as written
	num   Number
	b     bool
	pairs []ypair
	list  []*ynode
}

type ypair struct {
	key     string
	null    bool // the key is null
	keyLine int
	val     *ynode
}

// get returns the member name of a map, nil if it is absent.
func (n *ynode) get(name string) *ynode {
	for i := range n.pairs {
		if n.pairs[i].key == name && !n.pairs[i].null {
			return n.pairs[i].val
		}
	}
	return nil
}

// lineError is an error at a line of the file.
type lineError struct {
	line int
	err  error
}

func (e *lineError) Error() string { return e.err.Error() }
func (e *lineError) Unwrap() error { return e.err }

func errAt(line int, format string, args ...any) error {
	return &lineError{line, fmt.Errorf(format, args...)}
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)`)

// readDocuments splits a file into documents. A document that cannot be used
// gives an error with its line; the others are returned all the same. After a
// syntax error nothing more can be read.
func readDocuments(data []byte) (docs []*ynode, errs []error) {
	if len(data) > MaxFileBytes {
		return nil, []error{fmt.Errorf("the file has %d bytes, more than the %d allowed for rules", len(data), MaxFileBytes)}
	}
	defer func() {
		if r := recover(); r != nil { // the YAML library's own faults must not reach the caller
			errs = append(errs, fmt.Errorf("the YAML cannot be read: %v", r))
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc yaml.Node
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return docs, errs
		}
		if err != nil {
			m := yamlLine.FindStringSubmatch(strings.ReplaceAll(err.Error(), "\n", " "))
			line, reason := 0, err.Error()
			if m != nil {
				line, _ = strconv.Atoi(m[1])
				reason = m[2]
			}
			return docs, append(errs, errAt(line, "not valid YAML: %s", reason))
		}
		c := converter{left: MaxNodes}
		n, err := c.convert(&doc, 0)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		docs = append(docs, n)
	}
}

type converter struct{ left int }

func (c *converter) convert(n *yaml.Node, depth int) (*ynode, error) {
	c.left--
	if c.left < 0 {
		return nil, errAt(n.Line, "the document has more than %d YAML nodes, aliases counted each time they are used", MaxNodes)
	}
	if depth > MaxDepth {
		return nil, errAt(n.Line, "nested deeper than %d levels", MaxDepth)
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return c.convert(n.Content[0], depth)
	case yaml.AliasNode:
		return c.convert(n.Alias, depth+1)
	case yaml.SequenceNode:
		out := &ynode{kind: yList, line: n.Line}
		for _, x := range n.Content {
			v, err := c.convert(x, depth+1)
			if err != nil {
				return nil, err
			}
			out.list = append(out.list, v)
		}
		return out, nil
	case yaml.MappingNode:
		return c.mapping(n, depth)
	case yaml.ScalarNode:
		return scalar(n)
	}
	return &ynode{kind: yNull, line: n.Line}, nil
}

func (c *converter) mapping(n *yaml.Node, depth int) (*ynode, error) {
	out := &ynode{kind: yMap, line: n.Line}
	seen := make(map[string]bool, len(n.Content)/2)
	var merges []*ynode
	for i := 0; i+1 < len(n.Content); i += 2 {
		kn := n.Content[i]
		if kn.Kind == yaml.AliasNode {
			kn = kn.Alias
		}
		if kn.Kind != yaml.ScalarNode {
			return nil, errAt(kn.Line, "a key must be text, not a list or map")
		}
		v, err := c.convert(n.Content[i+1], depth+1)
		if err != nil {
			return nil, err
		}
		if kn.Tag == "!!merge" && kn.Style == 0 {
			merges = append(merges, v)
			continue
		}
		k, err := scalar(kn)
		if err != nil {
			return nil, err
		}
		p := ypair{key: kn.Value, null: k.kind == yNull, keyLine: kn.Line, val: v}
		id := p.key
		if p.null {
			p.key, id = "", "\x00null"
		}
		if seen[id] {
			return nil, errAt(kn.Line, "the key %q appears twice in one map", p.key)
		}
		seen[id] = true
		out.pairs = append(out.pairs, p)
	}
	for _, m := range merges {
		maps := []*ynode{m}
		if m.kind == yList {
			maps = m.list
		}
		for _, x := range maps {
			if x.kind != yMap {
				return nil, errAt(n.Line, "\"<<\" must be given a map or a list of maps")
			}
			for _, p := range x.pairs {
				if !seen[p.key] {
					seen[p.key] = true
					out.pairs = append(out.pairs, p)
				}
			}
		}
	}
	return out, nil
}

// The forms of plain scalars in YAML 1.1 (yaml.org/type) as PyYAML reads them.
var (
	yamlInt   = regexp.MustCompile(`^[-+]?(?:0b[01_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+|[1-9][0-9_]*(?::[0-5]?[0-9])+)$`)
	yamlFloat = regexp.MustCompile(`^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$`)
	yamlDate  = regexp.MustCompile(`^(?:\d{4}-\d\d-\d\d|\d{4}-\d\d?-\d\d?(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?)$`)
)

func scalar(n *yaml.Node) (*ynode, error) {
	out := &ynode{kind: yString, line: n.Line, text: n.Value}
	if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return out, nil
	}
	tagged := n.Style&yaml.TaggedStyle != 0
	if tagged && n.Tag == "!!str" {
		return out, nil
	}
	if tagged && !strings.HasPrefix(n.Tag, "!!") {
		return nil, errAt(n.Line, "unknown YAML tag %s", n.Tag)
	}
	s := n.Value
	switch s {
	case "", "~", "null", "Null", "NULL":
		out.kind = yNull
		return out, nil
	case "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON":
		out.kind, out.b = yBool, true
		return out, nil
	case "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF":
		out.kind = yBool
		return out, nil
	}
	if c := s[0]; c != '-' && c != '+' && c != '.' && (c < '0' || c > '9') {
		return out, nil
	}
	switch {
	case yamlInt.MatchString(s):
		i, ok := yamlInteger(strings.ReplaceAll(s, "_", ""))
		if !ok {
			return nil, errAt(n.Line, "%q is not a number", s)
		}
		f, _ := new(big.Float).SetInt(i).Float64()
		out.kind, out.num = yNumber, Number{Text: i.String(), Float: f}
	case yamlFloat.MatchString(s):
		f, ok := yamlFloating(strings.ReplaceAll(strings.ToLower(s), "_", ""))
		if !ok {
			return nil, errAt(n.Line, "%q is not a number", s)
		}
		out.kind, out.num = yNumber, floatNumber(f)
	case yamlDate.MatchString(s):
		out.kind = yDate
	}
	return out, nil
}

// floatNumber writes whole numbers without a point, as Sigma compares them.
func floatNumber(f float64) Number {
	if f == math.Trunc(f) && math.Abs(f) < 1e300 {
		i, _ := big.NewFloat(f).Int(nil)
		return Number{Text: i.String(), Float: f}
	}
	return Number{Text: strconv.FormatFloat(f, 'f', -1, 64), Float: f}
}

func yamlInteger(s string) (*big.Int, bool) {
	neg := strings.HasPrefix(s, "-")
	s = strings.TrimLeft(s, "+-")
	base := 10
	switch {
	case strings.HasPrefix(s, "0b"):
		base, s = 2, s[2:]
	case strings.HasPrefix(s, "0x"):
		base, s = 16, s[2:]
	case len(s) > 1 && s[0] == '0':
		base, s = 8, s[1:]
	}
	out := new(big.Int)
	for _, part := range strings.Split(s, ":") { // base 60, most significant first
		d, ok := new(big.Int).SetString(part, base)
		if !ok || len(part) > 400 {
			return nil, false
		}
		out.Mul(out, big.NewInt(60)).Add(out, d)
	}
	if neg {
		out.Neg(out)
	}
	return out, true
}

func yamlFloating(s string) (float64, bool) {
	neg := strings.HasPrefix(s, "-")
	s = strings.TrimLeft(s, "+-")
	var out float64
	switch s {
	case ".inf":
		out = math.Inf(1)
	case ".nan":
		out = math.NaN()
	default:
		for _, part := range strings.Split(s, ":") {
			f, err := strconv.ParseFloat(part, 64)
			if err != nil {
				return 0, false
			}
			out = out*60 + f
		}
	}
	if neg {
		out = -out
	}
	return out, true
}

// plain turns a node into Go values for attributes that the specification
// does not define.
func (n *ynode) plain() any {
	switch n.kind {
	case yBool:
		return n.b
	case yNumber:
		if i, err := strconv.ParseInt(n.num.Text, 10, 64); err == nil {
			return i
		}
		return n.num.Float
	case yString, yDate:
		return n.text
	case yList:
		out := make([]any, len(n.list))
		for i, x := range n.list {
			out[i] = x.plain()
		}
		return out
	case yMap:
		out := make(map[string]any, len(n.pairs))
		for _, p := range n.pairs {
			out[p.key] = p.val.plain()
		}
		return out
	}
	return nil
}

// override returns dst with the members of src put over it, maps joined
// member by member.
func override(dst, src *ynode) *ynode {
	out := &ynode{kind: yMap, line: dst.line, pairs: append([]ypair(nil), dst.pairs...)}
	for _, p := range src.pairs {
		i := -1
		for j := range out.pairs {
			if out.pairs[j].key == p.key && out.pairs[j].null == p.null {
				i = j
				break
			}
		}
		switch {
		case i < 0:
			out.pairs = append(out.pairs, p)
		case p.val.kind == yMap && out.pairs[i].val.kind == yMap:
			out.pairs[i].val = override(out.pairs[i].val, p.val)
		default:
			out.pairs[i] = p
		}
	}
	return out
}
