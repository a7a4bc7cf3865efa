package action

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/openmxdr/openmxdr/internal/entity"
	"github.com/openmxdr/openmxdr/rules/content"
)

func TestShippedCatalogue(t *testing.T) {
	c, err := Parse("catalogue.yaml", content.ActionCatalogue())
	require.NoError(t, err)
	for _, id := range []ID{
		"isolate_endpoint", "release_endpoint", "kill_process", "quarantine_file", "disable_account", "enable_account",
		"revoke_sessions", "reset_mfa", "force_password_reset", "remove_inbox_rule", "purge_message",
		"block_ip", "unblock_ip", "block_domain", "unblock_domain", "block_url", "unblock_url", "block_hash", "unblock_hash",
		"deactivate_key", "detach_policy", "revoke_oauth_grant", "quarantine_workload", "snapshot_workload",
	} {
		_, ok := c.Get(id)
		require.True(t, ok, "%s is missing", id)
	}
	for _, a := range c.All() {
		if !a.Restores {
			continue
		}
		undo, ok := c.Get(a.Undo.Action)
		require.True(t, ok, "%s restores and must itself be undone", a.ID)
		require.Equal(t, a.ID, undo.Undo.Action, "%s and %s must undo each other", a.ID, undo.ID)
	}
	_, ok := c.Get("format_disk")
	require.False(t, ok)
}

// Whatever an incident can name as an entity is a target type, by the same name.
func TestTargetTypesCoverEntities(t *testing.T) {
	for _, e := range entity.Types {
		require.Contains(t, TargetTypes, TargetType(e))
	}
}

func TestApplies(t *testing.T) {
	a := Action{Targets: []TargetType{"host"}, AssetClasses: []AssetClass{CloudWorkload}}
	require.True(t, a.Applies("host", CloudWorkload))
	require.True(t, a.Applies("host", Unclassified))
	require.False(t, a.Applies("host", Workstation))
	require.False(t, a.Applies("user", CloudWorkload))
	a.AssetClasses = nil
	require.True(t, a.Applies("host", Workstation))
}

func TestParseRefuses(t *testing.T) {
	good := `actions:
  - {id: block_ip, name: Block, does: Blocks., d3fend: [D3-ITF], targets: [ip], risk: low, undo: {none: because}}
`
	_, err := Parse("c.yaml", []byte(good))
	require.NoError(t, err)
	for name, tc := range map[string]struct{ from, to, want string }{
		"id":              {"block_ip", "Block-IP", "id must match"},
		"no name":         {"name: Block", "name: ''", "plain words"},
		"risk":            {"risk: low", "risk: tiny", `risk "tiny"`},
		"no risk":         {"risk: low, ", "", `risk ""`},
		"target":          {"[ip]", "[printer]", `target type "printer"`},
		"no target":       {"[ip]", "[]", "targets is empty"},
		"d3fend":          {"D3-ITF", "T1078", "d3fend id"},
		"undo unknown":    {"{none: because}", "{action: unblock}", `unknown action "unblock"`},
		"undo both":       {"{none: because}", "{none: because, action: block_ip}", "either"},
		"undo neither":    {", undo: {none: because}", "", "either"},
		"unknown member":  {"risk: low", "risk: low, danger: none", `unknown member "danger"`},
		"unknown at root": {"actions:", "extra: 1\nactions:", "extra"},
		"asset class":     {"risk: low", "risk: low, asset_classes: [toaster]", `asset class "toaster"`},
		"not a list":      {good, "actions: 7", "c.yaml"},
		"empty":           {good, "actions: []", "no actions"},
		"not a mapping":   {good, "actions: [7]", "mapping"},
		"two documents":   {good, good + "---\nactions: []\n", "more than one"},
	} {
		_, err := Parse("c.yaml", []byte(strings.Replace(good, tc.from, tc.to, 1)))
		require.ErrorContains(t, err, tc.want, name)
		require.ErrorContains(t, err, "c.yaml", name)
	}
	_, err = Parse("c.yaml", []byte(good+strings.Split(good, "\n")[1]+"\n"))
	require.ErrorContains(t, err, "c.yaml:3")
	require.ErrorContains(t, err, "used twice")
	_, err = Parse("c.yaml", make([]byte, MaxBytes+1))
	require.ErrorContains(t, err, "more than")
}

func FuzzParse(f *testing.F) {
	f.Add(content.ActionCatalogue())
	f.Add([]byte("actions: [{id: a}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("fuzz.yaml", data)
		if err != nil {
			return
		}
		for _, a := range c.All() {
			if a.Undo.Action != "" {
				if _, ok := c.Get(a.Undo.Action); !ok {
					t.Fatalf("%s: undo %s is not in the catalogue", a.ID, a.Undo.Action)
				}
			}
		}
	})
}
