package plugin

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What Grafana's catalogue refuses in a backend: reading the environment,
// files, system calls and printing past the logger.
var refused = map[string][]string{
	"os":  {"Environ", "Getenv", "LookupEnv", "Open", "OpenFile", "Create", "ReadFile", "WriteFile", "ReadDir", "Stat", "Lstat", "Mkdir", "MkdirAll", "Remove", "RemoveAll", "Rename", "Chdir", "Exit", "StartProcess"},
	"fmt": {"Print", "Printf", "Println"},
	"log": {"Print", "Printf", "Println", "Fatal", "Fatalf", "Fatalln", "Panic", "Panicf", "Panicln"},
}

// And packages that it must not use at all.
var refusedImports = []string{"syscall", "golang.org/x/sys/unix", "os/exec", "io/ioutil", "unsafe", "plugin", "log"}

func TestCatalogueRules(t *testing.T) {
	files := 0
	require.NoError(t, filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files++
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			return err
		}
		for _, fault := range violations(fset, f) {
			t.Error(fault)
		}
		return nil
	}))
	require.Greater(t, files, 8)
}

func violations(fset *token.FileSet, f *ast.File) []string {
	var out []string
	local := map[string]string{}
	for _, i := range f.Imports {
		path, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			continue
		}
		name := path[strings.LastIndex(path, "/")+1:]
		if i.Name != nil {
			name = i.Name.Name
		}
		local[name] = path
		if slices.Contains(refusedImports, path) {
			out = append(out, fset.Position(i.Pos()).String()+": import of "+path)
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && slices.Contains(refused[local[x.Name]], s.Sel.Name) {
				out = append(out, fset.Position(s.Pos()).String()+": "+local[x.Name]+"."+s.Sel.Name)
			}
		}
		return true
	})
	return out
}

func TestCatalogueRulesFind(t *testing.T) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "x.go", `package x
import ("os"; p "fmt"; "syscall")
var a = os.Environ()
func b() { p.Println(); syscall.Getpid(); os.Open("x"); p.Errorf("fine") }`, 0)
	require.NoError(t, err)
	require.Len(t, violations(fset, f), 4)
}
