package mapping

import (
	"net/netip"
	"testing"
)

// The flows and ids are those of the specification's baseline.
func TestCommunityID(t *testing.T) {
	for _, tc := range []struct {
		a, b      string
		ap, bp    uint16
		transport string
		want      string
	}{
		{"128.232.110.120", "66.35.250.204", 34855, 80, "tcp", "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
		{"192.168.86.167", "192.168.86.1", 38339, 53, "udp", "1:Z26DBGVYoBKQ1FT6qfPaAqBnJik="},
		{"2a02:cf40:add:4002:91f2:a9b2:e09a:6fc6", "2a02:cf40:add:4002:91f2:a9b2:e09a:6fc6", 62141, 53, "udp", "1:o5sHG56d/GR7mu8ASz0uSsv7uF0="},
		{"10.0.0.1", "10.0.0.2", 1, 2, "icmp", ""},
		{"10.0.0.1", "2001:db8::1", 1, 2, "tcp", ""},
	} {
		a, b := netip.MustParseAddr(tc.a), netip.MustParseAddr(tc.b)
		there, _ := communityID(a, b, tc.ap, tc.bp, tc.transport)
		back, _ := communityID(b, a, tc.bp, tc.ap, tc.transport)
		if there != tc.want || back != tc.want {
			t.Errorf("%s to %s: want %q, got %q, and %q for the way back", tc.a, tc.b, tc.want, there, back)
		}
	}
}
