package mapping

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"regexp"
	"strconv"
	"unicode/utf8"
	"unsafe"

	"github.com/openmxdr/openmxdr/internal/document"
	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/rules/mapping/ecs"
)

// Reason classes why a record could not be normalized. It is a small closed
// set, fit for a metric's attribute, and the record's error.type.
type Reason string

// The reasons.
const (
	ReasonSyntax   Reason = "syntax"   // the record is not what its format promises
	ReasonLimit    Reason = "limit"    // too long, too deep or too many fields
	ReasonUnmapped Reason = "unmapped" // no mapping recognises it
	ReasonTime     Reason = "time"     // the event time is absent or wrong
	ReasonForged   Reason = "forged"   // it claims to be what only the pipeline writes
	ReasonTenant   Reason = "tenant"   // the pipeline gave no valid tenant
)

// Failure says why a record became a pipeline_error.
type Failure struct {
	Reason Reason
	// Mapping is the mapping that failed, "" if none was found.
	Mapping string
	Err     error
}

func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// UnmappedDataset is the event.dataset of records that no mapping recognises.
const UnmappedDataset = "unmapped"

var tenantRule = regexp.MustCompile(`^[a-z0-9][a-z0-9_]{0,39}$`)

func (r *run) checkTenant(tenant string) error {
	if tenant != "" && tenant == r.tenant {
		return nil
	}
	if !tenantRule.MatchString(tenant) {
		return errors.New("tenant " + strconv.Quote(excerpt(tenant, 64)) + " is not 1 to 40 lower case letters, digits and underscores; set it in the pipeline's configuration")
	}
	r.tenant = tenant
	return nil
}

func reasonOf(err error) Reason {
	if document.IsLimit(err) {
		return ReasonLimit
	}
	return ReasonSyntax
}

// fail makes the event the pipeline_error record of raw.
func (r *run) fail(raw string, in Input, reason Reason, err error) error {
	f := &Failure{Reason: reason, Err: err}
	dataset := UnmappedDataset
	if r.m != nil && reason != ReasonUnmapped {
		f.Mapping, dataset = r.m.Name, r.m.Dataset
	}
	ev, c := r.ev, &r.e.common
	ev.Reset()
	ev.Time = in.Observed
	ev.SetID(c.kind, event.StringValue("pipeline_error"))
	ev.SetID(c.message, event.StringValue(err.Error()))
	ev.SetID(c.errorType, event.StringValue(string(reason)))
	ev.SetID(c.dataset, event.StringValue(dataset))
	ev.SetID(c.id, event.StringValue(r.hashID(in.Tenant, dataset, raw)))
	ev.SetID(c.original, event.StringValue(raw))
	ev.SetID(c.ecsVersion, event.StringValue(ecs.Version))
	if reason != ReasonTenant {
		ev.SetID(c.tenant, event.StringValue(in.Tenant))
	}
	return f
}

// excerpt shortens s to n bytes.
func excerpt(s string, n int) string {
	if len(s) <= n {
		return s
	}
	s = s[:n]
	for len(s) > 0 && !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s + "…"
}

// maxID is Elasticsearch's limit for a document id in bytes.
const maxID = 512

// naturalID returns the source's own id, "" if the record has none.
func (r *run) naturalID() string {
	for _, all := range r.m.ids {
		id := ""
		for i, src := range all {
			s := r.get(src).Text()
			if s == "" {
				id = ""
				break
			}
			if i > 0 {
				s = id + "-" + s
			}
			id = s
		}
		if id != "" && len(id) <= maxID {
			return id
		}
	}
	return ""
}

// hashID derives an id from what makes a record itself: SHA-256, cut to 160
// bits, over the length-prefixed tenant, dataset and original.
func (r *run) hashID(tenant, dataset, original string) string {
	if r.hash == nil {
		r.hash = sha256.New()
	}
	h := r.hash
	h.Reset()
	for _, s := range [3]string{tenant, dataset, original} {
		b := r.sum[:8]
		binary.BigEndian.PutUint64(b, uint64(len(s)))
		h.Write(b)
		// A hash only reads what it is given.
		h.Write(unsafe.Slice(unsafe.StringData(s), len(s)))
	}
	return hex.EncodeToString(h.Sum(r.sum[:0])[:20])
}
