package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args   []string
		status int
		want   string
	}{
		{nil, 2, "usage: mxdr COMMAND"},
		{[]string{"help"}, 0, "usage: mxdr COMMAND"},
		{[]string{"nonsense"}, 2, `there is no command "nonsense"`},
		{[]string{"replay"}, 2, "usage: mxdr replay"},
		{[]string{"replay", "-h"}, 0, "usage: mxdr replay"},
		{[]string{"replay", "no-such-file"}, 1, "no-such-file"},
		{[]string{"replay", "no-such-file", "-rules"}, 2, "-rules"},
		{[]string{"demo", "extra"}, 2, `"extra"`},
	} {
		var out, errs bytes.Buffer
		if got := run(c.args, strings.NewReader(""), &out, &errs); got != c.status {
			t.Errorf("mxdr %v: exit status %d, want %d", c.args, got, c.status)
		}
		if all := out.String() + errs.String(); !strings.Contains(all, c.want) {
			t.Errorf("mxdr %v says %q, want %q in it", c.args, all, c.want)
		}
	}
}

// TestReplayUnknownRecord: options may stand after the files, and a record that
// nothing recognises is named.
func TestReplayUnknownRecord(t *testing.T) {
	file := t.TempDir() + "/x.ndjson"
	if err := os.WriteFile(file, []byte(`{"hello":"world"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if got := run([]string{"replay", file, "-tenant", "acme"}, strings.NewReader(""), &out, &errs); got != 0 {
		t.Fatalf("exit status %d: %s", got, errs.String())
	}
	for _, want := range []string{"1 records read, 0 events", "not normalized", "no mapping recognises"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("want %q in:\n%s", want, out.String())
		}
	}
}
