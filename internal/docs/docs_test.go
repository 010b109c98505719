// Package docs holds the test that keeps the Go code of the documents honest.
package docs

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const module = "github.com/kermes-redis/kermes"

// known are the packages that a snippet may use without saying where they are.
var known = map[string]string{
	"kermes": module, "client": module + "/client", "redis": module + "/redis", "codec": module + "/codec", "conn": module + "/conn", "pool": module + "/pool",
	"lock": module + "/lock", "mq": module + "/mq", "pubsub": module + "/pubsub", "redistest": module + "/redistest", "resp": module + "/resp", "sentinel": module + "/sentinel",
	"context": "context", "errors": "errors", "expvar": "expvar", "fmt": "fmt", "http": "net/http", "io": "io", "json": "encoding/json",
	"log": "log", "net": "net", "os": "os", "slog": "log/slog", "strconv": "strconv", "strings": "strings", "testing": "testing", "time": "time", "tls": "crypto/tls",
}

// snippet is a block of Go in a document.
type snippet struct {
	file string
	line int
	text string
}

func TestTheGoCodeOfTheDocumentsCompiles(t *testing.T) {
	root := filepath.Join("..", "..")
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	var all []snippet
	for _, f := range append(files, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, snippets(filepath.Base(f), string(text))...)
	}
	if len(all) < 5 {
		t.Fatalf("%d snippets found", len(all))
	}
	exports := moduleData(t)
	for _, s := range all {
		for _, err := range s.check(exports) {
			t.Errorf("%s:%d: %v\n%s", s.file, s.line, err, s.text)
		}
	}
}

func TestASnippetThatDoesNotCompileIsFound(t *testing.T) {
	exports := moduleData(t)
	bad := snippet{text: `n, err := redis.Incr("hits").Do(ctx, "no client")`}
	if len(bad.check(exports)) == 0 {
		t.Error("a wrong argument was not found")
	}
	good := snippet{text: `n, err := redis.Incr("hits").Do(ctx, c)`}
	if errs := good.check(exports); len(errs) != 0 {
		t.Error(errs)
	}
}

// snippets returns the blocks that are marked as Go.
func snippets(file, text string) (all []snippet) {
	var s *snippet
	for i, line := range strings.Split(text, "\n") {
		switch {
		case s == nil && strings.TrimSpace(line) == "```go":
			s = &snippet{file: file, line: i + 2}
		case s != nil && strings.TrimSpace(line) == "```":
			all = append(all, *s)
			s = nil
		case s != nil:
			s.text += line + "\n"
		}
	}
	return all
}

var declaration = regexp.MustCompile(`(?m)^(func|type|const) `)

// source makes a file of the snippet: as it is, as declarations, or as the body
// of a function that has a context ctx and a client c.
func (s snippet) source() string {
	if strings.HasPrefix(strings.TrimSpace(s.text), "package ") {
		return s.text
	}
	var b strings.Builder
	b.WriteString("package snippet\n")
	body := s.text
	if !declaration.MatchString(body) {
		body = "func _(ctx context.Context, c *client.Client) error {\n" + body + "\nreturn nil\n}\n"
	}
	for name, path := range known {
		if regexp.MustCompile(`(^|[^.\w"/])` + name + `\.[A-Z]`).MatchString(body) {
			fmt.Fprintf(&b, "import %s %q\n", name, path)
		}
	}
	return b.String() + body
}

func (s snippet) check(exports map[string]string) (errs []error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, cmp.Or(s.file, "snippet"), s.source(), parser.SkipObjectResolution)
	if err != nil {
		return []error{err}
	}
	config := types.Config{
		Importer: importer.ForCompiler(fset, "gc", open(exports)),
		Error: func(err error) {
			// A variable that the next line of the text would use is no fault.
			if e := err.(types.Error); !e.Soft && !strings.Contains(e.Msg, "missing return") {
				errs = append(errs, err)
			}
		},
	}
	_, _ = config.Check("snippet", fset, []*ast.File{f}, nil)
	return errs
}

// moduleData returns the compiled packages that snippets may import.
func moduleData(t *testing.T) map[string]string {
	t.Helper()
	need := []string{module + "/..."}
	for _, path := range known {
		if !strings.HasPrefix(path, module) {
			need = append(need, path)
		}
	}
	return exportData(t, ".", need...)
}

// exportData returns the compiled packages, and what they need, of the module in dir.
func exportData(t *testing.T, dir string, packages ...string) map[string]string {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}"}, packages...)...)
	cmd.Dir, cmd.Stderr = dir, &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.Bytes())
	}
	exports := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if file != "" {
			exports[path] = file
		}
	}
	return exports
}
