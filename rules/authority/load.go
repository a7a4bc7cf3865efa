package authority

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	cedar "github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"

	"github.com/openmxdr/openmxdr/rules/action"
)

// Limits of a policy set.
const (
	MaxFileBytes = 1 << 20
	MaxPolicies  = 2000
	MinTTL       = time.Minute
	MaxTTL       = 7 * 24 * time.Hour
	MaxApprovals = 5
)

// File is one policy file as it was loaded.
type File struct {
	Name string
	Text string
}

// Policies is a checked set of policies together with the catalogue that they
// speak about. It is safe for concurrent use.
type Policies struct {
	catalogue *action.Catalogue
	files     []File
	version   string
	rules     map[types.PolicyID]rule
	// alone holds what decides about acting alone, asked what decides about
	// acting with approval.
	alone, asked *cedar.PolicySet
	standing     types.EntityMap
}

// rule is one policy with what its annotations say.
type rule struct {
	id       string
	order    int // place in the set, files by name
	verdict  Kind
	forbids  bool
	reason   string
	clause   Clause
	approval *Approval
}

// Load reads every *.cedar file at the root of fsys and checks the whole set:
// syntax, annotations, types, and that every actor, action and class named in
// it exists. The error joins all faults with file and line. A set with a fault
// is not used: leaving out one forbid would widen the rest.
func Load(fsys fs.FS, catalogue *action.Catalogue) (*Policies, error) {
	if catalogue == nil || catalogue.Len() == 0 {
		return nil, errors.New("authority: no action catalogue")
	}
	entries, err := fs.Glob(fsys, "*.cedar")
	if err != nil {
		return nil, fmt.Errorf("authority: list policy files: %w", err)
	}
	if len(entries) == 0 {
		return nil, errors.New("authority: no *.cedar file found; without a policy everything would be forbidden without a reason")
	}
	slices.Sort(entries)
	p := &Policies{
		catalogue: catalogue,
		rules:     map[types.PolicyID]rule{},
		alone:     cedar.NewPolicySet(),
		asked:     cedar.NewPolicySet(),
		standing:  entities(catalogue),
	}
	validator, err := newValidator(catalogue)
	if err != nil {
		return nil, err
	}
	vocabulary := names(catalogue)
	var errs []error
	for _, name := range entries {
		text, err := readFile(fsys, name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		p.files = append(p.files, File{Name: name, Text: text})
		list, err := cedar.NewPolicyListFromBytes(name, []byte(text))
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
			continue
		}
		for _, policy := range list {
			if err := p.add(name, text, policy, validator, vocabulary); err != nil {
				errs = append(errs, err)
			}
		}
	}
	if len(p.rules) > MaxPolicies {
		errs = append(errs, fmt.Errorf("authority: %d policies, more than the %d allowed", len(p.rules), MaxPolicies))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	p.version = version(p.files, catalogue.Source())
	return p, nil
}

// Catalogue returns the actions that the policies speak about.
func (p *Policies) Catalogue() *action.Catalogue { return p.catalogue }

// Version is a SHA-256 over the names and texts of all policy files and the
// catalogue: whenever a verdict may have changed, it is another.
func (p *Policies) Version() string { return p.version }

// Files returns the policy files in the order of their names.
func (p *Policies) Files() []File { return slices.Clone(p.files) }

// readFile reads one policy file within the limit.
func readFile(fsys fs.FS, name string) (string, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxFileBytes+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	if len(data) > MaxFileBytes {
		return "", fmt.Errorf("%s: more than the %d bytes allowed for a policy file", name, MaxFileBytes)
	}
	return string(data), nil
}

// add checks one policy and puts it into the sets that it decides in.
func (p *Policies) add(file, text string, policy *cedar.Policy, v *validate.Validator, vocabulary map[string][]string) error {
	pos := policy.Position()
	at := fmt.Sprintf("%s:%d", file, pos.Line)
	r, err := annotated(policy)
	if err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	r.order = len(p.rules)
	r.clause = Clause{PolicyID: r.id, File: file, Line: pos.Line, Text: statement(text, pos.Offset), Reason: r.reason}
	id := types.PolicyID(r.id)
	if old, dup := p.rules[id]; dup {
		return fmt.Errorf("%s: id %q is already used at %s", at, r.id, old.clause.At())
	}
	if err := checkNames(policy, vocabulary); err != nil {
		return fmt.Errorf("%s: policy %q: %w", at, r.id, err)
	}
	if err := v.Policy(r.id, (*ast.Policy)(policy.AST())); err != nil {
		return fmt.Errorf("%s: policy %q: %w", at, r.id, err)
	}
	p.rules[id] = r
	switch {
	case r.forbids && r.verdict == Forbidden:
		p.alone.Add(id, policy)
		p.asked.Add(id, policy)
	case r.forbids, r.verdict == ActAlone:
		p.alone.Add(id, policy)
	default:
		p.asked.Add(id, policy)
	}
	return nil
}

// annotated reads a policy's annotations.
func annotated(policy *cedar.Policy) (rule, error) {
	notes := policy.Annotations()
	r := rule{id: string(notes["id"]), reason: strings.TrimSpace(string(notes["reason"])), forbids: policy.Effect() == cedar.Forbid}
	if r.id == "" || len(r.id) > 128 {
		return r, errors.New(`the policy needs @id("…") of 1 to 128 characters`)
	}
	if r.reason == "" {
		return r, fmt.Errorf(`policy %q needs @reason("…") in plain words`, r.id)
	}
	for key := range notes {
		if !slices.Contains([]types.AnnotationKey{"id", "reason", "verdict", "approvers", "approvals", "ttl", "on_timeout"}, key) {
			return r, fmt.Errorf("policy %q: unknown annotation @%s; known are id, reason, verdict, approvers, approvals, ttl, on_timeout", r.id, key)
		}
	}
	switch v := string(notes["verdict"]); {
	case v == ActAlone.String() && !r.forbids:
		r.verdict = ActAlone
	case v == NeedsApproval.String():
		r.verdict = NeedsApproval
	case v == Forbidden.String() && r.forbids:
		r.verdict = Forbidden
	case r.forbids:
		return r, fmt.Errorf(`policy %q: a forbid needs @verdict("forbidden") or @verdict("needs_approval"), not %q`, r.id, v)
	default:
		return r, fmt.Errorf(`policy %q: a permit needs @verdict("act_alone") or @verdict("needs_approval"), not %q`, r.id, v)
	}
	terms := slices.ContainsFunc([]types.AnnotationKey{"approvers", "approvals", "ttl", "on_timeout"}, func(k types.AnnotationKey) bool { _, ok := notes[k]; return ok })
	if r.forbids || r.verdict == ActAlone {
		if terms {
			return r, fmt.Errorf(`policy %q: @approvers, @approvals, @ttl and @on_timeout belong to a permit with @verdict("needs_approval") only`, r.id)
		}
		return r, nil
	}
	var err error
	r.approval, err = approvalTerms(string(notes["approvers"]), string(notes["approvals"]), string(notes["ttl"]), string(notes["on_timeout"]))
	if err != nil {
		return r, fmt.Errorf("policy %q: %w", r.id, err)
	}
	return r, nil
}

// approvalTerms reads and checks the terms of an approval. Machines never
// approve, and one approval never mixes the provider's people with the
// customer's: the provider cannot fill the customer's part.
func approvalTerms(approvers, approvals, ttl, onTimeout string) (*Approval, error) {
	a := &Approval{OnTimeout: onTimeout}
	for _, name := range strings.Split(approvers, ",") {
		actor := Actor(strings.TrimSpace(name))
		switch {
		case !slices.Contains(Actors, actor):
			return nil, fmt.Errorf("@approvers names %q, which is none of %v", actor, Actors)
		case actor.Side() == Machine:
			return nil, fmt.Errorf("@approvers names %q: a machine never approves", actor)
		case slices.Contains(a.Approvers, actor):
			return nil, fmt.Errorf("@approvers names %q twice", actor)
		case len(a.Approvers) > 0 && a.Approvers[0].Side() != actor.Side():
			return nil, fmt.Errorf("@approvers mixes provider and customer (%s); write one policy for each", approvers)
		}
		a.Approvers = append(a.Approvers, actor)
	}
	n, err := strconv.Atoi(approvals)
	if err != nil || n < 1 || n > MaxApprovals {
		return nil, fmt.Errorf("@approvals %q must be a number from 1 to %d", approvals, MaxApprovals)
	}
	a.Needed = n
	a.TTL, err = time.ParseDuration(ttl)
	if err != nil || a.TTL < MinTTL || a.TTL > MaxTTL {
		return nil, fmt.Errorf("@ttl %q must be a duration from %s to %s, such as 4h", ttl, MinTTL, MaxTTL)
	}
	if onTimeout != OnTimeoutDeny {
		return nil, fmt.Errorf("@on_timeout %q must be %q: silence is never consent", onTimeout, OnTimeoutDeny)
	}
	return a, nil
}

// statement cuts one policy out of its file: from its first annotation to the
// semicolon that ends it, with strings and comments respected.
func statement(text string, offset int) string {
	if offset < 0 || offset >= len(text) {
		return ""
	}
	inString, inComment := false, false
	for i := offset; i < len(text); i++ {
		switch c := text[i]; {
		case inComment:
			inComment = c != '\n'
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '/' && strings.HasPrefix(text[i:], "//"):
			inComment = true
		case c == ';':
			return text[offset : i+1]
		}
	}
	return text[offset:]
}

// version hashes every part with its length before it, so that no two sets
// read the same.
func version(files []File, catalogue []byte) string {
	h := sha256.New()
	part := func(b []byte) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(b))))
		h.Write(b)
	}
	part([]byte("openmxdr-authority-1"))
	part(catalogue)
	for _, f := range files {
		part([]byte(f.Name))
		part([]byte(f.Text))
	}
	return hex.EncodeToString(h.Sum(nil))
}
