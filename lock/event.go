package lock

import (
	"sync/atomic"
	"time"
)

// EventKind says what an [Event] is about.
type EventKind string

// The kinds of events.
const (
	// EventShortTTL: the TTL is below twice the time that the client holds writes
	// in a planned failover. Such a failover may cost locks. It comes from New and
	// With.
	EventShortTTL EventKind = "short ttl"
	// EventPolling: waiters are not told by push, for the reason Event.Err, and
	// look every PollInterval instead. It comes from New if the client cannot
	// subscribe, and whenever an attempt to subscribe has failed; never with NoPush.
	EventPolling EventKind = "polling"
	// EventReasserted: the server had forgotten a lock that is held here (a
	// failover, a DEL by hand) and nobody else had taken it; it has it again.
	EventReasserted EventKind = "reasserted"
	// EventRenewFailed: a renewal failed, for the reason Event.Err. It is tried
	// again until the lock is lost.
	EventRenewFailed EventKind = "renew failed"
	// EventLost: a lock was lost, for the reason Event.Err.
	EventLost EventKind = "lost"
)

// Event is something that a person who runs the program may want to know.
type Event struct {
	Kind EventKind
	// Time is when it happened.
	Time time.Time
	// Name is that of the lock; empty if the event is about none in particular.
	Name string
	// Err is the reason.
	Err error
}

// Stats are the counters of a [Locker], and of those made from it by With.
type Stats struct {
	// Held and Waiting are how many there are now.
	Held, Waiting int
	// Acquired counts locks that were acquired; Granted those of them that came by
	// a grant that was pushed.
	Acquired, Granted uint64
	// Asked counts the times that a server was asked for a lock.
	Asked uint64
	// RenewCalls counts the calls that renew, of any number of locks each.
	RenewCalls uint64
	// Reasserted counts locks that the server had forgotten.
	Reasserted uint64
	// Lost counts locks that were lost.
	Lost uint64
	// Pushed reports whether waiters are told by push at present.
	Pushed bool
}

type counters struct {
	acquired, granted, asked, renewCalls, reasserted, lost atomic.Uint64
}

// Stats returns a snapshot.
func (l *Locker) Stats() Stats {
	c := l.core
	if c == nil {
		return Stats{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return Stats{
		Held: len(c.held), Waiting: len(c.waiters),
		Acquired: c.n.acquired.Load(), Granted: c.n.granted.Load(), Asked: c.n.asked.Load(),
		RenewCalls: c.n.renewCalls.Load(), Reasserted: c.n.reasserted.Load(), Lost: c.n.lost.Load(),
		Pushed: c.push.readyLocked(),
	}
}

// tell tells OnEvent. No lock may be held.
func (c *core) tell(kind EventKind, name string, err error) {
	if c.onEvent != nil {
		c.onEvent(Event{Kind: kind, Time: time.Now(), Name: name, Err: err})
	}
}
