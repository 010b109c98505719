package vet

import (
	"go/ast"
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
