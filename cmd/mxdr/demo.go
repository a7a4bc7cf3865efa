//go:build unix

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/openmxdr/openmxdr/es-ingest/client"
	"github.com/openmxdr/openmxdr/internal/demo"
)

func runDemo(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	o := demo.Options{Out: stdout}
	flags := flag.NewFlagSet("mxdr demo", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.Collector, "collector", "build/mxdr-collector", "the collector's binary")
	flags.StringVar(&o.Config, "config", "examples/quickstart/collector.yaml", "the collector's configuration")
	flags.StringVar(&o.OTLP, "otlp", "", "URL of a running collector's OTLP/HTTP receiver; default: start one")
	flags.StringVar(&o.URL, "elasticsearch", "", "URL of a running Elasticsearch; default: fetch and start one")
	flags.StringVar(&o.User, "user", "elastic", "user of the running Elasticsearch; the password is read from MXDR_ELASTICSEARCH_PASSWORD")
	flags.StringVar(&o.Tenant, "tenant", "demo", "the tenant that the collector writes")
	flags.IntVar(&o.Days, "days", 15, "days of ordinary life before the attack")
	flags.IntVar(&o.Staff, "staff", 12, "people in the company")
	flags.Uint64Var(&o.Seed, "seed", 1, "what the company's life is drawn from")
	flags.BoolVar(&o.Keep, "keep", false, "leave everything running until Ctrl-C")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "mxdr demo: it takes no %q\n", flags.Arg(0))
		return 2
	}
	if o.URL != "" {
		o.Password = client.Secret(os.Getenv("MXDR_ELASTICSEARCH_PASSWORD"))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := demo.Run(ctx, o); err != nil {
		fmt.Fprintln(stderr, "mxdr demo:", err)
		return 1
	}
	return 0
}
