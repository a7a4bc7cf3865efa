package authority

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	cedar "github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
)

// Kind is the answer. Its zero value is Forbidden. A greater Kind is wider.
type Kind uint8

// The three verdicts.
const (
	Forbidden     Kind = iota // not at all
	NeedsApproval             // once the approvers agreed
	ActAlone                  // without asking
)

// Kinds lists the verdicts from the narrowest.
var Kinds = []Kind{Forbidden, NeedsApproval, ActAlone}

// String returns forbidden, needs_approval or act_alone.
func (k Kind) String() string {
	switch k {
	case ActAlone:
		return "act_alone"
	case NeedsApproval:
		return "needs_approval"
	}
	return "forbidden"
}

// OnTimeoutDeny: an approval that nobody gave in time is a refusal.
const OnTimeoutDeny = "deny"

// Approval says who has to agree.
type Approval struct {
	// Approvers may agree, any of them; they all stand on one side.
	Approvers []Actor
	// Needed is how many different people have to agree, besides the one who asks.
	Needed int
	// TTL is how long the request stays open.
	TTL time.Duration
	// OnTimeout is what happens after that: OnTimeoutDeny.
	OnTimeout string
}

// Clause points at the policy that decided.
type Clause struct {
	PolicyID string
	File     string
	Line     int
	Text     string // as it stands in the file, annotations included
	Reason   string // its @reason
}

// At returns file:line, or "" for a verdict that no policy file gave.
func (c Clause) At() string {
	if c.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", c.File, c.Line)
}

// The ids of the clauses that are not in any file.
const (
	ByDefault    = "default"            // no policy allows it
	ByValidation = "invalid-request"    // the request is not understood
	ByEvaluation = "evaluation-error"   // Cedar could not evaluate a policy
	ByInvariant  = "ai-agent-invariant" // a policy would let an AI agent act
)

// Verdict is the answer to a request, with its reasons. The zero Verdict is
// Forbidden.
type Verdict struct {
	Kind     Kind
	Clause   Clause    // the clause that decided
	Reason   string    // in plain words, for the person who asks
	Approval *Approval // set when and only when Kind is NeedsApproval
	// Also holds the other clauses that took part: forbids that hold as well,
	// and those that keep the actor from acting alone.
	Also []Clause
}

// Decide answers a request. It never fails: what cannot be decided is
// forbidden, and the verdict says why. The same request always gets the same
// verdict.
func (p *Policies) Decide(r Request) Verdict {
	if err := r.Validate(p.catalogue); err != nil {
		return refuse(ByValidation, "The request is not understood, so it is forbidden: "+err.Error()+".")
	}
	req, target := cedarRequest(r)
	around := overlay{standing: p.standing, target: target}

	decision, diag := cedar.Authorize(p.alone, around, req)
	if v, failed := p.evaluationFailed(diag); failed {
		return v
	}
	if decision == cedar.Allow {
		if r.Actor == AIAgent {
			return refuse(ByInvariant, "A policy lets an AI agent act alone. An AI agent only proposes; the policy has to be corrected.")
		}
		clauses := p.matched(diag)
		return Verdict{Kind: ActAlone, Clause: clauses[0].clause, Reason: clauses[0].reason, Also: clausesOf(clauses[1:])}
	}
	var notAlone []rule // forbids that stand against acting alone
	for _, m := range p.matched(diag) {
		if m.forbids {
			notAlone = append(notAlone, m)
		}
	}

	decision, diag = cedar.Authorize(p.asked, around, req)
	if v, failed := p.evaluationFailed(diag); failed {
		return v
	}
	matched := p.matched(diag)
	if decision != cedar.Allow {
		if len(matched) == 0 {
			v := refuse(ByDefault, "No policy allows this, and what no policy allows is forbidden.")
			v.Also = clausesOf(notAlone)
			return v
		}
		return Verdict{Kind: Forbidden, Clause: matched[0].clause, Reason: matched[0].reason, Also: clausesOf(matched[1:])}
	}
	slices.SortStableFunc(matched, stricter)
	chosen := matched[0]
	approval := *chosen.approval
	approval.Approvers = slices.Clone(approval.Approvers)
	v := Verdict{Kind: NeedsApproval, Clause: chosen.clause, Reason: chosen.reason, Approval: &approval, Also: clausesOf(notAlone)}
	for _, m := range notAlone {
		v.Reason += " " + m.reason
	}
	return v
}

// evaluationFailed turns an error of Cedar's into a refusal. Cedar leaves a
// failing policy out, and that could be a forbid.
func (p *Policies) evaluationFailed(diag cedar.Diagnostic) (Verdict, bool) {
	if len(diag.Errors) == 0 {
		return Verdict{}, false
	}
	ids := make([]string, len(diag.Errors))
	for i, e := range diag.Errors {
		ids[i] = string(e.PolicyID)
	}
	slices.Sort(ids)
	v := refuse(ByEvaluation, fmt.Sprintf("A policy could not be evaluated, so it is forbidden: %s.", strings.Join(ids, ", ")))
	for _, id := range ids {
		if r, ok := p.rules[types.PolicyID(id)]; ok {
			v.Also = append(v.Also, r.clause)
		}
	}
	return v, true
}

// matched returns the rules that Cedar names as reasons, in the set's order.
func (p *Policies) matched(diag cedar.Diagnostic) []rule {
	out := make([]rule, 0, len(diag.Reasons))
	for _, reason := range diag.Reasons {
		out = append(out, p.rules[reason.PolicyID])
	}
	slices.SortFunc(out, func(a, b rule) int { return cmp.Compare(a.order, b.order) })
	return out
}

// stricter orders approval terms, the strictest first.
func stricter(a, b rule) int {
	customer := func(r rule) int {
		if r.approval.Approvers[0].Side() == Customer {
			return 0
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(customer(a), customer(b)),
		cmp.Compare(b.approval.Needed, a.approval.Needed),
		cmp.Compare(len(a.approval.Approvers), len(b.approval.Approvers)),
		cmp.Compare(a.approval.TTL, b.approval.TTL),
		cmp.Compare(a.order, b.order),
	)
}

// refuse is a verdict that no policy file gave.
func refuse(id, reason string) Verdict {
	return Verdict{Kind: Forbidden, Clause: Clause{PolicyID: id, Reason: reason}, Reason: reason}
}

func clausesOf(rules []rule) []Clause {
	var out []Clause
	for _, r := range rules {
		out = append(out, r.clause)
	}
	return out
}
