package pool

import (
	"context"
	"errors"
	"hash/maphash"
	"math"
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
	work     sync.WaitGroup         // dials and closes under way
	calls    atomic.Uint64          // callers inside Do and DoBatch, and all so far
	home     atomic.Pointer[member] // the connection of lone callers; see fast_path.go
	wanted   atomic.Int32           // how many wait for a connection
	mayRest  bool                   // MaxIdle allows for home
	clock    atomic.Int64           // ticks of the keeper since New
	suspect  atomic.Int64           // raised when a connection is found broken
	auth     atomic.Int64           // raised when the credentials have changed
	noHello  atomic.Bool            // the server does not know HELLO
	wide     wide
	pace     pace
	shared   []slot
	counters counters

	mu       sync.Mutex // guards what follows
	idle     []*member  // the one used last at the end
	open     int        // members that count against MaxConns, dials included
	leased   int
	members  map[*member]struct{} // all that are connected
	dialled  map[*conn.Conn]struct{}
	retired  []*member // shared until lately, closed when quiet
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
	used    atomic.Int64 // clock when it came back, or was last picked
	checked atomic.Int64 // suspect when it was last looked at
	auth    atomic.Int64 // Pool.auth when it authenticated
	expires time.Time    // zero: never
	over    bool         // does not count against MaxConns; Pool.mu guards it
	retired int64        // clock when it lost its place as a shared one
}

// Pool.calls counts callers in flight in its lowest 31 bits, and all that ever
// came in its upper half. Bit 31 says that Pool.home rests.
const (
	oneCall   = 1<<32 | 1
	callCount = 1<<31 - 1
	restedBit = 1 << 31
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
	p.mayRest = o.MaxIdle < 0 || o.MaxConns >= 0 && o.MaxIdle >= o.MaxConns
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
	for {
		at, err := p.enter(ctx, &cmd, nil)
		if err != nil {
			return resp.Reply{}, err
		}
		reply, err := at.conn.Exchange(ctx, &cmd)
		p.leave(at)
		if err != nil && p.gone(at, err) {
			continue
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
	for i := range cmds {
		if cmds[i].Flags()&resp.Blocking != 0 {
			return p.WithConn(ctx, func(c *conn.Conn) error {
				c.SetShared(true)
				return c.DoBatch(ctx, cmds, each)
			})
		}
	}
	for {
		at, err := p.enter(ctx, nil, cmds)
		if err != nil {
			return err
		}
		if err = p.batchOn(ctx, at, cmds, each); err != nil && p.gone(at, err) {
			continue
		}
		return err
	}
}

// batchOn runs a batch and leaves, also when each panics.
func (p *Pool) batchOn(ctx context.Context, at seat, cmds []resp.Command, each func(i int, v resp.Value)) error {
	defer p.leave(at)
	return at.conn.DoBatch(ctx, cmds, each)
}

// gone reports whether a call was not sent because the pool had closed its
// connection in between, so that it is to try another one.
func (p *Pool) gone(at seat, err error) bool {
	if conn.ClassOf(err) != conn.ClassNotSent {
		return false
	}
	why := at.conn.Err()
	return errors.Is(why, errExpired) || errors.Is(why, errStale) || errors.Is(why, errLeft)
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

// seat is where a call runs.
type seat struct {
	*member
	solo  bool  // alone; to be given back
	began int64 // of a large call among many, as pace has it; zero: it is none
}

// enter takes a connection for one command or batch: one of its own while few
// callers are about, or if the call is large, else a shared one.
func (p *Pool) enter(ctx context.Context, cmd *resp.Command, cmds []resp.Command) (at seat, err error) {
	if m := p.takeRested(); m != nil {
		if p.fit(m) {
			return seat{member: m, solo: true}, nil
		}
		p.calls.Add(^uint64(0))
		p.forget(m)
	}
	n := p.calls.Add(oneCall)
	callers := int64(n & callCount)
	switch {
	case callers <= int64(p.opts.SoloConns):
		at.member, err = p.takeSolo(ctx, p.opts.SoloConns)
	case cmd != nil && p.isWide(cmd) || cmd == nil && isWideBatch(cmds):
		at.began = p.pace.begin(ctx, callers)
		at.member, err = p.takeSolo(ctx, math.MaxInt)
	}
	if at.member != nil {
		at.solo = true
		return at, nil
	}
	if err == nil || ctx.Err() == nil && p.hasShared() {
		at.member, err = p.takeShared(ctx, n>>32, callers)
	}
	if err != nil {
		p.leave(at)
	}
	return at, err
}

func (p *Pool) leave(at seat) {
	if at.solo && at.began == 0 && p.rest(at.member) {
		return
	}
	p.calls.Add(^uint64(0))
	if at.began != 0 {
		p.pace.end(at.began)
	}
	if at.solo {
		p.putBack(at.member, false)
	}
}

// takeSolo returns an idle connection, or a new one while fewer than limit are
// open and there is room for it, or nil.
func (p *Pool) takeSolo(ctx context.Context, limit int) (*member, error) {
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
	room := p.open < limit && p.hasRoom()
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
	if m := p.endRest(); m != nil {
		p.idle = append(p.idle, m)
	}
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

var (
	errStale   = errors.New("closed while idle")
	errLeft    = errors.New("closed on return")
	errSurplus = errors.New("closed: more idle connections than MaxIdle")
	errExpired = errors.New("closed: older than MaxLifetime, or than its credentials")
)

// fit looks at a connection that has been idle for a while, or idle while
// another one broke.
func (p *Pool) fit(m *member) bool {
	if m.conn.Broken() {
		return false
	}
	suspect := p.suspect.Load()
	rested := p.opts.PeekAfter >= 0 && time.Duration(p.clock.Load()-m.used.Load())*keepInterval >= p.opts.PeekAfter
	if !rested && m.checked.Load() == suspect {
		return true
	}
	m.checked.Store(suspect)
	return m.conn.Alive() == nil
}

// putBack gives a connection to the next who waits, or makes it idle. It is
// closed if it is broken, or was left in a state that others must not see.
func (p *Pool) putBack(m *member, leased bool) {
	usable := !m.conn.Broken()
	if usable && leased {
		usable = m.conn.InFlight() == 0 && !m.conn.Tainted()
		m.conn.SetShared(true)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if leased {
		p.leased--
	}
	if !usable || p.closed != nil || p.outdated(m) {
		if !usable {
			p.suspect.Add(1)
		}
		p.discard(m, errLeft)
		p.startDials()
		return
	}
	m.used.Store(p.clock.Load())
	p.settle(m)
	p.supply(m)
}

// supply gives a connection to the one who waits first, or makes it idle, and
// settles what it counts against. p.mu is held.
func (p *Pool) supply(m *member) {
	w := p.waiters.pop()
	over := w != nil && w.over
	if m.over != over {
		m.over = over
		p.home.CompareAndSwap(m, nil)
		if over {
			p.open--
		} else {
			p.open++
		}
	}
	switch {
	case p.opts.MaxConns >= 0 && p.open > p.opts.MaxConns, w == nil && p.tooManyIdle():
		p.discard(m, errSurplus)
		if w != nil {
			p.waiters.pushFirst(w)
		}
	case w != nil:
		w.give(m, nil)
		p.startDials()
	default:
		p.idle = append(p.idle, m)
	}
}

// idles is how many connections are idle. p.mu is held.
func (p *Pool) idles() int {
	n := len(p.idle)
	if p.calls.Load()&restedBit != 0 {
		n++
	}
	return n
}

func (p *Pool) tooManyIdle() bool { return p.opts.MaxIdle >= 0 && p.idles() >= p.opts.MaxIdle }

// outdated says whether a connection is too old, or authenticated with what
// has been replaced.
func (p *Pool) outdated(m *member) bool {
	return m.auth.Load() != p.auth.Load() || !m.expires.IsZero() && time.Now().After(m.expires)
}

// discard closes a connection and forgets it. p.mu is held, so the closing,
// which may wait for those who use the socket, is left to a goroutine.
func (p *Pool) discard(m *member, why error) {
	if _, known := p.members[m]; !known {
		return
	}
	delete(p.members, m)
	p.home.CompareAndSwap(m, nil)
	if !m.over {
		p.open--
	}
	p.counters.closed.Add(1)
	p.work.Add(1)
	go func() {
		defer p.work.Done()
		m.conn.Abort(why)
	}()
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
	o := p.connOptions()
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
	p.idle, p.retired, p.open = nil, nil, 0
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
	p.work.Wait()
	return nil
}
