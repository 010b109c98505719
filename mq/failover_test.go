package mq_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/internal/testproxy"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/mq"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/sentinel"
)

// rounds is how often each failover is repeated: `make soak-mq` sets 30.
func rounds(standard int) int {
	if n, err := strconv.Atoi(os.Getenv("KERMES_MQ_ROUNDS")); err == nil && n > 0 {
		return n
	}
	return standard
}

// sentinelClient returns a client of a topology, under an interceptor if so wanted.
func sentinelClient(t *testing.T, top *testredis.Topology, intercepted bool) redis.Doer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := client.Open(ctx, client.Options{
		Group: sentinel.GroupOptions{Sentinels: top.SentinelAddrs()}, Master: testgroup.DefaultMaster,
	})
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	if intercepted {
		return redis.Intercept(c, quiet)
	}
	return c
}

// traffic is a queue whose producers are faster than its workers. They all live through
// every round of a test: nobody is restarted.
type traffic struct {
	name      string
	producers []*mq.Queue[string]
	workers   []*running
	slow      atomic.Bool

	mu        sync.Mutex
	confirmed map[string]time.Time // ids whose Enqueue returned nil, when
	handled   map[string]int
	errs      []error
	next      int
	lost      int
	twice     int
	total     int
	began     time.Time // of the last handler
}

// newTraffic has a producer and a worker over a plain client, and one of each over
// an intercepted one.
func newTraffic(t *testing.T, top *testredis.Topology, name string, minReplicas int) *traffic {
	t.Helper()
	f := &traffic{name: name, confirmed: map[string]time.Time{}, handled: map[string]int{}}
	f.slow.Store(true)
	o := mq.Options{MinReplicas: minReplicas, DurabilityTimeout: time.Minute}
	for _, intercepted := range []bool{false, true} {
		d := sentinelClient(t, top, intercepted)
		f.producers = append(f.producers, mq.New[string](d, name, o))
		// An hour between polls: who is deaf stays so.
		f.workers = append(f.workers, start(t, mq.New[string](d, name, o), f.handle,
			mq.WorkerOptions{Concurrency: 2, Lease: 6 * time.Second, PollInterval: time.Hour, StopTimeout: time.Second}))
	}
	return f
}

func (f *traffic) handle(ctx context.Context, m *mq.Msg[string]) error {
	f.mu.Lock()
	f.handled[m.Value]++
	f.began = time.Now()
	f.mu.Unlock()
	if f.slow.Load() {
		time.Sleep(40 * time.Millisecond) // the work
	}
	return nil
}

// produce enqueues until ctx ends.
func (f *traffic) produce(ctx context.Context, q *mq.Queue[string]) {
	for ctx.Err() == nil {
		f.mu.Lock()
		f.next++
		id := fmt.Sprint("m", f.next)
		f.mu.Unlock()
		_, err := q.Enqueue(context.Background(), id, mq.ID(id))
		f.mu.Lock()
		if err == nil {
			f.confirmed[id] = time.Now()
		} else {
			f.errs = append(f.errs, err)
		}
		f.mu.Unlock()
		time.Sleep(time.Millisecond) // the pace of the load
	}
}

func (f *traffic) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.confirmed)
}

// between returns how many were confirmed between two moments.
func (f *traffic) between(from, to time.Time) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, at := range f.confirmed {
		if at.After(from) && at.Before(to) {
			n++
		}
	}
	return n
}

// load produces on all queues until the function it returns is called. Then workers
// are in no hurry any more, and what was lost is counted.
func load(t *testing.T, all []*traffic) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var producers sync.WaitGroup
	from := make([]int, len(all))
	for i, f := range all {
		f.slow.Store(true)
		from[i] = f.count()
		for _, q := range f.producers {
			for range 2 {
				producers.Go(func() { f.produce(ctx, q) })
			}
		}
	}
	grow := func(what string) {
		for i, f := range all {
			wait(t, f.name+" "+what, func() bool { return f.count() >= from[i]+100 })
			from[i] = f.count()
		}
	}
	grow("gets going")
	for _, f := range all {
		wait(t, f.name+" has a backlog", func() bool {
			s, err := f.producers[0].Stats(t.Context())
			return err == nil && s.Ready > 50
		})
	}
	return func() {
		for i, f := range all {
			from[i] = f.count()
		}
		grow("goes on")
		cancel()
		producers.Wait()
		for _, f := range all {
			f.slow.Store(false)
			f.settle(t)
		}
	}
}

// settle waits until nothing is left of the queue, and counts.
func (f *traffic) settle(t *testing.T) {
	t.Helper()
	wait(t, f.name+": nothing is left", func() bool {
		s, err := f.producers[0].Stats(t.Context())
		return err == nil && s.Ready+s.Delayed+s.Leased == 0
	})
	r, err := f.producers[0].Verify(t.Context())
	if err != nil || !r.Sound() {
		t.Errorf("%s: the queue is not sound: %+v, %v", f.name, r, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for id := range f.confirmed {
		if f.handled[id] == 0 {
			f.lost++
		}
	}
	for _, n := range f.handled {
		f.twice += max(n-1, 0)
	}
	f.total += len(f.confirmed)
	clear(f.confirmed)
	clear(f.handled)
}

// wait is for what takes a failover and a lease.
func wait(t *testing.T, what string, f func() bool) {
	t.Helper()
	leak.Eventually(t, 2*time.Minute, what, f)
}

// judge reports, and fails the test if something confirmed by a replica was lost.
func judge(t *testing.T, all []*traffic, mayFail bool) {
	t.Helper()
	for _, f := range all {
		t.Logf("%s: %d confirmed, %d of them lost, %d calls of handlers more than messages, %d enqueues failed",
			f.name, f.total, f.lost, f.twice, len(f.errs))
		if f.name == "plain" {
			continue
		}
		if f.lost > 0 {
			t.Errorf("%s: %d confirmed messages were lost", f.name, f.lost)
		}
		if len(f.errs) > 0 && !mayFail {
			t.Errorf("%s: %d enqueues failed, the first: %v", f.name, len(f.errs), f.errs[0])
		}
	}
}

// both are a queue with MinReplicas and one without.
func both(t *testing.T, top *testredis.Topology) []*traffic {
	t.Helper()
	return []*traffic{newTraffic(t, top, "plain", 0), newTraffic(t, top, "MinReplicas", 1)}
}

// say tells how a round went.
func say(t *testing.T, i, n int, all []*traffic) {
	t.Logf("round %d of %d: plain lost %d of %d, MinReplicas %d of %d", i+1, n, all[0].lost, all[0].total, all[1].lost, all[1].total)
}

func TestNoConfirmedMessageIsLostInPlannedFailovers(t *testing.T) {
	checkLeaks(t)
	top := testredis.NewTopology(t, testredis.TopologyOptions{Fast: true, MaxLife: time.Hour})
	all := both(t, top)
	n := rounds(1)
	for i := range n {
		end := load(t, all)
		for range 2 + i%2 { // one after another
			switchMaster(t, top)
		}
		end()
		say(t, i, n, all)
		settled(t, top)
	}
	judge(t, all, false)
}

func TestNoConfirmedMessageIsLostWhenTheMasterIsKilled(t *testing.T) {
	checkLeaks(t)
	top := testredis.NewTopology(t, testredis.TopologyOptions{Fast: true, MaxLife: time.Hour})
	all := both(t, top)
	n := rounds(1)
	for i := range n {
		master := settled(t, top)
		end := load(t, all)
		master.Kill()
		_, err := top.WaitSwitch(limited(t), testgroup.DefaultMaster, master)
		must(t, err)
		end()
		say(t, i, n, all)
		must(t, master.Restart())
	}
	judge(t, all, false)
}

// A plain kill loses nothing seven times of eight. Here the replicas hear nothing for
// half a second before, and what is under way to them is lost.
func TestNoConfirmedMessageIsLostWhenReplicationIsCutBeforeTheMasterIsKilled(t *testing.T) {
	checkLeaks(t)
	top := testredis.NewTopology(t, testredis.TopologyOptions{Fast: true, ProxyData: true, MaxLife: time.Hour})
	all := both(t, top)
	n := rounds(1)
	for i := range n {
		master := settled(t, top)
		end := load(t, all)
		master.Proxy().SetFor(testproxy.BlackHole, func(c *testproxy.Conn) bool {
			return bytes.Contains(c.Head(), []byte("REPLCONF")) && !bytes.Contains(c.Head(), []byte("sentinel-"))
		})
		time.Sleep(50 * time.Millisecond) // what is under way has arrived, or is lost
		from := time.Now()
		wait(t, "plain ones are confirmed", func() bool { return all[0].between(from, time.Now()) > 20 })
		time.Sleep(max(0, 500*time.Millisecond-time.Since(from))) // the length of the cut
		early := all[1].between(from, time.Now())
		master.Kill()
		_, err := top.WaitSwitch(limited(t), testgroup.DefaultMaster, master)
		must(t, err)
		end()
		if early > 0 {
			t.Errorf("%d messages were confirmed while no replica could have them", early)
		}
		say(t, i, n, all)
		master.Proxy().SetFor(testproxy.Pass, nil)
		must(t, master.Restart())
	}
	judge(t, all, false)
}

// A master that stands still and comes back is no master any more: nobody writes to it.
func TestAMasterThatComesBackGetsNoWrites(t *testing.T) {
	checkLeaks(t)
	top := testredis.NewTopology(t, testredis.TopologyOptions{Fast: true, MaxLife: time.Hour})
	all := both(t, top)
	for range rounds(1) {
		master := settled(t, top)
		end := load(t, all)
		must(t, master.Stop())
		next, err := top.WaitSwitch(limited(t), testgroup.DefaultMaster, master)
		must(t, err)
		at := time.Now()
		for _, f := range all {
			var began time.Time
			wait(t, f.name+" is handled again", func() bool {
				f.mu.Lock()
				defer f.mu.Unlock()
				began = f.began
				return began.After(at)
			})
			t.Logf("%s: handled again %v after the switch", f.name, began.Sub(at).Round(time.Millisecond))
		}
		must(t, master.Cont())
		// What was in its socket when it stopped is executed now; then nothing more.
		calls := func(n *testredis.Node) int {
			c, err := n.CommandCalls("evalsha")
			must(t, err)
			return c
		}
		wait(t, "it answers", func() bool { _, err := master.CommandCalls("evalsha"); return err == nil })
		before := -1
		wait(t, "it has executed what was in its sockets", func() bool {
			last := before
			before = calls(master)
			return before == last
		})
		beside := calls(next)
		wait(t, "the new master has more to do", func() bool { return calls(next) > beside+200 })
		if after := calls(master); after != before {
			t.Errorf("the old master has executed %d scripts more", after-before)
		}
		end()
	}
	judge(t, all, false)
}

func TestSentinelsThatAreGoneStopNobody(t *testing.T) {
	checkLeaks(t)
	top := testredis.NewTopology(t, testredis.TopologyOptions{Fast: true, Persist: true, DataConfig: []string{"appendfsync always"}, MaxLife: time.Hour})
	f := newTraffic(t, top, "alone", 0)
	all := []*traffic{f}
	end := load(t, all)
	master := settled(t, top)
	for _, s := range top.Sentinels {
		s.Kill()
	}
	end()
	end = load(t, all)
	master.Kill()
	must(t, master.Restart())
	end()
	if f.lost > 0 {
		t.Errorf("%d were lost", f.lost)
	}
	t.Logf("%d confirmed, %d enqueues failed, %d calls more than messages", f.total, len(f.errs), f.twice)
}

// A worker that was idle through a failover hears of the next message.
func TestAnIdleWorkerHearsOfAMessageAfterAFailover(t *testing.T) {
	checkLeaks(t)
	top := testredis.NewTopology(t, testredis.TopologyOptions{Fast: true, MaxLife: time.Hour})
	for _, intercepted := range []bool{false, true} {
		d := sentinelClient(t, top, intercepted)
		q := newQueue[time.Time](t, d, mq.Options{})
		took := make(chan time.Duration, 1)
		w := start(t, q, func(_ context.Context, m *mq.Msg[time.Time]) error { took <- time.Since(m.Value); return nil },
			mq.WorkerOptions{PollInterval: time.Hour})
		for i := range min(rounds(1), 5) {
			wait(t, "it is idle", func() bool { s, err := q.Stats(t.Context()); return err == nil && s.Idle == 1 })
			switchMaster(t, top)
			settled(t, top)
			if rounds(0) > 0 && i == 0 {
				time.Sleep(time.Minute) // what has to survive that
			}
			wait(t, "it is idle again", func() bool { s, err := q.Stats(t.Context()); return err == nil && s.Idle == 1 })
			_, err := q.Enqueue(t.Context(), time.Now())
			must(t, err)
			select {
			case d := <-took:
				t.Logf("intercepted %v: after %v", intercepted, d)
			case <-time.After(time.Minute):
				t.Fatalf("intercepted %v: nobody has heard of the message", intercepted)
			}
		}
		must(t, w.stop())
	}
}

func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// settled waits until all is as in the beginning, and returns the master.
func settled(t *testing.T, top *testredis.Topology) *testredis.Node {
	t.Helper()
	must(t, top.WaitSettled(limited(t)))
	master, err := top.CurrentMaster(testgroup.DefaultMaster)
	must(t, err)
	return master
}

// switchMaster has the sentinels promote a replica.
func switchMaster(t *testing.T, top *testredis.Topology) {
	t.Helper()
	old := settled(t, top)
	wait(t, "the sentinel agrees", func() bool { return top.SentinelFailover(0) == nil })
	_, err := top.WaitSwitch(limited(t), testgroup.DefaultMaster, old)
	must(t, err)
}
