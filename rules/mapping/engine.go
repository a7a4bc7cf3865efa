package mapping

import (
	"crypto/sha256"
	"errors"
	"hash"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/openmxdr/openmxdr/internal/document"
	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/rules/mapping/ecs"
)

// Engine normalizes records by a set of mappings. It is immutable and safe
// for concurrent use; each goroutine needs a Scratch of its own.
type Engine struct {
	fields    *event.Fields
	mappings  []*Mapping
	ids       [][]event.FieldID // by mapping and target
	byKey     map[string][]candidate
	ruleStart []int // number of the first match rule of each mapping
	rules     int
	byDataset map[string]*Mapping
	byName    map[string]int
	common    commonFields
}

// commonFields are the fields that the engine itself writes.
type commonFields struct {
	kind, dataset, id, original, ecsVersion, tenant, domain, message, errorType event.FieldID
}

// Compile interns the fields that the mappings write and returns the engine.
func (s *Set) Compile(fields *event.Fields) *Engine {
	e := &Engine{
		fields:    fields,
		mappings:  s.mappings,
		byKey:     map[string][]candidate{},
		byDataset: map[string]*Mapping{},
		byName:    map[string]int{},
	}
	c := fields.InternAll([]string{"event.kind", "event.dataset", "event.id", "event.original", "ecs.version",
		"organization.id", "mxdr.domain", "error.message", "error.type"})
	e.common = commonFields{c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8]}
	var names []string
	for _, m := range s.mappings {
		for _, o := range m.outs {
			names = append(names, o.name)
		}
	}
	all := fields.InternAll(names)
	for i, m := range s.mappings {
		e.ids = append(e.ids, all[:len(m.outs):len(m.outs)])
		all = all[len(m.outs):]
		e.ruleStart = append(e.ruleStart, e.rules)
		e.rules += len(m.match)
		for j, rule := range m.match {
			for _, key := range rule.keys {
				e.byKey[key] = append(e.byKey[key], candidate{i, j})
			}
		}
		if _, ok := e.byDataset[m.Dataset]; !ok {
			e.byDataset[m.Dataset] = m
		}
		e.byName[m.Name] = i
	}
	return e
}

func (e *Engine) ruleNo(c candidate) int { return e.ruleStart[c.mapping] + c.rule }

// Fields returns the table in which the engine interned its field names.
func (e *Engine) Fields() *event.Fields { return e.fields }

// Format names how a record is written.
type Format string

// The formats. Auto looks at the first character.
const (
	Auto Format = ""
	JSON Format = "json"
	XML  Format = "xml"
	Text Format = "text"
)

// Input is what the pipeline knows about a record, apart from its content.
type Input struct {
	// Tenant becomes organization.id. It must match ^[a-z0-9][a-z0-9_]{0,39}$.
	Tenant string
	// Format is how the record is written, Auto to find out.
	Format Format
	// Mapping is the name of the mapping to use, "" to recognise the source.
	Mapping string
	// Observed is when the pipeline received the record. It is the time of
	// records that failed and of sources whose mapping falls back on it, and
	// event times may be at most MaxAhead after it. Zero means unknown.
	Observed time.Time
}

// Scratch is the memory of one goroutine that normalizes. It may be used with
// one Engine only.
type Scratch struct {
	outer, inner *document.Document
	run          run
}

// NewScratch returns memory for one goroutine.
func (e *Engine) NewScratch() *Scratch {
	paths, vars := 0, 0
	for _, m := range e.mappings {
		paths, vars = max(paths, len(m.paths)), max(vars, m.vars)
	}
	return &Scratch{
		outer: document.New(document.Limits{}),
		inner: document.New(document.Limits{}),
		run: run{
			e:         e,
			nodes:     make([]nodeMemo, paths),
			vars:      make([]event.Value, vars),
			tried:     make([]bool, e.rules),
			nameTrees: make([]nameTree, len(e.mappings)),
		},
	}
}

// run is the state while one record is normalized.
type run struct {
	e       *Engine
	doc     *document.Document
	ev      *event.Event
	m       *Mapping
	mapping int
	ids     []event.FieldID

	epoch     uint32
	nodes     []nodeMemo
	vars      []event.Value
	collected []event.Value
	tried     []bool
	nameTrees []nameTree
	nameBytes *int
	tenant    string // the last tenant that was found valid
	hash      hash.Hash
	sum       [sha256.Size]byte
}

type nodeMemo struct {
	node  document.Node
	epoch uint32
}

// use makes mapping i the current one.
func (r *run) use(i int) {
	r.mapping, r.m, r.ids = i, r.e.mappings[i], r.e.ids[i]
	r.forget()
}

// forget drops what was found in the document, because it changed.
func (r *run) forget() {
	if r.epoch++; r.epoch == 0 {
		clear(r.nodes)
		r.nameTrees = make([]nameTree, len(r.nameTrees))
		r.epoch = 1
	}
}

// Normalize fills ev with the record raw, one record without its line end.
// ev must use the engine's field table; what it held is forgotten. Strings of
// ev are parts of raw.
//
// The error, if any, is a *Failure. ev is filled in that case too: it is then
// the pipeline_error record that takes the place of the original.
func (e *Engine) Normalize(raw string, in Input, ev *event.Event, sc *Scratch) error {
	if !utf8.ValidString(raw) {
		raw = strings.ToValidUTF8(raw, "\ufffd")
	}
	r := &sc.run
	r.ev = ev
	ev.Reset()
	if err := r.checkTenant(in.Tenant); err != nil {
		return r.fail(raw, in, ReasonTenant, err)
	}
	r.doc, r.m = sc.outer, nil
	if err := decode(sc.outer, raw, in.Format); err != nil {
		return r.fail(raw, in, reasonOf(err), err)
	}
	return r.record(raw, in, sc)
}

// NormalizeValue is Normalize for a record that arrives as a tree.
func (e *Engine) NormalizeValue(v event.Value, in Input, ev *event.Event, sc *Scratch) error {
	if v.Kind() == event.String {
		return e.Normalize(v.Str(), in, ev, sc)
	}
	r := &sc.run
	r.ev = ev
	ev.Reset()
	raw := string(v.AppendJSON(nil))
	if err := r.checkTenant(in.Tenant); err != nil {
		return r.fail(raw, in, ReasonTenant, err)
	}
	r.doc, r.m = sc.outer, nil
	if err := sc.outer.FromValue(v); err != nil {
		return r.fail(raw, in, reasonOf(err), err)
	}
	return r.record(raw, in, sc)
}

func decode(d *document.Document, raw string, format Format) error {
	if format == Auto {
		format = Text
		switch s := strings.TrimLeft(raw, " \t\r\n\ufeff"); {
		case strings.HasPrefix(s, "{"), strings.HasPrefix(s, "["):
			format = JSON
		case strings.HasPrefix(s, "<Event"), strings.HasPrefix(s, "<?xml"):
			format = XML
		}
	}
	switch format {
	case JSON:
		return d.ParseJSON(raw)
	case XML:
		return d.ParseXML(raw)
	case Text:
		if strings.TrimSpace(raw) == "" {
			return errors.New("the record is empty")
		}
		return d.FromText("message", raw)
	}
	return errors.New("unknown format " + string(format) + "; use json, xml or text")
}

// record normalizes the document that sc.outer holds.
func (r *run) record(raw string, in Input, sc *Scratch) error {
	if r.doc.Kind(r.doc.Root()) != document.Object {
		return r.fail(raw, in, ReasonSyntax, errors.New("the record is not an object; split lists into records"))
	}
	if in.Mapping != "" {
		i, ok := r.e.byName[in.Mapping]
		if !ok {
			return r.fail(raw, in, ReasonUnmapped, errors.New("there is no mapping "+in.Mapping+"; correct the configuration"))
		}
		fits := func() bool { r.use(i); return r.anyRule() }
		if !fits() && !r.unwrap(sc, fits) {
			r.use(i)
		}
		return r.mapped(raw, in)
	}
	if r.isECS() {
		return r.passThrough(raw, in)
	}
	if r.recognize() || r.unwrap(sc, r.recognize) {
		return r.mapped(raw, in)
	}
	return r.fail(raw, in, ReasonUnmapped, errors.New("no mapping recognises the record; name one in the configuration or write one for its source"))
}

// anyRule tells whether one of the current mapping's match rules holds.
func (r *run) anyRule() bool {
	for i := range r.m.match {
		if r.m.match[i].cond.holds(r) {
			return true
		}
	}
	return false
}

// unwrap looks into the places where shippers put the original record as
// text, and goes on with the first that ok accepts.
func (r *run) unwrap(sc *Scratch, ok func() bool) bool {
	for _, p := range wrapped {
		s := strings.TrimSpace(sc.outer.Str(p.find(sc.outer, sc.outer.Root())))
		if len(s) < 2 || s[0] != '{' && s[0] != '<' {
			continue
		}
		if decode(sc.inner, s, Auto) != nil {
			continue
		}
		r.doc = sc.inner
		if ok() {
			return true
		}
	}
	r.doc = sc.outer
	return false
}

var wrapped = func() []*rawPath {
	var out []*rawPath
	for _, s := range []string{"event.original", "message", "_raw", "log.original", "body", "result._raw"} {
		p, _ := compilePath(s)
		out = append(out, p)
	}
	return out
}()

// mapped applies the current mapping to the current document.
func (r *run) mapped(raw string, in Input) error {
	m := r.m
	for i := range m.shapes {
		if s := &m.shapes[i]; s.when == nil || s.when.holds(r) {
			for _, step := range s.steps {
				if err := step.apply(r.doc); err != nil {
					return r.fail(raw, in, reasonOf(err), err)
				}
			}
			break
		}
	}
	for _, step := range m.prepare {
		if err := step.apply(r.doc); err != nil {
			return r.fail(raw, in, reasonOf(err), err)
		}
	}
	r.forget()
	clear(r.vars)
	t, err := r.time(in)
	if err != nil {
		return r.fail(raw, in, ReasonTime, err)
	}
	r.ev.Time = t
	m.body.apply(r)
	if m.flow != nil {
		m.flow.apply(r)
	}
	for i := range m.related {
		r.relate(&m.related[i])
	}
	c := &r.e.common
	if _, ok := r.ev.Get(c.kind); !ok {
		return r.fail(raw, in, ReasonUnmapped, errors.New("no rule of mapping "+m.Name+" gave the record an event.kind"))
	}
	r.emit()
	if _, ok := r.ev.Get(c.domain); !ok {
		r.ev.SetID(c.domain, event.StringValue(m.Domain))
	}
	r.finish(raw, in, m.Dataset)
	return nil
}

// finish writes the fields that every record has.
func (r *run) finish(raw string, in Input, dataset string) {
	c := &r.e.common
	id := r.naturalID()
	if id == "" {
		id = r.hashID(in.Tenant, dataset, raw)
	}
	r.ev.SetID(c.id, event.StringValue(id))
	r.ev.SetID(c.dataset, event.StringValue(dataset))
	r.ev.SetID(c.original, event.StringValue(raw))
	r.ev.SetID(c.ecsVersion, event.StringValue(ecs.Version))
	r.ev.SetID(c.tenant, event.StringValue(in.Tenant))
}

// relate collects a related.* field from the fields that it is made of.
func (r *run) relate(spec *relatedSpec) {
	got := r.collected[:0]
	if v, ok := r.ev.Get(r.ids[spec.out]); ok {
		got = append(got, v.List()...)
	}
	f := r.m.outs[spec.out].ecs
	for _, src := range spec.from {
		v := r.get(src)
		if v.IsNull() {
			continue
		}
		v.Scalars(func(x event.Value) bool {
			if x, ok := coerceOne(f, x); ok && !containsText(got, x.Str()) && len(got) < maxCollected {
				got = append(got, x)
			}
			return true
		})
	}
	r.collected = got
	if len(got) > 0 {
		r.ev.SetID(r.ids[spec.out], event.ListValue(append([]event.Value(nil), got...)))
	}
}

// MaxAhead is how far an event time may be ahead of the time at which the
// record was received. One forged time in the far future would otherwise
// move the watermark of every window past all other events.
const MaxAhead = 24 * time.Hour

func (in *Input) plausible(t time.Time) error {
	if in.Observed.IsZero() || !t.After(in.Observed.Add(MaxAhead)) {
		return nil
	}
	return errors.New("the event time " + t.Format(event.TimeLayout) + " is more than a day after the record was received; check the clock of its source")
}

// time reads the event time. The clock is never asked.
func (r *run) time(in Input) (time.Time, error) {
	var found string
	for i := range r.m.time.readings {
		x := &r.m.time.readings[i]
		v := r.get(x.src)
		if v.IsNull() {
			continue
		}
		if t, ok := readTime(v, x.formats, in.Observed); ok {
			return t, in.plausible(t)
		}
		if found == "" {
			found = excerpt(v.Text(), 64)
		}
	}
	if r.m.time.observed && found == "" && !in.Observed.IsZero() {
		return in.Observed, nil
	}
	if found != "" {
		return time.Time{}, errors.New("mapping " + r.m.Name + " cannot read the event time " + found)
	}
	return time.Time{}, errors.New("the record has no event time where mapping " + r.m.Name + " looks for it")
}
