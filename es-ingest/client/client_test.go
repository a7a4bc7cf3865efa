package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSecretsDoNotPrint(t *testing.T) {
	c := Config{Endpoints: []string{"http://a"}, User: "u", Password: "hunter2", APIKey: "hunter2"}
	raw, err := json.Marshal(map[string]any{"a": c.Password, "b": &c.APIKey})
	require.NoError(t, err)
	for _, s := range []string{fmt.Sprint(c), fmt.Sprintf("%+v %#v %q %s %x", c, c, c.Password, c.Password, c.Password), string(raw), fmt.Sprint(c.Validate())} {
		assert.NotContains(t, s, "hunter2")
		assert.NotContains(t, s, "68756e74657232")
	}
	err = Config{Endpoints: []string{"http://u:hunter2@host", "http://u:hunter2@ho st"}}.Validate()
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "hunter2")
}

func TestErrors(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/typed":
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, `{"error":{"type":"es_rejected_execution_exception","reason":"full","caused_by":{"reason":"queue"}},"status":429}`)
		case "/html":
			w.WriteHeader(http.StatusBadGateway)
			_, _ = io.WriteString(w, "<html>"+strings.Repeat("é", 10_000))
		case "/foreign":
			_, _ = io.WriteString(w, `{}`)
		case "/large":
			w.Header().Set("X-Elastic-Product", "Elasticsearch")
			_, _ = w.Write(make([]byte, 2000))
		case "/slow":
			<-r.Context().Done()
		}
	}))
	defer s.Close()
	c, err := New(Config{Endpoints: []string{s.URL}, Timeout: 500 * time.Millisecond, MaxResponseBytes: 1000})
	require.NoError(t, err)
	ctx := context.Background()

	err = c.DoJSON(ctx, "GET", "/typed", nil, nil, nil)
	var e *Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, &Error{Status: 429, Type: "es_rejected_execution_exception", Reason: "full: queue", RetryAfter: 3 * time.Second, Request: "GET /typed"}, e)
	assert.True(t, e.Temporary())
	err = c.DoJSON(ctx, "GET", "/html", nil, nil, nil)
	require.ErrorAs(t, err, &e)
	assert.Equal(t, 502, StatusOf(err))
	assert.Less(t, len(e.Reason), 310)
	assert.True(t, utf8.ValidString(e.Reason))
	assert.ErrorContains(t, c.DoJSON(ctx, "GET", "/foreign", nil, nil, nil), "Elasticsearch")
	assert.ErrorContains(t, c.DoJSON(ctx, "GET", "/large", nil, nil, nil), "larger than 1000 bytes")
	assert.ErrorIs(t, c.DoJSON(ctx, "GET", "/slow", nil, nil, nil), context.DeadlineExceeded)
}

func TestRetryAfter(t *testing.T) {
	for in, want := range map[string]time.Duration{"": 0, "5": 5 * time.Second, "-5": 0, "999999999": time.Hour, "soon": 0, "Mon, 02 Jan 2006 15:04:05 GMT": 0} {
		assert.Equal(t, want, retryAfter(in), in)
	}
}
