package mq_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/internal/testproxy"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/mq"
	"github.com/kermes-redis/kermes/redis"
)

const membersOf = 5

// callers are the calls of handlers of groups.
type callers struct {
	mu    sync.Mutex
	n     map[string]int // by id
	early []string       // callbacks that came before a member
}

func (c *callers) add(m *mq.Msg[int]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[string]int{}
	}
	c.n[m.ID]++
	for i := range membersOf {
		if m.Value < 0 && c.n[fmt.Sprint(m.ID, "/", i)] == 0 {
			c.early = append(c.early, m.ID)
			break
		}
	}
}

// judge fails unless each of the first groups had its callback, after its members. It
// returns how many calls there were beyond one for each message.
func (c *callers) judge(t *testing.T, groups int) (again int) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	never := 0
	for i := range groups {
		if c.n[fmt.Sprint("then", i+1)] == 0 {
			never++
		}
	}
	for _, n := range c.n {
		again += n - 1
	}
	if never > 0 || len(c.early) > 0 || len(c.n) != groups*(membersOf+1) {
		t.Errorf("%d groups: %d callbacks never called, %d too early, %d messages handled", groups, never, len(c.early), len(c.n))
	}
	return again
}

// groupTraffic is groups that are enqueued all the time, each of which somebody awaits.
type groupTraffic struct {
	queues []*mq.Queue[int]
	calls  callers

	mu      sync.Mutex
	next    int
	wrong   []error
	groups  int
	awaited sync.WaitGroup
}

// newGroupTraffic has a producer and a worker over a plain client, and one of each over an
// intercepted one.
func newGroupTraffic(t *testing.T, top *testredis.Topology) *groupTraffic {
	t.Helper()
	f := &groupTraffic{}
	for _, intercepted := range []bool{false, true} {
		q := mq.New[int](sentinelClient(t, top, intercepted), "groups", mq.Options{MinReplicas: 1, DurabilityTimeout: time.Minute})
		f.queues = append(f.queues, q)
		start(t, q, f.handle, mq.WorkerOptions{
			Concurrency: 8, Lease: 6 * time.Second, PollInterval: time.Hour, StopTimeout: time.Second,
			Backoff: mq.Backoff(time.Millisecond, time.Millisecond),
		})
	}
	return f
}

// handle has one member fail once, and another for good.
func (f *groupTraffic) handle(_ context.Context, m *mq.Msg[int]) error {
	f.calls.add(m)
	time.Sleep(time.Millisecond) // the work
	switch {
	case m.Value == 3 && m.Attempt == 1:
		return errPlain
	case m.Value == 4:
		return mq.DeadLetter(errPlain)
	}
	return m.SetResult("of " + m.ID)
}

// produce enqueues groups until ctx ends. Their callbacks are awaited over the other client.
func (f *groupTraffic) produce(ctx context.Context, own, other *mq.Queue[int]) {
	for ctx.Err() == nil {
		f.mu.Lock()
		f.next++
		id := fmt.Sprint("then", f.next)
		f.mu.Unlock()
		g := groupOf(membersOf, id, mq.KeepResult(time.Hour))
		g.DeadEnds = true
		_, err := own.EnqueueGroup(context.Background(), g)
		f.mu.Lock()
		f.groups++
		if err != nil {
			f.wrong = append(f.wrong, fmt.Errorf("enqueue %s: %w", id, err))
		} else {
			f.awaited.Go(func() { f.await(other, id) })
		}
		f.mu.Unlock()
		time.Sleep(10 * time.Millisecond) // the pace of the load
	}
}

func (f *groupTraffic) await(q *mq.Queue[int], id string) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var result string
	err := q.Await(ctx, id, &result)
	if err == nil && result == "of "+id {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wrong = append(f.wrong, fmt.Errorf("result of %s: %q, %w", id, result, err))
}

func (f *groupTraffic) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.groups
}

// through has groups go on while the master is taken away.
func (f *groupTraffic) through(t *testing.T, fail func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var producers sync.WaitGroup
	defer func() { cancel(); producers.Wait() }()
	for i, q := range f.queues {
		producers.Go(func() { f.produce(ctx, q, f.queues[1-i]) })
	}
	grow := func() {
		from := f.count()
		wait(t, "there are more groups", func() bool { return f.count() >= from+50 })
	}
	grow()
	fail()
	grow()
}

// judge waits until nothing is left, and fails unless each callback was enqueued once. The
// count of what was enqueued is written by the scripts that do it.
func (f *groupTraffic) judge(t *testing.T) {
	t.Helper()
	q := f.queues[0]
	var last mq.Stats
	var failed error
	defer func() {
		if t.Failed() {
			t.Logf("left: %+v, %v", last, failed)
		}
	}()
	wait(t, "nothing is left", func() bool {
		last, failed = q.Stats(t.Context())
		return failed == nil && last.Ready+last.Delayed+last.Leased+last.Waiting == 0
	})
	f.awaited.Wait()
	if r, err := q.Verify(t.Context()); err != nil || !r.Sound() {
		t.Errorf("the queue is not sound: %+v, %v", r, err)
	}
	s := stats(t, q)
	f.mu.Lock()
	defer f.mu.Unlock()
	again := f.calls.judge(t, f.groups)
	t.Logf("%d groups, %d calls more than there had to be, %d enqueued", f.groups, again-f.groups, s.Enqueued) // one member of each fails once
	if len(f.wrong) > 0 {
		t.Errorf("%d errors: %v", len(f.wrong), f.wrong[0])
	}
	if all := int64(f.groups * (membersOf + 1)); s.Enqueued != all || s.Handled+s.Died != all || s.Died != int64(f.groups) {
		t.Errorf("%d messages in all, but %d were enqueued, %d done, %d are dead letters", all, s.Enqueued, s.Handled, s.Died)
	}
}

// tellOnFailure logs what the master has of groups when the test has failed.
func (f *groupTraffic) tellOnFailure(t *testing.T, top *testredis.Topology) {
	if !t.Failed() {
		return
	}
	m, err := top.CurrentMaster("")
	if err != nil {
		t.Log(err)
		return
	}
	for _, cmd := range [][]string{{"ZRANGE", "mq:{groups}:g", "0", "-1", "WITHSCORES"}, {"HGETALL", "mq:{groups}:gn"}, {"HGETALL", "mq:{groups}:a"}} {
		r, err := m.Do(cmd...)
		t.Logf("%q: %.600q %v", cmd, r.String(), err)
	}
}

// Members are settled, callbacks enqueued and results stored while the master is replaced:
// in the end each group has had its callback, enqueued once, and who awaits it is told.
func TestGroupsAndResultsGoThroughFailovers(t *testing.T) {
	checkLeaks(t)
	top := testredis.NewTopology(t, testredis.TopologyOptions{Fast: true, ProxyData: true, MaxLife: time.Hour})
	f := newGroupTraffic(t, top)
	defer f.tellOnFailure(t, top)
	for range rounds(1) {
		f.through(t, func() { switchMaster(t, top) })
		f.through(t, func() { killMaster(t, top) })
		f.through(t, func() { cutAndKillMaster(t, top) })
	}
	f.judge(t)
}

// cutAndKillMaster is killMaster half a second after the last that the replicas have heard
// of the master: what it has done meanwhile is undone.
func cutAndKillMaster(t *testing.T, top *testredis.Topology) {
	t.Helper()
	master := settled(t, top)
	master.Proxy().SetFor(testproxy.BlackHole, func(c *testproxy.Conn) bool {
		return bytes.Contains(c.Head(), []byte("REPLCONF")) && !bytes.Contains(c.Head(), []byte("sentinel-"))
	})
	time.Sleep(500 * time.Millisecond) // the length of the cut
	master.Kill()
	_, err := top.WaitSwitch(limited(t), testgroup.DefaultMaster, master)
	must(t, err)
	master.Proxy().SetFor(testproxy.Pass, nil)
	must(t, master.Restart())
}

// Connections break all the time, and with them replies of what has enqueued a group, and
// of what has settled its last member: each has one callback.
func TestLostRepliesLeaveEachGroupOneCallback(t *testing.T) {
	for _, intercepted := range []bool{false, true} {
		t.Run(fmt.Sprint("intercepted=", intercepted), func(t *testing.T) {
			proxy, c := proxied(t)
			var d redis.Doer = c
			if intercepted {
				d = redis.Intercept(c, quiet)
			}
			q := newQueue[int](t, d, mq.Options{Window: time.Hour})
			var calls callers
			w := start(t, q, func(_ context.Context, m *mq.Msg[int]) error { calls.add(m); return nil },
				mq.WorkerOptions{Concurrency: 4, Lease: time.Hour}) // no lease ends in this test
			ctx, cancel := context.WithCancel(t.Context())
			var fault sync.WaitGroup
			fault.Go(func() {
				for ctx.Err() == nil {
					proxy.Cut()
					time.Sleep(5 * time.Millisecond) // the pace of the fault
				}
			})
			groups := 10 * rounds(4)
			for i := range groups {
				g := groupOf(membersOf, fmt.Sprint("then", i+1))
				eventually(t, "the group is enqueued", func() bool {
					_, err := q.EnqueueGroup(t.Context(), g)
					return err == nil || errors.Is(err, mq.ErrDuplicate) // it was, by a call before
				})
			}
			cancel()
			fault.Wait()
			eventually(t, "all handled", func() bool { return stats(t, q).Handled == int64(groups*(membersOf+1)) })
			if s := stats(t, q); s.Enqueued != int64(groups*(membersOf+1)) || s.Waiting != 0 {
				t.Errorf("%+v", s)
			}
			if again := calls.judge(t, groups); again != 0 {
				t.Errorf("%d calls more than messages", again)
			}
			t.Logf("%+v", w.Stats())
			must(t, w.stop())
			sound(t, q)
		})
	}
}

// A server that is out of memory takes the end of members, and enqueues the callback. What
// it refuses, a group that is new and a result, leaves no trace, and is done later.
func TestGroupsOnAServerOutOfMemory(t *testing.T) {
	for _, intercepted := range []bool{false, true} {
		t.Run(fmt.Sprint("intercepted=", intercepted), func(t *testing.T) {
			node := testredis.New(t)
			var d redis.Doer = clientOf(t, node.Addr())
			if intercepted {
				d = redis.Intercept(d, quiet)
			}
			q := newQueue[int](t, d, mq.Options{})
			enqueueGroup(t, q, groupOf(4, "then"))
			kept := groupOf(2, "kept", mq.KeepResult(time.Hour))
			for i := range kept.Members {
				kept.Members[i].Options = []mq.Option{mq.KeepResult(time.Hour)}
			}
			enqueueGroup(t, q, kept)
			hold := make(chan struct{})
			var began, calls seen
			w := start(t, q, func(_ context.Context, m *mq.Msg[int]) error {
				began.add("%s", m.ID)
				<-hold
				if m.Value < 0 {
					calls.add("%s", m.ID)
				}
				return m.SetResult(m.Value)
			}, mq.WorkerOptions{Concurrency: 6, Backoff: mq.Backoff(time.Millisecond, time.Millisecond)})
			eventually(t, "all members are handled", func() bool { return began.len() == 6 })
			node.MustDo(t, "CONFIG", "SET", "maxmemory", "1")
			if _, err := q.EnqueueGroup(t.Context(), groupOf(3, "late")); redis.ClassOf(err) == redis.ClassNone {
				t.Errorf("enqueued without memory: %v", err)
			}
			if s, err := q.Status(t.Context(), "late"); err != nil || s.State != mq.Absent {
				t.Errorf("it has left a trace: %+v, %v", s, err)
			}
			close(hold)
			eventually(t, "the members have ended", func() bool {
				s, err := q.Status(t.Context(), "then")
				return err == nil && s.State != mq.Waiting
			})
			noFaults(t, q)
			node.MustDo(t, "CONFIG", "SET", "maxmemory", "0")
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			for id, want := range map[string]int{"kept/0": 0, "kept/1": 1, "kept": -1} {
				n := 7
				if err := q.Await(ctx, id, &n); err != nil || n != want {
					t.Errorf("%s: %d, %v", id, n, err)
				}
			}
			eventually(t, "all handled", func() bool { return stats(t, q).Handled == 8 })
			if s := stats(t, q); calls.len() != 2 || s.Enqueued != 8 || s.Waiting != 0 {
				t.Errorf("%q, %+v", calls.list(), s)
			}
			must(t, w.stop())
			sound(t, q)
		})
	}
}
