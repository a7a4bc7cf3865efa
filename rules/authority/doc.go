// Package authority answers the question that everything else asks before it
// acts: who may do what to whom, and who has to be asked first.
//
// Policies are Cedar (https://docs.cedarpolicy.com), so their text can be read
// by the people who answer for it and analysed by Cedar's own tools. Each
// policy states in an annotation which of the three verdicts it speaks about:
//
//	@verdict("act_alone")       on a permit: may be done without asking
//	@verdict("needs_approval")  on a permit: may be done once the approvers
//	                            named in @approvers agreed (@approvals of them,
//	                            within @ttl; @on_timeout is what happens else)
//	@verdict("forbidden")       on a forbid: may not be done, approved or not
//	@verdict("needs_approval")  on a forbid: may not be done without approval
//
// A request is decided in two evaluations: the permits for acting alone
// against every forbid; when they do not allow it, the permits that need
// approval against the forbids that hold even then. What neither allows is
// forbidden. When several permits could apply the strictest terms count:
// customer before provider, more approvals before fewer, shorter before
// longer.
//
// Cedar skips a policy whose evaluation fails, a forbid too. So nothing is
// evaluated that could fail: policies are type-checked against a schema when
// they are loaded, every name in them is compared with the vocabulary, requests
// are checked value by value before Cedar sees them; and if an evaluation
// reports an error all the same, the verdict is forbidden.
package authority
