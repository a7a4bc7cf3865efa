//go:build unix

// Package collectorproc runs the collector as a process of its own and sends
// it records, for the demo and for tests that kill it.
package collectorproc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// Options say what to run.
type Options struct {
	Binary string            // path of mxdr-collector
	Config string            // its configuration
	Env    map[string]string // beside the endpoints, which Start chooses
	Dir    string            // for the log and the state; must exist
}

// Process is a running collector.
type Process struct {
	OTLP    string // URL of the OTLP/HTTP receiver
	Health  string // URL of the health endpoint
	LogFile string

	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
	err  error         // how it ended, once done is closed
}

// Start runs the collector and waits until it is healthy. The configuration
// finds its endpoints and its state in MXDR_OTLP_ENDPOINT,
// MXDR_HEALTH_ENDPOINT and MXDR_STATE_DIR.
func Start(ctx context.Context, o Options) (*Process, error) {
	otlp, err := freeAddress()
	if err != nil {
		return nil, err
	}
	health, err := freeAddress()
	if err != nil {
		return nil, err
	}
	p := &Process{OTLP: "http://" + otlp, Health: "http://" + health, LogFile: filepath.Join(o.Dir, "collector.log"), done: make(chan struct{})}
	log, err := os.OpenFile(p.LogFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.cmd = exec.Command(o.Binary, "--config", o.Config)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.Env = append(os.Environ(),
		"MXDR_OTLP_ENDPOINT="+otlp, "MXDR_HEALTH_ENDPOINT="+health, "MXDR_STATE_DIR="+filepath.Join(o.Dir, "state"))
	for k, v := range o.Env {
		p.cmd.Env = append(p.cmd.Env, k+"="+v)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the collector: %w", err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	if err := p.ready(ctx); err != nil {
		return nil, errors.Join(err, p.Kill())
	}
	return p, nil
}

func (p *Process) ready(ctx context.Context) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.Health, nil)
		if err != nil {
			return err
		}
		if res, err := http.DefaultClient.Do(req); err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-p.done:
			return fmt.Errorf("the collector ended at once (%w); %s", p.err, p.tail())
		case <-ctx.Done():
			return fmt.Errorf("the collector did not become healthy: %w; %s", ctx.Err(), p.tail())
		case <-tick.C:
		}
	}
}

// tail is the end of the log, for an error message.
func (p *Process) tail() string {
	b, err := os.ReadFile(p.LogFile)
	if err != nil {
		return err.Error()
	}
	if len(b) > 2000 {
		b = b[len(b)-2000:]
	}
	return "the end of " + p.LogFile + ":\n" + string(b)
}

// Pid returns the process id.
func (p *Process) Pid() string { return strconv.Itoa(p.cmd.Process.Pid) }

// Stop asks the collector to end and waits until it has.
func (p *Process) Stop() error {
	select {
	case <-p.done:
		return nil
	default:
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(30 * time.Second):
		return errors.Join(errors.New("the collector did not end within 30 s and was killed"), p.Kill())
	}
}

// Kill ends the collector at once, as kill -9 does.
func (p *Process) Kill() error {
	err := p.cmd.Process.Kill()
	<-p.done
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
