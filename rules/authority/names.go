package authority

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	cedar "github.com/cedar-policy/cedar-go"
)

// checkNames compares every Type::"id" in the policy with the vocabulary. A
// misspelt name type-checks where the type is open, and such a forbid would
// never hit.
func checkNames(policy *cedar.Policy, vocabulary map[string][]string) error {
	encoded, err := policy.MarshalJSON()
	if err != nil {
		return fmt.Errorf("encode to check names: %w", err)
	}
	var doc any
	if err := json.Unmarshal(encoded, &doc); err != nil {
		return fmt.Errorf("decode to check names: %w", err)
	}
	var errs []error
	walk(doc, func(m map[string]any) {
		for op, operands := range m {
			if err := checkOperands(op, operands); err != nil {
				errs = append(errs, err)
			}
		}
		typ, ok1 := m["type"].(string)
		id, ok2 := m["id"].(string)
		if !ok1 || !ok2 || typ == "Target" {
			return
		}
		known, ok := vocabulary[typ]
		switch {
		case !ok:
			errs = append(errs, fmt.Errorf("%s::%q: there is no type %s", typ, id, typ))
		case !slices.Contains(known, id):
			errs = append(errs, fmt.Errorf("%s::%q is not known; known are %s", typ, id, strings.Join(known, ", ")))
		}
	})
	return errors.Join(errs...)
}

// walk calls visit with every object of a JSON document.
func walk(v any, visit func(map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		visit(v)
		for _, k := range slices.Sorted(maps.Keys(v)) {
			walk(v[k], visit)
		}
	case []any:
		for _, e := range v {
			walk(e, visit)
		}
	}
}

// attributeTypes says which type of name each attribute holds.
var attributeTypes = map[string]string{
	"asset_class":    "AssetClass",
	"identity_class": "IdentityClass",
	"criticality":    "Criticality",
	"hours":          "Hours",
	"type":           "TargetType",
}

// checkOperands refuses a comparison of an attribute with a name of another
// type. It is well typed for Cedar, always false, and so a forbid that never
// hits. The form is Cedar's JSON policy format: an operator's object has the
// members left and right.
func checkOperands(op string, operands any) error {
	o, ok := operands.(map[string]any)
	if !ok {
		return nil
	}
	for _, sides := range [][2]any{{o["left"], o["right"]}, {o["right"], o["left"]}} {
		want, ok := attributeTypes[attribute(sides[0])]
		if !ok {
			continue
		}
		for _, got := range literalTypes(sides[1]) {
			if got != want {
				return fmt.Errorf("%s compares %s, which holds %s, with a name of type %s", op, attribute(sides[0]), want, got)
			}
		}
	}
	return nil
}

// attribute returns the name of the attribute that an expression reads, or "".
func attribute(expr any) string {
	access, _ := member(expr, ".").(map[string]any)
	name, _ := access["attr"].(string)
	return name
}

// literalTypes returns the types of the names that an expression spells out,
// alone or as members of a set.
func literalTypes(expr any) []string {
	if set, ok := member(expr, "Set").([]any); ok {
		var out []string
		for _, e := range set {
			out = append(out, literalTypes(e)...)
		}
		return out
	}
	if typ, ok := member(member(member(expr, "Value"), "__entity"), "type").(string); ok {
		return []string{typ}
	}
	return nil
}

// member returns a member of a JSON object, and nil for anything else.
func member(v any, name string) any {
	m, _ := v.(map[string]any)
	return m[name]
}
