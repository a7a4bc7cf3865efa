package behavior

import (
	"net/netip"
	"strings"

	"github.com/openmxdr/openmxdr/internal/entity"
	"github.com/openmxdr/openmxdr/internal/event"
)

// maxValue bounds a feature's value in bytes.
const maxValue = 200

// value is one feature of one event: the canonical value that is remembered,
// what an analyst reads, and the field that it came from.
type value struct {
	Key   string `json:"k"`
	Shown string `json:"s,omitempty"` // empty if the same as Key
	Field string `json:"f"`
	hash  uint64 // of Key
}

func (v value) text() string {
	if v.Shown != "" {
		return v.Shown
	}
	return v.Key
}

// read returns the feature's value in an event; the zero value if it has none.
func (f *Feature) read(ev *event.Event) value {
	for _, name := range f.Fields {
		s := firstText(ev, name)
		if s == "" {
			continue
		}
		var v value
		switch f.Kind {
		case Network:
			v = network(ev, name, s)
		case UserAgent:
			v.Key = userAgent(s)
		default:
			v.Key = strings.ToLower(s)
			if v.Key != s {
				v.Shown = s
			}
		}
		if v.Key == "" {
			continue
		}
		v.Key, v.Shown, v.Field = short(v.Key), short(v.Shown), name
		return v
	}
	return value{}
}

// network names the network that a field stands for. The AS number is the
// steadiest: an access provider moves its customers among its address blocks.
func network(ev *event.Event, name, s string) value {
	switch {
	case strings.HasSuffix(name, ".as.number"):
		if s == "0" {
			return value{}
		}
		v := value{Key: "as" + s, Shown: "AS" + s}
		if org := firstText(ev, strings.TrimSuffix(name, "number")+"organization.name"); org != "" {
			v.Shown += " " + org
		}
		return v
	case strings.HasSuffix(name, ".ip"):
		a, err := netip.ParseAddr(entity.Address(s))
		if err != nil {
			return value{}
		}
		bits := 24
		if a.Is6() {
			bits = 64
		}
		p, err := a.Prefix(bits)
		if err != nil {
			return value{}
		}
		return value{Key: p.String(), Shown: p.String() + ", address " + a.String()}
	}
	return value{Key: strings.ToLower(s), Shown: s}
}

// systems and programs are looked for in this order: later ones also appear
// in the text of earlier ones (every Chrome says Safari, every Edge Chrome).
var systems = [...][2]string{
	{"windows phone", "Windows Phone"}, {"windows", "Windows"}, {"iphone", "iOS"}, {"ipad", "iPadOS"}, {"android", "Android"},
	{"cros ", "ChromeOS"}, {"mac os x", "macOS"}, {"macintosh", "macOS"}, {"darwin", "macOS"}, {"linux", "Linux"}, {"x11", "Unix"},
}

var programs = [...][2]string{
	{"aws-cli", "AWS CLI"}, {"boto", "Boto"}, {"aws-sdk", "AWS SDK"}, {"terraform", "Terraform"}, {"powershell", "PowerShell"},
	{"python", "Python"}, {"curl/", "curl"}, {"wget/", "Wget"}, {"go-http-client", "Go"}, {"okhttp", "OkHttp"}, {"axios", "axios"},
	{"node-fetch", "Node"}, {"headlesschrome", "Headless Chrome"}, {"electron/", "Electron"}, {"outlook", "Outlook"}, {"teams/", "Teams"},
	{"edg", "Edge"}, {"opr/", "Opera"}, {"samsungbrowser", "Samsung Internet"}, {"fxios", "Firefox"}, {"firefox", "Firefox"},
	{"crios", "Chrome"}, {"chrome", "Chrome"}, {"trident", "Internet Explorer"}, {"msie", "Internet Explorer"}, {"safari", "Safari"},
	{"bav2ropc", "BAV2ROPC"},
}

// userAgent returns program and system without versions, so that an update is
// nothing new. Of a program that nobody knows it is the name before the first
// slash or blank.
func userAgent(s string) string {
	l := strings.ToLower(s)
	program, system := "", ""
	for _, p := range programs {
		if strings.Contains(l, p[0]) {
			program = p[1]
			break
		}
	}
	for _, p := range systems {
		if strings.Contains(l, p[0]) {
			system = p[1]
			break
		}
	}
	if program == "" {
		program = strings.TrimSpace(s)
		if i := strings.IndexAny(program, "/ ("); i > 0 {
			program = program[:i]
		}
	}
	switch {
	case program == "":
		return system
	case system == "":
		return program
	}
	return program + " on " + system
}

// firstText returns the first scalar of a field, trimmed; "" for placeholders.
func firstText(ev *event.Event, name string) string {
	v, ok := ev.Lookup(name)
	if !ok {
		return ""
	}
	out := ""
	v.Scalars(func(x event.Value) bool {
		if !x.IsNull() {
			out = strings.TrimSpace(x.Text())
		}
		return out == ""
	})
	switch strings.ToLower(out) {
	case "-", "unknown", "null", "none", "n/a":
		return ""
	}
	return out
}

func short(s string) string {
	if len(s) > maxValue {
		s = strings.ToValidUTF8(s[:maxValue], "")
	}
	return s
}
