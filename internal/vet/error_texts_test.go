package vet

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var library = []string{"resp", "conn", "pool", "redis", "pubsub", "sentinel", "client", "codec", "mq", "lock"}

// sentence is a text that begins like one: words of Redis are all capitals.
var sentence = regexp.MustCompile(`^[A-Z][a-z]`)

// TestErrorTextsAreOfOneForm looks at the texts that the library gives to
// errors.New and fmt.Errorf: no sentence, no full stop, no line break, and if a package is
// named in front, the one that speaks. Texts that are causes of others have no package.
func TestErrorTextsAreOfOneForm(t *testing.T) {
	found := 0
	for _, pkg := range library {
		eachDecl(t, filepath.Join("..", "..", pkg), func(at token.Position, d ast.Decl) {
			ast.Inspect(d, func(n ast.Node) bool {
				if text, ok := errorText(n); ok {
					found++
					if why := wrongForm(pkg, text); why != "" {
						t.Errorf("%s: %q %s", at, text, why)
					}
				}
				return true
			})
		})
	}
	if found < 100 {
		t.Errorf("%d texts: the test looks at the wrong ones", found)
	}
}

// errorText returns the text of a call of errors.New or fmt.Errorf with a literal.
func errorText(n ast.Node) (text string, ok bool) {
	call, ok := n.(*ast.CallExpr)
	if !ok || len(call.Args) == 0 {
		return "", false
	}
	fun, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || fun.Sel.Name != "Errorf" && fun.Sel.Name != "New" {
		return "", false
	}
	if from, ok := fun.X.(*ast.Ident); !ok || from.Name != "errors" && from.Name != "fmt" {
		return "", false
	}
	literal, ok := call.Args[0].(*ast.BasicLit)
	if !ok {
		return "", false
	}
	text, err := strconv.Unquote(literal.Value)
	return text, err == nil
}

// wrongForm says what is wrong with a text of package pkg, or nothing.
func wrongForm(pkg, text string) string {
	first, _, named := strings.Cut(text, ": ")
	switch {
	case sentence.MatchString(text):
		return "begins like a sentence"
	case strings.HasSuffix(text, "."):
		return "ends in a full stop"
	case strings.Contains(text, "\n"):
		return "has more than one line"
	case named && first != pkg && slices.Contains(library, first):
		return "is in the name of another package"
	}
	return ""
}

// TestWholeErrorTextsNameTheirPackage looks at the texts that a caller may see as they
// are: those of exported variables, those that an exported function returns itself, and
// those of exported types. They begin with the package, or with the error that they wrap.
// What an unexported function makes is a cause of such an error, and need not.
func TestWholeErrorTextsNameTheirPackage(t *testing.T) {
	found := 0
	for _, pkg := range append(slices.Clone(library), "redistest") {
		eachDecl(t, filepath.Join("..", "..", pkg), func(at token.Position, d ast.Decl) {
			for _, text := range wholeTexts(d) {
				found++
				if !strings.HasPrefix(text, pkg+": ") && !strings.HasPrefix(text, "%w") {
					t.Errorf("%s: %q does not begin with %q", at, text, pkg+": ")
				}
			}
		})
	}
	if found < 100 {
		t.Errorf("%d texts: the test looks at the wrong ones", found)
	}
}

// wholeTexts returns the error texts of a declaration that are whole.
func wholeTexts(d ast.Decl) (texts []string) {
	add := func(n ast.Node) {
		if text, ok := errorText(n); ok {
			texts = append(texts, text)
		}
	}
	switch d := d.(type) {
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			if v, ok := spec.(*ast.ValueSpec); ok && v.Names[0].IsExported() && len(v.Values) > 0 {
				add(v.Values[0])
			}
		}
	case *ast.FuncDecl:
		if d.Body == nil || !d.Name.IsExported() || !isExportedReceiver(d) {
			return nil
		}
		ast.Inspect(d.Body, func(n ast.Node) bool {
			r, ok := n.(*ast.ReturnStmt)
			if !ok {
				_, inner := n.(*ast.FuncLit)
				return !inner
			}
			for _, value := range r.Results {
				add(value)
				if text, ok := begin(value); ok && d.Name.Name == "Error" {
					texts = append(texts, text)
				}
			}
			return true
		})
	}
	return texts
}

func isExportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	of := d.Recv.List[0].Type
	if p, ok := of.(*ast.StarExpr); ok {
		of = p.X
	}
	name, ok := of.(*ast.Ident)
	return ok && name.IsExported()
}

// begin returns the literal that the text of an expression begins with, if it does.
func begin(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.BinaryExpr:
		return begin(e.X)
	case *ast.CallExpr:
		if f, ok := e.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Sprintf" {
			return begin(e.Args[0])
		}
	}
	return "", false
}

func TestAWholeTextWithoutItsPackageIsFound(t *testing.T) {
	const source = `package p
var ErrNamed = errors.New("first")
var errCause = errors.New("a cause")
func Do() error { return fmt.Errorf("second: %w", errCause) }
func do() error { return errors.New("a cause") }
type E struct{}
func (e *E) Error() string { return "third: " + e.text }
type e struct{}
func (e e) Error() string { return "a cause" }
`
	parsed, err := parser.ParseFile(token.NewFileSet(), "p.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, d := range parsed.Decls {
		texts = append(texts, wholeTexts(d)...)
	}
	if got, want := strings.Join(texts, "|"), "first|second: %w|third: "; got != want {
		t.Errorf("whole texts: %q, want %q", got, want)
	}
}

func TestTextsOfAWrongFormAreFound(t *testing.T) {
	for text, wrong := range map[string]bool{
		"pool: closed": false, "LOADING lasts: %w": false, "a cause": false,
		"Pool is closed": true, "pool: closed.": true, "conn: closed": true, "pool: a\nb": true,
	} {
		if (wrongForm("pool", text) != "") != wrong {
			t.Errorf("%q: %q", text, wrongForm("pool", text))
		}
	}
}
