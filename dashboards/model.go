// Package dashboards holds the Grafana dashboards as code. Each dashboard is a
// value; dashboards/generate writes it as classic dashboard JSON, here for
// file provisioning and into the plugin's source for import with the app.
//
// The JSON is schemaVersion 38: Grafana 10.1 writes it, and every later
// version migrates it when it loads.
package dashboards

//go:generate go run ./generate . ../grafana-plugin/src/dashboards

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
)

// DataSource is the type of data source that all panels query.
const DataSource = "openmxdr-datasource"

// App is the app whose pages dashboards link to.
const App = "openmxdr-app"

const schemaVersion = 38

// Dashboard is one dashboard. UID never changes: links and bookmarks hang on it.
type Dashboard struct {
	UID         string
	Title       string
	Description string
	Tags        []string
	From        string // begin of the time range, such as now-7d
	Refresh     string
	Panels      []Panel
}

// Panel is one panel. Grid positions are Grafana's: 24 columns, from the top left.
type Panel struct {
	Title       string
	Description string
	Type        string // stat, timeseries, barchart, table, logs …
	X, Y, W, H  int
	Query       map[string]any // queryType and the members of the plugin's Query
	Unit        string
	Colors      map[string]string // value → colour, where values have a meaning
	Options     map[string]any
	Custom      map[string]any
	NoValue     string
	// FixedColor paints everything in one colour; empty takes Grafana's palette.
	FixedColor string
	// MaxPoints bounds the points of a series; 0 leaves it to the panel's width.
	MaxPoints int
	Overrides []map[string]any
}

// JSON renders the dashboard. The same dashboard always gives the same bytes.
// The revision follows from the content: Grafana imports a plugin's dashboard
// again only when it differs.
func (d Dashboard) JSON() ([]byte, error) {
	model := d.model()
	first, err := json.Marshal(model)
	if err != nil {
		return nil, fmt.Errorf("dashboard %s: %w", d.UID, err)
	}
	h := fnv.New32a()
	_, _ = h.Write(first) // never fails
	model["revision"] = h.Sum32() >> 1
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(model); err != nil {
		return nil, fmt.Errorf("dashboard %s: %w", d.UID, err)
	}
	return out.Bytes(), nil
}

func (d Dashboard) model() map[string]any {
	panels := make([]any, len(d.Panels))
	for i, p := range d.Panels {
		panels[i] = p.model(i + 1)
	}
	return map[string]any{
		"uid": d.UID, "title": d.Title, "description": d.Description, "tags": d.Tags,
		"schemaVersion": schemaVersion, "version": 1, "editable": true, "graphTooltip": 1,
		"refresh": d.Refresh, "time": map[string]any{"from": d.From, "to": "now"}, "timezone": "", "fiscalYearStartMonth": 0,
		"annotations": map[string]any{"list": []any{}},
		"links": []any{map[string]any{
			"title": "Incidents", "type": "link", "url": "/a/" + App + "/incidents", "icon": "external link", "tooltip": "All incidents, with filters",
			"asDropdown": false, "includeVars": false, "keepTime": true, "targetBlank": false, "tags": []any{},
		}},
		"templating": map[string]any{"list": []any{map[string]any{
			"name": "datasource", "label": "Data source", "type": "datasource", "query": DataSource, "regex": "",
			"hide": 0, "includeAll": false, "multi": false, "options": []any{}, "refresh": 1, "skipUrlSync": false,
			"current": map[string]any{},
		}}},
		"panels": panels,
	}
}

func (p Panel) model(id int) map[string]any {
	source := map[string]any{"type": DataSource, "uid": "${datasource}"}
	target := map[string]any{"refId": "A", "datasource": source}
	for k, v := range p.Query {
		target[k] = v
	}
	defaults := map[string]any{"unit": p.Unit, "custom": orEmpty(p.Custom), "mappings": p.mappings(), "color": map[string]any{"mode": "palette-classic"}}
	if p.FixedColor != "" {
		defaults["color"] = map[string]any{"mode": "fixed", "fixedColor": p.FixedColor}
	}
	if p.NoValue != "" {
		defaults["noValue"] = p.NoValue
	}
	overrides := make([]any, 0, len(p.Overrides))
	for _, o := range append(p.colorOverrides(), p.Overrides...) {
		overrides = append(overrides, o)
	}
	out := map[string]any{
		"id": id, "title": p.Title, "description": p.Description, "type": p.Type, "datasource": source,
		"gridPos":     map[string]any{"x": p.X, "y": p.Y, "w": p.W, "h": p.H},
		"targets":     []any{target},
		"options":     orEmpty(p.Options),
		"fieldConfig": map[string]any{"defaults": defaults, "overrides": overrides},
	}
	if p.MaxPoints > 0 {
		out["maxDataPoints"] = p.MaxPoints
	}
	return out
}

// mappings shows texts such as severities in their colour.
func (p Panel) mappings() []any {
	if len(p.Colors) == 0 || p.Type == "timeseries" {
		return []any{}
	}
	options := map[string]any{}
	for i, value := range levels {
		if color, ok := p.Colors[value]; ok {
			options[value] = map[string]any{"color": color, "index": i}
		}
	}
	return []any{map[string]any{"type": "value", "options": options}}
}

// colorOverrides gives series their colour by name.
func (p Panel) colorOverrides() []map[string]any {
	var out []map[string]any
	if p.Type != "timeseries" {
		return out
	}
	for _, value := range levels {
		if color, ok := p.Colors[value]; ok {
			out = append(out, map[string]any{
				"matcher":    map[string]any{"id": "byName", "options": value},
				"properties": []any{map[string]any{"id": "color", "value": map[string]any{"mode": "fixed", "fixedColor": color}}},
			})
		}
	}
	return out
}

// levels are the severities, which have colours of their own.
var levels = []string{"low", "medium", "high", "critical"}

func orEmpty(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}
