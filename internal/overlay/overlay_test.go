package overlay

import (
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"
)

func TestOverlay(t *testing.T) {
	o := FS{
		fstest.MapFS{"a.yml": {Data: []byte("shipped")}, "d/b.yml": {Data: []byte("shipped")}},
		fstest.MapFS{"a.yml": {Data: []byte("own")}, "d/c.yml": {Data: []byte("own")}},
	}
	got := map[string]string{}
	err := fs.WalkDir(o, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(o, p)
		got[p] = string(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"a.yml": "own", "d/b.yml": "shipped", "d/c.yml": "own"}
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for p, w := range want {
		if got[p] != w {
			t.Errorf("%s = %q, want %q", p, got[p], w)
		}
	}
	if _, err := o.Open("missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if _, err := o.ReadDir("missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing folder: %v", err)
	}
}
