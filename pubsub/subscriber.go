package pubsub

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kermes-redis/kermes/conn"
)

// Subscriber keeps subscriptions alive on one connection to whatever server its
// source leads to. One is enough for a process; its methods are safe for
// concurrent use. It connects when something is wanted for the first time.
type Subscriber struct {
	source Source
	opts   Options
	events *dispatcher
	ctx    context.Context // ends with Close
	cancel context.CancelFunc

	attention chan struct{} // capacity 1: the writer, or who waits for wants, should look
	runs      sync.WaitGroup
	handlers  sync.WaitGroup
	watch     sync.WaitGroup // the goroutine that looks after the source
	last      sync.Once      // the last event
	version   atomic.Uint64  // rises when somebody begins or ceases to want a topic
	connects  atomic.Uint64
	failures  atomic.Uint64

	mu       sync.Mutex // guards what follows; it is never held over I/O
	topics   [kinds]map[string]*topic
	subs     map[*Subscription]struct{}
	started  bool
	watching bool
	closed   error    // why the Subscriber has ended
	dirty    []*topic // to be subscribed or unsubscribed
	refused  []*topic // to be tried again
	session  *session // nil without a connection
	missing  int      // topics that the connection lacks of those it began with
	ready    bool     // it lacks none
	open     *Gap     // the interruption that lasts
	gaps     uint64
	known    time.Time // what was published before has been received
	lastErr  error     // of the last attempt to connect
	at       place     // where the connection leads, or led
	before   place     // where everything was subscribed last
}

// place is a server, as the source sees it.
type place struct {
	addr       string
	epoch      int64
	generation uint64
}

// New returns a Subscriber over source. It starts nothing until it is used; it
// must be closed then.
func New(source Source, o Options) *Subscriber {
	s := &Subscriber{
		source: source, opts: o.withDefaults(), events: newDispatcher(),
		attention: make(chan struct{}, 1), subs: make(map[*Subscription]struct{}),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// NewSubscription returns a subscription to nothing yet. On a Subscriber that is
// closed it is closed.
func (s *Subscriber) NewSubscription(q Queue) *Subscription {
	sub := &Subscription{s: s, queue: newQueue(q)}
	sub.ctx, sub.cancel = context.WithCancel(s.ctx)
	s.mu.Lock()
	closed := s.closed
	if closed == nil {
		s.subs[sub] = struct{}{}
		s.watchSourceLocked()
	}
	s.mu.Unlock()
	if closed != nil {
		s.drop(sub, closed)
	}
	return sub
}

// Subscribe returns a new subscription to channels, with the buffer of
// Options.Queue, when the server has confirmed it. See [Subscription.Subscribe].
//
// See https://redis.io/commands/subscribe.
func (s *Subscriber) Subscribe(ctx context.Context, channels ...string) (*Subscription, error) {
	return s.subscribe(ctx, Channel, channels)
}

// PSubscribe is [Subscriber.Subscribe] for glob patterns.
//
// See https://redis.io/commands/psubscribe.
func (s *Subscriber) PSubscribe(ctx context.Context, patterns ...string) (*Subscription, error) {
	return s.subscribe(ctx, Pattern, patterns)
}

// SSubscribe is [Subscriber.Subscribe] for shard channels. Redis 7.0.
//
// See https://redis.io/commands/ssubscribe.
func (s *Subscriber) SSubscribe(ctx context.Context, channels ...string) (*Subscription, error) {
	return s.subscribe(ctx, Shard, channels)
}

func (s *Subscriber) subscribe(ctx context.Context, kind Kind, names []string) (*Subscription, error) {
	sub := s.NewSubscription(s.opts.Queue)
	if err := s.add(ctx, sub, kind, names); err != nil {
		_ = sub.Close()
		return nil, err
	}
	return sub, nil
}

// Listen has fn called with every event from now on, in order, until stop is
// called. Listeners share one goroutine, which the connection does not wait
// for: a slow one delays the others, and when thousands of events wait, the
// oldest are dropped.
func (s *Subscriber) Listen(fn func(Event)) (stop func()) {
	return s.events.add(&listener{event: fn})
}

// OnReady has fn called whenever all that is wanted has been confirmed on a new
// connection, with the epoch of the source (zero if it has none): from then on
// no message is missed. Whoever keeps state that messages keep current should
// read that state anew now. It is called by the goroutine of the listeners; see
// [Subscriber.Listen].
func (s *Subscriber) OnReady(fn func(epoch int64)) (stop func()) {
	return s.events.add(&listener{ready: fn})
}

// Ready reports whether there is a connection on which all is confirmed that was
// wanted when it was made, and the epoch that the source had then.
func (s *Subscriber) Ready() (epoch int64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at.epoch, s.ready
}

// Close ends the Subscriber, its connection and its subscriptions, and returns
// when nothing of it runs any more. It waits for handlers and listeners that
// run, but no longer than a second: it may be called from one.
func (s *Subscriber) Close() error {
	s.shut(ErrClosed)
	s.finish()
	s.watch.Wait()
	s.awaitHandlers()
	return nil
}

// shut ends everything, once, without waiting.
func (s *Subscriber) shut(cause error) {
	s.mu.Lock()
	if s.closed != nil {
		s.mu.Unlock()
		return
	}
	s.closed = cause
	var c *conn.Conn
	if s.session != nil {
		c = s.session.conn
	}
	subs := make([]*Subscription, 0, len(s.subs))
	for sub := range s.subs {
		subs = append(subs, sub)
	}
	s.mu.Unlock()
	s.cancel()
	if c != nil {
		c.Abort(cause)
	}
	for _, sub := range subs {
		s.drop(sub, cause)
	}
}

// finish tells the listeners, once nothing else happens any more.
func (s *Subscriber) finish() {
	s.runs.Wait()
	s.last.Do(func() {
		s.mu.Lock()
		cause := s.closed
		s.mu.Unlock()
		e := Event{Kind: EventClosed}
		if cause != ErrClosed { //nolint:errorlint // which of the two it is
			e.Err = cause
		}
		s.events.send(e)
		s.events.close()
	})
}

// watchSourceLocked starts the goroutine that ends the Subscriber with its
// source, once.
func (s *Subscriber) watchSourceLocked() {
	closed := doneOf(s.source)
	if closed == nil || s.watching {
		return
	}
	s.watching = true
	s.events.start()
	s.watch.Go(func() { s.endWithSource(closed) })
}

// endWithSource ends the Subscriber when its source has been closed for good:
// there will never be a connection again. It returns when the Subscriber has
// ended.
func (s *Subscriber) endWithSource(closed <-chan struct{}) {
	select {
	case <-s.ctx.Done():
	case <-closed:
		s.shut(ErrSourceClosed)
		s.finish()
	}
}

func (s *Subscriber) awaitHandlers() {
	ended := make(chan struct{})
	go func() {
		s.handlers.Wait()
		close(ended)
	}()
	timer := time.NewTimer(closeGrace)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
	}
}

// running counts the goroutine of a subscription that is about to start. It
// reports false when the subscription is closed; one that has ended for want of room
// may still have messages.
func (s *Subscriber) running(sub *Subscription) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed != nil || sub.ctx.Err() != nil {
		return false
	}
	s.handlers.Add(1)
	return true
}

// drop ends a subscription and throws away what waits in its buffer.
func (s *Subscriber) drop(sub *Subscription, cause error) {
	s.detach(sub)
	sub.queue.close(cause, true)
	sub.cancel()
	s.work()
}

// detach makes a subscription want nothing any more.
func (s *Subscriber) detach(sub *Subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sub.closed {
		return
	}
	sub.closed = true
	delete(s.subs, sub)
	for kind, topics := range sub.topics {
		for name := range topics {
			s.unwantLocked(sub, Kind(kind), name)
		}
	}
}

// work wakes whoever brings the server to what is wanted.
func (s *Subscriber) work() { poke(s.attention) }

// startLocked starts the goroutines, once. s.mu is held.
func (s *Subscriber) startLocked() {
	if s.started || s.closed != nil {
		return
	}
	s.started = true
	s.events.start()
	s.runs.Go(s.run)
}

// run keeps a connection for as long as something is wanted. It ends with Close.
func (s *Subscriber) run() {
	b := backoff{low: s.opts.MinBackoff, high: s.opts.MaxBackoff}
	for s.awaitWants() && b.wait(s.ctx) {
		c, err := s.dial()
		if err != nil {
			b.failed()
			s.unreachable(err)
			continue
		}
		b.failed() // until it has proved itself
		began := time.Now()
		err = s.serve(c)
		if time.Since(began) >= steadyAfter || generationOf(s.source) != s.generationNow() {
			b = backoff{low: b.low, high: b.high}
		}
		s.lost(err)
	}
}

// awaitWants returns when something is wanted; false after Close.
func (s *Subscriber) awaitWants() bool {
	for {
		s.mu.Lock()
		wants := false
		for _, topics := range s.topics {
			wants = wants || len(topics) > 0
		}
		s.mu.Unlock()
		if wants {
			return s.ctx.Err() == nil
		}
		select {
		case <-s.attention:
		case <-s.ctx.Done():
			return false
		}
	}
}

func (s *Subscriber) dial() (*conn.Conn, error) {
	ctx, cancel := s.ctx, func() {}
	if s.opts.DialTimeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, s.opts.DialTimeout)
	}
	defer cancel()
	return s.source.Dial(ctx)
}

// unreachable notes a failed attempt. An error that will not go away by itself
// is told to those who wait.
func (s *Subscriber) unreachable(err error) {
	s.failures.Add(1)
	if s.ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	s.lastErr = err
	if permanent(err) {
		for _, topics := range s.topics {
			for _, t := range topics {
				t.releaseLocked(err)
			}
		}
	}
	s.mu.Unlock()
	s.events.send(Event{Kind: EventRetry, Err: err})
}

// permanent reports whether only a person can help.
func permanent(err error) bool {
	_, auth := errors.AsType[*conn.AuthError](err)
	return auth || conn.IsPermanent(err)
}

// begin makes ss the current session and lists everything that is wanted for it.
// It reports false after Close.
func (s *Subscriber) begin(ss *session) bool {
	epoch, generation := epochOf(s.source), generationOf(s.source)
	s.connects.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed != nil {
		return false
	}
	s.session, s.lastErr = ss, nil
	s.at = place{addr: ss.conn.Addr(), epoch: epoch, generation: generation}
	s.missing = 0
	if s.known.IsZero() {
		s.known = time.Now()
	}
	for _, topics := range s.topics {
		for _, t := range topics {
			t.refused = nil
			s.markDirtyLocked(t)
			t.missing = true
			s.missing++
		}
	}
	if s.missing == 0 {
		s.completeLocked()
	}
	return true
}

// completeLocked is called when the connection has all that it lacked. s.mu is held.
func (s *Subscriber) completeLocked() {
	now := time.Now()
	s.ready, s.known = true, now
	e := Event{Time: now, Addr: s.at.addr, OldAddr: s.before.addr, Epoch: s.at.epoch}
	moved := s.before.addr != s.at.addr || s.before.generation != s.at.generation
	if s.before.addr != "" && moved {
		e.Kind = EventMoved
		s.events.send(e)
	}
	s.before = s.at
	if gap := s.open; gap != nil {
		s.endGapLocked(gap, now)
		e.Kind, e.Gap, e.Err = EventGap, gap, gap.Reason
		s.events.send(e)
	}
	n := 0
	for _, topics := range s.topics {
		n += len(topics)
	}
	s.events.send(Event{Kind: EventSubscribed, Time: now, Addr: s.at.addr, Epoch: s.at.epoch, N: uint64(n)})
}

// endGapLocked tells the subscriptions that missed something. s.mu is held.
func (s *Subscriber) endGapLocked(gap *Gap, now time.Time) {
	gap.To = now
	s.open = nil
	s.gaps++
	for sub := range s.subs {
		if sub.missed {
			sub.missed = false
			sub.gaps.Add(1)
			sub.queue.notice(gap)
		}
	}
}

// lost ends the session: nothing is subscribed any more.
func (s *Subscriber) lost(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.session, s.dirty, s.refused, s.ready, s.missing = nil, nil, nil, false, 0
	hurt := false
	for _, topics := range s.topics {
		for _, t := range topics {
			for _, sub := range t.subs {
				if t.live() {
					sub.missed, hurt = true, true
				}
			}
			t.wire, t.inFlight, t.dirty, t.missing, t.alone = false, 0, false, false, false
			s.tidyLocked(t)
		}
	}
	if s.closed != nil {
		return
	}
	if hurt && s.open == nil {
		s.open = &Gap{From: s.known, Reason: err}
	}
	s.events.send(Event{Kind: EventLost, Addr: s.at.addr, Epoch: s.at.epoch, Err: err})
}

func (s *Subscriber) generationNow() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at.generation
}
