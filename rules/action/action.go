// Package action is the catalogue of containment actions: what can be done to
// a user, a host, an address and so on, what it does in plain words, how it is
// undone and how much it can hurt. Playbooks choose from it, authority decides
// about it. The catalogue is data (YAML); this package reads and checks it.
package action

import (
	"slices"
)

// ID names an action, for example isolate_endpoint.
type ID string

// Risk says how much an action can hurt the organization that it protects.
type Risk string

// The risk classes.
const (
	Low    Risk = "low"    // touches one thing, interrupts nobody for long
	Medium Risk = "medium" // interrupts one person or one device
	High   Risk = "high"   // can stop a service, or opens a way if done at the wrong time
)

// Risks lists the risk classes from the smallest.
var Risks = []Risk{Low, Medium, High}

// TargetType is the kind of thing an action works on: an entity type of
// internal/entity, or "url".
type TargetType string

// TargetTypes lists every type of target.
var TargetTypes = []TargetType{"user", "host", "ip", "mail_message", "file_hash", "session", "cloud_principal", "process", "domain", "url"}

// AssetClass is what a target is to the organization.
type AssetClass string

// The asset classes. None is for targets that are not assets (users),
// Unclassified for those that nobody has classified.
const (
	Workstation      AssetClass = "workstation"
	Server           AssetClass = "server"
	DomainController AssetClass = "domain_controller"
	NetworkDevice    AssetClass = "network_device"
	CloudWorkload    AssetClass = "cloud_workload"
	OTDevice         AssetClass = "ot_device"
	Internal         AssetClass = "internal" // an address, domain or URL of the organization itself
	External         AssetClass = "external" // one that is known not to be the organization's
	Content          AssetClass = "content"  // a message or a file
	None             AssetClass = "none"
	Unclassified     AssetClass = "unclassified"
)

// AssetClasses lists the asset classes.
var AssetClasses = []AssetClass{Workstation, Server, DomainController, NetworkDevice, CloudWorkload, OTDevice, Internal, External, Content, None, Unclassified}

// Undo says how an action is taken back: by another action, or why not.
type Undo struct {
	Action ID     `yaml:"action" json:"action,omitempty"`
	None   string `yaml:"none" json:"none,omitempty"`
}

// Action is one entry of the catalogue. Actions are values; nobody changes one.
type Action struct {
	ID   ID     `yaml:"id" json:"id"`
	Name string `yaml:"name" json:"name"`
	// Does says in plain words what happens to the target and to people.
	Does string `yaml:"does" json:"does"`
	// D3FEND holds ids of MITRE D3FEND techniques, the nearest first; empty
	// where the ontology has none.
	D3FEND []string `yaml:"d3fend" json:"d3fend"`
	// Targets are the types of entities it works on.
	Targets []TargetType `yaml:"targets" json:"targets"`
	// AssetClasses narrows the targets down; empty means any class.
	AssetClasses []AssetClass `yaml:"asset_classes" json:"asset_classes,omitempty"`
	Risk         Risk         `yaml:"risk" json:"risk"`
	// Restores: it takes protection away again (release, unblock, enable).
	Restores bool `yaml:"restores" json:"restores"`
	Undo     Undo `yaml:"undo" json:"undo"`
}

// Reversible reports whether another action takes this one back.
func (a Action) Reversible() bool { return a.Undo.Action != "" }

// Applies reports whether the action works on such a target. A target that
// nobody has classified may belong to any class.
func (a Action) Applies(t TargetType, class AssetClass) bool {
	return slices.Contains(a.Targets, t) &&
		(len(a.AssetClasses) == 0 || class == Unclassified || slices.Contains(a.AssetClasses, class))
}

// Catalogue is a checked set of actions, in the order of its file. It is safe
// for concurrent use.
type Catalogue struct {
	actions []Action
	byID    map[ID]int
	source  []byte
}

// All returns the actions in the order of the file. The slice is the caller's.
func (c *Catalogue) All() []Action { return slices.Clone(c.actions) }

// Len returns the number of actions.
func (c *Catalogue) Len() int { return len(c.actions) }

// Get returns the action of that id.
func (c *Catalogue) Get(id ID) (Action, bool) {
	i, ok := c.byID[id]
	if !ok {
		return Action{}, false
	}
	return c.actions[i], true
}

// Source returns the bytes that the catalogue was read from, for hashing.
func (c *Catalogue) Source() []byte { return slices.Clone(c.source) }
