package redis_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

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

// A future has a value when its pipeline has run.
func ExampleFuture() {
	ctx, client := exampleClient()

	var p redis.Pipeline
	n := redis.Incr("n").Queue(&p)
	raw := p.Add(resp.NewCommand("ECHO", resp.String("as it came"))) // whatever the command is
	fmt.Println(p.Len(), errors.Is(n.Err(), redis.ErrPending))

	_ = p.Do(ctx, client)
	fmt.Println(n.Value())
	v, err := raw.Value()
	fmt.Println(v, err)
	// Output:
	// 2 true
	// 1 <nil>
	// "as it came" <nil>
}
