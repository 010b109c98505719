package lock

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// Lock acquires the lock called name and returns it held. It waits in the order of
// arrival until ctx ends or [Terms.Wait] has passed; without either, for as long as
// it takes. While no server answers it goes on for ten seconds, and then returns the
// last error.
//
// When Lock fails, nothing of it is left: it is in no queue and holds nothing, or
// will within moments if the server could not be told at once. It returns within 10
// ms of the end of ctx, and never a lock together with an ended ctx.
//
// The lock is not given up when ctx ends later on: ctx bounds the waiting. Its
// values are those of [Held.Context].
func (l *Locker) Lock(ctx context.Context, name string) (*Held, error) {
	return l.lock(ctx, context.WithoutCancel(ctx), one(name), false)
}

// TryLock acquires the lock if it is free and nobody waits for it; otherwise it
// returns [ErrNotAcquired] at once.
func (l *Locker) TryLock(ctx context.Context, name string) (*Held, error) {
	return l.lock(ctx, context.WithoutCancel(ctx), one(name), true)
}

// Do acquires the lock, calls fn, and releases the lock whatever fn does, panics
// included. The context that fn is given ends with ctx and when the lock is lost.
//
// It returns what fn returns, joined with [ErrLost] if the lock was lost before it
// was released: then another may have been at work at the same time, and only the
// fence keeps their writes apart. fn is not called if the lock was not acquired.
func (l *Locker) Do(ctx context.Context, name string, fn func(ctx context.Context, h *Held) error) error {
	return l.do(ctx, one(name), fn)
}

func (l *Locker) do(ctx context.Context, what wanted, fn func(ctx context.Context, h *Held) error) (err error) {
	h, err := l.lock(ctx, ctx, what, false)
	if err != nil {
		return err
	}
	defer func() {
		if unlock := h.Unlock(ctx); err == nil {
			err = unlock
		} else if unlock != nil && !errors.Is(err, unlock) {
			err = errors.Join(err, unlock)
		}
	}()
	return fn(h.Context(), h)
}

// Lead calls fn while this program holds the lock: of all that call Lead with the
// name, one at a time. When the lock is lost, fn's context ends, and when fn has
// returned Lead waits to hold the lock again. No error of Redis ends it.
//
// Lead returns when ctx ends, with its error; or when fn returns while the lock is
// held and ctx has not ended, with what fn has returned.
func (l *Locker) Lead(ctx context.Context, name string, fn func(ctx context.Context, h *Held) error) error {
	backoff := minAgain
	for {
		if err := l.check(ctx, name); err != nil {
			return err
		}
		began, led, lost := time.Now(), false, false
		err := l.Do(ctx, name, func(ctx context.Context, h *Held) error {
			led = true
			err := fn(ctx, h)
			lost = h.Check() != nil
			return err
		})
		switch {
		case ctx.Err() != nil:
			return errors.Join(about(name, ended(ctx)), errOf(led && !lost, err, ctx))
		case led && !lost:
			return err
		case time.Since(began) > time.Second:
			backoff = minAgain
		}
		if !pause(ctx, backoff/2+rand.N(backoff)) {
			return about(name, ended(ctx))
		}
		backoff = min(2*backoff, time.Second)
	}
}

// errOf returns err if it is fn's own and more than the end of ctx.
func errOf(own bool, err error, ctx context.Context) error {
	if !own || err == nil || errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}
