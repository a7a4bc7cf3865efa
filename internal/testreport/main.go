// Command testreport reads `go test -json` on standard input and prints what
// a person needs: one line per package, the whole output of what failed, and
// the totals. With -no-skip a skipped test is a failure, so that a run in
// which something was missing cannot pass for a full one.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

type testEvent struct {
	Action     string
	Package    string
	ImportPath string
	Test       string
	Output     string
	Elapsed    float64
}

func main() {
	noSkip := flag.Bool("no-skip", false, "treat a skipped test as a failure")
	flag.Parse()
	os.Exit(report(os.Stdin, os.Stdout, *noSkip))
}

// report copies the essence of the events on in to out and returns the exit status.
func report(in io.Reader, out io.Writer, noSkip bool) int {
	output := map[string][]string{}
	var skipped []string
	passed, failed, broken := 0, 0, 0
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 1<<20), 1<<26)
	for lines.Scan() {
		var ev testEvent
		if err := json.Unmarshal(lines.Bytes(), &ev); err != nil {
			fmt.Fprintln(out, lines.Text()) // not an event: what the go command itself says
			continue
		}
		key := ev.Package + " " + ev.Test
		switch ev.Action {
		case "build-output":
			fmt.Fprint(out, ev.Output)
		case "build-fail":
			broken++
		case "output":
			if ev.Test == "" && isSummary(ev.Output) {
				fmt.Fprint(out, ev.Output)
			}
			output[key] = append(output[key], ev.Output)
		case "skip":
			if ev.Test != "" {
				skipped = append(skipped, ev.Package+" "+ev.Test+": "+lastLine(output[key]))
			}
		case "pass":
			if ev.Test != "" {
				passed++
			}
			delete(output, key)
		case "fail":
			if ev.Test != "" {
				failed++
			} else {
				broken++
			}
			fmt.Fprintf(out, "--- output of %s\n%s", key, strings.Join(output[key], ""))
			delete(output, key)
		}
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(out, "testreport: reading events:", err)
		broken++
	}
	slices.Sort(skipped)
	for _, s := range skipped {
		fmt.Fprintln(out, "skipped:", s)
	}
	fmt.Fprintf(out, "%d passed, %d failed, %d skipped\n", passed, failed, len(skipped))
	switch {
	case failed+broken > 0:
		return 1
	case passed == 0:
		fmt.Fprintln(out, "testreport: no test ran")
		return 1
	case noSkip && len(skipped) > 0:
		fmt.Fprintln(out, "testreport: with -no-skip every skipped test above is a failure")
		return 1
	}
	return 0
}

func isSummary(line string) bool {
	return strings.HasPrefix(line, "ok  \t") || strings.HasPrefix(line, "FAIL\t")
}

func lastLine(lines []string) string {
	for i := len(lines) - 1; i >= 0; i-- {
		if l := strings.TrimSpace(lines[i]); l != "" && !strings.HasPrefix(l, "--- SKIP") && !strings.HasPrefix(l, "===") {
			return l
		}
	}
	return ""
}
