package docs

import (
	"go/ast"
	"go/parser"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// names are what the code in cells of tables may use beside ctx and c.
const names = "var p redis.Pipeline; var d redis.Doer; var cn *conn.Conn; var sub *pubsub.Subscriber; var groups *sentinel.Groups; var group *sentinel.Group; " +
	"var q *mq.Queue[string]; var w *mq.Worker; var m *mq.Msg[string]; var value any; var err error; var handler pubsub.Handler; var body func(context.Context, *redis.Tx) error; type Keyword string; var locks *lock.Locker; var h *lock.Held; type User struct{ Name string }\n"

var (
	cell = regexp.MustCompile(`^\|.*\|\s*([^|]*?)\s*\|$`)
	span = regexp.MustCompile("`([^`]+)`")
)

// cells returns the code in the last column of tables whose last column is Kermes.
func cells(file, text string) (all []snippet) {
	ours := false
	for i, line := range strings.Split(text, "\n") {
		m := cell.FindStringSubmatch(line)
		switch {
		case m == nil:
			ours = false
		case m[1] == "Kermes":
			ours = true
		case ours:
			for _, code := range span.FindAllStringSubmatch(m[1], -1) {
				if strings.HasPrefix(code[1], "github.com/") || strings.HasPrefix(code[1], `\x00`) || regexp.MustCompile(`^\w+$`).MatchString(code[1]) {
					continue // no code
				}
				all = append(all, snippet{file, i + 1, names + statement(code[1])})
			}
		}
	}
	return all
}

// statement makes one of an expression.
func statement(code string) string {
	e, err := parser.ParseExpr(code)
	_, call := e.(*ast.CallExpr)
	conversion := regexp.MustCompile(`^\w+\.(Doer|Codec|ChooserFunc|Func|Client|By\[\w+\])\(`).MatchString(code)
	if err == nil && (!call || conversion) {
		return "_ = " + code
	}
	return code
}

func TestTheGoCodeInTablesCompiles(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	var all []snippet
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, cells(filepath.Base(f), string(text))...)
	}
	if len(all) < 100 {
		t.Fatalf("%d pieces of code found", len(all))
	}
	exports := moduleData(t)
	for _, s := range all {
		for _, err := range s.check(exports) {
			t.Errorf("%s:%d: %v\n%s", s.file, s.line, err, strings.TrimPrefix(s.text, names))
		}
	}
}
