package conn

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// waiting queues a call, as its caller does it. c.mu is held.
func (c *crowded) waiting(change func(k *call)) *call {
	k := c.newCall(c.t.Context(), 1)
	if change != nil {
		change(k)
	}
	c.queue.push(k)
	return k
}

func (c *crowded) untilNobodyWrites() {
	c.t.Helper()
	c.until(func() bool {
		c.lock()
		defer c.mu.Unlock()
		return !c.flushing
	})
}

func TestTheWritingGoesToTheLastCallerIfHeCanWrite(t *testing.T) {
	for name, test := range map[string]struct {
		last  func(k *call) // nil: the writer itself is the last
		reads bool          // the last one
		takes bool
	}{
		"another caller":    {last: func(*call) {}, takes: true},
		"the writer itself": {},
		"the reader":        {last: func(*call) {}, reads: true},
		"one that has left": {last: func(k *call) { k.state = abandoned }},
		"a part of a batch": {last: func(k *call) { k.batch = 7 }},
	} {
		c := newCrowded(t, 0)
		c.lock()
		c.reader = c.waiting(nil)
		writer := c.waiting(nil)
		c.flushing, c.flusher = true, writer
		last := writer
		if test.last != nil {
			last = c.waiting(test.last)
		}
		if test.reads {
			c.reader = last
		}
		c.handOverFlushLocked(writer)
		if got := c.flusher == last && len(last.sig) == 1; got != test.takes || !test.takes && c.flusher != nil {
			t.Errorf("%s: it writes is %v", name, got)
		}
		c.mu.Unlock()
		if !test.takes { // a goroutine does
			c.untilNobodyWrites()
		}
	}
	c := newCrowded(t, 0)
	c.lock()
	c.flushing = true
	c.handOverFlushLocked(nil)
	c.mu.Unlock()
	c.untilNobodyWrites()
}

func TestWhoHasWrittenReadsWhereNobodyElseDoes(t *testing.T) {
	for name, test := range map[string]struct {
		prepare func(c *crowded, k *call)
		reads   bool
	}{
		"it waits":         {func(*crowded, *call) {}, true},
		"somebody reads":   {func(c *crowded, _ *call) { c.reader = c.newCall(c.t.Context(), 1) }, false},
		"it is broken":     {func(c *crowded, _ *call) { c.err = &Error{Err: io.EOF} }, false},
		"it is of a batch": {func(_ *crowded, k *call) { k.batch = 7 }, false},
		"it is answered":   {func(c *crowded, k *call) { c.queue.pop().state = answered }, false},
		"it is another's":  {func(_ *crowded, k *call) { k.conn = &wire{} }, false},
	} {
		c := newCrowded(t, 0)
		c.lock()
		k := c.waiting(nil)
		test.prepare(c, k)
		before := c.reader
		if got := c.claimReadingLocked(k); got != test.reads || got && c.reader != k || before != nil && c.reader != before {
			t.Errorf("%s: it reads is %v", name, got)
		}
		if told := len(k.sig) > 0; told != (name == "it is of a batch" || name == "it is another's") {
			t.Errorf("%s: it is told is %v", name, told)
		}
		c.err = nil
		c.mu.Unlock()
	}
	c := newCrowded(t, 0)
	c.lock()
	k := c.waiting(nil)
	if c.claimReadingLocked(nil) || c.reader != k || len(k.sig) != 1 {
		t.Error("a goroutine that has written leaves the reading to who waits")
	}
	c.mu.Unlock()
}

func TestALoneCallerWritesInItsOwnWayIfThatCannotBlock(t *testing.T) {
	pieces := net.Buffers{[]byte("x")}
	for name, test := range map[string]struct {
		out     output
		waiting int
		want    bool
	}{
		"a short one":       {output{buf: make([]byte, 10)}, 0, true},
		"as long as can be": {output{buf: make([]byte, guardSize)}, 0, true},
		"a long one":        {output{buf: make([]byte, guardSize+1)}, 0, false},
		"pieces":            {output{pieces: &pieces}, 0, false},
		"others wait":       {output{buf: make([]byte, 10)}, 1, false},
	} {
		c := newCrowded(t, 0)
		c.lock()
		c.backlog.waiting = make([]*roomer, test.waiting)
		if got := c.maySoloLocked(test.out); got != test.want || (c.solo == soloWrites) != test.want {
			t.Errorf("%s: %v", name, got)
		}
		c.solo, c.soloBuf, c.backlog.waiting = soloNone, nil, nil
		c.mu.Unlock()
	}
}

// halting takes a part of the next write only, and fails with an error, once.
type halting struct {
	net.Conn
	most      int
	err       error
	deadlines int
}

func (h *halting) Write(p []byte) (int, error) {
	if err := h.err; err != nil {
		h.err = nil
		n, _ := h.Conn.Write(p[:min(h.most, len(p))])
		return n, err
	}
	return h.Conn.Write(p)
}

func (h *halting) SetWriteDeadline(at time.Time) error {
	h.deadlines++
	return h.Conn.SetWriteDeadline(at)
}

func TestALoneCallersWriteGoesOnWhereItHasStopped(t *testing.T) {
	for name, test := range map[string]struct {
		most  int
		err   error
		class Class
	}{
		"in the middle":   {7, os.ErrDeadlineExceeded, 0},
		"at the end":      {1000, os.ErrDeadlineExceeded, 0},
		"for a fault":     {7, io.ErrClosedPipe, ClassMaybeExecuted},
		"after its end":   {1000, io.ErrClosedPipe, ClassMaybeExecuted},
		"before it began": {0, io.ErrClosedPipe, ClassNotSent},
	} {
		c := newCrowded(t, 0)
		c.wire.nc = &halting{Conn: c.wire.nc, most: test.most, err: test.err}
		if test.class != 0 {
			cmd := resp.NewCommand("FIRST")
			if _, err := c.Exchange(t.Context(), &cmd); ClassOf(err) != test.class || !errors.Is(err, test.err) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		c.call(t.Context(), "FIRST")
		c.gets("FIRST")
		c.answer(1)
		c.end(1)
	}
}

// A write that has a deadline costs two more system calls.
func TestASmallBatchHasADeadlineForItsWriteOnlyBesideOthers(t *testing.T) {
	for beside, want := range map[int]int{0: 0, 1: 2} {
		c := newCrowded(t, 0)
		for range beside {
			c.call(t.Context(), "OTHER")
			c.gets("OTHER")
			c.untilNobodyWrites()
		}
		nc := &halting{Conn: c.wire.nc}
		c.lock()
		c.wire.nc = nc
		c.mu.Unlock()
		got := make(chan error, 1)
		go func() {
			ping := resp.NewCommand("PING")
			got <- c.DoBatch(t.Context(), []resp.Command{ping, ping}, func(int, resp.Value) {})
		}()
		c.gets("PING", "PING")
		c.answer(beside + 2)
		c.end(beside)
		if err := <-got; err != nil || nc.deadlines != want {
			t.Errorf("beside %d: %v, %d deadlines were set", beside, err, nc.deadlines)
		}
	}
}

func TestAConnectionThatReceivesKeepsItsBuffer(t *testing.T) {
	for name, test := range map[string]struct {
		prepare func(c *wire)
		keeps   bool
	}{
		"idle":           {func(*wire) {}, false},
		"receives":       {func(c *wire) { c.rx.ctx = context.Background() }, true},
		"is subscribed":  {func(c *wire) { c.taint.alter() }, true},
		"somebody reads": {func(c *wire) { c.reader = &call{} }, true},
	} {
		c := newCrowded(t, 0)
		c.lock()
		test.prepare(c.wire)
		c.wire.in.buf = make([]byte, busyBuffer)
		c.idleLocked()
		if c.idleLocked(); (len(c.wire.in.buf) == busyBuffer) != test.keeps {
			t.Errorf("%s: a buffer of %d", name, len(c.wire.in.buf))
		}
		c.rx.ctx, c.reader = nil, nil
		c.mu.Unlock()
	}
}

func TestOnlyABufferThatMayComeBackIsWaitedFor(t *testing.T) {
	for s, want := range map[slack]int{loose: 0, snug: 0, whole: 1 << 20} {
		c := newCrowded(t, 0)
		k := c.newCall(t.Context(), 1)
		c.wire.in.large.open = true
		k.takeOver(make([]byte, 1<<20), s)
		if kept := k.KeepReply(); kept != (s != loose) || c.wire.in.large.bytes != want {
			t.Errorf("slack %d: kept %v, %d bytes are waited for", s, kept, c.wire.in.large.bytes)
		}
	}
}

func TestABlockingCommandMayHaveAContextThatNeverEnds(t *testing.T) {
	c := newCrowded(t, 0)
	go func() {
		cmd := resp.NewCommand("BLPOP").WithTimeout(0)
		r, err := c.Exchange(context.Background(), &cmd)
		r.Release()
		c.done <- err
	}()
	c.gets("BLPOP")
	c.answer(1)
	c.end(1)
}

// partly takes half of what it is given.
type partly struct{ err error }

func (w partly) Write(p []byte) (int, error) { return len(p) / 2, w.err }

func TestAWriterOfAReplyThatTakesAPartHasFailed(t *testing.T) {
	own := errors.New("the disk is full")
	for _, err := range []error{nil, own} {
		c := newCrowded(t, 0)
		got := make(chan error, 1)
		go func() {
			_, err := c.DoTo(t.Context(), resp.NewCommand("LONG"), partly{err})
			got <- err
		}()
		c.gets("LONG")
		_, _ = c.peer.Write([]byte("$200000\r\n" + strings.Repeat("x", 200_000) + "\r\n"))
		e := <-got
		if want := map[bool]error{true: own, false: io.ErrShortWrite}[err != nil]; !errors.Is(e, want) || errors.Is(e, io.ErrShortWrite) == (err != nil) {
			t.Errorf("%v: %v", err, e)
		}
		if c.Err() == nil {
			t.Error("the connection lives on")
		}
	}
}

func TestAReplyThatNobodyAskedForBreaksAConnectionThatServes(t *testing.T) {
	c := newCrowded(t, 0)
	served := make(chan error, 1)
	go func() { served <- c.Serve(t.Context()) }()
	c.until(func() bool {
		c.lock()
		defer c.mu.Unlock()
		return c.reader != nil
	})
	c.answer(1)
	if err := <-served; !errors.Is(err, errUnasked) {
		t.Error(err)
	}
}
