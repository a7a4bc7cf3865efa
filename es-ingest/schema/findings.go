package schema

// Mappings of what OpenMXDR itself writes. They list every field that is
// searched; everything else is stored and not indexed ("dynamic": false), so
// these mappings never grow.

func field(kind string) object { return object{"type": kind} }

func key() object { return object{"type": "keyword", "ignore_above": 1024} }

// named is a keyword that ignores case and is found by free text as well.
func named() object {
	return object{"type": "keyword", "ignore_above": 1024, "normalizer": "lowercase", "copy_to": textField}
}

// exact is a keyword as it is written that free text finds as well.
func exact() object {
	return object{"type": "keyword", "ignore_above": 1024, "copy_to": textField}
}

// textField is the field that free text is searched in. It exists in the
// index only, not in the documents.
const textField = "mxdr_text"

func prose() object {
	return object{"type": "text", "norms": false, "copy_to": textField}
}

func ignoring(m object) object {
	m["ignore_malformed"] = true
	return m
}

func entities(more object) object {
	p := object{"type": key(), "value": named(), "role": key(), "aliases": named()}
	for k, v := range more {
		p[k] = v
	}
	// Nested, so that type and value of one entity are asked together.
	return object{"type": "nested", "properties": p}
}

func properties(p object) object { return object{"properties": p} }

func common(more object) object {
	p := object{
		"@timestamp":   field("date"),
		"organization": properties(object{"id": key()}),
		"tags":         key(),
		textField:      object{"type": "text", "norms": false},
	}
	for k, v := range more {
		p[k] = v
	}
	return p
}

func findings(p object) object {
	return object{"dynamic": false, "date_detection": false, "properties": common(p)}
}

// SignalMappings returns the mapping of a tenant's signals.
func SignalMappings() map[string]any {
	return findings(object{
		"event": properties(object{
			"id": key(), "kind": key(), "dataset": key(), "outcome": key(),
			"start": ignoring(field("date")), "end": ignoring(field("date")),
			"severity": ignoring(field("long")), "risk_score": ignoring(field("double")), "sequence": ignoring(field("long")),
			"reason": prose(),
		}),
		"rule":   properties(object{"id": key(), "name": exact()}),
		"threat": properties(object{"tactic": properties(object{"id": key()}), "technique": properties(object{"id": key()})}),
		"related": properties(object{
			"user": named(), "hosts": named(), "hash": named(), "ip": ignoring(field("ip")),
		}),
		"mxdr": properties(object{"signal": properties(object{
			"kind": key(), "status": key(), "domain": key(), "dataset": key(), "confidence": ignoring(field("long")),
			"entities": entities(nil),
			"events":   properties(object{"id": key()}),
		})}),
	})
}

// IncidentMappings returns the mapping of a tenant's incidents.
func IncidentMappings() map[string]any {
	title := prose()
	title["fields"] = object{"keyword": object{"type": "keyword", "ignore_above": 1024, "normalizer": "lowercase"}}
	return findings(object{
		"event": properties(object{
			"id": key(), "kind": key(), "dataset": key(), "sequence": ignoring(field("long")),
			"severity": ignoring(field("long")),
		}),
		"mxdr": properties(object{
			"incident": properties(object{
				"id": key(), "title": title, "summary": prose(), "state": key(), "merged_into": key(),
				"confidence": key(), "severity": key(), "score": ignoring(field("double")),
				"first_seen": ignoring(field("date")), "last_seen": ignoring(field("date")),
				"domains": key(), "tactics": key(), "techniques": key(),
				"entities": entities(object{"signals": object{"type": "long", "ignore_malformed": true, "index": false}}),
				"signals": properties(object{
					"id": key(), "rule_id": key(), "rule_name": exact(), "reason": prose(),
				}),
			}),
			"triage": properties(object{
				"status": key(), "assignee": exact(), "verdict": key(), "updated_at": ignoring(field("date")), "updated_by": key(),
				"comments": properties(object{"text": prose(), "author": key()}),
			}),
		}),
	})
}

// DeadMappings returns the mapping of refused records. The record itself is
// text that is not indexed, so that nothing in it can be refused again.
func DeadMappings() map[string]any {
	return findings(object{
		"event": properties(object{"id": key(), "dataset": key(), "kind": key()}),
		"error": properties(object{"type": key(), "message": prose(), "code": key()}),
		"mxdr": properties(object{"dead": properties(object{
			"index": key(), "id": key(), "time": ignoring(field("date")), "truncated": field("boolean"),
		})}),
	})
}

func findingSettings() object {
	return object{
		"index.number_of_shards":             1,
		"index.mapping.ignore_malformed":     true,
		"index.mapping.nested_objects.limit": 100000,
	}
}
