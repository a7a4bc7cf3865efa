// Package client connects to Elasticsearch: it knows addresses, credentials
// and how Elasticsearch reports errors, and nothing about documents.
package client

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/elastic/go-elasticsearch/v8"
)

// Secret is a password or key. It prints, formats and marshals as [redacted];
// string(s) gives the value.
type Secret string

const redacted = "[redacted]"

// String hides the value.
func (Secret) String() string { return redacted }

// GoString hides the value.
func (Secret) GoString() string { return redacted }

// MarshalText hides the value.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Config says where Elasticsearch is and who calls.
type Config struct {
	// Endpoints are base addresses, tried in turn: https://es1.example:9200.
	Endpoints []string
	// User and Password, or APIKey ("id:key" in base64, as Elasticsearch
	// hands it out). At most one of the two.
	User     string
	Password Secret
	APIKey   Secret
	// TLS is used for https addresses; nil takes the system's defaults.
	TLS *tls.Config
	// Timeout bounds one request, connecting included. 0 means 30 seconds.
	Timeout time.Duration
	// MaxResponseBytes bounds a response body. 0 means 128 MiB.
	MaxResponseBytes int64
	// Transport replaces the HTTP transport; TLS is then not used.
	Transport http.RoundTripper
}

// Validate checks everything that can be checked without a connection.
func (c Config) Validate() error {
	var errs []error
	if len(c.Endpoints) == 0 {
		errs = append(errs, errors.New("endpoints: name at least one, such as https://localhost:9200"))
	}
	for i, e := range c.Endpoints {
		u, err := url.Parse(e)
		switch {
		case err != nil:
			// The error text would repeat the address with its password.
			errs = append(errs, fmt.Errorf("endpoints[%d]: not an address", i))
		case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
			errs = append(errs, fmt.Errorf("endpoints[%d]: want http:// or https:// and a host", i))
		case u.User != nil:
			errs = append(errs, fmt.Errorf("endpoints[%d]: put the credentials into user and password, not into the address", i))
		case u.RawQuery != "" || u.Fragment != "":
			errs = append(errs, fmt.Errorf("endpoints[%d]: must not have a query or a fragment", i))
		}
	}
	if c.APIKey != "" && (c.User != "" || c.Password != "") {
		errs = append(errs, errors.New("api_key and user/password exclude each other"))
	}
	if (c.User == "") != (c.Password == "") {
		errs = append(errs, errors.New("user and password go together"))
	}
	if c.Timeout < 0 {
		errs = append(errs, errors.New("timeout: must not be negative"))
	}
	return errors.Join(errs...)
}

// Client sends requests to Elasticsearch. It never repeats a request: whoever
// calls decides what may be repeated. Safe for concurrent use.
type Client struct {
	es      *elasticsearch.BaseClient
	http    *http.Transport // nil when the caller brought a transport
	timeout time.Duration
	limit   int64
}

// New makes a client. It does not connect yet.
func New(cfg Config) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("elasticsearch connection: %w", err)
	}
	c := &Client{timeout: cfg.Timeout, limit: cfg.MaxResponseBytes}
	if c.timeout == 0 {
		c.timeout = 30 * time.Second
	}
	if c.limit == 0 {
		c.limit = 128 << 20
	}
	rt := cfg.Transport
	if rt == nil {
		c.http = &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: min(c.timeout, 10*time.Second), KeepAlive: 30 * time.Second}).DialContext,
			TLSClientConfig:       cfg.TLS,
			TLSHandshakeTimeout:   10 * time.Second,
			MaxIdleConnsPerHost:   16,
			IdleConnTimeout:       90 * time.Second,
			ForceAttemptHTTP2:     true,
			ExpectContinueTimeout: time.Second,
		}
		rt = c.http
	}
	es, err := elasticsearch.NewBaseClient(elasticsearch.Config{
		Addresses:         cfg.Endpoints,
		Username:          cfg.User,
		Password:          string(cfg.Password),
		APIKey:            string(cfg.APIKey),
		Transport:         rt,
		DisableRetry:      true,
		DisableMetaHeader: true,
	})
	if err != nil {
		return nil, fmt.Errorf("elasticsearch connection: %w", err)
	}
	c.es = es
	return c, nil
}

// Close gives up idle connections. Requests under way finish.
func (c *Client) Close() {
	if c.http != nil {
		c.http.CloseIdleConnections()
	}
}

// Request is one call of the REST API. Path must consist of fixed words and
// validated index names only: ids and everything else that comes from data
// goes into the body.
type Request struct {
	Method string
	Path   string
	Query  url.Values
	Body   []byte
	// NDJSON says that Body is newline-delimited JSON (bulk and msearch).
	NDJSON bool
	// Gzip compresses the body.
	Gzip bool
}

// Error is an error that Elasticsearch answered with, for a whole request.
type Error struct {
	Status     int           // HTTP status
	Type       string        // Elasticsearch's name, such as security_exception
	Reason     string        // its explanation
	RetryAfter time.Duration // what a Retry-After header asked for, or 0
	Request    string        // method and path
}

func (e *Error) Error() string {
	s := fmt.Sprintf("elasticsearch: %s: status %d", e.Request, e.Status)
	if e.Type != "" {
		s += " " + e.Type
	}
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	return s
}

// Temporary tells whether the same request may succeed later: too many
// requests, a server's fault, or a credential that an operator can mend.
func (e *Error) Temporary() bool {
	return e.Status == http.StatusTooManyRequests || e.Status >= 500 || e.Status == http.StatusRequestTimeout ||
		e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden
}

// StatusOf returns the HTTP status of an *Error in err's chain, or 0.
func StatusOf(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

// TypeOf returns Elasticsearch's name of the *Error in err's chain, or "".
func TypeOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Type
	}
	return ""
}

// Do sends r and returns the response body. A status of 400 or above is an
// *Error; every other error is one of the transport.
func (c *Client) Do(ctx context.Context, r Request) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	name := r.Method + " " + r.Path
	req, err := c.build(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("elasticsearch: %s: %w", name, err)
	}
	res, err := c.es.Perform(req)
	if err != nil {
		return nil, fmt.Errorf("elasticsearch: %s: %w", name, err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, c.limit+1))
	if err != nil {
		return nil, fmt.Errorf("elasticsearch: %s: read the answer: %w", name, err)
	}
	if res.StatusCode >= 400 {
		return nil, decodeError(name, res, body)
	}
	if int64(len(body)) > c.limit {
		return nil, fmt.Errorf("elasticsearch: %s: the answer is larger than %d bytes", name, c.limit)
	}
	return body, nil
}

// DoJSON sends in (if not nil) as JSON and decodes the answer into out (if
// not nil). Numbers keep their digits where out leaves the type open.
func (c *Client) DoJSON(ctx context.Context, method, path string, query url.Values, in, out any) error {
	r := Request{Method: method, Path: path, Query: query}
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("elasticsearch: %s %s: encode: %w", method, path, err)
		}
		r.Body = b
	}
	body, err := c.Do(ctx, r)
	if err != nil || out == nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if err := dec.Decode(out); err != nil {
		return fmt.Errorf("elasticsearch: %s %s: decode the answer: %w", method, path, err)
	}
	return nil
}

// Ping checks that Elasticsearch answers these credentials. It returns the
// name of the user and of the cluster.
func (c *Client) Ping(ctx context.Context) (user, cluster string, err error) {
	var health struct {
		Cluster string `json:"cluster_name"`
	}
	var who struct {
		User string `json:"username"`
	}
	if err := c.DoJSON(ctx, http.MethodGet, "/_security/_authenticate", nil, nil, &who); err != nil {
		// A cluster without security has no such endpoint.
		if s := StatusOf(err); s != http.StatusBadRequest && s != http.StatusMethodNotAllowed {
			return "", "", err
		}
	}
	if err := c.DoJSON(ctx, http.MethodGet, "/_cluster/health", url.Values{"filter_path": {"cluster_name"}}, nil, &health); err != nil {
		// A user with rights on indices only may not see the cluster.
		if StatusOf(err) != http.StatusForbidden {
			return "", "", err
		}
	}
	return who.User, health.Cluster, nil
}

var gzips = sync.Pool{New: func() any { w, _ := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed); return w }}

func (c *Client) build(ctx context.Context, r Request) (*http.Request, error) {
	body := r.Body
	if r.Gzip && len(body) > 0 {
		var buf bytes.Buffer
		w := gzips.Get().(*gzip.Writer)
		w.Reset(&buf)
		_, err := w.Write(body)
		if cerr := w.Close(); err == nil {
			err = cerr
		}
		gzips.Put(w)
		if err != nil {
			return nil, err
		}
		body = buf.Bytes()
	}
	// The transport fills in scheme, host and the endpoint's own path.
	u := &url.URL{Path: r.Path, RawQuery: r.Query.Encode()}
	req := &http.Request{
		Method: r.Method, URL: u, Header: http.Header{},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if len(body) > 0 {
		req.Body = io.NopCloser(bytes.NewReader(body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		req.ContentLength = int64(len(body))
		if r.NDJSON {
			req.Header.Set("Content-Type", "application/x-ndjson")
		} else {
			req.Header.Set("Content-Type", "application/json")
		}
		if r.Gzip {
			req.Header.Set("Content-Encoding", "gzip")
		}
	}
	req.Header.Set("Accept", "application/json")
	return req.WithContext(ctx), nil
}

func decodeError(name string, res *http.Response, body []byte) *Error {
	e := &Error{Status: res.StatusCode, Request: name, RetryAfter: retryAfter(res.Header.Get("Retry-After"))}
	var full struct {
		Error struct {
			Type   string `json:"type"`
			Reason string `json:"reason"`
			Cause  struct {
				Reason string `json:"reason"`
			} `json:"caused_by"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &full) == nil && full.Error.Type != "" {
		e.Type, e.Reason = full.Error.Type, full.Error.Reason
		if full.Error.Cause.Reason != "" && full.Error.Cause.Reason != e.Reason {
			e.Reason += ": " + full.Error.Cause.Reason
		}
		e.Reason = Shorten(e.Reason, 1000)
		return e
	}
	e.Reason = Shorten(strings.TrimSpace(string(body)), 300)
	return e
}

// retryAfter reads a Retry-After header: seconds or an HTTP date (RFC 9110,
// section 10.2.3), at most one hour.
func retryAfter(h string) time.Duration {
	if h == "" {
		return 0
	}
	var d time.Duration
	if s, err := strconv.ParseInt(h, 10, 32); err == nil {
		d = time.Duration(s) * time.Second
	} else if t, err := http.ParseTime(h); err == nil {
		d = time.Until(t)
	}
	return min(max(d, 0), time.Hour)
}

// Shorten cuts s to at most n bytes without breaking a character.
func Shorten(s string, n int) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	if len(s) <= n {
		return s
	}
	const mark = "…"
	n = max(n-len(mark), 0)
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n] + mark
}
