package lock

import (
	"context"
	"slices"
)

// MaxAll is how many locks can be acquired together.
const MaxAll = 128

// all are the locks with these names, which must be in order and differ.
func all(names []string) wanted {
	names = slices.Clone(names)
	slices.Sort(names)
	return wanted{kind: single, names: slices.Compact(names)}
}

// LockAll acquires the locks with these names together and returns them as one: all
// or none, by one script. They are the same locks that Lock acquires one by one. The
// order of the names does not matter, one that is there twice counts once, and there
// may be up to [MaxAll]; more, or none, is [ErrNames]. Otherwise it waits and fails as
// Lock does.
//
// It waits in the queues of all names at once. A lock whose turn has come is kept for
// it while it waits for the others, as a grant is, and nobody who came later passes it
// there; it gives that up for somebody who came earlier. So those who want several
// locks neither starve nor wait for each other in a circle, whatever they hold
// together. With [Terms.Barging] nothing is kept, and they may starve.
//
// [Held.Fence] is greater than all that any of the locks has had, and so guards the
// resources of all names. If one of them is lost, all are.
//
// The keys of one master are in one place. On a server in cluster mode the keys of
// one script must be in one slot: names that share a hash tag at their beginning,
// such as "{orders}/17" and "{orders}/18", are. [Options.SameSlot] refuses others with
// [ErrSlot] before anything is sent.
func (l *Locker) LockAll(ctx context.Context, names ...string) (*Held, error) {
	return l.lock(ctx, context.WithoutCancel(ctx), all(names), false)
}

// TryLockAll acquires the locks with these names if all are free and nobody waits for
// any of them; otherwise it acquires none and returns [ErrNotAcquired] at once.
func (l *Locker) TryLockAll(ctx context.Context, names ...string) (*Held, error) {
	return l.lock(ctx, context.WithoutCancel(ctx), all(names), true)
}

// DoAll acquires the locks as LockAll does, calls fn, and releases them: see
// [Locker.Do].
func (l *Locker) DoAll(ctx context.Context, names []string, fn func(ctx context.Context, h *Held) error) error {
	return l.do(ctx, all(names), fn)
}
