// Package checkpoint keeps the state of a processor across crashes: a snapshot
// and, in order, the deltas that came after it, in a small key-value store
// such as the collector's storage extension.
//
// A processor appends a delta before it acknowledges the input that the delta
// stands for, and replaces snapshot and deltas by a new snapshot from time to
// time. However the process ends, between any two writes or in the middle of a
// series, the next Load returns a state that the processor was in: at least
// everything whose Append returned without error, and nothing twice.
//
// # Layout
//
// All keys belong to a generation, a number that grows with every snapshot:
//
//	head, head.copy   generation, size and checksum of its snapshot, what to clean up
//	s/<gen>/<n>       the snapshot in chunks of at most 1 MiB, n from 0
//	j/<gen>/<n>       the deltas, in parts of at most 1 MiB, n from 1
//
// A new snapshot is written under the next generation. Setting head makes it
// the valid one; only after head.copy says the same is the old generation
// deleted. So the package needs of the store that a Set is durable when it
// returns and that one value is replaced whole. Batch need not be atomic.
//
// Every value carries SHA-256 of itself, its key and, for deltas, of the one
// before it, so damage and mix-ups are noticed and named.
package checkpoint

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
)

// Store is the key-value store that a Journal writes to. The storage.Client of
// the collector (extension/xextension/storage) can be wrapped to be one. A
// Journal has all keys of its Store to itself.
type Store interface {
	// Get returns the value of key, nil if there is none.
	Get(ctx context.Context, key string) ([]byte, error)
	// Set makes value the value of key, whole and durably.
	Set(ctx context.Context, key string, value []byte) error
	// Delete removes key; it is no error if it is not there.
	Delete(ctx context.Context, key string) error
	// Batch does the operations in order. It may stop after any of them.
	Batch(ctx context.Context, ops ...*Op) error
}

// OpType says what an Op does.
type OpType int

// The operations, in the order of the collector's storage.OpType.
const (
	Get OpType = iota
	Set
	Delete
)

// Op is one operation of a Batch.
type Op struct {
	Type  OpType
	Key   string
	Value []byte // to set, or what Get found (nil if nothing)
}

// CorruptError says that stored data are damaged. What Load returns beside it
// is good and comes before the damage.
type CorruptError struct {
	Key    string // of the damaged value
	Reason string
	Kept   int // deltas before the damage that Load returned
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("checkpoint: value %q is damaged: %s; %d deltas before it are good, what follows is lost", e.Key, e.Reason, e.Kept)
}

// ErrNotLoaded is returned by Append before Load.
var ErrNotLoaded = errors.New("checkpoint: Load must come before Append")

const (
	maxPart   = 1 << 20
	batchSize = 64
	headKey   = "head"
	copyKey   = "head.copy"
)

// Journal is the state of one processor in a Store. Its methods are safe for
// concurrent use and run one after the other. No other Journal may use the
// same Store at the same time.
type Journal struct {
	mu    sync.Mutex
	store Store
	part  int // size of the largest part

	head    head
	damaged *CorruptError // head and its copy are damaged
	loaded  bool
	next    uint64 // number of the next part
	sum     sum    // of the part before it
	stale   bool   // there may be values at next and beyond
	restart bool   // the snapshot is damaged: begin a new generation first
	unsure  bool   // head may or may not have been replaced
}

// head names the valid generation and the one before it, which may not yet be
// cleaned up.
type head struct {
	gen      uint64
	present  bool // there is a snapshot
	chunks   uint64
	size     uint64
	sum      sum
	oldGen   uint64
	oldChunk uint64
	oldParts uint64
}

// Open reads where the state of the processor is and tidies up after a crash.
// It fails if the store fails or the state is of an unknown version. A store
// without a state is an empty Journal. Damage is reported by Load.
func Open(ctx context.Context, store Store) (*Journal, error) {
	return open(ctx, store, maxPart)
}

func open(ctx context.Context, store Store, part int) (*Journal, error) {
	j := &Journal{store: store, part: part}
	if err := j.findHead(ctx); err != nil {
		return nil, err
	}
	return j, nil
}

// findHead reads head, or its copy if head is damaged, makes both the same and
// deletes what the generations before and after have left behind.
func (j *Journal) findHead(ctx context.Context) error {
	main, err := j.get(ctx, headKey)
	if err != nil {
		return err
	}
	spare, err := j.get(ctx, copyKey)
	if err != nil {
		return err
	}
	h, mainErr := decodeHead(headKey, main)
	if errors.As(mainErr, new(*versionError)) {
		return mainErr
	}
	same := mainErr == nil && string(main) == string(spare)
	if main == nil && spare == nil {
		gen := j.head.gen
		return j.deleteRun(ctx, func(n uint64) string { return chunkKey(gen+1, n) }, 0)
	}
	if mainErr != nil {
		var copyErr error
		if h, copyErr = decodeHead(headKey, spare); copyErr != nil {
			if errors.As(copyErr, new(*versionError)) {
				return copyErr
			}
			j.damaged = &CorruptError{Key: headKey, Reason: mainErr.Error()}
			j.restart = true
			var random [8]byte
			if _, err := rand.Read(random[:]); err != nil {
				return fmt.Errorf("checkpoint: new generation: %w", err)
			}
			// Far from whatever numbers the lost head had.
			j.head = head{gen: binary.BigEndian.Uint64(random[:])>>2 | 1<<61}
			return nil
		}
		if err := j.set(ctx, headKey, spare); err != nil {
			return err
		}
	} else if !same {
		if err := j.set(ctx, copyKey, main); err != nil {
			return err
		}
	}
	j.head = h
	if err := j.deleteOld(ctx); err != nil {
		return err
	}
	return j.deleteRun(ctx, func(n uint64) string { return chunkKey(h.gen+1, n) }, 0)
}

// Load returns the snapshot, nil if there is none, and the deltas appended
// since, in order. If something is damaged it returns what comes before the
// damage and a *CorruptError; the Journal can be used nevertheless and goes on
// from there. Without its snapshot no delta is good. Compact soon after damage.
func (j *Journal) Load(ctx context.Context) (snapshot []byte, deltas [][]byte, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.resolve(ctx); err != nil {
		return nil, nil, err
	}
	if j.damaged != nil {
		j.loaded = true
		return nil, nil, j.damaged
	}
	snapshot, err = j.loadSnapshot(ctx)
	if bad := (*CorruptError)(nil); errors.As(err, &bad) {
		j.loaded, j.restart = true, true
		return nil, nil, err
	} else if err != nil {
		return nil, nil, err
	}
	deltas, err = j.loadDeltas(ctx)
	if bad := (*CorruptError)(nil); err == nil || errors.As(err, &bad) {
		j.loaded = true
		return snapshot, deltas, err
	}
	return nil, nil, err
}

func (j *Journal) loadSnapshot(ctx context.Context) ([]byte, error) {
	if !j.head.present {
		return nil, nil
	}
	snapshot := []byte{}
	for n := uint64(0); n < j.head.chunks; n++ {
		key := chunkKey(j.head.gen, n)
		raw, err := j.get(ctx, key)
		if err != nil {
			return nil, err
		}
		p, reason := decodePart(key, raw)
		if reason != "" {
			return nil, &CorruptError{Key: key, Reason: reason}
		}
		snapshot = append(snapshot, p.data...)
	}
	if uint64(len(snapshot)) != j.head.size || sumOf("", snapshot) != j.head.sum {
		return nil, &CorruptError{Key: chunkKey(j.head.gen, 0), Reason: "the chunks do not make up the snapshot that head names"}
	}
	return snapshot, nil
}

func (j *Journal) loadDeltas(ctx context.Context) ([][]byte, error) {
	j.next, j.sum, j.stale = 1, j.head.sum, false
	var deltas [][]byte
	open := []byte{} // parts of a delta whose end has not come yet
	first, chain := j.next, j.sum
	at := j.next
	for {
		block, err := j.getParts(ctx, at)
		if err != nil {
			return nil, err
		}
		for i, raw := range block[:batchSize] {
			key := partKey(j.head.gen, at)
			reason := ""
			var p part
			switch {
			case raw == nil && block[i+1] != nil:
				reason = "it is missing, but there is one after it"
			case raw == nil:
				// The end. Parts of a delta that was never finished go away.
				j.stale = at > first
				return deltas, nil
			default:
				if p, reason = decodePart(key, raw); reason == "" && p.before != chain {
					reason = "it does not follow the value before it"
				}
			}
			if reason != "" {
				j.stale = true
				return deltas, &CorruptError{Key: key, Reason: reason, Kept: len(deltas)}
			}
			chain = p.sum
			open = append(open, p.data...)
			at++
			if p.last {
				deltas, open = append(deltas, open), []byte{}
				first = at
				j.next, j.sum = at, chain
			}
		}
	}
}

// getParts reads a block of parts from n on, and one more than it uses.
func (j *Journal) getParts(ctx context.Context, n uint64) ([][]byte, error) {
	ops := make([]*Op, batchSize+1)
	for i := range ops {
		ops[i] = &Op{Type: Get, Key: partKey(j.head.gen, n+uint64(i))}
	}
	if err := j.store.Batch(ctx, ops...); err != nil {
		return nil, fmt.Errorf("checkpoint: read deltas from %q on: %w", ops[0].Key, err)
	}
	out := make([][]byte, len(ops))
	for i, op := range ops {
		out[i] = op.Value
	}
	return out, nil
}

// Append makes delta durable behind all that was appended before. After an
// error the delta may or may not be part of what the next Load in a new process
// returns; appending it again replaces it.
func (j *Journal) Append(ctx context.Context, delta []byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.loaded {
		return ErrNotLoaded
	}
	if err := j.resolve(ctx); err != nil {
		return err
	}
	if j.restart {
		if err := j.replace(ctx, nil, false); err != nil {
			return err
		}
	}
	if j.stale {
		gen := j.head.gen
		if err := j.deleteRun(ctx, func(n uint64) string { return partKey(gen, n) }, j.next); err != nil {
			return err
		}
		j.stale = false
	}
	n, chain, rest := j.next, j.sum, delta
	for {
		cut := min(len(rest), j.part)
		key := partKey(j.head.gen, n)
		raw, s := encodePart(key, part{before: chain, last: cut == len(rest), data: rest[:cut]})
		if err := j.set(ctx, key, raw); err != nil {
			j.stale = true // parts before this one, and perhaps this one
			return err
		}
		n, chain, rest = n+1, s, rest[cut:]
		if len(rest) == 0 {
			break
		}
	}
	j.next, j.sum = n, chain
	return nil
}

// Compact replaces the snapshot and all deltas by snapshot. After an error the
// next Load returns either what was before or snapshot, both being the same
// state to the processor.
func (j *Journal) Compact(ctx context.Context, snapshot []byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.loaded {
		return ErrNotLoaded
	}
	if err := j.resolve(ctx); err != nil {
		return err
	}
	return j.replace(ctx, snapshot, true)
}

// replace begins a new generation.
func (j *Journal) replace(ctx context.Context, snapshot []byte, present bool) error {
	h := head{gen: j.head.gen + 1, present: present, size: uint64(len(snapshot)), sum: sumOf("", snapshot),
		oldGen: j.head.gen, oldChunk: j.head.chunks, oldParts: j.next}
	for rest := snapshot; len(rest) > 0; h.chunks++ {
		cut := min(len(rest), j.part)
		key := chunkKey(h.gen, h.chunks)
		raw, _ := encodePart(key, part{last: cut == len(rest), data: rest[:cut]})
		if err := j.set(ctx, key, raw); err != nil {
			return err
		}
		rest = rest[cut:]
	}
	raw := encodeHead(h)
	if err := j.set(ctx, headKey, raw); err != nil {
		j.unsure = true
		return err
	}
	j.head, j.next, j.sum = h, 1, h.sum
	stale := j.stale
	j.stale, j.restart, j.damaged = false, false, nil
	if err := j.set(ctx, copyKey, raw); err != nil {
		j.unsure = true
		return err
	}
	if stale { // values beyond those that head counts
		if err := j.deleteRun(ctx, func(n uint64) string { return partKey(h.oldGen, n) }, h.oldParts); err != nil {
			j.unsure = true
			return err
		}
	}
	if err := j.deleteOld(ctx); err != nil {
		j.unsure = true // to try again before the next write
		return err
	}
	return nil
}

// resolve finds out, after a write of head failed, which generation is valid.
func (j *Journal) resolve(ctx context.Context) error {
	if !j.unsure {
		return nil
	}
	was := j.head
	if err := j.findHead(ctx); err != nil {
		return err
	}
	if j.damaged != nil {
		return j.damaged
	}
	j.unsure = false
	if j.head.gen != was.gen { // it was replaced after all, and nothing appended since
		j.next, j.sum, j.stale, j.restart = 1, j.head.sum, false, false
	}
	return nil
}

// deleteOld removes the generation before the valid one.
func (j *Journal) deleteOld(ctx context.Context) error {
	h := j.head
	var ops []*Op
	for n := uint64(0); n < h.oldChunk; n++ {
		ops = append(ops, &Op{Type: Delete, Key: chunkKey(h.oldGen, n)})
	}
	for n := uint64(1); n < h.oldParts; n++ {
		ops = append(ops, &Op{Type: Delete, Key: partKey(h.oldGen, n)})
	}
	for len(ops) > 0 {
		n := min(len(ops), batchSize)
		if err := j.store.Batch(ctx, ops[:n]...); err != nil {
			return fmt.Errorf("checkpoint: delete generation %d: %w", h.oldGen, err)
		}
		ops = ops[n:]
	}
	return nil
}

// deleteRun removes the values with numbers from n on, up to the first two in a
// row that are not there, the last one first: what a crash leaves is
// still a run that begins at n.
func (j *Journal) deleteRun(ctx context.Context, key func(uint64) string, n uint64) error {
	end := n
	for miss := uint64(0); miss < 2; {
		v, err := j.get(ctx, key(end+miss))
		if err != nil {
			return err
		}
		if v == nil {
			miss++
			continue
		}
		end, miss = end+miss+1, 0
	}
	for ; end > n; end-- {
		if err := j.store.Delete(ctx, key(end-1)); err != nil {
			return fmt.Errorf("checkpoint: delete %q: %w", key(end-1), err)
		}
	}
	return nil
}

func (j *Journal) get(ctx context.Context, key string) ([]byte, error) {
	v, err := j.store.Get(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: read %q: %w", key, err)
	}
	return v, nil
}

func (j *Journal) set(ctx context.Context, key string, value []byte) error {
	if err := j.store.Set(ctx, key, value); err != nil {
		return fmt.Errorf("checkpoint: write %q: %w", key, err)
	}
	return nil
}
