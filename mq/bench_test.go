package mq_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/mq"
)

// BenchmarkConsume tells how long a message takes, and what it costs the server, at
// several concurrencies.
func BenchmarkConsume(b *testing.B) {
	node := testredis.New(b)
	var o client.Options
	o.Pool.Conn.Addr = node.Addr()
	c, err := client.Open(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	for _, concurrency := range []int{1, 10, 50, 1000} {
		b.Run(fmt.Sprint("concurrency=", concurrency), func(b *testing.B) {
			q := mq.New[[]byte](c, fmt.Sprint("bench", concurrency), mq.Options{})
			items := make([]mq.Item[[]byte], b.N)
			for i := range items {
				items[i].Value = make([]byte, 200)
			}
			if _, err := q.EnqueueBatch(b.Context(), items); err != nil {
				b.Fatal(err)
			}
			cpu := serverCPU(b, node)
			ctx, cancel := context.WithCancel(b.Context())
			var n atomic.Int64
			b.ResetTimer()
			if err := q.Work(ctx, func(context.Context, *mq.Msg[[]byte]) error {
				if n.Add(1) == int64(b.N) {
					cancel()
				}
				return nil
			}, mq.WorkerOptions{Concurrency: concurrency}); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			b.ReportMetric((serverCPU(b, node)-cpu)*1e6/float64(b.N), "server-us/op")
		})
	}
}

// serverCPU returns the seconds of processor time that the server has used.
func serverCPU(b *testing.B, node *testredis.Node) float64 {
	info, err := node.Info("cpu")
	if err != nil {
		b.Fatal(err)
	}
	user, _ := strconv.ParseFloat(info["used_cpu_user"], 64)
	sys, _ := strconv.ParseFloat(info["used_cpu_sys"], 64)
	return user + sys
}

// BenchmarkEnqueue is one message a call.
func BenchmarkEnqueue(b *testing.B) {
	node := testredis.New(b)
	var o client.Options
	o.Pool.Conn.Addr = node.Addr()
	c, err := client.Open(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	q := mq.New[[]byte](c, "bench", mq.Options{})
	payload := make([]byte, 200)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if _, err := q.Enqueue(b.Context(), payload); err != nil {
				b.Error(err)
			}
		}
	})
}

// KERMES_MQ_MESSAGES is how many messages; `make mq-once` sends a hundred thousand.
func TestNothingIsHandledTwiceWithoutFaults(t *testing.T) {
	n := 10_000
	if s := os.Getenv("KERMES_MQ_MESSAGES"); s != "" {
		n, _ = strconv.Atoi(strings.ReplaceAll(s, "_", ""))
	}
	node := testredis.New(t)
	q := newQueue[int](t, clientOf(t, node.Addr()), mq.Options{})
	var got counter
	h := func(_ context.Context, m *mq.Msg[int]) error {
		got.add(m.Value)
		if m.Value%17 == 0 && m.Attempt == 1 {
			return mq.RetryAfter(time.Duration(m.Value%700)*time.Millisecond, errPlain)
		}
		return nil
	}
	for i := range 4 {
		start(t, mq.New[int](clientOf(t, node.Addr()), q.Name(), mq.Options{}), h,
			mq.WorkerOptions{Concurrency: 10 * (i + 1), Lease: 5 * time.Second})
	}
	for from := 0; from < n; from += 500 {
		var items []mq.Item[int]
		for i := from; i < min(from+500, n); i++ {
			item := mq.Item[int]{Value: i}
			if i%5 == 0 { // longer than the lease
				item.Options = append(item.Options, mq.In(time.Duration(i%6000)*time.Millisecond))
			}
			items = append(items, item)
		}
		_, err := q.EnqueueBatch(t.Context(), items)
		must(t, err)
	}
	eventually(t, "all handled", func() bool { s := stats(t, q); return s.Handled == int64(n) && s.Leased == 0 })
	retries := (n + 16) / 17
	if s := stats(t, q); s.Crashed != 0 {
		t.Errorf("%d leases have ended", s.Crashed)
	}
	if got.distinct() != n || got.twice() != retries {
		t.Errorf("%d of %d handled, %d more than once, %d were to be", got.distinct(), n, got.twice(), retries)
	}
	sound(t, q)
}

// A message that waits takes at most 150 bytes beside its id and payload.
func TestAMessageThatWaitsIsSmall(t *testing.T) {
	node := testredis.New(t)
	q := newQueue[[]byte](t, clientOf(t, node.Addr()), mq.Options{})
	used := func() int64 {
		info, err := node.Info("memory")
		must(t, err)
		n, _ := strconv.ParseInt(info["used_memory"], 10, 64)
		return n
	}
	before := used()
	const n, payload = 50_000, 200
	ids := 0
	for range n / 500 {
		items := make([]mq.Item[[]byte], 500)
		for i := range items {
			items[i].Value = make([]byte, payload)
		}
		results, err := q.EnqueueBatch(t.Context(), items)
		must(t, err)
		for _, r := range results {
			ids += len(r.ID)
		}
	}
	extra := (used() - before - n*payload - int64(ids)) / n
	t.Logf("%d bytes beside id and payload", extra)
	if extra > 150 {
		t.Errorf("%d bytes beside id and payload", extra)
	}
	_, err := q.Clear(t.Context())
	must(t, err)
	for range 20 { // a queue that is used leaves nothing behind
		enqueueBytes(t, q, 5000)
		_, err := q.Purge(t.Context(), mq.Ready)
		must(t, err)
	}
	// A leak would be 8 MB and more; what a server keeps for its scripts is
	// up to 1.3 (Redis 8.6).
	eventually(t, "the memory is free again", func() bool { return used() < before+3<<20 })
}

func enqueueBytes(t *testing.T, q *mq.Queue[[]byte], n int) {
	t.Helper()
	items := make([]mq.Item[[]byte], n)
	for i := range items {
		items[i].Value = []byte("v")
	}
	_, err := q.EnqueueBatch(t.Context(), items)
	must(t, err)
}
