package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	const (
		pass    = `{"Action":"pass","Package":"p","Test":"TestA"}`
		fail    = `{"Action":"output","Package":"p","Test":"TestB","Output":"why it failed\n"}` + "\n" + `{"Action":"fail","Package":"p","Test":"TestB"}`
		skip    = `{"Action":"output","Package":"p","Test":"TestC","Output":"    x_test.go:3: needs data\n"}` + "\n" + `{"Action":"skip","Package":"p","Test":"TestC"}`
		noBuild = `{"ImportPath":"p","Action":"build-output","Output":"x.go:1: broken\n"}` + "\n" + `{"ImportPath":"p","Action":"build-fail"}`
	)
	for _, c := range []struct {
		name   string
		in     []string
		noSkip bool
		code   int
		want   string
	}{
		{"pass", []string{pass}, true, 0, "1 passed, 0 failed, 0 skipped"},
		{"fail", []string{pass, fail}, false, 1, "why it failed"},
		{"skip allowed", []string{pass, skip}, false, 0, "needs data"},
		{"skip refused", []string{pass, skip}, true, 1, "every skipped test"},
		{"does not build", []string{pass, noBuild}, false, 1, "x.go:1: broken"},
		{"nothing ran", nil, false, 1, "no test ran"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			if code := report(strings.NewReader(strings.Join(c.in, "\n")), &out, c.noSkip); code != c.code {
				t.Errorf("exit status %d, want %d", code, c.code)
			}
			if !strings.Contains(out.String(), c.want) {
				t.Errorf("want %q in:\n%s", c.want, out.String())
			}
		})
	}
}
