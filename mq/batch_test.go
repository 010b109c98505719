package mq_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/mq"
	"github.com/kermes-redis/kermes/redis"
)

func TestABatchIsHandledTogetherAndSettledOneByOne(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[int](t, d, mq.Options{MaxAttempts: 1})
		enqueueN(t, q, 25)
		var mu sync.Mutex
		var sizes []int
		var got counter
		start(t, q, mq.Batched(mq.BatchOptions{Size: 10, Wait: 500 * time.Millisecond}, func(_ context.Context, all []*mq.Msg[int]) []error {
			mu.Lock()
			defer mu.Unlock()
			sizes = append(sizes, len(all))
			errs := make([]error, len(all))
			for i, m := range all {
				got.add(m.Value)
				if m.Value%5 == 0 {
					errs[i] = errPlain
				}
			}
			return errs
		}), mq.WorkerOptions{Concurrency: 10})
		eventually(t, "all settled", func() bool { s := stats(t, q); return s.Handled == 20 && s.Dead == 5 })
		mu.Lock()
		defer mu.Unlock()
		if got.distinct() != 25 || got.twice() != 0 || slices.Max(sizes) != 10 || len(sizes) > 5 {
			t.Errorf("%d handled, %d twice, batches of %v", got.distinct(), got.twice(), sizes)
		}
		sound(t, q)
	})
}

func TestABatchThatPanicsOrIsLostFailsAsAWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue[int](t, inBubble(t), mq.Options{MaxAttempts: 1})
		var cause error
		for i, h := range []func(ctx context.Context, all []*mq.Msg[int]) []error{
			func(context.Context, []*mq.Msg[int]) []error { panic("boom") },
			func(context.Context, []*mq.Msg[int]) []error { return []error{nil} },
			func(ctx context.Context, all []*mq.Msg[int]) []error {
				if _, err := q.Cancel(context.Background(), all[1].ID); err != nil {
					t.Error(err)
				}
				<-ctx.Done()
				cause = context.Cause(ctx)
				return []error{errPlain, errPlain, errPlain}
			},
		} {
			enqueueN(t, q, 3)
			w := start(t, q, mq.Batched(mq.BatchOptions{Size: 3, Wait: time.Hour}, h), mq.WorkerOptions{Concurrency: 3})
			dead := int64(3 * (i + 1))
			if i == 2 {
				dead--
			}
			eventually(t, fmt.Sprint("all settled ", i), func() bool { s := stats(t, q); return s.Dead == dead && s.Leased == 0 })
			must(t, w.stop())
		}
		if !errors.Is(cause, mq.ErrCanceled) {
			t.Errorf("the context ended with %v", cause)
		}
	})
}

func ExampleBatched() {
	ctx, c, end := exampleClient()
	defer end()
	q := mq.New[string](c, "rows", mq.Options{})
	for _, s := range []string{"a", "b", "c"} {
		_, _ = q.Enqueue(ctx, s)
	}
	ctx, stop := context.WithCancel(ctx)
	insert := func(_ context.Context, all []*mq.Msg[string]) []error {
		fmt.Println("insert", len(all), "rows")
		stop()
		return nil
	}
	err := q.Work(ctx, mq.Batched(mq.BatchOptions{Size: 3, Wait: time.Minute}, insert), mq.WorkerOptions{Concurrency: 3})
	fmt.Println(err)
	// Output:
	// insert 3 rows
	// <nil>
}
