package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/openmxdr/openmxdr/es-ingest/bulk"
	"github.com/openmxdr/openmxdr/es-ingest/client"
	"github.com/openmxdr/openmxdr/es-ingest/schema"
)

// Store reads and writes incidents, signals and events. Safe for concurrent use.
type Store struct {
	client  *client.Client
	machine *bulk.Writer
	people  *bulk.Writer
	now     func() time.Time
}

// New makes a store over a connection.
func New(c *client.Client) *Store {
	return &Store{
		client:  c,
		machine: &bulk.Writer{Client: c, Gzip: true},
		// Who triages sees the result in the next list.
		people: &bulk.Writer{Client: c, Refresh: "wait_for"},
		now:    time.Now,
	}
}

// Ping checks that Elasticsearch answers, and returns the user's and the
// cluster's name as far as the user may see them.
func (s *Store) Ping(ctx context.Context) (user, cluster string, err error) {
	return s.client.Ping(ctx)
}

type object = map[string]any

// version is a document's state for an optimistic write.
type found struct {
	ID          string          `json:"_id"`
	Found       bool            `json:"found"`
	SeqNo       int64           `json:"_seq_no"`
	PrimaryTerm int64           `json:"_primary_term"`
	Source      json.RawMessage `json:"_source"`
	Error       *struct {
		Type   string `json:"type"`
		Reason string `json:"reason"`
	} `json:"error"`
}

// mget reads documents by id, as they are now and not as the last refresh
// left them. Ids that are not there are not in the result; neither is an index
// that is not there an error.
func (s *Store) mget(ctx context.Context, index string, ids []string, include []string) (map[string]found, error) {
	out := make(map[string]found, len(ids))
	query := url.Values{}
	if len(include) > 0 {
		query["_source_includes"] = []string{joinComma(include)}
	}
	for len(ids) > 0 {
		n := min(len(ids), 500)
		var answer struct {
			Docs []found `json:"docs"`
		}
		err := s.client.DoJSON(ctx, http.MethodPost, "/"+index+"/_mget", query, object{"ids": ids[:n]}, &answer)
		if err != nil {
			return nil, err
		}
		for _, d := range answer.Docs {
			if d.Error != nil {
				if d.Error.Type == "index_not_found_exception" {
					continue
				}
				return nil, fmt.Errorf("elasticsearch: read %q of %s: %s: %s", d.ID, index, d.Error.Type, d.Error.Reason)
			}
			if d.Found {
				out[d.ID] = d
			}
		}
		ids = ids[n:]
	}
	return out, nil
}

func joinComma(s []string) string {
	var b bytes.Buffer
	for i, x := range s {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(x)
	}
	return b.String()
}

type hit struct {
	Index  string          `json:"_index"`
	ID     string          `json:"_id"`
	Source json.RawMessage `json:"_source"`
	Sort   []any           `json:"sort"`
}

type searchAnswer struct {
	TimedOut bool `json:"timed_out"`
	Hits     struct {
		Total struct {
			Value int64 `json:"value"`
		} `json:"total"`
		Hits []hit `json:"hits"`
	} `json:"hits"`
	Aggregations map[string]json.RawMessage `json:"aggregations"`
}

// search sends a search to an index or pattern; what does not exist is empty.
func (s *Store) search(ctx context.Context, index string, body object) (*searchAnswer, error) {
	var answer searchAnswer
	query := url.Values{
		"ignore_unavailable": {"true"}, "allow_no_indices": {"true"},
		// Half an answer must not look like a whole one.
		"allow_partial_search_results": {"false"},
	}
	if err := s.client.DoJSON(ctx, http.MethodPost, "/"+index+"/_search", query, body, &answer); err != nil {
		return nil, err
	}
	if answer.TimedOut {
		return nil, fmt.Errorf("elasticsearch: the search of %s ran out of time", index)
	}
	return &answer, nil
}

// invalid makes an ErrInvalid that says what.
func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

func checkTenant(tenant string) error {
	if err := schema.CheckTenant(tenant); err != nil {
		return invalid("%v", err)
	}
	return nil
}

// checkID refuses what cannot be a document id.
func checkID(id string) error {
	if id == "" || len(id) > 512 {
		return invalid("an id has 1 to 512 bytes")
	}
	return nil
}

// decode reads JSON and keeps the digits of numbers.
func decode(raw []byte, out any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return d.Decode(out)
}
