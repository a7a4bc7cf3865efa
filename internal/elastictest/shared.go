//go:build unix

package elastictest

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// The environment through which several test processes share one instance.
// The command internal/elastictest/cmd/elasticsearch writes it.
const (
	EnvURL      = "MXDR_TEST_ELASTICSEARCH_URL"
	EnvUser     = "MXDR_TEST_ELASTICSEARCH_USER"
	EnvPassword = "MXDR_TEST_ELASTICSEARCH_PASSWORD"
)

var shared struct {
	sync.Mutex
	instance *Instance
	err      error
}

// Shared returns the instance that the environment names, else one that this
// process starts and keeps until it ends. Tests that share it must use index
// names (tenants) of their own and must not stop it. Where Elasticsearch can
// neither be found nor fetched the test is skipped, unless MXDR_TESTDATA is
// set, which promises that everything is there.
func Shared(t testing.TB) *Instance {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.instance == nil && shared.err == nil {
		if u := os.Getenv(EnvURL); u != "" {
			shared.instance = &Instance{URL: strings.TrimRight(u, "/"), User: os.Getenv(EnvUser), Password: os.Getenv(EnvPassword)}
		} else {
			shared.instance, shared.err = Start(context.Background(), Options{})
		}
	}
	if shared.err != nil {
		Missing(t, shared.err)
	}
	return shared.instance
}

// Own starts an instance for one test, which may stop and kill it.
func Own(t testing.TB, o Options) *Instance {
	t.Helper()
	e, err := Start(context.Background(), o)
	if err != nil {
		Missing(t, err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("%v", err)
		}
	})
	return e
}

// Missing skips the test because there is no Elasticsearch, or fails it where
// there must be one.
func Missing(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("MXDR_TESTDATA") != "" {
		t.Fatalf("Elasticsearch: %v", err)
	}
	t.Skipf("needs Elasticsearch: %v", err)
}

// Run runs a package's tests and then ends the shared instance, if this
// process started it. Use it in TestMain: os.Exit(elastictest.Run(m)).
func Run(m *testing.M) int {
	code := m.Run()
	shared.Lock()
	defer shared.Unlock()
	if shared.instance != nil && shared.instance.run != nil {
		if err := shared.instance.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	return code
}

var sequence struct {
	sync.Mutex
	n int
}

// Tenant returns a tenant's name that no other test has, and removes the
// tenant's indices and data streams when the test is over.
func (e *Instance) Tenant(t testing.TB) string {
	t.Helper()
	sequence.Lock()
	sequence.n++
	name := fmt.Sprintf("t%s_%d", randomText()[:12], sequence.n)
	sequence.Unlock()
	t.Cleanup(func() {
		for _, path := range []string{
			"/_data_stream/logs-*-" + name, "/_data_stream/mxdr-dead-" + name, "/mxdr-signals-" + name + ",mxdr-incidents-" + name + "?ignore_unavailable=true",
			"/_index_template/mxdr-logs-*-" + name,
		} {
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			req, err := http.NewRequestWithContext(ctx, http.MethodDelete, e.URL+path, nil)
			if err == nil {
				req.SetBasicAuth(e.User, e.Password)
				// Tidying up is a courtesy: the instance may be
				// stopped, and it is thrown away anyway.
				if res, err := http.DefaultClient.Do(req); err == nil {
					_ = res.Body.Close()
				}
			}
			cancel()
		}
	})
	return name
}
