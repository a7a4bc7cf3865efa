package contenttest

import (
	"testing"
	"time"

	"github.com/openmxdr/openmxdr/internal/signal"
	"github.com/openmxdr/openmxdr/internal/simulate"
)

// medium is the severity from which a signal can open an incident together
// with others.
const medium = 40

// TestMadeUpCompany: eight days of two hundred people's ordinary life give
// nothing that weighs, and the planted attack gives one signal about mail and
// one about files.
func TestMadeUpCompany(t *testing.T) {
	p := newPipeline(t)
	for _, seed := range []uint64{1, 20, 300} {
		records, err := simulate.Company(simulate.Options{
			Seed: seed, End: time.Date(2026, 3, 12, 15, 0, 0, 0, time.UTC), Days: 8, Staff: 200, Attack: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		d := p.detector(t)
		events := map[string]int{}
		attack := map[string]string{} // addresses and people of the attack
		for i := 0; i < len(records); i += 5000 {
			var batch []string
			for _, r := range records[i:min(i+5000, len(records))] {
				batch = append(batch, string(r.Raw))
				events[string(r.Source)]++
				if r.Chain != "" {
					attack[r.Time.Format(time.RFC3339)] = r.Chain
				}
			}
			d.add(t, batch...)
		}
		for _, err := range d.failed {
			t.Error(err)
		}
		byDomain := map[string][]*signal.Signal{}
		low := 0
		for _, s := range d.signals(t) {
			if s.Severity < medium {
				low++
				continue
			}
			if attack[s.Last.UTC().Format(time.RFC3339)] == "" {
				t.Errorf("seed %d: ordinary life gave %q: %s", seed, s.RuleName, s.Reason)
				continue
			}
			byDomain[s.Domain] = append(byDomain[s.Domain], s)
		}
		for domain, rule := range map[string]string{"email": "Inbox rule forwards mail outside", "saas": "Many files downloaded in a short time"} {
			if got := byDomain[domain]; len(got) != 1 || got[0].RuleName != rule {
				t.Errorf("seed %d: the attack gave %d signals about %s, want one: %q", seed, len(got), domain, rule)
			}
		}
		if len(byDomain) != 2 {
			t.Errorf("seed %d: the attack gave signals about %d domains, want 2", seed, len(byDomain))
		}
		t.Logf("seed %d: %d records %v, %d low signals, attack: %d email, %d saas", seed, len(records), events, low, len(byDomain["email"]), len(byDomain["saas"]))
	}
}
