package lock

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/redis"
)

// play is what the test binary does as another process: it takes locks, and ends
// with its standard input.
func play(role string) {
	ttl, _ := strconv.Atoi(os.Getenv("KERMES_LOCK_TTL"))
	var p redis.Doer = pool.New(pool.Options{Conn: conn.Options{Addr: os.Getenv("KERMES_LOCK_ADDR")}})
	if i := slices.IndexFunc(layers, func(l layer) bool { return l.name == os.Getenv("KERMES_LOCK_OVER") }); i >= 0 {
		p = layers[i].over(p)
	}
	l := New(p, Options{Terms: Terms{TTL: time.Duration(ttl) * time.Millisecond}})
	name := os.Getenv("KERMES_LOCK_NAME")
	if role == "worker" {
		go playWorker(l, name)
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	var h *Held
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		switch in.Text() {
		case "lock":
			var err error
			if h, err = l.Lock(context.Background(), name); err != nil {
				fmt.Println("error", err)
				continue
			}
			fmt.Println("held", h.Fence())
		case "check": // the first thing that it does after a pause
			check, ctx := h.Check(), h.Context().Err()
			fmt.Println(errors.Is(check, ErrLost), errors.Is(ctx, context.Canceled))
		case "unlock":
			fmt.Println(errors.Is(h.Unlock(context.Background()), ErrLost))
		}
	}
}

// playWorker takes the lock again and again, and tells the witness.
func playWorker(l *Locker, name string) {
	nc, err := net.Dial("tcp", os.Getenv("KERMES_LOCK_WITNESS"))
	if err != nil {
		os.Exit(1)
	}
	r := bufio.NewReader(nc)
	n, _ := strconv.Atoi(os.Getenv("KERMES_LOCK_JOB"))
	job := jobs[n]
	tell := func(what string, h *Held) (accepted bool) {
		_, _ = fmt.Fprintf(nc, "%s %d %t %s\n", what, h.Fence(), job.reads, job.place(name, h))
		reply, err := r.ReadString('\n')
		if err != nil {
			os.Exit(1)
		}
		return reply == "true\n"
	}
	for {
		h, err := job.take(context.Background(), l, name)
		if err != nil {
			continue
		}
		playSection(h, tell)
		_ = h.Unlock(context.Background())
	}
}

// playSection enters and writes four times, asking Check before each message.
func playSection(h *Held, tell func(what string, h *Held) bool) {
	if h.Check() != nil {
		return
	}
	if !tell("enter", h) {
		if h.Check() == nil {
			tell("disorder", h)
		}
		return
	}
	for range 4 {
		if h.Check() != nil {
			return
		}
		tell("write", h)
	}
}

// serve answers workers as the witness until the listener is closed.
func (w *witness) serve(ln net.Listener) {
	for {
		nc, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer nc.Close()
			for in := bufio.NewScanner(nc); in.Scan(); {
				var what, name string
				var fence int64
				var reads bool
				if _, err := fmt.Sscan(in.Text(), &what, &fence, &reads, &name); err != nil {
					return
				}
				accepted := true
				switch what {
				case "enter":
					accepted = w.enter(name, fence, reads)
				case "disorder":
					w.outOfOrder(name)
				default:
					accepted = w.write(name, fence, reads)
				}
				if _, err := fmt.Fprintln(nc, accepted); err != nil {
					return
				}
			}
		}()
	}
}

// part is what another process is to do.
type part struct {
	role    string // actor or worker
	over    layer
	name    string
	ttl     time.Duration
	witness string // its address, for a worker
	job     int    // of a worker
}

// actor is another process.
type actor struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startActor(t testing.TB, n *testredis.Node, p part) *actor {
	t.Helper()
	a := &actor{cmd: exec.Command(os.Args[0])}
	a.cmd.Env = append(os.Environ(), roleEnv+"="+p.role, "KERMES_LOCK_ADDR="+n.Addr(), "KERMES_LOCK_NAME="+p.name, "KERMES_LOCK_OVER="+p.over.name,
		"KERMES_LOCK_WITNESS="+p.witness, "KERMES_LOCK_JOB="+strconv.Itoa(p.job), fmt.Sprintf("KERMES_LOCK_TTL=%d", p.ttl.Milliseconds()))
	a.cmd.Stderr = os.Stderr
	var err error
	a.in, err = a.cmd.StdinPipe()
	must(t, err)
	out, err := a.cmd.StdoutPipe()
	must(t, err)
	a.out = bufio.NewReader(out)
	must(t, a.cmd.Start())
	t.Cleanup(a.kill)
	return a
}

func (a *actor) kill() {
	_ = a.cmd.Process.Kill()
	_ = a.in.Close()
	_ = a.cmd.Wait()
}

func (a *actor) signal(s syscall.Signal) { _ = a.cmd.Process.Signal(s) }

func (a *actor) say(t testing.TB, what string) {
	t.Helper()
	_, err := io.WriteString(a.in, what+"\n")
	must(t, err)
}

func (a *actor) hear(t testing.TB) string {
	t.Helper()
	s, err := a.out.ReadString('\n')
	must(t, err)
	return strings.TrimSpace(s)
}
