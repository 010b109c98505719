package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/sentinel"
)

// childLimit ends a measurement that hangs.
const childLimit = 5 * time.Minute

// godebug keeps Go from what valgrind does not know: an instruction that reads the
// clock, and signals at any place.
const godebug = "GODEBUG=cpu.rdtscp=off,asyncpreemptoff=1"

// figures are what one operation of a row takes. One that is negative was not measured.
type figures struct {
	Instructions float64
	Allocations  float64
	Bytes        float64
	Reads        float64 // system calls of read and its relatives
	Writes       float64
}

// child runs this program again, to count rows: one thread of Go code and no garbage
// collection, so that a count is the same every time. before are the words that come
// before it.
func child(rows []row, addr string, times int, before ...string) (stdout, stderr string, err error) {
	self, err := os.Executable()
	if err != nil {
		return "", "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), childLimit)
	defer cancel()
	words := append(before, self, "-addr", addr, "-times", strconv.Itoa(times), "-child")
	for _, r := range rows {
		words = append(words, r.name)
	}
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "GOGC=off", godebug)
	if err := cmd.Run(); err != nil {
		return "", "", fmt.Errorf("%w: %s", err, errs.String())
	}
	return out.String(), errs.String(), nil
}

// runChild is the child's side.
func runChild(names []string, addr string, times int) error {
	for _, name := range names {
		r, err := rowOf(name)
		if err != nil {
			return err
		}
		r.ops *= times
		if err := r.count(addr); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// count prints what the row takes, on the server at addr or in memory.
func (r *row) count(addr string) error {
	o := conn.Options{Addr: addr}
	if addr == "" {
		o.Dial = r.dial
	}
	c, done, err := r.open(o)
	if err != nil {
		return err
	}
	defer func() { _ = done() }()
	if err := set(context.Background(), c); err != nil {
		return err
	}
	// Once with everything cold, so that what lives as long as the client is there.
	if err := r.run(c, r.ops/2); err != nil {
		return err
	}
	if valgrind(runningOn) != 0 {
		return counted(func() error { return r.run(c, r.ops) })
	}
	var before, after runtime.MemStats
	reads, writes, err := ioCalls()
	if err != nil && addr != "" {
		return err
	}
	runtime.ReadMemStats(&before)
	if err := r.run(c, r.ops); err != nil {
		return err
	}
	runtime.ReadMemStats(&after)
	readsNow, writesNow, _ := ioCalls()
	return json.NewEncoder(os.Stdout).Encode(figures{
		Allocations: float64(after.Mallocs-before.Mallocs) / float64(r.ops),
		Bytes:       float64(after.TotalAlloc-before.TotalAlloc) / float64(r.ops),
		Reads:       float64(readsNow-reads) / float64(r.ops),
		Writes:      float64(writesNow-writes) / float64(r.ops),
	})
}

// open returns a client of the server that o leads to, and what closes it.
func (r *row) open(o conn.Options) (c *client.Client, done func() error, err error) {
	opts := client.Options{Pool: pool.Options{Conn: o}}
	if !r.follows {
		c, err = client.Open(context.Background(), opts)
		return c, c.Close, err
	}
	g, err := testgroup.Start(testgroup.Options{Replicas: -1, InMemory: true})
	if err != nil {
		return nil, nil, err
	}
	// Sentinels that keep silent, so that what is counted is of the commands; and have
	// time, as all is slow beneath valgrind.
	opts.Master, opts.VerifyInterval = testgroup.DefaultMaster, -1
	opts.Group = sentinel.GroupOptions{
		Sentinels: g.SentinelAddrs(), Conn: conn.Options{Dial: g.Dial, DialTimeout: childLimit}, QueryTimeout: childLimit,
		PollInterval: time.Hour, PingInterval: time.Hour,
	}
	if c, err = client.Open(context.Background(), opts); err != nil {
		return nil, nil, errors.Join(err, g.Close())
	}
	return c, func() error { return errors.Join(c.Close(), g.Close()) }, nil
}

// run lets the callers of the row do so many operations together.
func (r *row) run(c *client.Client, ops int) error {
	callers := max(r.callers, 1)
	failures := make(chan error, callers)
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			ctx, cancel := context.Background(), context.CancelFunc(func() {})
			if r.context != nil {
				ctx, cancel = r.context()
			}
			defer cancel()
			for range ops / callers {
				if err := r.op(ctx, c); err != nil {
					failures <- err
					return
				}
			}
		})
	}
	all.Wait()
	select {
	case err := <-failures:
		return err
	default:
		return nil
	}
}

var errNoIO = errors.New("this system does not count reads and writes of a process")

// ioCalls is how often this process has read and written.
func ioCalls() (reads, writes int64, err error) {
	b, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0, 0, errNoIO
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "syscr: "); ok {
			reads = atoi(rest)
		}
		if rest, ok := strings.CutPrefix(line, "syscw: "); ok {
			writes = atoi(rest)
		}
	}
	return reads, writes, nil
}

func atoi(s string) int64 {
	n, _ := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	return n
}

// measured reads what children have printed, in the order of the rows.
func measured(rows []row, addr string) (map[string]figures, error) {
	out, _, err := child(rows, addr, 1)
	if err != nil {
		return nil, err
	}
	all := make(map[string]figures)
	lines := json.NewDecoder(strings.NewReader(out))
	for _, r := range rows {
		var f figures
		if err := lines.Decode(&f); err != nil {
			return nil, errors.Join(err, io.ErrUnexpectedEOF)
		}
		all[r.name] = f
	}
	return all, nil
}
