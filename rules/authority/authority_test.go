package authority

import (
	"fmt"
	"testing"
	"testing/fstest"
	"time"

	"github.com/cedar-policy/cedar-go/types"
	"github.com/stretchr/testify/require"

	"github.com/openmxdr/openmxdr/rules/action"
	"github.com/openmxdr/openmxdr/rules/content"
)

func catalogue(t testing.TB) *action.Catalogue {
	t.Helper()
	c, err := action.Parse("catalogue.yaml", content.ActionCatalogue())
	require.NoError(t, err)
	return c
}

func shipped(t testing.TB) *Policies {
	t.Helper()
	p, err := Load(content.Authority(), catalogue(t))
	require.NoError(t, err)
	return p
}

func one(t testing.TB, text string) (*Policies, error) {
	t.Helper()
	return Load(fstest.MapFS{"test.cedar": {Data: []byte(text)}}, catalogue(t))
}

func class(id string) TargetClass {
	for _, c := range TargetClasses {
		if c.ID == id {
			return c
		}
	}
	panic("no target class " + id)
}

// ask builds a request of tenant acme about a typical target.
func ask(t testing.TB, p *Policies, actor Actor, act action.ID, classID string, severity, confidence Level, hours Hours) Request {
	t.Helper()
	a, ok := p.Catalogue().Get(act)
	require.True(t, ok, act)
	c := class(classID)
	typ, ok := c.typeFor(a)
	require.True(t, ok, "%s on %s", act, classID)
	return Request{"acme", actor, act, Target{"acme", typ, "x", c.AssetClass, c.IdentityClass, c.Criticality}, severity, confidence, hours}
}

// The question of the product, answered cell by cell for the starting policy.
func TestStartingPolicy(t *testing.T) {
	p := shipped(t)
	lo, me, hi, cr := LevelLow, LevelMedium, LevelHigh, LevelCritical
	day, night := BusinessHours, OutOfHours
	for _, tc := range []struct {
		actor      Actor
		act        action.ID
		class      string
		sev, conf  Level
		hours      Hours
		want       Kind
		policy     string
		firstAsked Actor
	}{
		{Automation, "isolate_endpoint", "workstation", hi, hi, day, ActAlone, "automation-isolates-workstation", ""},
		{Automation, "isolate_endpoint", "workstation", me, hi, day, NeedsApproval, "automation-asks-provider", ProviderAnalyst},
		{Automation, "isolate_endpoint", "workstation", me, hi, night, ActAlone, "automation-isolates-workstation", ""},
		{Automation, "isolate_endpoint", "workstation", cr, me, night, NeedsApproval, "automation-asks-provider", ProviderAnalyst},
		{Automation, "isolate_endpoint", "critical_workstation", cr, hi, night, NeedsApproval, "automation-asks-customer", CustomerApprover},
		{Automation, "isolate_endpoint", "server", cr, hi, night, NeedsApproval, "automation-asks-customer", CustomerApprover},
		{Automation, "isolate_endpoint", "domain_controller", cr, hi, night, NeedsApproval, "automation-asks-customer", CustomerApprover},
		{Automation, "isolate_endpoint", "ot_device", cr, hi, night, Forbidden, "ot-devices", ""},
		{Automation, "isolate_endpoint", "unclassified_host", cr, hi, night, NeedsApproval, "automation-asks-customer", CustomerApprover},
		{Automation, "release_endpoint", "workstation", cr, hi, day, Forbidden, "automation-never-restores", ""},
		{Automation, "quarantine_workload", "cloud_workload", cr, hi, day, Forbidden, "automation-no-high-risk", ""},
		{Automation, "revoke_sessions", "standard_identity", hi, hi, day, ActAlone, "automation-cuts-standard-user", ""},
		{Automation, "revoke_sessions", "vip_identity", cr, hi, night, NeedsApproval, "automation-asks-customer", CustomerApprover},
		{Automation, "disable_account", "standard_identity", cr, hi, night, ActAlone, "automation-disables-standard-user-at-night", ""},
		{Automation, "disable_account", "standard_identity", cr, hi, day, NeedsApproval, "automation-asks-provider", ProviderAnalyst},
		{Automation, "disable_account", "break_glass_identity", cr, hi, night, Forbidden, "break-glass-accounts", ""},
		{Automation, "block_ip", "external_address", me, hi, day, ActAlone, "automation-blocks-external", ""},
		{Automation, "block_ip", "external_address", lo, hi, day, NeedsApproval, "automation-asks-provider", ProviderAnalyst},
		{Automation, "block_ip", "own_address", cr, hi, night, Forbidden, "own-addresses", ""},
		{Automation, "purge_message", "content", hi, hi, day, ActAlone, "automation-purges-message", ""},
		{Automation, "block_hash", "content", cr, hi, night, NeedsApproval, "automation-asks-provider", ProviderAnalyst},

		{AIAgent, "block_ip", "external_address", cr, hi, night, NeedsApproval, "ai-agent-proposes-to-provider", ProviderAnalyst},
		{AIAgent, "disable_account", "vip_identity", cr, hi, night, NeedsApproval, "ai-agent-proposes-to-customer", CustomerApprover},
		{AIAgent, "quarantine_workload", "cloud_workload", cr, hi, night, NeedsApproval, "ai-agent-proposes-high-risk", CustomerApprover},
		{AIAgent, "disable_account", "break_glass_identity", cr, hi, night, Forbidden, "break-glass-accounts", ""},

		{ProviderAnalyst, "block_ip", "external_address", lo, me, day, ActAlone, "analyst-contains-low-risk", ""},
		{ProviderAnalyst, "block_ip", "external_address", lo, lo, day, NeedsApproval, "analyst-asks-lead", ProviderLead},
		{ProviderAnalyst, "isolate_endpoint", "workstation", hi, me, day, ActAlone, "analyst-contains-medium-risk", ""},
		{ProviderAnalyst, "isolate_endpoint", "workstation", me, me, day, NeedsApproval, "analyst-asks-lead", ProviderLead},
		{ProviderAnalyst, "isolate_endpoint", "server", cr, hi, night, NeedsApproval, "provider-asks-customer", CustomerApprover},
		{ProviderAnalyst, "release_endpoint", "workstation", hi, hi, day, NeedsApproval, "analyst-asks-lead", ProviderLead},
		{ProviderAnalyst, "disable_account", "privileged_identity", cr, hi, night, NeedsApproval, "provider-asks-customer", CustomerApprover},
		{ProviderLead, "isolate_endpoint", "server", cr, hi, night, ActAlone, "lead-contains-server-at-night", ""},
		{ProviderLead, "isolate_endpoint", "server", cr, hi, day, NeedsApproval, "provider-asks-customer", CustomerApprover},
		{ProviderLead, "isolate_endpoint", "critical_server", cr, hi, night, NeedsApproval, "provider-asks-customer", CustomerApprover},
		{ProviderLead, "isolate_endpoint", "workstation", lo, lo, day, NeedsApproval, "lead-asks-customer-when-doubtful", CustomerApprover},
		{ProviderLead, "release_endpoint", "workstation", lo, lo, day, ActAlone, "lead-restores", ""},
		{ProviderLead, "detach_policy", "standard_identity", cr, hi, night, NeedsApproval, "provider-high-risk-asks-customer", CustomerApprover},
		{ProviderLead, "block_ip", "own_address", cr, hi, night, Forbidden, "own-addresses", ""},

		{CustomerApprover, "isolate_endpoint", "domain_controller", lo, lo, day, ActAlone, "customer-acts", ""},
		{CustomerApprover, "quarantine_workload", "cloud_workload", cr, hi, day, NeedsApproval, "customer-high-risk-four-eyes", CustomerApprover},
		{CustomerApprover, "disable_account", "break_glass_identity", cr, hi, day, Forbidden, "break-glass-accounts", ""},
		{CustomerAdmin, "disable_account", "break_glass_identity", cr, hi, day, ActAlone, "customer-acts", ""},
	} {
		v := p.Decide(ask(t, p, tc.actor, tc.act, tc.class, tc.sev, tc.conf, tc.hours))
		name := fmt.Sprintf("%s %s %s %s/%s %s: %s", tc.actor, tc.act, tc.class, tc.sev, tc.conf, tc.hours, v.Reason)
		require.Equal(t, tc.want.String(), v.Kind.String(), name)
		require.Equal(t, tc.policy, v.Clause.PolicyID, name)
		require.NotEmpty(t, v.Clause.At(), name)
		require.Contains(t, v.Clause.Text, `@id("`+tc.policy+`")`, name)
		require.Equal(t, ";", v.Clause.Text[len(v.Clause.Text)-1:], name)
		require.NotEmpty(t, v.Reason, name)
		if tc.want == NeedsApproval {
			require.Equal(t, tc.firstAsked, v.Approval.Approvers[0], name)
			require.Positive(t, v.Approval.Needed)
			require.Positive(t, v.Approval.TTL)
			require.Equal(t, OnTimeoutDeny, v.Approval.OnTimeout)
		} else {
			require.Nil(t, v.Approval, name)
		}
	}
}

// Clauses point where they stand: the line of the file begins the clause's text.
func TestClausePosition(t *testing.T) {
	p, err := one(t, "// first\n\n@id(\"a;b\")\n@verdict(\"act_alone\")\n@reason(\"semi; \\\" quote\")\npermit (principal, action, resource); // tail\n@id(\"c\") @verdict(\"forbidden\") @reason(\"r\")\nforbid (principal, action, resource) when { context.tenant == \"a;\" };\n")
	require.NoError(t, err)
	require.Equal(t, 3, p.rules["a;b"].clause.Line)
	require.Equal(t, "@id(\"a;b\")\n@verdict(\"act_alone\")\n@reason(\"semi; \\\" quote\")\npermit (principal, action, resource);", p.rules["a;b"].clause.Text)
	require.Equal(t, "test.cedar:7", p.rules["c"].clause.At())
	require.Contains(t, p.rules["c"].clause.Text, `== "a;" };`)
}

func TestForbidBeatsEverything(t *testing.T) {
	p, err := one(t, `
@id("all") @verdict("act_alone") @reason("r") permit (principal, action, resource);
@id("asked") @verdict("needs_approval") @reason("r") @approvers("customer_admin") @approvals("1") @ttl("1h") @on_timeout("deny") permit (principal, action, resource);
@id("never") @verdict("forbidden") @reason("not this host") forbid (principal, action, resource == Target::"host:x");
@id("not-alone") @verdict("needs_approval") @reason("ask first") forbid (principal, action, resource) when { context.severity == 1 };`)
	require.NoError(t, err)
	r := ask(t, p, CustomerAdmin, "isolate_endpoint", "workstation", LevelHigh, LevelHigh, BusinessHours)
	require.Equal(t, "never", p.Decide(r).Clause.PolicyID)
	r.Target.Value = "y"
	require.Equal(t, ActAlone, p.Decide(r).Kind)
	r.Severity = LevelLow
	v := p.Decide(r)
	require.Equal(t, NeedsApproval, v.Kind)
	require.Equal(t, "r ask first", v.Reason)
	require.Equal(t, "not-alone", v.Also[0].PolicyID)
	require.Equal(t, &Approval{[]Actor{CustomerAdmin}, 1, time.Hour, "deny"}, v.Approval)
}

// However open the policy is, an AI agent does not act.
func TestAIAgentNeverActs(t *testing.T) {
	p, err := one(t, `@id("all") @verdict("act_alone") @reason("r") permit (principal, action, resource);`)
	require.NoError(t, err)
	v := p.Decide(ask(t, p, AIAgent, "block_ip", "external_address", LevelCritical, LevelHigh, OutOfHours))
	require.Equal(t, Forbidden, v.Kind)
	require.Equal(t, ByInvariant, v.Clause.PolicyID)
	for _, cell := range shipped(t).Matrix("acme", Filter{Actors: []Actor{AIAgent}}) {
		require.NotEqual(t, ActAlone, cell.Verdict.Kind, "%+v", cell)
	}
}

func TestStrictestTermsCount(t *testing.T) {
	terms := func(id, approvers, n, ttl string) string {
		return fmt.Sprintf(`@id(%q) @verdict("needs_approval") @reason("r") @approvers(%q) @approvals(%q) @ttl(%q) @on_timeout("deny") permit (principal, action, resource);`, id, approvers, n, ttl)
	}
	for want, text := range map[string]string{
		"customer": terms("provider", "provider_lead", "3", "1h") + terms("customer", "customer_admin", "1", "9h"),
		"two":      terms("one", "provider_lead", "1", "1h") + terms("two", "provider_lead", "2", "9h"),
		"few":      terms("many", "provider_lead,provider_analyst", "1", "1h") + terms("few", "provider_lead", "1", "9h"),
		"short":    terms("long", "provider_lead", "1", "9h") + terms("short", "provider_lead", "1", "1h"),
		"first":    terms("first", "provider_lead", "1", "1h") + terms("second", "provider_lead", "1", "1h"),
	} {
		p, err := one(t, text)
		require.NoError(t, err)
		v := p.Decide(ask(t, p, Automation, "block_ip", "external_address", LevelLow, LevelLow, BusinessHours))
		require.Equal(t, want, v.Clause.PolicyID)
	}
}

func TestNothingAllowsMeansForbidden(t *testing.T) {
	p, err := one(t, `@id("narrow") @verdict("act_alone") @reason("r") permit (principal == Actor::"customer_admin", action == Action::"block_ip", resource);`)
	require.NoError(t, err)
	v := p.Decide(ask(t, p, ProviderLead, "block_ip", "external_address", LevelCritical, LevelHigh, BusinessHours))
	require.Equal(t, Forbidden, v.Kind)
	require.Equal(t, ByDefault, v.Clause.PolicyID)
	require.Empty(t, v.Clause.At())
}

func TestUnknownOrMissingIsForbidden(t *testing.T) {
	p, err := one(t, `@id("all") @verdict("act_alone") @reason("r") permit (principal, action, resource);`)
	require.NoError(t, err)
	good := ask(t, p, CustomerAdmin, "isolate_endpoint", "workstation", LevelHigh, LevelHigh, BusinessHours)
	require.Equal(t, ActAlone, p.Decide(good).Kind)
	for name, spoil := range map[string]func(*Request){
		"zero":                 func(r *Request) { *r = Request{} },
		"no tenant":            func(r *Request) { r.Tenant = "" },
		"tenant form":          func(r *Request) { r.Tenant = "acme\" || true" },
		"target tenant":        func(r *Request) { r.Target.Tenant = "" },
		"no actor":             func(r *Request) { r.Actor = "" },
		"unknown actor":        func(r *Request) { r.Actor = "root" },
		"actor case":           func(r *Request) { r.Actor = "Customer_Admin" },
		"group as actor":       func(r *Request) { r.Actor = Actor(Customer) },
		"unknown action":       func(r *Request) { r.Action = "format_disk" },
		"group as action":      func(r *Request) { r.Action = "contain" },
		"no action":            func(r *Request) { r.Action = "" },
		"action on wrong type": func(r *Request) { r.Action = "block_ip" },
		"action on wrong class": func(r *Request) {
			r.Action = "quarantine_workload"
		},
		"no severity":          func(r *Request) { r.Severity = "" },
		"unknown severity":     func(r *Request) { r.Severity = "extreme" },
		"critical confidence":  func(r *Request) { r.Confidence = LevelCritical },
		"no hours":             func(r *Request) { r.Hours = "" },
		"unknown hours":        func(r *Request) { r.Hours = "weekend" },
		"no value":             func(r *Request) { r.Target.Value = "" },
		"long value":           func(r *Request) { r.Target.Value = string(make([]byte, MaxValue+1)) },
		"invalid UTF-8":        func(r *Request) { r.Target.Value = "\xff" },
		"no type":              func(r *Request) { r.Target.Type = "" },
		"unknown type":         func(r *Request) { r.Target.Type = "printer" },
		"no asset class":       func(r *Request) { r.Target.AssetClass = "" },
		"asset none for host":  func(r *Request) { r.Target.AssetClass = action.None },
		"external host":        func(r *Request) { r.Target.AssetClass = action.External },
		"identity of a host":   func(r *Request) { r.Target.IdentityClass = StandardIdentity },
		"no identity class":    func(r *Request) { r.Target.IdentityClass = "" },
		"no criticality":       func(r *Request) { r.Target.Criticality = "" },
		"unknown criticality":  func(r *Request) { r.Target.Criticality = "meh" },
		"user without a class": func(r *Request) { r.Target.Type, r.Action = "user", "disable_account" },
	} {
		r := good
		spoil(&r)
		v := p.Decide(r)
		require.Equal(t, Forbidden, v.Kind, name)
		require.Equal(t, ByValidation, v.Clause.PolicyID, name)
		require.Less(t, len(v.Reason), 1000, name)
	}
}

func TestOtherTenantIsForbidden(t *testing.T) {
	p := shipped(t)
	for _, actor := range Actors {
		r := ask(t, p, actor, "block_ip", "external_address", LevelCritical, LevelHigh, BusinessHours)
		r.Target.Tenant = "other"
		require.Equal(t, "tenant-boundary", p.Decide(r).Clause.PolicyID)
	}
}

// Cedar skips a forbid that fails. Both locks are tried: the policy is refused
// when it is loaded, and if one got past that, its failure forbids.
func TestFailingForbidDoesNotOpen(t *testing.T) {
	const permit = `@id("all") @verdict("act_alone") @reason("r") permit (principal, action, resource);`
	const failing = `@id("jewel") @verdict("forbidden") @reason("r") forbid (principal, action, resource) when { resource.crown_jewel };`
	_, err := one(t, permit+"\n"+failing)
	require.ErrorContains(t, err, "test.cedar:2")
	require.ErrorContains(t, err, "crown_jewel")

	// Strictly typed and yet failing: 64-bit overflow.
	p, err := one(t, permit+`@id("overflow") @verdict("forbidden") @reason("r") forbid (principal, action, resource) when { context.severity + 9223372036854775807 == 0 };`)
	require.NoError(t, err)
	v := p.Decide(ask(t, p, CustomerAdmin, "block_ip", "external_address", LevelLow, LevelLow, BusinessHours))
	require.Equal(t, Forbidden, v.Kind)
	require.Equal(t, ByEvaluation, v.Clause.PolicyID)
	require.Equal(t, "overflow", v.Also[0].PolicyID)

	// Past the loader on purpose: a target without its attributes.
	p, err = one(t, permit+`@id("ot") @verdict("forbidden") @reason("r") forbid (principal, action, resource) when { resource.asset_class == AssetClass::"ot_device" };`)
	require.NoError(t, err)
	req, target := cedarRequest(ask(t, p, CustomerAdmin, "block_ip", "external_address", LevelLow, LevelLow, BusinessHours))
	target.Attributes = types.NewRecord(nil)
	_, failed := p.evaluationFailed(authorize(p, req, target))
	require.True(t, failed)
}

func TestLoadRefuses(t *testing.T) {
	const notes = `@id("x") @verdict("act_alone") @reason("r") `
	const terms = `@id("x") @verdict("needs_approval") @reason("r") `
	for name, tc := range map[string]struct{ text, want string }{
		"syntax":               {`permit (principal`, "test.cedar"},
		"no id":                {`@verdict("act_alone") @reason("r") permit (principal, action, resource);`, "@id"},
		"no reason":            {`@id("x") @verdict("act_alone") permit (principal, action, resource);`, "@reason"},
		"no verdict":           {`@id("x") @reason("r") permit (principal, action, resource);`, "@verdict"},
		"permit forbidden":     {`@id("x") @verdict("forbidden") @reason("r") permit (principal, action, resource);`, "a permit needs"},
		"forbid act_alone":     {`@id("x") @verdict("act_alone") @reason("r") forbid (principal, action, resource);`, "a forbid needs"},
		"unknown annotation":   {`@approver("x") ` + notes + `permit (principal, action, resource);`, "@approver"},
		"same id twice":        {notes + `permit (principal, action, resource);` + "\n" + notes + `permit (principal, action, resource);`, "already used at test.cedar:1"},
		"unknown action":       {notes + `permit (principal, action == Action::"format_disk", resource);`, "format_disk"},
		"unknown action set":   {notes + `permit (principal, action in [Action::"block_ip", Action::"format_disk"], resource);`, "format_disk"},
		"unknown actor":        {notes + `permit (principal == Actor::"root", action, resource);`, "root"},
		"unknown side":         {notes + `permit (principal in Side::"attacker", action, resource);`, "attacker"},
		"unknown class":        {notes + `permit (principal, action, resource) when { resource.asset_class == AssetClass::"toaster" };`, "toaster"},
		"class as text":        {notes + `permit (principal, action, resource) when { resource.asset_class == "server" };`, "test.cedar:1"},
		"wrong class type":     {notes + `permit (principal, action, resource) when { resource.asset_class == IdentityClass::"vip" };`, "test.cedar:1"},
		"wrong type in a set":  {notes + `permit (principal, action, resource) when { [IdentityClass::"vip"].contains(resource.asset_class) };`, "holds AssetClass"},
		"wrong type turned":    {notes + `permit (principal, action, resource) when { Hours::"business" == resource.type };`, "holds TargetType"},
		"unknown type":         {notes + `permit (principal == User::"bob", action, resource);`, "User"},
		"unknown attribute":    {notes + `permit (principal, action, resource) when { context.mood == 1 };`, "mood"},
		"severity as text":     {notes + `permit (principal, action, resource) when { context.severity > "high" };`, "test.cedar:1"},
		"no approvers":         {terms + `permit (principal, action, resource);`, "@approvers"},
		"ai approves":          {terms + `@approvers("ai_agent") @approvals("1") @ttl("1h") @on_timeout("deny") permit (principal, action, resource);`, "a machine never approves"},
		"automation approves":  {terms + `@approvers("customer_admin,automation") @approvals("1") @ttl("1h") @on_timeout("deny") permit (principal, action, resource);`, "a machine never approves"},
		"provider as customer": {terms + `@approvers("customer_admin,provider_lead") @approvals("1") @ttl("1h") @on_timeout("deny") permit (principal, action, resource);`, "mixes provider and customer"},
		"approver twice":       {terms + `@approvers("customer_admin,customer_admin") @approvals("1") @ttl("1h") @on_timeout("deny") permit (principal, action, resource);`, "twice"},
		"zero approvals":       {terms + `@approvers("customer_admin") @approvals("0") @ttl("1h") @on_timeout("deny") permit (principal, action, resource);`, "@approvals"},
		"no ttl":               {terms + `@approvers("customer_admin") @approvals("1") @on_timeout("deny") permit (principal, action, resource);`, "@ttl"},
		"ttl for ever":         {terms + `@approvers("customer_admin") @approvals("1") @ttl("9999h") @on_timeout("deny") permit (principal, action, resource);`, "@ttl"},
		"timeout consents":     {terms + `@approvers("customer_admin") @approvals("1") @ttl("1h") @on_timeout("act_alone") permit (principal, action, resource);`, "silence is never consent"},
		"terms for alone":      {notes + `@ttl("1h") permit (principal, action, resource);`, "only"},
		"too large":            {notes + `permit (principal, action, resource);//` + string(make([]byte, MaxFileBytes)), "more than"},
	} {
		_, err := one(t, tc.text)
		require.ErrorContains(t, err, tc.want, name)
		require.ErrorContains(t, err, "test.cedar", name)
	}
	_, err := Load(fstest.MapFS{}, catalogue(t))
	require.ErrorContains(t, err, "no *.cedar file")
	_, err = Load(content.Authority(), nil)
	require.ErrorContains(t, err, "catalogue")
}

func TestVersion(t *testing.T) {
	const a, b = `@id("a") @verdict("act_alone") @reason("r") permit (principal, action, resource);`, `@id("b") @verdict("forbidden") @reason("r") forbid (principal, action, resource);`
	load := func(files fstest.MapFS) string {
		p, err := Load(files, catalogue(t))
		require.NoError(t, err)
		return p.Version()
	}
	v := load(fstest.MapFS{"1.cedar": {Data: []byte(a)}, "2.cedar": {Data: []byte(b)}})
	require.Len(t, v, 64)
	require.Equal(t, v, load(fstest.MapFS{"2.cedar": {Data: []byte(b)}, "1.cedar": {Data: []byte(a)}, "README": {Data: []byte("x")}}))
	require.NotEqual(t, v, load(fstest.MapFS{"1.cedar": {Data: []byte(a + b)}}))
	require.NotEqual(t, v, load(fstest.MapFS{"1.cedar": {Data: []byte(b)}, "2.cedar": {Data: []byte(a)}}))
	require.NotEqual(t, v, load(fstest.MapFS{"1.cedar": {Data: []byte(a)}, "2.cedar": {Data: []byte(b + " ")}}))
	require.NotEqual(t, version(nil, []byte("a")), version(nil, []byte("b")))
}
