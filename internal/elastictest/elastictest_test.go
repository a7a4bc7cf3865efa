//go:build unix

package elastictest

import (
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
)

func TestMain(m *testing.M) { os.Exit(Run(m)) }

func call(t *testing.T, e *Instance, user, password, method, path, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, e.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(user, password)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(b)
}

// An instance keeps its data through a stop and through a kill, and its users
// may do what their roles say.
func TestStopKillRestart(t *testing.T) {
	e := Own(t, Options{
		Roles: map[string]Role{"reader": {Indices: []string{"*-acme"}, Privileges: []string{"read"}}},
		Users: []User{{"ann", "ann's password", []string{"reader"}}},
	})
	for i, end := range []func() error{e.Stop, e.Kill} {
		if s, b := call(t, e, e.User, e.Password, "PUT", "/x-acme/_doc/"+string(rune('a'+i)), `{"n":1}`); s != 201 {
			t.Fatalf("put: %d %s", s, b)
		}
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if _, err := http.Get(e.URL); err == nil {
			t.Fatal("Elasticsearch answers after its end")
		}
		if err := e.Restart(context.Background()); err != nil {
			t.Fatal(err)
		}
		if s, b := call(t, e, e.User, e.Password, "GET", "/x-acme/_doc/"+string(rune('a'+i)), ""); s != 200 {
			t.Fatalf("document %d is gone: %d %s", i, s, b)
		}
	}
	if s, b := call(t, e, "ann", "ann's password", "GET", "/x-acme/_doc/a", ""); s != 200 {
		t.Errorf("ann may read: %d %s", s, b)
	}
	for _, c := range []struct{ user, password, method string }{
		{"ann", "ann's password", "DELETE"}, {"ann", "wrong", "GET"}, {"nobody", "", "GET"},
	} {
		path := "/x-acme"
		if s, _ := call(t, e, c.user, c.password, c.method, path, ""); s != 401 && s != 403 {
			t.Errorf("%v: status %d, want 401 or 403", c, s)
		}
	}
}
