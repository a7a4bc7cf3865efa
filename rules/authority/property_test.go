package authority

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	cedar "github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/stretchr/testify/require"

	"github.com/openmxdr/openmxdr/rules/action"
)

func authorize(p *Policies, req types.Request, target types.Entity) cedar.Diagnostic {
	_, diag := cedar.Authorize(p.alone, overlay{standing: p.standing, target: target}, req)
	return diag
}

// widest answers a request by its own way: it asks Cedar about one policy at a
// time and combines the answers itself.
func widest(p *Policies, r Request) Kind {
	if r.Validate(p.catalogue) != nil {
		return Forbidden
	}
	req, target := cedarRequest(r)
	around := overlay{standing: p.standing, target: target}
	var permitAlone, permitAsked, never, notAlone bool
	for id, rule := range p.rules {
		policy := p.alone.Get(id)
		if policy == nil {
			policy = p.asked.Get(id)
		}
		set := cedar.NewPolicySet()
		set.Add(id, policy)
		_, diag := cedar.Authorize(set, around, req)
		hit := len(diag.Reasons) == 1
		switch {
		case len(diag.Errors) > 0:
			return Forbidden
		case !hit:
		case rule.forbids && rule.verdict == Forbidden:
			never = true
		case rule.forbids:
			notAlone = true
		case rule.verdict == ActAlone:
			permitAlone = true
		default:
			permitAsked = true
		}
	}
	switch {
	case never:
		return Forbidden
	case permitAlone && !notAlone && r.Actor != AIAgent:
		return ActAlone
	case permitAsked:
		return NeedsApproval
	}
	return Forbidden
}

// random draws a request, now and then with a value that does not exist.
func random(rnd *rand.Rand, c *action.Catalogue) Request {
	acts := c.All()
	act := acts[rnd.IntN(len(acts))]
	var fitting []TargetClass
	for _, k := range TargetClasses {
		if _, ok := k.typeFor(act); ok {
			fitting = append(fitting, k)
		}
	}
	k := draw(rnd, fitting)
	typ, _ := k.typeFor(act)
	r := Request{"acme", draw(rnd, Actors), act.ID, Target{"acme", typ, "x", k.AssetClass, k.IdentityClass, draw(rnd, Criticalities)}, draw(rnd, Severities), draw(rnd, Confidences), draw(rnd, AllHours)}
	switch rnd.IntN(20) {
	case 0:
		r.Target.Tenant = "other"
	case 1:
		r.Actor = "superuser"
	case 2:
		r.Action = "destroy"
	case 3:
		r.Target.AssetClass = draw(rnd, action.AssetClasses)
	case 4:
		r.Target.IdentityClass = draw(rnd, IdentityClasses)
	case 5:
		r.Target.Type = draw(rnd, action.TargetTypes)
	}
	return r
}

func draw[T any](rnd *rand.Rand, from []T) T { return from[rnd.IntN(len(from))] }

func TestNeverWiderThanPolicy(t *testing.T) {
	p := shipped(t)
	rnd := rand.New(rand.NewPCG(7, 11))
	seen := map[Kind]int{}
	for range 20_000 {
		r := random(rnd, p.Catalogue())
		v := p.Decide(r)
		require.Equal(t, widest(p, r).String(), v.Kind.String(), "%+v", r)
		require.Equal(t, v.Kind == NeedsApproval, v.Approval != nil)
		require.NotEmpty(t, v.Reason)
		require.NotEmpty(t, v.Clause.PolicyID)
		seen[v.Kind]++
	}
	for _, k := range Kinds {
		require.Greater(t, seen[k], 500, "the draw must reach every verdict: %v", seen)
	}
}

// A serious incident gives no less authority than a harmless one: people would
// not understand the opposite, and the starting policy promises it.
func TestStartingPolicyIsMonotone(t *testing.T) {
	p := shipped(t)
	rnd := rand.New(rand.NewPCG(3, 5))
	for range 5_000 {
		r := random(rnd, p.Catalogue())
		if r.Validate(p.Catalogue()) != nil {
			continue
		}
		worse := r
		worse.Severity = Severities[min(slices.Index(Severities, r.Severity)+1, 3)]
		require.GreaterOrEqual(t, p.Decide(worse).Kind, p.Decide(r).Kind, "%+v", r)
		surer := r
		surer.Confidence = Confidences[min(slices.Index(Confidences, r.Confidence)+1, 2)]
		require.GreaterOrEqual(t, p.Decide(surer).Kind, p.Decide(r).Kind, "%+v", r)
	}
}

// Nothing that the provider or a machine does to a protected target goes
// without the customer, in any cell of the matrix.
func TestProtectedTargetsNeedTheCustomer(t *testing.T) {
	p := shipped(t)
	protected := []string{"critical_workstation", "critical_server", "critical_cloud_workload", "domain_controller", "network_device", "ot_device", "unclassified_host",
		"vip_identity", "privileged_identity", "service_identity", "break_glass_identity", "unclassified_identity", "own_address", "unclassified_address"}
	cells := p.Matrix("acme", Filter{TargetClasses: protected, Actors: []Actor{Automation, AIAgent, ProviderAnalyst, ProviderLead}})
	require.NotEmpty(t, cells)
	for _, c := range cells {
		switch c.Verdict.Kind {
		case ActAlone:
			t.Fatalf("%s may %s a %s alone", c.Actor, c.Action, c.TargetClass)
		case NeedsApproval:
			require.Equal(t, Customer, c.Verdict.Approval.Approvers[0].Side(), "%+v", c)
		}
	}
}

func TestMatrix(t *testing.T) {
	p := shipped(t)
	start := time.Now()
	cells := p.Matrix("acme", Filter{})
	t.Logf("%d cells in %s", len(cells), time.Since(start))
	pairs := 0
	for _, a := range p.Catalogue().All() {
		for _, k := range TargetClasses {
			if _, ok := k.typeFor(a); ok {
				pairs++
			}
		}
	}
	require.Len(t, cells, pairs*len(Actors)*len(Severities)*len(Confidences)*len(AllHours))
	used := map[string]bool{}
	for _, c := range cells {
		require.NotContains(t, []string{ByValidation, ByEvaluation, ByInvariant, ByDefault}, c.Verdict.Clause.PolicyID,
			"the starting policy gives a reason of its own for every cell: %+v", c)
		used[c.Verdict.Clause.PolicyID] = true
		for _, also := range c.Verdict.Also {
			used[also.PolicyID] = true
		}
	}
	for id := range p.rules {
		if id != "tenant-boundary" { // the matrix has one tenant
			require.True(t, used[string(id)], "policy %s decides no cell of the matrix", id)
		}
	}
	narrow := p.Matrix("acme", Filter{Actors: []Actor{Automation}, Severities: []Level{LevelHigh}, Confidences: []Level{LevelHigh}, Hours: []Hours{BusinessHours}, TargetClasses: []string{"workstation"}, Actions: []action.ID{"isolate_endpoint"}})
	require.Len(t, narrow, 1)
	require.Equal(t, ActAlone, narrow[0].Verdict.Kind)
	require.Empty(t, p.Matrix("acme", Filter{TargetClasses: []string{"nowhere"}}))
	for _, c := range p.Matrix("not a tenant!", Filter{Severities: []Level{LevelHigh}}) {
		require.Equal(t, Forbidden, c.Verdict.Kind)
	}
}

// What Decide hands to Cedar fits the schema that policies are checked against.
func TestRequestsFitTheSchema(t *testing.T) {
	p := shipped(t)
	v, err := newValidator(p.Catalogue())
	require.NoError(t, err)
	require.NoError(t, v.Entities(p.standing))
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		r := random(rnd, p.Catalogue())
		if r.Validate(p.Catalogue()) != nil {
			continue
		}
		req, target := cedarRequest(r)
		require.NoError(t, v.Request(req), "%+v", r)
		require.NoError(t, v.Entity(target), "%+v", r)
	}
}

func TestUnclassifiedIsValid(t *testing.T) {
	for _, typ := range action.TargetTypes {
		require.NoError(t, Unclassified("acme", typ, "x").Validate(), typ)
	}
	require.Error(t, Unclassified("acme", "printer", "x").Validate())
}

func FuzzDecide(f *testing.F) {
	p := shipped(f)
	f.Add("acme", "automation", "block_ip", "acme", "ip", "1.2.3.4", "external", "none", "normal", "high", "high", "business")
	f.Add("acme", "customer_admin", "isolate_endpoint", "acme", "host", "h", "workstation", "none", "normal", "low", "low", "out_of_hours")
	f.Add("", "", "", "", "", "", "", "", "", "", "", "")
	f.Fuzz(func(t *testing.T, tenant, actor, act, targetTenant, typ, value, asset, identity, criticality, severity, confidence, hours string) {
		r := Request{tenant, Actor(actor), action.ID(act), Target{targetTenant, action.TargetType(typ), value, action.AssetClass(asset), IdentityClass(identity), Criticality(criticality)}, Level(severity), Level(confidence), Hours(hours)}
		v := p.Decide(r)
		if got := widest(p, r); v.Kind > got {
			t.Fatalf("%s is wider than %s: %+v", v.Kind, got, r)
		}
		if v.Kind != Forbidden && tenant != targetTenant {
			t.Fatalf("acts across tenants: %+v", r)
		}
		if v.Kind == ActAlone && Actor(actor) == AIAgent {
			t.Fatalf("an AI agent acts: %+v", r)
		}
	})
}

func BenchmarkDecide(b *testing.B) {
	p := shipped(b)
	r := ask(b, p, ProviderAnalyst, "isolate_endpoint", "server", LevelHigh, LevelHigh, BusinessHours)
	b.ReportAllocs()
	for b.Loop() {
		if p.Decide(r).Kind != NeedsApproval {
			b.Fatal("verdict changed")
		}
	}
}

func BenchmarkMatrix(b *testing.B) {
	p := shipped(b)
	b.ReportAllocs()
	for b.Loop() {
		p.Matrix("acme", Filter{})
	}
}
