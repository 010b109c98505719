package conn_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/resp"
)

// torrent is a peer that answers the first command with head, much of the same, and
// tail, and then another one with 7. It allocates nothing for that.
type torrent struct {
	head, body, tail string
	times            int
	begun            chan struct{} // closed when a part of the reply is out
	left             chan struct{} // the rest comes when it is closed
}

func (tr *torrent) dial(t *testing.T, limits resp.Limits) *conn.Conn {
	t.Helper()
	tr.begun, tr.left = make(chan struct{}), make(chan struct{})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		tr.serve(ln)
	}()
	c, err := conn.Dial(t.Context(), conn.Options{
		Addr: ln.Addr().String(), Protocol: 2, NoClientInfo: true, Limits: limits,
		ReadTimeout: time.Minute, // no loaded machine takes that long
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = ln.Close()
		_ = c.Close()
		<-done
	})
	return c
}

func (tr *torrent) serve(ln net.Listener) {
	nc, err := ln.Accept()
	if err != nil {
		return
	}
	defer nc.Close()
	in := bufio.NewReader(nc)
	if _, err := in.ReadString('Y'); err != nil {
		return
	}
	_, _ = nc.Write([]byte(tr.head))
	body := []byte(tr.body)
	for i := range tr.times {
		if i == 1 {
			close(tr.begun)
			<-tr.left
		}
		if _, err := nc.Write(body); err != nil {
			return
		}
	}
	_, _ = nc.Write([]byte(tr.tail + ":7\r\n"))
	_, _ = in.ReadString(0) // until the client has gone
}

// allocated returns how many bytes do allocates.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestAReplyThatNobodyWaitsForIsNotKept(t *testing.T) {
	const mib = 1 << 20
	x := strings.Repeat("x", mib)
	for name, tr := range map[string]*torrent{
		"a string":          {head: "$104857600\r\n", body: x, times: 100, tail: "\r\n"},
		"an array":          {head: "*100\r\n", body: "$1048576\r\n" + x + "\r\n", times: 100},
		"many short ones":   {head: "*10000000\r\n", body: strings.Repeat("$4\r\nabcd\r\n:1\r\n", 100000), times: 50},
		"a streamed string": {head: "$?\r\n", body: ";1048576\r\n" + x + "\r\n", times: 100, tail: ";0\r\n"},
		"an error":          {head: "-ERR ", body: x, times: 100, tail: "\r\n"},
	} {
		leak.Check(t)
		c := tr.dial(t, resp.Limits{})
		used := allocated(func() {
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				<-tr.begun
				cancel()
			}()
			_, err := c.Do(ctx, resp.NewCommand("LARGEY"))
			if !errors.Is(err, context.Canceled) || conn.ClassOf(err) != conn.ClassMaybeExecuted {
				t.Errorf("%s: %v", name, err)
			}
			close(tr.left)
			if got, err := do(t.Context(), c, "NEXT"); err != nil || got != ":7\r\n" {
				t.Errorf("%s: the next one got %q, %v", name, got, err)
			}
		})
		if used > 40*mib {
			t.Errorf("%s: %d MiB were allocated for 100 that nobody wanted", name, used/mib)
		}
		_ = c.Close()
	}
}

// The buffer of a very large string grows a few times, and not with every read.
func TestAVeryLargeStringTakesAFewTimesItsSize(t *testing.T) {
	const mib = 1 << 20
	leak.Check(t)
	tr := &torrent{head: "$67108864\r\n", body: strings.Repeat("x", mib), times: 64, tail: "\r\n"}
	c := tr.dial(t, resp.Limits{})
	close(tr.left)
	used := allocated(func() {
		r, err := c.Do(t.Context(), resp.NewCommand("LARGEY"))
		if b, _ := r.Value.Bytes(); err != nil || len(b) != 64*mib {
			t.Errorf("%d bytes, %v", len(b), err)
		}
		r.Release()
	})
	if used > 160*mib {
		t.Errorf("%d MiB were allocated for 64", used/mib)
	}
}

// What nobody wants has a limit all the same, and so has what somebody does.
func TestAnEndlessReplyHasALimit(t *testing.T) {
	for _, head := range []string{"*?\r\n", "*2000000000\r\n"} {
		for _, abandoned := range []bool{false, true} {
			leak.Check(t)
			tr := &torrent{head: head, body: strings.Repeat("$4\r\nabcd\r\n", 100000), times: 1000}
			c := tr.dial(t, resp.Limits{Reply: 20 << 20})
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				<-tr.begun
				if abandoned {
					cancel()
				} else {
					close(tr.left)
				}
			}()
			_, err := c.Do(ctx, resp.NewCommand("LARGEY"))
			cancel()
			if abandoned {
				close(tr.left)
				_, err = c.Do(t.Context(), resp.NewCommand("NEXT"))
			}
			if !errors.Is(err, resp.ErrLimit) {
				t.Errorf("%q, abandoned %v: %v", head, abandoned, err)
			}
			_ = c.Close()
		}
	}
}
