package redis

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// wireCase is one row of the table of all commands: what it must look like on the
// wire. Its keys are named after their types, so that the same rows run against a
// real server; see live_test.go.
type wireCase struct {
	fn    string // the function of this package
	cmd   resp.Command
	err   error
	words string // space separated; '' is an empty word, · a space in a word
	flags string // r read-only, i idempotent, b blocking, n never repeated
	run   func(ctx context.Context, d Doer) error
	since string // the server that knows it, if redis-server 7.0 does not
}

func row[T any](fn string, c Cmd[T], flags, words string) wireCase {
	return wireCase{fn: fn, cmd: c.Command, err: c.Invalid(), words: words, flags: flags, run: func(ctx context.Context, d Doer) error {
		_, err := c.Do(ctx, d)
		return err
	}}
}

func srow(fn string, s Status, words string) wireCase { return row(fn, s.Cmd(), "", words) }

func (c wireCase) name() string { return strings.ToUpper(c.cmd.Name()) }

// allCases has each function at least once.
func allCases() []wireCase {
	all := slices.Concat(stringCases(), keyCases(), hashCases(), listCases(), setCases(), zsetCases(), streamCases(), geoCases(), bitCases(),
		scriptCases(), connectionCases(), serverCases(), scanCases(), clusterCases(), sentinelCases())
	for _, a := range newerCases() {
		all = append(all, a.wireCase)
	}
	return all
}

func TestEveryCommandIsByteExactOnTheWire(t *testing.T) {
	for _, c := range allCases() {
		if c.err != nil {
			t.Errorf("%s: %v", c.fn, c.err)
			continue
		}
		want := encode(c.words)
		if got := string(c.cmd.AppendTo(nil)); got != want {
			t.Errorf("%s:\n got %q\nwant %q", c.fn, got, want)
		}
		if got := flagLetters(c.cmd.Flags()); got != c.flags {
			t.Errorf("%s (%s): flags %q, want %q", c.fn, c.words, got, c.flags)
		}
	}
}

func encode(words string) string {
	fields := strings.Fields(words)
	for i, f := range fields {
		fields[i] = strings.ReplaceAll(strings.ReplaceAll(f, "''", ""), "·", " ")
	}
	return encodeArgs(fields)
}

func encodeArgs(args []string) string {
	b := fmt.Sprintf("*%d\r\n", len(args))
	for _, a := range args {
		b += bulk(a)
	}
	return b
}

func flagLetters(f resp.Flags) (s string) {
	if f&resp.ReadOnly != 0 {
		s += "r"
	}
	if f&resp.Idempotent != 0 {
		s += "i"
	}
	if f&resp.Blocking != 0 {
		s += "b"
	}
	if f&resp.NoRetry != 0 {
		s += "n"
	}
	return s
}

// notCommands are functions that return a Cmd or a Status without being a command.
var notCommands = []string{"New", "As", "Map", "Optional", "Invalid"}

func TestEveryCommandFunctionHasARowADocAndASource(t *testing.T) {
	rows := map[string]bool{}
	for _, c := range allCases() {
		rows[c.fn] = true
	}
	n := 0
	for _, fn := range commandFunctions(t) {
		n++
		if !rows[fn.Name.Name] {
			t.Errorf("%s has no row in the table", fn.Name.Name)
		}
		doc := fn.Doc.Text()
		if !strings.HasPrefix(doc, fn.Name.Name+" ") {
			t.Errorf("the doc of %s does not begin with its name", fn.Name.Name)
		}
		if !source.MatchString(doc) {
			t.Errorf("the doc of %s names no source", fn.Name.Name)
		}
	}
	t.Logf("%d command functions, %d rows", n, len(allCases()))
}

func TestEveryCommandFunctionIsCheckedAgainstAServer(t *testing.T) {
	checked := map[string]bool{}
	for _, a := range newerCases() {
		checked[a.fn] = true
	}
	for _, name := range []string{"cluster", "collection", "sentinel", "server", "stream", "string"} {
		file, err := parser.ParseFile(token.NewFileSet(), "live_"+name+"_test.go", nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				checked[id.Name] = true
			}
			return true
		})
	}
	for _, fn := range commandFunctions(t) {
		if !checked[fn.Name.Name] {
			t.Errorf("no test looks at what %s returns", fn.Name.Name)
		}
	}
}

// source is where the documentation of a command is.
var source = regexp.MustCompile(`\nSee https://((redis|valkey)\.io/commands/[a-z_-]+|redis\.io/docs/latest/\S+/sentinel)\.\n$`)

// commandFunctions finds the exported functions of this package that return
// Cmd[...] or Status.
func commandFunctions(t *testing.T) (out []*ast.FuncDecl) {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), e.Name(), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if ok && fn.Recv == nil && fn.Name.IsExported() && returnsCommand(fn) && !slices.Contains(notCommands, fn.Name.Name) {
				out = append(out, fn)
			}
		}
	}
	return out
}

func returnsCommand(fn *ast.FuncDecl) bool {
	if fn.Type.Results == nil || len(fn.Type.Results.List) != 1 {
		return false
	}
	switch r := fn.Type.Results.List[0].Type.(type) {
	case *ast.Ident:
		return r.Name == "Status" || r.Name == "Buffered" && fn.Name.Name != "Into"
	case *ast.IndexExpr:
		id, ok := r.X.(*ast.Ident)
		return ok && id.Name == "Cmd"
	}
	return false
}

// soon and later are moments that no test reaches: 2100-01-01.
var (
	later   = time.UnixMilli(4102444800000)
	laterMS = "4102444800000"
)

func stringCases() []wireCase {
	return []wireCase{
		row("Get", Get("str"), "r", "GET str"),
		row("GetBytes", GetBytes("str"), "r", "GET str"),
		{fn: "GetInto", cmd: GetInto("str", nil).Command, words: "GET str", flags: "r"},
		srow("Set", Set("str", "v"), "SET str v"),
		srow("Set", Set("str", []byte("v")), "SET str v"),
		row("SetWith", SetWith("str", "v", SetOptions{TTL: 1500 * time.Microsecond, If: IfAbsent}), "", "SET str v PX 2 NX"),
		row("SetWith", SetWith("str", "v", SetOptions{At: later, If: IfPresent}), "", "SET str v PXAT "+laterMS+" XX"),
		row("SetNX", SetNX("str", "v"), "", "SET str v NX"),
		srow("SetEx", SetEx("str", 7, 1500*time.Microsecond), "SET str 7 PX 2"),
		row("SetWith", SetWith("str", "v", SetOptions{KeepTTL: true}), "", "SET str v KEEPTTL"),
		row("SetGet", SetGet("str", "v", SetOptions{TTL: time.Hour}), "", "SET str v PX 3600000 GET"),
		row("GetEx", GetEx("str", ExpireOptions{}), "", "GETEX str"),
		row("GetEx", GetEx("str", ExpireOptions{TTL: time.Second}), "", "GETEX str PX 1000"),
		row("GetEx", GetEx("str", ExpireOptions{At: later}), "", "GETEX str PXAT "+laterMS),
		row("GetEx", GetEx("str", ExpireOptions{Persist: true}), "", "GETEX str PERSIST"),
		row("GetDel", GetDel("str"), "", "GETDEL str"),
		row("GetRange", GetRange("str", 0, -1), "r", "GETRANGE str 0 -1"),
		row("SetRange", SetRange("str", 3, "x"), "", "SETRANGE str 3 x"),
		row("Append", Append("str", "x"), "", "APPEND str x"),
		row("StrLen", StrLen("str"), "r", "STRLEN str"),
		row("Incr", Incr("num"), "", "INCR num"),
		row("IncrBy", IncrBy("num", -5), "", "INCRBY num -5"),
		row("IncrByFloat", IncrByFloat("num", 0.5), "", "INCRBYFLOAT num 0.5"),
		row("Decr", Decr("num2"), "", "DECR num2"),
		row("DecrBy", DecrBy("num2", 5), "", "DECRBY num2 5"),
		row("MGet", MGet("str", "none"), "r", "MGET str none"),
		srow("MSet", MSet("str", "1", "str2", "2"), "MSET str 1 str2 2"),
		srow("MSetMap", MSetMap(map[string]float64{"str": 1.5}), "MSET str 1.5"),
		row("MSetNX", MSetNX("str", "1", "str2", "2"), "", "MSETNX str 1 str2 2"),
		row("LCS", LCS("str", "str2"), "r", "LCS str str2"),
		row("LCSLen", LCSLen("str", "str2"), "r", "LCS str str2 LEN"),
		row("LCSIdx", LCSIdx("str", "str2", 2), "r", "LCS str str2 IDX MINMATCHLEN 2 WITHMATCHLEN"),
		row("GetAs", GetAs[string](rawCodec{}, "str"), "r", "GET str"),
		row("SetAs", SetAs(rawCodec{}, "str", "v", SetOptions{}), "", "SET str v"),
	}
}

// rawCodec keeps strings as they are.
type rawCodec struct{}

func (rawCodec) Encode(v any) ([]byte, error) { return []byte(v.(string)), nil }
func (rawCodec) Decode(b []byte, v any) error { *v.(*string) = string(b); return nil }

func keyCases() []wireCase {
	return []wireCase{
		row("Del", Del("gone", "gone2"), "", "DEL gone gone2"),
		row("Unlink", Unlink("gone"), "", "UNLINK gone"),
		row("Exists", Exists("str", "none"), "r", "EXISTS str none"),
		row("Touch", Touch("str"), "r", "TOUCH str"),
		row("Type", Type("str"), "r", "TYPE str"),
		row("Expire", Expire("str", time.Hour), "", "PEXPIRE str 3600000"),
		row("ExpireWith", ExpireWith("str", time.Hour, IfLater), "", "PEXPIRE str 3600000 GT"),
		row("ExpireWith", ExpireWith("str", time.Hour, ""), "", "PEXPIRE str 3600000"),
		row("ExpireAt", ExpireAt("str", later), "", "PEXPIREAT str "+laterMS),
		row("ExpireAtWith", ExpireAtWith("str", later, IfNoTTL), "", "PEXPIREAT str "+laterMS+" NX"),
		row("ExpireAtWith", ExpireAtWith("str", later, ""), "", "PEXPIREAT str "+laterMS),
		row("Persist", Persist("str"), "", "PERSIST str"),
		row("TTL", TTL("str"), "r", "PTTL str"),
		row("ExpireTime", ExpireTime("str"), "r", "PEXPIRETIME str"),
		srow("Rename", Rename("ren1", "ren2"), "RENAME ren1 ren2"),
		row("RenameNX", RenameNX("ren2", "ren1"), "", "RENAMENX ren2 ren1"),
		row("Copy", Copy("str", "copy", CopyOptions{}), "", "COPY str copy"),
		row("Copy", Copy("str", "copy", CopyOptions{DB: Some[int64](0), Replace: true}), "", "COPY str copy DB 0 REPLACE"),
		row("Move", Move("moved", 1), "", "MOVE moved 1"),
		row("RandomKey", RandomKey(), "r", "RANDOMKEY"),
		row("Keys", Keys("s*"), "r", "KEYS s*"),
		row("Dump", Dump("str"), "r", "DUMP str"),
		srow("Restore", Restore("restored", []byte("x"), RestoreOptions{}), "RESTORE restored 0 x"),
		srow("Restore", Restore("restored", []byte("x"), RestoreOptions{TTL: time.Second, Replace: true, IdleTime: time.Minute}),
			"RESTORE restored 1000 x REPLACE IDLETIME 60"),
		srow("Restore", Restore("restored", []byte("x"), RestoreOptions{At: later, Freq: Some[int64](3)}),
			"RESTORE restored "+laterMS+" x ABSTTL FREQ 3"),
		row("Migrate", Migrate("127.0.0.1", 1, MigrateOptions{}, "none"), "", "MIGRATE 127.0.0.1 1 '' 0 1000 KEYS none"),
		row("Migrate", Migrate("127.0.0.1", 1, MigrateOptions{DB: 2, Timeout: time.Minute, Copy: true, Replace: true, Username: "u", Password: "p"}, "none", "none2"),
			"", "MIGRATE 127.0.0.1 1 '' 2 60000 COPY REPLACE AUTH2 u p KEYS none none2"),
		row("ObjectEncoding", ObjectEncoding("str"), "r", "OBJECT ENCODING str"),
		row("ObjectFreq", ObjectFreq("str"), "r", "OBJECT FREQ str"),
		row("ObjectIdleTime", ObjectIdleTime("str"), "r", "OBJECT IDLETIME str"),
		row("ObjectRefCount", ObjectRefCount("str"), "r", "OBJECT REFCOUNT str"),
		row("Wait", Wait(0, time.Millisecond), "bn", "WAIT 0 1"),
		row("Sort", Sort("list", SortOptions{By: "nosort", Offset: 1, Count: 2, Get: []string{"#", "w_*"}, Desc: true, Alpha: true}),
			"", "SORT list BY nosort LIMIT 1 2 GET # GET w_* DESC ALPHA"),
		row("SortRO", SortRO("list", SortOptions{Alpha: true, Offset: 1}), "r", "SORT_RO list LIMIT 1 -1 ALPHA"),
		row("SortStore", SortStore("sorted", "list", SortOptions{Alpha: true}), "", "SORT list ALPHA STORE sorted"),
		row("MemoryUsage", MemoryUsage("str", 0), "r", "MEMORY USAGE str"),
		row("MemoryUsage", MemoryUsage("str", 7), "r", "MEMORY USAGE str SAMPLES 7"),
		row("PFAdd", PFAdd("hll", "a", "b"), "", "PFADD hll a b"),
		row("PFCount", PFCount("hll", "hll2"), "r", "PFCOUNT hll hll2"),
		srow("PFMerge", PFMerge("hll", "hll2"), "PFMERGE hll hll2"),
	}
}
