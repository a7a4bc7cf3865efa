package checkpoint

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// version is the first byte of every value.
const version = 1

// sum is the first half of a SHA-256.
type sum [16]byte

// sumOf covers a key and the bytes of its value.
func sumOf(key string, b []byte) sum {
	h := sha256.New()
	h.Write([]byte(key))
	h.Write([]byte{0})
	h.Write(b)
	var s sum
	copy(s[:], h.Sum(nil))
	return s
}

// part is a chunk of a snapshot or a part of a delta. On disk: version, flags
// (bit 0: last), sum of the part before, data, sum of all that and the key.
type part struct {
	before sum
	last   bool
	data   []byte
	sum    sum
}

const partOverhead = 2 + 2*len(sum{})

func encodePart(key string, p part) ([]byte, sum) {
	b := make([]byte, 0, len(p.data)+partOverhead)
	flags := byte(0)
	if p.last {
		flags = 1
	}
	b = append(b, version, flags)
	b = append(b, p.before[:]...)
	b = append(b, p.data...)
	s := sumOf(key, b)
	return append(b, s[:]...), s
}

// decodePart returns why raw is not a sound part, "" if it is.
func decodePart(key string, raw []byte) (part, string) {
	var p part
	if raw == nil {
		return p, "it is missing"
	}
	if len(raw) < partOverhead {
		return p, fmt.Sprintf("it has %d bytes, at least %d are needed", len(raw), partOverhead)
	}
	body := raw[:len(raw)-len(p.sum)]
	copy(p.sum[:], raw[len(body):])
	if sumOf(key, body) != p.sum {
		return p, "its checksum is wrong"
	}
	if body[0] != version {
		return p, fmt.Sprintf("its version is %d, this program reads %d", body[0], version)
	}
	p.last = body[1]&1 == 1
	copy(p.before[:], body[2:])
	p.data = body[2+len(p.before):]
	return p, ""
}

// headSize: version, present, six numbers, two sums.
const headSize = 2 + 6*8 + 2*len(sum{})

func encodeHead(h head) []byte {
	b := make([]byte, 0, headSize)
	present := byte(0)
	if h.present {
		present = 1
	}
	b = append(b, version, present)
	for _, n := range []uint64{h.gen, h.chunks, h.size, h.oldGen, h.oldChunk, h.oldParts} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	b = append(b, h.sum[:]...)
	s := sumOf(headKey, b)
	return append(b, s[:]...)
}

// versionError says that a sound value was written by another program version.
type versionError struct{ got byte }

func (e *versionError) Error() string {
	return fmt.Sprintf("checkpoint: the stored state has version %d, this program reads %d; use the program that wrote it, or delete the state", e.got, version)
}

func decodeHead(key string, raw []byte) (head, error) {
	var h head
	var s sum
	if len(raw) < 1+len(s) {
		return h, fmt.Errorf("it has %d bytes, at least %d are needed", len(raw), headSize)
	}
	body := raw[:len(raw)-len(s)]
	copy(s[:], raw[len(body):])
	if sumOf(key, body) != s {
		return h, fmt.Errorf("its checksum is wrong")
	}
	if body[0] != version {
		return h, &versionError{body[0]}
	}
	if len(raw) != headSize {
		return h, fmt.Errorf("it has %d bytes instead of %d", len(raw), headSize)
	}
	h.present = body[1] == 1
	for i, p := range []*uint64{&h.gen, &h.chunks, &h.size, &h.oldGen, &h.oldChunk, &h.oldParts} {
		*p = binary.BigEndian.Uint64(body[2+8*i:])
	}
	copy(h.sum[:], body[2+6*8:])
	return h, nil
}

func chunkKey(gen, n uint64) string { return fmt.Sprintf("s/%x/%x", gen, n) }
func partKey(gen, n uint64) string  { return fmt.Sprintf("j/%x/%x", gen, n) }
