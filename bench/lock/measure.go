package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kermes-redis/kermes/internal/testproxy"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/internal/testserver"
)

// uncontended is how many sections are measured without contention.
const uncontended = 400

// farm is the server of a run, and the slow way to it.
type farm struct {
	node  *testredis.Node
	proxy *testproxy.Proxy
}

// result is one library in one round. Times are in milliseconds.
type result struct {
	rate, p50, p99, longest, least, most, commands, cpu, trips float64
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

// measure runs one library with contention and without.
func (f *farm) measure(l library, s settings) (r result, err error) {
	if _, err := f.node.Do("FLUSHALL"); err != nil {
		return r, err
	}
	from := time.Now().Add(1500 * time.Millisecond)
	var procs []*exec.Cmd
	outs := make([]bytes.Buffer, s.contenders)
	ctx, cancel := context.WithTimeout(context.Background(), s.time+90*time.Second)
	defer cancel()
	for i := range s.contenders {
		p := contend(ctx, l, f.node.Addr(), "-from", strconv.FormatInt(from.UnixMilli(), 10), "-time", s.time.String(), "-hold", s.hold.String())
		p.Stdout = &outs[i]
		if err := p.Start(); err != nil {
			return r, err
		}
		procs = append(procs, p)
	}
	time.Sleep(time.Until(from))
	calls, cpu, err := f.node.Work()
	if err != nil {
		return r, err
	}
	for _, p := range procs {
		if err := p.Wait(); err != nil {
			return r, err
		}
	}
	calls2, cpu2, err := f.node.Work()
	if err != nil {
		return r, err
	}
	var waits, shares []float64
	for i := range outs {
		w, _ := timings(outs[i].String())
		waits = append(waits, w...)
		shares = append(shares, float64(len(w)))
	}
	slices.Sort(waits)
	slices.Sort(shares)
	n := float64(len(waits))
	if n == 0 {
		return r, fmt.Errorf("no sections")
	}
	r = result{
		rate: n / s.time.Seconds(), p50: waits[len(waits)/2], p99: waits[len(waits)*99/100], longest: waits[len(waits)-1],
		least: shares[0], most: shares[len(shares)-1], commands: float64(calls2-calls) / n, cpu: (cpu2 - cpu) * 1e6 / n,
	}
	r.trips, err = f.alone(ctx, l)
	return r, err
}

// alone measures lock and unlock without contention through the slow network, in
// round trips of a PING there.
func (f *farm) alone(ctx context.Context, l library) (float64, error) {
	trip, err := f.ping()
	if err != nil {
		return 0, err
	}
	p := contend(ctx, l, f.proxy.Addr(), "-sections", strconv.Itoa(uncontended), "-hold", "0")
	out, err := p.Output()
	if err != nil {
		return 0, err
	}
	_, whole := timings(string(out))
	slices.Sort(whole)
	return whole[len(whole)/2] / trip, nil
}

// ping returns the median of a PING through the slow network.
func (f *farm) ping() (float64, error) {
	c, err := testserver.DialClient("tcp", f.proxy.Addr(), nil, 5*time.Second)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	var all []float64
	for range uncontended {
		began := time.Now()
		if _, err := c.Do("PING"); err != nil {
			return 0, err
		}
		all = append(all, float64(time.Since(began))/1e6)
	}
	slices.Sort(all)
	return all[len(all)/2], nil
}

func contend(ctx context.Context, l library, addr string, args ...string) *exec.Cmd {
	p := exec.CommandContext(ctx, os.Args[0], append([]string{"-contend", l.name, "-addr", addr}, args...)...)
	p.Stderr = os.Stderr
	p.Env = append(os.Environ(), "GOMAXPROCS=1") // as many processes as a machine has no cores for
	return p
}

// timings reads what a contender has printed.
func timings(out string) (waits, whole []float64) {
	for line := range strings.Lines(out) {
		var w, all float64
		if n, _ := fmt.Sscan(line, &w, &all); n == 2 {
			waits, whole = append(waits, w/1e6), append(whole, all/1e6)
		}
	}
	return waits, whole
}
