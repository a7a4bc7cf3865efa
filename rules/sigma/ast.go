package sigma

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Collection is what was read from one or more files. Rules, correlations and
// filters keep the order of the files. A Collection is read-only after parsing
// and may be shared.
type Collection struct {
	Rules        []*Rule
	Correlations []*Correlation
	Filters      []*Filter
}

// Merge appends the content of others to c.
func (c *Collection) Merge(others ...*Collection) {
	for _, o := range others {
		c.Rules = append(c.Rules, o.Rules...)
		c.Correlations = append(c.Correlations, o.Correlations...)
		c.Filters = append(c.Filters, o.Filters...)
	}
}

// Problem says why something was left out, and where.
type Problem struct {
	File   string // as given to the parser
	Line   int    // from 1; 0 when the problem concerns the whole file
	RuleID string // the rule's id, or its title when it has none; may be empty
	Reason string
}

// Error formats the problem as file:line: rule id: reason.
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	if p.RuleID != "" {
		b.WriteString(": rule ")
		b.WriteString(p.RuleID)
	}
	b.WriteString(": ")
	b.WriteString(p.Reason)
	return b.String()
}

// Meta is what rules, correlations and filters have in common.
type Meta struct {
	ID             string // UUID in canonical lower-case form, or empty
	Name           string // identifier for references by correlations and filters
	Title          string
	Taxonomy       string // "sigma" unless the rule says otherwise
	Status         string // stable, test, experimental, deprecated, unsupported or empty
	Level          string // informational, low, medium, high, critical or empty
	Description    string
	Author         string
	License        string
	Date           string // YYYY-MM-DD
	Modified       string // YYYY-MM-DD
	References     []string
	Tags           []string // namespace.name
	Fields         []string
	FalsePositives []string
	Scope          []string
	Related        []Related
	Custom         map[string]any // attributes that the specification does not define

	File string
	Line int // where the document begins, from 1
}

// Key returns the id by which signals and reports refer to the rule: its ID,
// else its name, else its title.
func (m *Meta) Key() string {
	switch {
	case m.ID != "":
		return m.ID
	case m.Name != "":
		return m.Name
	}
	return m.Title
}

// Techniques returns the ATT&CK technique ids among the tags in upper case
// (T1078, T1078.004).
func (m *Meta) Techniques() []string {
	var out []string
	for _, t := range m.Tags {
		rest, ok := strings.CutPrefix(strings.ToLower(t), "attack.t")
		if ok && len(rest) >= 4 && strings.Trim(rest, "0123456789.") == "" {
			out = append(out, "T"+strings.ToUpper(rest))
		}
	}
	return out
}

// Related refers to another rule.
type Related struct {
	ID   string
	Type string // correlation, derived, merged, obsolete, renamed, similar
}

// LogSource says which events a rule is about. Empty attributes allow any.
type LogSource struct {
	Category   string
	Product    string
	Service    string
	Definition string
}

// String formats the log source as product/category/service with * for
// what is open.
func (l LogSource) String() string {
	or := func(s string) string {
		if s == "" {
			return "*"
		}
		return s
	}
	return or(l.Product) + "/" + or(l.Category) + "/" + or(l.Service)
}

// contains tells whether every attribute that l sets is the same in o.
func (l LogSource) contains(o LogSource) bool {
	return (l.Category == "" || l.Category == o.Category) &&
		(l.Product == "" || l.Product == o.Product) &&
		(l.Service == "" || l.Service == o.Service)
}

// Rule is a detection rule about single events.
type Rule struct {
	Meta
	LogSource  LogSource
	Detections []Detection
	Conditions []Condition // any of them makes the rule match
}

// Detection is a named search.
type Detection struct {
	Name string
	Line int
	Node Node
}

// Node is a *Group or an *Item.
type Node interface{ node() }

// Group links nodes: all of them when And is set, else any.
type Group struct {
	And   bool
	Nodes []Node
}

// Item compares one field, or the whole event when Field is empty (keywords),
// with values after all modifiers were applied.
type Item struct {
	Field     string
	Modifiers []string
	Values    []Value
	All       bool // every value has to match, not any
	Negated   bool // "neq": the item holds when the comparison does not
	Line      int
}

func (*Group) node() {}
func (*Item) node()  {}

// Condition is the parsed condition of a rule.
type Condition struct {
	Text string
	Line int
	Expr Expr
}

// Expr is And, Or, Not, Ref or Selector.
type Expr interface{ expr() }

// And, Or and Not are the boolean operators. Ref names one detection.
// Selector stands for "1 of pattern" (All false) or "all of pattern".
type (
	And      struct{ Args []Expr }
	Or       struct{ Args []Expr }
	Not      struct{ Arg Expr }
	Ref      struct{ Name string }
	Selector struct {
		All     bool
		Pattern string   // as written; "them" stands for every detection
		Names   []string // the detections it resolves to, in order
	}
)

func (And) expr()      {}
func (Or) expr()       {}
func (Not) expr()      {}
func (Ref) expr()      {}
func (Selector) expr() {}

// ValueKind is the type of a Value.
type ValueKind uint8

// The kinds of values in a rule.
const (
	StringValue    ValueKind = iota // Pattern, Cased
	NumberValue                     // Number
	BoolValue                       // Bool
	NullValue                       // nothing
	RegexpValue                     // Pattern before placeholders are filled in, Regexp after
	CIDRValue                       // Prefix
	CompareValue                    // Op, Number, and Part when a time part is compared
	FieldRefValue                   // Ref, StartsWith, EndsWith, Cased
	ExistsValue                     // Bool
	TimePartValue                   // Part, Number
	ExpansionValue                  // Values, of which any has to match
)

// Value is one value of a rule after its modifiers.
type Value struct {
	Kind       ValueKind
	Pattern    Pattern
	Cased      bool
	Number     Number
	Bool       bool
	Regexp     string // RE2 with flags and anchors
	Op         CompareOp
	Part       TimePart
	Prefix     netip.Prefix
	Ref        string
	StartsWith bool
	EndsWith   bool
	Values     []Value

	flags    string // regular expression flags, sorted
	anchored uint8  // anchorStart | anchorEnd
}

// Number is a number of a rule: its canonical text and its value.
type Number struct {
	Text  string
	Float float64
}

// CompareOp is a numeric comparison.
type CompareOp uint8

// The comparisons of the modifiers lt, lte, gt and gte.
const (
	LT CompareOp = iota + 1
	LTE
	GT
	GTE
)

// TimePart is a part of a point in time, in the offset that the field's text
// states.
type TimePart uint8

// The parts that the modifiers minute to year take; Week is the ISO 8601 week.
const (
	Minute TimePart = iota + 1
	Hour
	Day
	Week
	Month
	Year
)

// Filter narrows rules: its condition is joined to theirs with "and".
type Filter struct {
	Meta
	LogSource  LogSource
	Any        bool     // applies to every rule whose log source it contains
	Rules      []string // ids and names, when Any is not set
	Detections []Detection
	Condition  Condition
}

// CorrelationType says how a correlation judges the events of a group.
type CorrelationType string

// The correlation types.
const (
	EventCount      CorrelationType = "event_count"
	ValueCount      CorrelationType = "value_count"
	Temporal        CorrelationType = "temporal"
	TemporalOrdered CorrelationType = "temporal_ordered"
	ValueSum        CorrelationType = "value_sum"
	ValueAvg        CorrelationType = "value_avg"
	ValuePercentile CorrelationType = "value_percentile"
	ValueMedian     CorrelationType = "value_median"
)

// Correlation is a rule about several events.
type Correlation struct {
	Meta
	Type     CorrelationType
	Rules    []string // ids or names, in order; for a boolean condition without a list, those it names
	GroupBy  []string
	Timespan time.Duration // month and year are 2,629,746 s and 31,556,952 s
	Generate bool          // the rules it refers to give findings of their own too
	Aliases  []Alias
	// Threshold is set for a comparison, Boolean for a boolean temporal
	// condition. Temporal types without a condition have the threshold
	// "at least as many rules as there are".
	Threshold *Threshold
	Boolean   Expr // And, Or, Not and Ref over Rules
}

// Threshold is the condition of a correlation.
type Threshold struct {
	Op         string // lt, lte, gt, gte, eq, neq
	Count      float64
	Fields     []string // what value_* types count or measure
	Percentile int      // 0–100, for value_percentile; -1 when not given
}

// Alias gives one name to fields that differ from rule to rule.
type Alias struct {
	Name   string
	Fields map[string]string // rule reference to field name
}
