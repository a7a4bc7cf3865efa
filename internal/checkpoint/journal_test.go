package checkpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var errKilled = errors.New("killed")

// memory is a Store that dies at a chosen write: before doing it, or after.
type memory struct {
	values map[string][]byte
	writes int
	dieAt  int  // number of the write; 0: never
	done   bool // the write is done nevertheless
	once   bool // only this write fails, later ones succeed
}

func newMemory() *memory { return &memory{values: map[string][]byte{}} }

func (m *memory) write(f func()) error {
	m.writes++
	if m.dieAt == 0 || m.writes < m.dieAt || m.once && m.writes > m.dieAt {
		f()
		return nil
	}
	if m.done && m.writes == m.dieAt {
		f()
	}
	return errKilled
}

func (m *memory) dead() bool { return m.dieAt > 0 && m.writes >= m.dieAt && !m.once }

func (m *memory) Get(_ context.Context, key string) ([]byte, error) {
	if m.dead() {
		return nil, errKilled
	}
	return bytes.Clone(m.values[key]), nil
}

func (m *memory) Set(_ context.Context, key string, v []byte) error {
	return m.write(func() { m.values[key] = bytes.Clone(v) })
}

func (m *memory) Delete(_ context.Context, key string) error {
	return m.write(func() { delete(m.values, key) })
}

// Batch is not atomic: it dies between its operations.
func (m *memory) Batch(ctx context.Context, ops ...*Op) (err error) {
	for _, op := range ops {
		switch op.Type {
		case Get:
			op.Value, err = m.Get(ctx, op.Key)
		case Set:
			err = m.Set(ctx, op.Key, op.Value)
		case Delete:
			err = m.Delete(ctx, op.Key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// log is a processor whose state is the list of all deltas it ever took in.
type log struct{ items []string }

func (l *log) restore(t *testing.T, snapshot []byte, deltas [][]byte) {
	t.Helper()
	l.items = nil
	if len(snapshot) > 0 {
		l.items = strings.Split(string(snapshot), "\n")
	}
	for _, d := range deltas {
		l.items = append(l.items, string(d))
	}
}

func (l *log) snapshot() []byte { return []byte(strings.Join(l.items, "\n")) }

const testPart = 16 // so that many values have several parts

func item(n int) string { return fmt.Sprintf("delta-%d-", n) + strings.Repeat("x", n*7%50) }

// script appends and compacts; it stops at the first error and tells how many
// appends were acknowledged.
func script(ctx context.Context, t *testing.T, m *memory, from, steps int) (acked int, err error) {
	t.Helper()
	j, err := open(ctx, m, testPart)
	if err != nil {
		return from, err
	}
	snap, deltas, err := j.Load(ctx)
	if err != nil {
		return from, err
	}
	var l log
	l.restore(t, snap, deltas)
	if len(l.items) < from || len(l.items) > from+1 {
		t.Fatalf("%d items were acknowledged, %d are there", from, len(l.items))
	}
	for i, x := range l.items {
		if x != item(i) {
			t.Fatalf("item %d is %q", i, x)
		}
	}
	acked = len(l.items)
	for range steps {
		x := item(len(l.items))
		if err := j.Append(ctx, []byte(x)); err != nil {
			return acked, err
		}
		l.items = append(l.items, x)
		acked++
		if len(l.items)%4 == 0 {
			if err := j.Compact(ctx, l.snapshot()); err != nil {
				return acked, err
			}
		}
	}
	return acked, nil
}

// TestKilledAtEveryWrite kills the process at each write of a script, before
// and after the write took effect, then kills the recovery at each of its
// writes, then lets it go on. Nothing acknowledged is ever lost or doubled, and
// nothing is left behind in the store.
func TestKilledAtEveryWrite(t *testing.T) {
	ctx := context.Background()
	whole := newMemory()
	_, err := script(ctx, t, whole, 0, 9)
	require.NoError(t, err)
	points := 0
	for first := 1; first <= whole.writes; first++ {
		for _, done := range []bool{false, true} {
			m := newMemory()
			m.dieAt, m.done = first, done
			acked, err := script(ctx, t, m, 0, 9)
			require.ErrorIs(t, err, errKilled)
			for second := 1; ; second++ {
				again := &memory{values: maps.Clone(m.values), dieAt: second, done: done}
				got, err := script(ctx, t, again, acked, 5)
				points++
				if err != nil {
					require.ErrorIs(t, err, errKilled)
				}
				final := &memory{values: again.values}
				_, ferr := script(ctx, t, final, got, 6)
				require.NoError(t, ferr)
				assertTidy(t, final)
				if err == nil {
					break
				}
			}
		}
	}
	t.Logf("%d writes in the script, %d pairs of kills", whole.writes, points)
}

// assertTidy checks that the store holds the valid generation and no more.
func assertTidy(t *testing.T, m *memory) {
	t.Helper()
	ctx := context.Background()
	j, err := open(ctx, m, testPart)
	require.NoError(t, err)
	_, _, err = j.Load(ctx)
	require.NoError(t, err)
	for key := range m.values {
		if key == headKey || key == copyKey {
			continue
		}
		var kind string
		var gen, n uint64
		_, err := fmt.Sscanf(strings.Replace(key, "/", " ", 2), "%1s %x/%x", &kind, &gen, &n)
		if err != nil {
			_, err = fmt.Sscanf(strings.ReplaceAll(key, "/", " "), "%1s %x %x", &kind, &gen, &n)
		}
		require.NoError(t, err, key)
		if gen != j.head.gen || kind == "s" && n >= j.head.chunks || kind == "j" && n >= j.next {
			t.Fatalf("%q is left over; valid is generation %x with %d chunks and %d parts", key, j.head.gen, j.head.chunks, j.next)
		}
	}
}

// TestWriteFailsAndProcessGoesOn: a write fails, whether it took effect or
// not, and the same Journal is used further.
func TestWriteFailsAndProcessGoesOn(t *testing.T) {
	ctx := context.Background()
	for at := 1; at < 150; at++ {
		for _, done := range []bool{false, true} {
			m := newMemory()
			m.dieAt, m.done, m.once = at, done, true
			j, err := open(ctx, m, testPart)
			require.NoError(t, err)
			_, _, err = j.Load(ctx)
			require.NoError(t, err)
			var l log
			for i := range 14 {
				x := item(i)
				if err := j.Append(ctx, []byte(x)); err != nil {
					require.ErrorIs(t, err, errKilled)
					require.NoError(t, j.Append(ctx, []byte(x)), "the second try")
				}
				l.items = append(l.items, x)
				if i%4 == 3 {
					_ = j.Compact(ctx, l.snapshot()) // whether it failed makes no difference
				}
			}
			m.dieAt = 0
			j, err = open(ctx, m, testPart)
			require.NoError(t, err)
			snap, deltas, err := j.Load(ctx)
			require.NoError(t, err)
			var back log
			back.restore(t, snap, deltas)
			require.Equal(t, l.items, back.items, "write %d, done %v", at, done)
			assertTidy(t, m)
			_, err = script(ctx, t, m, 14, 5)
			require.NoError(t, err)
		}
	}
}

// TestDamageIsNamed changes every byte of every value, and removes every value:
// what is returned is a prefix of the truth, and it is said that something is
// wrong unless nothing is missing.
func TestDamageIsNamed(t *testing.T) {
	ctx := context.Background()
	m := newMemory()
	acked, err := script(ctx, t, m, 0, 11)
	require.NoError(t, err)
	require.Equal(t, 11, acked)
	check := func(values map[string][]byte, key, how string) {
		t.Helper()
		s := &memory{values: values}
		j, err := open(ctx, s, testPart)
		require.NoError(t, err)
		snap, deltas, err := j.Load(ctx)
		var bad *CorruptError
		if err != nil {
			require.True(t, errors.As(err, &bad), "%v", err)
			assert.Equal(t, len(deltas), bad.Kept)
			assert.Contains(t, err.Error(), "is damaged")
		}
		var l log
		l.restore(t, snap, deltas)
		for i, x := range l.items {
			require.Equal(t, item(i), x)
		}
		switch {
		case strings.HasPrefix(key, "head"):
			require.Len(t, l.items, 11, "the copy of head helps")
		case strings.HasPrefix(key, "s/"):
			require.Error(t, err, how)
			require.Empty(t, l.items)
		case how == "removed" && len(l.items) >= 10: // the last delta: nobody can know
		default:
			require.Error(t, err, "%s %s", key, how)
			require.GreaterOrEqual(t, len(l.items), 8, "the snapshot is kept")
		}
		// It goes on from there.
		require.NoError(t, j.Append(ctx, []byte("new")))
		j, err = open(ctx, s, testPart)
		require.NoError(t, err)
		snap, deltas, err = j.Load(ctx)
		require.NoError(t, err, "%s %s", key, how)
		before := l.items
		l.restore(t, snap, deltas)
		require.Equal(t, append(before, "new"), l.items)
	}
	for key, v := range m.values {
		for i := range v {
			c := maps.Clone(m.values)
			c[key] = bytes.Clone(v)
			c[key][i] ^= 0x10
			check(c, key, "changed")
		}
		c := maps.Clone(m.values)
		c[key] = v[:len(v)/2]
		check(c, key, "cut")
		c = maps.Clone(m.values)
		delete(c, key)
		check(c, key, "removed")
	}
	// Both heads: nothing can be found, which is said, and a new start works.
	c := maps.Clone(m.values)
	c[headKey], c[copyKey] = []byte("x"), []byte("y")
	s := &memory{values: c}
	j, err := open(ctx, s, testPart)
	require.NoError(t, err)
	_, _, err = j.Load(ctx)
	require.ErrorAs(t, err, new(*CorruptError))
	_, err = script(ctx, t, s, 0, 5)
	require.Error(t, err, "still damaged, nothing was written")
	require.NoError(t, j.Append(ctx, []byte(item(0))))
	_, err = script(ctx, t, s, 1, 5)
	require.NoError(t, err)
	// Two deltas that changed places.
	c = maps.Clone(m.values)
	a, b := partKey(2, 1), partKey(2, 2)
	require.Contains(t, c, a)
	c[a], c[b] = c[b], c[a]
	_, _, err = mustOpen(t, c).Load(ctx)
	require.ErrorAs(t, err, new(*CorruptError))
}

func mustOpen(t *testing.T, values map[string][]byte) *Journal {
	t.Helper()
	j, err := open(context.Background(), &memory{values: values}, testPart)
	require.NoError(t, err)
	return j
}

func TestLargeSnapshotIsChunked(t *testing.T) {
	ctx := context.Background()
	m := newMemory()
	j, err := Open(ctx, m)
	require.NoError(t, err)
	require.ErrorIs(t, j.Append(ctx, nil), ErrNotLoaded)
	require.ErrorIs(t, j.Compact(ctx, nil), ErrNotLoaded)
	_, _, err = j.Load(ctx)
	require.NoError(t, err)
	r := rand.New(rand.NewPCG(1, 2))
	snapshot := make([]byte, 5<<20+17)
	for i := range snapshot {
		snapshot[i] = byte(r.Uint32())
	}
	require.NoError(t, j.Compact(ctx, snapshot))
	require.NoError(t, j.Append(ctx, snapshot[:3<<20]))
	require.NoError(t, j.Append(ctx, nil))
	for key, v := range m.values {
		assert.LessOrEqual(t, len(v), maxPart+partOverhead, key)
	}
	j, err = Open(ctx, m)
	require.NoError(t, err)
	got, deltas, err := j.Load(ctx)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(snapshot, got))
	require.Len(t, deltas, 2)
	assert.True(t, bytes.Equal(snapshot[:3<<20], deltas[0]))
	assert.Empty(t, deltas[1])
}

// TestGivenUpDeltaLeavesNothing: a delta of several parts fails at the last
// one, and another one is appended instead.
func TestGivenUpDeltaLeavesNothing(t *testing.T) {
	ctx := context.Background()
	for _, done := range []bool{false, true} {
		m := newMemory()
		j := mustOpen(t, m.values)
		j.store = m
		_, _, err := j.Load(ctx)
		require.NoError(t, err)
		m.dieAt, m.done, m.once = 4, done, true
		require.ErrorIs(t, j.Append(ctx, make([]byte, 4*testPart)), errKilled)
		require.NoError(t, j.Append(ctx, []byte("instead")))
		m.dieAt = 0
		_, deltas, err := mustOpen(t, m.values).Load(ctx)
		require.NoError(t, err)
		require.Equal(t, [][]byte{[]byte("instead")}, deltas)
		assertTidy(t, m)
	}
}

func TestUnfinishedSnapshotIsTidiedUp(t *testing.T) {
	ctx := context.Background()
	m := newMemory()
	j := mustOpen(t, m.values)
	_, _, err := j.Load(ctx)
	require.NoError(t, err)
	m.dieAt = 6
	j.store = m
	require.ErrorIs(t, j.Compact(ctx, make([]byte, 10*testPart)), errKilled)
	require.Len(t, m.values, 5)
	assertTidy(t, &memory{values: m.values})
	require.Empty(t, m.values)
}

func TestManyDeltas(t *testing.T) {
	ctx := context.Background()
	m := newMemory()
	j := mustOpen(t, m.values)
	_, _, err := j.Load(ctx)
	require.NoError(t, err)
	for i := range 1000 {
		require.NoError(t, j.Append(ctx, []byte{byte(i), byte(i >> 8)}))
	}
	_, deltas, err := mustOpen(t, m.values).Load(ctx)
	require.NoError(t, err)
	require.Len(t, deltas, 1000)
	for i, d := range deltas {
		require.Equal(t, []byte{byte(i), byte(i >> 8)}, d)
	}
	delete(m.values, partKey(0, batchSize)) // at the edge of what is read at once
	_, deltas, err = mustOpen(t, m.values).Load(ctx)
	require.ErrorContains(t, err, "it is missing, but there is one after it")
	require.Len(t, deltas, batchSize-1)
}

func TestNewerVersionIsRefused(t *testing.T) {
	ctx := context.Background()
	m := newMemory()
	_, err := script(ctx, t, m, 0, 5)
	require.NoError(t, err)
	raw := m.values[headKey]
	raw[0] = 9
	body := raw[:len(raw)-16]
	s := sumOf(headKey, body)
	m.values[headKey] = append(bytes.Clone(body), s[:]...)
	_, err = Open(ctx, m)
	require.ErrorContains(t, err, "version 9")
	assert.NotErrorAs(t, err, new(*CorruptError))
}

func BenchmarkAppend(b *testing.B) {
	ctx := context.Background()
	j, _ := Open(ctx, newMemory())
	_, _, _ = j.Load(ctx)
	delta := make([]byte, 4096)
	b.SetBytes(int64(len(delta)))
	b.ReportAllocs()
	for b.Loop() {
		if err := j.Append(ctx, delta); err != nil {
			b.Fatal(err)
		}
	}
}
