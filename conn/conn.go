package conn

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// wire is the connection itself. A [Conn] is somebody's hold on it.
type wire struct {
	nc       net.Conn
	secure   bool // TLS: a write deadline would corrupt the stream
	far      bool // a round trip takes longer than nearby
	opts     Options
	info     ServerInfo
	role     resp.Value
	shared   atomic.Bool
	receives atomic.Bool // Receive was called: what was read belongs to its caller
	taint    taint
	calls    sync.Pool // of *call: the free list
	done     chan struct{}

	mu        sync.Mutex // taken by lock; guards what follows, and the links and states of calls
	queue     queue
	wbuf      []byte // encoded, not yet taken by a flush
	spare     []byte // the buffer that the last flush left
	backlog   backlog
	encoded   uint64 // bytes ever encoded
	sent      uint64 // of these, bytes that may have left
	flushing  bool
	flusher   *call // the caller that writes; nil while a goroutine does
	gathering gathering
	solo      uint32 // see alone.go
	soloBuf   []byte // what is written then
	reader    *call  // who holds the reading role
	batches   uint32 // counts them, for their names
	copying   bool   // the reader is copying a part of the replies of some call
	serving   *call  // waits in Serve for the reading role, or holds it
	err       *Error
	watch     watch

	wrote atomic.Uint32 // counts bytes; wraps
	down  atomic.Bool   // as done is closed, for a quicker look

	succession atomic.Bool // a lone caller may find another before it: solo, which the lock guards, tells

	in     input           // belongs to the holder of the reading role
	takes  [maxFrames]take // so do these
	peeker *peeker
	turn   turn // of a caller that is alone
	rx     receiver
}

// wrap makes a wire of an open byte stream, before the handshake.
func wrap(nc net.Conn, o Options) *wire {
	c := &wire{nc: nc, opts: o, done: make(chan struct{}), peeker: newPeeker(nc)}
	_, c.secure = nc.(*tls.Conn)
	c.in.init(nc, &c.opts, c.unwanted)
	c.turn.init(nc, &c.solo)
	c.watch.began = time.Now()
	c.watch.timer = time.AfterFunc(time.Hour, c.tick)
	c.watch.timer.Stop()
	return c
}

// Addr returns the address that was dialled, as it was given.
func (c *wire) Addr() string { return c.opts.Addr }

// Proto returns the protocol in use, 2 or 3.
func (c *wire) Proto() int { return c.info.Proto }

// ServerInfo returns what the server said of itself in the handshake.
func (c *wire) ServerInfo() ServerInfo { return c.info }

// RoleReply returns the reply to ROLE of the handshake, or nil where
// Options.Role asked for none. It must not be changed.
func (c *wire) RoleReply() resp.Value { return c.role }

// Done returns a channel that is closed when the connection is broken.
func (c *wire) Done() <-chan struct{} { return c.done }

// Broken reports whether the connection is broken. It costs less than a look at
// Done or Err.
func (c *wire) Broken() bool { return c.down.Load() }

// Err returns why the connection is broken, or nil.
func (c *wire) Err() error {
	c.lock()
	defer c.mu.Unlock()
	if c.err == nil {
		return nil
	}
	return c.err
}

// InFlight returns how many calls wait for replies, abandoned ones included.
func (c *wire) InFlight() int {
	c.mu.Lock() // and a succession goes on: a lease that ends is asked this
	defer c.mu.Unlock()
	if atomic.LoadUint32(&c.solo) == soloAnswered {
		return 0
	}
	return c.queue.n
}

// Bulky reports whether a large reply is arriving, behind which others wait.
func (c *wire) Bulky() bool { return c.in.bulky.Load() }

// Tainted reports whether the connection is not as the handshake left it, so
// that it must not serve anybody else. A transaction that has ended, by EXEC or
// DISCARD, leaves no trace.
func (c *wire) Tainted() bool {
	return c.taint.dirty()
}

// SetShared is [Conn.SetShared] without the lease.
func (c *wire) SetShared(shared bool) { c.shared.Store(shared) }

// Exchange is [Conn.Exchange] without the lease.
func (c *wire) Exchange(ctx context.Context, cmd *resp.Command) (resp.Reply, error) {
	mustHave(ctx)
	err := ctx.Err()
	if err == nil {
		err = c.admit(cmd)
	}
	if err != nil {
		return resp.Reply{}, named(c.notSent(err), cmd)
	}
	if k, buf := c.succeed(ctx, cmd); k != nil {
		if err = c.playSolo(k, buf); err != nil {
			return resp.Reply{}, named(err, cmd)
		}
		return k.owner.Reply(resp.Value(k.buf)), nil
	}
	k := c.newCall(ctx, 1)
	if room := cmd.Room(); room != nil {
		k.room = room
	}
	var r resp.Reply
	if cmd.Flags()&resp.Blocking != 0 {
		r, err = c.doBlocking(ctx, k, cmd)
	} else {
		r, err = c.do(ctx, k, cmd)
	}
	if err != nil {
		return r, named(err, cmd)
	}
	return r, nil
}

// named adds the name of the command to its error.
func named(err error, cmd *resp.Command) error {
	if e, ok := err.(*Error); ok && e.Step == "" {
		e.Step = cmd.Name()
	}
	return err
}

// doBlocking is do for a command that may wait on the server.
func (c *wire) doBlocking(ctx context.Context, k *call, cmd *resp.Command) (resp.Reply, error) {
	stop := c.prepareBlocking(k, cmd)
	defer stop()
	return c.do(ctx, k, cmd)
}

// do is Do for what has been admitted, as k.
func (c *wire) do(ctx context.Context, k *call, cmd *resp.Command) (resp.Reply, error) {
	c.lock()
	err := c.openLocked(ctx, cmd)
	if err != nil {
		c.mu.Unlock()
		return resp.Reply{}, c.notSent(err)
	}
	alone := c.queue.head == nil
	flush := !c.flushing && (alone || !c.holdBackLocked(1))
	var out output
	if flush {
		c.flushing, c.flusher = true, k
	}
	if flush && alone {
		out = c.encodeAloneLocked(k, cmd)
	} else {
		before := len(c.wbuf)
		c.wbuf = cmd.AppendTo(c.wbuf)
		c.enlistLocked(k, len(c.wbuf)-before)
		c.gathering.joined(c.queue.n)
	}
	read := c.reader == nil
	if read {
		c.reader = k
	}
	solo := alone && read && flush && c.maySoloLocked(out)
	c.mu.Unlock()
	if solo {
		err = c.playSolo(k, out.buf)
	} else {
		err = c.play(k, out, alone, flush, read)
	}
	if err != nil {
		return resp.Reply{}, err
	}
	return k.owner.Reply(resp.Value(k.buf)), nil
}

// openLocked waits until there is room for cmd, and returns why it cannot be sent. c.mu is
// held.
func (c *wire) openLocked(ctx context.Context, cmd *resp.Command) error {
	if c.fullLocked() {
		if err := c.waitForRoomLocked(ctx, cmd.Size()); err != nil {
			return err
		}
	}
	if c.err != nil {
		return c.err.Err
	}
	return nil
}

// play does for k, which is in the queue, what it is to do until it is answered: flush
// and read say which roles it holds, alone that no other call was there, and out is what
// it writes first.
func (c *wire) play(k *call, out output, alone, flush, read bool) error {
	if alone && read && flush && !c.lookFor(k) {
		c.await(k) // for the error
		return k.err
	}
	if flush {
		if !alone && c.far {
			runtime.Gosched() // let those who are about to come ride along
		}
		read = c.flush(k, out, false) || read
	}
	if !read || !c.readFor(k) {
		c.await(k)
	}
	return k.err
}

// enlistLocked queues k, whose size bytes have just been encoded. c.mu is held.
func (c *wire) enlistLocked(k *call, size int) {
	k.start, k.size = c.encoded, size
	c.encoded += uint64(size)
	c.queue.push(k)
	c.armLocked(k)
}

// await waits until k is answered, abandoned or failed, and plays the roles
// that it is handed meanwhile.
func (c *wire) await(k *call) {
	for {
		read := false
		switch <-k.sig {
		case sigDone:
			return
		case sigRead:
			read = true
		case sigFlush:
			read = c.flush(k, output{}, false)
		}
		if read && c.readFor(k) {
			return
		}
	}
}

// admit refuses what can't be sent here, before any I/O.
func (c *wire) admit(cmd *resp.Command) error {
	if cmd.Name() != "" && !cmd.Stateful() {
		return nil
	}
	return c.admitSpecial(cmd)
}

// admitSpecial is admit for a command that is stateful or has no name.
func (c *wire) admitSpecial(cmd *resp.Command) error {
	name := cmd.Name()
	if name == "" {
		return ErrEmptyCommand
	}
	if c.shared.Load() {
		return ErrStateful
	}
	if c.taint.note(name) {
		return nil
	}
	if unmatched(cmd) {
		return ErrStateful
	}
	c.taint.noteAny(name)
	return nil
}

// prepareBlocking gives k the timeout of a blocking command, and watches its
// context by a callback: the ticks that serve short calls would go on for as
// long as the server blocks.
func (c *wire) prepareBlocking(k *call, cmd *resp.Command) (stop func() bool) {
	k.allow(cmd.Timeout())
	k.blocking = true
	if k.ctx == nil {
		return func() bool { return true }
	}
	k.blocks = true
	return context.AfterFunc(k.ctx, c.tick)
}

func (c *wire) notSent(err error) *Error {
	return &Error{Op: OpWrite, Addr: c.opts.Addr, Class: ClassNotSent, Err: err}
}

// Abort is [Conn.Abort] without the lease.
func (c *wire) Abort(cause error) { c.fail(OpWait, cause) }

// Close is [Conn.Close] without the lease.
func (c *wire) Close() error {
	c.fail(OpWait, ErrClosed)
	return nil
}

// fail breaks the connection, once.
func (c *wire) fail(op string, cause error) {
	c.lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	if e, ok := errors.AsType[*Error](cause); ok && e.Addr == c.opts.Addr {
		cause = e.Err
	}
	c.err = &Error{Op: op, Addr: c.opts.Addr, Class: ClassNotSent, Err: cause}
	told := c.failCallsLocked(op, cause)
	c.giveRoomLocked()
	c.watch.timer.Stop()
	c.letGoLocked()
	c.down.Store(true)
	c.in.large.close()
	c.mu.Unlock()
	// Closed before anybody is told: a command that blocks on the server takes nothing
	// any more once its caller has returned.
	_ = transport(c.nc).Close()
	close(c.done)
	for _, k := range told {
		k.sig <- sigDone
	}
	c.stopReceiving()
}

// failCallsLocked takes all calls out of the queue and gives them their errors. It returns
// those who wait for a signal. c.mu is held.
func (c *wire) failCallsLocked(op string, cause error) (told []*call) {
	_, own := errors.AsType[*limitsError](cause)
	for ; c.queue.head != nil; own = false {
		k := c.queue.pop()
		if k.state != pending {
			continue
		}
		k.state, k.torn = failed, c.copying
		k.err = &Error{Op: op, Addr: c.opts.Addr, Class: c.classOfLocked(k), Permanent: own, Waited: c.waitedLocked(k), Err: cause}
		told = append(told, k)
	}
	if s := c.serving; s != nil && c.reader != s {
		told = append(told, s)
	}
	return told
}

// classOfLocked says whether bytes of k may have left. c.mu is held.
func (c *wire) classOfLocked(k *call) Class {
	if k.start < c.sent && !k.partial {
		return ClassMaybeExecuted
	}
	return ClassNotSent
}

// transport is the socket under TLS: closing a tls.Conn may wait for the peer.
func transport(nc net.Conn) net.Conn {
	if t, ok := nc.(*tls.Conn); ok {
		return t.NetConn()
	}
	return nc
}
