package conn

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// chunks is a socket from which each read brings so many bytes, or as many as there
// is room for.
type chunks struct {
	net.Conn
	size int
}

func (c *chunks) Read(p []byte) (int, error) {
	n := min(len(p), c.size)
	for i := range n {
		p[i] = "+OK\r\n"[i%5]
	}
	return n, nil
}

func TestTheReadBufferGrowsWhereReadsKeepFillingItAndShrinksWhenItIsEmpty(t *testing.T) {
	for size, want := range map[int]int{1000: baseBuffer, baseBuffer - 1: baseBuffer, 1 << 20: busyBuffer} {
		in := &input{}
		in.init(&chunks{size: size}, &Options{}, func() bool { return false })
		for range 20 {
			if err := in.fill(); err != nil {
				t.Fatal(err)
			}
			in.skip(in.w - in.r)
		}
		if len(in.buf) != want {
			t.Errorf("reads of %d bytes: a buffer of %d", size, len(in.buf))
		}
		in.r, in.w = 0, 1 // half a push
		if in.shrink(); in.w != 1 || len(in.buf) != want {
			t.Errorf("reads of %d bytes: what was unread has gone", size)
		}
		in.r = 1
		if in.shrink(); len(in.buf) > baseBuffer || want == baseBuffer && in.buf == nil {
			t.Errorf("reads of %d bytes: an idle buffer of %d", size, len(in.buf))
		}
	}
}

func TestSecretsInAddressesAreMasked(t *testing.T) {
	for addr, want := range map[string]string{
		"h:1": "h:1", "u:pw@h:1": "***@h:1", "@h:1": "***@h:1", "redis://u:pw@h:1": "redis://***",
		"/run/a@b.sock": "/run/a@b.sock", "u:p@w@h:1": "***@h:1", "": "",
	} {
		if got := maskAddr(addr); got != want {
			t.Errorf("%q: %q", addr, got)
		}
	}
}

// A batch that has not begun because there was no room has sent nothing, also where it
// does not begin with its first command.
func TestABatchThatFindsNoRoomHasSentNothing(t *testing.T) {
	c := newCrowded(t, 0)
	c.lock()
	c.opts.MaxUnsent, c.backlog.writing, c.flushing = 1, 1, true
	c.mu.Unlock()
	ping := resp.NewCommand("PING")
	b := resp.BatchOf([]resp.Command{ping, ping, ping, ping})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- c.DoEncoded(ctx, &b, 3, resp.ReceiverFunc(func(int, resp.Value) { t.Error("a reply") }))
	}()
	c.until(func() bool { _, waiting := c.Backlog(); return waiting == 1 })
	cancel()
	e, ok := errors.AsType[*Error](<-ended)
	if !ok || e.Class != ClassNotSent || e.Sent != 0 || !errors.Is(e, context.Canceled) {
		t.Errorf("%+v", e)
	}
	if n := c.InFlight(); n != 0 {
		t.Errorf("%d in flight", n)
	}
}

// The error of a batch says how many of its commands may have left: those of all parts
// that were on their way.
func TestABatchThatIsGivenUpSaysHowMuchMayHaveLeft(t *testing.T) {
	for name, end := range map[string]func(c *crowded, cancel context.CancelFunc){
		"the context ends":      func(_ *crowded, cancel context.CancelFunc) { cancel() },
		"the connection breaks": func(c *crowded, _ context.CancelFunc) { c.Abort(ErrClosed) },
	} {
		c := newCrowded(t, 0)
		cmd := resp.NewCommand("ECHO", resp.String(strings.Repeat("x", 1000)))
		var b resp.Batch
		for range 500 {
			b.Add(&cmd)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan error, 1)
		given := 0
		go func() {
			ended <- c.DoEncoded(ctx, &b, 100, resp.ReceiverFunc(func(i int, _ resp.Value) {
				if i != 100+given {
					t.Errorf("%s: reply %d after %d others", name, i, given)
				}
				given++
			}))
		}()
		size := len(cmd.AppendTo(nil))
		got := make([]byte, 40*size)
		_ = c.peer.SetReadDeadline(time.Now().Add(20 * time.Second))
		if _, err := c.in.Read(got); err != nil {
			t.Fatal(err)
		}
		c.answer(40) // the first part, and a part of the second
		var sent int
		c.until(func() bool {
			c.lock()
			defer c.mu.Unlock()
			sent = int(c.encoded) / size
			return sent > 4*32 && c.sent == c.encoded && c.queue.n == maxParts && c.queue.head.want < 32
		})
		end(c, cancel)
		e, ok := errors.AsType[*Error](<-ended)
		if !ok || e.Class != ClassMaybeExecuted || e.Sent != sent || given < 30 || given > 40 {
			t.Errorf("%s: %+v; %d were written, %d replies", name, e, sent, given)
		}
		b.Free()
	}
}

func TestACallerThatHasLeftALargeReplyLeavesASmallBuffer(t *testing.T) {
	half := strings.Repeat("x", 500_000)
	part := "$500000\r\n" + half + "\r\n"
	for name, reply := range map[string][2]string{
		"a string": {"$1000000\r\n" + half, half + "\r\n"},
		"an array": {"*2\r\n" + part, part}, // how long it is shows only as it comes
	} {
		c := newCrowded(t, 0)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		c.call(ctx, "LARGE")
		c.gets("LARGE")
		for i, text := range reply {
			if _, err := c.peer.Write([]byte(text)); err != nil {
				t.Error(err)
			}
			if i == 0 {
				c.until(c.Bulky)
				cancel()
				if err := <-c.done; !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			}
		}
		c.until(func() bool { return c.InFlight() == 0 })
		c.call(t.Context(), "NEXT")
		c.gets("NEXT")
		c.answer(1)
		c.end(1)
		c.lock()
		if n := len(c.wire.in.buf); n > busyBuffer {
			t.Errorf("%s: a buffer of %d bytes", name, n)
		}
		c.mu.Unlock()
	}
}
