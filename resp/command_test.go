package resp_test

import (
	"bytes"
	"fmt"
	"math"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/resp"
)

func TestArgumentsAreTheTextThatRedisReads(t *testing.T) {
	for _, c := range []struct {
		arg  resp.Arg
		want string
	}{
		{resp.Arg{}, ""},
		{resp.String(""), ""},
		{resp.String("a\x00\r\n\xff"), "a\x00\r\n\xff"},
		{resp.Bytes(nil), ""},
		{resp.Bytes([]byte{}), ""},
		{resp.Bytes([]byte("b")), "b"},
		{resp.Int(0), "0"}, {resp.Int(9), "9"}, {resp.Int(10), "10"}, {resp.Int(-1), "-1"}, {resp.Int(-10), "-10"},
		{resp.Int(math.MaxInt64), "9223372036854775807"},
		{resp.Int(math.MinInt64), "-9223372036854775808"},
		{resp.Uint(0), "0"}, {resp.Uint(math.MaxUint64), "18446744073709551615"},
		{resp.Uint(1 << 63), "9223372036854775808"},
		{resp.Float(0), "0"}, {resp.Float(math.Copysign(0, -1)), "-0"}, {resp.Float(1.5), "1.5"}, {resp.Float(3), "3"},
		{resp.Float(0.1), "0.1"}, {resp.Float(1e20), "100000000000000000000"}, {resp.Float(1e21), "1e+21"},
		{resp.Float(1e-6), "0.000001"}, {resp.Float(1e-7), "1e-07"},
		{resp.Float(math.MaxFloat64), "1.7976931348623157e+308"},
		{resp.Float(-math.SmallestNonzeroFloat64), "-5e-324"},
		{resp.Float(-123456789.12345679), "-123456789.12345679"},
		{resp.Float(math.Inf(1)), "inf"}, {resp.Float(math.Inf(-1)), "-inf"}, {resp.Float(math.NaN()), "nan"},
	} {
		if got := c.arg.String(); got != c.want {
			t.Errorf("String is %q, want %q", got, c.want)
		}
		if got := string(c.arg.AppendTo([]byte("x"))); got != "x"+c.want {
			t.Errorf("AppendTo is %q, want %q", got, "x"+c.want)
		}
		cmd := resp.NewCommand("N", c.arg)
		want := fmt.Sprintf("*2\r\n$1\r\nN\r\n$%d\r\n%s\r\n", len(c.want), c.want)
		if got := cmd.AppendTo(nil); string(got) != want || len(got) > cmd.Size() {
			t.Errorf("%q, want %q; Size %d", got, want, cmd.Size())
		}
	}
}

func TestIntegersOfEveryLengthAreEncoded(t *testing.T) {
	for n := uint64(1); ; n *= 10 {
		for _, u := range []uint64{n - 1, n, n + 1} {
			for _, a := range []resp.Arg{resp.Uint(u), resp.Int(int64(u)), resp.Int(-int64(u))} {
				s := a.String()
				want := fmt.Sprintf("*2\r\n$1\r\nN\r\n$%d\r\n%s\r\n", len(s), s)
				c := resp.NewCommand("N", a)
				if got := c.AppendTo(nil); string(got) != want {
					t.Fatalf("%q, want %q", got, want)
				}
			}
		}
		if n == 1e19 {
			return
		}
	}
}

func TestACommandIsAnArrayOfBulkStrings(t *testing.T) {
	for n := range 120 {
		var args []resp.Arg
		want := fmt.Sprintf("*%d\r\n$4\r\nPING\r\n", n+1)
		for i := range n {
			s := strings.Repeat("v", i)
			args = append(args, resp.String(s))
			want += fmt.Sprintf("$%d\r\n%s\r\n", len(s), s)
		}
		c := resp.NewCommand("PING", args...)
		if got := c.AppendTo([]byte("before")); string(got) != "before"+want {
			t.Fatalf("%d arguments: %q", n, got)
		}
		if c.NArgs() != n || c.Size() < len(want) || c.Size() > len(want)+60*(n+4) {
			t.Errorf("%d arguments: NArgs %d, Size %d of %d", n, c.NArgs(), c.Size(), len(want))
		}
		for i := range n {
			if c.Arg(i).String() != strings.Repeat("v", i) {
				t.Errorf("argument %d of %d is %q", i, n, c.Arg(i).String())
			}
		}
	}
}

func TestANameOfTwoWordsIsSentAsTwo(t *testing.T) {
	for name, want := range map[string]string{
		"CONFIG GET": "*3\r\n$6\r\nCONFIG\r\n$3\r\nGET\r\n$1\r\nx\r\n",
		"A B C":      "*3\r\n$1\r\nA\r\n$3\r\nB C\r\n$1\r\nx\r\n",
		"GET":        "*2\r\n$3\r\nGET\r\n$1\r\nx\r\n",
		" GET":       "*2\r\n$4\r\n GET\r\n$1\r\nx\r\n",
		"A\r\nB":     "*2\r\n$4\r\nA\r\nB\r\n$1\r\nx\r\n",
		"":           "*2\r\n$0\r\n\r\n$1\r\nx\r\n",
	} {
		c := resp.NewCommand(name, resp.String("x"))
		if got := c.AppendTo(nil); string(got) != want || c.NArgs() != 1 || c.Name() != name {
			t.Errorf("%q: %q, %d arguments", name, got, c.NArgs())
		}
	}
}

func TestWithDoesNotChangeTheCommandItExtends(t *testing.T) {
	for n := range 12 {
		base := resp.NewCommand("N")
		for i := range n {
			base = base.With(resp.Int(int64(i)))
		}
		before := string(base.AppendTo(nil))
		a := base.With(resp.String("a"), resp.String("aa"))
		b := base.With(resp.String("b"))
		if got := string(base.AppendTo(nil)); got != before {
			t.Errorf("%d: %q, before %q", n, got, before)
		}
		if a.Arg(n).String() != "a" || a.Arg(n+1).String() != "aa" || b.Arg(n).String() != "b" || a.NArgs() != n+2 || b.NArgs() != n+1 {
			t.Errorf("%d: %q and %q", n, a.AppendTo(nil), b.AppendTo(nil))
		}
	}
}

func TestArgumentsAreNotKeptByTheirSlice(t *testing.T) {
	args := []resp.Arg{resp.Int(1), resp.Int(2), resp.Int(3), resp.Int(4), resp.Int(5), resp.Int(6)}
	c := resp.NewCommand("N", args...)
	clear(args)
	if got := c.Arg(0).String() + c.Arg(5).String(); got != "16" {
		t.Error(got)
	}
}

func TestFlagsAndTimeoutsAreKept(t *testing.T) {
	c := resp.NewCommand("BLPOP")
	if _, ok := c.Timeout(); ok || c.Flags() != 0 {
		t.Error("a plain command has a timeout or flags")
	}
	b := c.WithFlags(resp.NoRetry).WithTimeout(0)
	if d, ok := b.Timeout(); d != 0 || !ok || b.Flags() != resp.NoRetry|resp.Blocking || c.Flags() != 0 {
		t.Errorf("%v, %v, %b", d, ok, b.Flags())
	}
	b = b.WithTimeout(time.Second)
	if d, _ := b.Timeout(); d != time.Second {
		t.Error(d)
	}
}

func TestAnArgumentThatIsNotThereIsAPanic(t *testing.T) {
	for _, c := range []resp.Command{{}, resp.NewCommand("A", resp.Int(1)), resp.NewCommand("A", make([]resp.Arg, 6)...)} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("no panic beyond %d arguments", c.NArgs())
				}
			}()
			_ = c.Arg(c.NArgs())
		}()
	}
}

func TestPiecesAreTheCommand(t *testing.T) {
	big := bytes.Repeat([]byte("x"), 100)
	c := resp.NewCommand("OBJECT ENCODING", resp.Bytes(big), resp.Int(1), resp.String(string(big)), resp.Float(2), resp.Bytes(big), resp.String("end"))
	for _, least := range []int{1, 100, 101} {
		pieces := c.AppendPieces(nil, least)
		if got := bytes.Join(pieces, nil); !bytes.Equal(got, c.AppendTo(nil)) {
			t.Errorf("least %d: %q", least, got)
		}
		if shared := &pieces[min(1, len(pieces)-1)][0] == &big[0]; shared != (least <= 100) {
			t.Errorf("least %d: the argument is shared: %v", least, shared)
		}
	}
}

// What is not copied takes no room either.
func TestPiecesTakeNoMoreRoomThanWhatIsCopied(t *testing.T) {
	const size = 1 << 20
	c := resp.NewCommand("SET", resp.String("k"), resp.Bytes(make([]byte, size)))
	for _, least := range []int{1 << 10, size} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		pieces := c.AppendPieces(nil, least)
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > size/2 || len(pieces) != 3 {
			t.Errorf("pieces of at least %d: %d pieces, %d bytes allocated", least, len(pieces), got)
		}
	}
}

func TestEncodingAllocatesNothingWithRoom(t *testing.T) {
	c := resp.NewCommand("SET", resp.String("k"), resp.Int(-5), resp.Float(1.25), resp.Uint(7), resp.String("more"))
	buf := make([]byte, 0, c.Size())
	if n := testing.AllocsPerRun(100, func() { buf = c.AppendTo(buf[:0]) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	value := []byte("v")
	if n := testing.AllocsPerRun(100, func() {
		c := resp.NewCommand("SET", resp.String("k"), resp.Bytes(value), resp.Int(1))
		buf = c.AppendTo(buf[:0])
	}); n != 0 {
		t.Errorf("%v allocations with the command", n)
	}
}

func wireOf(c resp.Command) []byte { return c.AppendTo(nil) }

// The server sends back what it has understood.
func TestAServerEchoesWhatWasSent(t *testing.T) {
	node := testredis.New(t)
	nc, err := net.Dial("tcp", node.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = nc.Close() }()
	_ = nc.SetDeadline(time.Now().Add(time.Minute))
	r := resp.NewReader(nc, resp.Limits{})
	args := []resp.Arg{
		resp.String(""), resp.String("\x00"), resp.String("\r\n"), resp.String("$5\r\nhello\r\n"), resp.String("\xff\xfe\xc3\x28"),
		resp.Bytes(nil), resp.Bytes(bytes.Repeat([]byte("\r\n\x00*"), 1<<18)), resp.String(strings.Repeat("x", 16384)),
		resp.Int(math.MinInt64), resp.Int(math.MaxInt64), resp.Uint(math.MaxUint64), resp.Int(0), resp.Float(math.Inf(-1)),
		resp.Float(math.SmallestNonzeroFloat64), resp.Float(1e21), {},
	}
	for range 2 { // in RESP2 and, after HELLO, in RESP3
		for _, a := range args {
			if _, err := nc.Write(wireOf(resp.NewCommand("ECHO", a))); err != nil {
				t.Fatal(err)
			}
			v, err := r.ReadValue()
			if err != nil {
				t.Fatal(err)
			}
			if got, err := v.Bytes(); err != nil || string(got) != a.String() {
				t.Errorf("%.40q came back as %.40q, %v", a.String(), got, err)
			}
		}
		if _, err := nc.Write(wireOf(resp.NewCommand("HELLO", resp.Int(3)))); err != nil {
			t.Fatal(err)
		}
		if v, err := r.ReadValue(); err != nil || v.Kind() != resp.KindMap {
			t.Fatal(v, err)
		}
	}
}

// The floats that are sent are those that the server reads.
func TestAServerReadsTheFloatsThatWereSent(t *testing.T) {
	node := testredis.New(t)
	nc, err := net.Dial("tcp", node.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = nc.Close() }()
	_ = nc.SetDeadline(time.Now().Add(time.Minute))
	r := resp.NewReader(nc, resp.Limits{})
	for _, f := range []float64{0, 1, -1.5, 0.1, 1e21, 1e-7, 1e300, -5e-324, math.MaxFloat64, math.Inf(1), math.Inf(-1)} {
		wire := wireOf(resp.NewCommand("ZADD", resp.String("z"), resp.Float(f), resp.String("m")))
		wire = append(wire, wireOf(resp.NewCommand("ZSCORE", resp.String("z"), resp.String("m")))...)
		if _, err := nc.Write(wire); err != nil {
			t.Fatal(err)
		}
		if v, err := r.ReadValue(); err != nil || v.Err() != nil {
			t.Fatal(v, err)
		}
		v, err := r.ReadValue()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := v.Float(); err != nil || got != f {
			t.Errorf("%v came back as %v, %v", f, got, err)
		}
	}
}

func TestACommandLendsItsRoomWithoutSendingIt(t *testing.T) {
	room := make([]byte, 10, 20)
	for n := range 6 {
		c := resp.NewCommand("CMD", make([]resp.Arg, n)...)
		plain := c.AppendTo(nil)
		c.SetRoom(room)
		if got := c.Room(); n < 4 && (len(got) != len(room) || &got[0] != &room[0]) || n >= 4 && got != nil {
			t.Errorf("%d arguments: a room of %d bytes", n, len(got))
		}
		if c.NArgs() != n || string(c.AppendTo(nil)) != string(plain) {
			t.Errorf("%d arguments: another command", n)
		}
		more := c.With(resp.String("x"))
		if more.Room() != nil || more.NArgs() != n+1 || more.Arg(n).String() != "x" {
			t.Errorf("%d arguments and one: a room of %d bytes", n, len(more.Room()))
		}
		if same := c.With(); n < 4 && same.Room() == nil {
			t.Errorf("%d arguments and none: no room", n)
		}
	}
	if c := resp.NewCommand("CMD"); c.Room() != nil {
		t.Error("a room that nobody lent")
	}
}
