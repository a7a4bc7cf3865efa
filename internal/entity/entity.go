// Package entity names the things that security events are about: users,
// hosts, addresses and so on. Signals carry entities, and incidents form
// where signals share them.
package entity

import (
	"cmp"
	"slices"
	"strings"
)

// Type is the kind of thing an entity is.
type Type string

// The entity types. Their values, lower case as Key writes them:
const (
	User           Type = "user"            // mail address or UPN, else domain\name, else the source's id
	Host           Type = "host"            // host name without domain, else the sensor's id
	IP             Type = "ip"              // canonical text form
	MailMessage    Type = "mail_message"    // Message-ID without angle brackets
	FileHash       Type = "file_hash"       // hexadecimal digest
	Session        Type = "session"         // vendor:id
	CloudPrincipal Type = "cloud_principal" // ARN, application id or service principal id
	Process        Type = "process"         // process entity id, or host:pid:start
	Domain         Type = "domain"          // DNS name
)

// Types lists every entity type.
var Types = []Type{User, Host, IP, MailMessage, FileHash, Session, CloudPrincipal, Process, Domain}

// Role says what part an entity plays in one signal.
type Role string

// The roles. The zero Role means that the source does not say.
const (
	Actor  Role = "actor"  // did it (from the log's point of view)
	Target Role = "target" // it was done to
	Source Role = "source" // where it came from
	Dest   Role = "destination"
)

// Entity is one thing an event or a signal is about.
type Entity struct {
	Type  Type
	Value string // normalized; see the types
	Role  Role
	// Aliases are other names of the same thing in the same event, of the
	// same type and form as Value (a user's SID beside the mail address).
	Aliases []string
}

// Key identifies an entity among all of its tenant.
type Key struct {
	Type  Type
	Value string
}

// Key returns the entity's own key.
func (e Entity) Key() Key { return Key{e.Type, e.Value} }

// Keys returns the entity's own key and those of its aliases.
func (e Entity) Keys() []Key {
	keys := []Key{e.Key()}
	for _, a := range e.Aliases {
		if k := (Key{e.Type, a}); !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return keys
}

// String returns type:value.
func (k Key) String() string { return string(k.Type) + ":" + k.Value }

// ParseKey reads what Key.String wrote.
func ParseKey(s string) (Key, bool) {
	t, v, ok := strings.Cut(s, ":")
	return Key{Type(t), v}, ok && v != ""
}

// Compare orders entities by type, value and role.
func Compare(a, b Entity) int {
	return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Value, b.Value), cmp.Compare(a.Role, b.Role))
}
