package lock

import (
	"errors"
	"fmt"
	"strconv"
)

var (
	// ErrNotAcquired says that another holder has the lock: [Locker.TryLock] found
	// it held, or [Terms.Wait] has passed.
	ErrNotAcquired = errors.New("lock: held by another")
	// ErrLost says that the lock is not held any more. What the holder writes from
	// now on must not count. [Held.Context] ends with it as its cause.
	ErrLost = errors.New("lock: lost")
	// ErrMaxHold is why a lock was lost that was held for [Terms.MaxHold]. It comes
	// together with ErrLost.
	ErrMaxHold = errors.New("lock: held for too long")
	// ErrNotReplicated says that an acquisition did not reach [Terms.MinReplicas]
	// within [Terms.ReplicaTimeout]. It was given back.
	ErrNotReplicated = errors.New("lock: not replicated")
	// ErrClosed says that the Locker was closed.
	ErrClosed = errors.New("lock: closed")
	// ErrName says that a lock was asked for without a name.
	ErrName = errors.New("lock: a lock needs a name")
	// ErrNote says that [Terms.Owner] holds a line break, or is longer than
	// [MaxOwner].
	ErrNote = errors.New("lock: the owner's text must be one line of at most 512 bytes")
	// ErrTerms says that [Terms.TTL] is below [MinTTL].
	ErrTerms = errors.New("lock: a ttl below 50ms cannot be renewed in time")
	// ErrNames says that [Locker.LockAll] was given no name, or more than [MaxAll].
	ErrNames = errors.New("lock: there must be 1 to 128 names")
	// ErrSlot says that [Locker.LockAll] was given names whose keys a server in
	// cluster mode would not have in one place: see [Options.SameSlot].
	ErrSlot = errors.New("lock: the names do not begin with the same hash tag")
	// ErrPermits says that a [Semaphore] was made with less than one permit.
	ErrPermits = errors.New("lock: a semaphore needs a permit at least")
	// ErrNoDoer says that a Locker has no client: it was made by New(nil, ...) or
	// not by New at all.
	ErrNoDoer = errors.New("lock: a locker needs a client: use lock.New")
)

// about puts the name of the lock in front of err.
func about(name string, err error) error {
	return fmt.Errorf("lock: %s: %w", strconv.Quote(name), err)
}
