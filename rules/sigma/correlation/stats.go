package correlation

import "slices"

// Stats are counters since New, and what is held now. Counters are not part of
// a snapshot.
type Stats struct {
	Late    int64 // matches older than the watermark, not used
	Future  int64 // matches refused because of Options.MaxFuture
	Invalid int64 // matches without an event id, or with a time outside 1900 to 2200
	Bytes   int64 // estimated memory held
	Entries int64 // matches held
	Rules   []RuleStats
}

// RuleStats are the figures of one correlation over all tenants.
type RuleStats struct {
	ID             string
	Matches        int64 // taken in
	Duplicates     int64 // of these, delivered again
	NoGroup        int64 // of these, without a group-by field
	NoValue        int64 // of these, without a usable value
	Clipped        int64 // lists cut at MaxValues
	Signals        int64 // revisions, without withdrawals
	Withdrawn      int64
	EvictedGroups  int64 // given up for lack of room
	EvictedEntries int64 // given up for lack of room, with their group or by Options.MaxGroupEntries
	Groups         int64 // held
	Entries        int64 // held
	Bytes          int64 // held, estimated
}

// Stats returns the current figures, rules sorted by level and id.
func (e *Engine) Stats() Stats {
	s := e.stats
	s.Bytes, s.Entries = e.bytes, e.entries
	for _, c := range e.rules {
		s.Rules = append(s.Rules, c.stats)
	}
	for _, t := range e.order {
		for i, p := range t.pools {
			if p != nil {
				s.Rules[i].Groups += int64(len(p.groups))
				s.Rules[i].Entries += p.entries
				s.Rules[i].Bytes += p.bytes
			}
		}
	}
	return s
}

// Partition splits rules into at most n lists for engines of their own, which
// may then run in parallel: correlations that refer to each other stay
// together, and so do those that share a name. Every engine must get all
// matches and every Advance.
func Partition(rules []Rule, n int) [][]Rule {
	parent := make([]int, len(rules))
	for i := range parent {
		parent[i] = i
	}
	root := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	owner := map[string]int{}
	for i, r := range rules {
		for _, name := range []string{r.ID, r.Name} {
			if j, ok := owner[name]; ok && name != "" {
				parent[root(i)] = root(j)
			} else {
				owner[name] = i
			}
		}
	}
	for i, r := range rules {
		for _, ref := range r.Rules {
			if j, ok := owner[ref]; ok && ref != "" {
				parent[root(i)] = root(j)
			}
		}
		if r.Condition.Expr != nil {
			for _, ref := range r.Condition.Expr.Refs() {
				if j, ok := owner[ref]; ok {
					parent[root(i)] = root(j)
				}
			}
		}
	}
	families := map[int][]Rule{}
	var roots []int
	for i, r := range rules {
		k := root(i)
		if families[k] == nil {
			roots = append(roots, k)
		}
		families[k] = append(families[k], r)
	}
	slices.SortStableFunc(roots, func(a, b int) int { return len(families[b]) - len(families[a]) })
	out := make([][]Rule, max(1, min(n, len(roots))))
	for _, k := range roots {
		least := 0
		for i := range out {
			if len(out[i]) < len(out[least]) {
				least = i
			}
		}
		out[least] = append(out[least], families[k]...)
	}
	return out
}
