package lock

import "context"

// Semaphore lets up to n holders have a permit at the same time. All that is said of
// locks holds for each permit: waiters are served in the order of arrival and told by
// push, permits are renewed, and a holder learns of a loss in time. Its methods are
// safe for concurrent use, and it costs nothing to make one.
//
// Permits have numbers, see [Held.Permit], and of those who have one number each has a
// greater fence than all before it. So a resource that keeps the greatest fence for
// each number, and refuses smaller ones, is written to by n holders at most.
//
// The number of permits is each caller's own and is kept nowhere, so that it may
// change between deployments. While programs with different numbers run, each goes
// by its own when it acquires and when it releases: there are as many holders as the
// greatest number at most. Where it has shrunk, nobody loses a permit; the next is given
// out when enough have been released. Where it has grown, the new ones go to the
// longest waiters as soon as a program with the greater number asks or releases.
//
// Names of semaphores are apart from those of locks. [Terms.Barging] has no effect.
type Semaphore struct {
	l *Locker
	w wanted
}

// Semaphore returns the semaphore called name, of n permits. An n below one is
// [ErrPermits], from every method.
func (l *Locker) Semaphore(name string, n int) *Semaphore {
	return &Semaphore{l, wanted{kind: kind(n), count: true, names: []string{name}}}
}

// Acquire acquires a permit and returns it held; it waits and fails as [Locker.Lock]
// does. [Held.Unlock] releases the permit.
func (s *Semaphore) Acquire(ctx context.Context) (*Held, error) {
	return s.l.lock(ctx, context.WithoutCancel(ctx), s.w, false)
}

// TryAcquire acquires a permit if one is free and nobody waits for it; otherwise it
// returns [ErrNotAcquired] at once.
func (s *Semaphore) TryAcquire(ctx context.Context) (*Held, error) {
	return s.l.lock(ctx, context.WithoutCancel(ctx), s.w, true)
}

// Do acquires a permit, calls fn, and releases the permit: see [Locker.Do].
func (s *Semaphore) Do(ctx context.Context, fn func(ctx context.Context, h *Held) error) error {
	return s.l.do(ctx, s.w, fn)
}

// Inspect returns what the server knows of the semaphore: see [Info.Holders].
func (s *Semaphore) Inspect(ctx context.Context) (Info, error) {
	return s.l.inspect(ctx, s.w)
}

// ForceRelease takes the permit from the holder with this fence, or from all with
// zero, and gives what is free to the longest waiters. It reports whether there was
// one. See [Locker.ForceRelease].
func (s *Semaphore) ForceRelease(ctx context.Context, fence int64) (bool, error) {
	return s.l.forceRelease(ctx, s.w, fence)
}

// Release releases the permit of the holder with this id: see [Locker.Release].
func (s *Semaphore) Release(ctx context.Context, id string) (bool, error) {
	return s.l.releaseID(ctx, s.w, id)
}
