package lock

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/redis"
)

// lateBound is how long after the first +switch-master a script may still reach the
// old master.
const lateBound = time.Second

// An old master that goes on as a master for ten seconds hears nothing more of locks.
func TestTheOldMasterHearsOfNoLockAfterAPlannedFailover(t *testing.T) {
	t.Parallel()
	top := testredis.NewTopology(t, testredis.TopologyOptions{MaxLife: time.Hour})
	old, err := top.CurrentMaster(testgroup.DefaultMaster)
	must(t, err)
	rec := testredis.NewRecorder(t, top)
	heard := listenTo(t, old)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	w := newWitness()
	var all []place
	var held []*Held
	for _, over := range layers {
		p := place{mode{"plain", Terms{TTL: 6 * time.Second}, false}, over}
		all = append(all, p)
		process := newProcess(t, top, p.mode, over)
		for _, terms := range []Terms{{}, {MinReplicas: 1}} { // renewed every 2 seconds, and when the client moves
			for i := range 4 {
				h, err := process.With(terms).Lock(t.Context(), "held/"+over.name+"/"+strconv.Itoa(terms.MinReplicas)+"/"+strconv.Itoa(i))
				must(t, err)
				held = append(held, h)
			}
		}
		for _, j := range jobs {
			wg.Go(func() {
				process.work(ctx, w, j, p.prefix("zombie", j), 5*time.Millisecond, 5*time.Millisecond)
			})
		}
	}
	stalled := stalls(t)
	w.moved(t, all, "zombie")
	limit, end := context.WithTimeout(t.Context(), hangs)
	defer end()
	must(t, leak.WaitUntil(limit, func() bool { return top.SentinelFailover(0) == nil }))
	_, err = top.WaitSwitch(limit, testgroup.DefaultMaster, old)
	must(t, err)
	at := switchedAt(t, rec, 0)
	w.moved(t, all, "zombie") // everybody works on the new master
	for _, h := range held {
		must(t, h.Renew(limit))
	}
	pause(limit, time.Until(at.Add(2*lateBound)))
	if reply, err := old.Do("SET", "probe", "x"); err != nil || reply.Str != "OK" {
		t.Errorf("the old master accepts no writes %v after the switch: the test has shown nothing: %+v %v", time.Since(at), reply, err)
	}
	cancel()
	wg.Wait()

	scripts := heard()
	last := slices.MaxFunc(scripts, time.Time.Compare)
	allowed := lateBound + stalled()
	t.Logf("%d scripts reached the old master, the last of them %v after +switch-master; allowed are %v", len(scripts), last.Sub(at), allowed)
	if last.Sub(at) > allowed {
		t.Error("a script reached the old master too late")
	}
	for _, h := range held {
		must(t, h.Check())
		must(t, h.Unlock(t.Context()))
	}
}

// listenTo listens to a server past its proxy. What it returns says when, by its own
// clock, the scripts came that it has executed until now.
func listenTo(t *testing.T, n *testredis.Node) func() []time.Time {
	t.Helper()
	c, err := n.Dial()
	must(t, err)
	must(t, c.Send("MONITOR"))
	_, err = c.Read()
	must(t, err)
	var mu sync.Mutex
	var scripts []time.Time
	marks := make(chan string, 10)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			reply, err := c.Read()
			if err != nil {
				return
			}
			clock, rest, _ := strings.Cut(reply.Str, " ")
			_, command, _ := strings.Cut(rest, "] ")
			switch name := strings.ToLower(command); {
			case strings.Contains(rest, " lua] "):
			case strings.HasPrefix(name, `"eval`):
				seconds, micros, _ := strings.Cut(clock, ".")
				s, _ := strconv.ParseInt(seconds, 10, 64)
				us, _ := strconv.ParseInt(micros, 10, 64)
				mu.Lock()
				scripts = append(scripts, time.Unix(s, us*1000))
				mu.Unlock()
			case strings.HasPrefix(name, `"echo"`):
				marks <- command
			}
		}
	}()
	t.Cleanup(func() { _ = c.Close(); <-done })
	return func() []time.Time {
		n.MustDo(t, "ECHO", "end") // it comes after all that was executed before
		select {
		case <-marks:
		case <-done:
			t.Error("the server has ended the connection")
		}
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(scripts)
	}
}

// stalls returns what says for how long, at most, this process has had no turn: a
// machine with other work to do must not be taken for a client that is late.
func stalls(t *testing.T) func() time.Duration {
	var mu sync.Mutex
	var worst time.Duration
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	const step = 5 * time.Millisecond
	go func() {
		for before := time.Now(); pause(ctx, step); before = time.Now() {
			mu.Lock()
			worst = max(worst, time.Since(before)-step)
			mu.Unlock()
		}
	}()
	return func() time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return worst
	}
}

// A lock that its replicas know of, and its queue, outlive the master.
func TestAHeldLockAndItsQueueOutliveTheMaster(t *testing.T) {
	t.Parallel()
	const waiters = 16
	top := testredis.NewTopology(t, testredis.TopologyOptions{Fast: true, MaxLife: time.Hour})
	master, err := top.CurrentMaster(testgroup.DefaultMaster)
	must(t, err)
	replicas, err := top.Replicas(testgroup.DefaultMaster)
	must(t, err)
	type kept struct {
		held   *Held
		other  *process
		served func() []int
	}
	all := map[string]kept{}
	for _, over := range layers {
		m := mode{"plain", Terms{TTL: 30 * time.Second}, false} // longer than a failover on a busy machine
		holder, other := newProcess(t, top, m, over), newProcess(t, top, m, over)
		name := "kept/" + over.name
		h, err := holder.Lock(t.Context(), name)
		must(t, err)
		all[name] = kept{held: h, other: other, served: queue(t, other.Locker, name, waiters)}
		for _, n := range replicas {
			eventually(t, "the replicas know all waiters", func() bool {
				reply, err := n.Do("ZCARD", h.target.keys[2])
				return err == nil && reply.Int == waiters
			})
		}
	}
	master.Kill()
	limit, end := context.WithTimeout(t.Context(), hangs)
	defer end()
	next, err := top.WaitSwitch(limit, testgroup.DefaultMaster, master)
	must(t, err)
	began := time.Now()
	for name, k := range all {
		must(t, leak.WaitUntil(limit, func() bool {
			_, err := redis.Ping().Do(limit, k.other.c)
			return err == nil && k.other.c.Master() == next.Addr()
		}))
		must(t, leak.WaitUntil(limit, func() bool { return k.held.Renew(limit) == nil || k.held.Check() != nil }))
		must(t, k.held.Check())
		must(t, k.held.Context().Err())
		// Whom no message reaches is passed over, and comes back at its old place.
		eventually(t, "the waiters can be told again", func() bool {
			reply, err := next.Do("PUBSUB", "NUMSUB", k.other.core.channel)
			return err == nil && len(reply.Elems) == 2 && reply.Elems[1].Int == 1
		})
		if info, err := k.other.Inspect(limit, name); err != nil || info.ID != k.held.ID() || info.Fence != k.held.Fence() || info.Waiters != waiters {
			t.Errorf("%+v %v", info, err)
		}
		if s := k.other.Stats(); s.Acquired > 0 {
			t.Errorf("%s: %d others have acquired it", name, s.Acquired)
		}
		must(t, k.held.Unlock(limit))
		if order := k.served(); !slices.IsSorted(order) {
			t.Errorf("%s: %v", name, order)
		}
		t.Logf("%s: all %d waiters have had it %v after the switch was seen", name, waiters, time.Since(began).Round(time.Millisecond))
	}
}
