package lock

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kermes-redis/kermes/pubsub"
	"github.com/kermes-redis/kermes/redis"
)

// closePatience bounds how long Close waits for locks to be released.
const closePatience = 5 * time.Second

// holder is a client that holds writes during a planned failover. The client that
// follows a master is one.
type holder interface {
	// MaxHold returns for how long it holds them at most.
	MaxHold() time.Duration
}

// Locker takes locks by name. One is enough for a process; it is made by [New],
// its methods are safe for concurrent use, and it should be closed. Lockers that
// [Locker.With] returns are the same one with other terms.
type Locker struct {
	core  *core
	terms Terms
}

// core is what a Locker and those made from it by With share.
type core struct {
	d        redis.Doer
	mover    redis.Mover   // nil if d cannot tell of moves
	source   pubsub.Source // nil if d is none
	scripts  scripts
	prefix   string
	channel  string // of this process; ids begin with it
	poll     time.Duration
	sameSlot bool
	onEvent  func(Event)
	invalid  error
	closeCtx context.Context // ends with Close
	close    context.CancelCauseFunc
	done     <-chan struct{} // closed when d is; nil if d cannot tell
	seq      atomic.Uint64
	n        counters

	mu       sync.Mutex
	closed   bool
	watching bool               // over moves
	held     map[string]*Held   // by the last part of their ids
	waiters  map[string]*waiter // by the last part of their ids
	timer    *time.Timer        // of the next renewal or loss
	timerAt  time.Time
	grants   map[string]*grant // to be looked after, by the first key of the lock
	push     push
	settled  settled

	running sync.WaitGroup // goroutines; Add under mu while not closed
}

// New returns a Locker over d: the client of Kermes, a pool, or any Doer. It starts
// nothing until it is used. What is wrong with d or o is returned by every method.
//
// To be told of grants, d or a Doer that it wraps must be a pubsub.Source; to take
// notice of failovers at once, a redis.Mover. The client of Kermes is both.
func New(d redis.Doer, o Options) *Locker {
	c := &core{
		d: d, scripts: newScripts(), prefix: o.Prefix, poll: o.PollInterval, sameSlot: o.SameSlot, onEvent: o.OnEvent,
		held: map[string]*Held{}, waiters: map[string]*waiter{}, grants: map[string]*grant{},
	}
	if c.prefix == "" {
		c.prefix = DefaultPrefix
	}
	c.channel = c.prefix + "ch:" + rand.Text()
	c.closeCtx, c.close = context.WithCancelCause(context.Background())
	c.mover, _ = redis.Under[redis.Mover](d)
	if !o.NoPush {
		c.source, _ = redis.Under[pubsub.Source](d)
		c.push.shared = o.Subscriber
	}
	if d, ok := redis.Under[interface {
		Done() <-chan struct{}
	}](d); ok {
		c.done = d.Done()
	}
	terms := o.Terms.over(standard())
	if c.invalid = terms.invalid(); d == nil {
		c.invalid = ErrNoDoer
	}
	c.warn(terms.TTL)
	if d != nil && !o.NoPush && c.source == nil && o.Subscriber == nil {
		c.tell(EventPolling, "", errNoSource)
	}
	return &Locker{c, terms}
}

// With returns the same Locker with other terms: what t leaves out stays as it is.
func (l *Locker) With(t Terms) *Locker {
	if l.core == nil {
		return l
	}
	t = t.over(l.terms)
	if t.TTL < l.terms.TTL {
		l.core.warn(t.TTL)
	}
	return &Locker{l.core, t}
}

// errNoSource is why waiters of some clients are never told by push.
var errNoSource = errors.New("lock: the client is no pubsub.Source, and there is no Options.Subscriber")

// warn tells of a ttl that a planned failover may outlast.
func (c *core) warn(ttl time.Duration) {
	h, ok := redis.Under[holder](c.d)
	if !ok {
		return
	}
	if hold := h.MaxHold(); ttl < 2*hold {
		c.tell(EventShortTTL, "", fmt.Errorf("lock: a ttl of %v is below twice the %v for which the client holds writes in a planned failover", ttl, hold))
	}
}

// check returns why nothing can be done with name under the terms.
func (l *Locker) check(ctx context.Context, name string) error {
	switch {
	case l.core == nil:
		return ErrNoDoer
	case l.core.invalid != nil:
		return l.core.invalid
	case name == "":
		return ErrName
	case ctx.Err() != nil:
		return about(name, ended(ctx))
	case l.core.closeCtx.Err() != nil:
		return about(name, ErrClosed)
	}
	return l.terms.invalid()
}

// ended is the error of a context, with its cause where that says more.
func ended(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}

// newID returns an id that was never used, and its last part.
func (c *core) newID(pushed bool, letter string) (id, seq string) {
	seq = letter + strconv.FormatUint(c.seq.Add(1), 10)
	if !pushed {
		seq = "p" + seq
	}
	return c.channel + "|" + seq, seq
}

// spawn runs f on a goroutine that Close waits for. It reports false, and does not
// run it, when the Locker is closed.
func (c *core) spawn(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.spawnLocked(f)
}

func (c *core) spawnLocked(f func()) bool {
	if c.closed {
		return false
	}
	c.running.Go(f)
	return true
}

// Close gives everything up: waiters return [ErrClosed], locks that are held are
// lost with it and released, and what runs ends. It returns when that is done, or
// after 5 seconds, with an error if a lock could not be released: the server lets
// go of it when its TTL is over. The client stays open.
func (l *Locker) Close() error {
	c := l.core
	if c == nil {
		return nil
	}
	c.close(ErrClosed)
	c.mu.Lock()
	all := make([]*Held, 0, len(c.held))
	for _, h := range c.held {
		all = append(all, h)
	}
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), closePatience)
	defer cancel()
	failed := make(chan error, len(all))
	for _, h := range all {
		_ = h.end(about(h.target.name, fmt.Errorf("%w: %w", ErrLost, ErrClosed)))
		go func() {
			_, err := c.mustRelease(ctx, h.target, h.id, h.terms)
			failed <- err
		}()
	}
	var errs []error
	for range all {
		if err := <-failed; err != nil {
			errs = append(errs, err)
		}
	}
	c.mu.Lock()
	c.closed = true
	if c.timer != nil {
		c.timer.Stop()
	}
	for _, g := range c.grants {
		g.timer.Stop()
	}
	own := c.push.own
	c.mu.Unlock()
	if own != nil {
		errs = append(errs, own.Close())
	}
	finished := make(chan struct{})
	go func() { c.running.Wait(); close(finished) }()
	select {
	case <-finished:
	case <-ctx.Done():
	}
	return errors.Join(errs...)
}

// watch has waiters look and locks renewed as soon as commands go to another
// server. It ends with Close.
func (c *core) watch() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mover == nil || c.watching {
		return
	}
	c.watching = c.spawnLocked(func() {
		since := c.mover.Generation()
		for {
			select {
			case <-c.mover.Moved(since):
			case <-c.closeCtx.Done():
				return
			}
			since = c.mover.Generation()
			c.lookAgain()
			c.renewNow()
		}
	})
}
