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
	events Listeners

	queries, queryErrors, reconnects atomic.Uint64

	// mu guards what follows, and the masters and links in it. No I/O happens
	// under it, and no Follower is called.
	mu      sync.Mutex
	links   map[string]*link
	order   []string // addresses of links, the seeds first
	masters map[string]*master
	alone   bool   // every link is down, and that was said
	doubts  uint64 // of masters that are gone
	closed  bool
}

// NewGroup starts watching the sentinels of o. It dials when there is a master
// to ask for.
func NewGroup(o GroupOptions) (*Group, error) { return newGroup("", o) }

func newGroup(name string, o GroupOptions) (*Group, error) {
	if len(o.Sentinels) == 0 {
		return nil, errNoSentinels
	}
	if err := checkSentinels(o.Sentinels); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	g := &Group{name: name, opts: o, links: make(map[string]*link), masters: make(map[string]*master)}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	if o.OnEvent != nil {
		g.events.Listen(o.OnEvent)
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
func (g *Group) Listen(fn func(Event)) (stop func()) { return g.events.Listen(fn) }

// send gives an event to the listeners.
func (g *Group) send(e Event) {
	e.Group = g.name
	g.events.Send(e)
}

// Sentinels returns the addresses of all known sentinels, the configured ones
// first.
func (g *Group) Sentinels() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.order)
}

// Close ends the group with all its clients and everything it runs, and waits
// for it. Calls of these clients return client.ErrClosed.
func (g *Group) Close() error {
	g.mu.Lock()
	g.closed = true
	followers := g.followersLocked()
	for _, m := range g.masters {
		m.stopTimersLocked()
		m.broadcastLocked()
	}
	g.mu.Unlock()
	g.cancel()
	var ending sync.WaitGroup
	for _, f := range followers {
		ending.Go(f.GroupClosed)
	}
	ending.Wait()
	g.work.Wait()
	g.events.Close()
	return nil
}

// Resolve asks the sentinels for the address of a master and returns it with
// its configuration epoch. The group goes on watching a master that was found,
// so that a client opened later has it at once. Errors are *[ResolveError] and
// those of ctx. Clients resolve by themselves.
func (g *Group) Resolve(ctx context.Context, master string) (addr string, epoch int64, err error) {
	w, err := g.Watch(master, WatchOptions{})
	if err != nil {
		return "", 0, err
	}
	defer w.Close()
	v, err := w.Await(ctx)
	if err != nil {
		return "", 0, err
	}
	g.mu.Lock()
	w.master.pinned = true
	g.mu.Unlock()
	return v.Addr, v.Epoch, nil
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

// addLinkLocked starts a link to a sentinel that is not known yet.
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

// dropLinkLocked ends a link.
func (g *Group) dropLinkLocked(l *link) {
	l.cancel()
	delete(g.links, l.addr)
	g.order = slices.DeleteFunc(g.order, func(addr string) bool { return addr == l.addr })
	for _, t := range g.masters {
		delete(t.tried, l.addr)
		delete(t.lists, l.addr)
		delete(t.runIDs, l.addr)
		t.view.forget(l.addr)
		t.noteBackingLocked()
	}
	g.send(Event{Kind: EventSentinelForgotten, Sentinel: l.addr, Err: l.err})
}

// askAllLocked makes every link ask for a master now.
func (g *Group) askAllLocked(t *master, full bool) {
	for _, l := range g.links {
		l.wantLocked(t.name, full)
	}
}

// kickGap bounds how often doubts of clients make all sentinels be asked.
const kickGap = 20 * time.Millisecond

// doubtAlarm is for how long the sentinels are asked quickly after a doubt.
const doubtAlarm = 3 * time.Second

// names returns the masters to ask for.
func (g *Group) names() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	names := make([]string, 0, len(g.masters))
	for name := range g.masters {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// knownLocked reports whether the sentinel counts as one: it was configured, or enough
// of those that were name it, though nobody may have reached it.
func (l *link) knownLocked() bool { return l.seed || l.vouched }

// anyUpLocked reports whether a link stands.
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
	l.changedLocked(up, err)
	alone := g.noteAloneLocked() && was
	var followers []Follower
	if was && !up {
		followers = g.followersLocked()
	}
	g.mu.Unlock()
	switch {
	case up && !was:
		g.send(Event{Kind: EventSentinelUp, Sentinel: l.addr})
	case !up && (was || !said):
		g.send(Event{Kind: EventSentinelDown, Sentinel: l.addr, Err: err})
	}
	if alone {
		g.send(Event{Kind: EventAlone, Err: err})
	}
	for _, f := range followers {
		f.LostSentinel(l.addr)
	}
}

// upFirst returns the addresses of the sentinels, those that answer first.
func (g *Group) upFirst() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	addrs := slices.Clone(g.order)
	slices.SortStableFunc(addrs, func(a, b string) int {
		switch up := g.links[a].up; {
		case up == g.links[b].up:
			return 0
		case up:
			return -1
		}
		return 1
	})
	return addrs
}

// noteAloneLocked reports whether no link stands any more, for the first time
// since one did.
func (g *Group) noteAloneLocked() bool {
	was := g.alone
	g.alone = !g.anyUpLocked() && len(g.masters) > 0
	return g.alone && !was
}

// followersLocked returns those of all masters.
func (g *Group) followersLocked() []Follower {
	var all []Follower
	for _, m := range g.masters {
		all = append(all, m.followersLocked()...)
	}
	return all
}

// MapAddr translates an address that a sentinel has reported, by
// GroupOptions.AddrMap.
func (g *Group) MapAddr(kind AddrKind, addr string) string { return g.opts.mapAddr(kind, addr) }
