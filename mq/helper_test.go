package mq_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/mq"
)

const helperEnv = "KERMES_MQ_HELPER"

// runHelper runs this binary as a worker process of a test, if it was started as one:
// the environment says address, queue, concurrency, lease in ms, time of a handler in ms.
// It prints a line for each message that begins, and what events say of losses.
func runHelper() bool {
	words := strings.Fields(os.Getenv(helperEnv))
	if len(words) != 5 {
		return false
	}
	go func() { // ends with the test, whatever happens
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	if words[2] == "0" {
		runScheduler(words[0], words[1])
		return true
	}
	number := func(i int) int { n, _ := strconv.Atoi(words[i]); return n }
	var o client.Options
	o.Pool.Conn.Addr = words[0]
	c, err := client.Open(context.Background(), o)
	if err != nil {
		panic(err)
	}
	var out sync.Mutex
	say := func(format string, args ...any) {
		out.Lock()
		defer out.Unlock()
		fmt.Printf(format+"\n", args...)
	}
	q := mq.New[string](c, words[1], mq.Options{})
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	err = q.Work(ctx, func(ctx context.Context, m *mq.Msg[string]) error {
		say("begin %s %d %d", m.ID, m.Attempt, m.Crashes)
		if m.Value == "poison" {
			os.Exit(3)
		}
		end := time.Now().Add(time.Duration(number(4)) * time.Millisecond)
		lease := time.Duration(number(3)) * time.Millisecond
		for last := time.Now(); last.Before(end); {
			time.Sleep(time.Millisecond) // the work
			if now := time.Now(); now.Sub(last) > lease/2 {
				break // it was stopped: ask now
			} else {
				last = now
			}
		}
		if ctx.Err() != nil { // asked right after a SIGSTOP
			say("told %s %v", m.ID, context.Cause(ctx))
		}
		return nil
	}, mq.WorkerOptions{
		Concurrency: number(2), Lease: time.Duration(number(3)) * time.Millisecond, PollInterval: 100 * time.Millisecond,
		MaxCrashes: 3, OnEvent: func(e mq.Event) {
			if e.Kind == mq.EventLeaseLost {
				say("lost %s", e.ID)
			}
		},
	})
	say("end %v", err)
	return true
}

// runScheduler has a job that is due each second.
func runScheduler(addr, queue string) {
	var o client.Options
	o.Pool.Conn.Addr = addr
	c, err := client.Open(context.Background(), o)
	if err != nil {
		panic(err)
	}
	q := mq.New[int64](c, queue, mq.Options{})
	err = q.Schedule(context.Background(), mq.ScheduleOptions{OnEvent: func(e mq.Event) { fmt.Println(e.Kind, e.ID) }},
		mq.Periodic[int64]{Name: "job", When: mq.Every(time.Second), Value: time.Time.Unix, CatchUp: mq.CatchUpAll})
	fmt.Println("end", err)
}

// process is a worker process.
type process struct {
	cmd   *exec.Cmd
	mu    sync.Mutex
	lines []string
	ended chan struct{}
}

func startProcess(t *testing.T, addr, queue string, concurrency int, lease, work time.Duration) *process {
	t.Helper()
	p := &process{cmd: exec.Command(os.Args[0]), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %d %d %d", helperEnv, addr, queue, concurrency, lease.Milliseconds(), work.Milliseconds()))
	stdin, err := p.cmd.StdinPipe()
	must(t, err)
	stdout, err := p.cmd.StdoutPipe()
	must(t, err)
	must(t, p.cmd.Start())
	go func() {
		defer close(p.ended)
		for s := bufio.NewScanner(stdout); s.Scan(); {
			p.mu.Lock()
			p.lines = append(p.lines, s.Text())
			p.mu.Unlock()
		}
		_ = p.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = p.cmd.Process.Kill()
		<-p.ended
	})
	return p
}

// said returns the lines that begin with prefix.
func (p *process) said(prefix string) (out []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.lines {
		if strings.HasPrefix(l, prefix) {
			out = append(out, l)
		}
	}
	return out
}

func (p *process) signal(t *testing.T, s os.Signal) {
	t.Helper()
	must(t, p.cmd.Process.Signal(s))
}
