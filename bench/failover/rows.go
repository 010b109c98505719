package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/kermes-redis/kermes/internal/testproxy"
	"github.com/kermes-redis/kermes/internal/testredis"
)

const (
	// settleTime bounds the wait for the sentinels.
	settleTime = 40 * time.Second
	// patience is how long clients are given to come back.
	patience = 25 * time.Second
)

// figures of one run of a row: name, contender, milliseconds or a count.
type figures map[string]map[string]float64

func (f figures) set(figure, name string, v float64) {
	if f[figure] == nil {
		f[figure] = map[string]float64{}
	}
	f[figure][name] = v
}

func (f figures) time(figure, name string, d time.Duration) {
	if d >= never {
		f.set(figure, name, -1)
		return
	}
	f.set(figure, name, float64(d)/1e6)
}

// own is the name under which Sentinel's own times are kept.
const own = "Sentinel"

// row is a fault and what is measured.
type row struct {
	name string
	run  func(f figures) error
}

// options of every topology: those of the measurements that the table is to be
// compared with.
func options() testredis.TopologyOptions {
	return testredis.TopologyOptions{DownAfter: time.Second, FailoverTimeout: 5 * time.Second}
}

// fault is a failover with everything at work.
type fault struct {
	options   func(o *testredis.TopologyOptions)
	sentinels func(top *testredis.Topology) []string // those that clients are told; nil is all
	before    func(l *load) error                    // happens first, and is waited for
	do        func(l *load, old *testredis.Node) error
	during    func(l *load, old *testredis.Node, at time.Time) error // in the background of waiting
	watch     time.Duration                                          // how long clients are watched at most
	stay      time.Duration                                          // and at least
	want      []string                                               // figures
	subs      bool
}

func (x fault) run(f figures) error {
	o := options()
	if x.options != nil {
		x.options(&o)
	}
	top, err := testredis.StartTopology(o)
	if err != nil {
		return err
	}
	defer top.Close()
	sentinels := top.SentinelAddrs()
	if x.sentinels != nil {
		sentinels = x.sentinels(top)
	}
	kind := writing
	if x.subs {
		kind |= subscribing
	}
	l, err := startLoad(top, sentinels, kind)
	if err != nil {
		return err
	}
	defer l.close()
	old, err := top.CurrentMaster("")
	if err != nil {
		return err
	}
	if x.before != nil {
		if err := x.before(l); err != nil {
			return err
		}
	}
	at := time.Now()
	if err := x.do(l, old); err != nil {
		return err
	}
	background := make(chan error, 1)
	go func() {
		if x.during == nil {
			background <- nil
			return
		}
		background <- x.during(l, old, at)
	}()
	ctx, cancel := context.WithTimeout(context.Background(), settleTime)
	defer cancel()
	first, err := l.rec.Switch(ctx, "", at)
	if err != nil {
		return err
	}
	next, err := top.NodeAt(first.To())
	if err != nil {
		return err
	}
	named := l.named.of(next)
	x.wait(l, at, named, next)
	if err := <-background; err != nil {
		return err
	}
	end := time.Now()
	l.stop()
	promoted, err := promotion(next)
	if err != nil {
		return err
	}
	f.time("promotion", own, promoted.Sub(at))
	f.time("named", own, named.Sub(at))
	f.time("first +switch-master", own, first.At.Sub(at))
	for _, s := range l.subjects {
		v, err := s.judge(next, at, promoted)
		if err != nil {
			return err
		}
		x.note(f, s, v, at, end, named, next)
	}
	return nil
}

// wait gives every client the time to come back.
func (x fault) wait(l *load, at, named time.Time, next *testredis.Node) {
	watch := x.watch
	if watch == 0 {
		watch = patience
	}
	until(time.Until(at.Add(watch)), func() bool {
		if time.Since(at) < x.stay {
			return false
		}
		for _, s := range l.subjects {
			if !s.allBack(named, writers) || x.subs && s.heard(next.Name, at) == never {
				time.Sleep(50 * time.Millisecond)
				return false
			}
		}
		return true
	})
}

func (x fault) note(f figures, s *subject, v verdict, at, end, named time.Time, next *testredis.Node) {
	for _, want := range x.want {
		switch want {
		case "outage":
			f.time(want, s.name, v.outage)
		case "after named":
			if v.outage >= never {
				f.time(want, s.name, never)
			} else {
				f.time(want, s.name, v.outage-named.Sub(at))
			}
		case "stale":
			f.set(want, s.name, float64(v.stale))
		case "failed":
			f.set(want, s.name, float64(s.failures()))
		case "writes unavailable":
			f.time(want, s.name, s.longestGap(at.Add(-100*time.Millisecond), end))
		case "subscriber: first message":
			f.time(want, s.name, s.heard(next.Name, at))
		case "executed twice":
			f.set(want, s.name, float64(v.twice))
		}
	}
}

func kill(_ *load, old *testredis.Node) error { old.Kill(); return nil }

func stop(_ *load, old *testredis.Node) error { return old.Stop() }

func planned(l *load, _ *testredis.Node) error { return l.top.SentinelFailover(1) }

func onlyFirst(top *testredis.Topology) []string { return top.SentinelAddrs()[:1] }

func proxied(o *testredis.TopologyOptions) { o.ProxyData = true }

// contAfter lets a stopped master go on.
func contAfter(d time.Duration) func(l *load, old *testredis.Node, at time.Time) error {
	return func(_ *load, old *testredis.Node, at time.Time) error {
		time.Sleep(time.Until(at.Add(d)))
		return old.Cont()
	}
}

var rows = []row{
	{"kill -9 master", fault{
		do: kill, subs: true, want: []string{"outage", "after named", "failed", "subscriber: first message"},
	}.run},
	{"planned, SENTINEL FAILOVER", fault{
		do: planned, subs: true, stay: 13 * time.Second, want: []string{"stale", "writes unavailable", "subscriber: first message"},
	}.run},
	{"SIGSTOP master", fault{
		do: stop, during: contAfter(10 * time.Second), subs: true, want: []string{"outage", "after named", "subscriber: first message"},
	}.run},
	{"black hole around master", fault{
		options: proxied, subs: true, want: []string{"outage", "after named", "subscriber: first message"},
		do: func(_ *load, old *testredis.Node) error { return old.Proxy().Set(testproxy.BlackHole) },
	}.run},
	{"master cut from the sentinels and replicas, not from clients", fault{
		options: proxied, want: []string{"stale"}, stay: 10 * time.Second,
		do: func(_ *load, old *testredis.Node) error {
			old.Proxy().SetFor(testproxy.BlackHole, (*testproxy.Conn).Internal)
			return nil
		},
	}.run},
	{"kill -9, old master back before the switch", fault{
		do: kill, stay: 13 * time.Second, want: []string{"outage", "after named", "stale"},
		during: func(l *load, old *testredis.Node, at time.Time) error {
			ctx, cancel := context.WithTimeout(context.Background(), settleTime)
			defer cancel()
			if _, err := l.rec.Wait(ctx, func(e testredis.Event) bool {
				return e.Name == "+failover-state-wait-promotion" && e.At.After(at)
			}); err != nil {
				return err
			}
			return old.Restart()
		},
	}.run},
	{"master restarts quickly, no failover", quickRestart},
	{"all sentinels down 5 s, master fine", func(f figures) error {
		return withoutSentinels(f, func(n *testredis.Node) error { n.Kill(); return nil }, (*testredis.Node).Restart)
	}},
	{"all sentinels hung 5 s, master fine", func(f figures) error {
		return withoutSentinels(f, (*testredis.Node).Stop, (*testredis.Node).Cont)
	}},
	{"first sentinel accepts and never answers, at start", func(f figures) error {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer ln.Close()
		return firstCommand(f, ln.Addr().String())
	}},
	{"first sentinel drops SYNs, at start", func(f figures) error {
		addr, end, err := droppedSYNs()
		if err != nil {
			return err
		}
		defer end()
		return firstCommand(f, addr)
	}},
	{"subscribed sentinel killed, then kill -9 master", fault{
		sentinels: onlyFirst, do: kill, want: []string{"outage", "after named"},
		before: func(l *load) error { l.top.Sentinels[0].Kill(); time.Sleep(100 * time.Millisecond); return nil },
	}.run},
	{"subscribed sentinel hung, then kill -9 master", fault{
		sentinels: onlyFirst, do: kill, want: []string{"outage", "after named"},
		before: hangFirst,
	}.run},
	{"subscribed sentinel hung, then planned failover", fault{
		sentinels: onlyFirst, do: planned, stay: 14 * time.Second, want: []string{"stale"},
		before: hangFirst,
	}.run},
	{"replies dropped, connection cut (160 commands)", droppedReplies},
	{"planned with min-replicas-to-write", fault{
		options: func(o *testredis.TopologyOptions) { o.MinReplicas = 1 },
		do:      planned, stay: 13 * time.Second, want: []string{"stale"},
	}.run},
	{"replica killed under reads", func(f figures) error {
		return replicaLost(f, func(n *testredis.Node) error { n.Kill(); return nil })
	}},
	{"replica hung under reads", func(f figures) error { return replicaLost(f, (*testredis.Node).Stop) }},
	{"twenty planned failovers in a row", plannedInARow},
}

// hangFirst stops the sentinel that all clients were told. The kernel goes on
// accepting connections for it.
func hangFirst(l *load) error {
	err := l.top.Sentinels[0].Stop()
	time.Sleep(100 * time.Millisecond)
	return err
}

func quickRestart(f figures) error {
	o := options()
	o.Persist = true
	top, err := testredis.StartTopology(o)
	if err != nil {
		return err
	}
	defer top.Close()
	l, err := startLoad(top, top.SentinelAddrs(), writing)
	if err != nil {
		return err
	}
	defer l.close()
	master, err := top.CurrentMaster("")
	if err != nil {
		return err
	}
	at := time.Now()
	master.Kill()
	if err := master.Restart(); err != nil {
		return err
	}
	until(patience, func() bool {
		time.Sleep(20 * time.Millisecond)
		for _, s := range l.subjects {
			if !s.allBack(at.Add(100*time.Millisecond), writers) {
				return false
			}
		}
		return true
	})
	l.stop()
	for _, s := range l.subjects {
		last := time.Duration(0)
		first := map[int]time.Time{}
		for _, c := range s.successes() {
			if _, ok := first[c.worker]; !ok && c.at.After(at.Add(20*time.Millisecond)) {
				first[c.worker] = c.at
				last = max(last, c.at.Sub(at))
			}
		}
		if len(first) < writers {
			last = never
		}
		f.time("outage", s.name, last)
	}
	return nil
}

func withoutSentinels(f figures, down, up func(n *testredis.Node) error) error {
	top, err := testredis.StartTopology(options())
	if err != nil {
		return err
	}
	defer top.Close()
	l, err := startLoad(top, top.SentinelAddrs(), writing)
	if err != nil {
		return err
	}
	defer l.close()
	at := time.Now()
	for _, n := range top.Sentinels {
		if err := down(n); err != nil {
			return err
		}
	}
	// Connections come and go in any program: those of all clients break once.
	time.Sleep(time.Second)
	if _, err := top.Data[0].Do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"); err != nil {
		return err
	}
	time.Sleep(time.Until(at.Add(5 * time.Second)))
	end := time.Now()
	for _, n := range top.Sentinels {
		if err := up(n); err != nil {
			return err
		}
	}
	l.stop()
	for _, s := range l.subjects {
		f.time("longest gap", s.name, s.longestGap(at, end))
	}
	return nil
}

// firstCommand opens every client with a bad sentinel before two good ones.
func firstCommand(f figures, bad string) error {
	top, err := testredis.StartTopology(options())
	if err != nil {
		return err
	}
	defer top.Close()
	for _, c := range selected() {
		took := never
		ctx, cancel := context.WithTimeout(context.Background(), 12*time.Second)
		began := time.Now()
		cl, err := c.open(ctx, setup{sentinels: append([]string{bad}, top.SentinelAddrs()[:2]...), master: top.Names[0]})
		if err == nil {
			for ctx.Err() == nil {
				if cl.push(ctx, "first", c.name) == nil {
					took = time.Since(began)
					break
				}
			}
			go cl.close()
		}
		cancel()
		f.time("first command", c.name, took)
	}
	return nil
}

// droppedReplies: twenty times, all eight writers send one command, which is
// executed and whose reply is lost with the connection.
func droppedReplies(f figures) error {
	o := options()
	o.ProxyData = true
	top, err := testredis.StartTopology(o)
	if err != nil {
		return err
	}
	defer top.Close()
	master, err := top.CurrentMaster("")
	if err != nil {
		return err
	}
	for i, c := range selected() {
		s := &subject{contender: c, id: fmt.Sprint("c", i)}
		if err := dropReplies(s, top, master); err != nil {
			return err
		}
		v, err := s.judge(master, time.Now(), time.Time{})
		if err != nil {
			return err
		}
		f.set("executed twice", s.name, float64(v.twice))
	}
	return nil
}

func dropReplies(s *subject, top *testredis.Topology, master *testredis.Node) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := s.open(ctx, setup{sentinels: top.SentinelAddrs(), master: top.Names[0]})
	if err != nil {
		return err
	}
	defer c.close()
	outside := func(p *testproxy.Conn) bool { return !p.Internal() }
	for round := range 20 {
		for range 3 { // a connection that works for each
			together(func(int) error {
				call, cancel := context.WithTimeout(ctx, 3*time.Second)
				defer cancel()
				return c.push(call, "warm", "x")
			})
		}
		master.Proxy().SetFor(testproxy.BlackHoleDown, outside)
		heal := time.AfterFunc(50*time.Millisecond, func() { master.Proxy().SetFor(testproxy.Pass, nil) })
		together(func(w int) error {
			call, cancel := context.WithTimeout(ctx, deadline)
			defer cancel()
			return c.push(call, s.key(w), fmt.Sprint(round))
		})
		if heal.Stop() {
			master.Proxy().SetFor(testproxy.Pass, nil)
		}
	}
	return nil
}

// together runs fn for every writer at once and waits for all.
func together(fn func(w int) error) {
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() { _ = fn(w) }) // what came of it is read from the server
	}
	all.Wait()
}

func replicaLost(f figures, lose func(n *testredis.Node) error) error {
	top, err := testredis.StartTopology(options())
	if err != nil {
		return err
	}
	defer top.Close()
	if _, err := top.Data[0].Do("SET", "key", "value"); err != nil {
		return err
	}
	l, err := startLoad(top, top.SentinelAddrs(), reading)
	if err != nil {
		return err
	}
	defer l.close()
	// One after the other, since a client may read from one alone.
	for _, n := range top.Data[1:] {
		at := time.Now()
		if err := lose(n); err != nil {
			return err
		}
		time.Sleep(7 * time.Second)
		end := time.Now()
		for _, s := range l.subjects {
			was := f["read gap"][s.name]
			f.time("read gap", s.name, s.readGap(at, end))
			f.set("read gap", s.name, max(was, f["read gap"][s.name]))
		}
		if !n.Running() {
			err = n.Restart()
		} else {
			err = n.Cont()
		}
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(context.Background(), settleTime)
		err := top.WaitSettled(ctx)
		cancel()
		if err != nil {
			return err
		}
		time.Sleep(2 * time.Second)
	}
	l.stop()
	return nil
}

// readGap is the longest time between two successes of one reader.
func (s *subject) readGap(from, to time.Time) time.Duration {
	last := map[int]time.Time{}
	for w := range readers {
		last[w] = from
	}
	var longest time.Duration
	for _, c := range s.successes() {
		if c.at.After(from) && c.at.Before(to) {
			longest = max(longest, c.at.Sub(last[c.worker]))
			last[c.worker] = c.at
		}
	}
	for _, at := range last {
		longest = max(longest, to.Sub(at))
	}
	return longest
}

// plannedInARow: twenty planned failovers, one after the other.
func plannedInARow(f figures) error {
	const times = 20
	o := options()
	o.Fast = true
	top, err := testredis.StartTopology(o)
	if err != nil {
		return err
	}
	defer top.Close()
	l, err := startLoad(top, top.SentinelAddrs(), writing)
	if err != nil {
		return err
	}
	defer l.close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	master, err := top.CurrentMaster("")
	if err != nil {
		return err
	}
	for i := range times {
		if !until(settleTime, func() bool { return top.SentinelFailover(i%3) == nil }) {
			return errors.New("failover: refused")
		}
		if master, err = top.WaitSwitch(ctx, "", master); err != nil {
			return err
		}
		if err := top.WaitSettled(ctx); err != nil {
			return err
		}
	}
	l.stop()
	for _, s := range l.subjects {
		v, err := s.judge(master, time.Now(), time.Time{})
		if err != nil {
			return err
		}
		f.set("acknowledged writes lost", s.name, float64(v.lost))
		f.set("of writes acknowledged", s.name, float64(len(s.successes())))
	}
	return nil
}
