package lock

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Mutex is a lock with the methods of redsync's Mutex, for programs that are
// written to that interface. It is one holder: the second Lock waits until the first
// is unlocked. Its methods are safe for concurrent use.
//
// What differs from redsync: waiting is bounded by the context and [Terms.Wait]
// alone, the lock is renewed by itself, and Unlock and Extend report true or an
// error, never false with nil.
type Mutex struct {
	l    *Locker
	name string
	mu   sync.Mutex
	h    *Held
}

// Mutex returns the lock called name as a Mutex.
func (l *Locker) Mutex(name string) *Mutex { return &Mutex{l: l, name: name} }

// Name returns the name of the lock.
func (m *Mutex) Name() string { return m.name }

// Lock is LockContext without a context.
func (m *Mutex) Lock() error { return m.LockContext(context.Background()) }

// LockContext acquires the lock: see [Locker.Lock].
func (m *Mutex) LockContext(ctx context.Context) error { return m.take(m.l.Lock(ctx, m.name)) }

// TryLock is TryLockContext without a context.
func (m *Mutex) TryLock() error { return m.TryLockContext(context.Background()) }

// TryLockContext acquires the lock if it is free: see [Locker.TryLock].
func (m *Mutex) TryLockContext(ctx context.Context) error { return m.take(m.l.TryLock(ctx, m.name)) }

func (m *Mutex) take(h *Held, err error) error {
	if err != nil {
		return err
	}
	m.mu.Lock()
	m.h = h
	m.mu.Unlock()
	return nil
}

// Held returns the lock that is held, or nil.
func (m *Mutex) Held() *Held {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.h
}

// errNotLocked says that there is nothing to unlock or extend.
var errNotLocked = errors.New("it was not locked")

// Unlock is UnlockContext without a context.
func (m *Mutex) Unlock() (bool, error) { return m.UnlockContext(context.Background()) }

// UnlockContext releases the lock: see [Held.Unlock].
func (m *Mutex) UnlockContext(ctx context.Context) (bool, error) {
	h := m.Held()
	if h == nil {
		return false, about(m.name, errNotLocked)
	}
	if err := h.Unlock(ctx); err != nil {
		return false, err
	}
	return true, nil
}

// Extend is ExtendContext without a context.
func (m *Mutex) Extend() (bool, error) { return m.ExtendContext(context.Background()) }

// ExtendContext renews the lock now: see [Held.Renew].
func (m *Mutex) ExtendContext(ctx context.Context) (bool, error) {
	h := m.Held()
	if h == nil {
		return false, about(m.name, errNotLocked)
	}
	if err := h.Renew(ctx); err != nil {
		return false, err
	}
	return true, nil
}

// Until returns until when the lock is held if no renewal succeeds any more; the
// zero time if it is not held.
func (m *Mutex) Until() time.Time {
	if h := m.Held(); h != nil && h.Check() == nil {
		return h.Until()
	}
	return time.Time{}
}

// Value returns the id of the holder: see [Held.ID]. Empty if it was never locked.
func (m *Mutex) Value() string {
	if h := m.Held(); h != nil {
		return h.ID()
	}
	return ""
}
