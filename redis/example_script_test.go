package redis_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

func ExampleEval() {
	ctx, client := exampleClient()

	sum, err := redis.Eval(redis.Int, `return ARGV[1] + ARGV[2]`, nil, resp.Int(3), resp.Int(4)).Do(ctx, client)
	fmt.Println(sum, err)
	// Output: 7 <nil>
}

func ExampleFCall() {
	// A library of functions stays on the server, unlike a script. Redis 7.0.
	const library = `#!lua name=counters
redis.register_function('bump', function(keys, args) return redis.call('INCRBY', keys[1], args[1]) end)`
	bump := func(ctx context.Context, client redis.Doer) (int64, error) {
		if _, err := redis.FunctionLoad(library, true).Do(ctx, client); err != nil {
			return 0, err
		}
		return redis.FCall(redis.Int, "bump", []string{"hits"}, resp.Int(5)).Do(ctx, client)
	}
	_ = bump
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

// A script that is made once and run by many. Do sends its source only to a server that
// does not know it.
func ExampleScript() {
	ctx, client := exampleClient()
	addUp := redis.NewScript(`return redis.call("INCRBY", KEYS[1], ARGV[1])`, redis.Int)

	sum, err := addUp.Do(ctx, client, []string{"n"}, 7)
	fmt.Println(sum, err)
	sum, err = addUp.Run(ctx, client, []string{"n"}, resp.Int(3)) // without boxing the arguments
	fmt.Println(sum, err)
	// Output:
	// 7 <nil>
	// 10 <nil>
}

// A script that leaves the same state when it runs twice: a client that retries may send
// it again, also where it may have run.
func ExampleScript_Idempotent() {
	highest := redis.NewScript(`
		local old = tonumber(redis.call("GET", KEYS[1]) or "0")
		if tonumber(ARGV[1]) > old then redis.call("SET", KEYS[1], ARGV[1]) end
		return 1`, redis.Bool).Idempotent()
	c := highest.Eval([]string{"record"}, resp.Int(7))
	fmt.Println(c.Command.Flags()&resp.Idempotent != 0)
	// Output: true
}

// All scripts of a program are loaded before it takes work: none is sent on the way.
func ExampleScript_Load() {
	ctx, client := exampleClient()
	hello := redis.NewScript(`return "hello"`, redis.Text)

	hash, err := hello.Load().Do(ctx, client)
	fmt.Println(hash == hello.Hash(), err)
	fmt.Println(len(hello.Source()), "bytes")

	known, _ := redis.ScriptExists(hello.Hash()).Do(ctx, client)
	fmt.Println(known)
	// Output:
	// true <nil>
	// 14 bytes
	// [true]
}

// In a pipeline the source goes with the first of its calls.
func ExampleScript_QueueArgs() {
	ctx, client := exampleClient()
	add := redis.NewScript(`return redis.call("INCRBY", KEYS[1], ARGV[1])`, redis.Int)

	var p redis.Pipeline
	one := add.QueueArgs(&p, []string{"n"}, resp.Int(1))
	ten := add.QueueArgs(&p, []string{"n"}, resp.Int(10))
	_ = p.Do(ctx, client)
	fmt.Println(one.Value())
	fmt.Println(ten.Value())
	// Output:
	// 1 <nil>
	// 11 <nil>
}

// A script by its hash, as Script does it by itself.
func ExampleEvalSha() {
	ctx, client := exampleClient()
	const src = `return ARGV[1] * 2`

	sha, _ := redis.ScriptLoad(src).Do(ctx, client)
	fmt.Println(redis.EvalSha(redis.Int, sha, nil, resp.Int(21)).Do(ctx, client))

	_ = redis.ScriptFlush(false).Do(ctx, client)
	_, err := redis.EvalSha(redis.Int, sha, nil, resp.Int(21)).Do(ctx, client)
	fmt.Println(errors.Is(err, redis.ErrNoScript))
	// Output:
	// 42 <nil>
	// true
}

// Scripts that only read run on a replica too. Redis 7.0.
func ExampleEvalRO() {
	const src = `return redis.call("GET", KEYS[1])`
	get := redis.EvalRO(redis.Text, src, []string{"k"})
	again := redis.EvalShaRO(redis.Text, redis.NewScript(src, redis.Text).Hash(), []string{"k"})
	fmt.Println(get.Command.Name(), again.Command.Name())
	// Output: EVAL_RO EVALSHA_RO
}

// A script that runs too long is ended, unless it has written.
func ExampleScriptKill() {
	end := func(ctx context.Context, client redis.Doer) error {
		err := redis.ScriptKill().Do(ctx, client)
		if errors.Is(err, redis.ErrNotBusy) {
			return nil // it has ended by itself
		}
		return err
	}
	source := func(ctx context.Context, client redis.Doer, hash string) (string, error) {
		return redis.ScriptShow(hash).Do(ctx, client) // Valkey 8
	}
	_, _ = end, source
}

// Names in place of KEYS and ARGV, in a pipeline. A name that is missing is an error
// before anything is sent.
func ExampleLua() {
	ctx, client := exampleClient()
	rename := redis.NewLua(`
		redis.call("SET", _:to, redis.call("GET", _:from))
		return _:note`, []string{"from", "to"}, []string{"note"}, redis.Text)
	_ = redis.Set("a", "value").Do(ctx, client)

	var p redis.Pipeline
	note := rename.Queue(&p, redis.Params{"from": "a", "to": "b"}, redis.Params{"note": "done"})
	_ = p.Do(ctx, client)
	fmt.Println(note.Value())

	_, err := rename.Do(ctx, client, redis.Params{"from": "a"}, redis.Params{"note": "done"})
	fmt.Println(err)
	fmt.Println(rename.Script().Source())
	// Output:
	// done <nil>
	// redis: EVAL: lua: "to" is missing
	//
	//		redis.call("SET", KEYS[2], redis.call("GET", KEYS[1]))
	//		return ARGV[1]
}

// Libraries go from one server to another. Redis 7.0.
func ExampleFunctionRestore() {
	duplicate := func(ctx context.Context, from, to redis.Doer, p redis.RestorePolicy) error {
		dump, err := redis.FunctionDump().Do(ctx, from)
		if err != nil {
			return err
		}
		return redis.FunctionRestore(dump, p).Do(ctx, to)
	}
	policies := map[string]redis.RestorePolicy{
		"add":       redis.RestoreAppend,  // one that is there is an error
		"overwrite": redis.RestoreReplace, // those that are there are replaced
		"mirror":    redis.RestoreFlush,   // all others are deleted
	}
	_, _ = duplicate, policies
}

// What is loaded, and what runs now. Redis 7.0.
func ExampleFunctionList() {
	list := func(ctx context.Context, client redis.Doer) error {
		libraries, err := redis.FunctionList(redis.FunctionListOptions{Library: "my*"}).Do(ctx, client)
		for _, l := range libraries {
			fmt.Println(l.Name, l.Engine)
			for _, f := range l.Functions {
				fmt.Println("  ", f.Name, f.Description)
			}
		}
		return err
	}
	status := func(ctx context.Context, client redis.Doer) error {
		s, err := redis.FunctionStats().Do(ctx, client)
		if s.Running.OK {
			fmt.Println(s.Running.Value.Name, "runs for", s.Running.Value.Duration)
		}
		fmt.Println(s.Engines["LUA"].Functions, "functions")
		return err
	}
	_, _ = list, status
}

// Redis 7.0.
func ExampleFunctionDelete() {
	for _, c := range []redis.Status{
		redis.FunctionDelete("counters"),
		redis.FunctionFlush(true), // all of them, in the background
		redis.FunctionKill(),      // the one that runs, unless it has written
	} {
		fmt.Println(redis.Redacted(c.Command))
	}
	call := redis.FCallRO(redis.Int, "hits", []string{"page:7"}) // a function with the flag no-writes
	fmt.Println(redis.Redacted(call.Command))
	// Output:
	// FUNCTION DELETE "counters"
	// FUNCTION FLUSH "ASYNC"
	// FUNCTION KILL
	// FCALL_RO "hits" "1" "page:7"
}
