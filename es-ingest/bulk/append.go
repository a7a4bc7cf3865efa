package bulk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/openmxdr/openmxdr/es-ingest/client"
)

// An Appender adds documents to data streams so that each id is there once.
//
// Elasticsearch keeps ids unique within one backing index only. After a
// rollover the same id could be created again in the new one. So before it
// writes, an Appender looks the ids up in the older backing indices, where
// there are any; the event times of the batch let Elasticsearch pass over the
// indices that cannot have them. If the stream rolls over between the look-up
// and the write, the answer names a backing index that the Appender does not
// know; it then looks again and takes back what was there already.
//
// Safe for concurrent use. One copy may remain a second time in one case: the
// process or Elasticsearch dies between such a write and its taking back.
type Appender struct {
	Writer *Writer

	mu      sync.Mutex
	streams map[string]*stream
}

type stream struct {
	write string // the backing index that takes new documents; "" if there is none yet
	older bool   // there are others
}

// Append creates the documents of ops, which must all name data streams, and
// returns one result for each. Conflict means that the id was there already,
// in whatever backing index. The error is as Write's.
func (a *Appender) Append(ctx context.Context, ops []Op) ([]Result, error) {
	results := make([]Result, len(ops))
	byStream := map[string][]int{}
	for i := range ops {
		ops[i].Create, ops[i].DataStream = true, true
		byStream[ops[i].Index] = append(byStream[ops[i].Index], i)
	}
	known := map[string]stream{}
	skip := make([]bool, len(ops))
	for name, members := range byStream {
		s, err := a.lookup(ctx, name, false)
		if err == nil && s.older {
			var there map[string]bool
			if there, err = a.find(ctx, name, s.write, ops, members); err == nil {
				for _, i := range members {
					if there[ops[i].ID] {
						skip[i] = true
						results[i] = Result{Outcome: Conflict, Status: http.StatusConflict, Reason: "in an older backing index"}
					}
				}
			}
		}
		if err != nil {
			for i := range results {
				results[i] = Result{Outcome: Retry, Status: client.StatusOf(err), Reason: err.Error()}
			}
			return results, &Error{Cause: err, After: retryAfter(err)}
		}
		known[name] = s
	}
	var send []Op
	var place []int
	for i := range ops {
		if !skip[i] {
			send = append(send, ops[i])
			place = append(place, i)
		}
	}
	if len(send) == 0 {
		return results, nil
	}
	sent, failure := a.Writer.Write(ctx, send)
	for j, i := range place {
		results[i] = sent[j]
	}
	for name, members := range byStream {
		if err := a.takeBack(ctx, name, known[name], ops, members, results); err != nil && failure == nil {
			failure = &Error{Cause: err, After: retryAfter(err)}
		}
	}
	return results, failure
}

func retryAfter(err error) time.Duration {
	var answer *client.Error
	if errors.As(err, &answer) {
		return answer.RetryAfter
	}
	return 0
}

// takeBack looks for documents that went to a backing index that before does
// not know, and removes those that an older one has.
func (a *Appender) takeBack(ctx context.Context, name string, before stream, ops []Op, members []int, results []Result) error {
	var fresh []int
	for _, i := range members {
		if results[i].Outcome == Written && results[i].Index != before.write {
			fresh = append(fresh, i)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	now, err := a.lookup(ctx, name, true)
	var there map[string]bool
	if err == nil && now.older {
		there, err = a.find(ctx, name, results[fresh[0]].Index, ops, fresh)
	}
	if err != nil {
		// Not known to be there once: the whole batch comes again, finds
		// its ids in use, and is looked at again by then.
		a.forget(name)
		for _, i := range fresh {
			results[i].Outcome, results[i].Reason = Retry, err.Error()
		}
		return err
	}
	var undo []Op
	for _, i := range fresh {
		if there[ops[i].ID] {
			c := results[i].Condition
			undo = append(undo, Op{Index: results[i].Index, ID: ops[i].ID, Delete: true, Condition: &c})
			results[i] = Result{Outcome: Conflict, Status: http.StatusConflict, Reason: "in an older backing index"}
		}
	}
	if len(undo) > 0 {
		if _, err := a.Writer.Write(ctx, undo); err != nil {
			return fmt.Errorf("remove documents that %s has twice after a rollover: %w", name, err)
		}
	}
	return nil
}

func (a *Appender) forget(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.streams, name)
}

// lookup returns what is known of a stream; again asks Elasticsearch anew.
func (a *Appender) lookup(ctx context.Context, name string, again bool) (stream, error) {
	a.mu.Lock()
	s, ok := a.streams[name]
	a.mu.Unlock()
	if ok && !again {
		return *s, nil
	}
	var answer struct {
		Streams []struct {
			Backing []string `json:"backing_indices"`
		} `json:"data_streams"`
	}
	err := a.Writer.Client.DoJSON(ctx, http.MethodGet, "/_resolve/index/"+name, nil, nil, &answer)
	if err != nil && client.StatusOf(err) != http.StatusNotFound {
		return stream{}, err
	}
	next := stream{}
	if err == nil && len(answer.Streams) == 1 && len(answer.Streams[0].Backing) > 0 {
		backing := answer.Streams[0].Backing
		next = stream{write: backing[len(backing)-1], older: len(backing) > 1}
	}
	if next.older {
		// What the older indices took last must be found by the searches
		// that follow. Without the right to refresh it is within a second.
		if err := a.Writer.Client.DoJSON(ctx, http.MethodPost, "/"+name+"/_refresh", nil, nil, nil); err != nil && client.StatusOf(err) != http.StatusForbidden {
			return stream{}, err
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.streams == nil {
		a.streams = map[string]*stream{}
	}
	a.streams[name] = &next
	return next, nil
}

// findSize is how many ids one search asks for.
const findSize = 500

// find returns which of the ids a stream has outside of one backing index.
func (a *Appender) find(ctx context.Context, name, except string, ops []Op, members []int) (map[string]bool, error) {
	there := map[string]bool{}
	for len(members) > 0 {
		n := min(findSize, len(members))
		ids := make([]string, n)
		from, to := ops[members[0]].Time, ops[members[0]].Time
		for j, i := range members[:n] {
			ids[j] = ops[i].ID
			if t := ops[i].Time; t.Before(from) {
				from = t
			} else if t.After(to) {
				to = t
			}
		}
		members = members[n:]
		query := map[string]any{
			"size": 2 * findSize, "_source": false, "track_total_hits": false,
			"query": map[string]any{"bool": map[string]any{
				"filter": []any{
					map[string]any{"ids": map[string]any{"values": ids}},
					// Whole milliseconds around: that is how finely a date is indexed.
					map[string]any{"range": map[string]any{"@timestamp": map[string]any{
						"gte": from.UnixMilli() - 1, "lte": to.UnixMilli() + 1, "format": "epoch_millis",
					}}},
				},
				"must_not": []any{map[string]any{"term": map[string]any{"_index": except}}},
			}},
		}
		var answer struct {
			Shards struct {
				Failed int `json:"failed"`
			} `json:"_shards"`
			Hits struct {
				Hits []struct {
					ID string `json:"_id"`
				} `json:"hits"`
			} `json:"hits"`
		}
		body, err := json.Marshal(query)
		if err != nil {
			return nil, fmt.Errorf("look for ids in %s: %w", name, err)
		}
		raw, err := a.Writer.Client.Do(ctx, client.Request{
			Method: http.MethodPost, Path: "/" + name + "/_search", Body: body,
			Query: map[string][]string{"allow_partial_search_results": {"false"}, "pre_filter_shard_size": {"1"}},
		})
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(raw, &answer); err != nil {
			return nil, fmt.Errorf("look for ids in %s: decode the answer: %w", name, err)
		}
		for _, h := range answer.Hits.Hits {
			there[h.ID] = true
		}
	}
	return there, nil
}
