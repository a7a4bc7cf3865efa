//go:build unix

// Package elastictest starts a real Elasticsearch for tests and for the demo:
// one node, security on, plain HTTP on the loopback address, a password made
// for this run, and data in a directory of its own.
//
// Elasticsearch comes from Maven Central as the distribution that its own
// integration tests use. It has no ingest processors, scripts, index lifecycle
// management or runtime field types beyond the core's, which is all that
// OpenMXDR relies on. It needs Java 17 or newer.
package elastictest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// Role is a role of the file realm: what it may do with which indices.
type Role struct {
	Cluster    []string
	Indices    []string // patterns
	Privileges []string
}

// User is a user of the file realm.
type User struct {
	Name     string
	Password string
	Roles    []string
}

// Options of an instance. The zero value works.
type Options struct {
	// Dir holds data, configuration and log; empty makes a temporary one that
	// Close removes.
	Dir string
	// Port; 0 takes a free one.
	Port int
	// HeapMB is the size of the Java heap; 0 means 512.
	HeapMB int
	// Progress is told what takes long; nil says nothing.
	Progress io.Writer
	// Roles by name, and Users beside the superuser that the Instance names.
	Roles map[string]Role
	Users []User
}

// Instance is one Elasticsearch. Its methods may not be called concurrently.
type Instance struct {
	URL      string
	User     string // a superuser
	Password string
	// LogFile is what Elasticsearch prints.
	LogFile string

	dir, home, java string
	port, heap      int
	remove          bool
	run             *process
	uid             int // -1: our own
}

// nobody is the user that Elasticsearch runs as when we are root, which it
// refuses to be.
const nobody = 65534

// Start finds or fetches Elasticsearch, starts it and waits until it answers.
func Start(ctx context.Context, o Options) (*Instance, error) {
	java, err := findJava()
	if err != nil {
		return nil, err
	}
	home, err := install(ctx, o.Progress)
	if err != nil {
		return nil, err
	}
	e := &Instance{User: "mxdr", Password: randomText(), dir: o.Dir, home: home, java: java, port: o.Port, heap: o.HeapMB, uid: -1}
	if os.Geteuid() == 0 {
		e.uid = nobody
	}
	if e.heap == 0 {
		e.heap = 512
	}
	if e.dir == "" {
		if e.dir, err = os.MkdirTemp("", "mxdr-elasticsearch-"); err != nil {
			return nil, fmt.Errorf("elasticsearch: %w", err)
		}
		e.remove = true
	}
	if e.port == 0 {
		if e.port, err = freePort(); err != nil {
			return nil, errors.Join(fmt.Errorf("elasticsearch: find a free port: %w", err), e.Close())
		}
	}
	e.URL = "http://127.0.0.1:" + strconv.Itoa(e.port)
	e.LogFile = filepath.Join(e.dir, "elasticsearch.log")
	if err := e.configure(o); err != nil {
		return nil, errors.Join(fmt.Errorf("elasticsearch: configure: %w", err), e.Close())
	}
	if err := e.Restart(ctx); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

func randomText() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func findJava() (string, error) {
	for _, v := range []string{"ES_JAVA_HOME", "JAVA_HOME"} {
		if h := os.Getenv(v); h != "" {
			if _, err := os.Stat(filepath.Join(h, "bin", "java")); err == nil {
				return h, nil
			}
		}
	}
	p, err := exec.LookPath("java")
	if err != nil {
		return "", errors.New("elasticsearch: no java found: install Java 17 or newer, or set JAVA_HOME")
	}
	if p, err = filepath.EvalSymlinks(p); err != nil {
		return "", fmt.Errorf("elasticsearch: java: %w", err)
	}
	return filepath.Dir(filepath.Dir(p)), nil
}

func (e *Instance) conf() string { return filepath.Join(e.dir, "config") }

// configure writes everything that Elasticsearch reads at its start.
func (e *Instance) configure(o Options) error {
	for _, d := range []string{e.conf(), filepath.Join(e.dir, "data"), filepath.Join(e.dir, "logs"), filepath.Join(e.dir, "tmp")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	if err := copyTree(filepath.Join(e.home, "config"), e.conf()); err != nil {
		return err
	}
	users, memberships := "", map[string][]string{}
	for _, u := range append([]User{{e.User, e.Password, []string{"superuser"}}}, o.Users...) {
		hash, err := bcrypt.GenerateFromPassword([]byte(u.Password), bcrypt.MinCost)
		if err != nil {
			return err
		}
		users += u.Name + ":" + string(hash) + "\n"
		for _, r := range u.Roles {
			memberships[r] = append(memberships[r], u.Name)
		}
	}
	members, roles := "", ""
	for r, names := range memberships {
		members += r + ":" + strings.Join(names, ",") + "\n"
	}
	names := make([]string, 0, len(o.Roles))
	for n := range o.Roles {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		r := o.Roles[n]
		roles += fmt.Sprintf("%s:\n  cluster: %s\n  indices:\n    - names: %s\n      privileges: %s\n", n, yamlList(r.Cluster), yamlList(r.Indices), yamlList(r.Privileges))
	}
	settings := fmt.Sprintf(`cluster.name: mxdr
node.name: mxdr
discovery.type: single-node
http.host: 127.0.0.1
transport.host: 127.0.0.1
http.port: %d
path.data: %q
path.logs: %q
xpack.security.enabled: true
xpack.security.http.ssl.enabled: false
xpack.security.transport.ssl.enabled: false
xpack.security.enrollment.enabled: false
cluster.routing.allocation.disk.threshold_enabled: false
cluster.max_shards_per_node: 5000
action.destructive_requires_name: false
`, e.port, filepath.Join(e.dir, "data"), filepath.Join(e.dir, "logs"))
	for name, text := range map[string]string{
		"elasticsearch.yml": settings, "users": users, "users_roles": members, "roles.yml": roles,
	} {
		if err := os.WriteFile(filepath.Join(e.conf(), name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return e.give()
}

func yamlList(l []string) string {
	q := make([]string, len(l))
	for i, s := range l {
		q[i] = strconv.Quote(s)
	}
	return "[" + strings.Join(q, ", ") + "]"
}

// give hands the directory to the user that Elasticsearch runs as.
func (e *Instance) give() error {
	if e.uid < 0 {
		return nil
	}
	return filepath.WalkDir(e.dir, func(p string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(p, e.uid, e.uid)
	})
}

// process is one run of Elasticsearch. Its first process is a shell that
// reads from a pipe and ends Elasticsearch when the pipe closes, so that none
// outlives the test that started it, however that ends.
type process struct {
	cmd   *exec.Cmd
	stdin io.Closer
	done  chan struct{}
	once  sync.Once
}

const supervise = `"$@" </dev/null & child=$!; read -r _; kill -TERM $child 2>/dev/null; wait $child`

// Restart starts Elasticsearch with the data of the run before and waits until
// it answers. Stop or Kill must have come before, if it ran.
func (e *Instance) Restart(ctx context.Context) error {
	if e.run != nil {
		return errors.New("elasticsearch: runs already")
	}
	log, err := os.OpenFile(e.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("elasticsearch: %w", err)
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command("/bin/sh", "-c", supervise, "sh", filepath.Join(e.home, "bin", "elasticsearch"))
	cmd.Dir = e.dir
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + e.dir, "LANG=C.UTF-8",
		"ES_JAVA_HOME=" + e.java, "ES_PATH_CONF=" + e.conf(), "ES_TMPDIR=" + filepath.Join(e.dir, "tmp"),
		fmt.Sprintf("ES_JAVA_OPTS=-Xms%dm -Xmx%dm -XX:-AlwaysPreTouch -XX:TieredStopAtLevel=1", e.heap, e.heap),
		"CLI_JAVA_OPTS=-XX:TieredStopAtLevel=1 -Xmx64m",
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if e.uid >= 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(e.uid), Gid: uint32(e.uid), Groups: []uint32{}}
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("elasticsearch: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("elasticsearch: start: %w", err)
	}
	p := &process{cmd: cmd, stdin: stdin, done: make(chan struct{})}
	go func() { _ = cmd.Wait(); close(p.done) }()
	e.run = p
	if err := e.waitReady(ctx, p); err != nil {
		_ = e.Kill()
		return fmt.Errorf("%w; the end of %s:\n%s", err, e.LogFile, e.logTail())
	}
	return nil
}

func (e *Instance) waitReady(ctx context.Context, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	for {
		if e.healthy(ctx) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("elasticsearch: does not answer at %s: %w", e.URL, ctx.Err())
		case <-p.done:
			return errors.New("elasticsearch: ended by itself")
		case <-time.After(200 * time.Millisecond):
		}
		if tail := e.logTail(); bytes.Contains(tail, []byte("ERROR: Elasticsearch died while starting up")) ||
			bytes.Contains(tail, []byte("exited unexpectedly")) {
			return errors.New("elasticsearch: could not start")
		}
	}
}

func (e *Instance) healthy(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.URL+"/_cluster/health?wait_for_status=yellow&timeout=5s", nil)
	if err != nil {
		return false
	}
	req.SetBasicAuth(e.User, e.Password)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode == http.StatusOK
}

func (e *Instance) logTail() []byte {
	f, err := os.Open(e.LogFile)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	if s, err := f.Stat(); err == nil && s.Size() > 4096 {
		_, _ = f.Seek(-4096, io.SeekEnd)
	}
	b, _ := io.ReadAll(f)
	return b
}

// Stop ends Elasticsearch in good order and keeps its data for Restart.
func (e *Instance) Stop() error {
	p := e.run
	if p == nil {
		return nil
	}
	e.run = nil
	p.once.Do(func() { _ = p.stdin.Close() })
	select {
	case <-p.done:
		return nil
	case <-time.After(time.Minute):
		_ = p.kill()
		return errors.New("elasticsearch: did not stop within a minute and was killed")
	}
}

// Kill ends Elasticsearch at once (SIGKILL) and keeps its data for Restart.
func (e *Instance) Kill() error {
	p := e.run
	if p == nil {
		return nil
	}
	e.run = nil
	return p.kill()
}

func (p *process) kill() error {
	err := syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	p.once.Do(func() { _ = p.stdin.Close() })
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
		return errors.New("elasticsearch: is still there after SIGKILL")
	}
	if err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("elasticsearch: kill: %w", err)
	}
	return nil
}

// Close stops Elasticsearch and removes its directory unless Options named it.
func (e *Instance) Close() error {
	err := e.Stop()
	if e.remove {
		err = errors.Join(err, os.RemoveAll(e.dir))
	}
	return err
}

// Wait blocks until Elasticsearch ends or ctx does.
func (e *Instance) Wait(ctx context.Context) {
	if e.run == nil {
		return
	}
	select {
	case <-e.run.done:
	case <-ctx.Done():
	}
}
