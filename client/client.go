package client

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/resp"
	"github.com/kermes-redis/kermes/sentinel"
)

// Client runs commands on the current master of a group, or on one server in
// bypass. It implements redis.Doer and redis.Leaser. Its methods are safe for
// concurrent use.
type Client struct {
	opts     Options
	group    *sentinel.Group // nil in bypass
	own      bool            // the group was made by Open and ends with the client
	watch    *sentinel.Watch // of the master; nil in bypass
	ctx      context.Context // ends with Close
	cancel   context.CancelFunc
	work     sync.WaitGroup // goroutines; begun under mu while not closed
	target   atomic.Pointer[target]
	counters counters
	moves    moves
	alone    *standalone // tells of the one server in bypass
	runs     sync.Pool   // of *run
	loans    sync.Pool   // of *loan
	pace     dialPace    // of Dial

	// mu guards what follows, and writes of target. It is held for no I/O and
	// taken before the lock of the group.
	mu        sync.Mutex
	changed   chan struct{} // closed and replaced with every new target
	closed    bool
	hold      hold
	candidate *candidate // the candidate of an announced failover
	eager     *time.Timer
	quorum    bool // the last word on it in an event
	reviving  revival
	holds     uint64   // how many there were
	revivals  uint64   // times that a server was found to answer again
	denied    struct { // which server's connections were replaced last, by its own word
		addr string
		at   time.Time
	}
	replicas *Replicas
	subs     *Subscriptions
}

// Open returns a client for the master o.Master of the group of sentinels
// o.Group, or for the one server o.Pool.Conn.Addr where no master is named. It
// returns when the master's address is known (client spec, steps 1 to 3; the
// role is verified in the handshake of every connection). Its errors are
// *[sentinel.ResolveError], which matches [sentinel.ErrNoSentinel] or [sentinel.ErrMasterUnknown] and each
// sentinel's own error, and those of ctx. The group that it makes ends with the
// client.
func Open(ctx context.Context, o Options) (*Client, error) {
	if o.Master == "" {
		return bypass(o)
	}
	g, err := sentinel.NewGroup(o.Group)
	if err != nil {
		return nil, err
	}
	c, err := OpenIn(ctx, g, o)
	if err != nil {
		_ = g.Close()
		return nil, err
	}
	c.own = true
	return c, nil
}

func newClient(o Options) *Client {
	c := &Client{opts: o.withDefaults(), changed: make(chan struct{})}
	c.moves.ch = make(chan struct{})
	c.ctx, c.cancel = context.WithCancel(context.Background())
	if o.Rotated != nil {
		c.spawn(c.keepAuthenticated)
	}
	return c
}

func bypass(o Options) (*Client, error) {
	switch {
	case len(o.Group.Sentinels) > 0:
		return nil, errNoName
	case o.RequireQuorum:
		return nil, errNoQuorum
	}
	c := newClient(o)
	c.alone = newStandalone(&c.opts.Pool)
	p := pool.New(c.poolOptions(c.opts.Pool))
	c.target.Store(&target{generation: 1, addr: p.Addr(), pool: p})
	return c, nil
}

// spawn runs f on a goroutine that Close waits for; f ends with c.ctx. It does
// nothing after Close.
func (c *Client) spawn(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spawnLocked(f)
}

func (c *Client) spawnLocked(f func()) bool {
	if c.closed {
		return false
	}
	c.work.Go(f)
	return true
}

// Group returns the group of the client, nil in bypass.
func (c *Client) Group() *sentinel.Group { return c.group }

// Name returns the name of the master, empty in bypass.
func (c *Client) Name() string { return c.opts.Master }

// Master returns the address of the master that commands go to; empty before
// one is known.
func (c *Client) Master() string { return c.target.Load().addr }

// Epoch returns the configuration epoch of that master, zero in bypass.
func (c *Client) Epoch() int64 { return c.target.Load().epoch }

// Generation counts the times that all connections were replaced, the first
// ones included. It rises with every switch, also when the configuration epoch
// began anew, and when the master was found to be none.
func (c *Client) Generation() uint64 { return c.target.Load().generation }

// Done returns a channel that is closed when the client has been closed: what is
// fed by it, such as a subscriber, ends then.
func (c *Client) Done() <-chan struct{} { return c.ctx.Done() }

// MaxHold returns for how long writes wait at most for the end of a failover:
// [Options.MaxHold], its default, or zero with [Options.NoHold]. What must survive a
// planned failover, the lease of a lock for instance, should last twice as long.
func (c *Client) MaxHold() time.Duration {
	if c.opts.NoHold {
		return 0
	}
	return c.opts.MaxHold
}

// Held reports whether writes wait for the end of an announced failover.
func (c *Client) Held() bool { return c.target.Load().held }

// Listen is [sentinel.Group.Listen] for the events of this client's master, and those
// that concern the sentinels. In bypass they tell whether the server can be reached
// ([sentinel.EventServerUp], [sentinel.EventServerDown]) and is a master
// ([sentinel.EventDistrusted]).
func (c *Client) Listen(fn func(sentinel.Event)) (stop func()) {
	if c.group == nil {
		return c.alone.events.Listen(fn)
	}
	return c.group.Listen(func(e sentinel.Event) {
		if e.Master == "" || e.Master == c.opts.Master {
			fn(e)
		}
	})
}

// send gives an event about the client's master to the listeners.
func (c *Client) send(e sentinel.Event) {
	if c.group == nil {
		return
	}
	t := c.target.Load()
	if e.Addr == "" {
		e.Addr = t.addr
	}
	if e.Epoch == 0 {
		e.Epoch = t.epoch
	}
	c.watch.Send(e)
}

// Close ends the client: connections, and its group if Open made that. Calls
// under way return [ErrClosed]. It waits until nothing of it runs any more, but
// not for those who hold leases.
func (c *Client) Close() error {
	c.shut()
	c.work.Wait()
	if c.own {
		return c.group.Close()
	}
	if c.alone != nil {
		c.alone.events.Close()
	}
	return nil
}

// shut ends everything without waiting.
func (c *Client) shut() {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	t := c.target.Load()
	c.endHoldLocked(t, "")
	c.dropCandidateLocked(ErrClosed)
	c.stopEagerLocked()
	c.retireLocked(t.pool, ErrClosed)
	if c.subs != nil {
		c.subs.abort(ErrClosed)
	}
	if c.replicas != nil {
		c.replicas.shut()
	}
	c.closed = true
	gone := *t
	gone.pool, gone.held = nil, false
	c.storeLocked(&gone)
	c.mu.Unlock()
	c.cancel()
	if c.watch != nil {
		c.watch.Close()
	}
}

// retireLocked breaks all connections of a pool that is not the target any
// more. It waits for nobody: closing a socket of the caller's own making may
// take its time.
func (c *Client) retireLocked(p *pool.Pool, cause error) {
	if p == nil {
		return
	}
	c.spawnLocked(func() {
		p.Abort(cause)
		_ = p.Close()
	})
}

// Do sends cmd to the master and returns its reply, which must be released.
//
// A command that was not sent, or that the server refused before executing it,
// is sent again: to the new master where that is why. One that may have been
// executed is sent again only if it is flagged read-only or idempotent. All
// within Options.RetryTime and ctx. A reply that an abandoned master gave is
// never reported as success.
func (c *Client) Do(ctx context.Context, cmd resp.Command) (resp.Reply, error) {
	if cmd.Flags()&resp.Blocking != 0 {
		return c.doBlocking(ctx, cmd)
	}
	t := c.target.Load()
	if t.gated {
		if err := c.admit(t, cmd.Flags()&resp.ReadOnly == 0); err != nil {
			return c.retry(ctx, cmd, outcome{target: t, err: err})
		}
	}
	reply, err := t.pool.Do(ctx, cmd)
	if err == nil && c.target.Load() == t && !t.strict && !notable(&cmd, reply.Value) {
		return reply, nil
	}
	return c.retry(ctx, cmd, outcome{target: t, reply: reply, err: err, took: waited(err)})
}

// waited is how long the command that has failed with err took: that it spares each
// command a look at the clock is worth a few milliseconds of an error's text.
func waited(err error) time.Duration {
	took := pool.Waited(err)
	if e, ok := errors.AsType[*conn.Error](err); ok {
		took += e.Waited
	}
	return took
}

// Dial returns a connection of the caller's own to the master, for pub/sub and
// MONITOR. It is broken with [ErrSwitched] when the sentinels name another master.
// The caller closes it.
//
// [Client.Reauth] leaves it with the credentials that it was made with: see
// [conn.Conn.Reauth]. Without sentinels it stays with a server that has become a replica.
// Connections of [Client.Subscriptions] are made anew in both cases.
func (c *Client) Dial(ctx context.Context) (*conn.Conn, error) {
	b := c.newDialBudget()
	t := c.target.Load()
	if cause := c.pace.begin(&b, t.pool); cause != nil {
		if err := c.awaitResume(ctx, t, &b, cause); err != nil {
			return nil, err
		}
		b.vain = 0
	}
	for {
		b.attempts++
		t := c.target.Load()
		err := c.admit(t, false)
		if err == nil {
			var cn *conn.Conn
			if cn, err = c.dial(ctx, t.pool, &b); err == nil {
				c.pace.made(&b, t.pool, cn)
				return cn, nil
			}
		}
		if final(err) {
			return nil, err
		}
		if ended := c.pause(ctx, t, &b, err); ended != nil {
			c.pace.failed(&b, t.pool, err)
			return nil, ended
		}
	}
}

// dial makes one attempt, within the budget: it ends, but for the context, when
// that does.
func (c *Client) dial(ctx context.Context, p *pool.Pool, b *budget) (*conn.Conn, error) {
	if c.opts.RetryTime > 0 {
		bounded, cancel := context.WithDeadline(ctx, b.until)
		defer cancel()
		ctx = bounded
	}
	return p.Dial(ctx)
}

// OpenIn returns a client for the master o.Master of a group of sentinels, which
// other clients may share; the client does not close it. o.Group is not looked
// at. See [Open].
func OpenIn(ctx context.Context, g *sentinel.Group, o Options) (*Client, error) {
	if o.Master == "" {
		return nil, errNoMaster
	}
	c := newClient(o)
	c.group = g
	c.target.Store(&target{gated: true, strict: o.RequireQuorum})
	if err := c.beginWatch(); err != nil {
		c.cancel()
		return nil, err
	}
	if !o.NoWait {
		if _, err := c.watch.Await(ctx); err != nil {
			_ = c.Close()
			return nil, closedAs(err)
		}
	}
	c.follow()
	if c.opts.VerifyInterval > 0 {
		c.spawn(c.keepVerifying)
	}
	if c.opts.RequireQuorum {
		c.spawn(c.keepAskingQuorum)
	}
	return c, nil
}

// beginWatch joins the group. The lock keeps news from the client until it knows
// its watch.
func (c *Client) beginWatch() (err error) {
	o := sentinel.WatchOptions{Follower: (*follower)(c)}
	if c.opts.RequireQuorum {
		o.QuorumTTL = c.opts.QuorumTTL
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watch, err = c.group.Watch(c.opts.Master, o)
	return closedAs(err)
}

// closedAs is err as an error of this package, where the group was closed.
func closedAs(err error) error {
	if errors.Is(err, sentinel.ErrClosed) {
		return ErrClosed
	}
	return err
}
