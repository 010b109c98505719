package redis_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/redistest"
	"github.com/kermes-redis/kermes/resp"
)

func ExampleMonitor() {
	dial := func(ctx context.Context) (*conn.Conn, error) { return conn.Dial(ctx, conn.Options{}) }
	watch := func(ctx context.Context) {
		for line, err := range redis.Monitor(ctx, dial) {
			if err != nil {
				fmt.Println(err)
				return
			}
			fmt.Println(line.Time, line.Addr, strings.Join(line.Args, " "))
		}
	}
	_ = watch
}

// What is below the typed commands: words out, replies in. A Doer of one's own has these
// two methods.
func ExampleDoer() {
	ctx, client := exampleClient()

	reply, err := client.Do(ctx, resp.NewCommand("ECHO", resp.String("hello")))
	if err != nil {
		fmt.Println(err) // there is no reply
		return
	}
	fmt.Println(reply.Value)
	reply.Release()

	commands := []resp.Command{redis.Incr("n").Command, redis.Incr("n").Command}
	err = client.DoBatch(ctx, commands, func(i int, v resp.Value) { fmt.Println(i, v) })
	fmt.Println(err)
	// Output:
	// "hello"
	// 0 (integer) 1
	// 1 (integer) 2
	// <nil>
}

// A batch that is encoded once and sent as it is. Pipelines do it; a Doer of one's own
// need not.
func ExampleEncodedDoer() {
	ctx, client := exampleClient()

	var fast redis.EncodedDoer = client.(*conn.Conn)
	batch := resp.BatchOf([]resp.Command{redis.Incr("n").Command, redis.Incr("n").Command})
	err := fast.DoEncoded(ctx, &batch, 0, resp.ReceiverFunc(func(i int, v resp.Value) { fmt.Println(i, v) }))
	fmt.Println(err)
	// Output:
	// 0 (integer) 1
	// 1 (integer) 2
	// <nil>
}

// The type of a parameter that commands, pipelines and transactions run on: the client of
// Kermes, a pool, and a fake in a test.
func ExampleClient() {
	type shop struct{ db redis.Client }
	sell := func(ctx context.Context, s shop, item string) (left int64, err error) {
		left, err = redis.Decr(redis.Key("stock", item)).Do(ctx, s.db)
		return left, err
	}
	fake := redistest.Func(func(args []string) string { return redistest.Int(4) })
	fmt.Println(sell(context.Background(), shop{fake}, "tea"))
	// Output: 4 <nil>
}

// Work that leaves state on its connection has one of its own meanwhile.
func ExampleLeaser() {
	count := func(ctx context.Context, l redis.Leaser) (n int64, err error) {
		err = l.WithConn(ctx, func(c *conn.Conn) error {
			n, err = redis.DBSize().Do(ctx, c)
			return err
		})
		return n, err
	}
	ctx, leaser, client := exampleLeaser()
	_ = redis.Set("k", "v").Do(ctx, client)
	fmt.Println(count(ctx, leaser))
	// Output: 1 <nil>
}

// A transaction on a connection that the program has dialed itself.
func ExampleOn() {
	add := func(ctx context.Context, c *conn.Conn) (int64, error) {
		var p redis.Pipeline
		redis.Incr("n").Queue(&p)
		n := redis.Incr("n").Queue(&p)
		if err := p.Exec(ctx, redis.On(c)); err != nil {
			return 0, err
		}
		return n.Value()
	}
	ctx, client := exampleClient()
	fmt.Println(add(ctx, client.(*conn.Conn)))
	// Output: 2 <nil>
}

// Two reads that belong together come from one replica.
func ExamplePinner() {
	page := func(ctx context.Context, replicas redis.Pinner, key string) ([]string, int64, error) {
		one := replicas.Pin()
		items, err := redis.LRange(key, 0, 9).Do(ctx, one)
		if err != nil {
			return nil, 0, err
		}
		n, err := redis.LLen(key).Do(ctx, one)
		return items, n, err
	}
	_ = page
}

// A cache in the program, which is emptied when the master changes: what it had may be
// lost there.
func ExampleMover() {
	keepFresh := func(ctx context.Context, client redis.Doer, empty func()) {
		master, ok := redis.Under[redis.Mover](client) // also under interceptors
		if !ok {
			return // one server: it does not move
		}
		for {
			seen := master.Generation()
			empty()
			select {
			case <-ctx.Done():
				return
			case <-master.Moved(seen):
			}
		}
	}
	_ = keepFresh
}

func ExampleUnder() {
	ctx, client := exampleClient()
	db := redis.Intercept(client)

	c, ok := redis.Under[*conn.Conn](db)
	fmt.Println(ok, c.Addr() != "")

	var w redis.Wrapper = db // one step of it
	fmt.Println(w.Unwrap() == redis.Doer(c))
	_ = ctx
	// Output:
	// true true
	// true
}

// A value as large as a file, which is never in memory as a whole.
func ExampleSetFrom() {
	ctx, leaser, _ := exampleLeaser()
	film := strings.NewReader("frame after frame")

	set, err := redis.SetFrom(ctx, leaser, "film", film.Size(), film, redis.SetOptions{TTL: time.Hour})
	fmt.Println(set, err)

	var screen strings.Builder
	n, err := redis.GetTo(ctx, leaser, "film", &screen)
	fmt.Println(n, screen.String(), err)
	_, err = redis.GetTo(ctx, leaser, "no film", io.Discard)
	fmt.Println(errors.Is(err, redis.ErrNil))
	// Output:
	// true <nil>
	// 17 frame after frame <nil>
	// true
}

// What GetTo and SetFrom do, for other commands: one more argument comes from a reader, a
// reply goes to a writer.
func ExampleCopyTo() {
	ctx, leaser, _ := exampleLeaser()
	chapter := strings.NewReader("It was a dark and stormy night.")

	n, err := redis.CopyFrom(ctx, leaser, redis.New(redis.Int, "HSET", "book", "1"), chapter.Size(), chapter)
	fmt.Println(n, err)

	var out strings.Builder
	length, err := redis.CopyTo(ctx, leaser, redis.HGet("book", "1"), &out)
	fmt.Println(length, out.String(), err)
	// Output:
	// 1 <nil>
	// 31 It was a dark and stormy night. <nil>
}

// What a client does: the commands of one address, until ctx ends.
func ExampleMonitorLine() {
	text := func(l redis.MonitorLine) string {
		return fmt.Sprintf("%s db%d %s", l.Time.Format(time.TimeOnly), l.DB, strings.Join(l.Args, " "))
	}
	watch := func(ctx context.Context, dial func(context.Context) (*conn.Conn, error), addr string) error {
		for line, err := range redis.Monitor(ctx, dial) {
			if err != nil {
				return err
			}
			if line.Addr == addr {
				fmt.Println(text(line))
			}
		}
		return nil
	}
	_ = watch
}
