package sentinel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Group is a set of sentinels and the masters that they watch for this
// process. One link to each sentinel serves all clients of the group. Its
// methods are safe for concurrent use.
type Group struct {
	opts   GroupOptions
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	work   sync.WaitGroup // links and the event loop
	events *dispatcher

	mu     sync.Mutex // guards what follows; no I/O happens under it
	links  map[string]*link
	order  []string // addresses of links, the seeds first
	topics map[string]*topic
	closed bool
}

// topic is one master of the group, as long as clients use it.
type topic struct {
	group   *Group
	name    string
	users   map[*Client]struct{}
	view    view
	tried   map[string]error // the last outcome of each link; nil is an answer
	replica []Replica
	gather  *time.Timer
	changed chan struct{} // closed and replaced when any of this changes
	kicked  time.Time
}

// NewGroup starts watching the sentinels of o. It dials when there is a master
// to ask for.
func NewGroup(o GroupOptions) (*Group, error) {
	if len(o.Sentinels) == 0 {
		return nil, errNoSentinels
	}
	o = o.withDefaults()
	g := &Group{opts: o, links: make(map[string]*link), topics: make(map[string]*topic)}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	g.events = newDispatcher()
	if o.OnEvent != nil {
		g.events.listen(o.OnEvent)
	}
	go g.events.run(g.ctx) // ends with Close, which waits for it a moment
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, addr := range o.Sentinels {
		g.addLink(addr, true)
	}
	return g, nil
}

// Listen calls fn with every event of the group from now on, one at a time,
// until stop is called. A slow fn delays other listeners, not clients; when it
// is too slow the oldest events are dropped and counted. A panic of fn is
// contained.
func (g *Group) Listen(fn func(Event)) (stop func()) { return g.events.listen(fn) }

// Sentinels returns the addresses of all known sentinels, the configured ones
// first.
func (g *Group) Sentinels() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.order)
}

// Close ends the group and everything it runs, and waits for it. Clients of
// the group stay on the master that they know; close them first.
func (g *Group) Close() error {
	g.mu.Lock()
	g.closed = true
	for _, t := range g.topics {
		t.stopGather()
		t.broadcast()
	}
	g.mu.Unlock()
	g.cancel()
	g.work.Wait()
	g.events.wait()
	return nil
}

// Resolve asks the sentinels for the address of a master, whether or not a
// client uses it, and returns it with its epoch. It is for warming up and for
// inspection; clients resolve by themselves.
func (g *Group) Resolve(ctx context.Context, master string) (addr string, epoch int64, err error) {
	t, err := g.use(master, nil)
	if err != nil {
		return "", 0, err
	}
	defer g.release(t, nil)
	return g.await(ctx, t)
}

// use returns the topic of a master, for as long as c uses it.
func (g *Group) use(master string, c *Client) (*topic, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, ErrClosed
	}
	t := g.topics[master]
	if t == nil {
		t = &topic{
			group: g, name: master, users: make(map[*Client]struct{}),
			tried: make(map[string]error), changed: make(chan struct{}),
		}
		g.topics[master] = t
	}
	t.users[c] = struct{}{}
	g.kickLinks()
	return t, nil
}

func (g *Group) release(t *topic, c *Client) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(t.users, c)
	if len(t.users) == 0 && g.topics[t.name] == t {
		t.stopGather()
		delete(g.topics, t.name)
	}
}

// await waits until the master is known, or every sentinel has been tried in
// vain, or ctx ends.
func (g *Group) await(ctx context.Context, t *topic) (string, int64, error) {
	for {
		g.mu.Lock()
		known, addr, epoch := t.view.known, t.view.addr, t.view.epoch
		err := t.failure()
		closed := g.closed
		changed := t.changed
		g.mu.Unlock()
		switch {
		case known:
			return addr, epoch, nil
		case closed:
			return "", 0, ErrClosed
		case err != nil:
			return "", 0, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return "", 0, fmt.Errorf("sentinel: master %q: %w", t.name, errors.Join(ctx.Err(), t.attemptsSoFar()))
		}
	}
}

// failure is why the master is unknown, once every link has been tried. g.mu
// is held.
func (t *topic) failure() error {
	if t.gather != nil {
		return nil
	}
	e := &ResolveError{Master: t.name}
	for _, addr := range t.group.order {
		err, tried := t.tried[addr]
		if !tried || err == nil {
			return nil
		}
		e.Attempts = append(e.Attempts, Attempt{Sentinel: addr, Err: err})
	}
	return e
}

func (t *topic) attemptsSoFar() error {
	t.group.mu.Lock()
	defer t.group.mu.Unlock()
	e := &ResolveError{Master: t.name}
	for _, addr := range t.group.order {
		if err := t.tried[addr]; err != nil {
			e.Attempts = append(e.Attempts, Attempt{Sentinel: addr, Err: err})
		}
	}
	return e
}

func (t *topic) broadcast() {
	close(t.changed)
	t.changed = make(chan struct{})
}

func (t *topic) stopGather() {
	if t.gather != nil {
		t.gather.Stop()
		t.gather = nil
	}
}

// addLink starts a link to a sentinel that is not known yet. g.mu is held.
func (g *Group) addLink(addr string, seed bool) bool {
	if _, known := g.links[addr]; known || g.closed {
		return false
	}
	l := newLink(g, addr, seed)
	g.links[addr] = l
	g.order = append(g.order, addr)
	g.work.Go(func() { l.run(g.ctx) })
	return true
}

// kickLinks makes every link ask again now. g.mu is held.
func (g *Group) kickLinks() {
	for _, l := range g.links {
		l.kick()
	}
}

// kickGap bounds how often doubts of clients make all sentinels be asked.
const kickGap = 20 * time.Millisecond

// doubt makes every sentinel be asked for the master now: a connection failed,
// or the server said that it is no master.
func (t *topic) doubt() {
	t.group.mu.Lock()
	defer t.group.mu.Unlock()
	if now := time.Now(); now.Sub(t.kicked) >= kickGap {
		t.kicked = now
		t.group.kickLinks()
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

// answered takes in what a sentinel says of a master, and moves its clients
// where that is news.
func (g *Group) answered(l *link, master string, a answer) {
	if g.opts.AddrMap != nil {
		a.sighting.addr = g.opts.AddrMap(a.sighting.addr)
		for i := range a.replicas {
			a.replicas[i].Addr = g.opts.AddrMap(a.replicas[i].Addr)
		}
		for i := range a.sentinels {
			a.sentinels[i] = g.opts.AddrMap(a.sentinels[i])
		}
	}
	g.mu.Lock()
	t := g.topics[master]
	if t == nil || g.closed {
		g.mu.Unlock()
		return
	}
	for _, addr := range a.sentinels {
		if g.addLink(addr, false) {
			g.events.send(Event{Kind: EventSentinelFound, Master: master, Sentinel: addr, Time: a.sighting.at})
		}
	}
	t.tried[l.addr] = nil
	t.replica = a.replicas
	was := t.view
	linked := 0
	for _, other := range g.links {
		if other.up {
			linked++
		}
	}
	v := t.view.see(l.addr, a.sighting, opinions{known: len(g.links), linked: linked, grace: g.opts.RegressionGrace})
	users := g.judge(t, l, v, was)
	g.mu.Unlock()
	for _, c := range users {
		c.follow()
	}
}

// judge acts on a verdict and returns the clients to move. g.mu is held.
func (g *Group) judge(t *topic, l *link, v verdict, was view) []*Client {
	e := Event{Master: t.name, Sentinel: l.addr, Epoch: t.view.epoch, Addr: t.view.addr, OldAddr: was.addr, Time: time.Now()}
	switch v {
	case gathering:
		return t.collect()
	case waiting:
		l.againSoon()
		return nil
	case stale:
		e.Kind = EventSentinelStale
	case conflict:
		e.Kind = EventConflict
		g.kickLater(t)
	case switched:
		e.Kind = EventSwitched
	case reset:
		e.Kind = EventEpochReset
	default:
		return nil
	}
	g.events.send(e)
	if v != switched && v != reset {
		return nil
	}
	t.broadcast()
	return t.clients()
}

// kickLater asks all again for a disputed master. g.mu is held.
func (g *Group) kickLater(t *topic) {
	if now := time.Now(); now.Sub(t.kicked) >= time.Second {
		t.kicked = now
		g.kickLinks()
	}
}

// collect waits for more first answers, unless all have come. g.mu is held.
func (t *topic) collect() []*Client {
	if t.gather == nil && t.group.opts.GatherWindow > 0 {
		t.gather = time.AfterFunc(t.group.opts.GatherWindow, t.gathered)
	}
	if t.group.opts.GatherWindow > 0 {
		for _, addr := range t.group.order {
			if _, tried := t.tried[addr]; !tried {
				return nil
			}
		}
	}
	return t.settle()
}

func (t *topic) gathered() {
	t.group.mu.Lock()
	users := t.settle()
	t.group.mu.Unlock()
	for _, c := range users {
		c.follow()
	}
}

// settle makes the best of the first answers the view. group.mu is held.
func (t *topic) settle() []*Client {
	t.stopGather()
	if !t.view.settle() {
		return nil
	}
	t.group.events.send(Event{Kind: EventResolved, Master: t.name, Epoch: t.view.epoch, Addr: t.view.addr, Time: time.Now()})
	t.broadcast()
	return t.clients()
}

func (t *topic) clients() []*Client {
	all := make([]*Client, 0, len(t.users))
	for c := range t.users {
		if c != nil {
			all = append(all, c)
		}
	}
	return all
}

// unanswered notes that a sentinel could not say anything of a master.
func (g *Group) unanswered(l *link, master string, err error) {
	g.mu.Lock()
	t := g.topics[master]
	if t == nil {
		g.mu.Unlock()
		return
	}
	t.tried[l.addr] = err
	t.view.forget(l.addr)
	var users []*Client
	if !t.view.known && t.gather != nil {
		users = t.collect()
	}
	if !t.view.known {
		t.broadcast()
	}
	g.mu.Unlock()
	for _, c := range users {
		c.follow()
	}
}

// linkChanged notes that a link stands or is gone.
func (g *Group) linkChanged(l *link, up bool, err error) {
	g.mu.Lock()
	was := l.up
	l.up, l.err = up, err
	g.mu.Unlock()
	if was == up {
		return
	}
	kind := EventSentinelDown
	if up {
		kind = EventSentinelUp
	}
	g.events.send(Event{Kind: kind, Sentinel: l.addr, Err: err, Time: time.Now()})
}

// published takes in a message of a sentinel and says which master must be
// asked for again.
func (g *Group) published(l *link, m Message) (ask bool) {
	g.events.send(Event{Kind: EventMessage, Master: m.Master, Sentinel: l.addr, Message: m, Time: time.Now()})
	g.mu.Lock()
	t := g.topics[m.Master]
	var users []*Client
	if t != nil {
		users = t.clients()
	}
	g.mu.Unlock()
	for _, c := range users {
		c.heard(m)
	}
	return t != nil
}
