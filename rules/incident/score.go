package incident

import (
	"cmp"
	"math"
	"math/bits"
	"slices"

	"github.com/openmxdr/openmxdr/internal/signal"
)

const (
	domainBonus = 0.25 // of the rules' points, for each further domain
	tacticBonus = 0.10 // for each further tactic
	moreDomains = 3    // further domains that count
	moreTactics = 5    // further tactics that count
	failedHalf  = 0.5  // what a failed attempt counts
	sameEvent   = 0.5  // what a second signal about one event counts
	repeats     = 30   // of one rule; 2^-30 of a point is nothing

	graveSeverity   = 90
	graveConfidence = 50
)

// verdict is what a group's numbers amount to.
type verdict struct {
	opens      bool
	signals    int // resting ones included
	total      int
	rules      []ruleScore // in order of their first signal
	domainPart int
	tacticPart int
	domains    uint8 // bit set
	tactics    uint32
	severity   uint8
	allFailed  bool
}

// ruleScore is what one rule adds.
type ruleScore struct {
	rule     uint64
	count    int
	points   int
	best     uint32 // its strongest signal
	strength float64
	counts   []float64
}

// points returns what a signal counts before fading. A signal without risk
// counts its severity.
func points(s *signal.Signal) float64 {
	risk := s.Risk
	if risk <= 0 {
		risk = float64(s.Severity)
	}
	p := math.Min(risk, 1000) * float64(min(max(s.Confidence, 0), 100)) / 100
	if s.Outcome == "failure" {
		p *= failedHalf
	}
	return p
}

// grave tells whether a signal opens an incident alone.
func grave(n *node) bool {
	return n.severity >= graveSeverity && n.certain && n.outcome != failure
}

// score adds up a group as the package comment says. It looks at nothing but
// the group's signals, in their own order.
func (w *world) score(g *group) verdict {
	v := verdict{allFailed: true}
	last := w.nodes[g.nodes[len(g.nodes)-1]].time
	half := float64(w.cfg.HalfLife)
	byRule := make(map[uint64]int, 8)
	var strongest map[uint64]uint32 // by event
	faded := make([]float64, len(g.nodes))
	for i, ni := range g.nodes {
		n := &w.nodes[ni]
		faded[i] = float64(n.points) * math.Exp2(-float64(last-n.time)/half)
		if n.event == 0 || len(g.nodes) == 1 {
			continue
		}
		if strongest == nil {
			strongest = make(map[uint64]uint32, len(g.nodes))
		}
		if j, ok := strongest[n.event]; !ok || faded[i] > faded[j] {
			strongest[n.event] = uint32(i)
		}
	}
	anyGrave := false
	for i, ni := range g.nodes {
		n := &w.nodes[ni]
		v.domains |= 1 << n.domain
		v.tactics |= n.tactics
		v.severity = max(v.severity, n.severity)
		v.allFailed = v.allFailed && n.outcome == failure
		anyGrave = anyGrave || grave(n)
		at, ok := byRule[n.rule]
		if !ok {
			at = len(v.rules)
			byRule[n.rule] = at
			v.rules = append(v.rules, ruleScore{rule: n.rule, best: ni, strength: -1})
		}
		p := faded[i]
		if j, ok := strongest[n.event]; ok && n.event != 0 && int(j) != i {
			p *= sameEvent
		}
		r := &v.rules[at]
		r.count += 1 + w.behind(g, ni)
		v.signals += 1 + w.behind(g, ni)
		if p > r.strength {
			r.strength, r.best = p, ni
		}
		r.counts = append(r.counts, p)
	}
	sum := 0
	for i := range v.rules {
		r := &v.rules[i]
		slices.SortFunc(r.counts, func(a, b float64) int { return cmp.Compare(b, a) })
		p := 0.0
		for k, x := range r.counts[:min(len(r.counts), repeats)] {
			p += x * math.Exp2(-float64(k))
		}
		r.counts = nil
		r.points = int(math.Round(p))
		sum += r.points
	}
	known := bits.OnesCount8(v.domains &^ 1)
	v.domainPart = int(math.Round(float64(sum) * domainBonus * float64(min(max(known-1, 0), moreDomains))))
	v.tacticPart = int(math.Round(float64(sum) * tacticBonus * float64(min(max(bits.OnesCount32(v.tactics)-1, 0), moreTactics))))
	v.total = sum + v.domainPart + v.tacticPart
	v.opens = anyGrave || len(v.rules) >= 2 && float64(v.total) >= w.cfg.Threshold
	return v
}

// confidence classes how sure it is that the signals are one attack.
func (w *world) confidence(v *verdict, weakOnly bool) string {
	domains, tactics, rules := bits.OnesCount8(v.domains&^1), bits.OnesCount32(v.tactics), len(v.rules)
	reached := float64(v.total) >= w.cfg.Threshold
	switch {
	case v.allFailed || weakOnly:
		return Low
	case !reached:
		return Medium
	case domains >= 3, domains >= 2 && rules >= 3, tactics >= 3 && rules >= 3 && float64(v.total) >= 2*w.cfg.Threshold:
		return High
	}
	return Medium
}

// severity classes how bad it would be.
func severity(v *verdict, confidence string) string {
	levels := [...]string{Low, Medium, High, Critical}
	i := 0
	for _, from := range [...]uint8{37, 65, graveSeverity} {
		if v.severity >= from {
			i++
		}
	}
	if confidence == High && (bits.OnesCount8(v.domains&^1) >= 3 || bits.OnesCount32(v.tactics) >= 4) {
		i = min(i+1, len(levels)-1)
	}
	return levels[i]
}
