package main

import (
	"io"

	"github.com/openmxdr/openmxdr/internal/rulescmd"
)

func runRules(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return rulescmd.Run(args, stdin, stdout, stderr)
}
