package correlation

import (
	"time"
)

// Type is the kind of a correlation, named as in Sigma.
type Type string

// The types of correlations.
const (
	EventCount      Type = "event_count"
	ValueCount      Type = "value_count"
	Temporal        Type = "temporal"
	TemporalOrdered Type = "temporal_ordered"
	ValueSum        Type = "value_sum"
	ValueAvg        Type = "value_avg"
	ValuePercentile Type = "value_percentile"
	ValueMedian     Type = "value_median"
)

// Op compares what a window has with a number.
type Op string

// The comparisons, named as in Sigma.
const (
	LT  Op = "lt"
	LTE Op = "lte"
	GT  Op = "gt"
	GTE Op = "gte"
	EQ  Op = "eq"
	NEQ Op = "neq"
)

// Rule is one correlation.
type Rule struct {
	ID   string // unique among the rules of an engine; part of every signal id
	Name string // shown with the signal; may also be used to refer to the rule
	Type Type

	// Rules names the members: what Match.Rule says for single rules, ID or
	// Name for correlations. For temporal_ordered the order counts and a name
	// may occur more than once. It may be empty if Condition.Expr names them.
	Rules []string
	// GroupBy lists fields or aliases. Empty: all events are one group.
	GroupBy []string
	// Timespan is the longest time between the first and the last event of a
	// window; more than 0.
	Timespan  time.Duration
	Condition Condition
	// Aliases gives, for a name in GroupBy or Condition.Fields, the field by
	// member. A member that an alias does not mention uses the name itself.
	Aliases map[string]map[string]string
	// Generate lets the members speak for themselves too; see Engine.Suppressed.
	Generate bool

	Severity   int     // 0–100
	Confidence int     // 0–100
	Risk       float64 // points
	Tags       []string
	Tactics    []string
	Techniques []string
}

// Condition is what must hold in a window: all Comparisons, or Expr.
type Condition struct {
	// Comparisons must all hold. Empty for temporal types: all rules must occur.
	Comparisons []Comparison
	// Fields are the value fields of the value types. More than one are
	// allowed for value_count, which then counts distinct combinations.
	Fields []string
	// Percentile is 0–100, for value_percentile.
	Percentile int
	// Expr is the boolean condition of the temporal types.
	Expr *Expr
}

// Comparison compares the figure of a window with a threshold.
type Comparison struct {
	Op    Op
	Value float64
}

// Options bound an engine. Zero means the default.
type Options struct {
	// Lateness is how far behind the latest event time an event may be. Default 0.
	Lateness time.Duration
	// MaxFuture refuses events whose time is later than Match.Observed by more
	// than this, so that one wrong clock cannot make all other events late.
	// Matches without Observed are not checked. Default 1 h; negative: no check.
	MaxFuture time.Duration
	// MaxBytes is the memory that state may occupy, estimated. Default 256 MiB.
	// Garbage that was not collected yet comes on top, as for any Go program.
	MaxBytes int64
	// MaxEntries is the number of matches held. Default 4,000,000.
	MaxEntries int64
	// MaxGroupEntries is the number of matches held in one group. Default 65,536.
	MaxGroupEntries int
}

func (o Options) withDefaults() Options {
	if o.Lateness < 0 {
		o.Lateness = 0
	}
	o.Lateness = min(o.Lateness, maxSpan)
	if o.MaxFuture == 0 {
		o.MaxFuture = time.Hour
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 256 << 20
	}
	if o.MaxEntries <= 0 {
		o.MaxEntries = 4_000_000
	}
	if o.MaxGroupEntries <= 0 {
		o.MaxGroupEntries = 1 << 16
	}
	return o
}

// Limits of what rules and events may hold.
const (
	MaxMembers  = 64  // distinct members of one correlation
	MaxChains   = 256 // alternatives of a temporal_ordered condition
	MaxValues   = 16  // elements used of one list
	MaxEntities = 64  // entities of one signal
	maxText     = 1024
	maxDepth    = 64
	maxGroupBy  = 32
)
