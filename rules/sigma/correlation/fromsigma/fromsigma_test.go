package fromsigma

import (
	"fmt"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/internal/signal"
	"github.com/openmxdr/openmxdr/rules/sigma"
	"github.com/openmxdr/openmxdr/rules/sigma/correlation"
)

const rules = `
title: Failed logon
id: 11111111-1111-4111-8111-111111111111
name: failed_logon
logsource: {product: windows, service: security}
detection:
  sel: {EventID: 4625}
  condition: sel
---
title: Successful logon
name: success
logsource: {product: linux, service: auth}
detection:
  sel: {EventID: 4624}
  condition: sel
---
title: Log cleared
name: cleared
logsource: {product: windows, service: security}
detection:
  sel: {EventID: 1102}
  condition: sel
---
title: Many failures
id: 22222222-2222-4222-8222-222222222222
name: many_failures
correlation:
  type: event_count
  rules: failed_logon
  group-by: [TargetUserName]
  timespan: 5m
  condition: {gte: 5}
---
title: Failures, then success
id: 33333333-3333-4333-8333-333333333333
level: high
tags: [attack.t1110]
correlation:
  type: temporal_ordered
  rules: [many_failures, success]
  aliases:
    who:
      many_failures: TargetUserName
      success: account
  group-by: who
  timespan: 10m
---
title: Logon without clearing
id: 44444444-4444-4444-8444-444444444444
correlation:
  type: temporal
  condition: success and not cleared
  group-by: [account]
  timespan: 1m
  generate: true
---
title: Exfiltration
id: 55555555-5555-4555-8555-555555555555
correlation:
  type: value_sum
  rules: [cleared]
  timespan: 1h
  condition: {gt: 10.5, field: Size}
  generate: true
---
title: Refers to nothing
id: 66666666-6666-4666-8666-666666666666
correlation:
  type: event_count
  rules: [nobody]
  timespan: 1h
  condition: {gt: 1}
---
title: Refers to what is left out
id: 77777777-7777-4777-8777-777777777777
correlation:
  type: event_count
  rules: [66666666-6666-4666-8666-666666666666]
  timespan: 1h
  condition: {gt: 1}
`

const fieldMap = `
mappings:
  - for: [{product: windows}]
    fields:
      EventID: event.code
      TargetUserName: [winlog.event_data.TargetUserName, user.name]
      Size: {any: [file.size, http.bytes]}
  - for: [{product: linux}]
    fields:
      EventID: event.code
      account: user.target.name
`

func TestYAMLToSignals(t *testing.T) {
	c, problems := sigma.ParseFile("rules.yml", []byte(rules))
	require.Empty(t, problems)
	fm, err := sigma.ParseFieldMap(fstest.MapFS{"map.yml": {Data: []byte(fieldMap)}}, ".")
	require.NoError(t, err)
	fields := event.NewFields()
	engine, _ := sigma.Compile(c, fields, sigma.Options{FieldMap: fm})
	set := New(c, Options{
		FieldMap: fm,
		Usable:   func(r *sigma.Rule) bool { return slices.Contains(engine.Rules(), r) },
		Complete: func(x *sigma.Correlation, r *correlation.Rule) {
			if x.Level == "high" {
				r.Severity = 75
			}
		},
	})
	require.Len(t, set.Rules, 4)
	require.Len(t, set.Problems, 2)
	assert.Contains(t, set.Problems[0].Error(), `rules.yml:`)
	assert.Contains(t, set.Problems[0].Error(), `rule "nobody", which it refers to, is not there`)
	assert.Equal(t, "77777777-7777-4777-8777-777777777777", set.Problems[1].RuleID)

	correlator, err := correlation.New(set.Rules, correlation.Options{Lateness: time.Minute})
	require.NoError(t, err, "the rules that are left are sound")
	var scratch sigma.Scratch
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	n := 0
	feed := func(after time.Duration, values map[string]event.Value) []signal.Signal {
		ev := event.New(fields)
		ev.Time = start.Add(after)
		for k, v := range values {
			ev.Set(k, v)
		}
		n++
		var batch []correlation.Match
		for _, m := range engine.Match(ev, &scratch) {
			ref, used := set.Ref(m.Rule)
			if !used {
				continue
			}
			batch = append(batch, correlation.Match{Tenant: "acme", Rule: ref, EventID: fmt.Sprint("e", n), Time: ev.Time, Fields: set.Fields(m.Rule, ev)})
			assert.Equal(t, m.Silent, set.Silent(m.Rule), m.Rule.Title)
		}
		return correlator.Process(batch)
	}
	str := event.StringValue
	for i := range 5 {
		got := feed(time.Duration(i)*time.Second, map[string]event.Value{"event.code": str("4625"), "user.name": str("ann")})
		assert.Empty(t, got, "the member correlation does not speak for itself")
	}
	got := feed(10*time.Second, map[string]event.Value{"event.code": str("4624"), "user.target.name": str("ann")})
	require.Len(t, got, 1)
	s := got[0]
	assert.Equal(t, "33333333-3333-4333-8333-333333333333", s.RuleID)
	assert.Equal(t, "Failures, then success", s.RuleName)
	assert.Equal(t, 75, s.Severity)
	assert.Equal(t, []string{"T1110"}, s.Techniques)
	assert.Equal(t, []signal.Match{{Field: "who", Value: "ann"}}, s.Matched)
	assert.Equal(t, 2, s.EventsTotal)

	got = feed(11*time.Second, map[string]event.Value{"event.code": str("1102"), "file.size": event.IntValue(4), "http.bytes": event.FloatValue(6.75)})
	require.Len(t, got, 1)
	assert.Equal(t, "Exfiltration", got[0].RuleName)

	got = correlator.Finish()
	require.Len(t, got, 1)
	assert.Equal(t, "Logon without clearing", got[0].RuleName)
}

func TestConvertNamesWhatIsWrong(t *testing.T) {
	c, problems := sigma.ParseFile("x.yml", []byte(`
title: A
name: a
logsource: {product: windows}
detection: {sel: {f: v}, condition: sel}
---
title: P
id: 11111111-1111-4111-8111-111111111111
correlation: {type: value_percentile, rules: a, timespan: 1h, condition: {gt: 1, field: f}}
---
title: Too many
id: 22222222-2222-4222-8222-222222222222
correlation: {type: event_count, rules: a, timespan: 1h, condition: {gt: 100}}
---
title: Too long
id: 33333333-3333-4333-8333-333333333333
correlation: {type: event_count, rules: a, timespan: 100y, condition: {gt: 1}}
---
title: Left out
id: 44444444-4444-4444-8444-444444444444
correlation: {type: temporal, rules: [a, a], timespan: 1h}
`))
	require.Empty(t, problems)
	set := New(c, Options{Engine: correlation.Options{MaxGroupEntries: 50}})
	var reasons []string
	for _, p := range set.Problems {
		assert.Equal(t, "x.yml", p.File)
		assert.Positive(t, p.Line)
		reasons = append(reasons, p.Reason)
	}
	require.Len(t, reasons, 3)
	assert.Contains(t, reasons[0], "needs a percentile")
	assert.Contains(t, reasons[1], "one group keeps 50 matches")
	assert.Contains(t, reasons[2], "at most 36 years")
	require.Len(t, set.Rules, 1, "a rule listed twice is one")
	set = New(c, Options{Usable: func(*sigma.Rule) bool { return false }})
	assert.Empty(t, set.Rules)
	require.Len(t, set.Problems, 4)
	assert.Contains(t, set.Problems[3].Reason, "was left out")
}
