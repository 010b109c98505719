package conn_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

// overSocket is a connection over a real socket whose peer is serve.
func overSocket(t *testing.T, network string, serve func(net.Conn, *bufio.Reader), wrap func(net.Conn) net.Conn) *conn.Conn {
	t.Helper()
	at := "127.0.0.1:0"
	if network == "unix" {
		at = filepath.Join(t.TempDir(), "s")
	}
	l, err := net.Listen(network, at)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		nc, err := l.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		serve(nc, bufio.NewReader(nc))
	}()
	c, err := conn.Dial(t.Context(), conn.Options{
		Protocol: 2, NoClientInfo: true, ReadTimeout: 10 * time.Second,
		Dial: func(context.Context, string, string) (net.Conn, error) {
			nc, err := net.Dial(network, l.Addr().String())
			if err == nil && wrap != nil {
				nc = wrap(nc)
			}
			return nc, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Close()
		_ = l.Close()
		<-ended
	})
	return c
}

// takeCommand reads a command of words and returns the last of them.
func takeCommand(r *bufio.Reader) (last string, err error) {
	var n int
	if _, err := fmt.Fscanf(r, "*%d\r\n", &n); err != nil {
		return "", err
	}
	for range n {
		var size int
		if _, err := fmt.Fscanf(r, "$%d\r\n", &size); err != nil {
			return "", err
		}
		word := make([]byte, size+2)
		if _, err := io.ReadFull(r, word); err != nil {
			return "", err
		}
		last = string(word[:size])
	}
	return last, nil
}

func echo(nc net.Conn, r *bufio.Reader) {
	for {
		word, err := takeCommand(r)
		if err != nil {
			return
		}
		if _, err := io.WriteString(nc, testserver.Bulk(word)); err != nil {
			return
		}
	}
}

func sameBack(t *testing.T, c *conn.Conn, word string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r, err := c.Do(ctx, resp.NewCommand("ECHO", resp.String(word)))
	if err != nil {
		t.Fatalf("%d bytes: %v", len(word), err)
	}
	defer r.Release()
	if got, err := r.Bytes(); err != nil || string(got) != word {
		t.Fatalf("got %.40q, %v instead of %.40q", got, err, word)
	}
}

// A reply that comes before its caller waits, while it begins to, or later ends the wait: a
// caller that misses it would hang until its context ends.
func TestNoReplyIsMissedHoweverSoonItComes(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			c := overSocket(t, network, func(nc net.Conn, r *bufio.Reader) {
				for i := 0; ; i++ {
					word, err := takeCommand(r)
					if err != nil {
						return
					}
					for until := time.Now().Add(time.Duration(i%40) * time.Microsecond); time.Now().Before(until); {
						runtime.Gosched()
					}
					if _, err := io.WriteString(nc, testserver.Bulk(word)); err != nil {
						return
					}
				}
			}, nil)
			for i := range 5000 {
				sameBack(t, c, fmt.Sprint("word ", i))
			}
		})
	}
}

// A command for which the socket has no room at once goes out in parts, while the peer reads.
func TestACommandLargerThanTheRoomOfTheSocket(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			slow := func(nc net.Conn, _ *bufio.Reader) {
				echo(nc, bufio.NewReaderSize(onePiece{nc}, 16))
			}
			c := overSocket(t, network, slow, smallBuffer)
			for i := range 50 {
				sameBack(t, c, strings.Repeat(fmt.Sprint(i%10), 15<<10))
				sameBack(t, c, "short")
			}
		})
	}
}

func smallBuffer(nc net.Conn) net.Conn {
	_ = nc.(interface{ SetWriteBuffer(int) error }).SetWriteBuffer(1)
	return nc
}

// onePiece reads a few bytes at a time.
type onePiece struct{ io.Reader }

func (o onePiece) Read(p []byte) (int, error) { return o.Reader.Read(p[:min(len(p), 100)]) }

// watched counts what a program that dials by itself sees.
type watched struct {
	*net.TCPConn
	read, written atomic.Int64
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.TCPConn.Read(p)
	w.read.Add(int64(n))
	return n, err
}

func (w *watched) Write(p []byte) (int, error) {
	n, err := w.TCPConn.Write(p)
	w.written.Add(int64(n))
	return n, err
}

func TestAConnectionOfAProgramSeesAllBytes(t *testing.T) {
	var w *watched
	c := overSocket(t, "tcp", echo, func(nc net.Conn) net.Conn {
		w = &watched{TCPConn: nc.(*net.TCPConn)}
		return w
	})
	for range 10 {
		sameBack(t, c, "word")
	}
	if in, out := w.read.Load(), w.written.Load(); in != 10*10 || out != 10*24 {
		t.Errorf("it has seen %d bytes read and %d written", in, out)
	}
}

// What ends a wait has the words of package net, and its class.
func TestHowTheWaitOfALoneCallerEnds(t *testing.T) {
	hangUp := func(nc net.Conn, r *bufio.Reader) {
		word, _ := takeCommand(r)
		_, _ = io.WriteString(nc, testserver.Bulk(word))
		_, _ = takeCommand(r)
	}
	reset := func(nc net.Conn, r *bufio.Reader) {
		hangUp(nc, r)
		_ = nc.(*net.TCPConn).SetLinger(0)
	}
	var mine net.Conn
	closed := func(nc net.Conn, r *bufio.Reader) {
		hangUp(nc, r)
		_ = mine.Close() // as a program may that has dialled it
		_, _ = takeCommand(r)
	}
	for name, test := range map[string]struct {
		serve func(net.Conn, *bufio.Reader)
		is    error
		text  string
	}{
		"reset":                 {reset, syscall.ECONNRESET, ": read tcp 127.0.0.1:"},
		"hang up":               {hangUp, io.EOF, ": EOF"},
		"closed by the program": {closed, net.ErrClosed, ": read tcp 127.0.0.1:"},
	} {
		t.Run(name, func(t *testing.T) {
			c := overSocket(t, "tcp", test.serve, func(nc net.Conn) net.Conn {
				mine = nc
				return nc
			})
			sameBack(t, c, "word")
			_, err := c.Do(t.Context(), resp.NewCommand("PING"))
			if !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("got %v, want %q", err, test.text)
			}
			if class := conn.ClassOf(err); class != conn.ClassMaybeExecuted {
				t.Errorf("it is %v", class)
			}
		})
	}
}

// A caller that leaves while it waits leaves the connection in order.
func TestALoneCallerLeavesItsWait(t *testing.T) {
	answer := make(chan struct{})
	c := overSocket(t, "tcp", func(nc net.Conn, r *bufio.Reader) {
		for range 20 {
			word, err := takeCommand(r)
			if err != nil {
				return
			}
			<-answer
			if _, err := io.WriteString(nc, testserver.Bulk(word)); err != nil {
				return
			}
			if word, err = takeCommand(r); err != nil {
				return
			}
			if _, err := io.WriteString(nc, testserver.Bulk(word)); err != nil {
				return
			}
		}
	}, nil)
	for i := range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error)
		go func() {
			_, err := c.Do(ctx, resp.NewCommand("ECHO", resp.String("left")))
			left <- err
		}()
		for c.InFlight() == 0 {
			runtime.Gosched()
		}
		cancel()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Fatalf("%d: got %v", i, err)
		}
		answer <- struct{}{}
		sameBack(t, c, fmt.Sprint("next ", i))
	}
}

// A caller that leaves, or whose peer does, when its command has left in part knows that,
// and in the first case the rest goes out all the same.
func TestALoneCallerLeavesInTheMiddleOfItsCommand(t *testing.T) {
	long := resp.NewCommand("ECHO", resp.String(strings.Repeat("a", 15<<10)))
	for name, hangUp := range map[string]bool{"it leaves": false, "the peer hangs up": true} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			left := make(chan struct{})
			c := overSocket(t, "unix", func(nc net.Conn, r *bufio.Reader) {
				word, _ := takeCommand(r)
				_, _ = io.WriteString(nc, testserver.Bulk(word))
				if _, err := r.Peek(1); err != nil || hangUp {
					return
				}
				cancel()
				<-left
				echo(nc, r)
			}, smallBuffer)
			sameBack(t, c, "first")
			_, err := c.Do(ctx, long)
			if errors.Is(err, context.Canceled) == hangUp || conn.ClassOf(err) != conn.ClassMaybeExecuted {
				t.Errorf("got %v, which is %v", err, conn.ClassOf(err))
			}
			close(left)
			for i := range 3 {
				if !hangUp {
					sameBack(t, c, fmt.Sprint("next ", i))
				}
			}
		})
	}
}

// Some readers return nothing without a reason, which io.Reader allows.
func TestAReadThatBringsNothing(t *testing.T) {
	c := overSocket(t, "tcp", echo, func(nc net.Conn) net.Conn { return &idleNow{Conn: nc} })
	for i := range 10 {
		sameBack(t, c, fmt.Sprint("word ", i))
	}
}

// idleNow reads nothing every other time.
type idleNow struct {
	net.Conn
	reads int
}

func (c *idleNow) Read(p []byte) (int, error) {
	if c.reads++; c.reads%2 == 1 {
		return 0, nil
	}
	return c.Conn.Read(p)
}
