package conn

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"github.com/kermes-redis/kermes/resp"
)

// Conn is one connection to a server. Its methods are safe for concurrent use,
// but for Receive; see the package documentation.
//
// One that was leased serves for the lease only: what is asked of it later is not
// sent, and fails with [ErrLeaseOver].
type Conn struct {
	*wire
	lease *lease // nil: it is no lease
}

// ErrLeaseOver refuses to work on a leased connection after the function that it was
// leased to has returned: somebody else may have it.
var ErrLeaseOver = errors.New("conn: lease is over: the connection is for the function that it was leased to, until that returns")

// lease is what a leased Conn knows of its lease. Its methods are those of none as well.
type lease struct {
	uses atomic.Int64 // calls under way, and leaseOver
}

const leaseOver = 1 << 62

// begin counts a call, and reports false if the lease is over.
func (l *lease) begin() bool {
	if l == nil {
		return true
	}
	if l.uses.Add(1)&leaseOver != 0 {
		l.uses.Add(-1)
		return false
	}
	return true
}

func (l *lease) end() {
	if l != nil {
		l.uses.Add(-1)
	}
}

// Lease returns another hold on the same connection, until [Conn.EndLease].
func (c *Conn) Lease() *Conn {
	l := &struct {
		Conn
		lease
	}{}
	l.Conn = Conn{wire: c.wire, lease: &l.lease}
	return &l.Conn
}

// EndLease makes c, which [Conn.Lease] has returned, refuse to work from now on. It
// reports whether no call is under way on it.
func (c *Conn) EndLease() bool { return c.lease == nil || c.lease.uses.Or(leaseOver) == 0 }

// over is the error for a lease that is over.
func (c *Conn) over() *Error { return c.notSent(ErrLeaseOver) }

// Do sends cmd and returns its reply, which must be released. An error reply
// of the server is a reply: see [resp.Value.Err].
//
// It is safe for concurrent use. When ctx ends, Do returns within a few
// milliseconds with the context's error in an [*Error]; the connection lives on. Only
// a command that blocks on the server, with nobody else's behind it, takes the
// connection with it: it is closed before Do returns, so that the server gives
// nothing to a caller that has left.
func (c *Conn) Do(ctx context.Context, cmd resp.Command) (resp.Reply, error) {
	return c.Exchange(ctx, &cmd)
}

// Exchange is Do without a copy of the command, which is neither changed nor
// kept.
func (c *Conn) Exchange(ctx context.Context, cmd *resp.Command) (resp.Reply, error) {
	if c.lease == nil {
		return c.wire.Exchange(ctx, cmd)
	}
	return c.exchangeLeased(ctx, cmd)
}

func (c *Conn) exchangeLeased(ctx context.Context, cmd *resp.Command) (resp.Reply, error) {
	if !c.lease.begin() {
		return resp.Reply{}, named(c.over(), cmd)
	}
	defer c.lease.end()
	return c.wire.Exchange(ctx, cmd)
}

// DoBatch sends cmds in order and calls each with the reply to cmds[i], in
// order, from the goroutine that called DoBatch. The bytes of v are valid
// during the call of each, which must be quick and must not use the
// connection: others may be waiting behind it.
//
// A batch of any size is full duplex: it never waits with writing until it
// has written all, nor the other way round, and keeps a bounded number of
// bytes on their way. Error replies are replies. When DoBatch returns an
// error, each has been called for the replies that came, and the [*Error] says
// in Sent how many commands may have left. It is safe for concurrent use; the
// commands of one batch may have those of others between them.
func (c *Conn) DoBatch(ctx context.Context, cmds []resp.Command, each func(i int, v resp.Value)) error {
	if !c.lease.begin() {
		return c.over()
	}
	defer c.lease.end()
	return c.wire.DoBatch(ctx, cmds, each)
}

// DoEncoded is DoBatch for encoded commands, from that one on: its Receive is called
// as each is, with their numbers in the batch. The batch must not be changed
// meanwhile; it is not used any more when DoEncoded has returned.
func (c *Conn) DoEncoded(ctx context.Context, cmds *resp.Batch, from int, to resp.Receiver) error {
	if c.lease == nil {
		return c.wire.DoEncoded(ctx, cmds, from, to)
	}
	if !c.lease.begin() {
		return c.over()
	}
	defer c.lease.end()
	return c.wire.DoEncoded(ctx, cmds, from, to)
}

// DoTo sends cmd and copies the string that it answers with to w in pieces of
// at most 64 KiB, as they arrive. It returns how many bytes w has taken. Any
// other reply writes nothing and is an error: [resp.ErrNull], a *[resp.Error], or
// what [resp.Value.Bytes] says.
//
// The connection must be exclusive: leased, and without other calls under way
// ([ErrInUse]). It breaks when w fails, which the error then matches, and when
// ctx ends within the string; [Error.Class] is may have executed. The read timeout
// does not count the time that w takes; w itself should honour ctx.
func (c *Conn) DoTo(ctx context.Context, cmd resp.Command, w io.Writer) (n int64, err error) {
	if !c.lease.begin() {
		return 0, named(c.over(), &cmd)
	}
	defer c.lease.end()
	return c.wire.DoTo(ctx, cmd, w)
}

// DoFrom sends cmd with one more argument of size bytes, which it reads from r
// in pieces of at most 64 KiB, followed by the arguments after, and returns the
// reply, which must be released.
//
// The connection must be exclusive: leased, and without other calls under way
// ([ErrInUse]). It breaks when r ends early ([io.ErrUnexpectedEOF]) or fails,
// which the error then matches, and when ctx ends before all has been sent:
// the class is not sent then, because the server has no whole command. The read
// timeout does not count the time that r takes; r itself should honour ctx. What
// r holds beyond size is not read.
func (c *Conn) DoFrom(
	ctx context.Context, cmd resp.Command, size int64, r io.Reader, after ...resp.Arg,
) (reply resp.Reply, err error) {
	if !c.lease.begin() {
		return resp.Reply{}, named(c.over(), &cmd)
	}
	defer c.lease.end()
	return c.wire.DoFrom(ctx, cmd, size, r, after...)
}

// Send writes cmds without waiting for replies, which [Conn.Receive] or
// [Options.OnPush] will see. It is for SUBSCRIBE and the like, on a connection
// of its own, and is safe beside a concurrent Receive or Serve.
func (c *Conn) Send(ctx context.Context, cmds ...resp.Command) error {
	if !c.lease.begin() {
		return c.over()
	}
	defer c.lease.end()
	return c.wire.Send(ctx, cmds...)
}

// Receive returns the next thing that the server sends, pushes included: they
// are not given to Options.OnPush. The bytes are valid until the next Receive.
// It must not be called concurrently, nor while Do, DoBatch or Serve run. When
// ctx ends, Receive returns its error and the connection lives on.
//
// It has no read timeout: whoever receives should PING with [Conn.Send] and
// [Conn.Abort] the connection when nothing comes.
func (c *Conn) Receive(ctx context.Context) (resp.Reply, error) {
	if !c.lease.begin() {
		return resp.Reply{}, c.over()
	}
	defer c.lease.end()
	return c.wire.Receive(ctx)
}

// ReceiveAll is [Conn.Receive] in a loop, without its cost for each message. It
// returns when ctx ends, when the connection breaks, or with the error of r; in
// the first and last case the connection lives on. What Receive says of timeouts
// and of concurrent use is true of ReceiveAll.
func (c *Conn) ReceiveAll(ctx context.Context, r Receiver) error {
	if !c.lease.begin() {
		return c.over()
	}
	defer c.lease.end()
	return c.wire.ReceiveAll(ctx, r)
}

// Serve reads until ctx ends or the connection breaks, so that pushes reach
// Options.OnPush while nobody waits for a reply. Do works beside it. One
// goroutine may serve at a time.
func (c *Conn) Serve(ctx context.Context) error {
	if !c.lease.begin() {
		return c.over()
	}
	defer c.lease.end()
	return c.wire.Serve(ctx)
}

// Reauth asks Options.Credentials anew and sends AUTH, between the commands of
// others. Without credentials it does nothing. When it fails, with an
// *[AuthError] if the server refuses them, the connection is still who it was.
// It must not be called inside MULTI. See https://redis.io/commands/auth.
func (c *Conn) Reauth(ctx context.Context) error {
	if !c.lease.begin() {
		return c.over()
	}
	defer c.lease.end()
	return c.wire.Reauth(ctx)
}

// SetShared says whether stateful commands are refused, as Options.Shared.
func (c *Conn) SetShared(shared bool) {
	if c.lease.begin() {
		c.wire.SetShared(shared)
		c.lease.end()
	}
}

// Abort breaks the connection now. Every caller that waits on it returns an
// [*Error] with cause and its class; those who come later get it too.
func (c *Conn) Abort(cause error) {
	if c.lease.begin() {
		c.wire.Abort(cause)
		c.lease.end()
	}
}

// Close breaks the connection with ErrClosed. It does not wait for those who
// use it.
func (c *Conn) Close() error {
	if !c.lease.begin() {
		return c.over()
	}
	defer c.lease.end()
	return c.wire.Close()
}
