package authority

import (
	"fmt"
	"regexp"
	"slices"
	"unicode/utf8"

	"github.com/openmxdr/openmxdr/rules/action"
)

// Actor is the part in which somebody, or something, acts.
type Actor string

// The actors.
const (
	Automation       Actor = "automation"        // a playbook, without a person
	AIAgent          Actor = "ai_agent"          // reads and proposes, never acts or approves
	ProviderAnalyst  Actor = "provider_analyst"  // works for the security provider
	ProviderLead     Actor = "provider_lead"     // answers for a shift of analysts
	CustomerApprover Actor = "customer_approver" // may agree on the customer's behalf
	CustomerAdmin    Actor = "customer_admin"    // runs the customer's systems
)

// Actors lists the actors.
var Actors = []Actor{Automation, AIAgent, ProviderAnalyst, ProviderLead, CustomerApprover, CustomerAdmin}

// Side is whose interest an actor stands for.
type Side string

// The sides.
const (
	Machine  Side = "machine"
	Provider Side = "provider"
	Customer Side = "customer"
)

// Side returns the side of a known actor, and "" for others.
func (a Actor) Side() Side {
	switch a {
	case Automation, AIAgent:
		return Machine
	case ProviderAnalyst, ProviderLead:
		return Provider
	case CustomerApprover, CustomerAdmin:
		return Customer
	}
	return ""
}

// Level is a rung of a fixed ladder, low to critical.
type Level string

// The levels of severity; confidence uses the first three.
const (
	LevelLow      Level = "low"
	LevelMedium   Level = "medium"
	LevelHigh     Level = "high"
	LevelCritical Level = "critical"
)

// Severities and Confidences list the levels from the lowest. In policies they
// are numbers, from 1.
var (
	Severities  = []Level{LevelLow, LevelMedium, LevelHigh, LevelCritical}
	Confidences = []Level{LevelLow, LevelMedium, LevelHigh}
)

// Hours says whether the customer's people are at work.
type Hours string

// The two kinds of hours.
const (
	BusinessHours Hours = "business"
	OutOfHours    Hours = "out_of_hours"
)

// AllHours lists both.
var AllHours = []Hours{BusinessHours, OutOfHours}

// IdentityClass is what an identity is to the organization.
type IdentityClass string

// The identity classes. NoIdentity is for targets that are no identities.
const (
	StandardIdentity     IdentityClass = "standard"
	VIP                  IdentityClass = "vip"
	Privileged           IdentityClass = "privileged"
	ServiceIdentity      IdentityClass = "service"
	BreakGlass           IdentityClass = "break_glass"
	NoIdentity           IdentityClass = "none"
	UnclassifiedIdentity IdentityClass = "unclassified"
)

// IdentityClasses lists the identity classes.
var IdentityClasses = []IdentityClass{StandardIdentity, VIP, Privileged, ServiceIdentity, BreakGlass, NoIdentity, UnclassifiedIdentity}

// Criticality says how much the business hangs on a target.
type Criticality string

// The criticalities.
const (
	CriticalityLow          Criticality = "low"
	CriticalityNormal       Criticality = "normal"
	CriticalityHigh         Criticality = "high"
	CriticalityCritical     Criticality = "critical"
	CriticalityUnclassified Criticality = "unclassified"
)

// Criticalities lists the criticalities.
var Criticalities = []Criticality{CriticalityLow, CriticalityNormal, CriticalityHigh, CriticalityCritical, CriticalityUnclassified}

// Target is what an action would be done to.
type Target struct {
	// Tenant owns the target.
	Tenant string
	Type   action.TargetType
	// Value is the entity's normalized value; at most MaxValue bytes of UTF-8.
	Value string
	// AssetClass is action.None for users, sessions and cloud principals.
	AssetClass action.AssetClass
	// IdentityClass is NoIdentity for everything else.
	IdentityClass IdentityClass
	Criticality   Criticality
}

// MaxValue bounds a target's value in bytes.
const MaxValue = 4096

// Request asks whether an actor may do something to a target, given an
// incident. Every member must be set; nothing has a default.
type Request struct {
	// Tenant owns the incident.
	Tenant     string
	Actor      Actor
	Action     action.ID
	Target     Target
	Severity   Level
	Confidence Level
	Hours      Hours
}

var tenantForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_]{0,39}$`)

// Validate says what is wrong with the request, before any policy sees it.
// The catalogue decides which actions there are and what they work on.
func (r Request) Validate(c *action.Catalogue) error {
	switch {
	case !tenantForm.MatchString(r.Tenant):
		return fmt.Errorf("tenant %.60q must match %s", r.Tenant, tenantForm)
	case !slices.Contains(Actors, r.Actor):
		return fmt.Errorf("actor %.60q is none of %v", string(r.Actor), Actors)
	case !slices.Contains(Severities, r.Severity):
		return fmt.Errorf("severity %.60q is none of %v", string(r.Severity), Severities)
	case !slices.Contains(Confidences, r.Confidence):
		return fmt.Errorf("confidence %.60q is none of %v", string(r.Confidence), Confidences)
	case !slices.Contains(AllHours, r.Hours):
		return fmt.Errorf("hours %.60q is none of %v", string(r.Hours), AllHours)
	}
	act, ok := c.Get(r.Action)
	if !ok {
		return fmt.Errorf("action %.80q is not in the catalogue", string(r.Action))
	}
	if err := r.Target.Validate(); err != nil {
		return err
	}
	if !act.Applies(r.Target.Type, r.Target.AssetClass) {
		return fmt.Errorf("action %q does not work on a target of type %q and asset class %q", act.ID, r.Target.Type, r.Target.AssetClass)
	}
	return nil
}

// Validate says what is wrong with the target: a value outside the vocabulary,
// or classes that do not fit its type.
func (t Target) Validate() error {
	switch {
	case !tenantForm.MatchString(t.Tenant):
		return fmt.Errorf("target's tenant %.60q must match %s", t.Tenant, tenantForm)
	case t.Value == "" || len(t.Value) > MaxValue || !utf8.ValidString(t.Value):
		return fmt.Errorf("target's value must be 1 to %d bytes of UTF-8", MaxValue)
	case !slices.Contains(Criticalities, t.Criticality):
		return fmt.Errorf("target's criticality %.60q is none of %v", string(t.Criticality), Criticalities)
	}
	assets, identities, ok := classesOf(t.Type)
	switch {
	case !ok:
		return fmt.Errorf("target's type %.60q is none of %v", string(t.Type), action.TargetTypes)
	case !slices.Contains(assets, t.AssetClass):
		return fmt.Errorf("target of type %q has asset class %.60q, must be one of %v", t.Type, string(t.AssetClass), assets)
	case !slices.Contains(identities, t.IdentityClass):
		return fmt.Errorf("target of type %q has identity class %.60q, must be one of %v", t.Type, string(t.IdentityClass), identities)
	}
	return nil
}

// The classes that each group of types can have.
var (
	hostClasses     = []action.AssetClass{action.Workstation, action.Server, action.DomainController, action.NetworkDevice, action.CloudWorkload, action.OTDevice, action.Unclassified}
	addressClasses  = []action.AssetClass{action.Internal, action.External, action.Unclassified}
	contentClasses  = []action.AssetClass{action.Content}
	noAssetClass    = []action.AssetClass{action.None}
	identityClasses = []IdentityClass{StandardIdentity, VIP, Privileged, ServiceIdentity, BreakGlass, UnclassifiedIdentity}
	noIdentityClass = []IdentityClass{NoIdentity}
)

// classesOf returns the classes that fit a type of target.
func classesOf(t action.TargetType) (assets []action.AssetClass, identities []IdentityClass, ok bool) {
	switch t {
	case "host", "process":
		return hostClasses, noIdentityClass, true
	case "ip", "domain", "url":
		return addressClasses, noIdentityClass, true
	case "mail_message", "file_hash":
		return contentClasses, noIdentityClass, true
	case "user", "session", "cloud_principal":
		return noAssetClass, identityClasses, true
	}
	return nil, nil, false
}

// Unclassified returns the target as it is when nobody has said what it is to
// the business. Messages and files need no classification.
func Unclassified(tenant string, t action.TargetType, value string) Target {
	out := Target{Tenant: tenant, Type: t, Value: value, AssetClass: action.Unclassified, IdentityClass: NoIdentity, Criticality: CriticalityUnclassified}
	switch assets, identities, _ := classesOf(t); {
	case slices.Equal(assets, contentClasses):
		out.AssetClass, out.Criticality = action.Content, CriticalityNormal
	case len(identities) > 1:
		out.AssetClass, out.IdentityClass = action.None, UnclassifiedIdentity
	}
	return out
}
