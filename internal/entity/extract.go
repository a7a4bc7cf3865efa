package entity

import (
	"slices"
	"strings"

	"github.com/openmxdr/openmxdr/internal/event"
)

// MaxExtracted bounds the entities taken from one event. Who and where come
// first, so what a flood of names pushes out is the least telling.
const MaxExtracted = 48

// listLimit bounds the elements taken from one list field (host.ip, e-mail recipients).
const listLimit = 8

// Extract returns what an event is about, read from its ECS fields and the
// vendor fields that hold sessions and cloud principals. Values are in
// canonical form (see Type). Well-known accounts, loopback, multicast and
// unspecified addresses, placeholders such as "-" and hashes of nothing are
// left out, since they name no one thing. Accounts local to a host are named
// host\account. The order is the same for the same event; no entity is there
// twice in the same role.
func Extract(ev *event.Event) []Entity {
	var x extraction
	for i := range ev.Len() {
		f := ev.At(i)
		if s := slotOf(f.Name); s != 0 {
			x.at[s] = int16(min(i, 1<<15-1)) + 1
		}
	}
	x.ev = ev
	x.host()
	x.users()
	x.addresses()
	x.mail()
	x.files()
	x.sessions()
	x.principals()
	x.processes()
	x.domains()
	return x.out
}

// extraction is one run of Extract: the fields it needs, found in one pass
// over the event, and the result.
type extraction struct {
	ev   *event.Event
	at   [slots]int16 // index into the event + 1
	name string       // canonical name of the host, "" if none
	out  []Entity
}

func (x *extraction) value(s slot) event.Value {
	if i := x.at[s]; i != 0 {
		return x.ev.At(int(i) - 1).Value
	}
	return event.Value{}
}

// text returns a field's text; of a list its first scalar.
func (x *extraction) text(s slot) string {
	v := x.value(s)
	switch v.Kind() {
	case event.Null, event.Object:
		return ""
	case event.List:
		for _, e := range v.List() {
			if e.Kind() == event.String {
				return e.Str()
			}
		}
		return ""
	}
	return v.Text()
}

// each calls f for the field's strings, at most listLimit of them.
func (x *extraction) each(s slot, f func(string)) {
	v := x.value(s)
	if v.Kind() == event.String {
		f(v.Str())
		return
	}
	list := v.List()
	for _, e := range list[:min(len(list), listLimit)] {
		if e.Kind() == event.String {
			f(e.Str())
		}
	}
}

// add appends an entity, or completes the one that is there already.
func (x *extraction) add(e Entity) {
	for i := range x.out {
		o := &x.out[i]
		if o.Type == e.Type && o.Value == e.Value && o.Role == e.Role {
			for _, a := range e.Aliases {
				o.addAlias(a)
			}
			return
		}
	}
	if len(x.out) == MaxExtracted {
		return
	}
	if x.out == nil {
		x.out = make([]Entity, 0, 8)
	}
	x.out = append(x.out, e)
}

func (e *Entity) addAlias(a string) {
	if a == "" || a == e.Value {
		return
	}
	for _, b := range e.Aliases {
		if a == b {
			return
		}
	}
	e.Aliases = append(e.Aliases, a)
}

func (x *extraction) host() {
	name := HostName(x.text(hostName))
	if name == "" {
		name = HostName(x.text(hostHostname))
	}
	id := uniqueID(x.text(hostID))
	switch {
	case name != "":
		x.name = name
		e := Entity{Type: Host, Value: name}
		e.addAlias(id)
		x.add(e)
	case id != "":
		x.name = id
		x.add(Entity{Type: Host, Value: id})
	}
	for _, s := range [...]struct {
		slot slot
		role Role
	}{{sourceDomain, Source}, {destinationDomain, Dest}} {
		// A name without a dot is a machine, as Windows names workstations.
		if v := x.text(s.slot); v != "" && !hasDot(v) {
			if h := HostName(v); h != "" {
				x.add(Entity{Type: Host, Value: h, Role: s.role})
			}
		}
	}
}

func (x *extraction) users() {
	x.user(userSlots{userEmail, userName, userDomain, userID}, Actor)
	x.user(userSlots{userTargetEmail, userTargetName, userTargetDomain, userTargetID}, Target)
	x.user(userSlots{userEffectiveEmail, userEffectiveName, userEffectiveDomain, userEffectiveID}, Target)
	x.user(userSlots{sourceUserEmail, sourceUserName, sourceUserDomain, sourceUserID}, Actor)
	x.user(userSlots{clientUserEmail, clientUserName, clientUserDomain, clientUserID}, Actor)
	x.user(userSlots{destinationUserEmail, destinationUserName, destinationUserDomain, destinationUserID}, Target)
}

type userSlots struct{ email, name, domain, id slot }

func (x *extraction) user(s userSlots, role Role) {
	a := Account{Email: x.text(s.email), Name: x.text(s.name), Domain: x.text(s.domain), ID: x.text(s.id)}
	if a == (Account{}) {
		return
	}
	if id, ok := directoryObject(a); ok && role == Target {
		x.add(Entity{Type: CloudPrincipal, Value: id, Role: role})
		return
	}
	a.Host, a.Scope = x.name, x.text(cloudAccountID)
	if e, ok := a.Entity(); ok {
		e.Role = role
		if e.Type == Host {
			e.Role = "" // a machine account says which machine, not what it did
		} else if x.known(e, a) {
			return
		}
		x.add(e)
	}
}

// directoryObject returns the id of an application, a service principal or a
// group that a directory's audit log gives as the target of a change: a GUID,
// alone, behind a word ("ServicePrincipal_…") or with the addresses of the
// application behind it.
func directoryObject(a Account) (id string, ok bool) {
	if a.Email != "" || a.Name != "" {
		return "", false
	}
	id = a.ID
	if i := strings.IndexAny(id, ";/"); i >= 0 {
		id = id[:i]
	}
	if i := strings.LastIndexByte(id, '_'); i >= 0 {
		id = id[i+1:]
	}
	if len(id) != 36 {
		return "", false
	}
	for i := range len(id) {
		c := id[i]
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			ok = c == '-'
		default:
			ok = c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
		}
		if !ok {
			return "", false
		}
	}
	return strings.ToLower(id), true
}

// known tells whether an account is named more fully already: sources repeat
// the user under client and source with the account name or the id alone.
func (x *extraction) known(e Entity, a Account) bool {
	id := uniqueID(a.ID)
	for _, o := range x.out {
		if o.Type != User || o.Value == e.Value {
			continue
		}
		if id != "" && slices.Contains(o.Aliases, id) {
			return true
		}
		if local, _, ok := strings.Cut(o.Value, "@"); ok && a.Email == "" && a.Domain == "" && strings.EqualFold(local, a.Name) {
			return true
		}
	}
	return false
}

func (x *extraction) addresses() {
	for _, s := range [...]struct {
		slot slot
		role Role
	}{
		{sourceIP, Source}, {clientIP, Source}, {sourceNATIP, Source},
		{destinationIP, Dest}, {serverIP, Dest}, {destinationNATIP, Dest}, {hostIP, ""},
	} {
		x.each(s.slot, func(v string) {
			if ip := Address(v); ip != "" {
				x.add(Entity{Type: IP, Value: ip, Role: s.role})
			}
		})
	}
}

func (x *extraction) mail() {
	x.each(emailMessageID, func(v string) {
		if id := MessageID(v); id != "" {
			x.add(Entity{Type: MailMessage, Value: id})
		}
	})
	for _, s := range [...]struct {
		slot slot
		role Role
	}{{emailFrom, Source}, {emailSender, Source}, {emailTo, Target}} {
		x.each(s.slot, func(v string) {
			if m := mailAddress(v); m != "" {
				x.add(Entity{Type: User, Value: m, Role: s.role})
			}
		})
	}
}

func (x *extraction) files() {
	x.hash(fileSHA256, fileSHA1, fileMD5)
	x.hash(processSHA256, processSHA1, processMD5)
	x.hash(dllSHA256, dllSHA1, dllMD5)
}

func (x *extraction) hash(sha256, sha1, md5 slot) {
	var e Entity
	for _, s := range [...]slot{sha256, sha1, md5} {
		h := Hash(x.text(s))
		switch {
		case h == "":
		case e.Value == "":
			e = Entity{Type: FileHash, Value: h}
		default:
			e.addAlias(h)
		}
	}
	if e.Value != "" {
		x.add(e)
	}
}

func (x *extraction) sessions() {
	for _, s := range [...]struct {
		slot   slot
		vendor string
	}{
		{oktaSession, "okta:"}, {o365Session, "o365:"}, {o365AADSession, "o365:"}, {entraSession, "o365:"}, {awsAccessKey, "aws:"},
	} {
		if id := uniqueID(x.text(s.slot)); id != "" {
			x.add(Entity{Type: Session, Value: s.vendor + id, Role: Actor})
		}
	}
	if x.name == "" {
		return
	}
	id := x.text(winlogLogonID)
	if id == "" {
		id = x.text(winlogEventLogonID)
	}
	if id = logonID(id); id != "" {
		x.add(Entity{Type: Session, Value: "windows:" + x.name + ":" + id, Role: Actor})
	}
}

func (x *extraction) principals() {
	if arn := x.text(awsARN); hasPrefixFold(arn, "arn:") {
		x.add(Entity{Type: CloudPrincipal, Value: arn, Role: Actor})
		// IAM Identity Center and most federations name the role session
		// after the person.
		if who := mailAddress(lastPart(arn)); who != "" {
			x.add(Entity{Type: User, Value: who, Role: Actor})
		}
	}
	for _, s := range [...]slot{entraServicePrincipal, entraAuditServicePrincipal, oktaClientID} {
		if id := uniqueID(x.text(s)); id != "" {
			x.add(Entity{Type: CloudPrincipal, Value: id, Role: Actor})
		}
	}
}

func (x *extraction) processes() {
	for _, s := range [...]struct {
		slot slot
		role Role
	}{{processEntityID, Actor}, {processParentEntityID, ""}} {
		if id := processID(x.text(s.slot)); id != "" {
			x.add(Entity{Type: Process, Value: id, Role: s.role})
		}
	}
}

func (x *extraction) domains() {
	for _, s := range [...]struct {
		slot slot
		role Role
	}{{dnsQuestion, Dest}, {urlDomain, Dest}, {destinationDomain, Dest}, {serverDomain, Dest}, {tlsServerName, Dest}, {sourceDomain, Source}} {
		if d := DomainName(x.text(s.slot)); d != "" {
			x.add(Entity{Type: Domain, Value: d, Role: s.role})
		}
	}
}
