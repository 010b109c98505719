package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"sync"
)

// rawClient is the measure: what the socket costs without a client.
type rawClient struct {
	s    servers
	mu   sync.Mutex
	open []net.Conn
}

type rawWorker struct {
	nc  net.Conn
	w   *wires
	buf []byte
}

func openRaw(s servers) (client, error) { return &rawClient{s: s}, nil }

func (c *rawClient) dial() (*rawWorker, error) {
	dial := c.s.dialer()
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	nc, err := dial(context.Background(), "tcp", c.s.Addr)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.open = append(c.open, nc)
	c.mu.Unlock()
	return &rawWorker{nc: nc, w: rawWires(), buf: make([]byte, 16<<10)}, nil
}

func (c *rawClient) worker() (worker, error) { return c.dial() }

func (c *rawClient) hold(n int) error {
	for range n {
		w, err := c.dial()
		if err != nil {
			return err
		}
		w.buf = nil
	}
	return nil
}

func (c *rawClient) close() {
	for _, nc := range c.open {
		_ = nc.Close()
	}
}

// exchange writes out and reads a reply of n bytes.
func (r *rawWorker) exchange(out []byte, n int) ([]byte, error) {
	if _, err := r.nc.Write(out); err != nil {
		return nil, err
	}
	if cap(r.buf) < n {
		r.buf = make([]byte, n)
	}
	// One Read has the whole reply, most of the time.
	got, err := r.nc.Read(r.buf[:cap(r.buf)])
	if err == nil && got < n {
		var rest int
		rest, err = io.ReadFull(r.nc, r.buf[got:n])
		got += rest
	}
	if err == nil && got != n {
		err = fmt.Errorf("%w: %d bytes of %d", errWrong, got, n)
	}
	return r.buf[:n], err
}

func (r *rawWorker) expect(out, want []byte) error {
	got, err := r.exchange(out, len(want))
	if err == nil && !bytes.Equal(got, want) {
		err = fmt.Errorf("%w: %.80q", errWrong, got)
	}
	return err
}

var (
	rawOK     = []byte("+OK\r\n")
	rawOKs    = bytes.Repeat(rawOK, batchSize)
	rawBigTop = fmt.Appendf(nil, "$%d\r\n", bigBytes)
)

func (r *rawWorker) get(_ context.Context, k int) error { return r.expect(r.w.get[k], r.w.gotten[k]) }
func (r *rawWorker) set(_ context.Context, k int) error { return r.expect(r.w.set[k], rawOK) }

func (r *rawWorker) pipeGet(_ context.Context, first, n int) error {
	w := r.w.pipes[n]
	return r.expect(w.get[first/batchSize], w.gotten[first/batchSize])
}

func (r *rawWorker) pipeSet(_ context.Context, first, n int) error {
	return r.expect(r.w.pipes[n].set[first/batchSize], rawOKs[:n*len(rawOK)])
}

func (r *rawWorker) keptGet(ctx context.Context, first, n int) error { return r.pipeGet(ctx, first, n) }
func (r *rawWorker) keptSet(ctx context.Context, first, n int) error { return r.pipeSet(ctx, first, n) }

func (r *rawWorker) bigGet(context.Context) error {
	b, err := r.exchange(r.w.bigGet, len(rawBigTop)+bigBytes+2)
	if err != nil {
		return err
	}
	return checkBig(len(b)-len(rawBigTop)-2, func(i int) byte { return b[len(rawBigTop)+i] })
}

func (r *rawWorker) bigGetInto(ctx context.Context) error { return r.bigGet(ctx) }

func (r *rawWorker) bigSet(context.Context) error { return r.expect(r.w.bigSet, rawOK) }

func (r *rawWorker) whole(out []byte, n int) error {
	b, err := r.exchange(out, n)
	if err == nil && (b[0] != '*' || b[n-1] != '\n') {
		err = fmt.Errorf("%w: %.80q", errWrong, b)
	}
	return err
}

func (r *rawWorker) hash(context.Context) error { return r.whole(r.w.hash, r.w.hashSize) }
func (r *rawWorker) list(context.Context) error { return r.whole(r.w.list, r.w.listSize) }

func (r *rawWorker) subscribe(_ context.Context, ready func(), each func(string) bool) error {
	confirmed := fmt.Sprintf("*3\r\n$9\r\nsubscribe\r\n$%d\r\n%s\r\n:1\r\n", len(channel), channel)
	if err := r.expect(encode("SUBSCRIBE", channel), []byte(confirmed)); err != nil {
		return err
	}
	ready()
	message := shared().messages[0]
	size := len(encode("message", channel, message))
	buf := make([]byte, size*512)
	text := func(b []byte) string { return string(b[size-len(message)-2 : size-2]) }
	have := 0
	for {
		n, err := r.nc.Read(buf[have:])
		if err != nil {
			return err
		}
		have += n
		used := 0
		for ; have-used >= size; used += size {
			if !each(text(buf[used:])) {
				return nil
			}
		}
		have = copy(buf, buf[used:have])
	}
}
