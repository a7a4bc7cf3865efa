package plugin

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"

	"github.com/openmxdr/openmxdr/rules/action"
	"github.com/openmxdr/openmxdr/rules/authority"
)

const goodSettings = `{"url":" https://a:9200/ , https://b:9200","user":"u","tenant":"acme",
	"actors":{"logins":{"carla":"customer_admin"},"roles":{"Admin":"provider_lead"}},
	"hours":{"timezone":"Europe/Berlin","days":[1,2,3,4,5,6],"start":"09:30","end":"17:00"},
	"targets":[{"type":"user","match":"CEO@*","identity_class":"vip","criticality":"critical"},{"type":"user","match":"*","identity_class":"standard"},{"type":"host","match":"dc?","asset_class":"domain_controller"},
	{"type":"cloud_principal","match":"arn:*:role/*","identity_class":"service"}]}`

func TestAppSettings(t *testing.T) {
	c, err := appConfig(backend.AppInstanceSettings{JSONData: json.RawMessage(goodSettings), DecryptedSecureJSONData: map[string]string{"password": "p"}})
	require.NoError(t, err)
	require.Equal(t, []string{"https://a:9200", "https://b:9200"}, c.endpoints)
	require.Equal(t, []string{"acme", "u", "p", ""}, []string{c.tenant, c.user, c.password, c.apiKey})
	require.Equal(t, authority.CustomerAdmin, c.logins["carla"])

	target, by := c.classify("user", "ceo@corp.example")
	require.Equal(t, authority.VIP, target.IdentityClass)
	require.Equal(t, authority.CriticalityCritical, target.Criticality)
	require.Equal(t, "acme", target.Tenant)
	require.Equal(t, "settings, targets, entry 1", by)
	target, _ = c.classify("user", "bob@corp.example")
	require.Equal(t, authority.StandardIdentity, target.IdentityClass)
	target, _ = c.classify("host", "DC1")
	require.Equal(t, action.DomainController, target.AssetClass)
	target, by = c.classify("host", "dc12")
	require.Equal(t, action.Unclassified, target.AssetClass)
	require.Equal(t, "nobody", by)
	target, _ = c.classify("cloud_principal", "arn:aws:iam::1:role/app/reader")
	require.Equal(t, authority.ServiceIdentity, target.IdentityClass)
	for _, typ := range action.TargetTypes {
		target, _ := c.classify(typ, "x")
		require.NoError(t, target.Validate(), typ)
	}

	for at, want := range map[string]authority.Hours{
		"2026-03-04T08:29:59Z": authority.OutOfHours,    // 09:29 in Berlin
		"2026-03-04T08:30:00Z": authority.BusinessHours, // Wednesday
		"2026-03-04T15:59:59Z": authority.BusinessHours,
		"2026-03-04T16:00:00Z": authority.OutOfHours,
		"2026-07-01T07:30:00Z": authority.BusinessHours, // summer time
		"2026-03-07T10:00:00Z": authority.BusinessHours, // Saturday, in the list
		"2026-03-08T10:00:00Z": authority.OutOfHours,    // Sunday
	} {
		now, err := time.Parse(time.RFC3339, at)
		require.NoError(t, err)
		require.Equal(t, want, c.hours.at(now), at)
	}
}

func TestDataSourceSettings(t *testing.T) {
	c, err := dataSourceConfig(backend.DataSourceInstanceSettings{
		URL: "https://es:9200", BasicAuthEnabled: true, BasicAuthUser: "b", JSONData: json.RawMessage(`{"tenant":"acme"}`),
		DecryptedSecureJSONData: map[string]string{"basicAuthPassword": "bp"},
	})
	require.NoError(t, err)
	require.Equal(t, []string{"https://es:9200"}, c.endpoints)
	require.Equal(t, []string{"b", "bp"}, []string{c.user, c.password})
	c, err = dataSourceConfig(backend.DataSourceInstanceSettings{
		URL: "https://es:9200", JSONData: json.RawMessage(`{"tenant":"acme","url":"https://own:1"}`), DecryptedSecureJSONData: map[string]string{"apiKey": "k"},
	})
	require.NoError(t, err)
	require.Equal(t, []string{"https://own:1"}, c.endpoints)
	require.Equal(t, "k", c.apiKey)
	require.Empty(t, c.user)
}

func TestSettingsRefused(t *testing.T) {
	for from, tc := range map[string]struct{ to, want string }{
		`"acme"`:          {`""`, "no tenant"},
		`"tenant":"acme"`: {`"tenant":"Acme-1"`, "not valid"},
		`"url":" https://a:9200/ , https://b:9200"`: {`"url":" , "`, "no address"},
		`"customer_admin"`:                          {`"automation"`, "carla"},
		`"provider_lead"`:                           {`"boss"`, "boss"},
		`"Admin"`:                                   {`"Viewer"`, "Viewer"},
		`Europe/Berlin`:                             {`Middle/Earth`, "time zone"},
		`[1,2,3,4,5,6]`:                             {`[0]`, "Monday"},
		`"09:30"`:                                   {`"half past"`, "time of day"},
		`"17:00"`:                                   {`"09:00"`, "before"},
		`"vip"`:                                     {`"king"`, "entry 1"},
		`"CEO@*"`:                                   {`"[a"`, "entry 1"},
		`"match":"*"`:                               {`"match":""`, "entry 2"},
		`"type":"host"`:                             {`"type":"printer"`, "entry 3"},
		`"user":"u"`:                                {`"user":7`, "cannot be read"},
	} {
		text := strings.Replace(goodSettings, from, tc.to, 1)
		require.NotEqual(t, goodSettings, text, from)
		_, err := appConfig(backend.AppInstanceSettings{JSONData: json.RawMessage(text)})
		require.ErrorContains(t, err, tc.want, from)
	}
	_, err := appConfig(backend.AppInstanceSettings{JSONData: make([]byte, maxSettingsBytes+1)})
	require.ErrorContains(t, err, "more than")
}

func FuzzReadList(f *testing.F) {
	f.Add("from=1&to=2&status=new&severity=high&entity=user:a&entity=b&q=x&sort=score&order=asc&limit=5&cursor=c")
	f.Add("limit=-1&from=%ff")
	f.Fuzz(func(t *testing.T, query string) {
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		filter, page, err := readList(q)
		if err != nil {
			return
		}
		if page.Size < 1 || page.Size > maxPage || len(filter.Entities) > maxValues || len(filter.Text) > maxText {
			t.Fatalf("limits not kept: %+v %+v", filter, page)
		}
	})
}
