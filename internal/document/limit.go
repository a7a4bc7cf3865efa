package document

import (
	"errors"
	"fmt"
)

// limitError says which limit a record broke.
type limitError struct {
	what       string
	got, limit int
}

func (e limitError) Error() string {
	switch e.what {
	case "bytes":
		return fmt.Sprintf("record has %d bytes, the limit is %d; split it or raise the limit", e.got, e.limit)
	case "depth":
		return fmt.Sprintf("record nests deeper than the limit of %d levels", e.limit)
	}
	return fmt.Sprintf("record has more than %d fields, the limit", e.limit)
}

// SyntaxError says where a record stopped being what its format promises.
type SyntaxError struct {
	// Format is "JSON" or "XML".
	Format string
	// Offset is the byte, counted from 0.
	Offset int
	// Reason is what was wrong there.
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("not valid %s at byte %d: %s", e.Format, e.Offset, e.Reason)
}

// arena hands out memory for decoded strings. Memory is handed out once, so
// the strings stay valid for as long as somebody holds them.
type arena struct{ free []byte }

const arenaChunk = 8 << 10

// grab returns n bytes of fresh memory.
func (a *arena) grab(n int) []byte {
	if n > arenaChunk/4 {
		return make([]byte, n)
	}
	if len(a.free) < n {
		a.free = make([]byte, arenaChunk)
	}
	b := a.free[:n:n]
	a.free = a.free[n:]
	return b
}

// IsLimit tells whether err says that a record broke a limit.
func IsLimit(err error) bool {
	var l limitError
	return errors.As(err, &l)
}
