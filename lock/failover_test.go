package lock

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/internal/testproxy"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/sentinel"
)

// rounds is how often each failover is repeated: `make soak-lock` sets 30.
func rounds(standard int) int {
	if n, err := strconv.Atoi(os.Getenv("KERMES_LOCK_ROUNDS")); err == nil && n > 0 {
		return n
	}
	return standard
}

// mode is one of the three ways in which locks are taken through failovers.
type mode struct {
	name   string
	terms  Terms
	quorum bool
}

// The sentinels of these tests need a second to take a master for down. The TTL of
// the mode with a quorum is shorter: its holder has stopped before there can be
// another master, also one that was never told of the lock.
var modes = []mode{
	{"plain", Terms{TTL: 2 * time.Second}, false},
	{"MinReplicas", Terms{TTL: 2 * time.Second, MinReplicas: 1}, false},
	{"RequireQuorum", Terms{TTL: 900 * time.Millisecond}, true},
}

// minorityModes are those of a holder on the minority side. Until the sentinels have
// reconfigured it, about a second after the promotion, the replica that was not promoted
// follows the old master and confirms renewals that the new one does not have. All of
// them do not; and with one of two, who comes next waits for that to be over.
var minorityModes = append([]mode{{"AllReplicas", Terms{TTL: 2 * time.Second, MinReplicas: testgroup.DefaultReplicas}, false}}, modes...)

// route is how a process reaches the topology; it can be cut.
type route struct {
	mu    sync.Mutex
	cut   func(addr string) bool
	conns map[net.Conn]string
}

func (r *route) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	r.mu.Lock()
	blocked := r.cut != nil && r.cut(addr)
	r.mu.Unlock()
	if blocked {
		return nil, errors.New("no route")
	}
	var d net.Dialer
	nc, err := d.DialContext(ctx, network, addr)
	if err == nil {
		r.mu.Lock()
		r.conns[nc] = addr
		r.mu.Unlock()
	}
	return nc, err
}

// set cuts what matches, open connections as well; nil ends it.
func (r *route) set(cut func(addr string) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut = cut
	for nc, addr := range r.conns {
		if cut != nil && cut(addr) {
			_ = nc.Close()
			delete(r.conns, nc)
		}
	}
}

// process is a client with a locker and a route of its own.
type process struct {
	*Locker
	c     *client.Client
	route *route
}

func newProcess(t *testing.T, top *testredis.Topology, m mode) *process {
	r := &route{conns: map[net.Conn]string{}}
	c := open(t, client.Options{
		Group:  sentinel.GroupOptions{Sentinels: top.SentinelAddrs(), Conn: conn.Options{Dial: r.dial}},
		Master: testgroup.DefaultMaster, RequireQuorum: m.quorum,
		Pool: pool.Options{Conn: conn.Options{Dial: r.dial}},
	})
	return &process{locker(t, c, Options{Terms: m.terms}), c, r}
}

// work takes the lock again and again and writes while it is held, as its Check
// says, until ctx ends.
func (p *process) work(ctx context.Context, w *witness, j job, name string, hold, gap time.Duration) {
	for ctx.Err() == nil {
		h, err := j.take(ctx, p.Locker, name)
		if err != nil {
			pause(ctx, 20*time.Millisecond)
			continue
		}
		limited, cancel := context.WithTimeout(ctx, hold)
		w.watch(limited, j, name, h)
		cancel()
		_ = h.Unlock(ctx)
		pause(ctx, gap/2+rand.N(gap+1))
	}
}

// watch sees a section: it writes for as long as the lock is held, by its Check, and
// ctx lasts.
func (w *witness) watch(ctx context.Context, j job, name string, h *Held) {
	place := j.place(name, h)
	w.enter(place, h.Fence(), j.reads)
	for h.Check() == nil && ctx.Err() == nil {
		w.write(place, h.Fence(), j.reads)
		pause(ctx, 500*time.Microsecond)
	}
}

// judge holds the writes of each mode to what the mode promises. What the fence
// check must refuse is refused in all of them.
func judge(t *testing.T, w *witness, kind string, all []mode, strict func(m mode) bool) {
	for _, m := range all {
		for _, name := range jobNames() {
			prefix := kind + "/" + m.name + "/" + name + "/"
			s := w.total(func(name string) bool { return strings.HasPrefix(name, prefix) })
			t.Logf("%s: %v", prefix, s)
			if s.sections == 0 || s.writes == 0 {
				t.Errorf("%s: no sections", prefix)
			}
			if s.lateAccepted > 0 || s.disorder > 0 {
				t.Errorf("%s: the fence did not keep writes apart: %v", prefix, s)
			}
			if strict(m) && s.late > 0 {
				t.Errorf("%s: %v", prefix, s)
			}
		}
	}
}

func TestSectionsDoNotOverlapThroughPlannedFailovers(t *testing.T) {
	t.Parallel()
	top := testredis.NewTopology(t, testredis.TopologyOptions{Fast: true, MaxLife: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	w := newWitness()
	var wg sync.WaitGroup
	for _, m := range modes {
		for range 2 {
			p := newProcess(t, top, m)
			for _, j := range jobs {
				wg.Go(func() { p.work(ctx, w, j, "planned/"+m.name+"/"+j.name+"/", 20*time.Millisecond, 20*time.Millisecond) })
			}
		}
	}
	n := rounds(2)
	for i := range n {
		failover(t, top)
		pause(ctx, time.Second)
		t.Logf("round %d of %d", i+1, n)
	}
	cancel()
	wg.Wait()
	judge(t, w, "planned", modes, func(m mode) bool { return m.name != "plain" })
}

// failover has the sentinels promote a replica, and waits until all is as before.
func failover(t *testing.T, top *testredis.Topology) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	must(t, top.WaitSettled(ctx))
	old, err := top.CurrentMaster(testgroup.DefaultMaster)
	must(t, err)
	must(t, leak.WaitUntil(ctx, func() bool { return top.SentinelFailover(0) == nil }))
	_, err = top.WaitSwitch(ctx, testgroup.DefaultMaster, old)
	must(t, err)
	must(t, top.WaitSettled(ctx))
}

// A master that takes an acquisition which no replica hears of, and dies.
func TestAnAcquisitionThatTheReplicasMissedIsNoLockAfterACrash(t *testing.T) {
	t.Parallel()
	top := testredis.NewTopology(t, testredis.TopologyOptions{Fast: true, ProxyData: true, MaxLife: time.Hour})
	w := newWitness()
	firsts, seconds := map[string]*process{}, map[string]*process{}
	for _, m := range modes {
		firsts[m.name], seconds[m.name] = newProcess(t, top, m), newProcess(t, top, m)
	}
	early := 0
	n := rounds(2)
	for i := range n {
		early += crashRound(t, top, w, firsts, seconds, i)
		t.Logf("round %d of %d", i+1, n)
	}
	if early > 0 {
		t.Errorf("%d acquisitions with MinReplicas returned while no replica could have them", early)
	}
	judge(t, w, "crash", modes, func(m mode) bool { return m.name != "plain" })
}

func crashRound(t *testing.T, top *testredis.Topology, w *witness, firsts, seconds map[string]*process, round int) (early int) {
	t.Helper()
	limit, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	must(t, top.WaitSettled(limit))
	master, err := top.CurrentMaster(testgroup.DefaultMaster)
	must(t, err)
	for _, p := range firsts { // everybody is connected to the present master
		must(t, leak.WaitUntil(limit, func() bool {
			_, err := redis.Ping().Do(limit, p.c)
			return err == nil && p.c.Master() == master.Addr()
		}))
	}
	master.Proxy().SetFor(testproxy.BlackHole, func(c *testproxy.Conn) bool {
		return bytes.Contains(c.Head(), []byte("REPLCONF")) && !bytes.Contains(c.Head(), []byte("sentinel-"))
	})
	pause(limit, 50*time.Millisecond) // what is under way has arrived, or is lost
	ctx, end := context.WithCancel(limit)
	defer end()
	var wg sync.WaitGroup
	var acquired [3]atomic.Int32
	for i, m := range modes {
		for _, j := range holders(round) {
			name := fmt.Sprintf("crash/%s/%s/%d", m.name, j.name, round)
			wg.Go(func() {
				h, err := j.take(ctx, firsts[m.name].Locker, name)
				if err != nil {
					return
				}
				acquired[i].Add(1)
				w.watch(ctx, j, name, h)
				_ = h.Unlock(ctx)
			})
		}
	}
	all := int32(len(holders(round)))
	must(t, leak.WaitUntil(limit, func() bool { return acquired[0].Load() == all && acquired[2].Load() == all }))
	pause(limit, 400*time.Millisecond)
	early = int(acquired[1].Load())
	master.Kill()
	for _, m := range modes {
		for _, j := range jobs {
			name := fmt.Sprintf("crash/%s/%s/%d", m.name, j.name, round)
			wg.Go(func() { seconds[m.name].work(ctx, w, j, name, 20*time.Millisecond, time.Millisecond) })
		}
	}
	_, err = top.WaitSwitch(limit, testgroup.DefaultMaster, master)
	must(t, err)
	pause(limit, 3*time.Second)
	end()
	wg.Wait()
	master.Proxy().SetFor(testproxy.Pass, nil)
	must(t, master.Restart())
	must(t, top.WaitSettled(limit))
	return early
}

// A holder that is cut off from the sentinels and the replicas, but not from its
// master, which is replaced.
func TestAHolderOnTheMinoritySideStops(t *testing.T) {
	t.Parallel()
	top := testredis.NewTopology(t, testredis.TopologyOptions{ProxyData: true, ProxySentinels: true, MaxLife: time.Hour})
	w := newWitness()
	firsts, seconds := map[string]*process{}, map[string]*process{}
	for _, m := range minorityModes {
		second := m
		if m.terms.MinReplicas == testgroup.DefaultReplicas {
			second.terms.MinReplicas = 0 // so many replicas the new master does not have for a while
		}
		firsts[m.name], seconds[m.name] = newProcess(t, top, m), newProcess(t, top, second)
	}
	n := rounds(1)
	for i := range n {
		minorityRound(t, top, w, firsts, seconds, i)
		t.Logf("round %d of %d", i+1, n)
	}
	judge(t, w, "minority", minorityModes, func(m mode) bool { return m.name != "plain" })
}

func minorityRound(t *testing.T, top *testredis.Topology, w *witness, firsts, seconds map[string]*process, round int) {
	t.Helper()
	limit, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	must(t, top.WaitSettled(limit))
	master, err := top.CurrentMaster(testgroup.DefaultMaster)
	must(t, err)
	ctx, end := context.WithCancel(limit)
	defer end()
	var wg sync.WaitGroup
	for _, m := range minorityModes {
		p := firsts[m.name]
		must(t, leak.WaitUntil(limit, func() bool {
			_, err := redis.Ping().Do(limit, p.c)
			return err == nil && p.c.Master() == master.Addr()
		}))
		first := holders(round)
		held := make([]*Held, len(first))
		for i, j := range first {
			held[i], err = j.take(limit, p.Locker, fmt.Sprintf("minority/%s/%s/%d", m.name, j.name, round))
			must(t, err)
		}
		p.route.set(func(addr string) bool { return addr != master.Addr() })
		for i, j := range first {
			name := fmt.Sprintf("minority/%s/%s/%d", m.name, j.name, round)
			wg.Go(func() { w.watch(ctx, j, name, held[i]) })
		}
		for _, j := range jobs {
			name := fmt.Sprintf("minority/%s/%s/%d", m.name, j.name, round)
			wg.Go(func() { seconds[m.name].work(ctx, w, j, name, 20*time.Millisecond, time.Millisecond) })
		}
	}
	must(t, leak.WaitUntil(limit, func() bool { return top.SentinelFailover(0) == nil }))
	_, err = top.WaitSwitch(limit, testgroup.DefaultMaster, master)
	must(t, err)
	pause(limit, 5*time.Second)
	end()
	wg.Wait()
	for _, p := range firsts {
		p.route.set(nil)
	}
	must(t, top.WaitSettled(limit))
}
