package mq_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/internal/testproxy"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/mq"
)

// many is a queue through which many messages go, whatever becomes of its servers. Its
// producers and workers live through all of it.
type many struct {
	queues []*mq.Queue[int]
	batch  int
	pause  time.Duration // of a producer between batches

	mu        sync.Mutex
	next      int
	confirmed []int // messages whose enqueue returned nil
	handled   map[int]int
	errs      []error
}

// newMany has a producer and a worker over a plain client, and one of each over an
// intercepted one. n messages take about span.
func newMany(t *testing.T, top *testredis.Topology, n int, span time.Duration) *many {
	t.Helper()
	m := &many{batch: max(n/1000, 10), handled: map[int]int{}}
	m.pause = span * time.Duration(2*m.batch) / time.Duration(n)
	for _, intercepted := range []bool{false, true} {
		q := mq.New[int](sentinelClient(t, top, intercepted), "many", mq.Options{MinReplicas: 1, DurabilityTimeout: 3 * time.Minute})
		m.queues = append(m.queues, q)
		start(t, q, m.handle, // an hour between polls: who is deaf stays so
			mq.WorkerOptions{Concurrency: 20, Lease: 6 * time.Second, PollInterval: time.Hour, StopTimeout: time.Second})
	}
	return m
}

func (m *many) handle(_ context.Context, msg *mq.Msg[int]) error {
	m.mu.Lock()
	m.handled[msg.Value]++
	m.mu.Unlock()
	time.Sleep(2 * time.Millisecond) // the work
	return nil
}

// produce enqueues batches until ctx ends.
func (m *many) produce(ctx context.Context, q *mq.Queue[int]) {
	for ctx.Err() == nil {
		m.mu.Lock()
		items := make([]mq.Item[int], m.batch)
		for i := range items {
			items[i] = mq.Item[int]{Value: m.next, Options: []mq.Option{mq.ID(fmt.Sprint("n", m.next))}}
			m.next++
		}
		m.mu.Unlock()
		results, err := q.EnqueueBatch(context.Background(), items)
		m.mu.Lock()
		if err != nil {
			m.errs = append(m.errs, err)
		}
		for i, r := range results {
			if r.Err() == nil {
				m.confirmed = append(m.confirmed, items[i].Value)
			} else {
				m.errs = append(m.errs, r.Err())
			}
		}
		m.mu.Unlock()
		time.Sleep(m.pause) // the pace of the load
	}
}

func (m *many) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.confirmed)
}

// reach waits until n are confirmed.
func (m *many) reach(t *testing.T, n int) {
	t.Helper()
	wait(t, fmt.Sprint(n, " messages are confirmed"), func() bool { return m.count() >= n })
}

// judge waits until nothing is left, and fails if something is lost, or was counted wrong.
func (m *many) judge(t *testing.T) {
	t.Helper()
	q := m.queues[0]
	wait(t, "nothing is left", func() bool {
		s, err := q.Stats(t.Context())
		return err == nil && s.Ready+s.Delayed+s.Leased == 0
	})
	if r, err := q.Repair(t.Context()); err != nil || !r.Sound() {
		t.Errorf("the queue is not sound: %+v, %v", r, err)
	}
	s := stats(t, q)
	m.mu.Lock()
	defer m.mu.Unlock()
	lost, twice := 0, 0
	for _, i := range m.confirmed {
		if m.handled[i] == 0 {
			lost++
		}
	}
	for _, n := range m.handled {
		twice += n - 1
	}
	t.Logf("%d confirmed, %d lost, %d calls of handlers more than messages, %d enqueues failed, %d leases ended",
		len(m.confirmed), lost, twice, len(m.errs), s.Crashed)
	if lost > 0 || len(m.errs) > 0 {
		t.Errorf("%d of %d confirmed messages were lost, %d enqueues failed: %v", lost, len(m.confirmed), len(m.errs), m.errs[:min(1, len(m.errs))])
	}
	if n := int64(len(m.confirmed)); s.Enqueued != n || s.Handled != n {
		t.Errorf("%d confirmed, but the queue has counted %d and %d", n, s.Enqueued, s.Handled)
	}
}

// sweep fails if what is stored contradicts itself, at any moment.
func (m *many) sweep(t *testing.T, when string) {
	t.Helper()
	var r mq.Repaired
	wait(t, "it can be asked", func() (ok bool) {
		var err error
		r, err = m.queues[0].Verify(t.Context())
		return err == nil
	})
	if !r.Sound() {
		t.Errorf("%s: %+v", when, r)
	}
}

// Three failovers one after the other, and then a time without any master, under load.
// KERMES_MQ_MESSAGES is how many messages: `make mq-outages` sends a hundred thousand, and
// then the outage takes half a minute.
func TestManyMessagesGoThroughFailoversAndAnOutage(t *testing.T) {
	checkLeaks(t)
	n, span, dark := 5_000, 12*time.Second, 4*time.Second
	if more, err := strconv.Atoi(os.Getenv("KERMES_MQ_MESSAGES")); err == nil {
		n, span, dark = more, 40*time.Second, 30*time.Second
	}
	top := testredis.NewTopology(t, testredis.TopologyOptions{Fast: true, Persist: true, MaxLife: time.Hour})
	m := newMany(t, top, n, span)
	ctx, cancel := context.WithCancel(t.Context())
	var producers sync.WaitGroup
	defer func() { cancel(); producers.Wait() }()
	for _, q := range m.queues {
		producers.Go(func() { m.produce(ctx, q) })
	}
	m.reach(t, n/10)
	began := time.Now()
	switchMaster(t, top)
	m.sweep(t, "after a planned failover")
	killMaster(t, top)
	m.sweep(t, "after a crash")
	switchMaster(t, top)
	m.sweep(t, "after another planned failover")
	t.Logf("three failovers within %v, %d messages", time.Since(began).Round(time.Millisecond), m.count())

	m.reach(t, min(m.count()+n/10, n))
	began = time.Now()
	outage(t, top, dark)
	before := m.count()
	t.Logf("no master for %v, %d messages", time.Since(began).Round(time.Millisecond), before)
	m.sweep(t, "after the outage")
	m.reach(t, max(n, before+n/10))
	cancel()
	producers.Wait()
	m.judge(t)
}

// Sentinels choose a replica by what the replicas have said of themselves up to ten seconds
// before: it may be one that replication had stopped to. What all replicas had to confirm is
// there even then; what one had confirmed may have been the other one.
func TestNoMessageThatAllReplicasHaveIsLostWhenOneLagsBehind(t *testing.T) {
	checkLeaks(t)
	top := testredis.NewTopology(t, testredis.TopologyOptions{Fast: true, ProxyData: true, MaxLife: time.Hour})
	one, both := newTraffic(t, top, "MinReplicas-1", 1), newTraffic(t, top, "MinReplicas-2", 2)
	for i := range rounds(1) {
		master := settled(t, top)
		end := load(t, []*traffic{one, both})
		replicas, err := top.Replicas("")
		must(t, err)
		lags := []byte(strconv.Itoa(replicas[i%2].Port()))
		master.Proxy().SetFor(testproxy.BlackHole, func(c *testproxy.Conn) bool {
			return bytes.Contains(c.Head(), []byte("REPLCONF")) && bytes.Contains(c.Head(), lags)
		})
		time.Sleep(50 * time.Millisecond) // what is under way has arrived, or is lost
		from := time.Now()
		wait(t, "one replica confirms", func() bool { return one.between(from, time.Now()) > 50 })
		early := both.between(from, time.Now())
		planned := i%4 < 3 // at once, by what the replicas have said last
		if planned {
			must(t, top.SentinelFailover(0))
		} else {
			master.Kill()
		}
		next, err := top.WaitSwitch(limited(t), testgroup.DefaultMaster, master)
		must(t, err)
		master.Proxy().SetFor(testproxy.Pass, nil)
		if !planned {
			must(t, master.Restart())
		}
		end()
		if early > 0 {
			t.Errorf("%d messages were confirmed that one of two replicas could not have", early)
		}
		t.Logf("planned %v, the one that lagged was promoted: %v; lost so far %d of %d, and %d of %d",
			planned, next == replicas[i%2], one.lost, one.total, both.lost, both.total)
	}
	if both.lost > 0 || len(both.errs) > 0 {
		t.Errorf("%d messages were lost that all replicas had, %d enqueues failed", both.lost, len(both.errs))
	}
}

// killMaster kills the master, waits until another takes over, and has it come back.
func killMaster(t *testing.T, top *testredis.Topology) {
	t.Helper()
	master := settled(t, top)
	master.Kill()
	_, err := top.WaitSwitch(limited(t), testgroup.DefaultMaster, master)
	must(t, err)
	must(t, master.Restart())
}

// outage takes the master and the sentinels away, for d. The master comes back with what it
// had: after ten times down-after no sentinel that has just begun would promote a replica.
func outage(t *testing.T, top *testredis.Topology, d time.Duration) {
	t.Helper()
	master := settled(t, top)
	for _, s := range top.Sentinels {
		s.Kill()
	}
	master.Kill()
	time.Sleep(d) // the length of the outage
	must(t, master.Restart())
	for _, s := range top.Sentinels {
		must(t, s.Restart())
	}
	settled(t, top)
}
