package client_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testproxy"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/sentinel"
)

func TestA35GroupsComeAndGoWithoutATrace(t *testing.T) {
	s := accept(t, "A35", 5*time.Minute)
	top, _ := s.topology(testredis.TopologyOptions{})
	registry, err := sentinel.NewGroups(map[string]sentinel.GroupOptions{"steady": {Sentinels: top.SentinelAddrs()}})
	s.must(err)
	s.Cleanup(func() { _ = registry.Close() })
	o := options(top, client.Options{})
	steady, err := openIn(s.ctx, registry, "steady", o)
	s.must(err)
	w := s.startWriters(steady, 2, callTimeout)
	cycle := func(i int) {
		_, err := registry.Add("passing", sentinel.GroupOptions{Sentinels: top.SentinelAddrs()})
		s.must(err)
		c, err := openIn(s.ctx, registry, "passing", o)
		s.must(err)
		s.must(redis.Set("k", strconv.Itoa(i)).Do(s.ctx, c))
		if i%2 == 0 { // replaced while it is in use, or removed
			s.must(registry.Remove("passing"))
			if err := redis.Set("k", "v").Do(s.ctx, c); !errors.Is(err, client.ErrClosed) || conn.ClassOf(err) != conn.ClassNotSent {
				s.Fatalf("a call of a removed group: %v", err)
			}
		}
		if _, err := openIn(s.ctx, registry, "nobody", o); !errors.Is(err, sentinel.ErrUnknownGroup) {
			s.Fatalf("an unknown group: %v", err)
		}
	}
	cycle(0)
	routines, files := runtime.NumGoroutine(), openFiles(s)
	cycles := span(1000, 50)
	for i := range int(cycles) {
		cycle(i + 1)
	}
	_ = registry.Remove("passing")
	s.until("the end of what was removed", func() bool { return runtime.NumGoroutine() <= routines+2 && openFiles(s) <= files+2 })
	s.Logf("A35: %d cycles: goroutines %d before, %d after; descriptors %d before, %d after", cycles, routines, runtime.NumGoroutine(), files, openFiles(s))
	s.atMost("more goroutines", runtime.NumGoroutine()-routines, 2)
	s.atMost("more descriptors", openFiles(s)-files, 2)
	w.stop()
	s.atMost("failed writes of the steady group", len(w.failed()), 0)
}

func openFiles(s *scenario) int {
	n, ok := leak.OpenFiles()
	if !ok {
		s.Log("this system does not tell its descriptors")
	}
	return n
}

// closing measures how long Close takes, after something was begun that it has
// to end.
func (s *scenario) closing(what string, c *client.Client, began <-chan struct{}) {
	s.Helper()
	if began != nil {
		<-began
		s.pass(50 * time.Millisecond) // until it waits
	}
	start := time.Now()
	s.must(c.Close())
	s.within("Close during "+what, time.Since(start), time.Second)
}

// background runs fn, and checks at the end of the scenario that it ended with
// an error where one is due.
func (s *scenario) background(fn func() error) <-chan struct{} {
	began, done := make(chan struct{}), make(chan error, 1)
	go func() {
		close(began)
		done <- fn()
	}()
	s.Cleanup(func() {
		select {
		case err := <-done:
			if err == nil {
				s.Errorf("%s: a call succeeded although its client was closed", s.id)
			}
		case <-time.After(5 * time.Second):
			s.Errorf("%s: a call hangs", s.id)
		}
	})
	return began
}

func TestA36CloseEndsEverything(t *testing.T) {
	s := accept(t, "A36", time.Minute)
	// Whoever stands still here is not to be failed over.
	top, rec := s.topology(testredis.TopologyOptions{DownAfter: time.Minute, ProxyData: true, ProxySentinels: true})
	set := func(c *client.Client) func() error {
		return func() error { return redis.Set("k", "v").Do(s.ctx, c) }
	}

	c := s.client(top, client.Options{})
	s.must(redis.Set("k", "v").Do(s.ctx, c))
	s.closing("a blocked BLPOP", c, s.background(func() error {
		_, err := redis.BLPop(redis.Forever, "nothing").Do(s.ctx, c)
		return err
	}))
	if err := redis.Set("k", "v").Do(s.ctx, c); !errors.Is(err, client.ErrClosed) {
		s.Errorf("a closed client: %v", err)
	}

	master := s.master(top)
	c = s.client(top, client.Options{})
	s.must(redis.Set("k", "v").Do(s.ctx, c))
	s.must(master.Stop())
	s.closing("a call to a hung master", c, s.background(set(c)))
	s.must(master.Cont())

	c = s.client(top, client.Options{})
	s.must(master.Proxy().Set(testproxy.BlackHole))
	s.closing("a dial", c, s.background(set(c)))
	s.must(master.Proxy().Set(testproxy.Pass))

	for _, n := range top.Sentinels {
		n.Proxy().SetFor(testproxy.BlackHole, outside)
	}
	c = s.client(top, client.Options{NoWait: true})
	s.closing("a resolution", c, s.background(set(c)))
	for _, n := range top.Sentinels {
		n.Proxy().SetFor(testproxy.Pass, nil)
	}

	s.until("a settled topology", func() bool { return top.WaitSettled(s.ctx) == nil })
	c = s.client(top, client.Options{})
	d := s.client(top, client.Options{})
	s.must(redis.Set("k", "v").Do(s.ctx, c))
	s.must(redis.Set("k", "v").Do(s.ctx, d))
	began := time.Now()
	s.must(top.SentinelFailover(0))
	s.until("a hold", c.Held)
	s.closing("a hold", c, s.background(set(c)))
	w := s.startWritersNow(d, writerCount)
	s.switched(rec, began)
	s.closing("a switch", d, nil)
	w.wg.Wait()
}

// startWritersNow starts writers that end at their first error.
func (s *scenario) startWritersNow(d redis.Doer, n int) *writers {
	w := &writers{done: make([][]write, n)}
	for i := range n {
		w.wg.Go(func() {
			for redis.Set(fmt.Sprint("k", i), "v").Do(s.ctx, d) == nil {
			}
		})
	}
	return w
}

func TestA37AContextEndsEveryWait(t *testing.T) {
	s := accept(t, "A37", time.Minute)
	// Whoever stands still here is not to be failed over.
	top, rec := s.topology(testredis.TopologyOptions{DownAfter: time.Minute, ProxySentinels: true})
	ends := func(what string, fn func(ctx context.Context) error) {
		s.Helper()
		ctx, cancel := context.WithCancel(s.ctx)
		done := make(chan error, 1)
		go func() { done <- fn(ctx) }()
		s.pass(60 * time.Millisecond) // until it waits
		select {
		case err := <-done:
			s.Errorf("%s did not wait: %v", what, err)
		default:
		}
		cancelled := time.Now()
		cancel()
		err := <-done
		s.within("a context ends "+what, time.Since(cancelled), 20*time.Millisecond)
		if !errors.Is(err, context.Canceled) {
			s.Errorf("%s: %v", what, err)
		}
	}
	o := client.Options{}
	o.Pool.MaxConns = 1
	c := s.client(top, o)
	s.must(redis.Set("k", "v").Do(s.ctx, c))

	s.must(c.WithConn(s.ctx, func(*conn.Conn) error {
		ends("a wait for a lease", func(ctx context.Context) error {
			return c.WithConn(ctx, func(*conn.Conn) error { return nil })
		})
		return nil
	}))
	ends("a BLPOP", func(ctx context.Context) error {
		_, err := redis.BLPop(redis.Forever, "nothing").Do(ctx, c)
		return err
	})
	master := s.master(top)
	s.must(master.Stop())
	ends("a wait for a reply", func(ctx context.Context) error { return redis.Set("k", "v").Do(ctx, c) })
	ends("a wait for the replies of a batch", func(ctx context.Context) error {
		var p redis.Pipeline
		redis.Set("k", "v").Queue(&p)
		redis.Get("k").Queue(&p)
		return p.Flush(ctx, c)
	})
	fresh := s.client(top, client.Options{})
	ends("a dial", func(ctx context.Context) error { return redis.Set("k", "v").Do(ctx, fresh) })
	ends("a dial of one's own", func(ctx context.Context) error {
		own, err := fresh.Dial(ctx)
		if err == nil {
			_ = own.Close()
		}
		return err
	})
	ends("a verification", fresh.Verify)
	s.must(master.Cont())

	s.until("a settled topology", func() bool { return top.WaitSettled(s.ctx) == nil })
	began := time.Now()
	s.must(top.SentinelFailover(0))
	s.until("a hold", c.Held)
	ends("a hold", func(ctx context.Context) error { return redis.Set("k", "v").Do(ctx, c) })
	ends("a hold, for a lease", func(ctx context.Context) error {
		return c.WithConn(ctx, func(*conn.Conn) error { return nil })
	})
	s.switched(rec, began)

	for _, n := range top.Sentinels {
		n.Proxy().SetFor(testproxy.BlackHole, outside)
	}
	ends("Open", func(ctx context.Context) error {
		lost, err := client.Open(ctx, options(top, client.Options{}))
		if err == nil {
			_ = lost.Close()
		}
		return err
	})
	ends("Resolve", func(ctx context.Context) error {
		_, _, err := c.Group().Resolve(ctx, "another")
		return err
	})
	blind := s.client(top, client.Options{NoWait: true})
	ends("a wait for a master", func(ctx context.Context) error { return redis.Set("k", "v").Do(ctx, blind) })
	ends("a wait for a replica", func(ctx context.Context) error {
		_, err := redis.Get("k").Do(ctx, blind.Replicas())
		return err
	})
}

func TestA38ListenersThatHangOrPanicDelayNothing(t *testing.T) {
	s := accept(t, "A38", time.Minute)
	top, rec := s.topology(testredis.TopologyOptions{ProxySentinels: true})
	free := make(chan struct{})
	defer close(free)
	o := client.Options{}
	o.Group.OnEvent = func(sentinel.Event) { panic("a listener's bug") }
	c := s.client(top, o)
	c.Listen(func(sentinel.Event) { <-free })
	heard := &events{}
	c.Listen(heard.add)
	// More than waits for a listener that hangs.
	var flood []byte
	payload := fmt.Sprintf("master %s 127.0.0.1 1", top.Names[0])
	for range 5000 {
		flood = append(flood, push("-odown", payload)...)
	}
	for _, p := range top.Sentinels[0].Proxy().Conns() {
		if !p.Internal() {
			p.Inject(testproxy.Down, flood)
		}
	}
	s.until("dropped events", func() bool { return c.Group().Stats().Dropped > 0 })
	s.switches(top, rec, c, "switch after T", 100*time.Millisecond)
	s.until("the switch, by a listener that works", func() bool { return len(heard.of(sentinel.EventSwitched)) > 0 })
	if n := c.Group().Stats().Panics; n == 0 {
		s.Error("panics were not counted")
	}
}

// A39: the master's process dies and is back before any sentinel minds, busy
// loading for a while.
func TestA39AMasterThatRestartsIsWaitedFor(t *testing.T) {
	s := accept(t, "A39", time.Minute)
	top, rec := s.topology(testredis.TopologyOptions{Persist: true, Replicas: -1, Fast: true, DataConfig: []string{"loading-process-events-interval-bytes 1024"}})
	heard := &events{}
	c := s.client(top, client.Options{Group: sentinel.GroupOptions{OnEvent: heard.add}})
	master := s.master(top)
	master.MustDo(s, "DEBUG", "POPULATE", "2000", "filler", "100")
	master.MustDo(s, "BGREWRITEAOF")
	s.until("a file", func() bool {
		info, err := master.Info("persistence")
		return err == nil && info["aof_rewrite_in_progress"] == "0" && info["aof_last_rewrite_time_sec"] != "-1"
	})
	delay := "200" // microseconds a key: about a second altogether
	if !strict {   // a busy machine looks less often
		delay = "1000"
	}
	master.MustDo(s, "CONFIG", "SET", "key-load-delay", delay)
	master.MustDo(s, "CONFIG", "REWRITE")
	w := s.startWriters(c, writerCount, callTimeout)
	before := c.Generation()
	master.Kill()
	s.must(master.Restart())
	loading := false
	s.until("the end of loading", func() bool {
		info, err := master.Info("persistence")
		loading = loading || err == nil && info["loading"] == "1"
		return err == nil && info["loading"] == "0"
	})
	ready := time.Now()
	if !loading {
		s.Error("it was never loading: the scenario shows nothing")
	}
	s.until("every writer back", func() bool { return w.allBack(ready) })
	s.within("every writer back after loading", time.Since(ready), time.Second)
	w.stop()
	unexpected := 0
	for _, x := range w.failed() {
		if conn.ClassOf(x.err) != conn.ClassMaybeExecuted {
			unexpected++
			s.Logf("A39: a write failed: %v", x.err)
		}
	}
	s.atMost("failures but of what was under way", unexpected, 0)
	s.steady("new generations", int(c.Generation()-before), 1)
	s.until("EventRebooted", func() bool { return len(heard.of(sentinel.EventRebooted)) > 0 })
	for _, e := range rec.Events() {
		if e.Name == "+switch-master" {
			s.Errorf("a failover: %v", e)
		}
	}
	a := s.audit(w, master)
	s.checkAlways(a)
	s.atMost("acknowledged writes lost", len(a.lost), 0)
}

// A40: one sentinel lies in every way, and two are honest.
func TestA40ALyingSentinelIsNotBelievedAndHarmsNothing(t *testing.T) {
	s := accept(t, "A40", 4*time.Minute)
	top, _ := s.topology(testredis.TopologyOptions{})
	honest := top.SentinelAddrs()
	long := string(slices.Repeat([]byte("x"), 1<<20))
	pairs := func(kv ...string) string { return testserver.Bulks(kv...) }
	lies := map[string]string{
		"null": testserver.NullArray, "empty array": "*0\r\n", "one element": testserver.Bulks("127.0.0.1"),
		"three elements": testserver.Bulks("127.0.0.1", "1", "2"), "port zero": testserver.Bulks("127.0.0.1", "0"),
		"port too large": testserver.Bulks("127.0.0.1", "70000"), "negative port": testserver.Bulks("127.0.0.1", "-1"),
		"integer": ":1\r\n", "text": "+OK\r\n", "error": "-ERR what\r\n", "nested": testserver.Array(testserver.Bulks("127.0.0.1", "1")),
		"nulls inside": "*2\r\n$-1\r\n$-1\r\n", "long name": testserver.Bulks(long, "1"), "map": "%1\r\n+a\r\n+b\r\n",
		"fields without epoch": pairs("name", "m", "ip", "127.0.0.1", "port", "1"),
		"negative epoch":       pairs("config-epoch", "-5", "flags", "master"),
		"huge epoch":           pairs("config-epoch", "99999999999999999999", "flags", "master,??,unheard-of"),
		"odd fields":           pairs("config-epoch"), "not resp": "hello\r\n", "half a frame": "*2\r\n$9\r\n127.", "huge frame": "$99999999999\r\n",
		"deep": string(slices.Repeat([]byte("*1\r\n"), 500)) + ":1\r\n", "false": "#f\r\n", "double": ",1.5\r\n", "null of RESP3": testserver.Null3,
	}
	slowest := time.Duration(0)
	for name, lie := range lies {
		liar := testserver.NewWith(s, testserver.Options{Mode: "sentinel", AllowProtocolErrors: true})
		liar.Reply("SENTINEL", lie)
		o := client.Options{Group: sentinel.GroupOptions{Sentinels: append([]string{liar.Addr()}, honest...)}}
		if !strict { // what the liar has sent may keep a loaded machine busy for longer than the defaults
			o.Group.Conn.DialTimeout, o.Group.QueryTimeout = loadedFloor, loadedFloor
		}
		began := time.Now()
		c, err := s.open(top, o)
		if err != nil {
			s.Fatalf("%s: %v", name, err)
		}
		if err := redis.Set("k", name).Do(s.ctx, c); err != nil {
			s.Errorf("%s: %v", name, err)
		}
		slowest = max(slowest, time.Since(began))
		for _, event := range []string{"", " ", "mymaster", "mymaster 127.0.0.1", "mymaster 127.0.0.1 x 127.0.0.1 y", "a b c d e f g h", "master mymaster", "slave @ @ @ @ @", long} {
			for _, channel := range []string{"+switch-master", "+failover-state-send-slaveof-noone", "+sdown", "+sentinel", "-failover-abort-not-elected", "+unheard-of"} {
				liar.Publish(channel, event)
			}
		}
		if err := redis.Set("k", name).Do(s.ctx, c); err != nil {
			s.Errorf("%s, after its events: %v", name, err)
		}
		if c.Master() != s.master(top).Addr() || c.Generation() != 1 {
			s.Errorf("%s: the master is %s, generation %d", name, c.Master(), c.Generation())
		}
		s.must(c.Close())
	}
	s.within("the slowest start beside a liar", slowest, 400*time.Millisecond)
}
