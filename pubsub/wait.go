package pubsub

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// waiter is a call of Subscribe or Unsubscribe that waits for topics. It is
// guarded by Subscriber.mu.
type waiter struct {
	left int
	err  error
	done chan struct{} // closed when left is zero, or err is set
}

func (w *waiter) confirmed(err error) {
	if w.left == 0 {
		return
	}
	w.left--
	if err != nil {
		w.err, w.left = err, 0
	}
	if w.left == 0 {
		close(w.done)
	}
}

// releaseLocked tells those who wait for t. s.mu is held.
func (t *topic) releaseLocked(err error) {
	for _, w := range t.waiters {
		w.confirmed(err)
	}
	t.waiters = nil
}

// add makes sub want names, and waits until they are confirmed.
func (s *Subscriber) add(ctx context.Context, sub *Subscription, kind Kind, names []string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	if sub.closed {
		s.mu.Unlock()
		return sub.reason()
	}
	var added []string
	for _, name := range names {
		if s.wantLocked(sub, kind, name) {
			added = append(added, name)
		}
	}
	s.startLocked()
	s.mu.Unlock()
	s.work()
	err := s.awaitLive(ctx, kind, names)
	if err != nil {
		s.mu.Lock()
		for _, name := range added {
			s.unwantLocked(sub, kind, name)
		}
		s.mu.Unlock()
		s.work()
	}
	return err
}

// awaitLive waits until all of the topics are confirmed at once: while some are
// awaited, the connection to which others were confirmed may be lost.
func (s *Subscriber) awaitLive(ctx context.Context, kind Kind, names []string) error {
	for {
		w, err := s.waiterFor(kind, names)
		if w == nil {
			return err
		}
		select {
		case <-w.done:
			if w.err != nil {
				return w.err
			}
		case <-ctx.Done():
			return s.gaveUp(ctx, kind, names, w)
		}
	}
}

// waiterFor returns a waiter for those of the topics that are not confirmed, or
// nil if all are, or one of them can't be.
func (s *Subscriber) waiterFor(kind Kind, names []string) (*waiter, error) {
	w := &waiter{done: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		t := s.topics[kind][name]
		switch {
		case t == nil:
			return nil, s.reasonLocked() // it was taken away meanwhile
		case t.refused != nil:
			return nil, t.refused
		case !t.live() && !slices.Contains(t.waiters, w):
			t.waiters = append(t.waiters, w)
			w.left++
		}
	}
	if w.left == 0 {
		return nil, nil
	}
	return w, nil
}

// reasonLocked is why a topic is not wanted any more.
func (s *Subscriber) reasonLocked() error {
	if s.closed != nil {
		return s.closed
	}
	return ErrClosed
}

// gaveUp takes a waiter back and returns why.
func (s *Subscriber) gaveUp(ctx context.Context, kind Kind, names []string, w *waiter) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		if t := s.topics[kind][name]; t != nil {
			t.waiters = slices.DeleteFunc(t.waiters, func(other *waiter) bool { return other == w })
		}
	}
	err := fmt.Errorf("pubsub: %s: %w", strings.ToLower(opOf(kind).subscribe), ctx.Err())
	if s.lastErr != nil {
		err = fmt.Errorf("%w; the last attempt: %w", err, s.lastErr)
	}
	return err
}

// remove makes sub not want names, and waits until that is confirmed.
func (s *Subscriber) remove(ctx context.Context, sub *Subscription, kind Kind, names []string) error {
	w := &waiter{done: make(chan struct{})}
	s.mu.Lock()
	if len(names) == 0 {
		for name := range sub.topics[kind] {
			names = append(names, name)
		}
	}
	for _, name := range names {
		t := s.unwantLocked(sub, kind, name)
		if t != nil && !t.wanted() && !t.settled() {
			t.waiters = append(t.waiters, w)
			w.left++
		}
	}
	pending := w.left > 0
	s.mu.Unlock()
	if !pending {
		return nil
	}
	s.work()
	select {
	case <-w.done:
		return w.err
	case <-ctx.Done():
		return ctx.Err()
	}
}
