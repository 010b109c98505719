package redis_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/redistest"
	"github.com/kermes-redis/kermes/resp"
)

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

// How often was what called, and how often did it fail?
func ExampleInterceptor() {
	ctx, leaser, client := exampleLeaser()
	calls := map[string]int{}
	var count redis.Interceptor = func(ctx context.Context, call redis.Call) (context.Context, func(redis.Outcome)) {
		return ctx, func(out redis.Outcome) { calls[call.Name]++ }
	}
	db := redis.Intercept(client, count)

	_, _ = redis.Incr("n").Do(ctx, db)
	var p redis.Pipeline
	redis.Incr("n").Queue(&p)
	redis.Incr("n").Queue(&p)
	_ = p.Do(ctx, db)
	_ = leaser
	fmt.Println(calls["INCR"], calls[redis.CallPipeline], calls[redis.CallMulti], calls[redis.CallLease])
	// Output: 1 1 0 0
}

// What logs show of a call: without passwords, and of many commands the first few.
func ExampleCall() {
	call := redis.Call{Name: redis.CallPipeline, Commands: []resp.Command{
		redis.Set("k", "v").Command,
		redis.New(redis.Text, "AUTH", "secret").Command,
	}}
	fmt.Println(call.String())
	// Output: PIPELINE; SET "k" "v"; AUTH ***
}

// Nobody deletes everything here. The call is refused before anything is sent.
func ExampleRefuseCall() {
	ctx, client := exampleClient()
	errForbidden := errors.New("not in production")
	guard := func(ctx context.Context, call redis.Call) (context.Context, func(redis.Outcome)) {
		for _, c := range call.Commands {
			if c.Name() == "FLUSHALL" {
				return redis.RefuseCall(ctx, errForbidden), nil
			}
		}
		return ctx, nil
	}
	db := redis.Intercept(client, guard)

	err := redis.FlushAll(false).Do(ctx, db)
	if refused, ok := errors.AsType[*redis.RefusalError](err); ok {
		fmt.Println(refused.Error())
		fmt.Println(redis.ClassOf(refused.Unwrap()), errors.Is(err, errForbidden))
	}
	// Output:
	// redis: refused by an interceptor: not in production
	// not sent true
}

// An intercepted client is used like the one inside: for commands, batches, leases, and
// with one of its replicas.
func ExampleIntercepted() {
	ctx, client := exampleClient()
	tell := func(ctx context.Context, call redis.Call) (context.Context, func(redis.Outcome)) {
		fmt.Println(call.Name)
		return ctx, nil
	}
	db := redis.Intercept(redistest.Func(func([]string) string { return redistest.Int(1) }), tell)

	one := redis.Incr("n").Command
	reply, err := db.Do(ctx, one)
	fmt.Println(reply.Value, err)
	reply.Release()

	batch := resp.BatchOf([]resp.Command{one})
	_ = db.DoBatch(ctx, []resp.Command{one}, func(int, resp.Value) {})
	_ = db.DoEncoded(ctx, &batch, 0, resp.ReceiverFunc(func(int, resp.Value) {}))
	_, _ = redis.Incr("n").Do(ctx, db.Pin()) // it is no Pinner: the same as db

	// The calls within a lease are told of through On.
	_ = db.WithConn(ctx, func(c *conn.Conn) error {
		_, err := redis.Incr("n").Do(ctx, db.On(c))
		return err
	})

	_, leases := db.Unwrap().(redis.Leaser)
	err = redis.Intercept(onlyDoer{client}).WithConn(ctx, nil)
	fmt.Println(leases, errors.Is(err, redis.ErrNoLeaser))
	// Output:
	// INCR
	// (integer) 1 <nil>
	// PIPELINE
	// PIPELINE
	// INCR
	// LEASE
	// INCR
	// true true
}

// onlyDoer is a Doer that lends no connections.
type onlyDoer struct{ redis.Doer }

// A Doer that tries again says so, and interceptors know how often.
func ExampleCountAttempt() {
	ctx, client := exampleClient()
	tell := func(ctx context.Context, _ redis.Call) (context.Context, func(redis.Outcome)) {
		return ctx, func(out redis.Outcome) { fmt.Println(out.Attempts, "attempts") }
	}
	twice := func(ctx context.Context, cmd resp.Command) (resp.Reply, error) {
		for attempt := 0; ; attempt++ {
			redis.CountAttempt(ctx)
			if attempt == 1 {
				return client.Do(ctx, cmd)
			}
		}
	}
	db := redis.Intercept(doFunc{client, twice}, tell)
	_, _ = redis.Incr("n").Do(ctx, db)
	// Output: 2 attempts
}

// doFunc is a Doer with another Do.
type doFunc struct {
	redis.Doer
	do func(ctx context.Context, cmd resp.Command) (resp.Reply, error)
}

func (d doFunc) Do(ctx context.Context, cmd resp.Command) (resp.Reply, error) { return d.do(ctx, cmd) }

// Slow calls, and those that have failed, at levels of one's own.
func ExampleLogOptions() {
	watched := func(client redis.Doer, l *slog.Logger) redis.Doer {
		o := redis.LogOptions{Slow: 100 * time.Millisecond, Level: slog.LevelInfo, ErrorLevel: slog.LevelError}
		return redis.Intercept(client, redis.Log(l, o))
	}
	_ = watched
}
