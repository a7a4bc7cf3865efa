package plugin

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"regexp"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
)

// maxResource bounds the body of an answer; Grafana takes 16 MiB.
const maxResource = 12 << 20

// idForm is what an incident's id looks like.
var idForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$`)

// handler answers one resource with a body or an error.
type handler func(*http.Request) (any, error)

// routes is the resource API.
func (in *instance) routes() http.Handler {
	mux := http.NewServeMux()
	for _, r := range []struct {
		method, path string
		h            handler
	}{
		{http.MethodGet, "/incidents", in.listIncidents},
		{http.MethodGet, "/incidents/{id}", in.getIncident},
		{http.MethodGet, "/incidents/{id}/events", in.getEvents},
		{http.MethodGet, "/incidents/{id}/authority", in.getIncidentAuthority},
		{http.MethodPost, "/incidents/{id}/triage", in.postTriage},
		{http.MethodGet, "/authority/matrix", in.getMatrix},
		{http.MethodGet, "/authority/policies", in.getPolicies},
		{http.MethodGet, "/whoami", in.getWhoAmI},
	} {
		mux.Handle(r.method+" "+r.path, in.answer(r.h))
		mux.Handle(r.path, in.answer(func(*http.Request) (any, error) {
			return nil, &httpError{status: http.StatusMethodNotAllowed, code: "method_not_allowed", message: "The resource takes only " + r.method + ".", hint: "Use " + r.method + "."}
		}))
	}
	mux.Handle("/", in.answer(func(*http.Request) (any, error) {
		return nil, &httpError{status: http.StatusNotFound, code: "not_found", message: "There is no such resource.", hint: "The page may be of another version than the backend; reload it."}
	}))
	return mux
}

// answer writes what a handler returns as JSON.
func (in *instance) answer(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := in.respond(h, r)
		status := http.StatusOK
		if err != nil {
			e := explain(err)
			status, body = e.status, encodeError(e)
			log := backend.Logger.FromContext(r.Context())
			if status >= 500 {
				log.Error("Resource failed", "path", r.URL.Path, "status", status, "error", err)
			} else {
				log.Debug("Resource refused", "path", r.URL.Path, "status", status, "error", err)
			}
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.WriteHeader(status)
		if _, err := w.Write(body); err != nil {
			backend.Logger.FromContext(r.Context()).Debug("Answer not sent", "error", err)
		}
	})
}

// respond runs the handler and encodes what it returns.
func (in *instance) respond(h handler, r *http.Request) ([]byte, error) {
	if in.broken != nil {
		return nil, errNotConfigured(in.broken)
	}
	result, err := h(r)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(result)
	if err != nil {
		return nil, err
	}
	if len(body) > maxResource {
		return nil, &httpError{status: http.StatusInsufficientStorage, code: "answer_too_large", message: "The answer is too large to be sent.", hint: "Ask for less at a time."}
	}
	return body, nil
}

// encodeError cannot fail: the body holds texts only.
func encodeError(e *httpError) []byte {
	body, err := json.Marshal(e.body())
	if err != nil {
		return []byte(`{"error":{"code":"internal","message":"The request failed.","hint":""}}`)
	}
	return body
}

// person returns who asks.
func (in *instance) person(r *http.Request) person {
	return in.config.whois(backend.UserFromContext(r.Context()))
}

// reader refuses whom Grafana does not name at all.
func (in *instance) reader(r *http.Request) error {
	if backend.UserFromContext(r.Context()) == nil {
		return &httpError{status: http.StatusUnauthorized, code: "unauthenticated", message: "Grafana names no user.", hint: "Sign in."}
	}
	return nil
}

// incidentID returns the id in the path.
func incidentID(r *http.Request) (string, error) {
	id := r.PathValue("id")
	if !idForm.MatchString(id) {
		return "", errInvalid("Open the incident from the list.", "That is not an incident's id.")
	}
	return id, nil
}

// decode reads a JSON body strictly. Content types other than JSON are refused,
// so that no foreign page's form can send one.
func decode(r *http.Request, into any) error {
	if typ, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || typ != "application/json" {
		return &httpError{status: http.StatusUnsupportedMediaType, code: "not_json", message: "The body must be JSON.", hint: "Send Content-Type: application/json."}
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(io.LimitReader(r.Body, maxBody+1)); err != nil {
			return err
		}
	}
	if len(body) > maxBody {
		return errTooLarge()
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return errInvalid("Send one JSON object with the documented members.", "The body cannot be read: %s.", jsonFault(err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errInvalid("Send one JSON object.", "The body holds more than one JSON value.")
	}
	return nil
}

// jsonFault keeps what the client wrote out of the message.
func jsonFault(err error) string {
	var typ *json.UnmarshalTypeError
	if errors.As(err, &typ) {
		return "a member has the wrong type: want " + typ.Type.String()
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "it is not valid JSON"
	}
	return "it has a member that is not known"
}

// getWhoAmI answers GET /whoami.
func (in *instance) getWhoAmI(r *http.Request) (any, error) {
	p := in.person(r)
	return WhoAmI{Login: p.login, Name: p.name, Role: p.role, Actor: string(p.actor), May: May{Triage: p.denied == "", Reason: p.denied}}, nil
}
