package behavior

import (
	"fmt"
	"testing"
	"time"

	"github.com/openmxdr/openmxdr/internal/event"
)

// Every shipped model, on events as the shipped mappings write them: quiet
// while it learns, quiet about what it has learned, one signal for the new.
func TestShippedModels(t *testing.T) {
	type fields = map[string]event.Value
	text, list := event.StringValue, event.StringsValue
	for _, c := range []struct {
		model, reason string
		usual, odd    fields
	}{
		{
			model:  "unusual-sign-in-okta",
			reason: "ana@corp.example signed in from a new country (Lithuania) and from a new network (AS64666 brisk).",
			usual: fields{
				"event.dataset": text("okta.system"), "event.category": list("authentication", "session"), "event.action": text("user.session.start"), "event.outcome": text("success"),
				"user.email": text("ana@corp.example"), "client.as.number": event.IntValue(64500), "client.geo.country_name": text("Germany"),
			},
			odd: fields{"client.as.number": event.IntValue(64666), "client.as.organization.name": text("brisk"), "client.geo.country_name": text("Lithuania")},
		}, {
			model:  "unusual-sign-in-microsoft",
			reason: "ana@corp.example signed in to Microsoft 365 from a new network (192.0.2.0/24, address 192.0.2.66) and with a new program (Python).",
			usual: fields{
				"event.dataset": text("o365.audit"), "event.category": list("web", "authentication"), "event.action": text("UserLoggedIn"), "event.outcome": text("success"),
				"user.email": text("ana@corp.example"), "user.id": text("ana@corp.example"), "source.ip": text("198.51.100.17"), "user_agent.original": text(chrome),
			},
			odd: fields{"source.ip": text("192.0.2.66"), "user_agent.original": text("python-requests/2.31")},
		}, {
			model:  "unusual-sign-in-aws",
			reason: `111122223333\alice signed in to the AWS console from a new network (192.0.2.0/24, address 192.0.2.66).`,
			usual: fields{
				"event.dataset": text("aws.cloudtrail"), "event.category": list("authentication"), "event.action": text("ConsoleLogin"), "event.outcome": text("success"),
				"user.name": text("alice"), "cloud.account.id": text("111122223333"), "source.ip": text("198.51.100.17"), "aws.cloudtrail.user_identity.arn": text("arn:aws:iam::111122223333:user/alice"),
			},
			odd: fields{"source.ip": text("192.0.2.66")},
		}, {
			model:  "unusual-logon-windows",
			reason: `corp\ana logged on remotely to a new host (dc01), from a new workstation (EVIL) and from a new network (10.9.9.0/24, address 10.9.9.9).`,
			usual: fields{
				"event.dataset": text("system.security"), "event.category": list("authentication"), "event.code": text("4624"), "winlog.logon.type": text("Network"), "event.outcome": text("success"),
				"user.name": text("ana"), "user.domain": text("CORP"), "host.name": text("files01"), "source.domain": text("PC1"), "source.ip": text("10.0.0.5"),
			},
			odd: fields{"host.name": text("dc01"), "source.domain": text("EVIL"), "source.ip": text("10.9.9.9")},
		},
	} {
		t.Run(c.model, func(t *testing.T) {
			e := newEngine(t)
			seen := func(id string, at time.Duration, more fields) []string {
				ev := event.New(event.NewFields(e.Fields()...))
				ev.Time = monday.Add(at)
				ev.Set("organization.id", text("acme"))
				ev.Set("event.id", text(id))
				for _, f := range []fields{c.usual, more} {
					for k, v := range f {
						ev.Set(k, v)
					}
				}
				var out []string
				for _, s := range e.Observe(ev) {
					if s.RuleID != c.model || len(s.Tactics) == 0 || len(s.Techniques) == 0 {
						t.Errorf("%+v", s)
					}
					out = append(out, s.Reason)
				}
				return out
			}
			for d := range 9 {
				if got := seen(fmt.Sprint("usual", d), time.Duration(d)*24*time.Hour, nil); len(got) != 0 {
					t.Fatalf("day %d: %q", d, got)
				}
			}
			if got := seen("odd", 9*24*time.Hour, c.odd); len(got) != 1 || got[0] != c.reason {
				t.Errorf("got %q, want %q", got, c.reason)
			}
			if got := seen("fails", 9*24*time.Hour+1, fields{"event.outcome": text("failure"), "event.code": text("4625"), "source.ip": text("203.0.113.77")}); len(got) != 0 {
				t.Errorf("a failed attempt: %q", got)
			}
		})
	}
}
