package authority

import (
	"slices"

	"github.com/openmxdr/openmxdr/rules/action"
)

// TargetClass is one column of the matrix: a typical target.
type TargetClass struct {
	ID            string
	Name          string
	Types         []action.TargetType // types that such a target can have
	AssetClass    action.AssetClass
	IdentityClass IdentityClass
	Criticality   Criticality
}

// TargetClasses lists the columns of the matrix.
var TargetClasses = []TargetClass{
	{"workstation", "Workstation", hostTypes, action.Workstation, NoIdentity, CriticalityNormal},
	{"critical_workstation", "Critical workstation", hostTypes, action.Workstation, NoIdentity, CriticalityCritical},
	{"server", "Server", hostTypes, action.Server, NoIdentity, CriticalityNormal},
	{"critical_server", "Critical server", hostTypes, action.Server, NoIdentity, CriticalityCritical},
	{"domain_controller", "Domain controller", hostTypes, action.DomainController, NoIdentity, CriticalityCritical},
	{"network_device", "Network device", hostTypes, action.NetworkDevice, NoIdentity, CriticalityHigh},
	{"cloud_workload", "Cloud workload", hostTypes, action.CloudWorkload, NoIdentity, CriticalityNormal},
	{"critical_cloud_workload", "Critical cloud workload", hostTypes, action.CloudWorkload, NoIdentity, CriticalityCritical},
	{"ot_device", "Operational technology device", hostTypes, action.OTDevice, NoIdentity, CriticalityCritical},
	{"unclassified_host", "Unclassified host", hostTypes, action.Unclassified, NoIdentity, CriticalityUnclassified},
	{"standard_identity", "Standard identity", identityTypes, action.None, StandardIdentity, CriticalityNormal},
	{"vip_identity", "VIP identity", identityTypes, action.None, VIP, CriticalityHigh},
	{"privileged_identity", "Privileged identity", identityTypes, action.None, Privileged, CriticalityHigh},
	{"service_identity", "Service identity", identityTypes, action.None, ServiceIdentity, CriticalityHigh},
	{"break_glass_identity", "Emergency identity", identityTypes, action.None, BreakGlass, CriticalityCritical},
	{"unclassified_identity", "Unclassified identity", identityTypes, action.None, UnclassifiedIdentity, CriticalityUnclassified},
	{"external_address", "Outside address, domain or URL", addressTypes, action.External, NoIdentity, CriticalityNormal},
	{"own_address", "Own address, domain or URL", addressTypes, action.Internal, NoIdentity, CriticalityHigh},
	{"unclassified_address", "Unclassified address, domain or URL", addressTypes, action.Unclassified, NoIdentity, CriticalityUnclassified},
	{"content", "Message or file", []action.TargetType{"mail_message", "file_hash"}, action.Content, NoIdentity, CriticalityNormal},
}

var (
	hostTypes     = []action.TargetType{"host", "process"}
	identityTypes = []action.TargetType{"user", "cloud_principal", "session"}
	addressTypes  = []action.TargetType{"ip", "domain", "url"}
)

// Filter narrows the matrix down; an empty list means all.
type Filter struct {
	Actors        []Actor
	Actions       []action.ID
	TargetClasses []string
	Severities    []Level
	Confidences   []Level
	Hours         []Hours
}

// Cell is one answer of the matrix.
type Cell struct {
	Actor       Actor
	Action      action.ID
	TargetClass string
	Severity    Level
	Confidence  Level
	Hours       Hours
	Verdict     Verdict
}

// Matrix decides, for one tenant, every combination that the filter leaves and
// that makes sense (an action on a class it works on), in a fixed order:
// action, target class, severity, confidence, hours, actor. Names in the
// filter that do not exist give no cells.
func (p *Policies) Matrix(tenant string, f Filter) []Cell {
	var cells []Cell
	for _, act := range p.catalogue.All() {
		if !picked(f.Actions, act.ID) {
			continue
		}
		for _, class := range TargetClasses {
			typ, applies := class.typeFor(act)
			if !applies || !picked(f.TargetClasses, class.ID) {
				continue
			}
			target := Target{Tenant: tenant, Type: typ, Value: "any " + class.ID, AssetClass: class.AssetClass, IdentityClass: class.IdentityClass, Criticality: class.Criticality}
			for _, severity := range Severities {
				for _, confidence := range Confidences {
					for _, hours := range AllHours {
						if !picked(f.Severities, severity) || !picked(f.Confidences, confidence) || !picked(f.Hours, hours) {
							continue
						}
						for _, actor := range Actors {
							if !picked(f.Actors, actor) {
								continue
							}
							cells = append(cells, Cell{actor, act.ID, class.ID, severity, confidence, hours, p.Decide(Request{
								Tenant: tenant, Actor: actor, Action: act.ID, Target: target,
								Severity: severity, Confidence: confidence, Hours: hours,
							})})
						}
					}
				}
			}
		}
	}
	return cells
}

// typeFor returns the first type of the class that the action works on.
func (c TargetClass) typeFor(a action.Action) (action.TargetType, bool) {
	for _, t := range c.Types {
		if slices.Contains(a.Targets, t) && (len(a.AssetClasses) == 0 || slices.Contains(a.AssetClasses, c.AssetClass)) {
			return t, true
		}
	}
	return "", false
}

// picked reports whether a filter lets a value through.
func picked[T comparable](filter []T, v T) bool {
	return len(filter) == 0 || slices.Contains(filter, v)
}
