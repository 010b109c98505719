package redis_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/kermes-redis/kermes/codec"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/redistest"
)

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

// What became of a command that has failed.
func ExampleClass() {
	advice := map[redis.Class]string{
		redis.ClassNone:          "nothing was wrong, or the error is of the program",
		redis.ClassNotSent:       "nothing was sent: try again",
		redis.ClassRejected:      "the server refused it and did nothing: try again later",
		redis.ClassMaybeExecuted: "look at the data before you send it again",
		redis.ClassAnswered:      "it was executed, or is wrong: do not send it again",
	}
	ctx := context.Background()
	loading := redistest.Func(func([]string) string { return redistest.Error("LOADING Redis is loading the dataset in memory") })

	_, err := redis.Get("k").Do(ctx, loading)
	fmt.Println(advice[redis.ClassOf(err)])
	_, err = redis.Expire("k", -1).Do(ctx, loading)
	fmt.Println(advice[redis.ClassOf(err)])
	// Output:
	// the server refused it and did nothing: try again later
	// nothing was sent: try again
}

// Error replies by their code, in the words of a program.
func Example_errors() {
	explain := func(err error) string {
		switch {
		case err == nil:
			return "fine"
		case errors.Is(err, redis.ErrNil):
			return "there is nothing"
		case errors.Is(err, redis.ErrWrongType):
			return "the key holds something else"
		case errors.Is(err, redis.ErrWrongPass), errors.Is(err, redis.ErrNoAuth):
			return "the password is wrong, or there is none"
		case errors.Is(err, redis.ErrNoPerm), errors.Is(err, redis.ErrDenied):
			return "it is not allowed"
		case errors.Is(err, redis.ErrReadOnly), errors.Is(err, redis.ErrMasterDown):
			return "this is a replica"
		case errors.Is(err, redis.ErrLoading), errors.Is(err, redis.ErrBusy):
			return "the server has no time yet"
		case errors.Is(err, redis.ErrOOM), errors.Is(err, redis.ErrMisconf), errors.Is(err, redis.ErrNoReplicas):
			return "the server takes no writes"
		case errors.Is(err, redis.ErrNoGroup):
			return "no such group of consumers"
		case errors.Is(err, redis.ErrExecAbort):
			return "the transaction was discarded"
		}
		return err.Error()
	}
	ctx := context.Background()
	server := redistest.Func(func(args []string) string {
		if args[0] == "GET" {
			return redistest.Error("NOPERM this user has no permissions to run the 'get' command")
		}
		return redistest.Error("OOM command not allowed when used memory > 'maxmemory'.")
	})
	_, err := redis.Get("k").Do(ctx, server)
	fmt.Println(explain(err))
	fmt.Println(explain(redis.Set("k", "v").Do(ctx, server)))
	// Output:
	// it is not allowed
	// the server takes no writes
}

func ExampleArgError() {
	_, err := redis.HSet("user:7", "name").Do(context.Background(), nil)
	if bad, ok := errors.AsType[*redis.ArgError](err); ok {
		fmt.Println(bad.Command, "-", bad.Reason)
		fmt.Println(bad.Error())
	}
	// Output:
	// HSET - a field without a value
	// redis: HSET: a field without a value
}

func ExampleDecodeError() {
	ctx, client := exampleClient()
	_ = redis.Set("n", "seven").Do(ctx, client)

	_, err := redis.As(redis.Get("n"), redis.Int).Do(ctx, client)
	if odd, ok := errors.AsType[*redis.DecodeError](err); ok {
		fmt.Println(odd.Command, "has", odd.Got, "in place of", odd.Want)
		fmt.Println(odd.Error())
		fmt.Println(odd.Unwrap() != nil) // why
	}
	// Output:
	// GET has bulk string in place of integer
	// redis: GET: the reply is no integer but a bulk string that does not fit; redis.As and redis.New take another decoder
	// true
}

// A command that the server cannot queue discards all of a transaction.
func ExampleAbortError() {
	ctx, leaser, _ := exampleLeaser()

	var p redis.Pipeline
	redis.Set("k", "v").Queue(&p)
	redis.New(redis.Text, "GET", "one key", "too many").Queue(&p)
	err := p.Exec(ctx, leaser)
	fmt.Println(errors.Is(err, redis.ErrTxAborted), redis.ClassOf(err))
	if a, ok := errors.AsType[*redis.AbortError](err); ok {
		fmt.Println(a.Index, a.Command, "-", a.Unwrap()) // what the server said to that command
		fmt.Println(a.Error())
		fmt.Println(a.Is(redis.ErrExecAbort)) // as the server calls it
	}
	// Output:
	// true rejected
	// 1 GET - ERR wrong number of arguments for 'get' command
	// redis: transaction aborted by command 1, GET: ERR wrong number of arguments for 'get' command
	// true
}

// A proxy that does not know MULTI executes what is behind it one by one. That is no
// transaction: the error says how much was done.
func ExampleNoMultiError() {
	transfer := func(ctx context.Context, l redis.Leaser, p *redis.Pipeline) error {
		err := p.Exec(ctx, l)
		if alone, ok := errors.AsType[*redis.NoMultiError](err); ok {
			return fmt.Errorf("%d of %d commands were executed: look at them by hand: %w", alone.Executed, alone.Queued, alone.Cause)
		}
		return err
	}
	_ = transfer

	err := &redis.NoMultiError{Executed: 1, Queued: 2, Cause: errors.New("ERR unknown command 'MULTI'")}
	fmt.Println(err.Error())
	fmt.Println(redis.ClassOf(err.Unwrap()))
	// Output:
	// redis: transaction: the server refused MULTI and executed 1 of 2 commands without it, one by one; see their futures: ERR unknown command 'MULTI'
	// may have executed
}
