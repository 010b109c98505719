package pubsub_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testproxy"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pubsub"
	"github.com/kermes-redis/kermes/sentinel"
)

// fault is a way to lose a master.
type fault struct {
	name  string
	cause func(top *testredis.Topology, master *testredis.Node) error
}

var faults = []fault{
	{"kill -9", func(_ *testredis.Topology, n *testredis.Node) error { n.Kill(); return nil }},
	{"SIGSTOP", func(_ *testredis.Topology, n *testredis.Node) error { return n.Stop() }},
	{"planned failover", func(top *testredis.Topology, _ *testredis.Node) error { return top.SentinelFailover(0) }},
	{"black hole", func(top *testredis.Topology, n *testredis.Node) error {
		top.Hasten()
		return n.Proxy().Set(testproxy.BlackHole)
	}},
}

// sources are the two of the sentinel client: it moves with the sentinels'
// word, or as soon as the candidate says that it is a master.
var sources = []struct {
	name string
	of   func(*client.Client) pubsub.Source
}{
	{"confirmed", func(c *client.Client) pubsub.Source { return c }},
	{"eager", func(c *client.Client) pubsub.Source { return c.Subscriptions() }},
}

// runs is how often each failover is made: KERMES_RUNS, or 20 for acceptance.
func runs() int {
	if n, err := strconv.Atoi(os.Getenv("KERMES_RUNS")); err == nil && n > 0 {
		return n
	}
	if acceptance() {
		return 20
	}
	return 1
}

// Scenario A22 for subscribers: after every kind of failover there is one gap,
// and messages come from the new master soon after a sentinel has named it.
func TestASubscriberFollowsEveryKindOfFailover(t *testing.T) {
	for i, f := range faults {
		for j, source := range sources {
			if !acceptance() && i%2 != j {
				continue
			}
			t.Run(f.name+", "+source.name, func(t *testing.T) {
				var all []failoverRun
				for again := 0; len(all) < runs() && again < 3; {
					run, ok := runFailover(t, f, source.of)
					if !ok {
						again++ // the sentinels made a second failover of their own
						continue
					}
					all = append(all, run)
				}
				report(t, all)
			})
		}
	}
}

// failoverRun is what one failover took.
type failoverRun struct {
	named       time.Duration // from the fault to the first sentinel that names the new master
	first       time.Duration // from the fault to the first message of the new master
	afterNamed  time.Duration // from named, and from +switch-master, to that; negative: before
	afterSwitch time.Duration
	gap         time.Duration
}

func report(t *testing.T, all []failoverRun) {
	if len(all) == 0 {
		t.Fatal("the sentinels of this machine do not keep still: three times they failed over once more")
	}
	line := func(what string, of func(failoverRun) time.Duration) {
		var d []time.Duration
		for _, r := range all {
			d = append(d, of(r).Round(100*time.Microsecond))
		}
		slices.Sort(d)
		t.Logf("%-40s min %v, median %v, max %v (%d runs)", what, d[0], d[len(d)/2], d[len(d)-1], len(d))
	}
	line("fault to named", func(r failoverRun) time.Duration { return r.named })
	line("fault to first message", func(r failoverRun) time.Duration { return r.first })
	line("named to first message", func(r failoverRun) time.Duration { return r.afterNamed })
	line("first +switch-master to first message", func(r failoverRun) time.Duration { return r.afterSwitch })
	line("reported gap", func(r failoverRun) time.Duration { return r.gap })
}

// runFailover makes a failover. It reports false when there was more than one:
// on a loaded machine, sentinels may find a master down that is not.
func runFailover(t *testing.T, f fault, sourceOf func(*client.Client) pubsub.Source) (run failoverRun, one bool) {
	top := topology.Topology(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	rec, err := top.Record(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	old, err := top.CurrentMaster("")
	if err != nil {
		t.Fatal(err)
	}
	client, err := client.Open(ctx, client.Options{Master: top.Names[0], Group: sentinel.GroupOptions{Sentinels: top.SentinelAddrs()}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	s := pubsub.New(sourceOf(client), pubsub.Options{})
	defer s.Close()
	log := record(s)
	sub, err := s.Subscribe(ctx, "failover")
	if err != nil {
		t.Fatal(err)
	}
	if err := sub.PSubscribe(ctx, "fail*"); err != nil {
		t.Fatal(err)
	}
	h := listen(sub)
	beat := startPublishers(top)
	defer beat.stop()
	h.awaitFrom(t, old.Name, time.Time{})

	began := time.Now()
	named := watchNames(ctx, top, old)
	if err := f.cause(top, old); err != nil {
		t.Fatal(err)
	}
	event, err := rec.Switch(ctx, "", began)
	if err != nil {
		t.Fatal(err)
	}
	master, err := top.NodeAt(event.To())
	if err != nil {
		t.Fatal(err)
	}
	first := h.awaitFrom(t, master.Name, began)
	at := <-named
	gap := log.await(t, pubsub.EventGap, 1)[0].Gap
	run = failoverRun{
		named: at.Sub(began), first: first.Sub(began), afterNamed: first.Sub(at),
		afterSwitch: first.Sub(event.At), gap: gap.To.Sub(gap.From),
	}
	if late := run.afterNamed; late > 50*time.Millisecond && acceptance() || late > slack {
		t.Errorf("first message %v after a sentinel named the new master", late)
	}
	// The old master comes back; that must not concern the subscriber.
	topology.Topology(t)
	settled := time.Now()
	leak.Eventually(t, wait, "a message", func() bool {
		_, ok := h.firstFrom(master.Name, settled)
		return ok || switches(rec) > 1
	})
	if switches(rec) > 1 {
		t.Logf("two failovers: %v", rec.Events())
		return run, false
	}
	if n := len(log.of(pubsub.EventGap)); n != 1 {
		t.Errorf("%d gaps: %s", n, log.kinds())
	}
	if n := sub.Stats().Gaps; n != 1 {
		t.Errorf("the subscription was told of %d gaps", n)
	}
	if moved := log.of(pubsub.EventMoved); len(moved) != 1 || moved[0].Addr != master.Addr() {
		t.Errorf("moved %d times, to %v", len(moved), moved)
	}
	return run, true
}

// switches counts the masters that sentinels have announced.
func switches(rec *testredis.Recorder) int {
	seen := map[string]bool{}
	for _, e := range rec.Events() {
		if e.Name == "+switch-master" {
			seen[e.To()] = true
		}
	}
	return len(seen)
}

// hearing is what a subscription has received: when a message of each node came
// last, by the channel and by the pattern.
type hearing struct {
	mu   sync.Mutex
	from [2]map[string][]time.Time
}

func listen(sub *pubsub.Subscription) *hearing {
	h := &hearing{}
	for i := range h.from {
		h.from[i] = map[string][]time.Time{}
	}
	_ = sub.Handle(pubsub.Handlers{"*": func(_ context.Context, m pubsub.Message) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.from[m.Kind][m.Text()] = append(h.from[m.Kind][m.Text()], time.Now())
	}})
	return h
}

// awaitFrom returns when the first message of a node came after a point in
// time, both by the channel and by the pattern.
func (h *hearing) awaitFrom(t *testing.T, node string, after time.Time) (first time.Time) {
	t.Helper()
	leak.Eventually(t, wait, "a message of "+node, func() (ok bool) {
		first, ok = h.firstFrom(node, after)
		return ok
	})
	return first
}

func (h *hearing) firstFrom(node string, after time.Time) (first time.Time, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, from := range h.from {
		i := slices.IndexFunc(from[node], func(at time.Time) bool { return at.After(after) })
		if i < 0 {
			return first, false
		}
		if at := from[node][i]; at.After(first) {
			first = at
		}
	}
	return first, true
}

// heartbeat publishes the name of each node on that node every millisecond or
// so. What is published on a replica stays there.
type heartbeat struct {
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

func startPublishers(top *testredis.Topology) *heartbeat {
	ctx, cancel := context.WithCancel(context.Background())
	b := &heartbeat{cancel: cancel}
	for _, node := range top.Data {
		b.wg.Go(func() {
			for ctx.Err() == nil {
				publishName(ctx, node)
				pause(ctx, 2*time.Millisecond)
			}
		})
	}
	return b
}

func (b *heartbeat) stop() {
	b.cancel()
	b.wg.Wait()
}

func publishName(ctx context.Context, node *testredis.Node) {
	if !node.Running() {
		return
	}
	c, err := testserver.DialClient("tcp", node.Direct(), nil, 2*time.Second)
	if err != nil {
		return
	}
	defer c.Close()
	for ctx.Err() == nil {
		if _, err := c.Do("PUBLISH", "failover", node.Name); err != nil {
			return
		}
		pause(ctx, 2*time.Millisecond)
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// watchNames sends when the first sentinel names another master than old.
func watchNames(ctx context.Context, top *testredis.Topology, old *testredis.Node) <-chan time.Time {
	named := make(chan time.Time, len(top.Sentinels))
	port := fmt.Sprint(old.Port())
	for _, node := range top.Sentinels {
		go func() { // ends when a sentinel has named a new master, or with ctx
			c, err := testserver.DialClient("tcp", node.Direct(), nil, 5*time.Second)
			if err != nil {
				return
			}
			defer c.Close()
			for ctx.Err() == nil {
				r, err := c.Do("SENTINEL", "GET-MASTER-ADDR-BY-NAME", top.Names[0])
				if err != nil {
					return
				}
				if len(r.Elems) == 2 && r.Elems[1].Str != port {
					named <- time.Now()
					return
				}
				pause(ctx, 2*time.Millisecond)
			}
		}()
	}
	return named
}

func TestPublishersAndSubscribersMeetOverASentinelClient(t *testing.T) {
	top := topology.Topology(t)
	leak.Check(t)
	client, err := client.Open(t.Context(), client.Options{Master: top.Names[0], Group: sentinel.GroupOptions{Sentinels: top.SentinelAddrs()}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	s := pubsub.New(client, pubsub.Options{})
	defer s.Close()
	sub, err := s.Subscribe(t.Context(), "numbers")
	if err != nil {
		t.Fatal(err)
	}
	p := pubsub.Publisher[int]{Client: client, Encode: func(n int) ([]byte, error) { return strconv.AppendInt(nil, int64(n), 10), nil }}
	if n, err := p.Publish(t.Context(), "numbers", 42); n != 1 || err != nil {
		t.Errorf("published to %d, %v", n, err)
	}
	for m, err := range pubsub.Decode(sub.All(t.Context()), func(b []byte) (int, error) { return strconv.Atoi(string(b)) }) {
		if err != nil || m.Value != 42 || m.Channel != "numbers" {
			t.Errorf("got %+v, %v", m, err)
		}
		break
	}
	if epoch, ok := s.Ready(); !ok || epoch != client.Epoch() {
		t.Errorf("ready %v, epoch %d, want %d", ok, epoch, client.Epoch())
	}
}
