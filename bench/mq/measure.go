package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kermes-redis/kermes/internal/testproxy"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/redis"
)

// small is the payload of most measurements, in bytes.
const small = 200

// farm is the server of a run, and the slow way to it.
type farm struct {
	node  *testredis.Node
	proxy *testproxy.Proxy
}

func start() (*farm, error) {
	n, err := testredis.Start(testredis.Options{})
	if err != nil {
		return nil, err
	}
	p, err := testproxy.Start(n.Addr())
	if err != nil {
		_ = n.Close()
		return nil, err
	}
	p.SetDelay(500 * time.Microsecond)
	return &farm{n, p}, nil
}

func (f *farm) close() {
	f.proxy.Close()
	_ = f.node.Close()
}

// flow is how fast messages were consumed, and what that cost the server for each.
type flow struct{ rate, cpu, commands float64 }

// consume fills the queue and measures how fast c handlers empty it: from the first
// message to the last, or for as long as most.
func (f *farm) consume(l library, addr string, c, n, size int, most time.Duration, beside func(s system) (end func())) (flow, error) {
	s, err := f.fresh(l)
	if err != nil {
		return flow{}, err
	}
	err = s.fill(n, make([]byte, size))
	s.close()
	if err != nil {
		return flow{}, err
	}
	if s, err = l.open(addr); err != nil {
		return flow{}, err
	}
	defer s.close()
	if beside != nil {
		defer beside(s)()
	}
	var handled, first, last atomic.Int64
	all := make(chan struct{})
	calls, cpu, err := f.node.Work()
	if err != nil {
		return flow{}, err
	}
	stop, err := s.consume(c, func([]byte) {
		k := handled.Add(1)
		now := time.Now().UnixNano()
		if k == 1 {
			first.Store(now)
		}
		last.Store(now)
		if k == int64(n) {
			close(all)
		}
	})
	if err != nil {
		return flow{}, err
	}
	select {
	case <-all:
	case <-time.After(most):
	}
	took, k := float64(last.Load()-first.Load())/1e9, float64(handled.Load())
	calls2, cpu2, err := f.node.Work()
	stop()
	if err != nil || k < 2 {
		return flow{}, fmt.Errorf("%v messages, %w", k, err)
	}
	return flow{k / took, (cpu2 - cpu) * 1e6 / k, float64(calls2-calls) / k}, nil
}

// callers runs n callers of GET on the client of kermes.
func callers(n int) func(s system) func() {
	return func(s system) func() {
		k, ok := s.(*kermesSystem)
		if !ok {
			return func() {}
		}
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		for range n {
			wg.Go(func() {
				for ctx.Err() == nil {
					_, _ = redis.Get("key").Do(ctx, k.c)
				}
			})
		}
		return func() { cancel(); wg.Wait() }
	}
}

// idle measures how long a message takes to a handler that has nothing to do, in ms.
func (f *farm) idle(l library) (p50, p99 float64, err error) {
	s, err := f.fresh(l)
	if err != nil {
		return 0, 0, err
	}
	defer s.close()
	at := make(chan time.Time, 1)
	stop, err := s.consume(10, func([]byte) { at <- time.Now() })
	if err != nil {
		return 0, 0, err
	}
	defer stop()
	time.Sleep(500 * time.Millisecond) // everybody is idle
	var all []float64
	began := time.Now()
	for len(all) < 200 && (len(all) < 10 || time.Since(began) < 12*time.Second) {
		sent := time.Now()
		if err := s.send([]byte("message")); err != nil {
			return 0, 0, err
		}
		all = append(all, float64((<-at).Sub(sent))/1e6)
		time.Sleep(20 * time.Millisecond)
	}
	slices.Sort(all)
	return all[len(all)/2], all[len(all)*99/100], nil
}

// fresh opens the library on an empty server.
func (f *farm) fresh(l library) (system, error) {
	if _, err := f.node.Do("FLUSHALL"); err != nil {
		return nil, err
	}
	return l.open(f.node.Addr())
}

// memory returns the bytes that a waiting message takes beside its id and payload.
func (f *farm) memory(l library) (float64, error) {
	s, err := f.fresh(l)
	if err != nil {
		return 0, err
	}
	defer s.close()
	const n = 20_000
	if err := s.send(make([]byte, small)); err != nil {
		return 0, err
	}
	before, err := f.used()
	if err != nil {
		return 0, err
	}
	if err := s.fill(n, make([]byte, small)); err != nil {
		return 0, err
	}
	after, err := f.used()
	return float64(after-before)/n - small - float64(l.idBytes), err
}

func (f *farm) used() (int64, error) {
	info, err := f.node.Info("memory")
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(info["used_memory"], 10, 64)
}

// done is how many messages the process that is killed handles before its handlers
// hang, so that others are prefetched by then.
const done = 50

// longestRedelivery bounds the wait for them: asynq looks once a minute for leases of 30 s.
const longestRedelivery = 2 * time.Minute

// redelivery kills a process whose ten handlers hang, with what it has prefetched,
// and measures how long it takes, in seconds, until another has handled the last of
// those messages.
func (f *farm) redelivery(l library) (float64, error) {
	s, err := f.fresh(l)
	if err != nil {
		return 0, err
	}
	defer s.close()
	const n = 200
	if err := s.fill(n, []byte("message")); err != nil {
		return 0, err
	}
	child := exec.Command(os.Args[0], "-hang", l.name, "-addr", f.node.Addr())
	out, err := child.StdoutPipe()
	if err != nil {
		return 0, err
	}
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		return 0, err
	}
	lines := bufio.NewScanner(out)
	for range 10 { // all are at work
		lines.Scan()
	}
	_ = child.Process.Kill()
	killed := time.Now()
	_ = child.Wait()
	var last, handled atomic.Int64
	stop, err := s.consume(10, func([]byte) { handled.Add(1); last.Store(int64(time.Since(killed))) })
	if err != nil {
		return 0, err
	}
	defer stop()
	// The dead one's come back together: what was last is when nothing has come since.
	for began := time.Now(); time.Since(began) < longestRedelivery; time.Sleep(50 * time.Millisecond) {
		at := time.Duration(last.Load())
		if handled.Load() >= n-done && time.Since(killed)-at > 3*time.Second {
			return at.Seconds(), nil
		}
	}
	return 0, fmt.Errorf("%d of %d have come back in %v", handled.Load(), n-done, longestRedelivery)
}

// hang is the process that is killed.
func hang(name, addr string) error {
	for _, l := range libraries {
		if l.name != name {
			continue
		}
		s, err := l.open(addr)
		if err != nil {
			return err
		}
		var n atomic.Int64
		_, err = s.consume(10, func([]byte) {
			if n.Add(1) > done {
				fmt.Println("at work")
				select {}
			}
		})
		if err != nil {
			return err
		}
		time.Sleep(3 * time.Minute)
	}
	return nil
}
