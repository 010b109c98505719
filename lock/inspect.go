package lock

import (
	"context"
	"slices"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// Info is what the server knows of a lock, a semaphore or an [RWLock].
type Info struct {
	// Held reports whether somebody has it, or was granted it.
	Held bool
	// ID, Owner and TTL are those of the first of Holders.
	ID, Owner string
	TTL       time.Duration
	// Holders are all who have it, the one first whose lease ends first.
	Holders []Holder
	// Fence is the greatest that was given out; zero if the name has not been used
	// for a week.
	Fence int64
	// Waiters is how many are in the queue. Some may have vanished.
	Waiters int
	// LongestWait is how long the first of them has waited.
	LongestWait time.Duration
}

// Holder is one who has a lock, a permit, or a place among readers.
type Holder struct {
	// ID is the holder's: see [Held.ID].
	ID string
	// Owner is the holder's [Terms.Owner]; empty until it has taken its grant.
	Owner string
	// Fence is the holder's: see [Held.Fence].
	Fence int64
	// Permit is the number of the permit of a semaphore: see [Held.Permit].
	Permit int
	// Writer reports whether the holder of an [RWLock] has it for writing.
	Writer bool
	// TTL is how long the server keeps it without a renewal.
	TTL time.Duration
}

// Inspect returns what the server knows of the lock called name.
func (l *Locker) Inspect(ctx context.Context, name string) (Info, error) {
	return l.inspect(ctx, one(name))
}

func (l *Locker) inspect(ctx context.Context, what wanted) (Info, error) {
	t, err := l.find(ctx, what)
	if err != nil {
		return Info{}, err
	}
	i, err := l.core.scripts.of(t.kind).inspect.Run(ctx, l.core.d, t.keys, t.kind.arg())
	if err != nil {
		return Info{}, about(t.name, err)
	}
	return i, nil
}

// ForceRelease takes the lock from its holder, whoever that is, and gives it to the
// longest waiter. It reports whether there was a holder. The stored fence is raised:
// the holder cannot assert the lock again, learns that it is lost at its next
// renewal, and until then only the fence check of the resource keeps its writes out.
//
// With a fence, as [Info.Fence] has it, the lock is released only from the holder
// with that fence; with zero from any. A call without one is not repeated when it
// may have been executed: it might take the lock from the next holder.
func (l *Locker) ForceRelease(ctx context.Context, name string, fence int64) (bool, error) {
	return l.forceRelease(ctx, one(name), fence)
}

func (l *Locker) forceRelease(ctx context.Context, what wanted, fence int64) (bool, error) {
	t, err := l.find(ctx, what)
	if err != nil {
		return false, err
	}
	script := l.core.scripts.of(t.kind).forceAt
	if fence == 0 {
		script = l.core.scripts.of(t.kind).force
	}
	done, err := l.core.runRelease(ctx, script, t, l.terms, resp.Int(fence))
	if err != nil {
		return false, about(t.name, err)
	}
	return done, nil
}

// Release releases the lock from the holder with this id, as Unlock does, also if
// that is in another process. It reports whether the holder had the lock.
func (l *Locker) Release(ctx context.Context, name, id string) (bool, error) {
	return l.releaseID(ctx, one(name), id)
}

func (l *Locker) releaseID(ctx context.Context, what wanted, id string) (bool, error) {
	t, err := l.find(ctx, what)
	if err != nil {
		return false, err
	}
	done, err := l.core.tryRelease(ctx, t, id, l.terms)
	if err != nil {
		return false, about(t.name, err)
	}
	return done, nil
}

// Has reports whether the holder with this id has the lock, as the server sees it.
// By the time of the answer that may have changed: [Held.Check] is the one to rely on.
func (l *Locker) Has(ctx context.Context, name, id string) (bool, error) {
	i, err := l.Inspect(ctx, name)
	return err == nil && i.has(id), err
}

func (i Info) has(id string) bool {
	return slices.ContainsFunc(i.Holders, func(h Holder) bool { return h.ID == id })
}
