package ecs

import "testing"

func TestTable(t *testing.T) {
	for name, want := range map[string]Field{
		"source.ip":                        {Type: IP},
		"source.port":                      {Type: Long},
		"event.category":                   {Type: Keyword, Array: true},
		"related.ip":                       {Type: IP, Array: true},
		"process.parent.command_line":      {Type: Keyword},
		"@timestamp":                       {Type: Date},
		"dns.answers":                      {Type: Object, Array: true},
		"process.code_signature.valid":     {Type: Boolean},
		"vulnerability.score.base":         {Type: Float},
		"user.target.email":                {Type: Keyword},
		"threat.indicator.marking.tlp":     {Type: Keyword},
		"email.attachments.file.hash.tlsh": {Type: Keyword},
	} {
		f, ok := Lookup(name)
		if !ok || f.Type != want.Type || f.Array != want.Array {
			t.Errorf("%s: got %+v, %v; want %+v", name, f, ok, want)
		}
	}
	for _, name := range []string{"source.ipaddr", "event", "user.mail", ""} {
		if _, ok := Lookup(name); ok {
			t.Errorf("%q is no field of the schema", name)
		}
	}
	kind, _ := Lookup("event.kind")
	if !kind.Allows("alert") || kind.Allows("banana") {
		t.Error("event.kind: want alert allowed and banana not")
	}
	if !Root("source.anything") || Root("okta.actor") {
		t.Error("Root: source belongs to the schema, okta does not")
	}
}
