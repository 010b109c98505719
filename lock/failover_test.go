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

func newProcess(t *testing.T, top *testredis.Topology, m mode, over layer) *process {
	r := &route{conns: map[net.Conn]string{}}
	c := open(t, client.Options{
		Group:  sentinel.GroupOptions{Sentinels: top.SentinelAddrs(), Conn: conn.Options{Dial: r.dial}},
		Master: testgroup.DefaultMaster, RequireQuorum: m.quorum,
		Pool: pool.Options{Conn: conn.Options{Dial: r.dial}},
	})
	return &process{locker(t, over.over(c), Options{Terms: m.terms}), c, r}
}

// place is a mode on a layer: the scenarios run in all of them side by side.
type place struct {
	mode
	over layer
}

func places(modes []mode) (out []place) {
	for _, m := range modes {
		for _, over := range layers {
			out = append(out, place{m, over})
		}
	}
	return out
}

// prefix begins what the witness calls the locks of a job there.
func (p place) prefix(kind string, j job) string {
	return kind + "/" + p.name + "/" + p.over.name + "/" + j.name + "/"
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
		began := time.Now()
		limited, cancel := context.WithTimeout(ctx, hold)
		w.watch(limited, j, name, h)
		cancel()
		_ = h.Unlock(ctx)
		w.busy(j.place(name, h), time.Since(began))
		pause(ctx, gap/2+rand.N(gap+1))
	}
}

// watch sees a section: it writes for as long as the lock is held, by its Check, and
// ctx lasts.
func (w *witness) watch(ctx context.Context, j job, name string, h *Held) {
	place := j.place(name, h)
	if !w.enter(place, h.Fence(), j.reads) {
		if h.Check() == nil {
			w.outOfOrder(place)
		}
		return
	}
	for h.Check() == nil && ctx.Err() == nil {
		w.write(place, h.Fence(), j.reads)
		pause(ctx, time.Millisecond)
	}
}

// judge holds the writes of each place to what its mode promises. What the fence
// check must refuse is refused in all of them.
func judge(t *testing.T, w *witness, kind string, all []place, lasted time.Duration) {
	for _, p := range all {
		for _, j := range named() {
			s := w.under(p.prefix(kind, j))
			t.Logf("%s: %v", p.prefix(kind, j), s)
			if lasted > 0 && j.name == "lock" {
				t.Logf("%s: free for %.0f%% of the time", p.prefix(kind, j), 100*(1-s.held.Seconds()/lasted.Seconds()))
			}
			if s.sections == 0 || s.writes == 0 {
				t.Errorf("%s: no sections", p.prefix(kind, j))
			}
			if s.lateAccepted > 0 || s.disorder > 0 {
				t.Errorf("%s: the fence did not keep writes apart: %v", p.prefix(kind, j), s)
			}
			if p.name != "plain" && s.late > 0 {
				t.Errorf("%s: %v", p.prefix(kind, j), s)
			}
		}
	}
}

// gapFor is between two sections of a worker, so that a lock is free for about a third
// of the time: more workers want what has more jobs.
func gapFor(j job) time.Duration {
	if j.name == "lock" {
		return 50 * time.Millisecond
	}
	return 120 * time.Millisecond
}

func TestSectionsDoNotOverlapThroughPlannedFailovers(t *testing.T) {
	t.Parallel()
	top := testredis.NewTopology(t, testredis.TopologyOptions{Fast: true, MaxLife: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	w := newWitness()
	var wg sync.WaitGroup
	all, began := places(modes), time.Now()
	for _, p := range all {
		for range 2 {
			process := newProcess(t, top, p.mode, p.over)
			for _, j := range jobs {
				wg.Go(func() { process.work(ctx, w, j, p.prefix("planned", j), 30*time.Millisecond, gapFor(j)) })
			}
		}
	}
	n := rounds(2)
	for i := range n {
		failover(t, top)
		w.moved(t, all, "planned")
		t.Logf("round %d of %d", i+1, n)
	}
	cancel()
	wg.Wait()
	judge(t, w, "planned", all, time.Since(began))
}

// moved waits until every lock has had sections since.
func (w *witness) moved(t *testing.T, all []place, kind string) {
	t.Helper()
	before := map[string]int{}
	for _, p := range all {
		for _, j := range named() {
			before[p.prefix(kind, j)] = w.under(p.prefix(kind, j)).sections
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), hangs)
	defer cancel()
	var behind []string
	if err := leak.WaitUntil(ctx, func() bool {
		behind = nil
		for prefix, n := range before {
			if got := w.under(prefix).sections - n; got < 5 {
				behind = append(behind, fmt.Sprintf("%s has %d", prefix, got))
			}
		}
		return len(behind) == 0
	}); err != nil {
		t.Fatal("not five sections of all locks: ", behind)
	}
}

// failover has the sentinels promote a replica, when all is as at the beginning.
func failover(t *testing.T, top *testredis.Topology) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hangs)
	defer cancel()
	must(t, top.WaitSettled(ctx))
	old, err := top.CurrentMaster(testgroup.DefaultMaster)
	must(t, err)
	must(t, leak.WaitUntil(ctx, func() bool { return top.SentinelFailover(0) == nil }))
	_, err = top.WaitSwitch(ctx, testgroup.DefaultMaster, old)
	must(t, err)
}

// A master that takes an acquisition which no replica hears of, and dies.
func TestAnAcquisitionThatTheReplicasMissedIsNoLockAfterACrash(t *testing.T) {
	t.Parallel()
	top := testredis.NewTopology(t, testredis.TopologyOptions{Fast: true, ProxyData: true, MaxLife: time.Hour})
	w := newWitness()
	all := places(modes)
	sides := newSides(t, top, all)
	early := 0
	n := rounds(1)
	for i := range n {
		early += crashRound(t, top, w, all, sides, i)
		t.Logf("round %d of %d", i+1, n)
	}
	if early > 0 {
		t.Errorf("%d acquisitions with MinReplicas returned while no replica could have them", early)
	}
	judge(t, w, "crash", all, 0)
}

// side is who has a lock at first in a place, and who comes next.
type side struct{ first, second *process }

func newSides(t *testing.T, top *testredis.Topology, all []place) []side {
	out := make([]side, len(all))
	for i, p := range all {
		second := p.mode
		if second.terms.MinReplicas == testgroup.DefaultReplicas {
			second.terms.MinReplicas = 0 // so many replicas the new master does not have for a while
		}
		out[i] = side{newProcess(t, top, p.mode, p.over), newProcess(t, top, second, p.over)}
	}
	return out
}

// gather waits until all is as at the beginning, with the first of each place
// connected to the master, which it returns.
func gather(ctx context.Context, t *testing.T, top *testredis.Topology, sides []side) *testredis.Node {
	t.Helper()
	must(t, top.WaitSettled(ctx))
	master, err := top.CurrentMaster(testgroup.DefaultMaster)
	must(t, err)
	for _, s := range sides {
		must(t, leak.WaitUntil(ctx, func() bool {
			_, err := redis.Ping().Do(ctx, s.first.c)
			return err == nil && s.first.c.Master() == master.Addr()
		}))
	}
	return master
}

// compete has the second of a place want what the first has.
func (s side) compete(ctx context.Context, wg *sync.WaitGroup, w *witness, name func(j job) string) {
	for _, j := range jobs {
		wg.Go(func() { s.second.work(ctx, w, j, name(j), 20*time.Millisecond, time.Millisecond) })
	}
}

func crashRound(t *testing.T, top *testredis.Topology, w *witness, all []place, sides []side, round int) (early int) {
	t.Helper()
	limit, cancel := context.WithTimeout(t.Context(), hangs)
	defer cancel()
	master := gather(limit, t, top, sides)
	master.Proxy().SetFor(testproxy.BlackHole, func(c *testproxy.Conn) bool {
		return bytes.Contains(c.Head(), []byte("REPLCONF")) && !bytes.Contains(c.Head(), []byte("sentinel-"))
	})
	pause(limit, 50*time.Millisecond) // what is under way has arrived, or is lost
	ctx, end := context.WithCancel(limit)
	defer end()
	holding, release := context.WithCancel(ctx) // of the firsts that assert their locks again
	defer release()
	var wg sync.WaitGroup
	acquired := make([]atomic.Int32, len(all))
	name := func(p place) func(j job) string {
		return func(j job) string { return p.prefix("crash", j) + strconv.Itoa(round) }
	}
	for i, p := range all {
		for _, j := range holders(round) {
			wg.Go(func() {
				h, err := j.take(holding, sides[i].first.Locker, name(p)(j))
				if err != nil {
					return
				}
				acquired[i].Add(1)
				w.watch(holding, j, name(p)(j), h)
				_ = h.Unlock(ctx)
			})
		}
	}
	must(t, leak.WaitUntil(limit, func() bool {
		for i, p := range all {
			if p.terms.MinReplicas == 0 && int(acquired[i].Load()) < len(holders(round)) {
				return false
			}
		}
		return true
	}))
	pause(limit, 400*time.Millisecond)
	for i, p := range all {
		if p.terms.MinReplicas > 0 {
			early += int(acquired[i].Load())
		}
	}
	master.Kill()
	for i, p := range all {
		sides[i].compete(ctx, &wg, w, name(p))
	}
	_, err := top.WaitSwitch(limit, testgroup.DefaultMaster, master)
	must(t, err)
	pause(limit, 3*time.Second)
	release()
	w.moved(t, all, "crash")
	end()
	wg.Wait()
	if round+1 < rounds(1) {
		master.Proxy().SetFor(testproxy.Pass, nil)
		must(t, master.Restart())
	}
	return early
}

// A holder that is cut off from the sentinels and the replicas, but not from its
// master, which is replaced.
func TestAHolderOnTheMinoritySideStops(t *testing.T) {
	t.Parallel()
	top := testredis.NewTopology(t, testredis.TopologyOptions{ProxyData: true, ProxySentinels: true, MaxLife: time.Hour})
	rec := testredis.NewRecorder(t, top)
	w := newWitness()
	all := places(minorityModes)
	sides := newSides(t, top, all)
	n := rounds(1)
	for i := range n {
		minorityRound(t, top, rec, w, all, sides, i)
		t.Logf("round %d of %d", i+1, n)
	}
	judge(t, w, "minority", all, 0)
}

func minorityRound(t *testing.T, top *testredis.Topology, rec *testredis.Recorder, w *witness, all []place, sides []side, round int) {
	t.Helper()
	limit, cancel := context.WithTimeout(t.Context(), hangs)
	defer cancel()
	master := gather(limit, t, top, sides)
	ctx, end := context.WithCancel(limit)
	defer end()
	var wg sync.WaitGroup
	held := make([][]*Held, len(all))
	for i, p := range all {
		name := func(j job) string { return p.prefix("minority", j) + strconv.Itoa(round) }
		for _, j := range holders(round) {
			var h *Held
			must(t, leak.WaitUntil(limit, func() bool { // a busy machine may not even connect in time
				var err error
				h, err = j.take(limit, sides[i].first.Locker, name(j))
				return err == nil
			}))
			held[i] = append(held[i], h)
		}
		sides[i].first.route.set(func(addr string) bool { return addr != master.Addr() })
		for n, j := range holders(round) {
			wg.Go(func() { w.watch(ctx, j, name(j), held[i][n]) })
		}
		sides[i].compete(ctx, &wg, w, name)
	}
	must(t, leak.WaitUntil(limit, func() bool { return top.SentinelFailover(0) == nil }))
	for i, p := range all {
		for _, h := range held[i] {
			if lost := h.Check(); lost != nil && !p.quorum {
				t.Logf("%s/%s: lost before the failover, so that this round says nothing of it: %v", p.name, p.over.name, lost)
			}
		}
	}
	asked := time.Now()
	_, err := top.WaitSwitch(limit, testgroup.DefaultMaster, master)
	must(t, err)
	switched := switchedAt(t, rec, round)
	t.Logf("+switch-master %v after it was asked for", switched.Sub(asked))
	for i, p := range all {
		if p.name != "plain" {
			stopped(limit, t, p, held[i], switched)
		}
	}
	w.moved(t, all, "minority")
	pause(limit, time.Until(switched.Add(4*time.Second)))
	end()
	wg.Wait()
	for _, s := range sides {
		s.first.route.set(nil)
	}
}

// switchedAt is when the first sentinel said that there is another master, for the
// n-th time after the first.
func switchedAt(t *testing.T, rec *testredis.Recorder, n int) time.Time {
	t.Helper()
	told := map[int]int{}
	for _, e := range rec.Events() {
		if e.Name != "+switch-master" {
			continue
		}
		if told[e.Sentinel]++; told[e.Sentinel] == n+1 {
			return e.At
		}
	}
	t.Fatal("no sentinel has said that there is another master")
	return time.Time{}
}

// stopped waits until the holders on the minority side have lost their locks.
func stopped(ctx context.Context, t *testing.T, p place, held []*Held, switched time.Time) {
	t.Helper()
	for _, h := range held {
		select {
		case <-h.Context().Done():
		case <-ctx.Done():
			t.Fatalf("%s/%s: %s is still held", p.name, p.over.name, h.Name())
		}
		if err := context.Cause(h.Context()); !errors.Is(err, ErrLost) || !errors.Is(h.Check(), ErrLost) {
			t.Errorf("%s/%s: %v", p.name, p.over.name, err)
		}
		after := h.Until().Sub(switched)
		t.Logf("%s/%s: %s was held until %v after the switch, with a ttl of %v", p.name, p.over.name, h.Name(), after, p.terms.TTL)
		if p.terms.MinReplicas == testgroup.DefaultReplicas && after > p.terms.TTL {
			t.Error("a replica that has been promoted has confirmed a renewal to the old master")
		}
	}
}
