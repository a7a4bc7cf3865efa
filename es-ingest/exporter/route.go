package esingestexporter

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/openmxdr/openmxdr/es-ingest/schema"
)

// kind is where a record belongs.
type kind uint8

const (
	eventKind kind = iota
	signalKind
	incidentKind
)

func (k kind) String() string { return [...]string{"event", "signal", "incident"}[k] }

const tenantAttribute = "organization.id"

// place is where one record goes: read from the record once, before it is encoded.
type place struct {
	kind    kind
	tenant  string
	dataset string // valid as a part of a data stream's name
	id      string // "" if the record has none
	time    time.Time
	version int64 // of a signal or an incident
	problem string
}

// maxID is Elasticsearch's limit for a document id, in bytes.
const maxID = 512

// locate reads where a record goes. It never fails: a record without a valid
// tenant has a problem, and goes to the dead letters of the fallback tenant.
func (x *esExporter) locate(resource pcommon.Resource, record plog.LogRecord, now time.Time) place {
	p := place{time: now}
	if ts := record.Timestamp(); ts != 0 {
		p.time = ts.AsTime()
	} else if ts := record.ObservedTimestamp(); ts != 0 {
		p.time = ts.AsTime()
	}
	attributes := record.Attributes()
	if v, ok := resource.Attributes().Get(tenantAttribute); ok {
		p.tenant = v.AsString()
	} else {
		p.tenant = text(attributes, tenantAttribute)
	}
	if p.tenant == "" {
		p.tenant = x.config.DefaultTenant
	}
	if err := schema.CheckTenant(p.tenant); err != nil {
		p.problem = err.Error()
		p.tenant = unassigned
	}
	dataset := text(attributes, "event.dataset")
	switch text(attributes, "event.kind") {
	case "signal":
		if dataset == "mxdr.signal" {
			p.kind = signalKind
			p.version = signalVersion(attributes)
		}
	case "state":
		if dataset == "mxdr.incident" {
			p.kind = incidentKind
			p.version = number(attributes, "event.sequence")
		}
	}
	p.dataset = streamDataset(dataset)
	p.id = text(attributes, "event.id")
	if p.kind != eventKind && p.id == "" && p.problem == "" {
		p.problem = "event.id is missing: a " + p.kind.String() + " without an id cannot be stored"
	}
	if p.kind == incidentKind && p.version < 1 && p.problem == "" {
		p.problem = "event.sequence is missing or below 1: it is the revision of the incident"
	}
	if len(p.id) > maxID {
		p.id = hash(p.id)
	}
	return p
}

// unassigned is the tenant whose dead letters take records without a valid one.
const unassigned = "unassigned"

// signalVersion orders the records of one signal by what they say, so that one
// that was held up cannot replace a later one: by event.sequence if the
// detector counts; else a finding only ever gains events, and being withdrawn
// is the last word on the same events.
func signalVersion(m pcommon.Map) int64 {
	if n := number(m, "event.sequence"); n > 0 {
		return min(n, 1<<62)
	}
	n := 2*min(max(number(m, "mxdr.signal.events_total"), 0), 1<<60) + 1
	if text(m, "mxdr.signal.status") == "withdrawn" {
		n++
	}
	return n
}

func text(m pcommon.Map, name string) string {
	if v, ok := m.Get(name); ok {
		if v.Type() == pcommon.ValueTypeStr {
			return v.Str()
		}
		return v.AsString()
	}
	return ""
}

func number(m pcommon.Map, name string) int64 {
	v, ok := m.Get(name)
	if !ok {
		return 0
	}
	switch v.Type() {
	case pcommon.ValueTypeInt:
		return v.Int()
	case pcommon.ValueTypeDouble:
		if f := v.Double(); f >= 0 && f < 1<<62 {
			return int64(f)
		}
	}
	return 0
}

// streamDataset makes a dataset fit for a data stream's name: lower case, and
// an underscore for everything else that a name cannot have.
func streamDataset(s string) string {
	if schema.ValidDataset(s) {
		return s
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '.', r == '_':
			return r
		case r >= 'A' && r <= 'Z':
			return r + ('a' - 'A')
		}
		return '_'
	}, s)
	if schema.ValidDataset(s) {
		return s
	}
	return schema.UnknownDataset
}

// hash is a document id made of parts, so that no two lists of parts give the
// same one.
func hash(parts ...string) string {
	h := sha256.New()
	var n [8]byte
	for _, p := range parts {
		for i := range n {
			n[i] = byte(len(p) >> (8 * (7 - i)))
		}
		h.Write(n[:])
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
