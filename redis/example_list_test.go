package redis_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kermes-redis/kermes/redis"
)

func ExampleSort() {
	ctx, client := exampleClient()

	_, _ = redis.RPush("tasks", "7", "3", "5").Do(ctx, client)
	sorted, _ := redis.Sort("tasks", redis.SortOptions{Desc: true, Count: 2}).Do(ctx, client)
	for _, s := range sorted {
		fmt.Println(s.Value)
	}
}

func ExampleLPush() {
	ctx, client := exampleClient()

	_, _ = redis.RPush("queue", "first", "second").Do(ctx, client)
	_, _ = redis.LPush("queue", "urgent").Do(ctx, client)
	all, _ := redis.LRange("queue", 0, -1).Do(ctx, client)
	fmt.Println(all)
	// Output: [urgent first second]
}

func ExampleBLPop() {
	ctx, client := exampleClient()

	_, _ = redis.RPush("queue", "job").Do(ctx, client)
	p, err := redis.BLPop(time.Second, "urgent", "queue").Do(ctx, client)
	fmt.Println(p.Key, p.Value, err)

	_, err = redis.BLPop(time.Millisecond, "urgent", "queue").Do(ctx, client)
	fmt.Println(errors.Is(err, redis.ErrNil))
	// Output:
	// queue job <nil>
	// true
}

func ExampleLPop() {
	ctx, client := exampleClient()
	_, _ = redis.RPush("queue", "a", "b", "c", "d", "e").Do(ctx, client)

	first, _ := redis.LPop("queue").Do(ctx, client)
	last, _ := redis.RPop("queue").Do(ctx, client)
	two, _ := redis.LPopN("queue", 2).Do(ctx, client)
	rest, _ := redis.RPopN("queue", 9).Do(ctx, client)
	_, err := redis.LPop("queue").Do(ctx, client)
	fmt.Println(first, last, two, rest, errors.Is(err, redis.ErrNil))
	// Output: a e [b c] [d] true
}

// Nobody who has no inbox gets mail.
func ExampleRPushX() {
	ctx, client := exampleClient()
	_, _ = redis.RPush("inbox:ada", "welcome").Do(ctx, client)

	n, _ := redis.RPushX("inbox:ada", "news").Do(ctx, client)
	urgent, _ := redis.LPushX("inbox:ada", "urgent").Do(ctx, client)
	none, _ := redis.RPushX("inbox:eve", "news").Do(ctx, client)
	fmt.Println(n, urgent, none)
	// Output: 2 3 0
}

// The latest hundred events.
func ExampleLTrim() {
	ctx, client := exampleClient()

	for i := range 120 {
		_, _ = redis.LPush("events", i).Do(ctx, client)
		_ = redis.LTrim("events", 0, 99).Do(ctx, client)
	}
	n, _ := redis.LLen("events").Do(ctx, client)
	latest, _ := redis.LIndex("events", 0).Do(ctx, client)
	oldest, _ := redis.LIndex("events", -1).Do(ctx, client)
	fmt.Println(n, latest, oldest)
	// Output: 100 119 20
}

// A playlist.
func ExampleLInsertBefore() {
	ctx, client := exampleClient()
	_, _ = redis.RPush("songs", "one", "two", "three", "two").Do(ctx, client)

	_, _ = redis.LInsertBefore("songs", "one", "zero").Do(ctx, client)
	_, _ = redis.LInsertAfter("songs", "three", "four").Do(ctx, client)
	removed, _ := redis.LRem("songs", -1, "two").Do(ctx, client) // the last of them
	err := redis.LSet("songs", 0, "prelude").Do(ctx, client)
	all, _ := redis.LRange("songs", 0, -1).Do(ctx, client)
	fmt.Println(all, removed, err)
	// Output: [prelude one two three four] 1 <nil>
}

func ExampleLPos() {
	ctx, client := exampleClient()
	_, _ = redis.RPush("letters", "a", "b", "a", "c", "a").Do(ctx, client)

	first, _ := redis.LPos("letters", "a", redis.LPosOptions{}).Do(ctx, client)
	last, _ := redis.LPos("letters", "a", redis.LPosOptions{Rank: -1}).Do(ctx, client)
	all, _ := redis.LPosN("letters", "a", 0, redis.LPosOptions{}).Do(ctx, client)
	fmt.Println(first, last, all)
	// Output: 0 4 [0 2 4]
}

// A job lies in the list of its worker until it is done: one that crashes loses none.
func ExampleLMove() {
	ctx, client := exampleClient()
	_, _ = redis.RPush("jobs", "job-1", "job-2").Do(ctx, client)

	job, _ := redis.LMove("jobs", "jobs:worker-1", redis.Left, redis.Right).Do(ctx, client)
	fmt.Println("work on", job)
	n, _ := redis.LRem("jobs:worker-1", 1, job).Do(ctx, client)
	fmt.Println(n, "done")
	// Output:
	// work on job-1
	// 1 done
}

// LMove that waits for a job. A worker runs it in a loop.
func ExampleBLMove() {
	ctx, client := exampleClient()
	_, _ = redis.RPush("jobs", "job-1").Do(ctx, client)

	take := func(from redis.End) (string, error) {
		return redis.BLMove(10*time.Millisecond, "jobs", "jobs:worker-1", from, redis.Right).Do(ctx, client)
	}
	job, err := take(redis.Left)
	fmt.Println(job, err)
	_, err = take(redis.Left)
	fmt.Println(errors.Is(err, redis.ErrNil)) // none in time
	// Output:
	// job-1 <nil>
	// true
}

// Many elements at once. Redis 8.10.
func ExampleLMoveM() {
	batch := redis.Moving{Count: 100, Bulk: true} // in their order; with Exactly, 100 or none
	take := func(ctx context.Context, client redis.Doer) ([]string, error) {
		return redis.LMoveM("jobs", "jobs:worker-1", redis.Left, redis.Right, batch).Do(ctx, client)
	}
	wait := func(ctx context.Context, client redis.Doer) ([]string, error) {
		return redis.BLMoveM(5*time.Second, "jobs", "jobs:worker-1", redis.Left, redis.Right, batch).Do(ctx, client)
	}
	_, _ = take, wait
}

// Queues by urgency: up to ten jobs of the first that has any. Redis 7.0.
func ExampleBLMPop() {
	ctx, client := exampleClient()
	_, _ = redis.RPush("jobs:low", "c", "d").Do(ctx, client)

	jobs, err := redis.LMPop(redis.Left, 10, "jobs:high", "jobs:low").Do(ctx, client)
	fmt.Println(jobs.Key, jobs.Values, err)

	wait := redis.BLMPop(5*time.Second, redis.Left, 10, "jobs:high", "jobs:low")
	fmt.Println(redis.Redacted(wait.Command))
	// Output:
	// jobs:low [c d] <nil>
	// BLMPOP "5" "2" "jobs:high" "jobs:low" "LEFT" "COUNT" "10"
}

// A stack that waits for the latest element.
func ExampleBRPop() {
	ctx, client := exampleClient()
	_, _ = redis.RPush("stack", "bottom", "top").Do(ctx, client)

	p, err := redis.BRPop(redis.Forever, "stack").Do(ctx, client) // until ctx ends
	fmt.Println(p.Key, p.Value, err)
	// Output: stack top <nil>
}

// Sorted by another key of each element: users by their names, on a replica, and the three
// oldest.
func ExampleSortRO() {
	names := redis.SortRO("users", redis.SortOptions{By: "name_*", Get: []string{"name_*"}, Alpha: true}) // Redis 7.0
	fmt.Println(redis.Redacted(names.Command))
	oldest := redis.SortStore("users:oldest", "users", redis.SortOptions{By: "age_*", Desc: true, Count: 3})
	fmt.Println(redis.Redacted(oldest.Command))
	// Output:
	// SORT_RO "users" "BY" "name_*" "GET" "name_*" "ALPHA"
	// SORT "users" "BY" "age_*" "LIMIT" "0" "3" "DESC" "STORE" (1 more)
}
