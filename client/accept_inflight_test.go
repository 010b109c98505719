package client_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/pubsub"
	"github.com/kermes-redis/kermes/redis"
)

// faults are the kinds of switch: how the old master is lost.
var faults = []struct {
	name string
	do   func(s *scenario, top *testredis.Topology, old *testredis.Node)
}{
	{"planned", func(s *scenario, top *testredis.Topology, _ *testredis.Node) { s.must(top.SentinelFailover(0)) }},
	{"killed", func(_ *scenario, _ *testredis.Topology, old *testredis.Node) { old.Kill() }},
	{"stopped", func(s *scenario, _ *testredis.Topology, old *testredis.Node) { s.must(old.Stop()) }},
}

func TestA22WhatIsInFlightAtASwitch(t *testing.T) {
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			s := accept(t, "A22", time.Minute)
			top, rec := s.topology(testredis.TopologyOptions{})
			c := s.client(top, client.Options{})
			old := s.master(top)
			in := s.inFlightWork(c)
			s.pass(300 * time.Millisecond)
			began := time.Now()
			f.do(s, top, old)
			first := s.switched(rec, began)
			next := s.settled(top, old)
			s.until("the switch", func() bool { return c.Master() == next.Addr() })
			s.pass(time.Until(first.At.Add(300 * time.Millisecond)))
			in.check(s, f.name, first.At, next, f.name != "planned" || len(s.lateAnnouncements(top, rec)) > 0)
		})
	}
}

// work is one of everything that can be under way.
type work struct {
	cancel context.CancelFunc
	wg     sync.WaitGroup
	c      *client.Client

	popped chan popResult
	read   chan error
	sub    *pubsub.Subscriber
	mu     sync.Mutex
	ready  []time.Time // when everything was subscribed to
	gaps   int
	got    map[string]time.Time // payload: when it came
	txs    count
	pipes  count
}

// count is how calls ended.
type count struct{ acked, unknown, refused, other int }

func (n *count) add(err error) {
	switch class := redis.ClassOf(err); {
	case err == nil:
		n.acked++
	case class == conn.ClassMaybeExecuted:
		n.unknown++
	case class == conn.ClassRejected || class == conn.ClassNotSent:
		n.refused++
	default:
		n.other++
	}
}

type popResult struct {
	value string
	err   error
	at    time.Time
}

// inFlightWork starts a BLPOP, an XREAD, a subscriber, transactions and
// pipelines.
func (s *scenario) inFlightWork(c *client.Client) *work {
	ctx, cancel := context.WithCancel(s.ctx)
	in := &work{cancel: cancel, c: c, popped: make(chan popResult, 8), read: make(chan error, 8), got: map[string]time.Time{}}
	s.Cleanup(func() { cancel(); in.wg.Wait() })
	in.wg.Go(func() { in.pop(ctx) })
	in.wg.Go(func() {
		_, err := redis.XRead(redis.XReadOptions{Block: redis.Forever}, redis.StreamID{Key: "stream", ID: redis.LastID}).Do(ctx, c)
		in.read <- err
	})
	in.subscribe(s, ctx)
	for i := range 2 {
		in.wg.Go(func() { in.transact(ctx, i) })
		in.wg.Go(func() { in.pipeline(ctx, i) })
	}
	return in
}

// pop waits for elements until it has the last one. What a BLPOP that was cut
// off has taken, if anything, is unknown; it is called again.
func (in *work) pop(ctx context.Context) {
	for ctx.Err() == nil {
		pop, err := redis.BLPop(redis.Forever, "queue").Do(ctx, in.c)
		in.popped <- popResult{pop.Value, err, time.Now()}
		if err == nil {
			return
		}
	}
}

func (in *work) subscribe(s *scenario, ctx context.Context) {
	in.sub = pubsub.New(in.c.Subscriptions(), pubsub.Options{})
	s.Cleanup(func() { _ = in.sub.Close() })
	in.sub.Listen(func(e pubsub.Event) {
		in.mu.Lock()
		defer in.mu.Unlock()
		switch e.Kind {
		case pubsub.EventSubscribed:
			in.ready = append(in.ready, e.Time)
		case pubsub.EventGap:
			in.gaps++
		}
	})
	messages, err := in.sub.Subscribe(ctx, "news")
	s.must(err)
	in.wg.Go(func() {
		for m, err := range messages.All(ctx) {
			if err == nil {
				in.mu.Lock()
				in.got[m.Text()] = time.Now()
				in.mu.Unlock()
			}
		}
	})
}

// transact increments two counters together.
func (in *work) transact(ctx context.Context, i int) {
	for ctx.Err() == nil {
		err := redis.Transact(ctx, in.c, redis.TxOptions{Watch: []string{fmt.Sprint("guard", i)}}, func(_ context.Context, tx *redis.Tx) error {
			redis.Incr(fmt.Sprint("a", i)).Queue(&tx.Pipeline)
			redis.Incr(fmt.Sprint("b", i)).Queue(&tx.Pipeline)
			return nil
		})
		in.note(ctx, &in.txs, err)
	}
}

// pipeline increments one counter three times.
func (in *work) pipeline(ctx context.Context, i int) {
	for ctx.Err() == nil {
		var p redis.Pipeline
		var all []redis.Future[int64]
		for range 3 {
			all = append(all, redis.Incr(fmt.Sprint("p", i)).Queue(&p))
		}
		_ = p.Flush(ctx, in.c)
		for _, f := range all {
			in.note(ctx, &in.pipes, f.Err())
		}
	}
}

func (in *work) note(ctx context.Context, n *count, err error) {
	if ctx.Err() != nil {
		err = &conn.Error{Class: conn.ClassMaybeExecuted, Err: ctx.Err()}
	}
	in.mu.Lock()
	n.add(err)
	in.mu.Unlock()
	select {
	case <-ctx.Done():
	case <-time.After(writeGap):
	}
}

func (in *work) check(s *scenario, fault string, first time.Time, next *testredis.Node, lossy bool) {
	s.Helper()
	// The subscriber is on the new master, and knows what it may have missed.
	in.mu.Lock()
	var back time.Duration
	if n := len(in.ready); n > 0 {
		back = in.ready[n-1].Sub(first)
	}
	gaps := in.gaps
	in.mu.Unlock()
	s.within("subscribed again after T, "+fault, back, 200*time.Millisecond)
	if gaps == 0 {
		s.Errorf("%s: no gap was told", fault)
	}
	s.until("a message on the new master", func() bool {
		next.MustDo(s, "PUBLISH", "news", "hello")
		in.mu.Lock()
		defer in.mu.Unlock()
		_, ok := in.got["hello"]
		return ok
	})
	// The blocking calls wait on the new master, or have said why not.
	next.MustDo(s, "RPUSH", "queue", "element")
	next.MustDo(s, "XADD", "stream", "*", "k", "v")
	for got := false; !got; {
		select {
		case r := <-in.popped:
			got = r.err == nil
			if r.err != nil && conn.ClassOf(r.err) != conn.ClassMaybeExecuted {
				s.Errorf("BLPOP, %s: class %v of %v", fault, conn.ClassOf(r.err), r.err)
			}
			if r.err == nil && r.value != "element" {
				s.Errorf("BLPOP, %s: %q", fault, r.value)
			}
		case <-s.ctx.Done():
			s.Fatalf("BLPOP, %s: neither an element nor an error", fault)
		}
	}
	select {
	case err := <-in.read:
		if class := conn.ClassOf(err); err != nil && class != conn.ClassMaybeExecuted && class != conn.ClassNotSent {
			s.Errorf("XREAD, %s: %v", fault, err)
		}
		s.Logf("XREAD, %s: %v", fault, err)
	case <-s.ctx.Done():
		s.Fatalf("XREAD, %s: neither an entry nor an error", fault)
	}
	in.cancel()
	in.wg.Wait()
	in.audit(s, fault, next, lossy)
}

// audit: transactions are whole, and every reply is worth what it says. A
// crash may take the tail of what was acknowledged just before with it, and so may an
// announcement that comes with the promotion.
func (in *work) audit(s *scenario, fault string, next *testredis.Node, lossy bool) {
	s.Helper()
	number := func(key string) int {
		text := next.MustDo(s, "GET", key).Str
		n, err := strconv.Atoi(text)
		if text != "" {
			s.must(err)
		}
		return n
	}
	whole, counted := 0, 0
	for i := range 2 {
		a, b := number(fmt.Sprint("a", i)), number(fmt.Sprint("b", i))
		if a != b {
			s.Errorf("%s: half a transaction: %d and %d", fault, a, b)
		}
		whole += a
		counted += number(fmt.Sprint("p", i))
	}
	tail := 0
	if lossy {
		tail = 8 * int(asyncTail()/writeGap)
	}
	s.Logf("A22 %s: transactions %+v, %d there; pipelined %+v, %d there", fault, in.txs, whole, in.pipes, counted)
	for what, n := range map[string]struct {
		count
		there int
	}{"transactions": {in.txs, whole}, "pipelined commands": {in.pipes, counted}} {
		s.atMost(what+" acknowledged and lost, "+fault, max(0, n.acked-n.there-tail), 0)
		s.atMost(what+" executed although refused, "+fault, max(0, n.there-n.acked-n.unknown), 0)
		s.atMost(what+" with an error of no class, "+fault, n.other, 0)
	}
}

// EXEC is refused on a server that was demoted in between: the transaction
// works again by itself, or says that nothing of it was executed.
func TestA22ATransactionOnADemotedMasterIsNotExecuted(t *testing.T) {
	s := accept(t, "A22", time.Minute)
	top, _ := s.topology(testredis.TopologyOptions{})
	c := s.client(top, client.Options{RetryTime: 500 * time.Millisecond})
	master := s.master(top)
	once := func() error {
		return redis.Transact(s.ctx, c, redis.TxOptions{}, func(_ context.Context, tx *redis.Tx) error {
			redis.Incr("n").Queue(&tx.Pipeline)
			return nil
		})
	}
	s.must(once())
	master.MustDo(s, "REPLICAOF", "127.0.0.1", "1")
	err := once()
	if class := redis.ClassOf(err); class != conn.ClassRejected && class != conn.ClassNotSent {
		s.Errorf("class %v of %v", class, err)
	}
	if errors.Is(err, redis.ErrConflict) {
		s.Errorf("a demoted master is no conflict: %v", err)
	}
	master.MustDo(s, "REPLICAOF", "NO", "ONE")
	s.until("a transaction again", func() bool { return once() == nil })
	if got := master.MustDo(s, "GET", "n").Str; got != "2" {
		s.Errorf("n is %s", got)
	}
}
