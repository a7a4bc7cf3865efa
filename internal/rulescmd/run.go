// Package rulescmd is "mxdr rules": it checks Sigma rules, runs the test cases
// beside them, and evaluates them over events.
package rulescmd

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/openmxdr/openmxdr/rules/sigma"
)

type subcommand struct {
	name, usage, summary string
	run                  func(c *call) int
}

func subcommands() []subcommand {
	return []subcommand{
		{"lint", "[--placeholders FILE] PATH…", "parse and compile rules; list what is wrong, by file and line", lint},
		{"test", "[--mappings DIR] [--fieldmaps DIR] PATH…", "run the cases beside the rules (RULE.test.yml)", test},
		{"eval", "--rules PATH [--logsource-routing] [FILE…]", "match events, one JSON object a line, against rules", eval},
	}
}

// call is one use of a subcommand.
type call struct {
	args   []string
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	flags  *flag.FlagSet
}

// Run executes "mxdr rules" with the arguments that follow and returns the
// exit status: 0 when all is well, 1 when something was found to be wrong or
// could not be read, 2 for a wrong usage.
func Run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		for _, s := range subcommands() {
			if s.name != args[0] {
				continue
			}
			c := &call{args: args[1:], stdin: stdin, stdout: stdout, stderr: stderr, flags: flag.NewFlagSet("mxdr rules "+s.name, flag.ContinueOnError)}
			c.flags.SetOutput(stderr)
			c.flags.Usage = func() {
				fmt.Fprintf(stderr, "usage: mxdr rules %s %s\n  %s\n", s.name, s.usage, s.summary)
				c.flags.PrintDefaults()
			}
			return s.run(c)
		}
	}
	w, status := stderr, 2
	if len(args) == 1 && (args[0] == "help" || args[0] == "-h" || args[0] == "--help") {
		w, status = stdout, 0
	} else if len(args) > 0 {
		fmt.Fprintf(stderr, "mxdr rules: there is no command %q\n\n", args[0])
	}
	fmt.Fprintln(w, "usage: mxdr rules COMMAND …")
	for _, s := range subcommands() {
		fmt.Fprintf(w, "  %-5s %s\n", s.name, s.summary)
	}
	return status
}

// parse reads the flags; ok is false when the call ends with status.
func (c *call) parse() (status int, ok bool) {
	switch err := c.flags.Parse(c.args); err {
	case nil:
		return 0, true
	case flag.ErrHelp:
		return 0, false
	default:
		return 2, false
	}
}

func (c *call) failf(format string, args ...any) int {
	fmt.Fprintf(c.stderr, c.flags.Name()+": "+format+"\n", args...)
	return 1
}

// loadRules reads files and folders. Problems name files by their path from
// the working directory.
func loadRules(paths []string) (*sigma.Collection, []sigma.Problem, error) {
	all := &sigma.Collection{}
	var problems []sigma.Problem
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, nil, fmt.Errorf("rules: %w", err)
		}
		var c *sigma.Collection
		var ps []sigma.Problem
		if info.IsDir() {
			c, ps = sigma.ParseFS(os.DirFS(p), ".")
			for i := range ps {
				ps[i].File = filepath.Join(p, ps[i].File)
			}
			for _, m := range metas(c) {
				m.File = filepath.Join(p, m.File)
			}
		} else {
			data, err := os.ReadFile(p)
			if err != nil {
				return nil, nil, fmt.Errorf("rules: %w", err)
			}
			c, ps = sigma.ParseFile(p, data)
		}
		all.Merge(c)
		problems = append(problems, ps...)
	}
	return all, problems, nil
}

// metas returns the metadata of everything in c.
func metas(c *sigma.Collection) []*sigma.Meta {
	var out []*sigma.Meta
	for _, r := range c.Rules {
		out = append(out, &r.Meta)
	}
	for _, r := range c.Correlations {
		out = append(out, &r.Meta)
	}
	for _, f := range c.Filters {
		out = append(out, &f.Meta)
	}
	return out
}

// pathList is a flag that may be given several times.
type pathList []string

func (p *pathList) String() string     { return fmt.Sprint(*p) }
func (p *pathList) Set(s string) error { *p = append(*p, s); return nil }
