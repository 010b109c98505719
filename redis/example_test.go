package redis_test

import (
	"context"
	"encoding/json"
	"errors"
	"expvar"
	"fmt"
	"log/slog"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/kermes-redis/kermes/codec"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/redistest"
	"github.com/kermes-redis/kermes/resp"
)

// exampleLeaser is the same as [exampleClient] for what needs a connection of its
// own.
func exampleLeaser() (context.Context, redis.Leaser, redis.Doer) {
	ctx, d := exampleClient()
	return ctx, redis.On(d.(*conn.Conn)), d
}

func ExamplePipeline() {
	ctx, client := exampleClient()

	var p redis.Pipeline
	hits := redis.Incr("hits").Queue(&p)
	redis.Expire("hits", time.Hour).Queue(&p)
	name := redis.Get("name").Queue(&p)
	if err := p.Do(ctx, client); err != nil {
		fmt.Println(err) // some replies are unknown
		return
	}
	n, err := hits.Value()
	fmt.Println(n, err)
	_, err = name.Value()
	fmt.Println(errors.Is(err, redis.ErrNil)) // its own error, nobody else's
	// Output:
	// 1 <nil>
	// true
}

func ExamplePipeline_Flush() {
	ctx, client := exampleClient()

	var p redis.Pipeline
	first := redis.Incr("n").Queue(&p)
	_ = p.Flush(ctx, client)
	n, _ := first.Value()
	second := redis.IncrBy("n", 10*n).Queue(&p)
	_ = p.Do(ctx, client)
	fmt.Println(second.Value())
	// Output: 11 <nil>
}

func ExamplePipeline_Reset() {
	ctx, client := exampleClient()

	var p redis.Pipeline // its memory is used again: nothing is allocated
	for range 3 {
		p.Reset()
		n := redis.Incr("n").Queue(&p)
		_ = p.Do(ctx, client)
		fmt.Println(n.Value())
	}
	// Output:
	// 1 <nil>
	// 2 <nil>
	// 3 <nil>
}

func ExamplePipeline_Exec() {
	ctx, leaser, _ := exampleLeaser()

	var p redis.Pipeline
	redis.Set("from", "90").Queue(&p)
	to := redis.IncrBy("to", 10).Queue(&p)
	if err := p.Exec(ctx, leaser); err != nil {
		fmt.Println(err, redis.ClassOf(err))
		return
	}
	fmt.Println(to.Value())
	// Output: 10 <nil>
}

func ExampleTransact() {
	ctx, leaser, client := exampleLeaser()
	_ = redis.Set("n", "7").Do(ctx, client)

	var n redis.Future[int64]
	double := func(ctx context.Context, tx *redis.Tx) error {
		old, err := redis.As(redis.Get("n"), redis.Int).Do(ctx, tx) // now
		if err != nil {
			return err // nothing is executed
		}
		n = redis.IncrBy("n", old).Queue(&tx.Pipeline) // in MULTI
		return nil
	}
	err := redis.Transact(ctx, leaser, redis.TxOptions{Watch: []string{"n"}}, double)
	sum, _ := n.Value()
	fmt.Println(sum, err)
	// Output: 14 <nil>
}

func ExampleWatch() {
	ctx, leaser, client := exampleLeaser()

	err := redis.Watch(ctx, leaser, []string{"k"}, func(tx *redis.Tx) error {
		_ = redis.Set("k", "from elsewhere").Do(ctx, client)
		var p redis.Pipeline
		redis.Set("k", "mine").Queue(&p)
		return p.Exec(ctx, tx)
	})
	fmt.Println(errors.Is(err, redis.ErrConflict), redis.ClassOf(err))
	// Output: true rejected
}

func ExampleNewScript() {
	ctx, client := exampleClient()

	swap := redis.NewScript(`
		if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
		redis.call("SET", KEYS[1], ARGV[2])
		return 1`, redis.Bool)
	_ = redis.Set("k", "old").Do(ctx, client)
	fmt.Println(swap.Do(ctx, client, []string{"k"}, "old", "new"))
	fmt.Println(swap.Do(ctx, client, []string{"k"}, "old", "new"))

	var p redis.Pipeline
	again := swap.Queue(&p, []string{"k"}, "new", "newer")
	_ = p.Do(ctx, client)
	fmt.Println(again.Value())
	// Output:
	// true <nil>
	// false <nil>
	// true <nil>
}

func ExampleScript_ReadOnly() {
	sum := redis.NewScript(`return redis.call("GET", KEYS[1]) + redis.call("GET", KEYS[2])`, redis.Int).ReadOnly()
	c := sum.EvalSha([]string{"a", "b"})
	fmt.Println(c.Command.Name(), "may run on a replica")
	// Output: EVALSHA_RO may run on a replica
}

func ExampleNewLua() {
	ctx, client := exampleClient()

	swap := redis.NewLua(`
		local old = redis.call("GET", _:key)
		redis.call("SET", _:key, _:value)
		return old`, []string{"key"}, []string{"value"}, redis.Text)
	_ = redis.Set("k", "old").Do(ctx, client)
	fmt.Println(swap.Do(ctx, client, redis.Params{"key": "k"}, redis.Params{"value": 7}))
	fmt.Println(redis.NewLua(`return _:nmae`, nil, []string{"name"}, redis.Text).Invalid())
	// Output:
	// old <nil>
	// lua: _:nmae is not declared
}

func ExampleScan() {
	ctx, client := exampleClient()
	_ = redis.MSet("user:1", "a", "user:2", "b", "other", "c").Do(ctx, client)

	var keys []string
	for key, err := range redis.Scan(ctx, client, redis.ScanOptions{Match: "user:*"}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		keys = append(keys, key) // or break
	}
	sort.Strings(keys)
	fmt.Println(keys)
	// Output: [user:1 user:2]
}

func ExampleHScan() {
	ctx, client := exampleClient()
	_, _ = redis.HSet("h", "f", "v").Do(ctx, client)

	for f, err := range redis.HScan(ctx, client, "h", redis.ScanOptions{Dedup: true}) {
		fmt.Println(f.Field, f.Value, err)
	}
	// Output: f v <nil>
}

func ExampleSScan() {
	ctx, client := exampleClient()
	_, _ = redis.SAdd("s", "m").Do(ctx, client)

	for member, err := range redis.SScan(ctx, client, "s", redis.ScanOptions{}) {
		fmt.Println(member, err)
	}
	// Output: m <nil>
}

func ExampleZScan() {
	ctx, client := exampleClient()
	_, _ = redis.ZAdd("z", redis.Z{Member: "m", Score: 1.5}).Do(ctx, client)

	for z, err := range redis.ZScan(ctx, client, "z", redis.ScanOptions{}) {
		fmt.Println(z.Member, z.Score, err)
	}
	// Output: m 1.5 <nil>
}

func ExampleConsume() {
	ctx, client := exampleClient()
	_, _ = redis.XAdd("orders", redis.XAddOptions{}, "item", "tea").Do(ctx, client)

	worker := redis.ConsumeOptions{Group: "shop", Consumer: "worker-1", ClaimIdle: time.Minute}
	for e, err := range redis.Consume(ctx, client, "orders", worker) {
		if err != nil {
			fmt.Println(err) // it goes on, until ctx ends
			continue
		}
		fmt.Println(e.Get("item"))
		_, _ = redis.XAck("orders", "shop", e.ID).Do(ctx, client)
		break
	}
	// Output: tea
}

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

func ExampleNew() {
	ctx, client := exampleClient()

	fmt.Println(redis.New(redis.Text, "ECHO", "any command").Do(ctx, client))
	fmt.Println(redis.New(redis.Text, "ECHO", struct{}{}).Invalid())
	// Output:
	// any command <nil>
	// redis: ECHO: an argument of type struct {}
}

func ExampleTextSet() {
	members, err := redis.TextSet(resp.Value("*2\r\n$4\r\nblue\r\n$3\r\nred\r\n"))
	_, has := members["red"]
	fmt.Println(has, len(members), err)
	// Output: true 2 <nil>
}

func ExampleAs() {
	ctx, client := exampleClient()
	_ = redis.Set("n", "42").Do(ctx, client)

	fmt.Println(redis.As(redis.Get("n"), redis.Int).Do(ctx, client))
	// Output: 42 <nil>
}

func ExampleMap() {
	ctx, client := exampleClient()
	_ = redis.Set("until", "1h30m").Do(ctx, client)

	d, err := redis.Map(redis.Get("until"), time.ParseDuration).Do(ctx, client)
	fmt.Println(d, err)
	// Output: 1h30m0s <nil>
}

func ExampleOptional() {
	ctx, client := exampleClient()

	name, err := redis.Optional(redis.Get("name")).Do(ctx, client)
	fmt.Println(name.OK, name.Or("nobody"), err)
	// Output: false nobody <nil>
}

func ExampleInto() {
	ctx, client := exampleClient()
	_ = redis.Set("k", "value").Do(ctx, client)

	buffer := make([]byte, 0, 1024)
	buffer, err := redis.Into(redis.Get("k"), buffer[:0]).Do(ctx, client)
	fmt.Println(string(buffer), err)
	// Output: value <nil>
}

func ExampleClassOf() {
	ctx, client := exampleClient()

	err := redis.SetAs(codec.JSON{}, "k", make(chan int), redis.SetOptions{}).Invalid()
	fmt.Println(redis.ClassOf(err))
	_ = redis.Set("k", "text").Do(ctx, client)
	_, err = redis.Incr("k").Do(ctx, client)
	fmt.Println(redis.ClassOf(err))
	// Output:
	// not sent
	// answered
}

func ExampleGetAs() {
	ctx, client := exampleClient()
	type user struct{ Name string }

	_, _ = redis.SetAs(codec.JSON{}, "user:7", user{"ada"}, redis.SetOptions{TTL: time.Hour}).Do(ctx, client)
	u, err := redis.GetAs[user](codec.JSON{}, "user:7").Do(ctx, client)
	fmt.Println(u.Name, err)
	// Output: ada <nil>
}

func ExampleBy() {
	ctx, client := exampleClient()
	type user struct{ Name string }
	_, _ = redis.HSet("users", "7", `{"Name":"ada"}`).Do(ctx, client)

	u, err := redis.As(redis.HGet("users", "7"), redis.By[user](codec.JSON{})).Do(ctx, client)
	fmt.Println(u.Name, err)
	// Output: ada <nil>
}

func ExampleIntercept() {
	ctx, client := exampleClient()

	count := func(ctx context.Context, call redis.Call) (context.Context, func(redis.Outcome)) {
		return ctx, func(out redis.Outcome) { fmt.Println(call, "-", out.Class, out.Attempts) }
	}
	db := redis.Intercept(client, count)
	_ = redis.Set("k", "v").Do(ctx, db)
	_, _ = redis.Incr("k").Do(ctx, db)
	// Output:
	// SET "k" "v" - none 1
	// INCR "k" - answered 1
}

func ExampleLog() {
	ctx, client := exampleClient()
	plain := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "duration" {
			return slog.Attr{}
		}
		return a
	}}

	db := redis.Intercept(client, redis.Log(slog.New(slog.NewTextHandler(os.Stdout, plain)), redis.LogOptions{Args: true}))
	_ = redis.Set("k", "v").Do(ctx, db) // a debug message
	_, _ = redis.LLen("k").Do(ctx, db)
	// Output: level=WARN msg=redis command=LLEN text="LLEN \"k\"" error="WRONGTYPE Operation against a key holding the wrong kind of value" class=answered
}

func ExampleRedacted() {
	fmt.Println(redis.Redacted(redis.New(redis.Raw, "AUTH", "ada", "secret").Command))
	fmt.Println(redis.Redacted(redis.Set("k", strings.Repeat("x", 1000)).Command))
	// Output:
	// AUTH *** ***
	// SET "k" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"...1000B
}

// What a pool or a client does, for expvar, and so for whatever scrapes that.
func Example_expvar() {
	server, err := redistest.StartServer(redistest.ServerOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	p := pool.New(pool.Options{Conn: conn.Options{Addr: server.Addr()}})
	defer p.Close()
	_ = p.Ping(context.Background())

	redisStats := expvar.Func(func() any { return p.Stats() })
	// In a program: expvar.Publish("redis", redisStats)
	var got struct{ Open, Dials int }
	_ = json.Unmarshal([]byte(redisStats.String()), &got)
	fmt.Printf("%+v\n", got)
	// Output: {Open:1 Dials:1}
}
