package plugin

import (
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/openmxdr/openmxdr/rules/authority"
)

// The roles of a Grafana organization.
const (
	roleViewer = "Viewer"
	roleEditor = "Editor"
	roleAdmin  = "Admin"
)

// maxLogin bounds a login in bytes.
const maxLogin = 256

// person is who asks, as Grafana says in the plugin context. Headers of the
// request are not looked at: clients can set them.
type person struct {
	login, name, role string
	actor             authority.Actor
	// denied says why the person may not decide anything; empty if they may.
	denied string
}

// whois reads who asks. Only people with a login of their own and at least the
// role Editor decide: an anonymous visitor has no login, and behind a service
// account stands a program.
func (c config) whois(u *backend.User) person {
	if u == nil {
		return person{denied: "You are not signed in: Grafana names no user."}
	}
	p := person{login: u.Login, name: u.Name, role: u.Role}
	switch {
	case u.Login == "":
		p.denied = "You are not signed in: Grafana names no login."
	case len(u.Login) > maxLogin:
		p.denied = "Your login is too long to be recorded."
	case isServiceAccount(u.Login):
		p.denied = "A service account reads, and decides nothing. Sign in as yourself."
	case u.Role != roleEditor && u.Role != roleAdmin:
		p.denied = "Your role in this Grafana organization is " + roleName(u.Role) + "; triage needs Editor or Admin."
	}
	if p.denied != "" {
		return p
	}
	if actor, ok := c.logins[u.Login]; ok {
		p.actor = actor
	} else if actor, ok := c.roles[u.Role]; ok {
		p.actor = actor
	} else if u.Role == roleAdmin {
		p.actor = authority.ProviderLead
	} else {
		p.actor = authority.ProviderAnalyst
	}
	return p
}

// isServiceAccount goes by the prefix that Grafana gives to their logins.
func isServiceAccount(login string) bool { return strings.HasPrefix(strings.ToLower(login), "sa-") }

// roleName is the role in words; unknown roles are not repeated.
func roleName(role string) string {
	switch role {
	case roleViewer, roleEditor, roleAdmin:
		return role
	case "":
		return "not set"
	}
	return "not known"
}
