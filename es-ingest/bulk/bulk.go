// Package bulk writes documents to Elasticsearch's _bulk endpoint and says of
// every single one what became of it.
package bulk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/openmxdr/openmxdr/es-ingest/client"
)

// Op is one document to write.
type Op struct {
	Index string // index or data stream; validated by the caller
	ID    string // document id, 1 to 512 bytes
	// Create refuses to replace a document; without it the document is
	// written over what is there. Data streams accept only Create.
	Create bool
	// DataStream makes Elasticsearch refuse the document unless Index is a
	// data stream, so that a missing template cannot end in a plain index.
	DataStream bool
	// Version, if above 0, lets the document replace only one of the same or
	// a lower version (version_type external_gte).
	Version int64
	// Condition lets the document replace only exactly this state.
	Condition *Condition
	// Delete removes the document; Create, Version and Document are not used.
	Delete bool
	// Time is the document's @timestamp. Only an Appender needs it.
	Time time.Time
	// Document is one JSON object without line breaks between its tokens.
	Document []byte
}

// Condition is a document's state as Elasticsearch numbers it.
type Condition struct {
	SeqNo       int64
	PrimaryTerm int64
}

// Outcome is what became of one document.
type Outcome uint8

// The outcomes.
const (
	// Retry: not written, and the same request may succeed later: a fault of
	// the network, the server or the set-up, never of the document.
	Retry Outcome = iota
	// Written: Elasticsearch has acknowledged it.
	Written
	// Conflict: Create found the id in use, Version a newer version, or
	// Condition another state.
	Conflict
	// Refused: Elasticsearch will never take this document as it is.
	Refused
)

func (o Outcome) String() string {
	return [...]string{"retry", "written", "conflict", "refused"}[o&3]
}

// Result is the outcome of one Op. Type and Reason are set where it was not
// written.
type Result struct {
	Outcome Outcome
	Status  int    // HTTP status of the item; 0 if there was no answer
	Type    string // Elasticsearch's name of the error
	Reason  string
	// Index is where it was written: for a data stream the backing index.
	Index     string
	Condition Condition // the document's state after it was written
}

// Writer writes documents. Safe for concurrent use. It makes every request
// once; the caller repeats what is to be repeated.
type Writer struct {
	Client *client.Client
	// MaxBytes is the size at which a request is cut before compression; a
	// larger single document still goes alone. 0 means 8 MiB.
	MaxBytes int
	// Gzip compresses requests.
	Gzip bool
	// Refresh is "", "true" or "wait_for".
	Refresh string
}

// Error tells why at least one document has the outcome Retry.
type Error struct {
	// After is how long Elasticsearch asked to wait, or 0.
	After time.Duration
	Cause error
}

func (e *Error) Error() string { return "bulk: " + e.Cause.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Write writes ops in order and returns one result for each. The error is nil
// if no result is Retry, else an *Error.
func (w *Writer) Write(ctx context.Context, ops []Op) ([]Result, error) {
	results := make([]Result, len(ops))
	limit := w.MaxBytes
	if limit <= 0 {
		limit = 8 << 20
	}
	var failure *Error
	for start := 0; start < len(ops); {
		size, end := 0, start
		for end < len(ops) && (end == start || size+opSize(&ops[end]) <= limit) {
			size += opSize(&ops[end])
			end++
		}
		if err := w.send(ctx, ops[start:end], results[start:end], size); err != nil {
			if failure == nil {
				failure = &Error{Cause: err}
			}
			var answer *client.Error
			if errors.As(err, &answer) {
				failure.After = max(failure.After, answer.RetryAfter)
			}
			if answer == nil {
				// Nobody answers: do not wait for one timeout after
				// another.
				for i := end; i < len(results); i++ {
					results[i].Reason = failure.Cause.Error()
				}
				break
			}
		}
		start = end
	}
	if failure != nil {
		return results, failure
	}
	for i := range results {
		if results[i].Outcome == Retry {
			return results, &Error{Cause: fmt.Errorf("document %q for %s: status %d %s: %s",
				ops[i].ID, ops[i].Index, results[i].Status, results[i].Type, results[i].Reason)}
		}
	}
	return results, nil
}

// filterPath keeps the answer small: only what Result needs.
const filterPath = "items.*.status,items.*._index,items.*._seq_no,items.*._primary_term,items.*.error.type,items.*.error.reason," +
	"items.*.error.caused_by.type,items.*.error.caused_by.reason"

// send makes one request, or more if Elasticsearch finds it too large. The
// error means that results has entries with Retry for its sake.
func (w *Writer) send(ctx context.Context, ops []Op, results []Result, size int) error {
	body := make([]byte, 0, size)
	for i := range ops {
		body = appendOp(body, &ops[i])
	}
	query := url.Values{"filter_path": {filterPath}}
	if w.Refresh != "" {
		query.Set("refresh", w.Refresh)
	}
	answer, err := w.Client.Do(ctx, client.Request{
		Method: http.MethodPost, Path: "/_bulk", Query: query, Body: body, NDJSON: true, Gzip: w.Gzip,
	})
	if err == nil {
		if err = decode(answer, ops, results); err == nil {
			return nil
		}
	}
	var refused *client.Error
	if errors.As(err, &refused) && (refused.Status == http.StatusRequestEntityTooLarge || refused.Status == http.StatusBadRequest) {
		// Too large, or one document that cannot even be read. It must not
		// hold up the others: halve until it is alone.
		if len(ops) == 1 {
			results[0] = Result{Outcome: Refused, Status: refused.Status, Type: refused.Type, Reason: refused.Reason}
			return nil
		}
		half := len(ops) / 2
		first := w.send(ctx, ops[:half], results[:half], size/2)
		second := w.send(ctx, ops[half:], results[half:], size/2)
		return errors.Join(first, second)
	}
	for i := range results {
		results[i] = Result{Outcome: Retry, Reason: err.Error(), Status: client.StatusOf(err)}
	}
	return err
}

type item struct {
	Index       string `json:"_index"`
	Status      int    `json:"status"`
	SeqNo       int64  `json:"_seq_no"`
	PrimaryTerm int64  `json:"_primary_term"`
	Error       struct {
		Type   string `json:"type"`
		Reason string `json:"reason"`
		Cause  struct {
			Type   string `json:"type"`
			Reason string `json:"reason"`
		} `json:"caused_by"`
	} `json:"error"`
}

func decode(answer []byte, ops []Op, results []Result) error {
	var all struct {
		Items []map[string]item `json:"items"`
	}
	if err := json.NewDecoder(bytes.NewReader(answer)).Decode(&all); err != nil {
		return fmt.Errorf("elasticsearch: POST /_bulk: decode the answer: %w", err)
	}
	if len(all.Items) != len(ops) {
		return fmt.Errorf("elasticsearch: POST /_bulk: %d documents sent, %d answered for", len(ops), len(all.Items))
	}
	for i, m := range all.Items {
		for _, it := range m {
			results[i] = judge(it)
		}
	}
	return nil
}

func judge(it item) Result {
	r := Result{Status: it.Status, Index: it.Index, Type: it.Error.Type, Reason: it.Error.Reason}
	if c := it.Error.Cause; c.Reason != "" && c.Reason != r.Reason {
		r.Reason += ": " + c.Reason
	}
	r.Reason = client.Shorten(r.Reason, 1000)
	switch {
	case it.Status >= 200 && it.Status < 300:
		r.Outcome = Written
		r.Condition = Condition{SeqNo: it.SeqNo, PrimaryTerm: it.PrimaryTerm}
	case it.Status == http.StatusConflict:
		r.Outcome = Conflict
	case it.Status == http.StatusBadRequest && !setUp[it.Error.Type], it.Status == http.StatusRequestEntityTooLarge:
		r.Outcome = Refused
	default:
		// 429 and 5xx pass by themselves; 401, 403 and 404 are for an
		// operator to mend (rights, blocks, a missing template) and no
		// document's fault. A status nobody has heard of is no reason to
		// give a document up either.
		r.Outcome = Retry
	}
	return r
}

// setUp lists errors with status 400 that speak about the state of the
// cluster, not about the document.
var setUp = map[string]bool{
	"index_closed_exception":           true,
	"validation_exception":             true, // the cluster's shard limit is reached
	"no_shard_available":               true,
	"index_template_missing_exception": true,
}

func opSize(op *Op) int { return len(op.Document) + len(op.Index) + len(op.ID) + 160 }

func appendOp(dst []byte, op *Op) []byte {
	if op.Delete {
		dst = append(dst, `{"delete":{"_index":`...)
	} else if op.Create {
		dst = append(dst, `{"create":{"_index":`...)
	} else {
		dst = append(dst, `{"index":{"_index":`...)
	}
	dst = appendString(dst, op.Index)
	dst = append(dst, `,"_id":`...)
	dst = appendString(dst, op.ID)
	if op.DataStream {
		dst = append(dst, `,"require_data_stream":true`...)
	}
	if op.Version > 0 && !op.Delete {
		dst = append(dst, `,"version_type":"external_gte","version":`...)
		dst = strconv.AppendInt(dst, op.Version, 10)
	}
	if c := op.Condition; c != nil {
		dst = append(dst, `,"if_seq_no":`...)
		dst = strconv.AppendInt(dst, c.SeqNo, 10)
		dst = append(dst, `,"if_primary_term":`...)
		dst = strconv.AppendInt(dst, c.PrimaryTerm, 10)
	}
	dst = append(dst, "}}\n"...)
	if op.Delete {
		return dst
	}
	dst = append(dst, op.Document...)
	return append(dst, '\n')
}

func appendString(dst []byte, s string) []byte {
	b, _ := json.Marshal(s) // a string always marshals
	return append(dst, b...)
}
