package vet

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// heldLock is how a comment says that its method needs a lock.
var heldLock = regexp.MustCompile(`\b\w+\.mu\s+is\s+held\b`)

// TestWhatNeedsALockIsCalledLocked holds the packages of the library to the rule that
// the name of a method, not only its comment, says that its caller holds the lock.
func TestWhatNeedsALockIsCalledLocked(t *testing.T) {
	found := 0
	for _, name := range library {
		eachFunc(t, filepath.Join("..", "..", name), func(at token.Position, f *ast.FuncDecl) {
			if f.Doc == nil || !heldLock.MatchString(f.Doc.Text()) {
				return
			}
			found++
			if !strings.HasSuffix(f.Name.Name, "Locked") {
				t.Errorf("%s: %s needs a lock, and its name does not end in Locked", at, f.Name.Name)
			}
		})
	}
	if found < 20 {
		t.Errorf("%d functions say that they need a lock: the test looks at the wrong ones", found)
	}
}

// eachFunc calls fn with each function of a package that is in no test.
func eachFunc(t *testing.T, dir string, fn func(token.Position, *ast.FuncDecl)) {
	t.Helper()
	eachDecl(t, dir, func(at token.Position, d ast.Decl) {
		if f, ok := d.(*ast.FuncDecl); ok {
			fn(at, f)
		}
	})
}

// eachDecl calls fn with each declaration of a package that is in no test.
func eachDecl(t *testing.T, dir string, fn func(token.Position, ast.Decl)) {
	t.Helper()
	files := token.NewFileSet()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		parsed, err := parser.ParseFile(files, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		for _, decl := range parsed.Decls {
			fn(files.Position(decl.Pos()), decl)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
