package pool

import (
	"context"
	"errors"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/resp"
)

// Pool is the connections to one server. Its methods are safe for concurrent
// use.
type Pool struct {
	opts       Options
	ctx        context.Context // ends with the pool; dials run under it
	cancel     context.CancelFunc
	work       sync.WaitGroup         // dials and closes under way
	calls      atomic.Uint64          // callers inside Do and DoBatch, and all so far
	home       atomic.Pointer[member] // the connection of lone callers; see fast_path.go
	wanted     atomic.Int32           // how many wait for a connection
	mayPark    bool                   // MaxIdle allows for home
	clock      atomic.Int64           // ticks of the keeper since New
	suspect    atomic.Int64           // raised when a connection is found broken
	generation atomic.Int64           // raised when all connections are to be replaced, or credentials have changed
	hungUp     atomic.Bool            // on HELLO, as proxies do that know no CLIENT either
	leased     atomic.Int64           // connections that are
	ended      atomic.Bool            // closed is set; looked at by those who do not take mu
	noHello    atomic.Int64           // until that tick the server is taken not to know HELLO
	wide       wide
	spacing    spacing
	watches    sync.Pool // of *batchWatch, for batches on shared connections
	shared     []slot
	counters   counters

	mu       sync.Mutex           // guards what follows
	idle     []*member            // the one used last at the end
	open     int                  // members that count against MaxConns, dials included
	members  map[*member]struct{} // all that are connected
	dialled  map[*conn.Conn]struct{}
	retired  []*member // shared until lately, closed when quiet
	waiters  waitList
	dialing  int
	backoff  backoff
	lastDial error
	closed   error
	renewed  time.Time // when a reply had all connections replaced
	keeper   *time.Timer
	keeping  bool
}

// member is one connection of the pool.
type member struct {
	conn       *conn.Conn
	used       atomic.Int64 // clock when it came back, or was last picked
	checked    atomic.Int64 // suspect when it was last looked at
	generation atomic.Int64 // Pool.generation when it was dialled or authenticated
	born       time.Time    // when it was dialled
	hungUp     atomic.Bool  // the peer was found to have closed it
	expires    time.Time    // zero: never
	over       bool         // does not count against MaxConns; Pool.mu guards it
	retired    int64        // clock when it lost its place as a shared one
	watch      batchWatch   // for the batch of who has it alone
}

// Pool.calls counts callers in flight in its lowest 31 bits, and all that ever
// came in its upper half. Bit 31 says that Pool.home is parked.
const (
	oneCall   = 1<<32 | 1
	callCount = 1<<31 - 1
	parkedBit = 1 << 31
)

// New returns a pool that has not dialled yet.
func New(o Options) *Pool {
	o = o.withDefaults()
	o.Conn.Shared = true
	p := &Pool{
		opts:    o,
		wide:    wide{seed: maphash.MakeSeed()},
		members: make(map[*member]struct{}),
		dialled: make(map[*conn.Conn]struct{}),
		shared:  make([]slot, o.SharedConns),
	}
	p.mayPark = o.MaxIdle < 0 || o.MaxConns >= 0 && o.MaxIdle >= o.MaxConns
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.keeper = time.AfterFunc(time.Hour, p.keep)
	p.keeper.Stop()
	p.watches.New = func() any { return &batchWatch{} }
	if o.MinIdle > 0 {
		p.mu.Lock()
		p.startKeepingLocked()
		p.topUpLocked()
		p.mu.Unlock()
	}
	return p
}

// check panics with words where a mistake of the program would otherwise be a
// nil pointer somewhere below.
func (p *Pool) check(ctx context.Context) {
	if p == nil || p.cancel == nil {
		panic("pool: the zero Pool is not ready for use: make one with pool.New")
	}
	if ctx == nil {
		panic("pool: nil context: use context.Background")
	}
}

// Addr returns the address of the server, as it was given.
func (p *Pool) Addr() string { return p.opts.Conn.Addr }

// Do sends cmd on a connection of the caller's own or a shared one and returns
// its reply, which must be released. A blocking command runs on a lease. A
// stateful command is refused with [conn.ErrStateful].
func (p *Pool) Do(ctx context.Context, cmd resp.Command) (resp.Reply, error) {
	p.check(ctx)
	if cmd.Flags()&resp.Blocking != 0 {
		return p.doLeased(ctx, cmd)
	}
	for try := 1; ; try++ {
		at, err := p.enter(ctx, &cmd, nil)
		if err != nil {
			return resp.Reply{}, err
		}
		reply, err := at.conn.Exchange(ctx, &cmd)
		p.leave(at)
		if err != nil && try < maxTries && p.gone(at, err) {
			continue
		}
		if reply.Value.MayBeError() {
			p.heed(reply.Value)
		}
		size := len(reply.Value)
		if cmd.Room() != nil {
			if n, ok := reply.Placed(); ok {
				size = n
			}
		}
		if size > wideSize {
			p.wide.note(&cmd, p.clock.Load())
		}
		return reply, err
	}
}

// DoBatch sends cmds on one connection, as [conn.Conn.DoBatch] does. A batch
// with a blocking command runs on a lease.
func (p *Pool) DoBatch(ctx context.Context, cmds []resp.Command, each func(i int, v resp.Value)) error {
	b := resp.BatchOf(cmds)
	return p.DoEncoded(ctx, &b, 0, resp.ReceiverFunc(each))
}

// DoEncoded is DoBatch for encoded commands, as [conn.Conn.DoEncoded].
func (p *Pool) DoEncoded(ctx context.Context, cmds *resp.Batch, from int, to resp.Receiver) error {
	p.check(ctx)
	if some, _ := cmds.Flags(from); some&resp.Blocking != 0 {
		return p.batchLeased(ctx, cmds, from, to)
	}
	for try := 1; ; try++ {
		at, err := p.enter(ctx, nil, cmds)
		if err != nil {
			return err
		}
		if err = p.batchOn(ctx, at, cmds, from, to); err != nil && try < maxTries && p.gone(at, err) {
			continue
		}
		return err
	}
}

// batchOn runs a batch and leaves, also when Receive panics.
func (p *Pool) batchOn(ctx context.Context, at seat, cmds *resp.Batch, from int, to resp.Receiver) error {
	defer p.leave(at)
	w := &at.watch
	if !at.solo {
		w = p.watches.Get().(*batchWatch) //nolint:forcetypeassert // nothing else is in there
		defer p.watches.Put(w)
	}
	w.pool, w.to = p, to
	err := at.conn.DoEncoded(ctx, cmds, from, w)
	w.to = nil
	return err
}

func (p *Pool) batchLeased(ctx context.Context, cmds *resp.Batch, from int, to resp.Receiver) error {
	return p.WithConn(ctx, func(c *conn.Conn) error {
		c.SetShared(true)
		return c.DoEncoded(ctx, cmds, from, &batchWatch{pool: p, to: to})
	})
}

// maxTries is how many connections a call tries that turn out to be of no use before
// anything is sent. Where each one does, the server is to blame, and dials must wait.
const maxTries = 8

// gone reports whether a call was not sent because the pool had closed its
// connection in between, or a look found it closed, or with something on it that
// nobody asked for, so that it is to try another one.
func (p *Pool) gone(at seat, err error) bool {
	if conn.ClassOf(err) != conn.ClassNotSent {
		return false
	}
	if e, ok := errors.AsType[*conn.Error](err); ok && e.Sent > 0 {
		return false // in the middle of a batch: what came before has been executed
	}
	why := at.conn.Err()
	if e, ok := errors.AsType[*conn.Error](why); ok && e.Op == conn.OpLook {
		return true
	}
	return errors.Is(why, errExpired) || errors.Is(why, errStale) || errors.Is(why, errLeft)
}

// Ping asks the server for a sign of life on any connection.
func (p *Pool) Ping(ctx context.Context) error {
	r, err := p.Do(ctx, resp.NewCommand("PING"))
	if err != nil {
		return err
	}
	defer r.Release()
	return r.Err()
}

// Dial returns a connection of the caller's own, for pub/sub and MONITOR. The
// caller closes it; the pool aborts it with all others when it is closed.
//
// The pool does not look after it. [Pool.Reauth] leaves it with the credentials that it
// was made with: see [conn.Conn.Reauth]. [Pool.Renew] leaves it where it is, also when the
// server has said that it is a replica now. A subscriber that is to follow both takes
// the Subscriptions of a client as its source.
func (p *Pool) Dial(ctx context.Context) (*conn.Conn, error) {
	p.check(ctx)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.ctx, cancel)()
	o := p.connOptions()
	o.Shared = false
	c, err := p.connect(ctx, o)
	closed := p.keepDialled(c)
	switch {
	case closed != nil && err == nil:
		c.Abort(closed)
		fallthrough
	case closed != nil:
		return nil, p.notSent(closed)
	case err != nil:
		return nil, err
	}
	return c, nil
}

// keepDialled notes a connection of somebody's own, if there is one, and returns
// why the pool is closed if it is.
func (p *Pool) keepDialled(c *conn.Conn) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed != nil || c == nil {
		return p.closed
	}
	p.dialled[c] = struct{}{}
	p.startKeepingLocked()
	return nil
}

// Done returns a channel that is closed when the pool has been closed: what is
// fed by it, such as a subscriber, ends then.
func (p *Pool) Done() <-chan struct{} {
	p.check(context.Background())
	return p.ctx.Done()
}

// Abort breaks every connection now: idle, shared, leased and dialled ones.
// Those who wait for replies return cause in a [*conn.Error] with its class;
// calls that come later are not sent and return it too. It waits for nobody.
func (p *Pool) Abort(cause error) {
	p.check(context.Background())
	p.mu.Lock()
	if p.closed != nil {
		p.mu.Unlock()
		return
	}
	p.closed = cause
	p.ended.Store(true) // before anybody is told: who has heard of it sends nothing more
	members, dialled := p.members, p.dialled
	p.members, p.dialled = nil, nil
	p.idle, p.retired, p.open = nil, nil, 0
	p.keeper.Stop()
	p.backoff.stop()
	for w := p.waiters.pop(); w != nil; w = p.waiters.pop() {
		w.give(nil, p.notSent(cause))
	}
	p.mu.Unlock()
	p.cancel()
	for m := range members {
		p.disconnect(m, cause)
	}
	for c := range dialled {
		c.Abort(cause)
	}
}

// Close aborts every connection with ErrClosed and waits until no dial is
// under way. It does not wait for those who hold leases.
func (p *Pool) Close() error {
	p.Abort(ErrClosed)
	p.work.Wait()
	return nil
}
