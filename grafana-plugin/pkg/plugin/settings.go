package plugin

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // hours are the customer's, on a Grafana image without zone files too

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/openmxdr/openmxdr/es-ingest/schema"
	"github.com/openmxdr/openmxdr/rules/action"
	"github.com/openmxdr/openmxdr/rules/authority"
)

// Settings is jsonData, of the app and of the data source alike. TLS is set by
// Grafana's own members beside these (tlsAuth, tlsAuthWithCACert,
// tlsSkipVerify, serverName, timeout). Secrets are in secureJsonData: password
// or apiKey, and tlsCACert, tlsClientCert, tlsClientKey.
//
// The tenant is read from here and from nowhere else: settings belong to one
// Grafana organization, and no request can name a tenant. The credentials
// should be limited to that tenant's indices in Elasticsearch too, because an
// administrator of the organization can change its settings.
type Settings struct {
	// URL holds one or more addresses of Elasticsearch, separated by commas.
	URL  string `json:"url"`
	User string `json:"user"`
	// Tenant is the organization.id whose data this Grafana organization sees.
	Tenant string `json:"tenant"`

	// Actors says in which part people act (app only).
	Actors ActorSettings `json:"actors"`
	// Hours are the customer's working hours (app only).
	Hours HoursSettings `json:"hours"`
	// Targets says what entities are to the business; the first that fits
	// counts (app only).
	Targets []TargetSettings `json:"targets"`
}

// ActorSettings maps Grafana users to actors: a login first, then the role in
// the organization. Without a mapping editors are provider_analyst and admins
// provider_lead; nobody acts for the customer unless named here.
type ActorSettings struct {
	Logins map[string]string `json:"logins"` // Grafana login → actor
	Roles  map[string]string `json:"roles"`  // Editor or Admin → actor
}

// HoursSettings are working hours; the zero value is Monday to Friday, 08:00
// to 18:00 UTC.
type HoursSettings struct {
	Timezone string `json:"timezone"` // IANA name, such as Europe/Berlin
	Days     []int  `json:"days"`     // 1 is Monday, 7 is Sunday
	Start    string `json:"start"`    // 08:00
	End      string `json:"end"`      // 18:00
}

// TargetSettings classifies entities.
type TargetSettings struct {
	Type          string `json:"type"`  // an entity type
	Match         string `json:"match"` // the value, in any case; * and ? stand for any characters
	AssetClass    string `json:"asset_class"`
	IdentityClass string `json:"identity_class"`
	Criticality   string `json:"criticality"` // normal if empty
}

// Limits of settings.
const (
	maxSettingsBytes = 1 << 20
	maxTargets       = 5000
	maxLogins        = 5000
)

// config is checked settings.
type config struct {
	tenant    string
	endpoints []string
	user      string
	password  string
	apiKey    string
	logins    map[string]authority.Actor
	roles     map[string]authority.Actor
	hours     hours
	targets   []classification
}

// classification is one checked entry of Settings.Targets.
type classification struct {
	number  int // in the settings, from 1
	typ     action.TargetType
	pattern string
	target  authority.Target
}

// hours is checked HoursSettings; start and end are since midnight.
type hours struct {
	zone       *time.Location
	days       map[time.Weekday]bool
	start, end time.Duration
}

// appConfig reads the app's settings.
func appConfig(s backend.AppInstanceSettings) (config, error) {
	return readConfig(s.JSONData, s.DecryptedSecureJSONData, "", "", "")
}

// dataSourceConfig reads the data source's settings. Grafana's own members for
// address and basic authentication count where ours are not set.
func dataSourceConfig(s backend.DataSourceInstanceSettings) (config, error) {
	user := ""
	if s.BasicAuthEnabled {
		user = s.BasicAuthUser
	}
	return readConfig(s.JSONData, s.DecryptedSecureJSONData, s.URL, user, s.DecryptedSecureJSONData["basicAuthPassword"])
}

func readConfig(jsonData json.RawMessage, secure map[string]string, url, user, password string) (config, error) {
	var s Settings
	if len(jsonData) > maxSettingsBytes {
		return config{}, fmt.Errorf("the settings have %d bytes, more than the %d allowed", len(jsonData), maxSettingsBytes)
	}
	if len(jsonData) > 0 {
		if err := json.Unmarshal(jsonData, &s); err != nil {
			return config{}, fmt.Errorf("the settings cannot be read: %w", err)
		}
	}
	if s.URL != "" {
		url = s.URL
	}
	if s.User != "" {
		user = s.User
	}
	if p := secure["password"]; p != "" {
		password = p
	}
	c := config{tenant: s.Tenant, user: user, password: password, apiKey: secure["apiKey"]}
	for _, e := range strings.Split(url, ",") {
		if e = strings.TrimRight(strings.TrimSpace(e), "/"); e != "" {
			c.endpoints = append(c.endpoints, e)
		}
	}
	var errs []error
	if len(c.endpoints) == 0 {
		errs = append(errs, errors.New("no address of Elasticsearch is set; enter it in the configuration, such as https://elasticsearch:9200"))
	}
	if c.tenant == "" {
		errs = append(errs, errors.New("no tenant is set; enter the organization.id whose data this Grafana organization may see"))
	} else if err := schema.CheckTenant(c.tenant); err != nil {
		errs = append(errs, fmt.Errorf("the tenant is not valid: %w", err))
	}
	var err error
	if c.logins, err = readActors("actors.logins", s.Actors.Logins, nil); err != nil {
		errs = append(errs, err)
	}
	if c.roles, err = readActors("actors.roles", s.Actors.Roles, []string{"Editor", "Admin"}); err != nil {
		errs = append(errs, err)
	}
	if c.hours, err = readHours(s.Hours); err != nil {
		errs = append(errs, err)
	}
	if c.targets, err = readTargets(s.Targets); err != nil {
		errs = append(errs, err)
	}
	return c, errors.Join(errs...)
}

// readActors checks a mapping to actors. Machines are no part for a person.
func readActors(where string, in map[string]string, keys []string) (map[string]authority.Actor, error) {
	if len(in) > maxLogins {
		return nil, fmt.Errorf("%s has %d entries, more than the %d allowed", where, len(in), maxLogins)
	}
	out := make(map[string]authority.Actor, len(in))
	for k, v := range in {
		actor := authority.Actor(v)
		switch {
		case keys != nil && !slices.Contains(keys, k):
			return nil, fmt.Errorf("%s: %q must be one of %s", where, k, strings.Join(keys, ", "))
		case actor.Side() != authority.Provider && actor.Side() != authority.Customer:
			return nil, fmt.Errorf("%s: %q is mapped to %q; a person is provider_analyst, provider_lead, customer_approver or customer_admin", where, k, v)
		}
		out[k] = actor
	}
	return out, nil
}

func readHours(s HoursSettings) (hours, error) {
	h := hours{zone: time.UTC, days: map[time.Weekday]bool{}, start: 8 * time.Hour, end: 18 * time.Hour}
	if s.Timezone != "" {
		zone, err := time.LoadLocation(s.Timezone)
		if err != nil || s.Timezone == "Local" {
			return h, fmt.Errorf("hours.timezone %.60q is not a time zone's name, such as Europe/Berlin", s.Timezone)
		}
		h.zone = zone
	}
	if len(s.Days) == 0 {
		s.Days = []int{1, 2, 3, 4, 5}
	}
	for _, d := range s.Days {
		if d < 1 || d > 7 {
			return h, fmt.Errorf("hours.days has %d; 1 is Monday, 7 is Sunday", d)
		}
		h.days[time.Weekday(d%7)] = true
	}
	for _, e := range []struct {
		name, text string
		into       *time.Duration
	}{{"start", s.Start, &h.start}, {"end", s.End, &h.end}} {
		if e.text == "" {
			continue
		}
		t, err := time.Parse("15:04", e.text)
		if err != nil {
			return h, fmt.Errorf("hours.%s %.20q must be a time of day, such as 08:00", e.name, e.text)
		}
		*e.into = time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
	}
	if h.start >= h.end {
		return h, errors.New("hours.start must be before hours.end")
	}
	return h, nil
}

// at says whether the customer's people are at work at t.
func (h hours) at(t time.Time) authority.Hours {
	t = t.In(h.zone)
	now := time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
	if h.days[t.Weekday()] && now >= h.start && now < h.end {
		return authority.BusinessHours
	}
	return authority.OutOfHours
}

func readTargets(in []TargetSettings) ([]classification, error) {
	if len(in) > maxTargets {
		return nil, fmt.Errorf("targets has %d entries, more than the %d allowed", len(in), maxTargets)
	}
	out := make([]classification, 0, len(in))
	for i, s := range in {
		c := classification{number: i + 1, typ: action.TargetType(s.Type), pattern: globbed(s.Match)}
		c.target = authority.Unclassified("any", c.typ, "x")
		if s.AssetClass != "" {
			c.target.AssetClass = action.AssetClass(s.AssetClass)
		}
		if s.IdentityClass != "" {
			c.target.IdentityClass = authority.IdentityClass(s.IdentityClass)
		}
		c.target.Criticality = authority.CriticalityNormal
		if s.Criticality != "" {
			c.target.Criticality = authority.Criticality(s.Criticality)
		}
		if err := c.target.Validate(); err != nil {
			return nil, fmt.Errorf("targets, entry %d: %w", c.number, err)
		}
		if _, err := path.Match(c.pattern, ""); err != nil || c.pattern == "" || len(c.pattern) > 512 {
			return nil, fmt.Errorf("targets, entry %d: match %.60q must be a value of 1 to 512 bytes, in which * and ? stand for any characters", c.number, s.Match)
		}
		out = append(out, c)
	}
	return out, nil
}

// globbed prepares a pattern or a value for path.Match: case does not count,
// and the slash is a character like any other (cloud principals have some).
func globbed(s string) string { return strings.ReplaceAll(strings.ToLower(s), "/", "\x01") }

// classify says what an entity is to the business, and where that is written.
func (c config) classify(typ action.TargetType, value string) (authority.Target, string) {
	plain := globbed(value)
	for _, k := range c.targets {
		if k.typ != typ {
			continue
		}
		if ok, err := path.Match(k.pattern, plain); err == nil && ok {
			t := k.target
			t.Tenant, t.Value = c.tenant, value
			return t, fmt.Sprintf("settings, targets, entry %d", k.number)
		}
	}
	return authority.Unclassified(c.tenant, typ, value), "nobody"
}
