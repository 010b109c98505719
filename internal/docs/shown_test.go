package docs

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// show are the packages whose exported names must be shown, by the module they are in.
var show = map[string][]string{
	".":         {"", "/resp", "/conn", "/pool", "/redis", "/pubsub", "/codec", "/sentinel", "/client", "/mq", "/lock", "/redistest"},
	"redisotel": {"/redisotel"},
}

// everybody has methods of these names: what they do is known without an example.
var everybody = regexp.MustCompile(`^(Error|Unwrap|Is|As|String|GoString|Format|LogValue|(Un)?[mM]arshal[A-Z]\w*)$`)

// TestEveryExportedNameIsShown holds the library to the rule that each exported function,
// type, constant, variable and method is used in an example, or named in the comment of
// its package. Fields and the methods of interfaces stand with their type, and a type is
// shown by the use of a field or method of it.
func TestEveryExportedNameIsShown(t *testing.T) {
	for dir, packages := range show {
		for _, missing := range notShown(t, filepath.Join("..", "..", dir), packages) {
			t.Errorf("%s is in no example, and not in the comment of its package", missing)
		}
	}
}

// notShown returns what no example of the module in dir shows of its packages.
func notShown(t *testing.T, dir string, packages []string) (missing []string) {
	t.Helper()
	all := listPackages(t, dir)
	var need []string
	for _, p := range all {
		need = append(append(need, p.ImportPath), p.XTestImports...)
	}
	fset := token.NewFileSet()
	from := importer.ForCompiler(fset, "gc", open(exportData(t, dir, need...)))
	used := map[string]bool{}
	for _, p := range all {
		addUses(used, fset, from, p.parse(t, fset, p.XTestGoFiles))
	}
	for _, p := range all {
		if !slices.Contains(packages, strings.TrimPrefix(p.ImportPath, module)) {
			continue
		}
		pkg, err := from.Import(p.ImportPath)
		if err != nil {
			t.Fatal(err)
		}
		comment := comment(p.parse(t, fset, p.GoFiles))
		for _, n := range exported(pkg) {
			if !used[n.key] && !n.isIn(comment) {
				missing = append(missing, pkg.Name()+"."+n.text)
			}
		}
	}
	return missing
}

// goPackage is what go list says of a package.
type goPackage struct {
	Dir, ImportPath string
	GoFiles         []string
	XTestGoFiles    []string
	XTestImports    []string
}

func listPackages(t *testing.T, dir string) (all []goPackage) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=Dir,ImportPath,GoFiles,XTestGoFiles,XTestImports", "./...")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := d.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func (p goPackage) parse(t *testing.T, fset *token.FileSet, names []string) (files []*ast.File) {
	t.Helper()
	for _, name := range names {
		f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// comment returns the comment of the package.
func comment(files []*ast.File) string {
	var b strings.Builder
	for _, f := range files {
		b.WriteString(f.Doc.Text())
	}
	return b.String()
}

// open is how an importer finds compiled packages.
func open(exports map[string]string) importer.Lookup {
	return func(path string) (io.ReadCloser, error) {
		file, ok := exports[path]
		if !ok {
			return nil, fmt.Errorf("no package %s", path)
		}
		return os.Open(file)
	}
}

// addUses adds the keys of what the bodies of examples use.
func addUses(used map[string]bool, fset *token.FileSet, from types.Importer, files []*ast.File) {
	info := types.Info{Uses: map[*ast.Ident]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{}}
	// Names of the package's own tests may be unknown here: those are no errors of the examples.
	config := types.Config{Importer: from, Error: func(error) {}}
	_, _ = config.Check("example", fset, files, &info)
	add := func(obj types.Object) {
		if obj != nil && obj.Pkg() != nil && obj.Exported() && !isField(obj) {
			used[key(obj)] = true
		}
	}
	for _, f := range files {
		for _, d := range f.Decls {
			example, ok := d.(*ast.FuncDecl)
			if !ok || example.Recv != nil || !strings.HasPrefix(example.Name.Name, "Example") {
				continue
			}
			ast.Inspect(example.Body, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.Ident:
					add(info.Uses[n])
				case *ast.SelectorExpr:
					if s := info.Selections[n]; s != nil {
						if of := named(s.Recv()); of != nil {
							add(of)
						}
					}
				}
				return true
			})
		}
	}
}

func isField(obj types.Object) bool {
	v, ok := obj.(*types.Var)
	return ok && v.IsField()
}

// key is one for all instances of a generic name, and for a method that of the type
// that declares it.
func key(obj types.Object) string {
	f, ok := obj.(*types.Func)
	if !ok {
		return obj.Pkg().Path() + "." + obj.Name()
	}
	if declared := receiver(f); declared != nil {
		return obj.Pkg().Path() + "." + declared.Name() + "." + obj.Name()
	}
	return obj.Pkg().Path() + "." + obj.Name()
}

// receiver returns the type that declares a method, nil for a function.
func receiver(f *types.Func) *types.TypeName {
	recv := f.Origin().Signature().Recv()
	if recv == nil {
		return nil
	}
	return named(recv.Type())
}

// named returns the name of a type, or of what it points to; nil if it has none.
func named(of types.Type) *types.TypeName {
	if p, ok := of.(*types.Pointer); ok {
		of = p.Elem()
	}
	if n, ok := of.(*types.Named); ok {
		return n.Obj()
	}
	return nil
}

// exportedName is a name as documentation shows it, and as a use is known by.
type exportedName struct{ text, key string }

func exported(pkg *types.Package) (all []exportedName) {
	for _, name := range pkg.Scope().Names() {
		obj := pkg.Scope().Lookup(name)
		if !obj.Exported() {
			continue
		}
		all = append(all, exportedName{name, key(obj)})
		if of, ok := obj.(*types.TypeName); ok && !of.IsAlias() && !types.IsInterface(of.Type()) {
			all = append(all, methods(of)...)
		}
	}
	return all
}

// methods returns those that the type declares, or has from one that is not exported.
func methods(of *types.TypeName) (all []exportedName) {
	set := types.NewMethodSet(types.NewPointer(of.Type()))
	for i := range set.Len() {
		f := set.At(i).Obj().(*types.Func)
		declared := receiver(f)
		if !f.Exported() || f.Pkg() != of.Pkg() || declared == nil || everybody.MatchString(f.Name()) {
			continue
		}
		if declared == of || !declared.Exported() {
			all = append(all, exportedName{of.Name() + "." + f.Name(), key(f)})
		}
	}
	return all
}

// isIn reports whether the comment links to the name, or has it in its code.
func (n exportedName) isIn(comment string) bool {
	text := regexp.QuoteMeta(n.text)
	if regexp.MustCompile(`\[\*?(\w+\.)?` + text + `\]`).MatchString(comment) {
		return true
	}
	code := regexp.MustCompile(`\b` + text + `\b`)
	if _, method, ok := strings.Cut(text, `\.`); ok {
		if code.MatchString(comment) { // as "Conn.Alive": a method that is promoted has no link
			return true
		}
		code = regexp.MustCompile(`\.` + method + `\b`)
	}
	for line := range strings.Lines(comment) {
		if strings.HasPrefix(line, "\t") && code.MatchString(line) {
			return true
		}
	}
	return false
}

// packageForTest has names of each kind.
const packageForTest = `// Package p is for [Linked] and
//
//	p.InCode(1)
package p

func Linked() {}
func InCode(int) {}
func Used() {}
func Forgotten() {}

type T struct{ base }
func (T) Called() {}
func (T) NotCalled() {}
func (T) String() string { return "" }

type base struct{}
func (base) Promoted() {}
func (base) NotPromoted() {}
`

const exampleForTest = `package p_test

import "p"

func Example() { p.Used(); var t p.T; t.Called(); t.Promoted() }

func notAnExample() { p.Forgotten() }
`

type oneImporter struct{ pkg *types.Package }

func (i oneImporter) Import(string) (*types.Package, error) { return i.pkg, nil }

func TestANameThatIsNotShownIsFound(t *testing.T) {
	fset := token.NewFileSet()
	parse := func(text string) *ast.File {
		f, err := parser.ParseFile(fset, "p.go", text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	source := parse(packageForTest)
	pkg, err := new(types.Config).Check("p", fset, []*ast.File{source}, nil)
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	addUses(used, fset, oneImporter{pkg}, []*ast.File{parse(exampleForTest)})
	var missing []string
	for _, n := range exported(pkg) {
		if !used[n.key] && !n.isIn(comment([]*ast.File{source})) {
			missing = append(missing, n.text)
		}
	}
	if got, want := strings.Join(missing, " "), "Forgotten T.NotCalled T.NotPromoted"; got != want {
		t.Errorf("missing: %s, want %s", got, want)
	}
}
