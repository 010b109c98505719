package conn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// ErrInUse refuses to stream on a connection that is shared, or that has calls
// under way: streaming needs it alone.
var ErrInUse = errors.New("conn: connection is in use, streaming needs it alone")

// DoTo is [Conn.DoTo] without the lease.
func (c *wire) DoTo(ctx context.Context, cmd resp.Command, w io.Writer) (n int64, err error) {
	returned := false
	defer func() { c.endStream(returned) }()
	n, err = c.doTo(ctx, cmd, w)
	returned = true
	if err != nil {
		err = streamFailed(err, &cmd)
	}
	return n, err
}

// endStream breaks the connection if the reader or writer of the caller has panicked, or
// has ended its goroutine: nobody would go on with what has begun.
func (c *wire) endStream(returned bool) {
	if !returned {
		c.fail(OpStream, errPanicked)
	}
}

// streamFailed names the command in its error, whatever that is.
func streamFailed(err error, cmd *resp.Command) error {
	if _, ok := errors.AsType[*Error](err); ok {
		return named(err, cmd)
	}
	if _, ok := errors.AsType[*resp.Error](err); ok {
		return err // an answer
	}
	return fmt.Errorf("conn: %s: %w", cmd.Name(), err)
}

func (c *wire) doTo(ctx context.Context, cmd resp.Command, w io.Writer) (int64, error) {
	if err := c.admitStream(ctx, &cmd); err != nil {
		return 0, err
	}
	k := c.newCall(ctx, 1)
	out, err := c.enlistStream(k, &cmd)
	if err != nil {
		return 0, err
	}
	if !c.lookFor(k) {
		c.await(k) // for the error
		return 0, k.err
	}
	c.flush(k, out, false)
	n, copied := c.copyReply(k, w)
	if k.err != nil {
		return n, k.err
	}
	defer k.ReleaseReply()
	if copied {
		return n, nil
	}
	text, err := resp.Value(k.buf).Bytes()
	if err != nil {
		return 0, err
	}
	written, err := w.Write(text)
	if err != nil {
		c.fail(OpStream, err) // as it would for a longer one
		return int64(written), &Error{Op: OpStream, Addr: c.opts.Addr, Class: ClassMaybeExecuted, Err: err}
	}
	return int64(written), nil
}

// DoFrom is [Conn.DoFrom] without the lease.
func (c *wire) DoFrom(
	ctx context.Context, cmd resp.Command, size int64, r io.Reader, after ...resp.Arg,
) (reply resp.Reply, err error) {
	returned := false
	defer func() { c.endStream(returned) }()
	reply, err = c.doFrom(ctx, cmd, size, r, after)
	returned = true
	if err != nil {
		err = streamFailed(err, &cmd)
	}
	return reply, err
}

func (c *wire) doFrom(ctx context.Context, cmd resp.Command, size int64, r io.Reader, after []resp.Arg) (resp.Reply, error) {
	if err := c.admitStream(ctx, &cmd); err != nil {
		return resp.Reply{}, err
	}
	if size < 0 {
		return resp.Reply{}, c.notSent(errors.New("negative size"))
	}
	k := c.newCall(ctx, 1)
	head, tail := frameStream(&cmd, size, after)
	if err := c.enlistUpload(k, int64(len(head)+len(tail))+size); err != nil {
		return resp.Reply{}, err
	}
	if !c.lookFor(k) {
		c.await(k) // for the error
		return resp.Reply{}, k.err
	}
	c.upload(k, head, size, r, tail)
	c.flush(k, output{}, false) // of others who have come meanwhile
	if !c.readFor(k) {
		c.await(k)
	}
	if k.err != nil {
		return resp.Reply{}, k.err
	}
	return k.owner.Reply(resp.Value(k.buf)), nil
}

func (c *wire) admitStream(ctx context.Context, cmd *resp.Command) error {
	mustHave(ctx)
	err := ctx.Err()
	if err == nil {
		err = c.admit(cmd)
	}
	if err != nil {
		return c.notSent(err)
	}
	return nil
}

// claimAllLocked gives k every role. c.mu is held.
func (c *wire) claimAllLocked(k *call) error {
	switch {
	case c.err != nil:
		return c.notSent(c.err.Err)
	case c.shared.Load() || c.queue.n > 0 || c.reader != nil || c.flushing || c.serving != nil:
		return c.notSent(ErrInUse)
	}
	c.flushing, c.flusher, c.reader = true, k, k
	return nil
}

func (c *wire) enlistStream(k *call, cmd *resp.Command) (out output, err error) {
	c.lock()
	defer c.mu.Unlock()
	if err := c.claimAllLocked(k); err != nil {
		return out, err
	}
	return c.encodeAloneLocked(k, cmd), nil
}

// enlistUpload queues k, whose bytes do not go through the write buffer.
func (c *wire) enlistUpload(k *call, size int64) error {
	c.lock()
	defer c.mu.Unlock()
	if err := c.claimAllLocked(k); err != nil {
		return err
	}
	k.midway, k.partial = true, true
	c.enlistLocked(k, int(size))
	c.sent = c.encoded
	return nil
}

// frameStream encodes what comes before and after an argument of size bytes.
func frameStream(cmd *resp.Command, size int64, after []resp.Arg) (head, tail []byte) {
	const placeholder = "$0\r\n\r\n"
	for _, a := range after {
		tail = resp.AppendBulk(tail, a.String())
	}
	whole := cmd.With(resp.String("")).With(after...)
	head = whole.AppendTo(nil)
	head = head[:len(head)-len(tail)-len(placeholder)]
	head = append(head, '$')
	head = strconv.AppendInt(head, size, 10)
	return append(head, '\r', '\n'), append([]byte("\r\n"), tail...)
}

// upload writes head, size bytes of r and tail, or breaks the connection. k
// holds the writing role.
func (c *wire) upload(k *call, head []byte, size int64, r io.Reader, tail []byte) {
	buf := make([]byte, 0, max(len(head)+len(tail), int(min(int64(busyBuffer), size))))
	buf = append(buf, head...)
	for size > 0 {
		if len(buf) == cap(buf) {
			if !c.uploadPiece(k, buf) {
				return
			}
			buf = buf[:0]
		}
		room := int(min(size, int64(cap(buf)-len(buf))))
		c.hold(k, true)
		n, err := io.ReadFull(r, buf[len(buf):len(buf)+room])
		c.hold(k, false)
		buf = buf[:len(buf)+n]
		size -= int64(n)
		if n < room {
			c.fail(OpStream, readerFailed(err))
			return
		}
	}
	c.lock()
	k.midway, k.partial = false, false // from here on the server may have it all
	c.mu.Unlock()
	c.uploadPiece(k, append(buf, tail...))
}

func readerFailed(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("reader of the argument: %w", err)
}

// uploadPiece writes buf, or breaks the connection and reports false. When its
// context ends k cannot leave: what it has begun must be sent as a whole.
func (c *wire) uploadPiece(k *call, buf []byte) bool {
	for {
		n, err := c.nc.Write(buf)
		buf = buf[n:]
		c.wrote.Add(uint32(n))
		if err == nil {
			return true
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) || c.secure {
			c.fail(OpWrite, err)
			return false
		}
		if k.ctx != nil && k.ctx.Err() != nil {
			c.fail(OpWrite, k.ctx.Err())
			return false
		}
		_ = c.nc.SetWriteDeadline(time.Time{})
	}
}

// hold stops the clock of the read timeout while the caller of k is at work.
func (c *wire) hold(k *call, on bool) {
	c.lock()
	defer c.mu.Unlock()
	k.held = on
	switch w := &c.watch; {
	case on:
		w.heldAt = time.Now()
	case !w.since.IsZero():
		w.since = w.since.Add(time.Since(w.heldAt))
	}
}

// copyReply reads the reply of k, who holds the reading role. A string that has
// not arrived as a whole is copied to w; what else comes is left in k.
func (c *wire) copyReply(k *call, w io.Writer) (n int64, copied bool) {
	for {
		if size, ok := c.in.longString(c.maxBulk()); ok {
			return c.copyBody(k, size, w)
		}
		settled, ok := c.deliver(k)
		if settled {
			return 0, false
		}
		if ok {
			switch c.fillFor(k) {
			case filled:
				continue
			case gaveUp:
				return 0, false
			}
		}
		c.await(k) // for the error
		return 0, false
	}
}

// filling is how a read for one caller has ended.
type filling uint8

const (
	filled filling = iota
	gaveUp         // its context has ended, and its error is set
	broken         // so has the connection
)

func (c *wire) fillFor(k *call) filling {
	err := c.in.fill()
	if err == nil {
		return filled
	}
	if !c.in.poked(err) {
		c.fail(OpRead, err)
		return broken
	}
	if c.giveUp(k) {
		return gaveUp
	}
	return filled
}

func (c *wire) maxBulk() int {
	if c.opts.Limits.Bulk > 0 {
		return c.opts.Limits.Bulk
	}
	return resp.DefaultMaxBulk
}

// copyBody copies a string of size bytes to w, and settles k.
func (c *wire) copyBody(k *call, size int64, w io.Writer) (n int64, copied bool) {
	in := &c.in
	c.lock()
	k.midway = true
	c.mu.Unlock()
	in.body = true
	n, ok := c.copyN(k, size, w)
	in.body = false
	if !ok {
		c.await(k)
		return n, false
	}
	for len(in.unread()) < len("\r\n") {
		if !c.fillStream() {
			c.await(k)
			return n, false
		}
	}
	if string(in.unread()[:2]) != "\r\n" {
		c.fail(OpRead, resp.ErrProtocol)
		c.await(k)
		return n, false
	}
	in.skip(len("\r\n"))
	c.lock()
	defer c.mu.Unlock()
	if k.state != pending { // broken by the end of its context
		return n, false
	}
	c.queue.pop()
	k.state, k.midway = answered, false
	c.passReadingLocked()
	return n, true
}

func (c *wire) copyN(k *call, size int64, w io.Writer) (n int64, ok bool) {
	in := &c.in
	for n < size {
		if in.empty() {
			in.growTo(busyBuffer)
			if !c.fillStream() {
				return n, false
			}
			continue
		}
		piece := in.buf[in.r : in.r+int(min(size-n, int64(in.w-in.r)))]
		c.hold(k, true)
		written, err := w.Write(piece)
		c.hold(k, false)
		n += int64(written)
		in.skip(len(piece))
		if err == nil && written < len(piece) {
			err = io.ErrShortWrite
		}
		if err != nil {
			c.fail(OpStream, fmt.Errorf("writer of the reply: %w", err))
			return n, false
		}
	}
	return n, true
}

// fillStream reads once. The end of the context closes the connection, so a
// poke means nothing here.
func (c *wire) fillStream() bool {
	for {
		err := c.in.fill()
		if err == nil {
			return true
		}
		if !c.in.poked(err) {
			c.fail(OpRead, err)
			return false
		}
	}
}
