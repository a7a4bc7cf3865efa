// Package sigma reads Sigma rules and matches them against events.
//
// ParseFile and ParseFS read rules, correlations and filters as the Sigma
// specification 2.1 and pySigma define them. Compile turns the rules of a
// Collection into an Engine. An Engine evaluates every distinct predicate of
// all its rules at most once an event, finds candidate rules by conditions
// that must hold for them to match, and allocates nothing for an event that
// matches no rule. It is immutable; to reload, compile another and swap the
// pointer.
//
// The meaning of values follows the specification where it is explicit:
// strings match without regard to case (Unicode simple folding) unless "cased"
// or "re" is used; a number matches a number or its text; null matches a field
// that is absent, null or an empty list; an empty string matches only an empty
// string; a field with several values matches when any of them does. A keyword
// matches when any value of the event contains it.
//
// A regular expression is searched for, not anchored, as the rules in
// circulation expect. "re|startswith" and "re|endswith" anchor it. Regular
// expressions are RE2 (package regexp), so matching is linear in the input.
package sigma
