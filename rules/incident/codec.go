package incident

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"github.com/openmxdr/openmxdr/internal/entity"
	"github.com/openmxdr/openmxdr/internal/signal"
)

// Signals are kept packed: one block of bytes without pointers costs a
// quarter of the struct and nothing in garbage collection. The id comes first
// so that two blocks compare by id without unpacking.

// What an incident keeps of one signal. The signal document has all of it.
const (
	keepEntities = 64
	keepAliases  = 8
	keepMatched  = 16
	keepNames    = 32
	keepText     = 1024 // bytes of a reason or name
	keepValue    = 512  // bytes of a matched value
	keepKey      = 2048 // bytes of an entity value or id
)

func packSignal(dst []byte, s *signal.Signal) []byte {
	dst = putText(dst, s.ID, keepKey)
	dst = putText(dst, string(s.Kind), 32)
	dst = putTime(dst, s.Time)
	dst = putTime(dst, s.First)
	dst = putTime(dst, s.Last)
	dst = putText(dst, s.RuleID, keepText)
	dst = putText(dst, s.RuleName, keepText)
	dst = binary.AppendVarint(dst, int64(s.Severity))
	dst = binary.AppendVarint(dst, int64(s.Confidence))
	dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(s.Risk))
	dst = putText(dst, s.Reason, keepText)
	dst = putText(dst, s.Domain, 64)
	dst = putText(dst, s.Dataset, 256)
	dst = putText(dst, s.Outcome, 32)
	dst = putTexts(dst, s.Tactics, keepNames, 64)
	dst = putTexts(dst, s.Techniques, keepNames, 64)
	es := s.Entities[:min(len(s.Entities), keepEntities)]
	dst = binary.AppendUvarint(dst, uint64(len(es)))
	for _, e := range es {
		dst = putText(dst, string(e.Type), 64)
		dst = putText(dst, e.Value, keepKey)
		dst = putText(dst, string(e.Role), 64)
		dst = putTexts(dst, e.Aliases, keepAliases, keepKey)
	}
	ms := s.Matched[:min(len(s.Matched), keepMatched)]
	dst = binary.AppendUvarint(dst, uint64(len(ms)))
	for _, m := range ms {
		dst = putText(dst, m.Field, 256)
		dst = putText(dst, m.Value, keepValue)
	}
	rs := s.Events[:min(len(s.Events), signal.MaxEvents)]
	dst = binary.AppendUvarint(dst, uint64(len(rs)))
	for _, r := range rs {
		dst = putText(dst, r.ID, keepKey)
		dst = putText(dst, r.Dataset, 256)
		dst = putTime(dst, r.Time)
	}
	return binary.AppendUvarint(dst, uint64(max(s.EventsTotal, 0)))
}

func unpackSignal(tenant string, b []byte) (*signal.Signal, error) {
	r := &reader{b: b}
	s := &signal.Signal{Tenant: tenant}
	s.ID, s.Kind = r.text(), signal.Kind(r.text())
	s.Time, s.First, s.Last = r.time(), r.time(), r.time()
	s.RuleID, s.RuleName = r.text(), r.text()
	s.Severity, s.Confidence = int(r.varint()), int(r.varint())
	s.Risk = r.float()
	s.Reason, s.Domain, s.Dataset, s.Outcome = r.text(), r.text(), r.text(), r.text()
	s.Tactics, s.Techniques = r.texts(), r.texts()
	for range r.count() {
		s.Entities = append(s.Entities, entity.Entity{
			Type: entity.Type(r.text()), Value: r.text(), Role: entity.Role(r.text()), Aliases: r.texts(),
		})
	}
	for range r.count() {
		s.Matched = append(s.Matched, signal.Match{Field: r.text(), Value: r.text()})
	}
	for range r.count() {
		s.Events = append(s.Events, signal.EventRef{ID: r.text(), Dataset: r.text(), Time: r.time()})
	}
	s.EventsTotal = int(min(r.uvarint(), math.MaxInt32))
	if r.err == nil && len(r.b) > 0 {
		r.err = errors.New("bytes after the end")
	}
	if r.err != nil {
		return nil, fmt.Errorf("packed signal %.64q: %w", s.ID, r.err)
	}
	return s, nil
}

// packedID returns the id's bytes of a packed signal.
func packedID(b []byte) []byte {
	n, k := binary.Uvarint(b)
	if k <= 0 || n > uint64(len(b)-k) {
		return nil
	}
	return b[k : k+int(n)]
}

func putText(dst []byte, s string, limit int) []byte {
	s = cut(s, limit)
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

func putTexts(dst []byte, list []string, n, limit int) []byte {
	list = list[:min(len(list), n)]
	dst = binary.AppendUvarint(dst, uint64(len(list)))
	for _, s := range list {
		dst = putText(dst, s, limit)
	}
	return dst
}

// putTime writes seconds and nanoseconds; the zero time has nanosecond 1e9.
func putTime(dst []byte, t time.Time) []byte {
	if t.IsZero() {
		return binary.AppendUvarint(binary.AppendVarint(dst, 0), 1e9)
	}
	return binary.AppendUvarint(binary.AppendVarint(dst, t.Unix()), uint64(t.Nanosecond()))
}

// cut shortens s to at most limit bytes without breaking a character.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

// reader reads what the put functions wrote; after the first error it returns zeros.
type reader struct {
	b   []byte
	err error
}

var errShort = errors.New("cut short or damaged")

func (r *reader) fail() { r.b, r.err = nil, errShort }

func (r *reader) uvarint() uint64 {
	n, k := binary.Uvarint(r.b)
	if k <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[k:]
	return n
}

func (r *reader) varint() int64 {
	n, k := binary.Varint(r.b)
	if k <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[k:]
	return n
}

// count reads a number of elements; each takes at least a byte, so a larger
// number than there are bytes is damage and never becomes an allocation.
func (r *reader) count() int {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *reader) bytes() []byte {
	n := r.count()
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) text() string { return string(r.bytes()) }

func (r *reader) texts() []string {
	var out []string
	for range r.count() {
		out = append(out, r.text())
	}
	return out
}

func (r *reader) float() float64 {
	if len(r.b) < 8 {
		r.fail()
		return 0
	}
	f := math.Float64frombits(binary.LittleEndian.Uint64(r.b))
	r.b = r.b[8:]
	return f
}

func (r *reader) time() time.Time {
	sec, nsec := r.varint(), r.uvarint()
	if nsec >= 1e9 {
		return time.Time{}
	}
	return time.Unix(sec, int64(nsec)).UTC()
}
