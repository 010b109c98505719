package mq_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/mq"
	"github.com/kermes-redis/kermes/pubsub"
	"github.com/kermes-redis/kermes/redis"
	users "github.com/kermes-redis/kermes/redistest"
)

// Workers of many queues may share a subscriber, also one that moves before the commands do:
// nobody goes deaf.
func TestWorkersThatShareASubscriberGoThroughAFailover(t *testing.T) {
	g := users.NewGroup(t, users.GroupOptions{})
	c := groupClient(t, g)
	sub := pubsub.New(c.Subscriptions(), pubsub.Options{})
	t.Cleanup(func() { _ = sub.Close() })
	var queues []*mq.Queue[int]
	var got counter
	for range 3 {
		q := newQueue[int](t, c, mq.Options{MinReplicas: 1, DurabilityTimeout: patience})
		queues = append(queues, q)
		start(t, q, func(_ context.Context, m *mq.Msg[int]) error { got.add(m.Value); return nil },
			mq.WorkerOptions{PollInterval: time.Hour, Subscriber: sub})
	}
	for round, fail := range []func() error{
		func() error { return nil }, func() error { return g.Failover(t.Context()) }, func() error { return g.Crash(g.Master()) },
	} {
		must(t, fail())
		for i, q := range queues {
			for _, again := range []int{0, 1} { // the second finds an idle worker
				_, err := q.Enqueue(t.Context(), 100*round+10*i+again)
				must(t, err)
				eventually(t, "it is handled", func() bool { return got.distinct() == 6*round+2*i+again+1 })
				eventually(t, "the worker is idle", func() bool { return stats(t, q).Idle == 1 })
			}
		}
	}
}

// Over a client that gives no connections for subscriptions everything works by polling, as
// an event says once.
func TestWithoutSubscriptionsAWorkerPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue[int](t, struct{ redis.Doer }{inBubble(t)}, mq.Options{})
		var got, polling counter
		w := start(t, q, func(_ context.Context, m *mq.Msg[int]) error { got.add(m.Value); return nil },
			mq.WorkerOptions{OnEvent: func(e mq.Event) {
				if e.Kind == mq.EventPolling && e.Err != nil {
					polling.add(1)
				}
			}})
		for i := range 5 {
			time.Sleep(10 * time.Second)
			_, err := q.Enqueue(t.Context(), i)
			must(t, err)
			began := time.Now()
			eventually(t, "a poll", func() bool { return got.distinct() == i+1 })
			if took := time.Since(began); took > 1300*time.Millisecond {
				t.Errorf("handled after %v", took)
			}
		}
		if !w.Stats().Polling || polling.distinct() != 1 || polling.twice() != 0 || stats(t, q).Idle != 0 {
			t.Errorf("told %d times, %+v", polling.distinct()+polling.twice(), w.Stats())
		}
		sound(t, q)
	})
}
