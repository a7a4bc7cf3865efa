package mapping

import (
	"crypto/sha1"
	"encoding/base64"
	"net/netip"

	"github.com/openmxdr/openmxdr/internal/event"
)

// communityID is the Community ID of a flow (version 1, seed 0), by which
// sensors of different makers name the same flow alike. It covers TCP, UDP and
// SCTP.
//
// Specification: https://github.com/corelight/community-id-spec
func communityID(source, destination netip.Addr, sourcePort, destinationPort uint16, transport string) (string, bool) {
	var protocol byte
	switch transport {
	case "tcp":
		protocol = 6
	case "udp":
		protocol = 17
	case "sctp":
		protocol = 132
	default:
		return "", false
	}
	source, destination = source.Unmap(), destination.Unmap()
	if !source.IsValid() || !destination.IsValid() || source.Is4() != destination.Is4() {
		return "", false
	}
	if c := source.Compare(destination); c > 0 || c == 0 && sourcePort > destinationPort {
		source, destination = destination, source
		sourcePort, destinationPort = destinationPort, sourcePort
	}
	var buf [40]byte
	b := append(buf[:0], 0, 0) // seed
	b = append(b, source.AsSlice()...)
	b = append(b, destination.AsSlice()...)
	b = append(b, protocol, 0, byte(sourcePort>>8), byte(sourcePort), byte(destinationPort>>8), byte(destinationPort))
	sum := sha1.Sum(b) // the specification's choice; nothing rests on its strength
	return "1:" + base64.StdEncoding.EncodeToString(sum[:]), true
}

// flow are the targets from which a Community ID is made; -1 where the mapping
// does not write one of them.
type flow struct {
	sourceIP, destinationIP, sourcePort, destinationPort, transport, id int
}

// flow finds out whether the mapping writes all that makes a flow. If so, its
// records get network.community_id.
func (b *builder) flow() *flow {
	at := func(name string) int {
		if i, ok := b.outNo[name]; ok {
			return i
		}
		return -1
	}
	f := &flow{at("source.ip"), at("destination.ip"), at("source.port"), at("destination.port"), at("network.transport"), -1}
	if min(f.sourceIP, f.destinationIP, f.sourcePort, f.destinationPort, f.transport) < 0 {
		return nil
	}
	f.id = b.out(nil, "network.community_id")
	return f
}

func (f *flow) apply(r *run) {
	if _, ok := r.ev.Get(r.ids[f.id]); ok {
		return
	}
	text := func(out int) string {
		v, _ := r.ev.Get(r.ids[out])
		return v.Str()
	}
	port := func(out int) (uint16, bool) {
		v, ok := r.ev.Get(r.ids[out])
		return uint16(v.Int()), ok && v.Int() >= 0 && v.Int() <= 65535
	}
	sp, ok1 := port(f.sourcePort)
	dp, ok2 := port(f.destinationPort)
	if !ok1 || !ok2 {
		return
	}
	source, err1 := netip.ParseAddr(text(f.sourceIP))
	destination, err2 := netip.ParseAddr(text(f.destinationIP))
	if err1 != nil || err2 != nil {
		return
	}
	if id, ok := communityID(source, destination, sp, dp, text(f.transport)); ok {
		r.ev.SetID(r.ids[f.id], event.StringValue(id))
	}
}
