//go:build unix

// Elasticsearch starts an Elasticsearch for tests or a demo, prints where it
// is, and ends it when it is interrupted.
//
//	elasticsearch [-dir DIR] [-port N] [-env FILE] [-- COMMAND ARG…]
//
// With a command, it runs that with the address in its environment, ends
// Elasticsearch after it and exits with the command's status. This is how
// several test packages share one instance.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/openmxdr/openmxdr/internal/elastictest"
)

func main() {
	code, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		if code == 0 {
			code = 1
		}
	}
	os.Exit(code)
}

func run() (int, error) {
	dir := flag.String("dir", "", "directory of data, configuration and log; empty: a temporary one that is removed at the end")
	port := flag.Int("port", 0, "port on 127.0.0.1; 0: a free one")
	heap := flag.Int("heap", 512, "Java heap in MiB")
	env := flag.String("env", "", "write a file of shell variables that say where Elasticsearch is, readable by the owner only")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	e, err := elastictest.Start(ctx, elastictest.Options{Dir: *dir, Port: *port, HeapMB: *heap, Progress: os.Stderr})
	if err != nil {
		return 1, err
	}
	defer func() {
		if err := e.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	vars := []string{
		elastictest.EnvURL + "=" + e.URL, elastictest.EnvUser + "=" + e.User, elastictest.EnvPassword + "=" + e.Password,
	}
	if *env != "" {
		text := ""
		for _, v := range vars {
			text += "export " + v + "\n"
		}
		// Under another name first: a reader that finds the file finds all of it.
		if err := os.WriteFile(*env+".part", []byte(text), 0o600); err != nil {
			return 1, err
		}
		if err := os.Rename(*env+".part", *env); err != nil {
			return 1, err
		}
		defer func() { _ = os.Remove(*env) }()
	}
	if flag.NArg() > 0 {
		cmd := exec.CommandContext(ctx, flag.Arg(0), flag.Args()[1:]...)
		cmd.Env = append(os.Environ(), vars...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		err := cmd.Run()
		var status *exec.ExitError
		if errors.As(err, &status) {
			return max(status.ExitCode(), 1), nil
		}
		return 0, err
	}
	for _, v := range vars {
		fmt.Println(v)
	}
	fmt.Fprintf(os.Stderr, "Elasticsearch %s answers at %s; its log is %s. Interrupt ends it.\n", elastictest.Version, e.URL, e.LogFile)
	e.Wait(ctx)
	return 0, nil
}
