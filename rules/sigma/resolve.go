package sigma

import "fmt"

// Find returns the rule or correlation that ref, an id or a name, means. At
// most one of the results is not nil. Of several with the same id or name the
// last one is meant.
func (c *Collection) Find(ref string) (*Rule, *Correlation) {
	for i := len(c.Correlations) - 1; i >= 0; i-- {
		if c.Correlations[i].is(ref) {
			return nil, c.Correlations[i]
		}
	}
	for i := len(c.Rules) - 1; i >= 0; i-- {
		if c.Rules[i].is(ref) {
			return c.Rules[i], nil
		}
	}
	return nil, nil
}

// references checks what correlations refer to, and returns the rules that
// give no findings of their own because a correlation that does not generate
// refers to them.
func (k *compiler) references(c *Collection) map[*Rule]bool {
	silent := map[*Rule]bool{}
	for _, co := range c.Correlations {
		for _, ref := range co.Rules {
			r, other := c.Find(ref)
			switch {
			case r == nil && other == nil:
				k.problem(&co.Meta, co.Line, fmt.Errorf("rule %q, which the correlation refers to, is not there", clip(ref)))
			case r != nil && !co.Generate:
				silent[r] = true
			}
		}
	}
	return silent
}
