package entity

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/openmxdr/openmxdr/internal/event"
)

type fields map[string]any

func makeEvent(f fields) *event.Event {
	e := event.New(event.NewFields("user.name", "source.ip"))
	for k, v := range f {
		switch v := v.(type) {
		case string:
			e.Set(k, event.StringValue(v))
		case []string:
			e.Set(k, event.StringsValue(v...))
		case int:
			e.Set(k, event.IntValue(int64(v)))
		case event.Value:
			e.Set(k, v)
		}
	}
	return e
}

func TestExtract(t *testing.T) {
	sha256 := strings.Repeat("AB", 32)
	sha1 := strings.Repeat("cd", 20)
	for _, c := range []struct {
		name string
		in   fields
		want []Entity
	}{
		{"nothing", fields{"message": "x"}, nil},
		{"okta sign-in", fields{
			"user.email": "Ana.Albers@Corp.Example", "user.name": "Ana.Albers@Corp.Example", "user.id": "00u0000000000001",
			"source.ip": "192.0.2.66", "client.ip": "192.0.2.66",
			"okta.authentication_context.external_session_id": "102AnaX",
		}, []Entity{
			{Type: User, Value: "ana.albers@corp.example", Role: Actor, Aliases: []string{"00u0000000000001"}},
			{Type: IP, Value: "192.0.2.66", Role: Source},
			{Type: Session, Value: "okta:102anax", Role: Actor},
		}},
		{"user repeated under client and source", fields{
			"user.email": "ana@corp.example", "user.name": "ana", "user.domain": "corp.example", "user.id": "00u0000000000001",
			"client.user.id": "00u0000000000001", "client.user.name": "ana", "source.user.name": "Ana",
		}, []Entity{{Type: User, Value: "ana@corp.example", Role: Actor, Aliases: []string{`corp\ana`, "00u0000000000001"}}}},
		{"explicit credentials", fields{"user.name": "ana", "user.domain": "CORP", "user.effective.name": "admin", "user.effective.domain": "CORP"}, []Entity{
			{Type: User, Value: `corp\ana`, Role: Actor}, {Type: User, Value: `corp\admin`, Role: Target},
		}},
		{"okta without a session", fields{"okta.authentication_context.external_session_id": "unknown"}, nil},
		{"windows domain account", fields{
			"user.name": "Ana", "user.domain": "CORP", "user.id": "S-1-5-21-1-2-3-1104", "host.name": "PC1.corp.example", "winlog.logon.id": "0x3A1F",
		}, []Entity{
			{Type: Host, Value: "pc1"},
			{Type: User, Value: `corp\ana`, Role: Actor, Aliases: []string{"s-1-5-21-1-2-3-1104"}},
			{Type: Session, Value: "windows:pc1:0x3a1f", Role: Actor},
		}},
		{"name with DNS domain", fields{"user.name": "ana", "user.domain": "CORP.Example"}, []Entity{
			{Type: User, Value: "ana@corp.example", Role: Actor, Aliases: []string{`corp\ana`}},
		}},
		{"mail with domain account", fields{"user.email": "ana@corp.example", "user.name": "ana", "user.domain": "CORP"}, []Entity{
			{Type: User, Value: "ana@corp.example", Role: Actor, Aliases: []string{`corp\ana`}},
		}},
		{"local account by domain", fields{"user.name": "Administrator", "user.domain": "PC1", "host.name": "PC1"}, []Entity{
			{Type: Host, Value: "pc1"}, {Type: User, Value: `pc1\administrator`, Role: Actor},
		}},
		{"local account by lack of domain", fields{"user.name": "root", "user.id": "0", "host.hostname": "web01"}, []Entity{
			{Type: Host, Value: "web01"}, {Type: User, Value: `web01\root`, Role: Actor},
		}},
		{"dot domain", fields{"user.name": `.\admin`, "host.name": "pc2"}, []Entity{
			{Type: Host, Value: "pc2"}, {Type: User, Value: `pc2\admin`, Role: Actor},
		}},
		{"cloud account owns a plain name", fields{"user.name": "alice", "cloud.account.id": "111122223333"}, []Entity{
			{Type: User, Value: `111122223333\alice`, Role: Actor},
		}},
		{"down-level name in one field", fields{"user.name": `CORP\Bob`}, []Entity{{Type: User, Value: `corp\bob`, Role: Actor}}},
		{"machine account", fields{"user.name": "DC01$", "user.domain": "CORP", "host.name": "dc01"}, []Entity{{Type: Host, Value: "dc01"}}},
		{"machine account of a realm", fields{"user.name": "PC9$@CORP.EXAMPLE"}, []Entity{{Type: Host, Value: "pc9"}}},
		{"id only", fields{"user.id": "2b7f0c1e-5f53-4a39-8f1c-000000000001"}, []Entity{{Type: User, Value: "2b7f0c1e-5f53-4a39-8f1c-000000000001", Role: Actor}}},
		{"target and actor", fields{
			"user.name": "admin@corp.example", "user.target.email": "Bob@corp.example", "source.user.name": "carol@corp.example", "destination.user.name": "dave@corp.example",
		}, []Entity{
			{Type: User, Value: "admin@corp.example", Role: Actor}, {Type: User, Value: "bob@corp.example", Role: Target},
			{Type: User, Value: "carol@corp.example", Role: Actor}, {Type: User, Value: "dave@corp.example", Role: Target},
		}},
		{"addresses", fields{
			"source.ip": "::ffff:203.0.113.9", "destination.ip": "2001:DB8::1", "host.ip": []string{"127.0.0.1", "fe80::1%eth0", "10.0.0.5", "224.0.0.1"},
			"server.ip": "0.0.0.0", "client.ip": "198.51.100.7:52814",
		}, []Entity{
			{Type: IP, Value: "203.0.113.9", Role: Source}, {Type: IP, Value: "198.51.100.7", Role: Source},
			{Type: IP, Value: "2001:db8::1", Role: Dest}, {Type: IP, Value: "10.0.0.5"},
		}},
		{"mail", fields{"email.message_id": "<a.B@mail.example>", "email.from.address": []string{"Evil@bad.example"}, "email.to.address": []string{"x@corp.example", "not an address"}}, []Entity{
			{Type: MailMessage, Value: "a.B@mail.example"}, {Type: User, Value: "evil@bad.example", Role: Source}, {Type: User, Value: "x@corp.example", Role: Target},
		}},
		{"hashes", fields{
			"file.hash.sha256": sha256, "file.hash.sha1": sha1, "process.hash.md5": "d41d8cd98f00b204e9800998ecf8427e", "process.hash.sha1": "zz",
		}, []Entity{{Type: FileHash, Value: strings.ToLower(sha256), Aliases: []string{sha1}}}},
		{"aws role session of a person", fields{
			"aws.cloudtrail.user_identity.arn": "arn:aws:sts::111122223333:assumed-role/Admin/Ana@corp.example", "aws.cloudtrail.user_identity.access_key_id": "ASIAEXAMPLE1",
		}, []Entity{
			{Type: Session, Value: "aws:asiaexample1", Role: Actor},
			{Type: CloudPrincipal, Value: "arn:aws:sts::111122223333:assumed-role/Admin/Ana@corp.example", Role: Actor},
			{Type: User, Value: "ana@corp.example", Role: Actor},
		}},
		{"process", fields{"process.entity_id": "{AAAA0001-0000-0000-0000-0000000000FF}", "process.parent.entity_id": "{00000000-0000-0000-0000-000000000000}"}, []Entity{
			{Type: Process, Value: "aaaa0001-0000-0000-0000-0000000000ff", Role: Actor},
		}},
		{"domains", fields{"dns.question.name": "Evil.Example.", "url.domain": "192.0.2.1", "destination.domain": "FILESRV", "source.domain": "4.3.2.1.in-addr.arpa"}, []Entity{
			{Type: Host, Value: "filesrv", Role: Dest}, {Type: Domain, Value: "evil.example", Role: Dest},
		}},
		{"o365 system account", fields{"user.id": `NT AUTHORITY\SYSTEM (Microsoft.Exchange.ServiceHost)`, "user.name": `NT AUTHORITY\SYSTEM (Microsoft.Exchange.ServiceHost)`}, nil},
		{"system's logon", fields{"host.name": "pc1", "winlog.logon.id": "0x3e7"}, []Entity{{Type: Host, Value: "pc1"}}},
		{"a logon id without host joins nothing", fields{"winlog.logon.id": "0x12345"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, Extract(makeEvent(c.in))); d != "" {
				t.Error(d)
			}
		})
	}
}

// Names that every machine has must never become a join key.
func TestWellKnownAccountsAreNoEntities(t *testing.T) {
	for _, a := range []Account{
		{Name: "SYSTEM"}, {Name: "SYSTEM", Domain: "NT AUTHORITY", ID: "S-1-5-18"}, {Name: "Système", Domain: "AUTORITE NT", ID: "S-1-5-18"},
		{Name: `NT AUTHORITY\LOCAL SERVICE`}, {Name: "network service"}, {Name: "ANONYMOUS LOGON", ID: "S-1-5-7"}, {Name: "-"}, {Name: "-", Domain: "-"},
		{Name: "DWM-1", Domain: "Window Manager"}, {Name: "DWM-12"}, {Name: "UMFD-0", Domain: "Font Driver Host"}, {Name: "TrustedInstaller", Domain: "NT SERVICE"},
		{Name: "x", ID: "S-1-5-32-544"}, {ID: "S-1-0-0"}, {ID: "1000"}, {Name: "N/A"}, {Name: "$"}, {Email: "@"}, {Name: "unknown"},
		{ID: "00000000-0000-0000-0000-000000000000"}, {Name: "DefaultAppPool", Domain: "IIS APPPOOL"},
	} {
		for _, host := range []string{"", "pc1"} {
			a.Host = host
			if e, ok := a.Entity(); ok {
				t.Errorf("%+v became %+v", a, e)
			}
		}
	}
	for _, name := range []string{"dwm-x", "dwm-", "systemadmin", "umfd", "localservice2"} {
		if e, ok := (Account{Name: name}).Entity(); !ok || e.Value != name {
			t.Errorf("%q is nobody's special name, got %+v %v", name, e, ok)
		}
	}
}

func TestExtractIsBounded(t *testing.T) {
	var to []string
	for i := range 10_000 {
		to = append(to, fmt.Sprintf("u%d@corp.example", i))
	}
	got := Extract(makeEvent(fields{"email.to.address": to, "host.ip": to, "user.name": strings.Repeat("x", 1<<20)}))
	if len(got) == 0 || len(got) > MaxExtracted {
		t.Fatalf("%d entities", len(got))
	}
}

// FuzzExtract: canonical values are stable (canonical form of a canonical
// value is itself) and nothing panics.
func FuzzExtract(f *testing.F) {
	f.Add("CORP\\ana", "PC1.corp", "::1", "<m@x>")
	f.Add(`\`, "$", "1.2.3.4:99", "")
	f.Add("a\\b\\c", ".", "[::ffff:1.2.3.4]:1", "@@")
	f.Add("a", "..", "1.2.3.4", "..")
	f.Fuzz(func(t *testing.T, user, host, ip, other string) {
		for _, e := range Extract(makeEvent(fields{
			"user.name": user, "user.domain": other, "user.id": other, "user.email": other, "host.name": host, "source.ip": ip,
			"email.message_id": other, "file.hash.md5": other, "dns.question.name": other, "process.entity_id": other,
		})) {
			if e.Value == "" || e.Type == "" {
				t.Fatalf("empty entity %+v", e)
			}
			for _, a := range e.Aliases {
				if a == "" || a == e.Value {
					t.Fatalf("alias %q of %+v", a, e)
				}
			}
			switch e.Type {
			case IP:
				if Address(e.Value) != e.Value {
					t.Fatalf("%q is not canonical", e.Value)
				}
			case Domain:
				if DomainName(e.Value) != e.Value {
					t.Fatalf("%q is not canonical", e.Value)
				}
			}
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	ev := makeEvent(fields{
		"user.email": "ana.albers@corp.example", "user.name": "ana.albers@corp.example", "user.id": "00u0000000000001",
		"source.ip": "192.0.2.66", "host.name": "pc1", "okta.authentication_context.external_session_id": "102anax",
	})
	for i := range 50 {
		ev.Set(fmt.Sprintf("vendor.field.number.%d", i), event.StringValue("x"))
	}
	b.ReportAllocs()
	for b.Loop() {
		Extract(ev)
	}
}

func TestDirectoryObjectsAreNotUsers(t *testing.T) {
	const guid = "00000003-0000-0000-c000-00000000ABCD"
	for id, want := range map[string]string{
		guid:                                   "00000003-0000-0000-c000-00000000abcd",
		"ServicePrincipal_" + guid:             "00000003-0000-0000-c000-00000000abcd",
		guid + "/ags.windows.net;" + guid:      "00000003-0000-0000-c000-00000000abcd",
		"S-1-5-21-1-2-3-1001":                  "",
		"00000003-0000-0000-c000-00000000ABC":  "",
		"00000003-0000-0000-c000-00000000ABCX": "",
	} {
		if got, _ := directoryObject(Account{ID: id}); got != want {
			t.Errorf("%q: got %q, want %q", id, got, want)
		}
	}
	if _, ok := directoryObject(Account{ID: guid, Email: "ana@corp.example"}); ok {
		t.Error("a user with an address and a GUID is a user")
	}
}
