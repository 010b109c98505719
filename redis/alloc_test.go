package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kermes-redis/kermes/conn"
	memory "github.com/kermes-redis/kermes/internal/canned"
	"github.com/kermes-redis/kermes/resp"
)

// canned is a Doer that answers everything with one reply.
type canned struct {
	reply resp.Value
	out   []byte
}

func (c *canned) Do(_ context.Context, cmd resp.Command) (resp.Reply, error) {
	c.out = cmd.AppendTo(c.out[:0])
	return resp.NewReply(c.reply, nil), nil
}

func (c *canned) DoBatch(ctx context.Context, cmds []resp.Command, each func(int, resp.Value)) error {
	b := resp.BatchOf(cmds)
	return c.DoEncoded(ctx, &b, 0, resp.ReceiverFunc(each))
}

func (c *canned) DoEncoded(_ context.Context, cmds *resp.Batch, from int, to resp.Receiver) error {
	rest, n := cmds.From(from), 1
	for c.out = c.out[:0]; n > 0; {
		c.out, n = rest.AppendTo(c.out)
	}
	for i := from; i < cmds.Len(); i++ {
		to.Receive(i, c.reply)
	}
	return nil
}

// through keeps the compiler from seeing what is behind the interface.
//
//go:noinline
func through(d Doer) Doer { return d }

func bulk(s string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s) }

// bulks is an array (or, by its kind, a map or set) of bulk strings.
func bulks(kind byte, n int, of func(i int) string) string {
	count := n
	if kind == '%' {
		count /= 2
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%c%d\r\n", kind, count)
	for i := range n {
		b.WriteString(bulk(of(i)))
	}
	return b.String()
}

func number(i int) string { return fmt.Sprintf("element-%06d", i) }

type allocRow struct {
	name  string
	reply string
	max   float64
	run   func(ctx context.Context, d Doer) error
}

var allocScript = NewScript("return redis.call('INCRBY', KEYS[1], ARGV[1])", Int)

func allocRows() []allocRow {
	return []allocRow{
		{"GET", bulk(strings.Repeat("x", 64)), 1, func(ctx context.Context, d Doer) error {
			_, err := Get("key").Do(ctx, d)
			return err
		}},
		{"GET large", bulk(strings.Repeat("x", 100_000)), 1, func(ctx context.Context, d Doer) error {
			_, err := Get("key").Do(ctx, d)
			return err
		}},
		{"GET as bytes", bulk(strings.Repeat("x", 64)), 1, func(ctx context.Context, d Doer) error {
			_, err := GetBytes("key").Do(ctx, d)
			return err
		}},
		{"GET as int", bulk("12345"), 0, func(ctx context.Context, d Doer) error {
			_, err := As(Get("key"), Int).Do(ctx, d)
			return err
		}},
		{"PTTL of nothing", ":-2\r\n", 0, func(ctx context.Context, d Doer) error {
			if _, err := TTL("key").Do(ctx, d); !errors.Is(err, ErrNil) {
				return fmt.Errorf("%w: no ErrNil", err)
			}
			return nil
		}},
		{"GET of nothing", "$-1\r\n", 0, func(ctx context.Context, d Doer) error {
			if _, err := Get("key").Do(ctx, d); !errors.Is(err, ErrNil) {
				return err
			}
			return nil
		}},
		{"SET", "+OK\r\n", 0, func(ctx context.Context, d Doer) error { return Set("key", "value").Do(ctx, d) }},
		{"SET bytes", "+OK\r\n", 0, func(ctx context.Context, d Doer) error { return Set("key", payload).Do(ctx, d) }},
		{"SET number", "+OK\r\n", 0, func(ctx context.Context, d Doer) error { return Set("key", 123456).Do(ctx, d) }},
		{"SET float", "+OK\r\n", 0, func(ctx context.Context, d Doer) error { return Set("key", 1.5).Do(ctx, d) }},
		{"HSET number", ":1\r\n", 0, func(ctx context.Context, d Doer) error {
			_, err := HSetOne("key", "f", 123456).Do(ctx, d)
			return err
		}},
		{"SET PX NX", "+OK\r\n", 1, func(ctx context.Context, d Doer) error {
			_, err := SetWith("key", "value", SetOptions{TTL: 1e9, If: IfAbsent}).Do(ctx, d)
			return err
		}},
		{"a script", ":7\r\n", 0, func(ctx context.Context, d Doer) error {
			_, err := allocScript.Run(ctx, d, []string{"key"}, resp.String("value"))
			return err
		}},
		{"INCR", ":7\r\n", 0, func(ctx context.Context, d Doer) error {
			_, err := Incr("key").Do(ctx, d)
			return err
		}},
		{"EXPIRE", ":1\r\n", 0, func(ctx context.Context, d Doer) error {
			_, err := Expire("key", 1e9).Do(ctx, d)
			return err
		}},
		{"HSET", ":1\r\n", 0, func(ctx context.Context, d Doer) error {
			_, err := HSetOne("key", "f", "v").Do(ctx, d)
			return err
		}},
		{"HSET pairs", ":1\r\n", 0, func(ctx context.Context, d Doer) error {
			_, err := HSet("key", "f", "v").Do(ctx, d)
			return err
		}},
		{"ZADD", ":1\r\n", 0, func(ctx context.Context, d Doer) error {
			_, err := ZAdd("key", Z{"m", 1}).Do(ctx, d)
			return err
		}},
		{"LPUSH", ":1\r\n", 0, func(ctx context.Context, d Doer) error {
			_, err := LPush("key", "v").Do(ctx, d)
			return err
		}},
		{"MGET 10", bulks('*', 10, number), 4, func(ctx context.Context, d Doer) error {
			_, err := MGet("a", "b", "c", "d", "e", "f", "g", "h", "i", "j").Do(ctx, d)
			return err
		}},
		{"LRANGE 100", bulks('*', 100, number), 2, func(ctx context.Context, d Doer) error {
			_, err := LRange("key", 0, -1).Do(ctx, d)
			return err
		}},
		{"LRANGE 10k as []int64", "*10000\r\n" + strings.Repeat(bulk("1234567"), 10000), 1, func(ctx context.Context, d Doer) error {
			_, err := As(LRange("key", 0, -1), Ints).Do(ctx, d)
			return err
		}},
		{"ZRANGE 1000 WITHSCORES", bulks('*', 2000, func(i int) string { return strconv.Itoa(1_000_000 + i) }), 3, func(ctx context.Context, d Doer) error {
			_, err := ZRangeWithScores("key", 0, -1).Do(ctx, d)
			return err
		}},
		{"XRANGE 100", array(slices.Repeat([]string{array(bulk("1700000000000-0"), array1("field", "value", "other", "value"))}, 100)...), 5, func(ctx context.Context, d Doer) error {
			_, err := XRange("key", MinID, MaxID, 0).Do(ctx, d)
			return err
		}},
		{"HGETALL 1000, RESP3", bulks('%', 2000, number), 12, func(ctx context.Context, d Doer) error {
			_, err := HGetAll("key").Do(ctx, d)
			return err
		}},
		{"HGETALL 1000, RESP2", bulks('*', 2000, number), 12, func(ctx context.Context, d Doer) error {
			_, err := HGetAll("key").Do(ctx, d)
			return err
		}},
	}
}

var payload = []byte("payload")

func TestAllocationsOfEverydayCommands(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	ctx := t.Context()
	for _, row := range allocRows() {
		c := &canned{reply: resp.Value(row.reply)}
		d := through(c)
		if err := row.run(ctx, d); err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		got := testing.AllocsPerRun(100, func() { _ = row.run(ctx, d) })
		t.Logf("%-24s %4.0f", row.name, got)
		if got > row.max {
			t.Errorf("%s: %.0f allocations, want at most %.0f", row.name, got, row.max)
		}
	}
}

func TestGetIntoABufferOfTheCallerAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	ctx, d := t.Context(), through(&canned{reply: resp.Value(bulk("value"))})
	buf := make([]byte, 0, 64)
	got := testing.AllocsPerRun(100, func() {
		b, err := GetInto("key", buf[:0]).Do(ctx, d)
		if err != nil || string(b) != "value" {
			t.Fatal(b, err)
		}
	})
	if got != 0 {
		t.Errorf("%.0f allocations", got)
	}
}

func TestAReusedPipelineOf100IncrAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	ctx, d := t.Context(), through(&canned{reply: resp.Value(":7\r\n")})
	var p Pipeline
	futures := make([]Future[int64], 100)
	got := testing.AllocsPerRun(100, func() {
		p.Reset()
		for i := range futures {
			futures[i] = Incr("key").Queue(&p)
		}
		if err := p.Do(ctx, d); err != nil {
			t.Fatal(err)
		}
		for _, f := range futures {
			if n, err := f.Value(); n != 7 || err != nil {
				t.Fatal(n, err)
			}
		}
	})
	if got != 0 {
		t.Errorf("%.0f allocations", got)
	}
}

func TestInterceptionCostsNothingWithoutInterceptors(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	ctx, d := t.Context(), through(Intercept(&canned{reply: resp.Value(":7\r\n")}))
	var p Pipeline
	got := testing.AllocsPerRun(100, func() {
		if _, err := Incr("key").Do(ctx, d); err != nil {
			t.Fatal(err)
		}
		p.Reset()
		f := Incr("key").Queue(&p)
		if err := p.Do(ctx, d); err != nil || f.Err() != nil {
			t.Fatal(err)
		}
	})
	if got != 0 {
		t.Errorf("%.0f allocations", got)
	}
}

// What a pipeline allocates beyond its strings, which are parts of what it keeps: itself,
// a list of the replies if they are more than a few, and a block for each 4 KiB of them.
func TestAPipelineAllocatesItselfAndBlocks(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	text := strings.Repeat("x", 64)
	ctx, get, set := t.Context(), through(&canned{reply: resp.Value(bulk(text))}), through(&canned{reply: resp.Value(okReply)})
	futures := make([]Future[string], 100)
	reads := func(p *Pipeline, n int) {
		for i := range n {
			futures[i] = Get("key").Queue(p)
		}
		if err := p.Do(ctx, get); err != nil {
			t.Fatal(err)
		}
		for _, f := range futures[:n] {
			if s, err := f.Value(); s != text || err != nil {
				t.Fatal(s, err)
			}
		}
	}
	writes := func(p *Pipeline, n int) {
		for range n {
			Set("key", text).Queue(p)
		}
		if err := p.Do(ctx, set); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		n                       int
		fill                    func(*Pipeline, int)
		fresh, kept, bytesFresh float64
	}{
		{1, reads, 2, 1, 64 + 400},
		{3, reads, 2, 1, 3*64 + 400},
		{10, reads, 3, 1, 10*64 + 10*40 + 200},
		{100, reads, 4, 2, 100 * (64 + 40)},
		{3, writes, 1, 0, 400},
		{100, writes, 2, 0, 100 * 40},
	} {
		var kept Pipeline
		if got := testing.AllocsPerRun(100, func() { kept.Reset(); c.fill(&kept, c.n) }); got > c.kept {
			t.Errorf("kept, %d commands: %.0f allocations", c.n, got)
		}
		run := func() { var p Pipeline; c.fill(&p, c.n) }
		if got := testing.AllocsPerRun(100, run); got > c.fresh {
			t.Errorf("fresh, %d commands: %.0f allocations", c.n, got)
		}
		if got := bytesPerRun(run); got > c.bytesFresh {
			t.Errorf("fresh, %d commands: %.0f bytes", c.n, got)
		}
	}
}

// bytesPerRun is testing.AllocsPerRun for bytes.
func bytesPerRun(f func()) float64 {
	const runs = 200
	var before, after runtime.MemStats
	f()
	runtime.ReadMemStats(&before)
	for range runs {
		f()
	}
	runtime.ReadMemStats(&after)
	return float64(after.TotalAlloc-before.TotalAlloc) / runs
}

func TestAReusedTransactionAllocatesAHandfulHoweverLongItIs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	var p Pipeline
	ctx := t.Context()
	measure := func(n int) float64 {
		d := &queueing{n: n}
		return testing.AllocsPerRun(100, func() {
			p.Reset()
			for range n { // Reset gives back what exec does not
				Incr("key").Queue(&p)
			}
			if err := p.refuseStateful(); err != nil {
				t.Fatal(err)
			}
			if _, err := p.exec(ctx, d); err != nil {
				t.Fatal(err)
			}
		})
	}
	few, many := measure(2), measure(200)
	t.Logf("2 commands: %.0f, 200 commands: %.0f", few, many)
	if many > few || few > 5 {
		t.Errorf("2 commands: %.0f allocations, 200 commands: %.0f", few, many)
	}
}

// What a transaction allocates is what its futures need: the pipeline and the replies. A
// lease of a pool is one more.
func TestATransactionAllocatesItselfAndItsReplies(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	ctx := t.Context()
	answer := func(_ int, words []string) []byte {
		switch words[0] {
		case "INCR":
			return []byte(":7\r\n")
		case "GET":
			return []byte("$5\r\nvalue\r\n")
		}
		return []byte(okReply)
	}
	c, err := conn.Dial(ctx, conn.Options{Dial: func(context.Context, string, string) (net.Conn, error) {
		return memory.New(memory.Options{Answer: answer}), nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	l := On(c)
	check := func(n Future[int64], s Future[string]) {
		if v, err := n.Value(); v != 7 || err != nil {
			t.Fatal(v, err)
		}
		if v, err := s.Value(); v != "value" || err != nil {
			t.Fatal(v, err)
		}
	}
	var n Future[int64]
	var s Future[string]
	fill := func(_ context.Context, tx *Tx) error {
		n, s = Incr("key").Queue(&tx.Pipeline), Get("key").Queue(&tx.Pipeline)
		return nil
	}
	for name, run := range map[string]func() error{
		"Exec": func() error {
			var p Pipeline
			n, s = Incr("key").Queue(&p), Get("key").Queue(&p)
			return p.Exec(ctx, l)
		},
		"Transact": func() error { return Transact(ctx, l, TxOptions{}, fill) },
	} {
		got := testing.AllocsPerRun(100, func() {
			if err := run(); err != nil {
				t.Fatal(name, err)
			}
			check(n, s)
		})
		if got > 2 {
			t.Errorf("%s: %.0f allocations", name, got)
		}
	}
}

var okValue, queuedAnswer = resp.Value(okReply), resp.Value("+QUEUED\r\n")

// queueing answers MULTI, n commands and EXEC.
type queueing struct {
	canned
	n    int
	exec []byte
}

func (q *queueing) DoEncoded(_ context.Context, _ *resp.Batch, _ int, to resp.Receiver) error {
	to.Receive(0, okValue)
	q.exec = fmt.Appendf(q.exec[:0], "*%d\r\n", q.n)
	for i := range q.n {
		to.Receive(i+1, queuedAnswer)
		q.exec = append(q.exec, ":7\r\n"...)
	}
	to.Receive(q.n+1, q.exec)
	return nil
}

func TestStringsOfOneListShareAtMost8KiB(t *testing.T) {
	var a arena
	a.left = 1 << 20
	for range 10_000 {
		if s := a.add([]byte("12345678901234567890")); len(s) != 20 {
			t.Fatal(s)
		}
		if c := cap(a.free); c > arenaChunk {
			t.Fatalf("a chunk of %d bytes", c)
		}
	}
}
