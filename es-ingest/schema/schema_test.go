package schema

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// What detections look for is mapped from the beginning; what is rare has its
// type in a dynamic template.
func TestEventMappings(t *testing.T) {
	m := EventMappings()
	p := m["properties"].(object)
	t.Logf("%d static fields", len(p))
	for name, want := range map[string]string{
		"source.ip": "ip", "destination.ip": "ip", "host.ip": "ip", "source.port": "long", "user.name": "keyword", "process.command_line": "keyword",
		"process.parent.command_line": "keyword", "event.start": "date", "event.risk_score": "double", "message": "text", "source.geo.location": "geo_point",
		"process.code_signature.valid": "boolean", "@timestamp": "date", "related.ip": "ip", "rule.id": "keyword", "threat.technique.id": "keyword",
		"dns.answers.data": "keyword", "organization.id": "keyword", "user.target.name": "keyword", "file.hash.sha256": "keyword",
	} {
		f, ok := p[name].(object)
		if assert.True(t, ok, "%s is not mapped", name) {
			assert.Equal(t, want, f["type"], name)
		}
	}
	assert.Less(t, len(p), 1500, "too many static fields: each costs memory in every index")
}
