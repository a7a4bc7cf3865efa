package entity

import "strings"

// Account is one account as a record names it; any part may be empty.
type Account struct {
	Email  string
	Name   string // account, UPN or DOMAIN\account
	Domain string // Windows domain, DNS or NetBIOS
	ID     string // SID, GUID or the source's own id
	Host   string // canonical name of the host whose log it is, for local accounts
	Scope  string // cloud account that owns a plain name, where there is no host
}

// Entity returns the account in canonical form: the mail address or UPN in
// lower case (name@domain where the domain is a DNS name, with the NetBIOS
// form as alias: by default its first label), else domain\name, else host\name for accounts local to a host, else the
// plain name, else the id. Ids that can be unique become aliases. A machine
// account (PC1$) is its host. It reports false for accounts that every
// machine has (SYSTEM, LOCAL SERVICE, DWM-1, …) and for placeholders.
//
// Well-known SIDs: Microsoft, "Security identifiers", Windows Server
// documentation.
func (a Account) Entity() (Entity, bool) {
	if wellKnownSID(a.ID) {
		return Entity{}, false
	}
	name, domain := clean(a.Name), clean(a.Domain)
	if d, n, ok := strings.Cut(name, `\`); ok && n != "" {
		name = clean(n)
		if d = clean(d); d != "" {
			domain = d
		}
	}
	if domain == "." { // this machine
		domain = ""
	}
	if wellKnownDomain(domain) || wellKnownName(name) {
		return Entity{}, false
	}
	mail := mailAddress(a.Email)
	if mail == "" {
		mail = mailAddress(name)
	}
	if mail == "" && strings.HasSuffix(name, "$") {
		// user$@REALM and DOMAIN\host$ alike: a machine authenticates.
		h := HostName(name)
		return Entity{Type: Host, Value: h}, h != ""
	}
	if local, _, _ := strings.Cut(mail, "@"); strings.HasSuffix(local, "$") {
		h := HostName(local)
		return Entity{Type: Host, Value: h}, h != ""
	}
	id := uniqueID(a.ID)
	if mail == "" && id != "" {
		if m := mailAddress(a.ID); m != "" {
			mail, id = m, ""
		}
	}
	e := Entity{Type: User}
	switch name = strings.ToLower(name); {
	case mail != "":
		e.Value = mail
		if d := domainLabel(domain); d != "" && name != "" && !strings.Contains(name, "@") && d != a.Host {
			e.addAlias(d + `\` + name)
		}
	case name != "" && hasDot(domain) && mailAddress(name+"@"+domain) != "":
		e.Value = mailAddress(name + "@" + domain)
		e.addAlias(domainLabel(domain) + `\` + name)
	case name != "" && domain != "":
		e.Value = domainLabel(domain) + `\` + name
	case name != "" && a.Host != "":
		e.Value = a.Host + `\` + name
	case name != "" && clean(a.Scope) != "":
		e.Value = strings.ToLower(clean(a.Scope)) + `\` + name
	case name != "":
		e.Value = name
	case id != "":
		e.Value = id
	default:
		return Entity{}, false
	}
	e.addAlias(id)
	return e, true
}

// domainLabel returns the first label of a Windows domain in lower case.
func domainLabel(s string) string {
	s, _, _ = strings.Cut(strings.ToLower(s), ".")
	return s
}

func wellKnownSID(s string) bool {
	s = strings.TrimSpace(s)
	if !hasPrefixFold(s, "s-1-") {
		return false
	}
	rest := s[len("s-1-"):]
	// Only domain and machine accounts (5-21) and Entra accounts (12-1)
	// belong to somebody.
	return !strings.HasPrefix(rest, "5-21-") && !strings.HasPrefix(rest, "12-1-")
}

// wellKnownDomain tells the authorities that every Windows machine has.
func wellKnownDomain(s string) bool {
	if len(s) < len("IIS APPPOOL") && !hasPrefixFold(s, "nt ") && !hasPrefixFold(s, "nt-") && !hasPrefixFold(s, "builtin") {
		return false
	}
	switch strings.ToLower(s) {
	case "nt authority", "nt service", "nt virtual machine", "nt-autorität", "autorite nt", "builtin",
		"font driver host", "window manager", "iis apppool":
		return true
	}
	return false
}

func wellKnownName(s string) bool {
	switch strings.ToLower(s) {
	case "system", "local system", "localsystem", "local service", "localservice", "network service", "networkservice",
		"anonymous logon", "anonymous", "everyone", "iusr", "nobody", "(unknown user)", "unknown user":
		return true
	}
	return numbered(s, "dwm-") || numbered(s, "umfd-")
}

// numbered tells whether s is prefix and a number.
func numbered(s, prefix string) bool {
	if len(s) == len(prefix) || !hasPrefixFold(s, prefix) {
		return false
	}
	for _, c := range s[len(prefix):] {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
