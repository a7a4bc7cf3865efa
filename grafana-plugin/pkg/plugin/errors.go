package plugin

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/openmxdr/openmxdr/es-ingest/client"
	"github.com/openmxdr/openmxdr/es-ingest/store"
)

// maxBody bounds what a client may send.
const maxBody = 64 << 10

// httpError is an error with what the client gets to know of it.
type httpError struct {
	status              int
	code, message, hint string
	cause               error // for the log only
	triage              *TriageBody
}

func (e *httpError) Error() string {
	if e.cause != nil {
		return e.message + ": " + e.cause.Error()
	}
	return e.message
}

func (e *httpError) Unwrap() error { return e.cause }

// body is what the client gets to know.
func (e *httpError) body() ErrorBody {
	return ErrorBody{Error: ErrorDetail{Code: e.code, Message: e.message, Hint: e.hint}, Triage: e.triage}
}

func errInvalid(hint, format string, args ...any) *httpError {
	return &httpError{status: http.StatusBadRequest, code: "invalid_request", message: fmt.Sprintf(format, args...), hint: hint}
}

func errDenied(reason string) *httpError {
	return &httpError{status: http.StatusForbidden, code: "forbidden", message: reason, hint: "Ask an administrator of this Grafana organization."}
}

func errTooLarge() *httpError {
	return &httpError{status: http.StatusRequestEntityTooLarge, code: "too_large", message: fmt.Sprintf("The request has more than %d bytes.", maxBody), hint: "Send less at a time."}
}

func errNotConfigured(cause error) *httpError {
	return &httpError{status: http.StatusServiceUnavailable, code: "not_configured", message: "The app is not configured, or not correctly.", hint: "An administrator opens the app's configuration page and presses Test.", cause: cause}
}

// explain turns any error into one that a client may see. Addresses, names of
// indices and answers of Elasticsearch go to the log and to the health check.
func explain(err error) *httpError {
	var known *httpError
	var network net.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, store.ErrNotFound):
		return &httpError{status: http.StatusNotFound, code: "not_found", message: "There is no such incident.", hint: "It may belong to another organization, or was deleted with old data.", cause: err}
	case errors.Is(err, store.ErrConflict):
		return &httpError{status: http.StatusConflict, code: "conflict", message: "Somebody else changed the incident in the meantime.", hint: "Look at the present state and decide again.", cause: err}
	case errors.Is(err, store.ErrInvalid):
		return &httpError{status: http.StatusBadRequest, code: "invalid_request", message: client.Shorten(err.Error(), 300), hint: "Correct the request.", cause: err}
	case errors.Is(err, context.Canceled):
		return &httpError{status: 499, code: "canceled", message: "The request was given up.", cause: err}
	case client.StatusOf(err) == http.StatusUnauthorized, client.StatusOf(err) == http.StatusForbidden:
		return &httpError{status: http.StatusBadGateway, code: "elasticsearch_refused", message: "Elasticsearch refuses the app's credentials.", hint: "An administrator opens the app's configuration page and presses Test.", cause: err}
	case client.StatusOf(err) != 0:
		return &httpError{status: http.StatusBadGateway, code: "elasticsearch_failed", message: fmt.Sprintf("Elasticsearch answered with status %d.", client.StatusOf(err)), hint: "Try again; if it stays, look into Grafana's log.", cause: err}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return &httpError{status: http.StatusGatewayTimeout, code: "elasticsearch_slow", message: "Elasticsearch did not answer in time.", hint: "Choose a shorter time range, or try again.", cause: err}
	case errors.As(err, &network):
		return &httpError{status: http.StatusServiceUnavailable, code: "elasticsearch_unreachable", message: "Elasticsearch cannot be reached.", hint: "Try again; if it stays, an administrator opens the app's configuration page and presses Test.", cause: err}
	}
	return &httpError{status: http.StatusInternalServerError, code: "internal", message: "The request failed.", hint: "Try again; if it stays, look into Grafana's log.", cause: err}
}

// diagnose says in words for an administrator why Elasticsearch does not do
// what the settings ask for, and what to change.
func (c config) diagnose(err error) string {
	var authorityErr x509.UnknownAuthorityError
	var hostErr x509.HostnameError
	var status *client.Error
	switch {
	case errors.As(err, &authorityErr):
		return "The certificate of Elasticsearch is signed by an authority that is not known here. Enter the authority's certificate (TLS, CA certificate)."
	case errors.As(err, &hostErr):
		return "The certificate of Elasticsearch is for another name: " + hostErr.Error() + ". Correct the address or the server name."
	case errors.As(err, &status) && status.Status == http.StatusUnauthorized:
		return "Elasticsearch refuses the credentials. Check user and password, or the API key."
	case errors.As(err, &status) && status.Status == http.StatusForbidden:
		return fmt.Sprintf("Elasticsearch accepts the credentials, but they may not read the data of tenant %s: %s. Grant read on mxdr-incidents-%s, mxdr-signals-%s and logs-*-%s, and write on mxdr-incidents-%s.", c.tenant, client.Shorten(status.Reason, 300), c.tenant, c.tenant, c.tenant, c.tenant)
	case errors.As(err, &status):
		return "Elasticsearch answers with an error: " + client.Shorten(status.Error(), 400)
	case errors.Is(err, context.DeadlineExceeded):
		return "Elasticsearch did not answer in time. Check the address, firewalls between Grafana and Elasticsearch, and the cluster's health."
	}
	return "Elasticsearch cannot be reached: " + client.Shorten(err.Error(), 400) + ". Check the address and that Elasticsearch runs."
}

// sendError answers a resource call outside of net/http.
func sendError(sender backend.CallResourceResponseSender, e *httpError) error {
	body, err := json.Marshal(e.body())
	if err != nil {
		return fmt.Errorf("encode error: %w", err)
	}
	return sender.Send(&backend.CallResourceResponse{
		Status:  e.status,
		Headers: map[string][]string{"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}},
		Body:    body,
	})
}
