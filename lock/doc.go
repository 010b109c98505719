// Package lock takes locks by name on one Redis master: a lease with a fair queue, a
// grant that is pushed when the holder releases, renewal, loss that is told before
// the server can give the lock to another, and a fencing token.
//
//	locks := lock.New(client, lock.Options{})
//	defer locks.Close()
//
//	err := locks.Do(ctx, "invoice/17", func(ctx context.Context, h *lock.Held) error {
//		return store.Save(ctx, invoice, h.Fence()) // the store refuses smaller fences
//	})
//
// # What is guaranteed
//
// While no failover happens, at most one holder has a lock by its own clock: the
// context of a [Held] and [Held.Check] say that it is lost before the server can
// give it to another. That holds for programs that crash, hang or are stopped, and for
// connections that break, as long as clocks run alike to a hundredth. It does not
// hold back a write that is on its way already: a program may be stopped between
// Check and the write. So the resource must refuse a fence that is smaller than one
// that it has seen ([Held.Fence]). With that check, no write of an earlier holder
// lands after one of a later holder.
//
// A failover may forget an acquisition or a renewal that no replica had: then two
// programs may believe to hold the lock, until the first one renews. Their fences are
// in order all the same. [Terms.MinReplicas] makes an acquisition wait until replicas
// have it, and only renewals that they have count; then it takes the loss of the
// master together with a replica that was told. A holder that is cut off from the
// sentinels together with an old master, which still answers, is stopped in time by a
// client that requires a quorum of sentinels, or by MinReplicas of at least half of the
// replicas: a replica that still follows the old master may confirm its renewals for
// a moment. So a program that takes a lock whose holder has vanished first makes sure that
// the replicas follow the new master, and that a TTL has passed since. It waits at most
// once in the life of a master, for a TTL. What that leaves open is an acquisition,
// not a renewal, in that moment by a program that is cut off; RequireQuorum and
// MinReplicas of all replicas close that too.
//
// # Why there is no Redlock
//
// This package locks on one master that Sentinel manages. It is a lease, and no
// consensus: asynchronous replication can lose an acquisition, and MinReplicas makes
// that need two faults. Redlock asks a majority of independent masters instead. It
// needs three of them at least, and bounds on the drift of their clocks and on pauses
// that nobody can promise; it gives no token, and without one the resource cannot
// tell a late write. With a token that the resource checks, one master is enough.
//
// # Waiting
//
// Waiters queue in the order of arrival. A release gives the lock to the first of
// them and tells its process by a message; waiters whose process is gone are passed
// over in the same step. A message is a hint alone: each waiter also looks at the state
// when the holder's TTL is over, once a second, and after a failover. With a client that
// cannot subscribe, waiters poll.
//
// # Semaphores
//
// A [Semaphore] lets up to n holders in at the same time, by the same machinery:
//
//	s := locks.Semaphore("exports", 3)
//	err := s.Do(ctx, func(ctx context.Context, h *lock.Held) error {
//		return export(ctx, h.Permit(), h.Fence())
//	})
//
// Permits have numbers. A resource that keeps the greatest fence for each number, and
// refuses smaller ones, is written to by n holders at most, whatever happens.
//
// # Readers and writers
//
// An [RWLock] is held by one writer or by any number of readers. A reader that comes
// while a writer waits waits behind it, so that neither starves the other:
//
//	rw := locks.RWLock("config")
//	err := rw.RDo(ctx, func(ctx context.Context, h *lock.Held) error { return read(ctx) })
//	err = rw.Do(ctx, func(ctx context.Context, h *lock.Held) error { return write(ctx, h.Fence()) })
//
// # Several locks at once
//
// [Locker.LockAll] acquires several locks together, all or none, and returns them as
// one; callers that want overlapping sets do not wait for each other in a circle:
//
//	h, err := locks.LockAll(ctx, "account/17", "account/42")
//
// # Trying, looking, and repairing by hand
//
// [Locker.TryLock], [Locker.TryLockAll], [Semaphore.TryAcquire], [RWLock.TryLock] and
// [RWLock.TryRLock] do not wait, and return [ErrNotAcquired] if they would have to.
// [Locker.Inspect], [Semaphore.Inspect] and [RWLock.Inspect] return an [Info] with every
// [Holder]; ForceRelease takes from a holder that hangs, Release releases by an id
// that another program has kept ([Held.ID]), and [Locker.Has] asks whether it still
// holds. [Locker.Stats] counts, and [Options.OnEvent] is told of each [Event]:
// [EventLost], [EventRenewFailed], [EventReasserted], [EventPolling], [EventShortTTL].
//
// # Defaults
//
// What [Terms] and [Options] leave out is:
//
//	DefaultTTL               10s     how long the server keeps a lock that is not renewed; MinTTL (50ms) at least
//	DefaultReplicaTimeout    5s      how long an acquisition may take to reach MinReplicas
//	DefaultPrefix            lk:     begins every key and channel
//	DefaultPollInterval      1s      between two looks of a waiter that is told by push
//	DefaultSoloPollInterval  50ms    between two looks of one that is not
//
// A lock that was given to a waiter waits for its answer for [MaxGrant], 3s, or the TTL if
// that is shorter.
//
// # Errors
//
// What is wrong with a call is said before anything is sent: [ErrName], [ErrNames]
// (none, or more than [MaxAll]), [ErrSlot], [ErrPermits], [ErrTerms] (a TTL below
// [MinTTL]), [ErrNote] (a text above [MaxOwner]), [ErrNoDoer], [ErrClosed]. A caller
// that does not get the lock gets ErrNotAcquired, [ErrNotReplicated], the error of its
// context, or that of the server. A holder that has lost it gets [ErrLost], with
// [ErrMaxHold] if it was held for too long.
package lock
