package entity

import (
	"net/netip"
	"strings"
)

// Each function here returns the canonical form of one type's values, or ""
// for what names no one thing and so must never join anything.

// maxValue bounds a canonical value in bytes; longer ones are attacks or
// mistakes. It is the limit of an ARN, the longest of the honest ones.
const maxValue = 2048

// HostName returns a machine's short name in lower case: the first label,
// since one source says PC1 and another pc1.corp.example. Addresses and names
// that every machine has are no host names.
func HostName(s string) string {
	s = clean(s)
	if s == "" {
		return ""
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return ""
	}
	s, _, _ = strings.Cut(strings.TrimPrefix(s, `\\`), ".")
	s = strings.ToLower(strings.TrimSuffix(s, "$"))
	switch s {
	case "localhost", "localhost6", "localhost4", "ip6-localhost", "workgroup":
		return ""
	}
	return s
}

// Address returns an IP address in canonical text form, IPv4 for addresses
// mapped into IPv6, without zone. A port (192.0.2.1:443, [2001:db8::1]:443)
// is taken off. Unspecified, loopback, multicast, link-local and broadcast
// addresses are the same everywhere and give "".
func Address(s string) string {
	s = clean(s)
	if s == "" {
		return ""
	}
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		p, err := netip.ParseAddrPort(s)
		if err != nil {
			return ""
		}
		a = p.Addr()
	}
	a = a.Unmap().WithZone("")
	if !a.IsValid() || a.IsUnspecified() || a.IsLoopback() || a.IsMulticast() || a.IsLinkLocalUnicast() ||
		a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return ""
	}
	if text := a.String(); text != s {
		return text
	}
	return s
}

// MessageID returns an RFC 5322 Message-ID without its angle brackets. Its
// case is kept: the left side is case sensitive.
func MessageID(s string) string {
	s = clean(s)
	s = strings.TrimSuffix(strings.TrimPrefix(s, "<"), ">")
	if len(s) < 3 || strings.ContainsAny(s, " \t<>") {
		return ""
	}
	return s
}

// Hash returns a hexadecimal digest in lower case: MD5, SHA-1 or SHA-256.
// The digests of empty input and of all-zero placeholders give "".
func Hash(s string) string {
	s = strings.ToLower(clean(s))
	switch len(s) {
	case 32, 40, 64:
	default:
		return ""
	}
	zero := true
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return ""
		}
		zero = zero && c == '0'
	}
	switch s {
	case "d41d8cd98f00b204e9800998ecf8427e", "da39a3ee5e6b4b0d3255bfef95601890afd80709",
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855":
		return ""
	}
	if zero {
		return ""
	}
	return s
}

// DomainName returns a DNS name in lower case without the final dot. Single
// labels, addresses, reverse lookups and names of the local link give "".
func DomainName(s string) string {
	s = strings.ToLower(strings.TrimSuffix(clean(s), "."))
	if !hasDot(s) || s[0] == '.' || strings.HasSuffix(s, ".") || strings.Contains(s, "..") ||
		strings.ContainsAny(s, " /\\:@") || len(s) > 253 || clean(s) != s {
		return ""
	}
	for _, suffix := range [...]string{".arpa", ".local", ".localhost", ".localdomain"} {
		if strings.HasSuffix(s, suffix) {
			return ""
		}
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return ""
	}
	return s
}

// mailAddress returns a mail address or UPN in lower case, "" for anything else.
func mailAddress(s string) string {
	s = strings.ToLower(clean(s))
	s = strings.TrimSuffix(strings.TrimPrefix(s, "<"), ">")
	at := strings.LastIndexByte(s, '@')
	if at < 1 || at == len(s)-1 || strings.ContainsAny(s, " \t\\/<>,;:") {
		return ""
	}
	return s
}

// uniqueID returns an identifier in lower case if it can be unique across
// machines: long enough, no small number such as a Unix uid, no placeholder.
func uniqueID(s string) string {
	s = strings.ToLower(strings.Trim(clean(s), "{}"))
	if len(s) < 6 || strings.ContainsAny(s, " \t") {
		return ""
	}
	digits, zeros := true, true
	for i := range len(s) {
		c := s[i]
		digits = digits && c >= '0' && c <= '9'
		zeros = zeros && (c == '0' || c == '-')
	}
	if zeros || digits && len(s) < 12 || strings.HasPrefix(s, "s-1-") && !strings.HasPrefix(s, "s-1-5-21-") && !strings.HasPrefix(s, "s-1-12-") {
		return ""
	}
	return s
}

// processID returns a process entity id in lower case without braces.
func processID(s string) string { return uniqueID(s) }

// logonID returns a Windows logon id in lower case. Those of SYSTEM, LOCAL
// SERVICE, NETWORK SERVICE and the anonymous logon are the same on every host
// and since every start.
func logonID(s string) string {
	s = strings.ToLower(clean(s))
	switch s {
	case "0x0", "0", "0x3e7", "999", "0x3e4", "996", "0x3e5", "997", "0x3e6", "998":
		return ""
	}
	return s
}

// clean trims blanks and gives "" for the placeholders that sources write
// when they do not know, and for values no honest source writes.
func clean(s string) string {
	s = strings.TrimSpace(s)
	if len(s) > maxValue {
		return ""
	}
	if len(s) <= len("not available") {
		switch strings.ToLower(s) {
		case "-", "--", "n/a", "na", "null", "(null)", "nil", "none", "unknown", "<unknown>", "(unknown)", "undefined", "not available", "*", "?", "not found":
			return ""
		}
	}
	return s
}

func hasDot(s string) bool { return strings.IndexByte(s, '.') >= 0 }

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// lastPart returns what follows the last slash.
func lastPart(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }
