package correlation

import (
	"encoding/binary"
	"errors"

	"github.com/openmxdr/openmxdr/internal/entity"
)

// writer appends the parts of snapshots and batches: varints, and strings
// with their length before them.
type writer struct{ b []byte }

func (w *writer) uint(n uint64)   { w.b = binary.AppendUvarint(w.b, n) }
func (w *writer) int(n int64)     { w.b = binary.AppendVarint(w.b, n) }
func (w *writer) len(n int)       { w.uint(uint64(n)) }
func (w *writer) string(s string) { w.len(len(s)); w.b = append(w.b, s...) }
func (w *writer) bool(v bool) {
	if v {
		w.b = append(w.b, 1)
	} else {
		w.b = append(w.b, 0)
	}
}

func (w *writer) entities(list []entity.Entity) {
	w.len(len(list))
	for _, x := range list {
		w.string(string(x.Type))
		w.string(x.Value)
		w.string(string(x.Role))
		w.len(len(x.Aliases))
		for _, a := range x.Aliases {
			w.string(a)
		}
	}
}

var errTruncated = errors.New("data end too early or a length is impossible")

// reader reads what writer wrote. After an error everything reads as zero.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.b = nil
}

func (r *reader) uint() uint64 {
	n, w := binary.Uvarint(r.b)
	if w <= 0 {
		r.fail(errTruncated)
		return 0
	}
	r.b = r.b[w:]
	return n
}

func (r *reader) int() int64 {
	n, w := binary.Varint(r.b)
	if w <= 0 {
		r.fail(errTruncated)
		return 0
	}
	r.b = r.b[w:]
	return n
}

// len reads a number of things of which each takes at least one byte.
func (r *reader) len() int {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.fail(errTruncated)
		return 0
	}
	return int(n)
}

func (r *reader) string() string {
	n := r.len()
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

func (r *reader) bool() bool {
	if len(r.b) == 0 {
		r.fail(errTruncated)
		return false
	}
	v := r.b[0] == 1
	r.b = r.b[1:]
	return v
}

func (r *reader) entities() []entity.Entity {
	var out []entity.Entity
	for range r.len() {
		x := entity.Entity{Type: entity.Type(r.string()), Value: r.string(), Role: entity.Role(r.string())}
		for range r.len() {
			x.Aliases = append(x.Aliases, r.string())
		}
		out = append(out, x)
	}
	return out
}
