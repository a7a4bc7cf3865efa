package sigma_test

import (
	"testing"

	"github.com/openmxdr/openmxdr/rules/content"
	"github.com/openmxdr/openmxdr/rules/sigma"
)

// TestShippedFieldMap: the field mappings that ship are valid and put the
// fields that matter most where normalization puts them.
func TestShippedFieldMap(t *testing.T) {
	m, err := sigma.ParseFieldMap(content.FieldMaps(), ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ product, category, service, field, want string }{
		{"windows", "process_creation", "", "Image", "process.executable"},
		{"windows", "process_creation", "", "GrandParentImage", "winlog.event_data.GrandParentImage"},
		{"windows", "", "security", "EventID", "event.code"},
		{"windows", "", "security", "SubjectUserSid", "winlog.event_data.SubjectUserSid"},
		{"windows", "registry_set", "", "TargetObject", "winlog.event_data.TargetObject"},
		{"linux", "process_creation", "", "CommandLine", "process.command_line"},
		{"", "process_creation", "", "CommandLine", "process.command_line"},
		{"aws", "", "cloudtrail", "eventName", "event.action"},
		{"aws", "", "cloudtrail", "vpcEndpointId", "aws.cloudtrail.vpc_endpoint_id"},
		{"aws", "", "cloudtrail", "requestParameters.enable", "aws.cloudtrail.flattened.request_parameters.enable"},
		{"okta", "", "okta", "debugContext.debugData.deviceFingerprint", "okta.debug_context.debug_data.device_fingerprint"},
		{"m365", "", "audit", "OperationProperties", "o365.audit.OperationProperties"},
		{"zeek", "", "dns", "query", "zeek.dns.query"},
		{"zeek", "", "conn", "id.resp_h", "destination.ip"},
		{"", "proxy", "", "c-uri", "url.original"},
		{"other", "", "", "user.name", "user.name"},
	} {
		l := sigma.LogSource{Product: c.product, Category: c.category, Service: c.service}
		if got := m.Lookup(l, c.field).Names; got[0] != c.want || got[len(got)-1] != c.field {
			t.Errorf("%s %s: %v, want %s first and the name itself last", l, c.field, got, c.want)
		}
	}
	for _, l := range []sigma.LogSource{{Product: "windows", Category: "process_creation"}, {Category: "process_creation"}, {Product: "okta", Service: "okta"}} {
		if !m.Covers(l) {
			t.Errorf("%s has no events", l)
		}
	}
	if m.Covers(sigma.LogSource{Product: "opencanary"}) {
		t.Error("opencanary is said to have events")
	}
}
