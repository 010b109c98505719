package main

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"net"
	"os"
	"runtime"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// figures are what one measurement yields.
type figures struct {
	Client   string  `json:"client"`
	Workload string  `json:"workload"`
	Round    int     `json:"round"`
	Ops      int64   `json:"ops"`
	Ns       float64 `json:"ns"`     // wall time per command
	CPU      float64 `json:"cpu"`    // of the client's process, ns per command
	Allocs   float64 `json:"allocs"` // per command
	Bytes    float64 `json:"bytes"`  // allocated per command, or kept, where that is measured
	P50      float64 `json:"p50"`    // ns per op
	P99      float64 `json:"p99"`
	Beside   float64 `json:"beside,omitempty"` // ns per op of the caller beside the others
	// Goroutines of a client, where that is measured.
	Goroutines float64 `json:"goroutines,omitempty"`
	// Others is the share of the machine that other programs used meanwhile.
	Others float64            `json:"others"`
	Table  map[string]float64 `json:"table,omitempty"` // by command
	// Ratio to the same client in bypass, where that is measured.
	Ratio float64 `json:"ratio,omitempty"`
	Error string  `json:"error,omitempty"`
}

// measure runs in a process of its own.
func measure(c *contender, w *workload, s servers, d time.Duration) (f figures, err error) {
	f = figures{Client: c.name, Workload: w.name}
	shared()
	if c.name == "raw" {
		rawWires()
	}
	if w.special == specialMany {
		return f, measureClients(c, w.clients, s, &f)
	}
	if w.special == specialPaired {
		return f, measurePaired(w, s, d, &f)
	}
	before := liveBytes()
	cl, err := c.open(s)
	if err != nil {
		return f, err
	}
	defer cl.close()
	switch w.special {
	case specialAllocs:
		f.Table, err = everydayAllocs(c.name, s)
		return f, err
	case specialIdle:
		return f, measureIdle(cl, before, &f)
	case specialPubSub:
		return f, measurePubSub(cl, s.Addr, d, &f)
	}
	if w.burst {
		if err := burst(cl, d/2); err != nil {
			return f, err
		}
	}
	g, err := newGang(cl, w)
	if err != nil {
		return f, err
	}
	live := liveObjects(w.heap)
	defer runtime.KeepAlive(live)
	if err := g.run(d/4, nil); err != nil {
		return f, err
	}
	if w.special == specialHeap {
		f.Ops = 1
		f.Bytes = float64(liveBytes() - before)
		runtime.KeepAlive(g)
		return f, nil
	}
	stop := profile()
	err = g.run(d, &f)
	stop()
	return f, err
}

// profile writes a CPU profile of the measurement to the file that
// PEERS_PROFILE names.
func profile() (stop func()) {
	name := os.Getenv("PEERS_PROFILE")
	if name == "" {
		return func() {}
	}
	file, err := os.Create(name)
	if err != nil {
		panic(err)
	}
	_ = pprof.StartCPUProfile(file)
	return func() {
		pprof.StopCPUProfile()
		_ = file.Close()
	}
}

// gang is the callers of a workload.
type gang struct {
	w       *workload
	workers []worker
	beside  worker
	next    []int // where each caller goes on
}

func newGang(cl client, w *workload) (*gang, error) {
	g := &gang{w: w}
	for i := range max(w.callers, 1) {
		one, err := cl.worker()
		if err != nil {
			return nil, err
		}
		g.workers = append(g.workers, one)
		g.next = append(g.next, i*37)
	}
	if w.beside == nil {
		return g, nil
	}
	var err error
	g.beside, err = cl.worker()
	return g, err
}

// run repeats the ops of all callers for d, each at least once, and fills f, unless
// that is nil.
func (g *gang) run(d time.Duration, f *figures) error {
	ctx, cancel := g.w.ctx.context()
	defer cancel()
	do := g.w.ctx.every(g.w.op)
	var (
		stop, stopBeside atomic.Bool
		begin            = make(chan struct{})
		callers, others  sync.WaitGroup
		failures         = make(chan error, len(g.workers)+1)
		times            = make([]histogram, len(g.workers))
		besideOps        int64
	)
	for i := range g.workers {
		callers.Go(func() {
			<-begin
			n := g.next[i]
			last := time.Now()
			for first := true; first || !stop.Load(); first = false {
				if err := do(ctx, g.workers[i], n); err != nil {
					failures <- err
					stop.Store(true)
					return
				}
				n++
				now := time.Now()
				times[i].add(now.Sub(last))
				last = now
			}
			g.next[i] = n
		})
	}
	if g.beside != nil {
		others.Go(func() {
			<-begin
			for ; !stopBeside.Load(); besideOps++ {
				if err := g.w.beside(ctx, g.beside, 0); err != nil {
					failures <- err
					stop.Store(true)
					return
				}
			}
		})
	}
	runtime.GC()
	m := startMeter()
	close(begin)
	timer := time.AfterFunc(d, func() { stop.Store(true) })
	defer timer.Stop()
	callers.Wait()
	elapsed, cpu, allocs, bytes := m.read()
	stopBeside.Store(true)
	others.Wait()
	select {
	case err := <-failures:
		return err
	default:
	}
	if f == nil {
		return nil
	}
	var all histogram
	for i := range times {
		all.merge(&times[i])
	}
	f.Ops = all.count
	commands := float64(f.Ops) * float64(g.w.commands())
	f.fill(commands, elapsed, cpu, allocs, bytes)
	f.P50, f.P99 = all.quantile(0.50), all.quantile(0.99)
	if besideOps > 0 {
		f.Beside = float64(elapsed) / float64(besideOps)
	}
	return nil
}

func (f *figures) fill(commands float64, elapsed, cpu time.Duration, allocs, bytes uint64) {
	f.Ns = float64(elapsed) / commands
	f.CPU = float64(cpu) / commands
	f.Allocs = float64(allocs) / commands
	f.Bytes = float64(bytes) / commands
}

// burst is 64 callers at a time, with contexts that can be cancelled.
func burst(cl client, d time.Duration) error {
	g, err := newGang(cl, &workload{callers: burstCallers, ctx: cancellable, op: opGet})
	if err != nil {
		return err
	}
	return g.run(d, nil)
}

func measureIdle(cl client, before int64, f *figures) error {
	if err := cl.hold(heldConns); err != nil {
		return err
	}
	f.Ops = heldConns
	f.Bytes = float64(liveBytes()-before) / heldConns
	runtime.KeepAlive(cl)
	return nil
}

// object is what a program's memory mostly consists of: small, and full of pointers.
type object struct {
	next *object
	text *[48]byte
}

// liveObjects are so many bytes of them.
func liveObjects(bytes int) *object {
	const size = 16 + 48
	var all *object
	for range bytes / size {
		all = &object{all, new([48]byte)}
	}
	return all
}

// liveBytes is what the collector leaves of the heap, and the stacks.
func liveBytes() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // empties sync.Pools
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// Pub/sub: the publisher is a raw socket in this process, the same for all, so
// many messages ahead of the subscriber at most.
const (
	publishAhead = 20_000
	publishBatch = 500
	messageLimit = 10 * time.Second // for the first message
)

func measurePubSub(cl client, addr string, d time.Duration, f *figures) error {
	var received atomic.Int64
	ready := make(chan struct{})
	done := make(chan error, 1)
	stop := make(chan struct{})
	var stopping atomic.Bool
	data := shared()
	go func() {
		w, err := cl.worker()
		if err != nil {
			done <- err
			return
		}
		n := int64(0)
		wrong := false
		err = w.subscribe(context.Background(), func() { close(ready) }, func(payload string) bool {
			wrong = wrong || payload != data.messages[n%topics]
			n++
			received.Store(n)
			return !wrong && !stopping.Load()
		})
		if wrong {
			err = fmt.Errorf("%w: message %d is lost or out of order", errWrong, n-1)
		}
		done <- err
	}()
	select {
	case <-ready:
	case err := <-done:
		return err
	}
	published := make(chan error, 1)
	go func() { published <- publish(addr, &received, stop) }()
	time.Sleep(d / 4)
	runtime.GC()
	m, n := startMeter(), received.Load()
	stopProfile := profile()
	// A busy machine may take longer than d for the first message.
	for began := time.Now(); time.Since(began) < d || received.Load() == n && time.Since(began) < messageLimit; {
		select {
		case err := <-done:
			return errors.Join(err, errWrong)
		case <-time.After(d):
		}
	}
	elapsed, cpu, allocs, bytes := m.read()
	f.Ops = received.Load() - n
	stopProfile()
	stopping.Store(true)
	err := <-done // the publisher still sends
	close(stop)
	if f.Ops == 0 {
		return errors.New("no message has come")
	}
	f.fill(float64(f.Ops), elapsed, cpu, allocs, bytes)
	return errors.Join(err, <-published)
}

// publish sends the cycle of messages until stop is closed.
func publish(addr string, received *atomic.Int64, stop <-chan struct{}) error {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer nc.Close()
	r := &rawWorker{nc: nc}
	var batches [][]byte
	for i := 0; i < topics; i += publishBatch {
		var b []byte
		for k := range publishBatch {
			b = append(b, encode("PUBLISH", channel, shared().messages[i+k])...)
		}
		batches = append(batches, b)
	}
	for i, sent := 0, int64(0); ; i++ {
		select {
		case <-stop:
			return nil
		default:
		}
		if sent-received.Load() > publishAhead {
			time.Sleep(50 * time.Microsecond)
			i--
			continue
		}
		if _, err := r.exchange(batches[i%len(batches)], len(":1\r\n")*publishBatch); err != nil {
			return err
		}
		sent += publishBatch
	}
}

// meter reads the clocks and counters of the process.
type meter struct {
	began  time.Time
	cpu    time.Duration
	allocs uint64
	bytes  uint64
}

func startMeter() meter {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return meter{allocs: m.Mallocs, bytes: m.TotalAlloc, cpu: cpuTime(), began: time.Now()}
}

func (m meter) read() (elapsed, cpu time.Duration, allocs, bytes uint64) {
	elapsed = time.Since(m.began)
	cpu = cpuTime() - m.cpu
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return elapsed, cpu, s.Mallocs - m.allocs, s.TotalAlloc - m.bytes
}

// cpuTime is what the process has used, user and system.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// histogram counts durations in buckets that are 1/16 of their value wide.
type histogram struct {
	count   int64
	buckets [64 * 16]uint32
}

func (h *histogram) add(d time.Duration) {
	h.count++
	h.buckets[bucketOf(uint64(d))]++
}

func bucketOf(ns uint64) int {
	if ns < 16 {
		return int(ns)
	}
	shift := bits.Len64(ns) - 5
	return (shift+1)*16 + int(ns>>shift) - 16
}

// middle of a bucket.
func middle(bucket int) float64 {
	if bucket < 16 {
		return float64(bucket)
	}
	shift := bucket/16 - 1
	return (float64(16+bucket%16) + 0.5) * float64(uint64(1)<<shift)
}

func (h *histogram) merge(o *histogram) {
	h.count += o.count
	for i, n := range o.buckets {
		h.buckets[i] += n
	}
}

func (h *histogram) quantile(q float64) float64 {
	left := int64(q * float64(h.count))
	for i, n := range h.buckets {
		if left -= int64(n); left < 0 {
			return middle(i)
		}
	}
	return 0
}
