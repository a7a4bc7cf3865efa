//go:build unix

package plugin

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"

	"github.com/openmxdr/openmxdr/es-ingest/store"
	"github.com/openmxdr/openmxdr/rules/authority"
)

func TestIncidentList(t *testing.T) {
	p, s := start(t), seed(t, 1)
	s.incident("inc1", "Business e-mail compromise", "critical", "high", 90, day)
	s.incident("inc2", "Odd sign-in", "low", "low", 10, day.Add(time.Hour))
	s.incident("inc3", "Forwarding", "medium", "medium", 50, day.Add(2*time.Hour))
	s.refresh()

	ids := func(query string) []string {
		t.Helper()
		a := p.get(s.as(viewer), "incidents"+query)
		require.Equal(t, 200, a.status, "%s", a.body)
		var l IncidentList
		a.into(t, &l)
		out := []string{}
		for _, i := range l.Items {
			out = append(out, i.ID)
		}
		require.Equal(t, int64(len(out)), l.Total, query)
		return out
	}
	require.Equal(t, []string{"inc3", "inc2", "inc1"}, ids(""))
	require.Equal(t, []string{"inc1", "inc3", "inc2"}, ids("?sort=score"))
	require.Equal(t, []string{"inc2", "inc3", "inc1"}, ids("?sort=severity&order=asc"))
	require.Equal(t, []string{"inc1", "inc2", "inc3"}, ids("?sort=first_seen&order=asc"))
	require.Equal(t, []string{"inc3", "inc1"}, ids("?severity=critical,medium"))
	require.Equal(t, []string{"inc2"}, ids("?confidence=low"))
	require.Equal(t, []string{"inc2"}, ids("?q=odd"))
	require.Equal(t, []string{"inc3", "inc2", "inc1"}, ids("?entity=user:alice@corp.example&domain=email&status=new"))
	require.Empty(t, ids("?entity=user:bob@corp.example"))
	require.Empty(t, ids("?status=closed"))
	require.Equal(t, []string{"inc3"}, ids("?from="+url.QueryEscape(day.Add(90*time.Minute).Format(time.RFC3339))))
	require.Equal(t, []string{"inc1"}, ids(fmt.Sprintf("?from=%d&to=%d", day.Add(-time.Hour).UnixMilli(), day.Add(10*time.Minute).UnixMilli())))

	a := p.get(s.as(viewer), "incidents?limit=1&sort=score")
	var page IncidentList
	a.into(t, &page)
	require.Equal(t, int64(3), page.Total)
	first := page.Items[0]
	require.Equal(t, IncidentSummary{
		ID: "inc1", Title: "Business e-mail compromise", State: "open", Severity: "critical", Confidence: "high", Score: 90,
		Domains: []string{"email", "identity", "saas"}, Tactics: []string{"TA0001", "TA0009"},
		Entities:  []SummaryEntity{{"user", "alice@corp.example", "actor"}, {"ip", "203.0.113.7", "source"}},
		FirstSeen: day, LastSeen: day.Add(2 * time.Minute), SignalCount: 3, Revision: 1, Status: "new",
	}, first)
	var seen []string
	for page.NextCursor != "" && len(seen) < 5 {
		a = p.get(s.as(viewer), "incidents?limit=1&sort=score&cursor="+url.QueryEscape(page.NextCursor))
		page = IncidentList{}
		a.into(t, &page)
		for _, i := range page.Items {
			seen = append(seen, i.ID)
		}
	}
	require.Equal(t, []string{"inc3", "inc2"}, seen)
	require.Equal(t, []string{"no-store"}, a.headers["Cache-Control"])
}

func TestIncidentPage(t *testing.T) {
	p, s := start(t), seed(t, 1)
	s.incident("inc1", "Business e-mail compromise", "critical", "high", 90, day)
	s.refresh()

	var d IncidentDetail
	p.get(s.as(viewer), "incidents/inc1").into(t, &d)
	require.Equal(t, "Business e-mail compromise", d.Incident.Title)
	require.Len(t, d.Incident.Signals, 3)
	require.Equal(t, "UserLoggedIn", d.Incident.Signals[0].Matched[0].Value)
	require.Len(t, d.Incident.Edges, 1)
	require.Len(t, d.Incident.ScoreParts, 1)
	require.Len(t, d.Incident.Story, 3)
	require.Equal(t, int64(1), d.Incident.Revision)
	require.Equal(t, "new", d.Triage.Status)
	require.NotEmpty(t, d.Triage.Version)

	var e EventList
	p.get(s.as(viewer), "incidents/inc1/events").into(t, &e)
	require.Len(t, e.Items, 3)
	require.Empty(t, e.Missing)
	require.Equal(t, "inc1-e0", e.Items[0].ID)
	require.Equal(t, []string{"inc1-s0"}, e.Items[0].SignalIDs)
	require.Equal(t, "logs-azure.signinlogs-"+s.tenant, e.Items[0].Index)
	require.Contains(t, string(e.Items[0].Document), "raw of "+s.tenant)

	a := p.get(s.as(viewer), "incidents/nothere")
	require.Equal(t, 404, a.status)
	require.Equal(t, "not_found", a.code(t))
}

func TestIncidentNamesMissingEvents(t *testing.T) {
	p, s := start(t), seed(t, 1)
	s.lost = "inc1-e0"
	s.incident("inc1", "x", "high", "high", 1, day)
	s.refresh()
	var e EventList
	p.get(s.as(viewer), "incidents/inc1/events").into(t, &e)
	require.Len(t, e.Items, 2)
	require.Equal(t, []string{"inc1-e0"}, e.Missing)
}

func TestIncidentAuthority(t *testing.T) {
	p, s := start(t), seed(t, 1)
	s.json["targets"] = []any{map[string]any{"type": "user", "match": "*@corp.example", "identity_class": "standard"}}
	s.incident("inc1", "x", "high", "high", 90, day)
	s.refresh()
	var got IncidentAuthority
	p.get(s.as(viewer), "incidents/inc1/authority").into(t, &got)
	require.Len(t, got.PolicyVersion, 64)
	require.Equal(t, "high", got.Severity)
	verdict := func(act, target string, actor authority.Actor) VerdictBody {
		t.Helper()
		for _, i := range got.Items {
			if i.Action == act && i.Target.Value == target {
				require.Len(t, i.Verdicts, len(authority.Actors))
				for _, v := range i.Verdicts {
					if v.Actor == string(actor) {
						return v
					}
				}
			}
		}
		t.Fatalf("no verdict for %s %s on %s", actor, act, target)
		return VerdictBody{}
	}
	v := verdict("revoke_sessions", "alice@corp.example", authority.Automation)
	require.Equal(t, "act_alone", v.Verdict)
	require.Equal(t, "automation-cuts-standard-user", v.PolicyID)
	require.Contains(t, v.Clause, "permit (")
	require.Regexp(t, `^10-automation\.cedar:\d+$`, v.ClauseAt)
	v = verdict("block_ip", "203.0.113.7", authority.Automation)
	require.Equal(t, "needs_approval", v.Verdict, "nobody classified the address")
	require.Equal(t, []string{"customer_approver", "customer_admin"}, v.Approvers)
	require.Equal(t, int64(4*3600), v.TTLSeconds)
	require.Equal(t, "deny", v.OnTimeout)
	for _, i := range got.Items {
		require.NotContains(t, []string{"enable_account", "unblock_ip"}, i.Action)
		for _, v := range i.Verdicts {
			require.False(t, v.Actor == "ai_agent" && v.Verdict == "act_alone")
			require.NotEmpty(t, v.Reason)
		}
		if i.Action == "disable_account" {
			require.Equal(t, "D3-AL", i.D3FEND)
			require.Equal(t, "settings, targets, entry 1", i.Target.ClassifiedBy)
			require.Equal(t, "Enable account", i.Undo)
		}
	}
}

func TestMatrixAndPolicies(t *testing.T) {
	p, s := start(t), seed(t, 1)
	var m MatrixBody
	p.get(s.as(viewer), "authority/matrix").into(t, &m)
	require.Len(t, m.PolicyVersion, 64)
	require.Len(t, m.Actors, 6)
	require.Greater(t, len(m.Cells), 700)
	require.Equal(t, "high", m.Cells[0].Severity)
	var all MatrixBody
	p.get(s.as(viewer), "authority/matrix?target_class=workstation&severity=low,medium,high,critical&confidence=low,medium,high&hours=business,out_of_hours").into(t, &all)
	require.NotEmpty(t, all.Cells)
	for _, c := range all.Cells {
		require.Equal(t, "workstation", c.TargetClass)
	}
	for _, bad := range []string{"severity=huge", "confidence=critical", "hours=noon", "target_class=fridge", "severity=low,medium,high,critical&confidence=low,medium,high&hours=business,out_of_hours"} {
		a := p.get(s.as(viewer), "authority/matrix?"+bad)
		require.Equal(t, 400, a.status, bad)
		require.Equal(t, "invalid_request", a.code(t))
	}
	var f PoliciesBody
	p.get(s.as(viewer), "authority/policies").into(t, &f)
	require.Equal(t, m.PolicyVersion, f.Version)
	require.Len(t, f.Files, 5)
	require.Contains(t, f.Files[0].Text, "tenant-boundary")
}

func TestTriage(t *testing.T) {
	p, s := start(t), seed(t, 1)
	s.incident("inc1", "x", "high", "high", 90, day)
	s.refresh()
	version := func() string {
		var d IncidentDetail
		p.get(s.as(viewer), "incidents/inc1").into(t, &d)
		return d.Triage.Version
	}
	old := version()
	a := p.post(s.as(editor), "incidents/inc1/triage", map[string]any{"status": "in_progress", "assignee": "eddy", "comment": "I look at it. <script>", "version": old})
	require.Equal(t, 200, a.status, "%s", a.body)
	var r TriageResult
	a.into(t, &r)
	require.Equal(t, "in_progress", r.Triage.Status)
	require.Equal(t, "eddy", r.Triage.UpdatedBy)
	require.Equal(t, []string{"eddy", "I look at it. <script>"}, []string{r.Triage.Comments[0].Author, r.Triage.Comments[0].Text})
	require.NotEqual(t, old, r.Triage.Version)

	a = p.post(s.as(admin), "incidents/inc1/triage", map[string]any{"status": "closed", "version": old})
	require.Equal(t, 409, a.status)
	var conflict ErrorBody
	a.into(t, &conflict)
	require.Equal(t, "conflict", conflict.Error.Code)
	require.Equal(t, "in_progress", conflict.Triage.Status)
	require.Equal(t, r.Triage.Version, conflict.Triage.Version)

	a = p.post(s.as(admin), "incidents/inc1/triage", map[string]any{"status": "closed", "verdict": "true_positive", "version": conflict.Triage.Version})
	require.Equal(t, 200, a.status, "%s", a.body)
	a.into(t, &r)
	require.Equal(t, "ada", r.Triage.UpdatedBy)
	require.Len(t, r.Triage.Comments, 1, "what was not sent stays")
	require.Equal(t, "eddy", r.Triage.Assignee)

	// The list shows it at once.
	var l IncidentList
	p.get(s.as(viewer), "incidents?status=closed").into(t, &l)
	require.Len(t, l.Items, 1)

	// Many at once: each change wins once, none is lost.
	var wg sync.WaitGroup
	wins := make(chan string, 8)
	shared := version()
	for i := range 8 {
		wg.Go(func() {
			a, err := p.call(s.as(editor), http.MethodPost, "incidents/inc1/triage", fmt.Appendf(nil, `{"comment":"c%d","version":%q}`, i, shared), nil)
			if err == nil && a.status == 200 {
				wins <- "won"
			}
		})
	}
	wg.Wait()
	require.Len(t, wins, 1)
}

func TestWhoMayTriage(t *testing.T) {
	p, s := start(t), seed(t, 1)
	s.json["actors"] = map[string]any{"logins": map[string]any{"carla": "customer_admin"}, "roles": map[string]any{"Editor": "provider_analyst"}}
	s.incident("inc1", "x", "high", "high", 90, day)
	s.refresh()
	var d IncidentDetail
	p.get(s.as(viewer), "incidents/inc1").into(t, &d)
	forged := map[string][]string{
		"Content-Type": {"application/json"}, "X-Grafana-Id": {"eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c2VyOjEiLCJyb2xlIjoiQWRtaW4ifQ."},
		"X-Grafana-User": {"ada"}, "X-Webauth-User": {"ada"}, "X-Grafana-Org-Id": {"2"}, "Authorization": {"Basic YWRhOmFkYQ=="}, "Cookie": {"grafana_session=1"},
	}
	for name, tc := range map[string]struct {
		user  *backend.User
		may   bool
		actor string
	}{
		"nobody":          {nil, false, ""},
		"anonymous admin": {anonymous, false, ""},
		"service account": {robot, false, ""},
		"upper case sa":   {&backend.User{Login: "SA-robot", Role: "Admin"}, false, ""},
		"viewer":          {viewer, false, ""},
		"no role":         {&backend.User{Login: "x"}, false, ""},
		"role None":       {&backend.User{Login: "x", Role: "None"}, false, ""},
		"role Root":       {&backend.User{Login: "x", Role: "Root"}, false, ""},
		"mapped viewer":   {&backend.User{Login: "carla", Role: "Viewer"}, false, ""},
		"editor":          {editor, true, "provider_analyst"},
		"admin":           {admin, true, "provider_lead"},
		"mapped login":    {&backend.User{Login: "carla", Role: "Editor"}, true, "customer_admin"},
	} {
		var w WhoAmI
		a, err := p.call(s.as(tc.user), http.MethodGet, "whoami", nil, forged)
		require.NoError(t, err)
		a.into(t, &w)
		require.Equal(t, tc.may, w.May.Triage, name)
		require.Equal(t, tc.actor, w.Actor, name)
		require.Equal(t, tc.may, w.May.Reason == "", name)

		a, err = p.call(s.as(tc.user), http.MethodPost, "incidents/inc1/triage", []byte(`{"comment":"`+name+`","version":"stale"}`), forged)
		require.NoError(t, err)
		if tc.may {
			require.NotEqual(t, 403, a.status, name)
		} else {
			require.Equal(t, 403, a.status, name)
			require.Equal(t, "forbidden", a.code(t), name)
		}
	}
	a := p.get(s.as(nil), "incidents")
	require.Equal(t, 401, a.status)
	require.Equal(t, 200, p.get(s.as(robot), "incidents").status, "a service account may read")
	var after IncidentDetail
	p.get(s.as(viewer), "incidents/inc1").into(t, &after)
	require.Equal(t, d.Triage, after.Triage, "nothing was written")
}

func TestTriageRefuses(t *testing.T) {
	p, s := start(t), seed(t, 1)
	s.incident("inc1", "x", "high", "high", 90, day)
	s.refresh()
	for body, want := range map[string]int{
		``:                                400,
		`{`:                               400,
		`null`:                            400,
		`[]`:                              400,
		`{"version":"v"}`:                 400,
		`{"status":"closed"}`:             400,
		`{"status":"gone","version":"v"}`: 400,
		`{"verdict":"yes","version":"v"}`: 400,
		`{"status":7,"version":"v"}`:      400,
		`{"status":"new","version":"not a version"}`:                                  -1,
		`{"comment":"x","version":"v","tenant":"other"}`:                              400,
		`{"comment":"x","version":"v"}{"comment":"y"}`:                                400,
		`{"comment":"` + strings.Repeat("x", store.MaxComment+1) + `","version":"v"}`: 400,
		`{"assignee":"` + strings.Repeat("x", 300) + `","version":"v"}`:               400,
		`{"comment":"` + strings.Repeat("x", maxBody) + `","version":"v"}`:            413,
		strings.Repeat(`[`, 60_000):                                                   400,
	} {
		a, err := p.call(s.as(editor), http.MethodPost, "incidents/inc1/triage", []byte(body), nil)
		require.NoError(t, err)
		if want == -1 {
			require.Contains(t, []int{400, 409}, a.status, "%.80s: %s", body, a.body)
			continue
		}
		require.Equal(t, want, a.status, "%.80s: %s", body, a.body)
		require.NotEmpty(t, a.code(t))
	}
	a, err := p.call(s.as(editor), http.MethodPost, "incidents/inc1/triage", []byte(`{"comment":"x","version":"v"}`), map[string][]string{"Content-Type": {"text/plain"}})
	require.NoError(t, err)
	require.Equal(t, 415, a.status)
	require.Equal(t, 404, p.post(s.as(editor), "incidents/other/triage", map[string]any{"comment": "x", "version": "v"}).status)
}

func TestTwoOrganizationsAreApart(t *testing.T) {
	p, one, two := start(t), seed(t, 1), seed(t, 2)
	one.incident("same", "of one", "high", "high", 1, day)
	two.incident("same", "of two", "high", "high", 1, day)
	two.incident("only2", "of two", "high", "high", 1, day)
	one.refresh()
	title := func(o *seeded, id string) (int, string) {
		a := p.get(o.as(viewer), "incidents/"+id+"?tenant="+two.tenant+"&organization.id="+two.tenant)
		if a.status != 200 {
			return a.status, ""
		}
		var d IncidentDetail
		a.into(t, &d)
		return 200, d.Incident.Title
	}
	for range 3 { // each with the other's instance warm
		_, got := title(one, "same")
		require.Equal(t, "of one", got)
		_, got = title(two, "same")
		require.Equal(t, "of two", got)
	}
	status, _ := title(one, "only2")
	require.Equal(t, 404, status)
	var l IncidentList
	p.get(one.as(viewer), "incidents?tenant="+two.tenant).into(t, &l)
	require.Len(t, l.Items, 1)
	var e EventList
	p.get(one.as(viewer), "incidents/same/events").into(t, &e)
	for _, i := range e.Items {
		require.Contains(t, string(i.Document), one.tenant)
		require.NotContains(t, string(i.Document), two.tenant)
	}
	require.Equal(t, 404, p.post(one.as(admin), "incidents/only2/triage", map[string]any{"status": "closed", "version": "1"}).status)
	// An incident document of another tenant put into the own index is not shown.
	require.Equal(t, 200, p.get(two.as(viewer), "incidents/only2").status)
}

func TestHostileParameters(t *testing.T) {
	p, s := start(t), seed(t, 1)
	s.incident("inc1", "x", "high", "high", 90, day)
	s.refresh()
	long := strings.Repeat("a", 5000)
	for _, u := range []string{
		"?from=yesterday", "?from=999999999999999999", "?to=-1", "?from=2026-03-05T00:00:00Z&to=2026-03-04T00:00:00Z",
		"?status=open", "?severity=" + long, "?domain=x%00", "?limit=0", "?limit=100000", "?limit=abc", "?sort=_script", "?order=sideways",
		"?cursor=" + long, "?q=" + long, "?entity=" + long, "?entity=%ff", "?cursor=AAAA", "?cursor=%5B%22a%22%5D", "?" + strings.Repeat("entity=a&", 60),
	} {
		a := p.get(s.as(viewer), "incidents"+u)
		require.Equal(t, 400, a.status, "%.60s: %s", u, a.body)
		require.Equal(t, "invalid_request", a.code(t), u)
		require.Less(t, len(a.body), 1000, "an answer repeats what was sent")
	}
	// What looks like a query language is text.
	for _, q := range []string{`*`, `* OR *:*`, `" } , "query": {"match_all":{}}`, `title:x AND _index:*`, `<script>alert(1)</script>`, `${jndi:ldap://x}`, "\u202e", `\`, `/.*/`, `~1`} {
		for _, name := range []string{"q", "entity", "assignee"} {
			a := p.get(s.as(viewer), "incidents?"+name+"="+url.QueryEscape(q))
			require.Equal(t, 200, a.status, "%s=%s: %s", name, q, a.body)
			var l IncidentList
			a.into(t, &l)
			require.Empty(t, l.Items, "%s=%s", name, q)
		}
	}
	for _, id := range []string{"..", "../x", "a%2Fb", "a b", "_search", "%00", strings.Repeat("a", 200), "a,b", "*", "inc1%3Fx", "-inc1"} {
		for _, rest := range []string{"", "/events", "/authority"} {
			a := p.get(s.as(viewer), "incidents/"+id+rest)
			require.Contains(t, []int{301, 307, 400, 404}, a.status, "%s%s: %s", id, rest, a.body)
		}
	}
	for _, u := range []string{"", "nothing", "incidents/inc1/other", "incidents/inc1/events/x"} {
		require.Equal(t, 404, p.get(s.as(viewer), u).status, u)
	}
	for _, m := range []string{http.MethodDelete, http.MethodPut, http.MethodPatch, http.MethodPost} {
		a, err := p.call(s.as(admin), m, "incidents", []byte("{}"), nil)
		require.NoError(t, err)
		require.Equal(t, 405, a.status, m)
	}
	a := p.get(s.as(viewer), "incidents/inc1/triage")
	require.Equal(t, 405, a.status)
	big, err := p.call(s.as(viewer), http.MethodGet, "whoami", bytes.Repeat([]byte("x"), maxBody+1), nil)
	require.NoError(t, err)
	require.Equal(t, 413, big.status)
}

// Attackers choose the texts in incidents; giants among them are cut in lists
// and frames, and hide no other incident.
func TestGiantTexts(t *testing.T) {
	p, s := start(t), seed(t, 1)
	giant := "\u202e<b>" + strings.Repeat("A\x00", 1<<17)
	s.incident("giant", giant, "high", "high", 9, day)
	s.incident("inc1", "small", "high", "high", 1, day)
	s.signal("giant", "Rule "+strings.Repeat("B", 1<<18), "email", 73, day)
	s.refresh()
	a := p.get(s.as(viewer), "incidents")
	require.Equal(t, 200, a.status)
	require.Less(t, len(a.body), 10_000)
	var l IncidentList
	a.into(t, &l)
	require.Len(t, l.Items, 2)
	var d IncidentDetail
	p.get(s.as(viewer), "incidents/giant").into(t, &d)
	require.Equal(t, giant, d.Incident.Title, "the incident itself is whole")
	res, err := p.query(s.source(viewer), ask(QueryIncidents, nil), ask(QueryIncidents, map[string]any{"format": "logs"}), ask(QuerySignals, nil), ask(QuerySignals, map[string]any{"format": "logs"}))
	require.NoError(t, err)
	for ref, r := range res.Responses {
		require.NoError(t, r.Error, ref)
		text, err := r.Frames[0].MarshalJSON()
		require.NoError(t, err)
		require.Less(t, len(text), 20_000, ref)
	}
}

func TestNotConfigured(t *testing.T) {
	p := start(t)
	for name, o := range map[string]org{
		"nothing":      {id: 1, json: map[string]any{}},
		"no tenant":    {id: 2, json: map[string]any{"url": "http://127.0.0.1:1"}},
		"bad tenant":   {id: 3, json: map[string]any{"url": "http://127.0.0.1:1", "tenant": "a-b*"}},
		"secret url":   {id: 4, json: map[string]any{"url": "http://u:hunter2@127.0.0.1:1", "tenant": "acme"}},
		"wrong access": {id: 6, json: map[string]any{"url": "http://127.0.0.1:1", "tenant": "acme", "access": 7}},
		"wrong types":  {id: 5, json: map[string]any{"url": 7}},
	} {
		h := p.check(o.as(admin))
		require.Equal(t, backend.HealthStatusError, h.Status, name)
		require.NotContains(t, h.Message, "hunter2")
		a := p.get(o.as(viewer), "incidents")
		require.Equal(t, 503, a.status, name)
		require.Equal(t, "not_configured", a.code(t))
	}
	require.Contains(t, p.check(org{id: 1, json: map[string]any{}}.as(admin)).Message, "no tenant is set")
}

func TestHealth(t *testing.T) {
	p, s := start(t), seed(t, 1)
	s.incident("inc1", "x", "high", "high", 90, day)
	s.refresh()
	for _, pc := range []backend.PluginContext{s.as(admin), s.source(admin)} {
		h := p.check(pc)
		require.Equal(t, backend.HealthStatusOk, h.Status, h.Message)
		require.Contains(t, h.Message, "1 open incident")
		require.Contains(t, string(h.JSONDetails), s.tenant)
	}
	with := func(id int64, change func(o *org)) backend.PluginContext {
		o := org{id: id, json: map[string]any{"url": s.es.URL, "user": s.es.User, "tenant": s.tenant}, secure: map[string]string{"password": s.es.Password}}
		change(&o)
		return o.as(admin)
	}
	for want, pc := range map[string]backend.PluginContext{
		"refuses the credentials": with(10, func(o *org) { o.secure["password"] = "wrong-secret" }),
		"cannot be reached":       with(11, func(o *org) { o.json["url"] = "http://127.0.0.1:1" }),
		"settings are not":        with(12, func(o *org) { o.secure["apiKey"] = "also" }),
	} {
		h := p.check(pc)
		require.Equal(t, backend.HealthStatusError, h.Status, want)
		require.Contains(t, h.Message, want)
		require.NotContains(t, h.Message, "wrong-secret")
		require.NotContains(t, h.Message, s.es.Password)
	}
	quiet := with(11, func(o *org) { o.json["url"] = "http://127.0.0.1:1" })
	for _, u := range []*backend.User{nil, viewer, editor} {
		quiet.User = u
		h := p.check(quiet)
		require.Equal(t, backend.HealthStatusError, h.Status)
		require.NotContains(t, h.Message, "127.0.0.1", "addresses are for administrators")
	}
	down := with(11, func(o *org) { o.json["url"] = "http://127.0.0.1:1" })
	a := p.get(down, "incidents")
	require.Equal(t, 503, a.status)
	require.Equal(t, "elasticsearch_unreachable", a.code(t))
	require.NotContains(t, string(a.body), "127.0.0.1", "addresses are for administrators")
	require.Equal(t, 502, p.get(with(10, func(o *org) { o.secure["password"] = "wrong-secret" }), "incidents").status)
	require.NotContains(t, p.log.text(), s.es.Password, "secrets in the log")
	require.NotContains(t, p.log.text(), "wrong-secret", "secrets in the log")
}

// Elasticsearch behind TLS with a certificate authority of its own, and with
// keys in place of a password.
func TestHealthOverTLSAndWithKeys(t *testing.T) {
	p, s := start(t), seed(t, 1)
	s.incident("inc1", "x", "high", "high", 90, day)
	s.refresh()
	to, err := url.Parse(s.es.URL)
	require.NoError(t, err)
	proxy := httptest.NewUnstartedServer(httputil.NewSingleHostReverseProxy(to))
	proxy.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are part of the test
	proxy.StartTLS()
	defer proxy.Close()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: proxy.Certificate().Raw}))
	// keyed stands for Elasticsearch with API keys, which the distribution for
	// tests does not have: it takes two keys, one of which may read nothing.
	keyed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		_, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		switch {
		case key == "Z29vZDprZXk=", key == "b3RoZXI6a2V5" && !strings.HasSuffix(r.URL.Path, "_search"):
			r.SetBasicAuth(s.es.User, s.es.Password)
			httputil.NewSingleHostReverseProxy(to).ServeHTTP(w, r)
		case key == "b3RoZXI6a2V5":
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"error":{"type":"security_exception","reason":"action [indices:data/read/search] is unauthorized for API key"},"status":403}`)
		default:
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":{"type":"security_exception","reason":"unable to authenticate"},"status":401}`)
		}
	}))
	defer keyed.Close()
	for i, tc := range []struct {
		name, want string
		ok         bool
		json       map[string]any
		secure     map[string]string
	}{
		{"unknown authority", "authority that is not known", false, map[string]any{"url": proxy.URL, "user": s.es.User}, map[string]string{"password": s.es.Password}},
		{"own authority", "Connected", true, map[string]any{"url": proxy.URL, "user": s.es.User, "tlsAuthWithCACert": true}, map[string]string{"password": s.es.Password, "tlsCACert": ca}},
		{"not a certificate", "not complete", false, map[string]any{"url": proxy.URL, "user": s.es.User, "tlsAuthWithCACert": true}, map[string]string{"password": s.es.Password, "tlsCACert": "nonsense"}},
		{"key of the tenant", "Connected", true, map[string]any{"url": keyed.URL}, map[string]string{"apiKey": "Z29vZDprZXk="}},
		{"key of another tenant", "may not read the data of tenant " + s.tenant, false, map[string]any{"url": keyed.URL}, map[string]string{"apiKey": "b3RoZXI6a2V5"}},
		{"not a key", "refuses the credentials", false, map[string]any{"url": keyed.URL}, map[string]string{"apiKey": "bm90OmtleQ=="}},
	} {
		tc.json["tenant"] = s.tenant
		o := org{id: int64(100 + i), json: tc.json, secure: tc.secure}
		h := p.check(o.as(admin))
		require.Equal(t, tc.ok, h.Status == backend.HealthStatusOk, "%s: %s", tc.name, h.Message)
		require.Contains(t, h.Message, tc.want, tc.name)
		a := p.get(o.as(viewer), "incidents")
		require.Equal(t, tc.ok, a.status == 200, "%s: %s", tc.name, a.body)
	}
}

// Nothing is lost with the process: it holds no state.
func TestKillAndRestart(t *testing.T) {
	p, s := start(t), seed(t, 1)
	s.incident("inc1", "x", "high", "high", 90, day)
	s.refresh()
	var d IncidentDetail
	p.get(s.as(viewer), "incidents/inc1").into(t, &d)
	a := p.post(s.as(editor), "incidents/inc1/triage", map[string]any{"status": "resolved", "version": d.Triage.Version})
	require.Equal(t, 200, a.status, "%s", a.body)
	proc, err := os.FindProcess(p.client.ReattachConfig().Pid)
	require.NoError(t, err)
	require.NoError(t, proc.Signal(syscall.SIGKILL))
	require.Eventually(t, p.client.Exited, 10*time.Second, 20*time.Millisecond)
	_, err = p.call(s.as(viewer), http.MethodGet, "incidents/inc1", nil, nil)
	require.Error(t, err)

	p = start(t)
	p.get(s.as(viewer), "incidents/inc1").into(t, &d)
	require.Equal(t, "resolved", d.Triage.Status)
	require.Equal(t, backend.HealthStatusOk, p.check(s.as(admin)).Status)
}

// Settings that change take effect with the next request.
func TestSettingsChange(t *testing.T) {
	p, one, two := start(t), seed(t, 1), seed(t, 1)
	one.incident("a", "of one", "high", "high", 1, day)
	two.incident("b", "of two", "high", "high", 1, day)
	one.refresh()
	require.Equal(t, 200, p.get(one.as(viewer), "incidents/a").status)
	pc := two.as(viewer)
	pc.AppInstanceSettings.Updated = pc.AppInstanceSettings.Updated.Add(time.Second)
	require.Equal(t, 404, p.get(pc, "incidents/a").status)
	require.Equal(t, 200, p.get(pc, "incidents/b").status)
}

func TestManyAtOnce(t *testing.T) {
	p, s := start(t), seed(t, 1)
	s.incident("inc1", "x", "high", "high", 90, day)
	s.refresh()
	var wg sync.WaitGroup
	status := make(chan int, 60)
	for i := range 60 {
		wg.Go(func() {
			a, err := p.call(s.as(viewer), http.MethodGet, []string{"incidents", "incidents/inc1", "incidents/inc1/authority", "incidents/inc1/events"}[i%4], nil, nil)
			if err == nil {
				status <- a.status
			}
		})
	}
	wg.Wait()
	close(status)
	got := slices.Collect(func(yield func(int) bool) {
		for v := range status {
			if !yield(v) {
				return
			}
		}
	})
	require.Len(t, got, 60)
	for _, v := range got {
		require.Equal(t, 200, v)
	}
}
