// Command mxdr replays logs, works on rules and shows what the pipeline does,
// on a machine with nothing else on it.
package main

import (
	"fmt"
	"io"
	"os"
)

// command is one word after mxdr. It returns the exit status: 0 done, 1 failed
// or found something, 2 wrong usage.
type command struct {
	name, summary string
	run           func(args []string, stdin io.Reader, stdout, stderr io.Writer) int
}

func commands() []command {
	return []command{
		{"replay", "run the whole pipeline over files of vendor logs", runReplay},
		{"rules", "lint, test and evaluate Sigma rules", runRules},
		{"demo", "a real Elasticsearch, the collector and a replayed attack", runDemo},
	}
}

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		for _, c := range commands() {
			if c.name == args[0] {
				return c.run(args[1:], stdin, stdout, stderr)
			}
		}
	}
	w, status := stderr, 2
	if len(args) == 1 && (args[0] == "help" || args[0] == "-h" || args[0] == "--help") {
		w, status = stdout, 0
	} else if len(args) > 0 {
		fmt.Fprintf(stderr, "mxdr: there is no command %q\n\n", args[0])
	}
	fmt.Fprintln(w, "usage: mxdr COMMAND …, and mxdr COMMAND -h for its options")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-8s %s\n", c.name, c.summary)
	}
	return status
}
