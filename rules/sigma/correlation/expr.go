package correlation

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// ExprOp is the operator of an Expr.
type ExprOp uint8

// The operators. The zero ExprOp is a reference to a member.
const (
	Ref ExprOp = iota
	And
	Or
	Not
)

// Expr is a boolean condition over members: a member is true in a window that
// has a match of it.
type Expr struct {
	Op   ExprOp
	Rule string  // for Ref
	Args []*Expr // for And, Or (one or more) and Not (one)
}

// Refs returns the members that e names, in the order of their first mention.
func (e *Expr) Refs() []string {
	var out []string
	var walk func(*Expr)
	walk = func(x *Expr) {
		if x.Op == Ref {
			if !slices.Contains(out, x.Rule) {
				out = append(out, x.Rule)
			}
			return
		}
		for _, a := range x.Args {
			walk(a)
		}
	}
	walk(e)
	return out
}

// ParseExpr reads a boolean condition: names, "and", "or", "not" and
// parentheses; not binds tightest, or loosest. A name begins with a letter or
// an underscore and goes on with letters, digits and underscores.
func ParseExpr(s string) (*Expr, error) {
	p := &exprParser{src: s}
	p.next()
	e, err := p.or(0)
	if err != nil {
		return nil, err
	}
	if p.tok != "" {
		return nil, p.errorf("unexpected %q", p.tok)
	}
	return e, nil
}

type exprParser struct {
	src       string
	at, next0 int
	tok       string
	bad       bool
}

func (p *exprParser) errorf(format string, args ...any) error {
	return fmt.Errorf("condition %q, column %d: %s", clip(p.src, 200), p.at+1, fmt.Sprintf(format, args...))
}

func (p *exprParser) next() {
	i := p.next0
	for i < len(p.src) && strings.IndexByte(" \t\r\n", p.src[i]) >= 0 {
		i++
	}
	p.at = i
	j := i
	switch {
	case i == len(p.src):
	case p.src[i] == '(' || p.src[i] == ')':
		j++
	default:
		for j < len(p.src) && isNameByte(p.src[j], j == i) {
			j++
		}
		if j == i {
			p.bad = true
			j++
		}
	}
	p.tok, p.next0 = p.src[i:j], j
}

func isNameByte(c byte, first bool) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || !first && c >= '0' && c <= '9'
}

func (p *exprParser) or(depth int) (*Expr, error)  { return p.list(depth, "or", Or, p.and) }
func (p *exprParser) and(depth int) (*Expr, error) { return p.list(depth, "and", And, p.unary) }

func (p *exprParser) list(depth int, word string, op ExprOp, sub func(int) (*Expr, error)) (*Expr, error) {
	first, err := sub(depth)
	if err != nil {
		return nil, err
	}
	args := []*Expr{first}
	for p.tok == word {
		p.next()
		a, err := sub(depth)
		if err != nil {
			return nil, err
		}
		args = append(args, a)
	}
	if len(args) == 1 {
		return first, nil
	}
	return &Expr{Op: op, Args: args}, nil
}

func (p *exprParser) unary(depth int) (*Expr, error) {
	if depth > maxDepth {
		return nil, p.errorf("nested deeper than %d", maxDepth)
	}
	if p.bad {
		return nil, p.errorf("unexpected character")
	}
	switch p.tok {
	case "":
		return nil, p.errorf("a rule name is missing at the end")
	case "not":
		p.next()
		a, err := p.unary(depth + 1)
		if err != nil {
			return nil, err
		}
		return &Expr{Op: Not, Args: []*Expr{a}}, nil
	case "(":
		p.next()
		e, err := p.or(depth + 1)
		if err != nil {
			return nil, err
		}
		if p.tok != ")" {
			return nil, p.errorf("closing parenthesis is missing")
		}
		p.next()
		return e, nil
	case ")", "and", "or":
		return nil, p.errorf("a rule name is expected before %q", p.tok)
	}
	e := &Expr{Rule: p.tok}
	p.next()
	return e, nil
}

// boolExpr is an Expr with members as bits.
type boolExpr struct {
	op   ExprOp
	bit  uint64
	args []boolExpr
}

func (b *boolExpr) eval(present uint64) bool {
	switch b.op {
	case And:
		for i := range b.args {
			if !b.args[i].eval(present) {
				return false
			}
		}
		return true
	case Or:
		for i := range b.args {
			if b.args[i].eval(present) {
				return true
			}
		}
		return false
	case Not:
		return !b.args[0].eval(present)
	}
	return present&b.bit != 0
}

// compileExpr turns members into bits by their position in refs and tells
// whether e has a "not".
func compileExpr(e *Expr, refs []string, depth int) (b boolExpr, negated bool, err error) {
	if e == nil || depth > maxDepth {
		return b, false, fmt.Errorf("boolean condition is nested deeper than %d or has an empty part", maxDepth)
	}
	b.op = e.Op
	if e.Op == Ref {
		i := slices.Index(refs, e.Rule)
		if i < 0 {
			return b, false, fmt.Errorf("boolean condition names %q, which is not among the rules", e.Rule)
		}
		b.bit = 1 << i
		return b, false, nil
	}
	if len(e.Args) == 0 || e.Op == Not && len(e.Args) != 1 || e.Op > Not {
		return b, false, fmt.Errorf("boolean condition has an operator with the wrong number of operands")
	}
	negated = e.Op == Not
	for _, a := range e.Args {
		x, n, err := compileExpr(a, refs, depth+1)
		if err != nil {
			return b, false, err
		}
		b.args = append(b.args, x)
		negated = negated || n
	}
	return b, negated, nil
}

// chain is one way to fulfil an ordered condition: these members in this
// order, and none of the forbidden ones.
type chain struct {
	seq    []uint16
	want   uint64 // members of seq
	forbid uint64
}

// term is a conjunction: members that must and must not occur.
type term struct{ want, forbid uint64 }

// terms turns b, or its negation, into alternatives.
func terms(b *boolExpr, negate bool) ([]term, error) {
	switch {
	case b.op == Ref && negate:
		return []term{{forbid: b.bit}}, nil
	case b.op == Ref:
		return []term{{want: b.bit}}, nil
	case b.op == Not:
		return terms(&b.args[0], !negate)
	case (b.op == Or) != negate:
		var out []term
		for i := range b.args {
			t, err := terms(&b.args[i], negate)
			if err != nil {
				return nil, err
			}
			if out = addTerms(out, t); len(out) > MaxChains {
				return nil, errChains
			}
		}
		return out, nil
	}
	out := []term{{}}
	for i := range b.args {
		t, err := terms(&b.args[i], negate)
		if err != nil {
			return nil, err
		}
		var next []term
		for _, x := range out {
			for _, y := range t {
				if z := (term{x.want | y.want, x.forbid | y.forbid}); z.want&z.forbid == 0 {
					if next = addTerms(next, []term{z}); len(next) > MaxChains {
						return nil, errChains
					}
				}
			}
		}
		out = next
	}
	return out, nil
}

var errChains = fmt.Errorf("ordered condition has more than %d alternatives; split the rule", MaxChains)

func addTerms(out, more []term) []term {
	for _, t := range more {
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

// orderedTerms puts the members of every term in the order of positions.
func orderedTerms(ts []term, positions []uint16) []chain {
	var out []chain
	for _, t := range ts {
		c := chain{want: t.want, forbid: t.forbid}
		for _, r := range positions {
			if t.want&(1<<r) != 0 {
				c.seq = append(c.seq, r)
				t.want &^= 1 << r
			}
		}
		out = append(out, c)
	}
	return out
}

// chooseChains returns every way to take n of positions in order.
func chooseChains(positions []uint16, n int) ([]chain, error) {
	if len(positions) > MaxMembers {
		return nil, fmt.Errorf("ordered condition has more than %d steps", MaxMembers)
	}
	var out []chain
	var pick func(from int, seq []uint16) error
	pick = func(from int, seq []uint16) error {
		if len(seq) == n {
			if len(out) == MaxChains {
				return errChains
			}
			ch := chain{seq: slices.Clone(seq)}
			for _, r := range seq {
				ch.want |= 1 << r
			}
			out = append(out, ch)
			return nil
		}
		for i := from; i <= len(positions)-(n-len(seq)); i++ {
			if err := pick(i+1, append(seq, positions[i])); err != nil {
				return err
			}
		}
		return nil
	}
	return out, pick(0, nil)
}

func popcount(x uint64) int { return bits.OnesCount64(x) }

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
