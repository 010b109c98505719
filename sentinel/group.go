package sentinel

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kermes-redis/kermes/conn"
)

// Group is a set of sentinels and the masters that they watch for this
// process. One link to each sentinel serves all clients of the group. Its
// methods are safe for concurrent use.
type Group struct {
	name   string // in its registry
	opts   GroupOptions
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	work   sync.WaitGroup // links
	events *listeners

	queries, queryErrors, reconnects atomic.Uint64

	// mu guards what follows, and the topics and links in it. No I/O happens
	// under it. Client.mu is taken before it, never after.
	mu     sync.Mutex
	links  map[string]*link
	order  []string // addresses of links, the seeds first
	topics map[string]*master
	alone  bool   // every link is down, and that was said
	doubts uint64 // of topics that are gone
	closed bool
}

// NewGroup starts watching the sentinels of o. It dials when there is a master
// to ask for.
func NewGroup(o GroupOptions) (*Group, error) { return newGroup("", o) }

func newGroup(name string, o GroupOptions) (*Group, error) {
	if len(o.Sentinels) == 0 {
		return nil, errNoSentinels
	}
	o = o.withDefaults()
	g := &Group{name: name, opts: o, links: make(map[string]*link), topics: make(map[string]*master)}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	g.events = newListeners()
	if o.OnEvent != nil {
		g.events.listen(o.OnEvent)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, addr := range o.Sentinels {
		g.addLinkLocked(addr, true)
	}
	return g, nil
}

// Name returns the name under which the group is registered in [Groups], or "".
func (g *Group) Name() string { return g.name }

// Listen calls fn with every event of the group from now on, one at a time, from
// a goroutine of its own, until stop is called. A slow fn delays nobody: when
// it is too slow, the oldest of its events are dropped and counted. A panic of
// fn is contained, and counted too. See [LogEvents].
func (g *Group) Listen(fn func(Event)) (stop func()) { return g.events.listen(fn) }

// send gives an event to the listeners.
func (g *Group) send(e Event) {
	e.Group = g.name
	g.events.send(e)
}

// Sentinels returns the addresses of all known sentinels, the configured ones
// first.
func (g *Group) Sentinels() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.order)
}

// Close ends the group with all its clients and everything it runs, and waits
// for it. Calls of these clients return [ErrClosed].
func (g *Group) Close() error {
	g.mu.Lock()
	g.closed = true
	var users []*Client
	for _, t := range g.topics {
		users = append(users, t.followersLocked()...)
		t.stopTimersLocked()
		t.broadcastLocked()
	}
	g.mu.Unlock()
	g.cancel()
	for _, c := range users {
		c.shut()
	}
	for _, c := range users {
		c.work.Wait()
	}
	g.work.Wait()
	g.events.close()
	return nil
}

// Resolve asks the sentinels for the address of a master and returns it with
// its configuration epoch. The group goes on watching a master that was found,
// so that a client opened later has it at once. Errors are *[ResolveError] and
// those of ctx. Clients resolve by themselves.
func (g *Group) Resolve(ctx context.Context, master string) (addr string, epoch int64, err error) {
	t, err := g.use(master, nil)
	if err != nil {
		return "", 0, err
	}
	defer g.release(t, nil)
	v, err := g.await(ctx, t)
	if err != nil {
		return "", 0, err
	}
	g.mu.Lock()
	t.pinned = true
	g.mu.Unlock()
	return v.addr, v.epoch, nil
}

// Dial returns a connection of the caller's own to the first sentinel that can
// be reached, for the SENTINEL commands of package redis. The caller closes it.
// The error matches [ErrNoSentinel] and holds each sentinel's own.
func (g *Group) Dial(ctx context.Context) (*conn.Conn, error) {
	e := &ResolveError{}
	for _, addr := range g.upFirst() {
		o := g.opts.Conn
		o.Addr = addr
		cn, err := conn.Dial(ctx, o)
		if err == nil {
			return cn, nil
		}
		e.Attempts = append(e.Attempts, Attempt{Sentinel: addr, Err: err})
		if ctx.Err() != nil {
			break
		}
	}
	return nil, e
}

// use returns the topic of a master, for as long as c, or one call, uses it.
func (g *Group) use(master string, c *Client) (*master, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, ErrClosed
	}
	t := g.topics[master]
	if t == nil {
		t = newTopic(g, master)
		g.topics[master] = t
		g.askAllLocked(t, true)
	}
	t.refs++
	if c != nil {
		c.topic = t // before anybody can tell the client of news
		t.users[c] = struct{}{}
		t.setQuorumTTLLocked()
		t.noteBackingLocked()
	}
	return t, nil
}

func (g *Group) release(t *master, c *Client) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c != nil {
		if _, uses := t.users[c]; !uses {
			return
		}
		delete(t.users, c)
		t.setQuorumTTLLocked()
	}
	t.refs--
	if t.refs == 0 && !t.pinned && g.topics[t.name] == t {
		t.stopTimersLocked()
		g.doubts += t.doubts
		delete(g.topics, t.name)
	}
}

// await waits until the master is known, or every sentinel has been tried in
// vain, or ctx ends.
func (g *Group) await(ctx context.Context, t *master) (view, error) {
	for {
		g.mu.Lock()
		v, err, closed, changed := t.view, t.failureLocked(), g.closed, t.changed
		g.mu.Unlock()
		switch {
		case v.known:
			return v, nil
		case closed:
			return v, ErrClosed
		case err != nil:
			return v, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return v, t.cutShort(ctx)
		}
	}
}

// addLinkLocked starts a link to a sentinel that is not known yet. g.mu is held.
func (g *Group) addLinkLocked(addr string, seed bool) bool {
	if _, known := g.links[addr]; known || g.closed {
		return false
	}
	l := newLink(g, addr, seed)
	g.links[addr] = l
	g.order = append(g.order, addr)
	g.work.Go(func() { l.run() })
	return true
}

// dropLinkLocked ends a link. g.mu is held.
func (g *Group) dropLinkLocked(l *link) {
	l.cancel()
	delete(g.links, l.addr)
	g.order = slices.DeleteFunc(g.order, func(addr string) bool { return addr == l.addr })
	for _, t := range g.topics {
		delete(t.tried, l.addr)
		delete(t.lists, l.addr)
		t.view.forget(l.addr)
		t.noteBackingLocked()
	}
	g.send(Event{Kind: EventSentinelForgotten, Sentinel: l.addr, Err: l.err})
}

// askAllLocked makes every link ask for a master now. g.mu is held.
func (g *Group) askAllLocked(t *master, full bool) {
	for _, l := range g.links {
		l.wantLocked(t.name, full)
	}
}

// kickGap bounds how often doubts of clients make all sentinels be asked.
const kickGap = 20 * time.Millisecond

// doubtAlarm is for how long the sentinels are asked quickly after a doubt.
const doubtAlarm = 3 * time.Second

// doubt makes every sentinel be asked for the master now, and quickly from then
// on: a connection failed, or the server said that it is no master. One round
// of questions serves all who doubt.
func (t *master) doubt() {
	g := t.group
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	t.alarmLocked(now, doubtAlarm)
	if now.Sub(t.kicked) >= kickGap {
		t.kicked = now
		t.doubts++
		g.askAllLocked(t, false)
	}
}

// names returns the masters to ask for.
func (g *Group) names() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	names := make([]string, 0, len(g.topics))
	for name := range g.topics {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// knownLocked counts the sentinels that are knownLocked, one that has two addresses once.
// g.mu is held.
func (g *Group) knownLocked() int {
	ids := make(map[string]bool, len(g.links))
	n := 0
	for _, l := range g.links {
		if l.id != "" && ids[l.id] {
			continue
		}
		ids[l.id] = true
		n++
	}
	return n
}

// anyUpLocked says whether a link stands. g.mu is held.
func (g *Group) anyUpLocked() bool {
	for _, l := range g.links {
		if l.up {
			return true
		}
	}
	return false
}

// linkChanged notes that a link stands, or is gone or could not be made.
func (g *Group) linkChanged(l *link, up bool, err error) {
	g.mu.Lock()
	was, said := l.up, l.said
	l.up, l.err, l.said = up, err, true
	if was || up {
		l.seen = time.Now()
	}
	if up && !was {
		l.since = l.seen
	}
	if !up {
		for _, t := range g.topics {
			delete(t.lists, l.addr)
		}
	}
	alone := !g.anyUpLocked() && len(g.topics) > 0
	news := alone && !g.alone && was
	if g.alone = alone; up {
		g.alone = false
	}
	var users []*Client
	if was && !up {
		for _, t := range g.topics {
			users = append(users, t.followersLocked()...)
		}
	}
	g.mu.Unlock()
	switch {
	case up && !was:
		g.send(Event{Kind: EventSentinelUp, Sentinel: l.addr})
	case !up && (was || !said):
		g.send(Event{Kind: EventSentinelDown, Sentinel: l.addr, Err: err})
	}
	if news {
		g.send(Event{Kind: EventAlone, Err: err})
	}
	for _, c := range users {
		c.lostSentinel(l.addr)
	}
}
