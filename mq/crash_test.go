package mq_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/internal/testproxy"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/mq"
	"github.com/kermes-redis/kermes/redis"
)

func enqueueStrings(t *testing.T, q *mq.Queue[string], value string, ids ...string) {
	t.Helper()
	var items []mq.Item[string]
	for _, id := range ids {
		items = append(items, mq.Item[string]{Value: value, Options: []mq.Option{mq.ID(id)}})
	}
	_, err := q.EnqueueBatch(t.Context(), items)
	must(t, err)
}

func names(n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprint("m", i))
	}
	return out
}

func TestAWorkerThatIsKilledHasItsMessagesHandledOnceMore(t *testing.T) {
	node := shared.Node(t)
	q := newQueue[string](t, onServer(t), mq.Options{})
	const lease = 2 * time.Second
	enqueueStrings(t, q, "v", names(50)...)
	p := startProcess(t, node.Addr(), q.Name(), 50, lease, time.Hour)
	eventually(t, "fifty at work", func() bool { return len(p.said("begin")) == 50 })
	p.signal(t, syscall.SIGKILL)
	killed := time.Now()
	var handled counter
	var first, last, attempts atomic.Int64
	start(t, q, func(_ context.Context, m *mq.Msg[string]) error {
		took := time.Since(killed)
		first.CompareAndSwap(0, int64(took))
		last.Store(int64(took))
		handled.add(int(m.EnqueuedAt.UnixNano()) + len(m.ID)*0 + hash(m.ID))
		if m.Crashes != 1 || m.Attempt != 1 {
			attempts.Add(1)
		}
		return nil
	}, mq.WorkerOptions{Concurrency: 50, Lease: lease})
	eventually(t, "all handled again", func() bool { return stats(t, q).Handled == 50 })
	if handled.twice() != 0 || handled.distinct() != 50 || attempts.Load() != 0 {
		t.Errorf("%d distinct, %d twice, %d with other counts", handled.distinct(), handled.twice(), attempts.Load())
	}
	if s := stats(t, q); s.Crashed != 50 {
		t.Errorf("%+v", s)
	}
	if time.Duration(first.Load()) < lease/3 {
		t.Errorf("taken away after %v, while the worker might have lived", time.Duration(first.Load()))
	}
	t.Logf("first after %v, last after %v", time.Duration(first.Load()), time.Duration(last.Load()))
	sound(t, q)
}

func hash(s string) (h int) {
	for _, c := range s {
		h = h*31 + int(c)
	}
	return h
}

func TestAWorkerThatWasStoppedLearnsOfItsLossAtOnce(t *testing.T) {
	node := shared.Node(t)
	q := newQueue[string](t, onServer(t), mq.Options{})
	const lease = 3 * time.Second
	enqueueStrings(t, q, "v", names(5)...)
	p := startProcess(t, node.Addr(), q.Name(), 5, lease, time.Hour)
	eventually(t, "five at work", func() bool { return len(p.said("begin")) == 5 })
	p.signal(t, syscall.SIGSTOP)
	start(t, q, func(context.Context, *mq.Msg[string]) error { return nil }, mq.WorkerOptions{Lease: lease})
	eventually(t, "another handled them", func() bool { return stats(t, q).Handled == 5 })
	p.signal(t, syscall.SIGCONT)
	eventually(t, "it learns", func() bool { return len(p.said("told")) == 5 && len(p.said("lost")) == 5 })
	for _, l := range p.said("told") {
		if !strings.Contains(l, mq.ErrLeaseLost.Error()) {
			t.Error(l)
		}
	}
	if s := stats(t, q); s.Handled != 5 || s.Crashed != 5 {
		t.Errorf("%+v", s)
	}
	p.signal(t, syscall.SIGTERM)
	eventually(t, "it ends", func() bool { return len(p.said("end <nil>")) == 1 })
	sound(t, q)
}

func TestAMessageThatKillsItsWorkersIsADeadLetterInTheEnd(t *testing.T) {
	node := shared.Node(t)
	q := newQueue[string](t, onServer(t), mq.Options{})
	enqueueStrings(t, q, "poison", "bad")
	enqueueStrings(t, q, "v", names(20)...)
	starts := 0
	var p *process
	eventually(t, "all settled", func() bool {
		if p == nil || func() bool {
			select {
			case <-p.ended:
				return true
			default:
				return false
			}
		}() {
			if p != nil {
				starts += len(p.said("begin bad"))
			}
			p = startProcess(t, node.Addr(), q.Name(), 1, 300*time.Millisecond, 0)
		}
		s := stats(t, q)
		return s.Dead == 1 && s.Handled == 20
	})
	starts += len(p.said("begin bad"))
	// A process that gets no processor for a whole lease loses it before its
	// handler begins.
	if starts < 1 || starts > 4 {
		t.Errorf("started %d times", starts)
	}
	s, err := q.Status(t.Context(), "bad")
	if err != nil || s.State != mq.Dead || s.Crashes != 4 || s.Failures != 0 || !strings.Contains(s.Reason, "lease") {
		t.Errorf("%+v, %v", s, err)
	}
}

// proxied returns a client through a proxy.
func proxied(t *testing.T) (*testproxy.Proxy, *client.Client) {
	t.Helper()
	p := testproxy.New(t, shared.Node(t).Addr())
	return p, clientOf(t, p.Addr())
}

func TestConnectionsThatBreakLoseNothingAndDelayNothing(t *testing.T) {
	onEither(t, func(t *testing.T, over func(*client.Client) redis.Doer) {
		p, c := proxied(t)
		q := newQueue[int](t, over(c), mq.Options{})
		var got counter
		var recovered atomic.Int64
		w := start(t, q, func(_ context.Context, m *mq.Msg[int]) error { got.add(m.Value); return nil },
			mq.WorkerOptions{Concurrency: 20, Lease: time.Hour, OnEvent: func(e mq.Event) { // no lease ends in this test
				if e.Kind == mq.EventRecovered {
					recovered.Add(int64(e.N))
				}
			}})
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		sent := atomic.Int64{}
		for range 8 {
			go func() {
				for ctx.Err() == nil {
					i := int(sent.Add(1))
					for {
						_, err := q.Enqueue(context.Background(), i, mq.ID(fmt.Sprint(i)), mq.Window(time.Hour))
						if err == nil || redis.ClassOf(err) == redis.ClassNone {
							break
						}
					}
				}
			}()
		}
		for ctx.Err() == nil {
			p.Cut()
			time.Sleep(100 * time.Millisecond) // the pace of the fault
		}
		eventually(t, "all handled", func() bool {
			s := stats(t, mq.New[int](onServer(t), q.Name(), mq.Options{}))
			return int64(got.distinct()) == sent.Load() && s.Leased == 0
		})
		t.Logf("%d messages, %d recovered, %d twice, %+v", sent.Load(), recovered.Load(), got.twice(), w.Stats())
		if got.twice() != 0 {
			t.Errorf("%d handled twice", got.twice())
		}
		must(t, w.stop())
		sound(t, q)
	})
}

// An enqueue whose reply is lost, and whose message is done before it is asked again,
// adds nothing more.
func TestAnEnqueueThatIsRepeatedAddsNothing(t *testing.T) {
	onEither(t, func(t *testing.T, over func(*client.Client) redis.Doer) {
		p, c := proxied(t)
		direct := onServer(t)
		q := newQueue[int](t, over(c), mq.Options{})
		worked := mq.New[int](direct, q.Name(), mq.Options{})
		var got counter
		start(t, worked, func(_ context.Context, m *mq.Msg[int]) error { got.add(m.Value); return nil }, mq.WorkerOptions{})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		go func() {
			for ctx.Err() == nil {
				p.Cut()
				time.Sleep(5 * time.Millisecond) // the pace of the fault
			}
		}()
		sent, failed := 0, 0
		for ctx.Err() == nil {
			if _, err := q.Enqueue(context.Background(), sent); err != nil {
				failed++
			}
			sent++
		}
		eventually(t, "nothing is left", func() bool { s := stats(t, worked); return s.Ready+s.Leased == 0 })
		if got.twice() != 0 || got.distinct() < sent-failed {
			t.Errorf("%d sent, %d errors, %d handled, %d twice", sent, failed, got.distinct(), got.twice())
		}
		t.Logf("%d sent, %d errors", sent, failed)
	})
}

func TestWithoutChannelPermissionAWorkerPolls(t *testing.T) {
	onEither(t, func(t *testing.T, over func(*client.Client) redis.Doer) {
		node := shared.Node(t)
		q0 := newQueue[int](t, onServer(t), mq.Options{})
		user := "u" + q0.Name()
		rules := []string{"ACL", "SETUSER", user, "on", ">secret", "resetchannels", "~mq:{" + q0.Name() + "}:*"}
		node.MustDo(t, append(rules, commandRules...)...)
		var o client.Options
		o.Pool.Conn.Addr, o.Pool.Conn.Username, o.Pool.Conn.Password = node.Addr(), user, "secret"
		c, err := client.Open(t.Context(), o)
		must(t, err)
		t.Cleanup(func() { _ = c.Close() })
		q := mq.New[int](over(c), q0.Name(), mq.Options{})
		var polling atomic.Int64
		var got counter
		w := start(t, q, func(_ context.Context, m *mq.Msg[int]) error { got.add(m.Value); return nil },
			mq.WorkerOptions{PollInterval: 100 * time.Millisecond, OnEvent: func(e mq.Event) {
				if e.Kind == mq.EventPolling {
					polling.Add(1)
				}
			}})
		eventually(t, "the refusal", func() bool { return polling.Load() == 1 && w.Stats().Polling })
		for i := range 5 {
			_, err := q.Enqueue(t.Context(), i)
			must(t, err)
			eventually(t, "a poll", func() bool { return got.distinct() == i+1 })
		}
		if polling.Load() != 1 {
			t.Errorf("told %d times", polling.Load())
		}
		must(t, w.stop())
		sound(t, q)
	})
}

// commandRules are what a producer, a worker and an operator need: see the package
// documentation of the ACL.
var commandRules = []string{"-@all", "+evalsha", "+eval", "+time", "+publish", "+subscribe", "+unsubscribe", "+ping", "+wait",
	"+hget", "+hset", "+hsetnx", "+hdel", "+hlen", "+hkeys", "+hexists", "+hmget", "+hgetall", "+hincrby",
	"+lpush", "+rpush", "+lpop", "+lrange", "+ltrim", "+lrem", "+llen", "+lindex",
	"+zadd", "+zrem", "+zrange", "+zrangebyscore", "+zscore", "+zcard",
	"+sadd", "+srem", "+spop", "+scard", "+sismember", "+smembers", "+set", "+get", "+exists", "+unlink",
	"+hello", "+client", "+role"}

func TestTheDocumentedPermissionsAreEnough(t *testing.T) {
	node := shared.Node(t)
	q0 := newQueue[int](t, onServer(t), mq.Options{})
	user := "u" + q0.Name()
	node.MustDo(t, append([]string{"ACL", "SETUSER", user, "on", ">secret", "resetchannels", "&mq:{" + q0.Name() + "}:w:*",
		"~mq:{" + q0.Name() + "}:*"}, commandRules...)...)
	var o client.Options
	o.Pool.Conn.Addr, o.Pool.Conn.Username, o.Pool.Conn.Password = node.Addr(), user, "secret"
	c, err := client.Open(t.Context(), o)
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	q := mq.New[int](c, q0.Name(), mq.Options{MaxAttempts: 1})
	var fail atomic.Bool
	w := start(t, q, func(context.Context, *mq.Msg[int]) error {
		if fail.Load() {
			return errPlain
		}
		return nil
	}, mq.WorkerOptions{PollInterval: time.Hour})
	eventually(t, "it listens", func() bool { return stats(t, q).Idle == 1 && !w.Stats().Polling })
	enqueueN(t, q, 10, mq.Window(time.Minute), mq.WithPriority(mq.High))
	enqueueN(t, q, 10, mq.In(10*time.Millisecond))
	must(t, q.Limit(t.Context(), mq.Limits{KeyCap: 2, KeyRate: mq.Rate{Messages: 100_000}}))
	enqueueN(t, q, 10, mq.Key("k"))
	eventually(t, "all handled", func() bool { return stats(t, q).Handled == 30 })
	fail.Store(true)
	_, err = q.Enqueue(t.Context(), 1, mq.ID("a"))
	must(t, err)
	eventually(t, "a dead letter", func() bool { return stats(t, q).Dead == 1 })
	must(t, q.Pause(t.Context()))
	if n, err := q.RedriveAll(t.Context(), 0); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if ok, err := q.Cancel(t.Context(), "a"); !ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
	_, _ = q.Enqueue(t.Context(), 1, mq.ID("b"), mq.In(time.Hour))
	_, err = q.Enqueue(t.Context(), 1, mq.ID("b"), mq.OnDuplicate(mq.Requeue), mq.In(0))
	must(t, err)
	if _, err := q.Status(t.Context(), "b"); err != nil {
		t.Error(err)
	}
	if _, _, err := q.List(t.Context(), mq.Ready, "", 0); err != nil {
		t.Error(err)
	}
	if _, err := q.Purge(t.Context(), mq.Ready, mq.Delayed, mq.Dead, mq.Done); err != nil {
		t.Error(err)
	}
	if _, err := q.Repair(t.Context()); err != nil {
		t.Error(err)
	}
	must(t, q.Resume(t.Context()))
	if _, err := q.Clear(t.Context()); err != nil {
		t.Error(err)
	}
	must(t, w.stop())
}

var errPlain = fmt.Errorf("no luck")

func TestOutOfMemoryIsToldAndLosesNothing(t *testing.T) {
	onEither(t, func(t *testing.T, over func(*client.Client) redis.Doer) {
		node := testredis.New(t)
		q := newQueue[int](t, over(clientOf(t, node.Addr())), mq.Options{})
		enqueueN(t, q, 100)
		hold := make(chan struct{})
		var began, got counter
		w := start(t, q, func(_ context.Context, m *mq.Msg[int]) error {
			began.add(m.Value)
			<-hold
			got.add(m.Value)
			if m.Value%2 == 1 && m.Attempt == 1 {
				return errPlain
			}
			return nil
		}, mq.WorkerOptions{Concurrency: 50, Backoff: mq.Backoff(time.Millisecond, time.Millisecond)})
		eventually(t, "fifty at work", func() bool { return began.distinct() == 50 })
		node.MustDo(t, "CONFIG", "SET", "maxmemory", "1")
		if _, err := q.Enqueue(t.Context(), 1); redis.ClassOf(err) == redis.ClassNone || !strings.Contains(err.Error(), "OOM") {
			t.Errorf("enqueue: %v", err)
		}
		close(hold)
		eventually(t, "acks go through", func() bool { s, err := q.Stats(t.Context()); return err == nil && s.Handled >= 25 })
		node.MustDo(t, "CONFIG", "SET", "maxmemory", "0")
		eventually(t, "all handled", func() bool { return got.distinct() == 100 && stats(t, q).Leased == 0 && stats(t, q).Delayed == 0 })
		eventually(t, "retries too", func() bool { return got.twice() == 50 })
		must(t, w.stop())
		sound(t, q)
	})
}
