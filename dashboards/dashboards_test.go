package dashboards

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// The folders that hold the generated JSON.
var folders = []string{".", filepath.Join("..", "grafana-plugin", "src", "dashboards")}

func TestGeneratedIsCurrent(t *testing.T) {
	for _, folder := range folders {
		var want []string
		for _, d := range All() {
			text, err := d.JSON()
			require.NoError(t, err)
			got, err := os.ReadFile(filepath.Join(folder, d.UID+".json"))
			require.NoError(t, err, "run: make generate")
			require.Equal(t, string(text), string(got), "%s/%s.json is not current; run: make generate", folder, d.UID)
			want = append(want, filepath.Join(folder, d.UID+".json"))
		}
		files, err := filepath.Glob(filepath.Join(folder, "*.json"))
		require.NoError(t, err)
		slices.Sort(want)
		slices.Sort(files)
		require.Equal(t, want, files, "a file that no dashboard generates")
	}
}

func TestShippedDashboardsAreClean(t *testing.T) {
	for _, d := range All() {
		text, err := d.JSON()
		require.NoError(t, err)
		require.Empty(t, lint(t, text), d.UID)
	}
}

// Every rule finds what it is for.
func TestLintFinds(t *testing.T) {
	type change struct {
		want string
		do   func(root map[string]any, panel map[string]any)
	}
	for _, c := range []change{
		{"uid", func(r, _ map[string]any) { r["uid"] = "" }},
		{"title", func(r, _ map[string]any) { r["title"] = "" }},
		{"description", func(r, _ map[string]any) { r["description"] = "" }},
		{"schemaVersion", func(r, _ map[string]any) { r["schemaVersion"] = 39 }},
		{"__inputs", func(r, _ map[string]any) { r["__inputs"] = []any{} }},
		{"data source variable", func(r, _ map[string]any) { r["templating"] = map[string]any{"list": []any{}} }},
		{"panel 1: id", func(_, p map[string]any) { p["id"] = 2 }},
		{"panel 1: title", func(_, p map[string]any) { p["title"] = "" }},
		{"panel 1: description", func(_, p map[string]any) { p["description"] = "" }},
		{"panel 1: data source", func(_, p map[string]any) { p["datasource"] = map[string]any{"type": DataSource, "uid": "abc"} }},
		{"panel 1: unit", func(_, p map[string]any) {
			p["fieldConfig"].(map[string]any)["defaults"].(map[string]any)["unit"] = ""
		}},
		{"panel 1: query type", func(_, p map[string]any) { p["targets"].([]any)[0].(map[string]any)["queryType"] = "sql" }},
		{"panel 1: target's data source", func(_, p map[string]any) { delete(p["targets"].([]any)[0].(map[string]any), "datasource") }},
		{"panel 1: no target", func(_, p map[string]any) { p["targets"] = []any{} }},
		{"panel 1: member", func(_, p map[string]any) { p["targets"].([]any)[0].(map[string]any)["tenant"] = "acme" }},
		{"panel 1: outside", func(_, p map[string]any) { p["gridPos"].(map[string]any)["x"] = 20.0 }},
		{"overlap", func(_, p map[string]any) { p["gridPos"].(map[string]any)["w"] = 7.0 }},
	} {
		text, err := Overview().JSON()
		require.NoError(t, err)
		var root map[string]any
		require.NoError(t, json.Unmarshal(text, &root))
		c.do(root, root["panels"].([]any)[0].(map[string]any))
		text, err = json.Marshal(root)
		require.NoError(t, err)
		faults := lint(t, text)
		require.True(t, slices.ContainsFunc(faults, func(f string) bool { return regexp.MustCompile(regexp.QuoteMeta(c.want)).MatchString(f) }), "want %q in %q", c.want, faults)
	}
}

func TestRevisionFollowsContent(t *testing.T) {
	revision := func(d Dashboard) any {
		text, err := d.JSON()
		require.NoError(t, err)
		var root map[string]any
		require.NoError(t, json.Unmarshal(text, &root))
		return root["revision"]
	}
	a := Overview()
	require.Equal(t, revision(a), revision(Overview()))
	a.Panels[0].Title = "Other"
	require.NotEqual(t, revision(a), revision(Overview()))
}

// members are what a query of the data source can have.
var members = []string{
	"refId", "datasource", "queryType", "format", "severities", "domains", "techniques", "entities", "text", "states", "statuses",
	"confidence", "tactics", "verdicts", "assignees", "kinds", "ruleIds", "datasets", "sort", "ascending", "limit", "metric", "by",
}

// lint returns what is wrong with a dashboard's JSON.
func lint(t *testing.T, text []byte) []string {
	t.Helper()
	var d struct {
		UID, Title, Description string
		SchemaVersion           int
		Inputs                  *[]any `json:"__inputs"`
		Templating              struct {
			List []struct{ Name, Type, Query string }
		}
		Panels []struct {
			ID                       int
			Title, Description, Type string
			DataSource               struct{ Type, UID string }
			GridPos                  struct{ X, Y, W, H int }
			Targets                  []map[string]any
			FieldConfig              struct{ Defaults struct{ Unit string } }
		}
	}
	require.NoError(t, json.Unmarshal(text, &d))
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if !regexp.MustCompile(`^[a-z0-9-]{1,40}$`).MatchString(d.UID) {
		fault("uid %q is not stable", d.UID)
	}
	if d.Title == "" {
		fault("title is empty")
	}
	if d.Description == "" {
		fault("description is empty")
	}
	if d.SchemaVersion < 36 || d.SchemaVersion > 38 {
		fault("schemaVersion %d is not 36 to 38", d.SchemaVersion)
	}
	if d.Inputs != nil {
		fault("__inputs do not work in provisioned dashboards")
	}
	if !slices.ContainsFunc(d.Templating.List, func(v struct{ Name, Type, Query string }) bool {
		return v.Name == "datasource" && v.Type == "datasource" && v.Query == DataSource
	}) {
		fault("data source variable is missing")
	}
	ids := map[int]bool{}
	for i, p := range d.Panels {
		at := fmt.Sprintf("panel %d: ", i+1)
		if p.ID != i+1 || ids[p.ID] {
			fault("%sid is not its own", at)
		}
		ids[p.ID] = true
		if p.Title == "" {
			fault("%stitle is empty", at)
		}
		if p.Description == "" {
			fault("%sdescription is empty", at)
		}
		if p.DataSource.Type != DataSource || p.DataSource.UID != "${datasource}" {
			fault("%sdata source is not the variable", at)
		}
		if p.FieldConfig.Defaults.Unit == "" && !slices.Contains([]string{"table", "logs"}, p.Type) {
			fault("%sunit is missing", at)
		}
		if len(p.Targets) == 0 {
			fault("%sno target", at)
		}
		for _, target := range p.Targets {
			if q, _ := target["queryType"].(string); !slices.Contains([]string{"incidents", "signals", "metrics"}, q) {
				fault("%squery type %q is not known", at, q)
			}
			source, _ := target["datasource"].(map[string]any)
			if source["type"] != DataSource || source["uid"] != "${datasource}" {
				fault("%starget's data source is not the variable", at)
			}
			for member := range target {
				if !slices.Contains(members, member) {
					fault("%smember %q of the query is not known", at, member)
				}
			}
		}
		g := p.GridPos
		if g.X < 0 || g.Y < 0 || g.W < 1 || g.H < 1 || g.X+g.W > 24 {
			fault("%soutside the grid", at)
		}
		for j, o := range d.Panels[:i] {
			h := o.GridPos
			if g.X < h.X+h.W && h.X < g.X+g.W && g.Y < h.Y+h.H && h.Y < g.Y+g.H {
				fault("panels %d and %d overlap", j+1, i+1)
			}
		}
	}
	return faults
}
