package lock

import "context"

// RWLock is held by one writer or by any number of readers. All that is said of locks
// holds for both: they wait in one queue in the order of arrival and are told by push,
// what they hold is renewed, and a loss is told in time. Its methods are safe for
// concurrent use, and it costs nothing to make one.
//
// It is fair: a reader that comes while a writer waits waits behind it, and readers
// that wait next to each other are let in together. So neither starves the other.
//
// There is no upgrade: two readers that both want to write would wait for each other
// for ever, and one that gave up its place in between would write what it has not
// read. And no downgrade, which would let other readers pass the writers that wait.
// Unlock, lock anew, and read again what the decision was made on.
//
// Fences grow with every holder. A resource should keep the greatest fence of writers,
// and refuse a smaller one from a writer; it may refuse readers in the same way.
// Names are apart from those of locks. [Terms.Barging] has no effect.
type RWLock struct {
	l           *Locker
	write, read wanted
}

// RWLock returns the lock of readers and writers called name.
func (l *Locker) RWLock(name string) *RWLock {
	names := []string{name}
	return &RWLock{l, wanted{kind: readersAndWriter, letter: "w", names: names}, wanted{kind: readersAndWriter, letter: "r", names: names}}
}

// Lock acquires it for writing and returns it held; it waits and fails as
// [Locker.Lock] does.
func (r *RWLock) Lock(ctx context.Context) (*Held, error) {
	return r.l.lock(ctx, context.WithoutCancel(ctx), r.write, false)
}

// TryLock acquires it for writing if nobody has it and nobody waits; otherwise it
// returns [ErrNotAcquired] at once.
func (r *RWLock) TryLock(ctx context.Context) (*Held, error) {
	return r.l.lock(ctx, context.WithoutCancel(ctx), r.write, true)
}

// Do acquires it for writing, calls fn, and releases it: see [Locker.Do].
func (r *RWLock) Do(ctx context.Context, fn func(ctx context.Context, h *Held) error) error {
	return r.l.do(ctx, r.write, fn)
}

// RLock acquires it for reading and returns it held; it waits and fails as
// [Locker.Lock] does. Not even who reads already may pass a writer that waits: a
// reader that asks once more while it holds the lock can block itself.
func (r *RWLock) RLock(ctx context.Context) (*Held, error) {
	return r.l.lock(ctx, context.WithoutCancel(ctx), r.read, false)
}

// TryRLock acquires it for reading if no writer has it and nobody waits; otherwise it
// returns [ErrNotAcquired] at once.
func (r *RWLock) TryRLock(ctx context.Context) (*Held, error) {
	return r.l.lock(ctx, context.WithoutCancel(ctx), r.read, true)
}

// RDo acquires it for reading, calls fn, and releases it: see [Locker.Do].
func (r *RWLock) RDo(ctx context.Context, fn func(ctx context.Context, h *Held) error) error {
	return r.l.do(ctx, r.read, fn)
}

// Inspect returns what the server knows of it: see [Info.Holders] and
// [Holder.Writer].
func (r *RWLock) Inspect(ctx context.Context) (Info, error) { return r.l.inspect(ctx, r.write) }

// ForceRelease takes it from the holder with this fence, or from all with zero, and
// lets the longest waiters in. It reports whether there was one. See
// [Locker.ForceRelease].
func (r *RWLock) ForceRelease(ctx context.Context, fence int64) (bool, error) {
	return r.l.forceRelease(ctx, r.write, fence)
}

// Release releases it from the holder with this id: see [Locker.Release].
func (r *RWLock) Release(ctx context.Context, id string) (bool, error) {
	return r.l.releaseID(ctx, r.write, id)
}
