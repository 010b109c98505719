package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/pool"
)

// Subscriptions is a source of connections for package pubsub. It goes to a
// promoted candidate as soon as that says itself that it is a master, about a
// second before the sentinels name it: a subscriber loses nothing by being early,
// and what is published on the new master in that second would else be missed.
// If the promotion turns out to be void, it comes back.
type Subscriptions struct {
	client *Client
	pace   dialPace

	mu      sync.Mutex // guards what follows; taken after Client.mu
	pool    *pool.Pool // where to dial
	conns   map[*conn.Conn]struct{}
	moves   uint64        // changes of pool
	changed chan struct{} // closed and replaced with pool
	closed  error

	denied  time.Time // when the one server has last said that it is a replica
	probing bool      // whether its name leads to a master now
}

// Subscriptions returns the source. Connections of it are broken with
// [ErrSwitched] whenever it moves, without sentinels when a server that has become a
// replica is found to have a successor under its name, and with [ErrReauth] when
// credentials have been replaced.
func (c *Client) Subscriptions() *Subscriptions {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.subs == nil {
		s := &Subscriptions{client: c, conns: make(map[*conn.Conn]struct{}), changed: make(chan struct{})}
		s.pool = c.target.Load().pool
		if c.candidate != nil && c.candidate.pool != nil {
			s.pool = c.candidate.pool
		}
		if c.closed {
			s.closed = ErrClosed
		}
		c.subs = s
	}
	return c.subs
}

// Epoch returns [Client.Epoch]. When the source has moved early, it is still that
// of the master before.
func (s *Subscriptions) Epoch() int64 { return s.client.Epoch() }

// Generation counts the moves of the source.
func (s *Subscriptions) Generation() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.moves
}

// Done returns [Client.Done].
func (s *Subscriptions) Done() <-chan struct{} { return s.client.Done() }

// Dial returns a connection of the caller's own to the master. It waits and
// retries, for Options.RetryTime at most. The caller closes it.
func (s *Subscriptions) Dial(ctx context.Context) (*conn.Conn, error) {
	b := s.client.newDialBudget()
	if err := s.keepPace(ctx, &b); err != nil {
		return nil, err
	}
	for {
		b.attempts++
		p, changed, closed := s.now()
		t := s.client.target.Load()
		var err error
		switch {
		case closed != nil:
			return nil, s.client.notSent(t, closed)
		case p == nil:
			err = s.client.notSent(t, s.client.unknown())
		default:
			var cn *conn.Conn
			if cn, err = s.dial(ctx, p, changed); err == nil {
				s.pace.made(&b, p, cn)
				return cn, nil
			}
		}
		select {
		case <-changed:
			if ctx.Err() == nil {
				continue
			}
		default:
		}
		if final(err) {
			return nil, err
		}
		ended := s.untilMoved(ctx, changed, func(ctx context.Context) error { return s.client.pause(ctx, t, &b, err) })
		if ended != nil {
			s.pace.failed(&b, p, err)
			return nil, ended
		}
	}
}

// keepPace waits out the back-off that the calls before have left.
func (s *Subscriptions) keepPace(ctx context.Context, b *budget) error {
	p, changed, _ := s.now()
	cause := s.pace.begin(b, p)
	if cause == nil {
		return nil
	}
	defer func() { b.vain = 0 }()
	return s.untilMoved(ctx, changed, func(ctx context.Context) error {
		return s.client.awaitResume(ctx, s.client.target.Load(), b, cause)
	})
}

// now returns where to dial, what is closed when that changes, and why there is
// nothing to dial any more.
func (s *Subscriptions) now() (p *pool.Pool, changed chan struct{}, closed error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pool, s.changed, s.closed
}

// untilMoved has f wait, but no longer than until the source moves. It returns nil
// then.
func (s *Subscriptions) untilMoved(ctx context.Context, changed chan struct{}, f func(context.Context) error) error {
	wait, cancel := context.WithCancel(ctx)
	defer cancel()
	woken := make(chan struct{})
	go func() { // ends with the pause
		defer close(woken)
		select {
		case <-changed:
			cancel()
		case <-wait.Done():
		}
	}()
	err := f(wait)
	cancel()
	<-woken
	select {
	case <-changed:
		if ctx.Err() == nil {
			return nil
		}
	default:
	}
	return err
}

// dial connects unless the source moves meanwhile: the old master may hang.
func (s *Subscriptions) dial(ctx context.Context, p *pool.Pool, changed chan struct{}) (*conn.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	defer close(done)
	go func() { // ends with the dial
		select {
		case <-changed:
			cancel()
		case <-done:
		}
	}()
	cn, err := p.Dial(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pool != p || s.changed != changed || s.closed != nil {
		cn.Abort(ErrSwitched)
		return nil, s.client.notSent(s.client.target.Load(), ErrSwitched)
	}
	for old := range s.conns {
		if old.Err() != nil {
			delete(s.conns, old)
		}
	}
	s.conns[cn] = struct{}{}
	return cn, nil
}

// follow moves the source to p and breaks the connections of before.
func (s *Subscriptions) follow(p *pool.Pool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pool == p || s.closed != nil {
		return
	}
	s.pool = p
	s.moves++
	s.breakAllLocked(ErrSwitched)
}

// renew breaks all connections with cause, so that new ones are made, if dial shows
// that this would help: a connection that works is better than none. A move
// meanwhile has done it.
func (s *Subscriptions) renew(ctx context.Context, cause error, dial func(context.Context) (*conn.Conn, error)) error {
	s.mu.Lock()
	idle, changed := len(s.conns) == 0, s.changed
	s.mu.Unlock()
	if idle {
		return nil
	}
	cn, err := dial(ctx)
	if err != nil {
		return err
	}
	_ = cn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changed != changed || s.closed != nil {
		return nil
	}
	if errors.Is(cause, ErrSwitched) {
		s.moves++
	}
	s.breakAllLocked(cause)
	return nil
}

// abort ends the source.
func (s *Subscriptions) abort(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = fmt.Errorf("client: subscriptions: %w", cause)
	s.breakAllLocked(cause)
}

// breakAllLocked wakes those who dial, and breaks all connections on goroutines
// of their own: closing a socket may take its time.
func (s *Subscriptions) breakAllLocked(cause error) {
	close(s.changed)
	s.changed = make(chan struct{})
	for cn := range s.conns {
		go cn.Abort(cause)
	}
	clear(s.conns)
}
