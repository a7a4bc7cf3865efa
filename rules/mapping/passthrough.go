package mapping

import (
	"fmt"
	"strings"
	"time"

	"github.com/openmxdr/openmxdr/internal/document"
	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/rules/mapping/ecs"
)

var (
	ecsVersionPath = mustPath("ecs.version")
	kindPath       = mustPath("event.kind")
	datasetPath    = mustPath("event.dataset")
	categoryPath   = mustPath("event.category")
	timestampPath  = mustPath("@timestamp")
)

func mustPath(s string) *rawPath {
	p, err := compilePath(s)
	if err != nil {
		panic(err) // only constants of this package come here
	}
	return p
}

// isECS tells whether the record is already a categorised ECS event. Agents
// put event.kind and event.dataset on raw records too, so those without a
// category go the way of raw records first.
func (r *run) isECS() bool {
	d, root := r.doc, r.doc.Root()
	if d.Empty(ecsVersionPath.find(d, root)) || d.Empty(kindPath.find(d, root)) || d.Empty(datasetPath.find(d, root)) {
		return false
	}
	return !d.Empty(categoryPath.find(d, root)) || reservedKind(d.Str(kindPath.find(d, root)))
}

// reservedKind tells whether only later stages may write records of a kind.
func reservedKind(kind string) bool {
	return kind == "signal" || kind == "state" || kind == "pipeline_error"
}

// passThrough takes an ECS record over field by field. It is not trusted more
// than any other: it keeps no tenant, nothing under mxdr, and no field whose
// value has not the type that ECS says; kinds that only the pipeline writes
// are refused.
func (r *run) passThrough(raw string, in Input) error {
	d, root := r.doc, r.doc.Root()
	kind := d.Str(kindPath.find(d, root))
	if reservedKind(kind) {
		return r.fail(raw, in, ReasonForged, fmt.Errorf("a record from outside may not claim event.kind %s", kind))
	}
	if f, _ := ecs.Lookup("event.kind"); !f.Allows(kind) {
		return r.fail(raw, in, ReasonSyntax, fmt.Errorf("event.kind %q is none that ECS knows", excerpt(kind, 32)))
	}
	dataset := d.Str(datasetPath.find(d, root))
	if !nameRule.MatchString(dataset) || len(dataset) > 100 || dataset == "mxdr" || strings.HasPrefix(dataset, "mxdr.") {
		return r.fail(raw, in, ReasonForged, fmt.Errorf("event.dataset %q is not lower case names joined by dots, or under mxdr", excerpt(dataset, 64)))
	}
	t, ok := readTime(d.Value(timestampPath.find(d, root)), dateFormats, time.Time{})
	if !ok {
		return r.fail(raw, in, ReasonTime, fmt.Errorf("the record has no @timestamp that can be read"))
	}
	if err := in.plausible(t); err != nil {
		return r.fail(raw, in, ReasonTime, err)
	}
	r.ev.Time = t
	p := passing{r: r, seen: map[string]bool{}}
	p.object(root, "")
	c := &r.e.common
	if m := r.e.byDataset[dataset]; m != nil {
		r.ev.SetID(c.domain, event.StringValue(m.Domain))
		r.use(r.e.byName[m.Name])
		clear(r.vars)
		for i := range m.passed {
			m.passed[i].apply(r)
		}
	}
	if v, ok := r.ev.Get(c.id); !ok || v.Str() == "" || len(v.Str()) > maxID {
		r.ev.SetID(c.id, event.StringValue(r.hashID(in.Tenant, dataset, raw)))
	}
	if v, ok := r.ev.Get(c.original); !ok || v.Str() == "" {
		r.ev.SetID(c.original, event.StringValue(raw))
	}
	r.ev.SetID(c.ecsVersion, event.StringValue(ecs.Version))
	r.ev.SetID(c.tenant, event.StringValue(in.Tenant))
	return nil
}

type passing struct {
	r    *run
	seen map[string]bool
}

func (p *passing) object(obj document.Node, prefix string) {
	d := p.r.doc
	for c := d.First(obj); c != document.None; c = d.Next(c) {
		if d.Empty(c) {
			continue
		}
		name := prefix
		for part := range strings.SplitSeq(d.Key(c), ".") {
			if name != "" {
				name += "."
			}
			name += cleanName(part)
		}
		top, _, _ := strings.Cut(name, ".")
		if top == "mxdr" || top == "organization" || top == "@timestamp" {
			continue
		}
		f, known := ecs.Lookup(name)
		if d.Kind(c) == document.Object && !(known && f.Type == ecs.Object && !ecs.Parent(name)) {
			if len(name) <= maxFullName {
				p.object(c, name)
				continue
			}
			d.SetString(c, string(d.Value(c).AppendJSON(nil)))
		}
		if p.seen[name] {
			continue
		}
		p.seen[name] = true
		v := d.Value(c)
		if known {
			var ok bool
			if v, ok = coerce(f, v); !ok {
				continue
			}
		}
		p.r.ev.Add(name, v) // seen keeps names unique
	}
}
