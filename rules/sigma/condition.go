package sigma

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// condParser parses conditions by recursive descent: or binds weakest, then
// and, then not.
type condParser struct {
	tokens  []string
	at      int
	depth   int
	operand func(*condParser) (Expr, error)
}

// isNameByte: the characters of detection names and patterns.
func isNameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '*'
}

func tokenize(s string) ([]string, error) {
	if len(s) > MaxCondition {
		return nil, fmt.Errorf("longer than %d bytes", MaxCondition)
	}
	var out []string
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case c == '(' || c == ')':
			out = append(out, s[i:i+1])
			i++
		case c == '|':
			return nil, errors.New("aggregation with \"|\" is no longer part of Sigma; write a correlation instead")
		case isNameByte(c):
			j := i + 1
			for j < len(s) && isNameByte(s[j]) {
				j++
			}
			out = append(out, s[i:j])
			i = j
		default:
			return nil, fmt.Errorf("unexpected character %q at position %d", s[i:i+1], i+1)
		}
	}
	return out, nil
}

func (p *condParser) peek() string {
	if p.at < len(p.tokens) {
		return p.tokens[p.at]
	}
	return ""
}

func parseExpr(s string, operand func(*condParser) (Expr, error)) (Expr, error) {
	tokens, err := tokenize(s)
	if err != nil {
		return nil, err
	}
	if len(tokens) == 0 {
		return nil, errors.New("it is empty")
	}
	p := &condParser{tokens: tokens, operand: operand}
	e, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.at < len(p.tokens) {
		return nil, fmt.Errorf("unexpected %q; expected and, or, or the end", p.tokens[p.at])
	}
	return e, nil
}

func (p *condParser) or() (Expr, error) {
	args, err := p.chain("or", p.and)
	if err != nil || len(args) == 1 {
		return first(args), err
	}
	return Or{args}, nil
}

func (p *condParser) and() (Expr, error) {
	args, err := p.chain("and", p.not)
	if err != nil || len(args) == 1 {
		return first(args), err
	}
	return And{args}, nil
}

func first(args []Expr) Expr {
	if len(args) == 0 {
		return nil
	}
	return args[0]
}

func (p *condParser) chain(op string, next func() (Expr, error)) ([]Expr, error) {
	var args []Expr
	for {
		e, err := next()
		if err != nil {
			return nil, err
		}
		args = append(args, e)
		if p.peek() != op {
			return args, nil
		}
		p.at++
	}
}

func (p *condParser) not() (Expr, error) {
	if p.depth++; p.depth > MaxCondDepth {
		return nil, fmt.Errorf("nested deeper than %d levels", MaxCondDepth)
	}
	defer func() { p.depth-- }()
	switch t := p.peek(); t {
	case "not":
		p.at++
		e, err := p.not()
		if err != nil {
			return nil, err
		}
		return Not{e}, nil
	case "(":
		p.at++
		e, err := p.or()
		if err != nil {
			return nil, err
		}
		if p.peek() != ")" {
			return nil, errors.New("a closing parenthesis is missing")
		}
		p.at++
		return e, nil
	case "":
		return nil, errors.New("it ends where a detection is expected")
	case ")", "and", "or":
		return nil, fmt.Errorf("unexpected %q where a detection is expected", t)
	}
	return p.operand(p)
}

// parseCondition parses the condition of a rule or filter and resolves its
// selectors. names are the detections in order.
func parseCondition(s string, names []string) (Expr, error) {
	return parseExpr(s, func(p *condParser) (Expr, error) {
		t := p.tokens[p.at]
		if p.at+2 < len(p.tokens) && p.tokens[p.at+1] == "of" {
			switch t {
			case "1", "any", "all":
				sel, err := selector(t, p.tokens[p.at+2], names)
				p.at += 3
				return sel, err
			}
			return nil, fmt.Errorf("%q of a selection: only 1, any and all are possible", t)
		}
		p.at++
		if strings.Contains(t, "*") {
			return nil, fmt.Errorf("%q: a pattern needs \"1 of\" or \"all of\" before it", t)
		}
		if !slices.Contains(names, t) {
			return nil, fmt.Errorf("detection %q is not defined", t)
		}
		return Ref{t}, nil
	})
}

func selector(quantifier, pattern string, names []string) (Expr, error) {
	if pattern == "(" || pattern == ")" || strings.Contains(pattern, "-") {
		return nil, fmt.Errorf("%q is not a pattern of detection names (letters, digits, \"_\" and \"*\")", pattern)
	}
	sel := Selector{All: quantifier == "all", Pattern: pattern}
	var re *regexp.Regexp
	if pattern != "them" {
		// The pattern has no special characters but "*", so this always compiles.
		re = regexp.MustCompile("^(?s:" + strings.ReplaceAll(pattern, "*", ".*") + ")$")
	}
	for _, n := range names {
		if strings.HasPrefix(n, "_") && !strings.HasPrefix(pattern, "_") || n == timeframe {
			continue
		}
		if re == nil || re.MatchString(n) {
			sel.Names = append(sel.Names, n)
		}
	}
	if len(sel.Names) == 0 {
		return nil, fmt.Errorf("\"%s of %s\" fits no detection", quantifier, pattern)
	}
	return sel, nil
}

// timeframe is an attribute of Sigma 1 that stands among the detections.
const timeframe = "timeframe"
