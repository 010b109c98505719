package sentinel

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/resp"
)

// Client runs commands on the current master of a group, or on one server in
// bypass. It implements redis.Doer and redis.Leaser. Its methods are safe for
// concurrent use.
type Client struct {
	opts   Options
	group  *Group // nil in bypass
	own    bool   // the group was made by Open and ends with the client
	topic  *topic
	target atomic.Pointer[target]

	mu      sync.Mutex    // guards what follows, and writes of target
	changed chan struct{} // closed and replaced with every new target
	closed  bool
	hold    *time.Timer
}

// target is where commands go. A target is immutable: a new one replaces it
// when the master changes, and when writes are held and released.
type target struct {
	generation uint64
	epoch      int64
	addr       string
	pool       *pool.Pool // nil while no master is known
	held       bool       // writes wait
}

// Open returns a client for the master o.Master of the group of sentinels
// o.Group, or for the one server o.Pool.Conn.Addr where no master is named. It
// returns when the master's address is known (client spec, steps 1 to 3; the
// role is verified in the handshake of every connection). Its errors are
// *[ResolveError], which matches [ErrNoSentinel] or [ErrMasterUnknown], and
// those of ctx. The group that it makes ends with the client.
func Open(ctx context.Context, o Options) (*Client, error) {
	if o.Master == "" {
		return bypass(o), nil
	}
	g, err := NewGroup(o.Group)
	if err != nil {
		return nil, err
	}
	c, err := g.Open(ctx, o)
	if err != nil {
		_ = g.Close()
		return nil, err
	}
	c.own = true
	return c, nil
}

func bypass(o Options) *Client {
	c := &Client{opts: o.withDefaults(), changed: make(chan struct{})}
	p := pool.New(c.opts.Pool)
	c.target.Store(&target{generation: 1, addr: p.Addr(), pool: p})
	return c
}

// Open returns a client for a master of the group. See the function [Open].
func (g *Group) Open(ctx context.Context, o Options) (*Client, error) {
	if o.Master == "" {
		return nil, errors.New("sentinel: a client of a group needs the name of a master")
	}
	c := &Client{opts: o.withDefaults(), group: g, changed: make(chan struct{})}
	c.target.Store(&target{})
	t, err := g.use(o.Master, c)
	if err != nil {
		return nil, err
	}
	c.topic = t
	if !o.NoWait {
		if _, _, err := g.await(ctx, t); err != nil {
			_ = c.Close()
			return nil, err
		}
	}
	c.follow()
	return c, nil
}

// Master returns the address of the master that commands go to; empty before
// one is known.
func (c *Client) Master() string { return c.target.Load().addr }

// Epoch returns the configuration epoch of that master, zero in bypass.
func (c *Client) Epoch() int64 { return c.target.Load().epoch }

// Generation counts the masters that this client has had. It rises with every
// switch, also when the configuration epoch began anew.
func (c *Client) Generation() uint64 { return c.target.Load().generation }

// Stats returns a snapshot of the connections to the current master.
func (c *Client) Stats() pool.Stats {
	if p := c.target.Load().pool; p != nil {
		return p.Stats()
	}
	return pool.Stats{}
}

// follow moves the client to the master that its group believes in. It aborts
// every connection to the former one: those in use, leased and dialled too.
func (c *Client) follow() {
	c.group.mu.Lock()
	v := c.topic.viewNow()
	c.group.mu.Unlock()
	c.mu.Lock()
	old := c.target.Load()
	if c.closed || !v.known || old.pool != nil && old.addr == v.addr && v.epoch <= old.epoch {
		c.mu.Unlock()
		return
	}
	o := c.opts.Pool
	o.Conn.Addr = v.addr
	o.Conn.Role = conn.RoleMaster
	c.store(&target{generation: old.generation + 1, epoch: v.epoch, addr: v.addr, pool: pool.New(o)})
	c.stopHold()
	c.mu.Unlock()
	if old.pool != nil {
		old.pool.Abort(ErrSwitched)
	}
}

func (t *topic) viewNow() view { return t.view }

// store puts a new target in place and wakes those who wait for one. c.mu is
// held.
func (c *Client) store(t *target) {
	c.target.Store(t)
	close(c.changed)
	c.changed = make(chan struct{})
}

// Close ends the client: connections, and its group if Open made that. It waits
// until nothing of it runs any more.
func (c *Client) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	t := c.target.Load()
	c.stopHold()
	c.store(t)
	c.mu.Unlock()
	if c.topic != nil {
		c.group.release(c.topic, c)
	}
	if t.pool != nil {
		t.pool.Abort(ErrClosed)
		_ = t.pool.Close()
	}
	if c.own {
		return c.group.Close()
	}
	return nil
}

// Do sends cmd to the master and returns its reply, which must be released.
//
// A command that was not sent, or that the server refused before executing it,
// is sent again: to the new master where that is why. One that may have been
// executed is sent again only if it is flagged read-only or idempotent. All
// within Options.RetryTime and ctx. A reply that an abandoned master gave is
// never reported as success.
func (c *Client) Do(ctx context.Context, cmd resp.Command) (resp.Reply, error) {
	t := c.target.Load()
	if t.pool == nil || t.held && cmd.Flags()&resp.ReadOnly == 0 {
		return c.retry(ctx, cmd, outcome{target: t, err: c.unready(t)})
	}
	reply, err := t.pool.Do(ctx, cmd)
	if err == nil && !refused(reply.Value) && c.target.Load().generation == t.generation {
		return reply, nil
	}
	return c.retry(ctx, cmd, outcome{target: t, reply: reply, err: err})
}

// WithConn leases a connection to the master and calls fn with it. It waits and
// retries until fn is called, and calls it once. If the master changes
// meanwhile, the connection breaks and WithConn returns an error that matches
// [ErrSwitched], even if fn saw no failure.
func (c *Client) WithConn(ctx context.Context, fn func(*conn.Conn) error) error {
	b := c.newBudget()
	for {
		t := c.target.Load()
		called := false
		err := c.unready(t)
		if t.pool != nil && !t.held {
			err = t.pool.WithConn(ctx, func(cn *conn.Conn) error {
				called = true
				return fn(cn)
			})
		}
		if called && c.target.Load().generation != t.generation && (err == nil || !errors.Is(err, ErrSwitched)) {
			return &conn.Error{Op: conn.OpWait, Addr: t.addr, Class: conn.ClassMaybeExecuted, Err: errors.Join(ErrSwitched, err)}
		}
		if called || err == nil {
			return err
		}
		if err := c.pause(ctx, t, &b, err); err != nil {
			return err
		}
	}
}

// Dial returns a connection of the caller's own to the master, for pub/sub. It
// is broken with [ErrSwitched] when the master changes. The caller closes it.
func (c *Client) Dial(ctx context.Context) (*conn.Conn, error) {
	b := c.newBudget()
	for {
		t := c.target.Load()
		err := c.unready(t)
		if t.pool != nil {
			var cn *conn.Conn
			if cn, err = t.pool.Dial(ctx); err == nil {
				return cn, nil
			}
		}
		if err := c.pause(ctx, t, &b, err); err != nil {
			return nil, err
		}
	}
}

// unready is why commands cannot go to t right now.
func (c *Client) unready(t *target) error {
	cause := ErrHeld
	if t.pool == nil {
		cause = ErrNoSentinel
	}
	return &conn.Error{Op: conn.OpWait, Addr: c.opts.Master, Class: conn.ClassNotSent, Err: cause}
}
