package incident

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/openmxdr/openmxdr/internal/entity"
	"github.com/openmxdr/openmxdr/internal/signal"
)

// member is a listed signal of a group.
type member struct {
	node uint32
	sig  *signal.Signal
	// Of the first and last listed signal of a finding: how many signals the
	// finding has and when its last one was.
	lead  bool
	count int
	until int64
}

// build writes the incident of a group: everything but its revision.
func (w *world) build(g *group, v verdict, related []Related) *Incident {
	members := w.list(g)
	first, last := w.span(g, members)
	inc := &Incident{
		ID: g.id, Tenant: w.tenant, State: Open, Score: float64(v.total),
		FirstSeen: first, LastSeen: last, SignalsTotal: v.signals, Related: related,
		Domains: []string{}, Tactics: []string{}, Techniques: []string{}, Entities: []Participant{},
		Edges: []Edge{}, ScoreParts: []ScorePart{}, Story: []StoryLine{},
	}
	for _, m := range members {
		inc.Signals = append(inc.Signals, finding(m.sig))
		inc.Domains = appendMissing(inc.Domains, m.sig.Domain)
		for _, t := range m.sig.Tactics {
			inc.Tactics = appendMissing(inc.Tactics, t)
		}
		for _, t := range m.sig.Techniques {
			inc.Techniques = appendMissing(inc.Techniques, t)
		}
	}
	slices.Sort(inc.Domains)
	slices.Sort(inc.Tactics)
	slices.Sort(inc.Techniques)
	inc.Entities = participants(members)
	weakOnly := w.edges(inc, g, members)
	inc.ScoreParts = w.scoreParts(&v, members)
	inc.Confidence = w.confidence(&v, weakOnly)
	inc.Severity = severity(&v, inc.Confidence)
	inc.Contradicts = contradictions(members)
	tellStory(inc, members)
	return inc
}

// list unpacks the signals that the incident shows: of every finding the
// earliest and the latest.
func (w *world) list(g *group) []member {
	type tally struct {
		count, all, given int
		until             int64
	}
	classes := map[uint64]*tally{}
	for _, ni := range g.nodes {
		c := classes[w.nodes[ni].class]
		if c == nil {
			c = &tally{}
			classes[w.nodes[ni].class] = c
		}
		c.count++
		c.all += 1 + w.behind(g, ni)
		c.until = w.nodes[ni].time
	}
	var out []member
	for _, ni := range g.nodes {
		n := &w.nodes[ni]
		c := classes[n.class]
		c.given++
		if early, late := c.given <= (w.cfg.MaxListed+1)/2, c.given > c.count-w.cfg.MaxListed/2; !early && !late {
			continue
		}
		s, err := unpackSignal(w.tenant, n.packed)
		if err != nil { // the engine packed it itself
			continue
		}
		out = append(out, member{node: ni, sig: s, lead: c.given == 1, count: c.all, until: c.until})
	}
	return out
}

func (w *world) span(g *group, members []member) (first, last time.Time) {
	first = time.Unix(0, w.nodes[g.nodes[0]].time).UTC()
	last = time.Unix(0, w.nodes[g.nodes[len(g.nodes)-1]].time).UTC()
	for _, m := range members {
		if t := m.sig.First; !t.IsZero() && t.Before(first) {
			first = t.UTC()
		}
		if t := m.sig.Last; t.After(last) {
			last = t.UTC()
		}
	}
	return first, last
}

// participants gathers the entities of the listed signals, those in most
// signals first. An entity's role is that of the earliest signal that says one.
func participants(members []member) []Participant {
	index := map[entity.Key]int{}
	var out []Participant
	for _, m := range members {
		counted := map[entity.Key]bool{}
		for _, e := range m.sig.Entities {
			k := e.Key()
			i, ok := index[k]
			if !ok {
				i = len(out)
				index[k] = i
				out = append(out, Participant{Entity: Entity{Type: string(e.Type), Value: e.Value}})
			}
			p := &out[i]
			if !counted[k] {
				counted[k] = true
				p.Signals++
			}
			if p.Role == "" {
				p.Role = string(e.Role)
			}
			for _, a := range e.Aliases {
				if len(p.Aliases) < keepAliases {
					p.Aliases = appendMissing(p.Aliases, a)
				}
			}
		}
	}
	for i := range out {
		slices.Sort(out[i].Aliases)
	}
	slices.SortFunc(out, func(a, b Participant) int {
		return cmp.Or(cmp.Compare(b.Signals, a.Signals), cmp.Compare(typeRank(a.Type), typeRank(b.Type)), cmp.Compare(a.Value, b.Value))
	})
	return out
}

func typeRank(t string) int { return slices.Index(entity.Types, entity.Type(t)) }

// edges writes the joins between listed signals and reports whether weak keys
// alone hold the incident together.
func (w *world) edges(inc *Incident, g *group, members []member) (weakOnly bool) {
	at := make(map[uint32]int, len(members))
	order := make(map[string]int, len(members)) // by signal id, unique within a tenant
	for i, m := range members {
		at[m.node] = i
		order[m.sig.ID] = i
	}
	weakOnly = len(g.joins) > 0
	for _, j := range g.joins {
		k := &w.keys[j.key]
		if !k.isPair {
			weakOnly = false
		}
		inc.EdgesTotal++
		a, ok := at[j.from]
		b, ok2 := at[j.to]
		if !ok || !ok2 {
			continue
		}
		if k.isPair {
			inc.Edges = append(inc.Edges, w.edge(members[a].sig, members[b].sig, k.a, j, "weak"), w.edge(members[a].sig, members[b].sig, k.b, j, "weak"))
		} else {
			inc.Edges = append(inc.Edges, w.edge(members[a].sig, members[b].sig, j.key, j, "strong"))
		}
	}
	slices.SortFunc(inc.Edges, func(x, y Edge) int {
		return cmp.Or(
			cmp.Compare(order[x.To], order[y.To]),
			cmp.Compare(order[x.From], order[y.From]),
			cmp.Compare(x.Strength, y.Strength), cmp.Compare(x.Entity, y.Entity))
	})
	before := len(inc.Edges)
	inc.Edges = slices.Compact(inc.Edges)
	inc.EdgesTotal -= before - len(inc.Edges)
	inc.EdgesTotal = max(inc.EdgesTotal, len(inc.Edges))
	return weakOnly
}

func (w *world) edge(a, b *signal.Signal, ki uint32, j join, strength string) Edge {
	name := w.keyName(a, ki)
	kind := w.kinds[w.keys[ki].kind]
	d := w.neighbours(ki, w.stretch(w.nodes[j.from].time))
	if s := w.stretch(w.nodes[j.to].time); s != w.stretch(w.nodes[j.from].time) {
		d = max(d, w.neighbours(ki, s))
	}
	reason := fmt.Sprintf("Both name the %s %s, %s apart", nouns[kind.typ], show(name.Value), ago(time.Duration(w.nodes[j.to].time-w.nodes[j.from].time)))
	if strength == "weak" {
		reason += "; it counts together with another shared name"
	}
	if float64(d) > kind.Free {
		reason += fmt.Sprintf("; its weight is reduced because it dealt with %d others", d)
	}
	return Edge{
		From: a.ID, To: b.ID, Entity: name.String(), Strength: strength,
		Weight: math.Round(kind.weight(d)*1000) / 1000, Reason: reason + ".",
	}
}

// keyName returns the text of a key that signal s has.
func (w *world) keyName(s *signal.Signal, ki uint32) entity.Key {
	h := w.keys[ki].hash
	for _, e := range s.Entities {
		for _, k := range e.Keys() {
			if w.h.key(k.Type, k.Value) == h {
				return k
			}
		}
	}
	return entity.Key{Type: w.kinds[w.keys[ki].kind].typ, Value: "?"}
}

// scoreParts lists what each rule adds, then what diversity adds.
func (w *world) scoreParts(v *verdict, members []member) []ScorePart {
	byNode := make(map[uint32]*signal.Signal, len(members))
	byRule := map[uint64]*signal.Signal{}
	for i := range members {
		byNode[members[i].node] = members[i].sig
		if r := w.nodes[members[i].node].rule; byRule[r] == nil {
			byRule[r] = members[i].sig
		}
	}
	parts := []ScorePart{}
	for _, r := range v.rules {
		p := ScorePart{Label: ruleName(byRule[r.rule]), Points: float64(r.points)}
		if r.count > 1 {
			p.Label += fmt.Sprintf(" (%d signals)", r.count)
		}
		if s := byNode[r.best]; s != nil {
			p.Signal = s.ID
		} else if s := byRule[r.rule]; s != nil {
			p.Signal = s.ID
		}
		parts = append(parts, p)
	}
	if v.domainPart > 0 {
		parts = append(parts, ScorePart{Label: "Findings from several domains", Points: float64(v.domainPart)})
	}
	if v.tacticPart > 0 {
		parts = append(parts, ScorePart{Label: "Several ATT&CK tactics", Points: float64(v.tacticPart)})
	}
	return parts
}

func ruleName(s *signal.Signal) string {
	switch {
	case s == nil:
		return "A rule"
	case s.RuleName != "":
		return show(s.RuleName)
	}
	return show(s.RuleID)
}

func appendMissing(list []string, s string) []string {
	if s == "" || slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// contradictions finds signals that tell different outcomes of one thing: the
// same event, message, file or process; the first pair of each thing.
func contradictions(members []member) []Contrasting {
	type sides struct{ yes, no *signal.Signal }
	things := map[string]*sides{}
	var order []string
	note := func(key string, s *signal.Signal) {
		t := things[key]
		if t == nil {
			t = &sides{}
			things[key] = t
			order = append(order, key)
		}
		switch {
		case s.Outcome == "success" && t.yes == nil:
			t.yes = s
		case s.Outcome == "failure" && t.no == nil:
			t.no = s
		}
	}
	for _, m := range members {
		for _, e := range m.sig.Entities {
			switch e.Type {
			case entity.MailMessage, entity.FileHash, entity.Process:
				note(e.Key().String(), m.sig)
			}
		}
		for _, r := range m.sig.Events {
			note("event:"+r.ID, m.sig)
		}
	}
	var out []Contrasting
	for _, key := range order {
		t := things[key]
		if t.yes == nil || t.no == nil || t.yes == t.no {
			continue
		}
		out = append(out, Contrasting{
			Entity: key, Succeeded: t.yes.ID, Failed: t.no.ID,
			Text: fmt.Sprintf("Contradiction about %s: %q says it succeeded, %q says it was stopped.", show(key), ruleName(t.yes), ruleName(t.no)),
		})
	}
	return out
}
