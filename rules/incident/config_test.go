package incident

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/openmxdr/openmxdr/rules/content"
)

// The shipped file says what Default says, and says all of it.
func TestShippedConfigurationIsTheDefault(t *testing.T) {
	got, err := Load(content.Incident())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(Default(), got); d != "" {
		t.Error(d)
	}
	for _, member := range []string{"window", "max_span", "max_findings", "max_listed", "half_life", "threshold", "lateness", "max_signals", "max_bytes", "keys"} {
		if !strings.Contains(string(content.Incident()), "\n"+member+":") {
			t.Errorf("the shipped file does not have %s", member)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"window: 1s", "window"}, {"max_span: 1h", "max_span"}, {"window: soon", "soon"}, {"max_findings: 1", "max_findings"},
		{"max_listed: 0", "max_listed"}, {"half_life: 0s", "half_life"}, {"threshold: 0", "threshold"}, {"lateness: -1h", "lateness"},
		{"max_signals: 0", "max_signals"}, {"max_bytes: 1", "max_bytes"}, {"keys: {planet: {base: 1, free: 1}}", "planet"},
		{"keys: {user: {base: 2, free: 1}}", "base"}, {"keys: {user: {base: 1, free: 0}}", "free"}, {"unheard: 1", "unheard"}, {"[", "configuration"},
	} {
		if _, err := Load([]byte(c.in)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want an error about %s", c.in, err, c.want)
		}
	}
}
