package lock

import (
	"context"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// Info is what the server knows of a lock.
type Info struct {
	// Held reports whether somebody has the lock, or was granted it.
	Held bool
	// ID is the holder's: see [Held.ID]. Empty if there is none.
	ID string
	// Owner is the holder's [Terms.Owner]; empty until it has taken its grant.
	Owner string
	// TTL is how long the server keeps the lock without a renewal.
	TTL time.Duration
	// Fence is the greatest that was given out; zero if the name has not been used
	// for a week.
	Fence int64
	// Waiters is how many are in the queue. Some may have vanished.
	Waiters int
	// LongestWait is how long the first of them has waited.
	LongestWait time.Duration
}

// Inspect returns what the server knows of the lock called name.
func (l *Locker) Inspect(ctx context.Context, name string) (Info, error) {
	if err := l.check(ctx, name); err != nil {
		return Info{}, err
	}
	i, err := l.core.scripts.inspect.Run(ctx, l.core.d, l.core.keys(name))
	if err != nil {
		return Info{}, about(name, err)
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
	if err := l.check(ctx, name); err != nil {
		return false, err
	}
	script := l.core.scripts.forceAt
	if fence == 0 {
		script = l.core.scripts.force
	}
	done, err := l.core.runRelease(ctx, script, l.core.keys(name), l.terms, resp.Int(fence))
	if err != nil {
		return false, about(name, err)
	}
	return done, nil
}

// Release releases the lock from the holder with this id, as Unlock does, also if
// that is in another process. It reports whether the holder had the lock.
func (l *Locker) Release(ctx context.Context, name, id string) (bool, error) {
	if err := l.check(ctx, name); err != nil {
		return false, err
	}
	done, err := l.core.tryRelease(ctx, l.core.keys(name), id, l.terms)
	if err != nil {
		return false, about(name, err)
	}
	return done, nil
}

// Has reports whether the holder with this id has the lock, as the server sees it.
// By the time of the answer that may have changed: [Held.Check] is the one to rely on.
func (l *Locker) Has(ctx context.Context, name, id string) (bool, error) {
	i, err := l.Inspect(ctx, name)
	return err == nil && i.Held && i.ID == id, err
}
