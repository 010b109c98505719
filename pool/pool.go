package pool

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/resp"
)

// Pool is the connections to one server. Its methods are safe for concurrent
// use.
type Pool struct {
	opts     Options
	ctx      context.Context // ends with the pool; dials run under it
	cancel   context.CancelFunc
	dials    sync.WaitGroup
	inflight atomic.Int64 // callers inside Do and DoBatch
	clock    atomic.Int64 // ticks of the keeper since New
	suspect  atomic.Int64 // raised when a connection is found broken
	shared   []slot
	counters counters

	mu       sync.Mutex // guards what follows
	idle     []*member  // the one used last at the end
	open     int        // members that count against MaxConns, dials included
	leased   int
	members  map[*member]struct{} // all that are connected
	dialled  map[*conn.Conn]struct{}
	waiters  waitList
	dialing  int
	backoff  backoff
	lastDial error
	closed   error
	keeper   *time.Timer
	keeping  bool
}

// member is one connection of the pool.
type member struct {
	conn    *conn.Conn
	used    int64     // clock when it came back
	checked int64     // suspect when it was last looked at
	expires time.Time // zero: never
	over    bool      // does not count against MaxConns
}

// New returns a pool that has not dialled yet.
func New(o Options) *Pool {
	o = o.withDefaults()
	o.Conn.Shared = true
	p := &Pool{
		opts:    o,
		members: make(map[*member]struct{}),
		dialled: make(map[*conn.Conn]struct{}),
		shared:  make([]slot, o.SharedConns),
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.keeper = time.AfterFunc(time.Hour, p.keep)
	p.keeper.Stop()
	if o.MinIdle > 0 {
		p.mu.Lock()
		p.startKeeping()
		p.topUp()
		p.mu.Unlock()
	}
	return p
}

// Addr returns the address of the server, as it was given.
func (p *Pool) Addr() string { return p.opts.Conn.Addr }

// Do sends cmd on a connection of the caller's own or a shared one and returns
// its reply, which must be released. A blocking command runs on a lease. A
// stateful command is refused with [conn.ErrStateful].
func (p *Pool) Do(ctx context.Context, cmd resp.Command) (resp.Reply, error) {
	if cmd.Flags()&resp.Blocking != 0 {
		return p.doLeased(ctx, cmd)
	}
	m, solo, err := p.enter(ctx)
	if err != nil {
		return resp.Reply{}, err
	}
	reply, err := m.conn.Do(ctx, cmd)
	p.leave(m, solo)
	return reply, err
}

// DoBatch sends cmds on one connection, as [conn.Conn.DoBatch] does. A batch
// with a blocking command runs on a lease.
func (p *Pool) DoBatch(ctx context.Context, cmds []resp.Command, each func(i int, v resp.Value)) error {
	for i := range cmds {
		if cmds[i].Flags()&resp.Blocking != 0 {
			return p.WithConn(ctx, func(c *conn.Conn) error {
				c.SetShared(true)
				return c.DoBatch(ctx, cmds, each)
			})
		}
	}
	m, solo, err := p.enter(ctx)
	if err != nil {
		return err
	}
	err = m.conn.DoBatch(ctx, cmds, each)
	p.leave(m, solo)
	return err
}

func (p *Pool) doLeased(ctx context.Context, cmd resp.Command) (reply resp.Reply, err error) {
	err = p.WithConn(ctx, func(c *conn.Conn) error {
		c.SetShared(true)
		reply, err = c.Do(ctx, cmd)
		return err
	})
	return reply, err
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

// enter takes a connection for one call: one of its own while few callers are
// about, else a shared one.
func (p *Pool) enter(ctx context.Context) (m *member, solo bool, err error) {
	n := p.inflight.Add(1)
	if n <= int64(p.opts.SoloConns) {
		m, err = p.takeSolo(ctx)
	}
	if m != nil {
		return m, true, nil
	}
	if err == nil {
		m, err = p.takeShared(ctx, n)
	}
	if err != nil {
		p.inflight.Add(-1)
		return nil, false, err
	}
	return m, false, nil
}

func (p *Pool) leave(m *member, solo bool) {
	p.inflight.Add(-1)
	if solo {
		p.putBack(m, false)
	}
}

// takeSolo returns an idle connection, or a new one where there is room for
// it, or nil.
func (p *Pool) takeSolo(ctx context.Context) (*member, error) {
	p.mu.Lock()
	m := p.popIdle()
	if m != nil || p.closed != nil {
		closed := p.closed
		p.mu.Unlock()
		if m == nil {
			return nil, p.notSent(closed)
		}
		return m, nil
	}
	room := p.open < p.opts.SoloConns && p.hasRoom()
	p.mu.Unlock()
	if !room {
		return nil, nil
	}
	return p.acquire(ctx, false)
}

func (p *Pool) hasRoom() bool { return p.opts.MaxConns < 0 || p.open < p.opts.MaxConns }

// popIdle returns the idle connection that was used last and is in order. p.mu
// is held; looking at a socket does not block.
func (p *Pool) popIdle() *member {
	for len(p.idle) > 0 {
		last := len(p.idle) - 1
		m := p.idle[last]
		p.idle[last] = nil
		p.idle = p.idle[:last]
		if p.fit(m) {
			return m
		}
		p.discard(m, errStale)
	}
	return nil
}

var errStale = errors.New("closed while idle")

// fit looks at a connection that has been idle for a while, or idle while
// another one broke.
func (p *Pool) fit(m *member) bool {
	select {
	case <-m.conn.Done():
		return false
	default:
	}
	suspect := p.suspect.Load()
	rested := p.opts.PeekAfter >= 0 && time.Duration(p.clock.Load()-m.used)*keepInterval >= p.opts.PeekAfter
	if !rested && m.checked == suspect {
		return true
	}
	m.checked = suspect
	return m.conn.Alive() == nil
}

// putBack gives a connection to the next who waits, or makes it idle. It is
// closed if it is broken, or was left in a state that others must not see.
func (p *Pool) putBack(m *member, leased bool) {
	usable := true
	select {
	case <-m.conn.Done():
		usable = false
	default:
		if leased {
			usable = m.conn.InFlight() == 0 && !m.conn.Tainted()
			m.conn.SetShared(true)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if leased {
		p.leased--
	}
	if !usable || p.closed != nil || p.expired(m) {
		if !usable {
			p.suspect.Add(1)
		}
		p.discard(m, errLeft)
		p.startDials()
		return
	}
	m.used = p.clock.Load()
	if w := p.waiters.pop(); w != nil {
		w.give(m, nil)
		return
	}
	if p.opts.MaxIdle >= 0 && len(p.idle) >= p.opts.MaxIdle {
		p.discard(m, errSurplus)
		return
	}
	p.idle = append(p.idle, m)
}

var (
	errLeft    = errors.New("closed on return")
	errSurplus = errors.New("closed: more idle connections than MaxIdle")
	errExpired = errors.New("closed: older than MaxLifetime")
)

func (p *Pool) expired(m *member) bool { return !m.expires.IsZero() && time.Now().After(m.expires) }

// discard closes a connection and forgets it. p.mu is held.
func (p *Pool) discard(m *member, why error) {
	if _, known := p.members[m]; !known {
		return
	}
	delete(p.members, m)
	if !m.over {
		p.open--
	}
	p.counters.closed.Add(1)
	go m.conn.Abort(why) // closing may wait for others who use the socket
}

// WithConn leases a connection, calls fn with it, and takes it back. Nobody
// else uses it meanwhile, so fn may change its state; a connection that is not
// as it was is closed afterwards. It waits for its turn until ctx ends, with a
// *[WaitError] then.
func (p *Pool) WithConn(ctx context.Context, fn func(*conn.Conn) error) error {
	m, err := p.lease(ctx)
	if err != nil {
		return err
	}
	defer p.putBack(m, true)
	return fn(m.conn)
}

func (p *Pool) lease(ctx context.Context) (*member, error) {
	p.mu.Lock()
	m := p.popIdle()
	p.mu.Unlock()
	if m == nil {
		var err error
		if m, err = p.acquire(ctx, false); err != nil {
			return nil, err
		}
	}
	m.conn.SetShared(false)
	p.mu.Lock()
	p.leased++
	p.mu.Unlock()
	p.counters.leases.Add(1)
	return m, nil
}

// Dial returns a connection of the caller's own, for pub/sub and MONITOR. The
// caller closes it; the pool aborts it with all others.
func (p *Pool) Dial(ctx context.Context) (*conn.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.ctx, cancel)()
	o := p.opts.Conn
	o.Shared = false
	c, err := conn.Dial(ctx, o)
	p.counters.dialled(err)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed != nil {
		if err == nil {
			c.Abort(p.closed)
		}
		return nil, p.notSent(p.closed)
	}
	if err != nil {
		return nil, err
	}
	p.dialled[c] = struct{}{}
	p.startKeeping()
	return c, nil
}

// Abort breaks every connection now: idle, shared, leased and dialled ones.
// Those who wait for replies return cause in a [*conn.Error] with its class;
// calls that come later are not sent and return it too. It waits for nobody.
func (p *Pool) Abort(cause error) {
	p.mu.Lock()
	if p.closed != nil {
		p.mu.Unlock()
		return
	}
	p.closed = cause
	members, dialled := p.members, p.dialled
	p.members, p.dialled = nil, nil
	p.idle, p.open = nil, 0
	p.keeper.Stop()
	p.backoff.stop()
	for w := p.waiters.pop(); w != nil; w = p.waiters.pop() {
		w.give(nil, p.notSent(cause))
	}
	p.mu.Unlock()
	p.cancel()
	for m := range members {
		m.conn.Abort(cause)
	}
	for c := range dialled {
		c.Abort(cause)
	}
}

// Close aborts every connection with ErrClosed and waits until no dial is
// under way. It does not wait for those who hold leases.
func (p *Pool) Close() error {
	p.Abort(ErrClosed)
	p.dials.Wait()
	return nil
}
