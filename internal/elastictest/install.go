//go:build unix

package elastictest

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Version is the version of Elasticsearch that Start runs.
const Version = "8.19.16"

const artifact = "org.elasticsearch.distribution.integ-test-zip:elasticsearch:" + Version + ":zip"

// cacheDir is where the archive and the unpacked Elasticsearch stay between
// runs: MXDR_CACHE, else .cache beside go.mod, else the user's cache.
func cacheDir() (string, error) {
	if d := os.Getenv("MXDR_CACHE"); d != "" {
		return filepath.Abs(d)
	}
	if d, err := os.Getwd(); err == nil {
		for {
			if _, err := os.Stat(filepath.Join(d, "go.mod")); err == nil {
				return filepath.Join(d, ".cache"), nil
			}
			up := filepath.Dir(d)
			if up == d {
				break
			}
			d = up
		}
	}
	d, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("elasticsearch: no place to keep it: set MXDR_CACHE: %w", err)
	}
	return filepath.Join(d, "openmxdr"), nil
}

// install returns the directory of an unpacked Elasticsearch. Several
// processes may call it at once: one does the work, the others wait.
func install(ctx context.Context, progress io.Writer) (string, error) {
	if progress == nil {
		progress = io.Discard
	}
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("elasticsearch: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(cache, "elasticsearch.lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", fmt.Errorf("elasticsearch: %w", err)
	}
	defer func() { _ = lock.Close() }() // unlocks as well
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("elasticsearch: lock %s: %w", lock.Name(), err)
	}
	parent := cache
	if os.Geteuid() == 0 && !open(cache) {
		// The unprivileged user could not get here.
		if parent, err = publicDir(); err != nil {
			return "", err
		}
	}
	home := filepath.Join(parent, "elasticsearch-"+Version)
	if _, err := os.Stat(filepath.Join(home, "bin", "elasticsearch")); err == nil {
		return home, nil
	}
	archive, err := fetch(ctx, cache, progress)
	if err != nil {
		return "", err
	}
	_, _ = fmt.Fprintf(progress, "Unpacking Elasticsearch %s into %s\n", Version, parent)
	// Unpacked under another name first: what has its final name is whole.
	part, err := os.MkdirTemp(parent, "unpack-")
	if err != nil {
		return "", fmt.Errorf("elasticsearch: %w", err)
	}
	defer func() { _ = os.RemoveAll(part) }()
	if err := unpack(archive, part); err != nil {
		return "", fmt.Errorf("elasticsearch: unpack %s (remove the file to fetch it again): %w", archive, err)
	}
	if err := os.RemoveAll(home); err != nil {
		return "", fmt.Errorf("elasticsearch: %w", err)
	}
	if err := os.Rename(filepath.Join(part, "elasticsearch-"+Version), home); err != nil {
		return "", fmt.Errorf("elasticsearch: %w", err)
	}
	return home, nil
}

// open tells whether every user may pass through dir and its parents.
func open(dir string) bool {
	for {
		s, err := os.Stat(dir)
		if err != nil || s.Mode().Perm()&0o001 == 0 {
			return false
		}
		up := filepath.Dir(dir)
		if up == dir {
			return true
		}
		dir = up
	}
}

// publicDir is a directory that others can read and only we can write.
func publicDir() (string, error) {
	d := filepath.Join(os.TempDir(), "openmxdr-cache")
	if err := os.Mkdir(d, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return "", fmt.Errorf("elasticsearch: %w", err)
	}
	s, err := os.Lstat(d)
	if err != nil {
		return "", fmt.Errorf("elasticsearch: %w", err)
	}
	if st, ok := s.Sys().(*syscall.Stat_t); !ok || !s.IsDir() || int(st.Uid) != os.Geteuid() || s.Mode().Perm()&0o022 != 0 {
		return "", fmt.Errorf("elasticsearch: %s is not ours alone to write: remove it or set MXDR_CACHE", d)
	}
	return d, nil
}

// fetch returns the archive, from the cache or through Maven.
func fetch(ctx context.Context, cache string, progress io.Writer) (string, error) {
	name := "elasticsearch-" + Version + ".zip"
	archive := filepath.Join(cache, name)
	if _, err := os.Stat(archive); err == nil {
		return archive, nil
	}
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return "", fmt.Errorf("elasticsearch: no mvn found to fetch %s: install Maven, put the file to %s, or set MXDR_TEST_ELASTICSEARCH_URL", artifact, archive)
	}
	_, _ = fmt.Fprintf(progress, "Fetching %s (100 MB, once) with Maven into %s\n", artifact, cache)
	part, err := os.MkdirTemp(cache, "fetch-")
	if err != nil {
		return "", fmt.Errorf("elasticsearch: %w", err)
	}
	defer func() { _ = os.RemoveAll(part) }()
	// Outside the module, so that no pom.xml of anybody's is picked up.
	cmd := exec.CommandContext(ctx, mvn, "-B", "-q", "dependency:copy", "-Dartifact="+artifact, "-DoutputDirectory="+part, "-Dmdep.useBaseVersion=true")
	cmd.Dir = part
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("elasticsearch: fetch %s with Maven: %w\n%s", artifact, err, out)
	}
	if err := os.Rename(filepath.Join(part, name), archive); err != nil {
		return "", fmt.Errorf("elasticsearch: Maven said it was done, but: %w", err)
	}
	return archive, nil
}

// unpack unpacks a zip archive; files that were executable stay so, and all
// can be read by every user.
func unpack(archive, dir string) error {
	z, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer func() { _ = z.Close() }()
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir) // no entry can leave it
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	for _, f := range z.File {
		name := strings.TrimSuffix(f.Name, "/")
		if f.FileInfo().IsDir() {
			if err := root.MkdirAll(name, 0o755); err != nil {
				return err
			}
			continue
		}
		if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := unpackFile(root, f, name); err != nil {
			return err
		}
	}
	return nil
}

func unpackFile(root *os.Root, f *zip.File, name string) error {
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	mode := os.FileMode(0o644)
	if f.Mode().Perm()&0o111 != 0 || strings.Contains(name, "/bin/") {
		mode = 0o755
	}
	out, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in) // Maven has checked the archive's digest
	return errors.Join(err, out.Close())
}

func copyTree(from, to string) error {
	return os.CopyFS(to, os.DirFS(from))
}
