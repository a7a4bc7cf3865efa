package schema

import (
	"slices"
	"sort"
	"strings"

	"github.com/openmxdr/openmxdr/rules/mapping/ecs"
)

type object = map[string]any

// ignoreAbove is the length in characters above which a keyword is kept but
// not indexed. Lucene's limit for a term is 32,766 bytes, and a character has
// at most four, so no string can make Elasticsearch refuse a document, and
// nothing shorter hides from a search.
const ignoreAbove = 8191

// dynamicFields is how many fields beyond the static ones an index maps.
// Later ones are stored but not searchable.
const dynamicFields = 2000

// rare are field sets that are mapped only when they occur, because every
// mapped field costs memory in every index. They are reused many times in the
// schema and seldom filled.
var rare = []string{
	"threat.enrichments.", "threat.indicator.", "gen_ai.", "faas.", "volume.",
	".entity.", ".elf.", ".macho.", ".pe.", ".x509.", "entity.", "host.target.", "service.origin.", "service.target.",
	"cloud.origin.", "cloud.target.", "orchestrator.", "process.entry_meta.", "process.previous.", "vulnerability.",
	"_leader.", ".entry_leader", ".risk.", ".geo.",
}

func isRare(name string) bool {
	if _, geo := strings.CutPrefix(name, "source.geo."); geo || strings.HasPrefix(name, "client.geo.") {
		return false
	}
	for _, r := range rare {
		if strings.HasPrefix(r, ".") || strings.HasPrefix(r, "_") {
			if strings.Contains(name, r) {
				return true
			}
		} else if strings.HasPrefix(name, r) {
			return true
		}
	}
	return false
}

var keyword = object{"type": "keyword", "ignore_above": ignoreAbove}

func mappingOf(f *ecs.Field) object {
	switch f.Name {
	case "@timestamp":
		return object{"type": "date"}
	case "event.original":
		// Kept for evidence, too long and too varied to search in.
		return object{"type": "keyword", "index": false, "doc_values": false}
	case "message", "error.message":
		return object{"type": "text", "norms": false}
	}
	switch f.Type {
	case ecs.Long:
		return object{"type": "long"}
	case ecs.Float:
		return object{"type": "double"}
	case ecs.Boolean:
		return object{"type": "boolean"}
	case ecs.Date:
		return object{"type": "date"}
	case ecs.IP:
		return object{"type": "ip"}
	case ecs.GeoPoint:
		return object{"type": "geo_point"}
	case ecs.Object:
		return nil // its members are fields of their own
	}
	return keyword
}

// scalars are the JSON types that become fields. Objects are not among them:
// Elasticsearch would make each a field of its own, and with the limit of
// fields reached it would ignore all that is in one, ECS fields included.
var scalars = []string{"string", "long", "double", "boolean", "date", "binary"}

// EventMappings returns the mapping of events. With subobjects off, "a" and
// "a.b" are two fields that can both have values, so no document is refused
// because a source writes a value where another writes an object; values that
// do not fit their field's type are stored and not indexed.
func EventMappings() map[string]any {
	properties := object{}
	later := map[string][]string{}
	for f := range ecs.All {
		m := mappingOf(f)
		if m == nil {
			continue
		}
		if !isRare(f.Name) || f.Name == "@timestamp" {
			properties[f.Name] = m
		} else if t := m["type"].(string); t != "keyword" && t != "geo_point" {
			later[t] = append(later[t], f.Name)
		}
	}
	types := make([]string, 0, len(later))
	for t := range later {
		types = append(types, t)
	}
	sort.Strings(types)
	var dynamic []any
	for _, t := range types {
		slices.Sort(later[t])
		dynamic = append(dynamic, object{"ecs_" + t: object{"path_match": later[t], "match_mapping_type": scalars, "mapping": object{"type": t}}})
	}
	// A vendor's own fields are keywords whatever the first value looks
	// like: a second source may well write text where the first wrote a
	// number.
	dynamic = append(dynamic, object{"vendor": object{"match_mapping_type": scalars, "mapping": keyword}})
	return object{
		"subobjects":        false,
		"date_detection":    false,
		"numeric_detection": false,
		"dynamic_templates": dynamic,
		"properties":        properties,
	}
}

func eventSettings(fields int) object {
	return object{
		"index.codec":                                            "best_compression",
		"index.mapping.ignore_malformed":                         true,
		"index.mapping.total_fields.limit":                       fields + dynamicFields,
		"index.mapping.total_fields.ignore_dynamic_beyond_limit": true,
		"index.query.default_field":                              []string{"message", "event.action", "event.dataset", "user.name", "host.name", "related.user", "related.hosts"},
	}
}
