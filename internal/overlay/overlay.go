// Package overlay lays folders over each other, so that files of one's own
// replace shipped ones of the same path and add to the rest.
package overlay

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// FS is a stack of file systems. The last one that has a path decides what it
// is; folders show the names of all.
type FS []fs.FS

// Over returns base with the named folders of the machine over it, the last on
// top. A folder that is not there is an error.
func Over(base fs.FS, dirs []string) (FS, error) {
	layers := FS{base}
	for _, dir := range dirs {
		if _, err := os.Stat(dir); err != nil {
			return nil, err
		}
		layers = append(layers, os.DirFS(dir))
	}
	return layers, nil
}

// Open returns the topmost file or folder of that name.
func (o FS) Open(name string) (fs.File, error) {
	for i := len(o) - 1; i >= 0; i-- {
		f, err := o[i].Open(name)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// ReadDir merges the entries of all folders of that name.
func (o FS) ReadDir(name string) ([]fs.DirEntry, error) {
	byName := map[string]fs.DirEntry{}
	found := false
	for _, layer := range o {
		entries, err := fs.ReadDir(layer, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		found = true
		for _, e := range entries {
			byName[e.Name()] = e
		}
	}
	if !found {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrNotExist}
	}
	out := make([]fs.DirEntry, 0, len(byName))
	for _, e := range byName {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return out, nil
}
