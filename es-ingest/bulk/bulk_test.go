package bulk

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/openmxdr/openmxdr/es-ingest/client"
)

// server answers each bulk request with what answer makes of its lines.
func server(t *testing.T, answer func(w http.ResponseWriter, lines []string)) (*Writer, *atomic.Int32) {
	t.Helper()
	requests := &atomic.Int32{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		answer(w, strings.Split(strings.TrimSuffix(string(b), "\n"), "\n"))
	}))
	t.Cleanup(s.Close)
	c, err := client.New(client.Config{Endpoints: []string{s.URL}})
	require.NoError(t, err)
	return &Writer{Client: c}, requests
}

func items(statuses ...int) string {
	var b bytes.Buffer
	for i, s := range statuses {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"create":{"_index":"i","status":%d,"error":{"type":"t","reason":"r"}}}`, s)
	}
	return `{"items":[` + b.String() + `]}`
}

func ops(n int) []Op {
	out := make([]Op, n)
	for i := range out {
		out[i] = Op{Index: "i", ID: fmt.Sprint(i), Create: true, Document: []byte(fmt.Sprintf(`{"n":%d}`, i))}
	}
	return out
}

func TestEveryStatus(t *testing.T) {
	statuses := []int{200, 201, 400, 401, 403, 404, 408, 409, 413, 429, 500, 502, 503, 504, 999}
	want := []Outcome{Written, Written, Refused, Retry, Retry, Retry, Retry, Conflict, Refused, Retry, Retry, Retry, Retry, Retry, Retry}
	w, _ := server(t, func(w http.ResponseWriter, _ []string) { _, _ = io.WriteString(w, items(statuses...)) })
	got, err := w.Write(context.Background(), ops(len(statuses)))
	assert.ErrorContains(t, err, `document "3"`)
	for i := range got {
		assert.Equal(t, want[i], got[i].Outcome, statuses[i])
	}
}

// A request that is too large is halved until it fits, and one document that
// never fits does not hold up the others.
func TestTooLarge(t *testing.T) {
	w, requests := server(t, func(w http.ResponseWriter, lines []string) {
		if len(lines) > 2*3 || strings.Contains(strings.Join(lines, ""), `{"n":5}`) {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		s := make([]int, len(lines)/2)
		for i := range s {
			s[i] = 201
		}
		_, _ = io.WriteString(w, items(s...))
	})
	got, err := w.Write(context.Background(), ops(16))
	require.NoError(t, err)
	for i := range got {
		want := Written
		if i == 5 {
			want = Refused
		}
		assert.Equal(t, want, got[i].Outcome, i)
	}
	assert.Less(t, int(requests.Load()), 20)
}

func TestRetryAfter(t *testing.T) {
	w, requests := server(t, func(w http.ResponseWriter, _ []string) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	got, err := w.Write(context.Background(), ops(3))
	var e *Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, 7*time.Second, e.After)
	assert.Equal(t, Retry, got[2].Outcome)
	assert.EqualValues(t, 1, requests.Load(), "the writer does not retry")
}

// Requests are cut at MaxBytes; a failed one leaves what others wrote.
func TestCutAndFailInTheMiddle(t *testing.T) {
	w, requests := server(t, func(w http.ResponseWriter, lines []string) {
		if strings.Contains(strings.Join(lines, ""), `{"n":4}`) {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		s := make([]int, len(lines)/2)
		for i := range s {
			s[i] = 201
		}
		_, _ = io.WriteString(w, items(s...))
	})
	w.MaxBytes = 2 * opSize(&ops(1)[0])
	got, err := w.Write(context.Background(), ops(8))
	require.Error(t, err)
	assert.EqualValues(t, 4, requests.Load())
	for i := range got {
		want := Written
		if i == 4 || i == 5 {
			want = Retry
		}
		assert.Equal(t, want, got[i].Outcome, i)
	}
}

// Answers that make no sense are no success.
func TestStrangeAnswers(t *testing.T) {
	for _, answer := range []string{"", "{}", "null", "[]", items(201), `{"items":[{},{}]}`, `{"items":"x"}`, "<html>"} {
		w, _ := server(t, func(w http.ResponseWriter, _ []string) { _, _ = io.WriteString(w, answer) })
		got, err := w.Write(context.Background(), ops(2))
		assert.Error(t, err, answer)
		for i := range got {
			assert.Equal(t, Retry, got[i].Outcome, answer)
		}
	}
}

func TestNobodyAnswers(t *testing.T) {
	c, err := client.New(client.Config{Endpoints: []string{"http://127.0.0.1:1"}})
	require.NoError(t, err)
	w := &Writer{Client: c, MaxBytes: 1}
	got, err := w.Write(context.Background(), ops(3))
	require.Error(t, err)
	for i := range got {
		assert.Equal(t, Retry, got[i].Outcome)
		assert.NotEmpty(t, got[i].Reason)
	}
}

// An id cannot break out of its line.
func TestHostileIDs(t *testing.T) {
	var seen []string
	w, _ := server(t, func(w http.ResponseWriter, lines []string) { seen = lines; _, _ = io.WriteString(w, items(201)) })
	_, err := w.Write(context.Background(), []Op{{Index: "i", ID: "a\"}}\n{\"delete\":{\"_index\":\"x\"", Create: true, Document: []byte("{}")}})
	require.NoError(t, err)
	assert.Len(t, seen, 2)
}
