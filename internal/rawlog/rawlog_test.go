package rawlog

import (
	"bytes"
	"compress/gzip"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func read(t *testing.T, in string) []string {
	t.Helper()
	var got []string
	if err := Read(strings.NewReader(in), func(raw []byte) error { got = append(got, string(raw)); return nil }); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     []string
	}{
		{"empty", "", nil},
		{"blank", " \n\n", nil},
		{"lines of JSON", "{\"a\":1}\n\n{\"a\":2}\r\n", []string{`{"a":1}`, `{"a":2}`}},
		{"byte order mark", "\ufeff{\"a\":1}\n", []string{`{"a":1}`}},
		{"a broken line among good ones", "{\"a\":1}\n{\"a\":\n{\"a\":3}\n", []string{`{"a":1}`, `{"a":`, `{"a":3}`}},
		{"the first line is broken", "{\"a\":1,}\n{\"a\":2}\n", []string{`{"a":1,}`, `{"a":2}`}},
		{"array", "[\n {\"a\": 1},\n {\"a\":2}\n]\n", []string{`{"a":1}`, `{"a":2}`}},
		{"two arrays", "[{\"a\":1}] [{\"a\":2}]", []string{`{"a":1}`, `{"a":2}`}},
		{"indented document", "{\n  \"Records\": [\n {\"a\": 1} ]\n}\n", []string{`{"Records":[{"a":1}]}`}},
		{"array cut short", "[{\"a\":1},{\"a\":", []string{`{"a":1}`, `{"a":`}},
		{"plain lines", "Mar 1 a\nMar 2 b", []string{"Mar 1 a", "Mar 2 b"}},
		{"event XML", "<?xml version='1.0'?><Events><Event xmlns='x'><A/></Event>\n<Event><B/></Event></Events>",
			[]string{"<Event xmlns='x'><A/></Event>", "<Event><B/></Event>"}},
		{"Zeek table", "#separator \\x09\n#path\tconn\n#fields\tuid\tid.orig_p\n#types\tstring\tport\nC1\t53\nbroken\n#close\n",
			[]string{`{"_path":"conn","uid":"C1","id.orig_p":53}`, "broken"}},
		{"event XML cut short", "<Events><Event><A/>", []string{"<Event><A/>"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := read(t, c.in)
			if c.name == "array cut short" { // where exactly the rest begins is the decoder's affair
				if len(got) < 2 || got[0] != c.want[0] || !strings.Contains(strings.Join(got[1:], ""), `"a":`) {
					t.Fatalf("got %q", got)
				}
				return
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Fatal(d)
			}
			var z bytes.Buffer
			w := gzip.NewWriter(&z)
			_, _ = w.Write([]byte(c.in))
			_ = w.Close()
			if d := cmp.Diff(c.want, read(t, z.String())); d != "" {
				t.Fatal("gzipped:", d)
			}
		})
	}
}

func TestLongLineIsCutNotLost(t *testing.T) {
	long := strings.Repeat("x", MaxRecord+100)
	got := read(t, "a\n"+long+"\nb\n")
	if len(got) != 3 || len(got[1]) != MaxRecord || got[2] != "b" {
		t.Fatalf("%d records", len(got))
	}
}

func TestErrorOfYieldStops(t *testing.T) {
	stop := errors.New("stop")
	n := 0
	err := Read(strings.NewReader("a\nb\n"), func([]byte) error { n++; return stop })
	if !errors.Is(err, stop) || n != 1 {
		t.Fatalf("err %v after %d records", err, n)
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{"{}\n", "[{}]", "<Event></Event>", "\x1f\x8b", "[[[", "{\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		_ = Read(bytes.NewReader(in), func([]byte) error { return nil })
	})
}
