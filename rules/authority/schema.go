package authority

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"

	"github.com/openmxdr/openmxdr/rules/action"
)

// The groups of actions that policies may name. An action belongs to restore,
// or to contain and one of its three parts.
const (
	groupContain = "contain"
	groupRestore = "restore"
)

// groupOf returns the group that an action belongs to directly.
func groupOf(a action.Action) string {
	if a.Restores {
		return groupRestore
	}
	return groupContain + "_" + string(a.Risk) + "_risk"
}

// groups lists every group.
func groups() []string {
	out := []string{groupContain, groupRestore}
	for _, r := range action.Risks {
		out = append(out, groupContain+"_"+string(r)+"_risk")
	}
	return out
}

// Schema returns the Cedar schema of all requests, made from the vocabulary
// and the catalogue. Policies are type-checked against it; with it Cedar's
// own tools can analyse them.
func Schema(c *action.Catalogue) string {
	var b strings.Builder
	enum := func(name string, values []string) {
		quoted := make([]string, len(values))
		for i, v := range values {
			quoted[i] = fmt.Sprintf("%q", v)
		}
		fmt.Fprintf(&b, "entity %s enum [%s];\n", name, strings.Join(quoted, ", "))
	}
	enum("AssetClass", texts(action.AssetClasses))
	enum("IdentityClass", texts(IdentityClasses))
	enum("Criticality", texts(Criticalities))
	enum("Hours", texts(AllHours))
	enum("TargetType", texts(action.TargetTypes))
	b.WriteString("entity Side;\nentity Actor in [Side];\n")
	b.WriteString(`entity Target {
  tenant: String,
  type: TargetType,
  value: String,
  asset_class: AssetClass,
  identity_class: IdentityClass,
  criticality: Criticality
};
`)
	fmt.Fprintf(&b, "action %q, %q;\n", groupContain, groupRestore)
	for _, r := range action.Risks {
		fmt.Fprintf(&b, "action %q in [Action::%q];\n", groupContain+"_"+string(r)+"_risk", groupContain)
	}
	for _, a := range c.All() {
		fmt.Fprintf(&b, `action %q in [Action::%q] appliesTo {
  principal: Actor,
  resource: Target,
  context: { tenant: String, severity: Long, confidence: Long, hours: Hours }
};
`, a.ID, groupOf(a))
	}
	return b.String()
}

// newValidator type-checks policies against Schema.
func newValidator(c *action.Catalogue) (*validate.Validator, error) {
	var s schema.Schema
	s.SetFilename("authority.cedarschema")
	if err := s.UnmarshalCedar([]byte(Schema(c))); err != nil {
		return nil, fmt.Errorf("authority schema made from the action catalogue: %w", err)
	}
	resolved, err := s.Resolve()
	if err != nil {
		return nil, fmt.Errorf("authority schema made from the action catalogue: %w", err)
	}
	return validate.New(resolved, validate.WithStrict()), nil
}

// names is the vocabulary that policies may use in Type::"id", by type.
// Target is absent: any target may be named.
func names(c *action.Catalogue) map[string][]string {
	actions := groups()
	for _, a := range c.All() {
		actions = append(actions, string(a.ID))
	}
	return map[string][]string{
		"Actor":         texts(Actors),
		"Side":          texts([]Side{Machine, Provider, Customer}),
		"Action":        actions,
		"AssetClass":    texts(action.AssetClasses),
		"IdentityClass": texts(IdentityClasses),
		"Criticality":   texts(Criticalities),
		"Hours":         texts(AllHours),
		"TargetType":    texts(action.TargetTypes),
	}
}

// entities builds what does not change between requests: who belongs to which
// side, and which action to which group.
func entities(c *action.Catalogue) types.EntityMap {
	m := types.EntityMap{}
	add := func(typ, id string, parents ...types.EntityUID) {
		uid := types.NewEntityUID(types.EntityType(typ), types.String(id))
		m[uid] = types.Entity{UID: uid, Parents: types.NewEntityUIDSet(parents...), Attributes: types.NewRecord(nil)}
	}
	uid := func(typ, id string) types.EntityUID {
		return types.NewEntityUID(types.EntityType(typ), types.String(id))
	}
	for _, s := range []Side{Machine, Provider, Customer} {
		add("Side", string(s))
	}
	for _, a := range Actors {
		add("Actor", string(a), uid("Side", string(a.Side())))
	}
	add("Action", groupContain)
	add("Action", groupRestore)
	for _, r := range action.Risks {
		add("Action", groupContain+"_"+string(r)+"_risk", uid("Action", groupContain))
	}
	for _, a := range c.All() {
		parents := []types.EntityUID{uid("Action", groupOf(a))}
		if !a.Restores { // Cedar wants every ancestor of an action, not only the nearest
			parents = append(parents, uid("Action", groupContain))
		}
		add("Action", string(a.ID), parents...)
	}
	return m
}

// cedarRequest renders a validated request; resource is the target's entity.
func cedarRequest(r Request) (req types.Request, resource types.Entity) {
	uid := types.NewEntityUID("Target", types.String(string(r.Target.Type)+":"+r.Target.Value))
	resource = types.Entity{UID: uid, Parents: types.NewEntityUIDSet(), Attributes: types.NewRecord(types.RecordMap{
		"tenant":         types.String(r.Target.Tenant),
		"type":           types.NewEntityUID("TargetType", types.String(r.Target.Type)),
		"value":          types.String(r.Target.Value),
		"asset_class":    types.NewEntityUID("AssetClass", types.String(r.Target.AssetClass)),
		"identity_class": types.NewEntityUID("IdentityClass", types.String(r.Target.IdentityClass)),
		"criticality":    types.NewEntityUID("Criticality", types.String(r.Target.Criticality)),
	})}
	req = types.Request{
		Principal: types.NewEntityUID("Actor", types.String(r.Actor)),
		Action:    types.NewEntityUID("Action", types.String(r.Action)),
		Resource:  uid,
		Context: types.NewRecord(types.RecordMap{
			"tenant":     types.String(r.Tenant),
			"severity":   types.Long(slices.Index(Severities, r.Severity) + 1),
			"confidence": types.Long(slices.Index(Confidences, r.Confidence) + 1),
			"hours":      types.NewEntityUID("Hours", types.String(r.Hours)),
		}),
	}
	return req, resource
}

// overlay is the standing entities plus one target.
type overlay struct {
	standing types.EntityMap
	target   types.Entity
}

// Get implements types.EntityGetter.
func (o overlay) Get(uid types.EntityUID) (types.Entity, bool) {
	if uid == o.target.UID {
		return o.target, true
	}
	return o.standing.Get(uid)
}

// texts turns a list of named strings into strings.
func texts[T ~string](in []T) []string {
	out := make([]string, len(in))
	for i, v := range in {
		out[i] = string(v)
	}
	return out
}
