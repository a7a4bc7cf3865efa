package sigma

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

var (
	levels   = []string{"informational", "low", "medium", "high", "critical"}
	statuses = []string{"unsupported", "deprecated", "experimental", "test", "stable"}
	related  = []string{"correlation", "derived", "merged", "obsolete", "renamed", "similar"}

	dateDash  = regexp.MustCompile(`^([1-3][0-9]{3})-([01][0-9])-([0-3][0-9])$`)
	dateSlash = regexp.MustCompile(`^([1-3][0-9]{3})/([01]?[0-9])/([0-3]?[0-9])$`)
	dateStart = regexp.MustCompile(`^(\d{4})-(\d\d?)-(\d\d?)`)
)

// metaKeys are the attributes of Meta; the rest of a document that its kind
// does not define goes into Custom.
var metaKeys = []string{"id", "name", "title", "taxonomy", "status", "level", "description", "author", "license",
	"date", "modified", "references", "tags", "fields", "falsepositives", "scope", "related"}

// meta reads what all kinds of documents have in common.
func (p *parser) meta(m *Meta, doc *ynode, f *faults, kindKeys ...string) {
	m.File, m.Line, m.Taxonomy = p.file, doc.line, "sigma"
	if len(doc.pairs) > 0 {
		m.Line = doc.pairs[0].keyLine
	}
	if n := doc.get("title"); n == nil || n.kind == yNull {
		f.add(m.Line, "a title is missing")
	} else if n.kind != yString {
		f.add(n.line, "title must be text, not %s", n.kind)
	} else if utf8.RuneCountInString(n.text) > 256 {
		f.add(n.line, "title has more than 256 characters")
	} else {
		m.Title = n.text
	}
	if n := doc.get("id"); n != nil && n.kind != yNull {
		id, ok := canonicalUUID(n.text)
		if n.kind != yString || !ok {
			f.add(n.line, "id %q is not a UUID", clip(n.text))
		} else {
			m.ID = id
		}
	}
	m.Name = metaText(doc, "name", f)
	if n := doc.get("name"); n != nil && n.kind == yString && n.text == "" {
		f.add(n.line, "name must not be empty")
	}
	if n := doc.get("taxonomy"); n != nil && n.kind != yNull {
		m.Taxonomy = metaText(doc, "taxonomy", f)
		if n.kind == yString && n.text == "" {
			f.add(n.line, "taxonomy must not be empty")
		}
	}
	m.Description = metaText(doc, "description", f)
	m.Author = metaText(doc, "author", f)
	m.License = metaText(doc, "license", f)
	m.Level = metaEnum(doc, "level", levels, f)
	m.Status = metaEnum(doc, "status", statuses, f)
	m.Date = metaDate(doc, "date", f)
	m.Modified = metaDate(doc, "modified", f)
	m.References = metaList(doc, "references", f)
	m.Fields = metaList(doc, "fields", f)
	m.FalsePositives = metaList(doc, "falsepositives", f)
	m.Scope = metaList(doc, "scope", f)
	m.Tags = metaTags(doc, f)
	m.Related = metaRelated(doc, f)
	for _, pr := range doc.pairs {
		if pr.null || slices.Contains(metaKeys, pr.key) || slices.Contains(kindKeys, pr.key) {
			continue
		}
		if m.Custom == nil {
			m.Custom = map[string]any{}
		}
		m.Custom[pr.key] = pr.val.plain()
	}
}

// canonicalUUID accepts the ways in which UUIDs are written: with or without
// hyphens, in braces, as a URN.
func canonicalUUID(s string) (string, bool) {
	h := strings.NewReplacer("urn:", "", "uuid:", "").Replace(s)
	h = strings.ToLower(strings.ReplaceAll(strings.Trim(h, "{}"), "-", ""))
	if len(h) != 32 || strings.Trim(h, "0123456789abcdef") != "" {
		return "", false
	}
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], true
}

func metaText(doc *ynode, key string, f *faults) string {
	n := doc.get(key)
	if n == nil || n.kind == yNull {
		return ""
	}
	if n.kind != yString {
		f.add(n.line, "%s must be text, not %s", key, n.kind)
		return ""
	}
	return n.text
}

func metaEnum(doc *ynode, key string, allowed []string, f *faults) string {
	s := strings.ToLower(metaText(doc, key, f))
	if n := doc.get(key); n != nil && n.kind == yString && !slices.Contains(allowed, s) {
		f.add(n.line, "%s %q is not one of %s", key, clip(n.text), strings.Join(allowed, ", "))
		return ""
	}
	return s
}

func metaDate(doc *ynode, key string, f *faults) string {
	n := doc.get(key)
	if n == nil || n.kind == yNull {
		return ""
	}
	var m []string
	switch {
	case n.kind == yDate:
		m = dateStart.FindStringSubmatch(n.text)
	case n.kind == yList || n.kind == yMap:
	default:
		if m = dateDash.FindStringSubmatch(n.text); m == nil {
			m = dateSlash.FindStringSubmatch(n.text)
		}
	}
	if m != nil {
		y, _ := strconv.Atoi(m[1])
		mo, _ := strconv.Atoi(m[2])
		d, _ := strconv.Atoi(m[3])
		if t := time.Date(y, time.Month(mo), d, 0, 0, 0, 0, time.UTC); t.Month() == time.Month(mo) && t.Day() == d {
			return fmt.Sprintf("%04d-%02d-%02d", y, mo, d)
		}
	}
	f.add(n.line, "%s %q is not a date; write it as yyyy-mm-dd", key, clip(n.text))
	return ""
}

func metaList(doc *ynode, key string, f *faults) []string {
	n := doc.get(key)
	if n == nil || n.kind == yNull {
		return nil
	}
	if n.kind != yList {
		f.add(n.line, "%s must be a list, not %s", key, n.kind)
		return nil
	}
	var out []string
	for _, x := range n.list {
		out = append(out, x.text)
	}
	return out
}

func metaTags(doc *ynode, f *faults) []string {
	n := doc.get("tags")
	if n == nil || n.kind == yNull {
		return nil
	}
	if n.kind != yList {
		f.add(n.line, "tags must be a list, not %s", n.kind)
		return nil
	}
	var out []string
	for _, x := range n.list {
		switch {
		case x.kind != yString:
			f.add(x.line, "a tag must be text, not %s", x.kind)
		case !strings.Contains(x.text, "."):
			f.add(x.line, "tag %q has no namespace; write it as namespace.name", clip(x.text))
		default:
			out = append(out, x.text)
		}
	}
	return out
}

func metaRelated(doc *ynode, f *faults) []Related {
	n := doc.get("related")
	if n == nil || n.kind == yNull {
		return nil
	}
	if n.kind != yList {
		f.add(n.line, "related must be a list, not %s", n.kind)
		return nil
	}
	var out []Related
	for _, x := range n.list {
		if x.kind != yMap || x.get("id") == nil || x.get("type") == nil {
			f.add(x.line, "an entry of related must be a map with id and type")
			continue
		}
		idn, tn := x.get("id"), x.get("type")
		id, ok := canonicalUUID(idn.text)
		if idn.kind != yString || !ok {
			f.add(idn.line, "related id %q is not a UUID", clip(idn.text))
			continue
		}
		t := strings.ToLower(tn.text)
		if tn.kind != yString || !slices.Contains(related, t) {
			f.add(tn.line, "related type %q is not one of %s", clip(tn.text), strings.Join(related, ", "))
			continue
		}
		out = append(out, Related{ID: id, Type: t})
	}
	return out
}

func logSource(doc *ynode, f *faults, what string) LogSource {
	n := doc.get("logsource")
	if n == nil {
		f.add(doc.line, "a %s must have a logsource", what)
		return LogSource{}
	}
	if n.kind != yMap {
		f.add(n.line, "logsource must be a map, not %s", n.kind)
		return LogSource{}
	}
	l := LogSource{
		Category:   metaText(n, "category", f),
		Product:    metaText(n, "product", f),
		Service:    metaText(n, "service", f),
		Definition: metaText(n, "definition", f),
	}
	set := func(k string) bool { v := n.get(k); return v != nil && v.kind != yNull }
	if !set("category") && !set("product") && !set("service") {
		f.add(n.line, "logsource must have a category, product or service")
	}
	return l
}
