package lock

import (
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/kermes-redis/kermes/pubsub"
)

const (
	// DefaultTTL is how long the server keeps a lock that is not renewed.
	DefaultTTL = 10 * time.Second
	// MinTTL is the shortest TTL that can be renewed.
	MinTTL = 50 * time.Millisecond
	// MaxGrant bounds how long the server keeps a lock for a waiter that it was
	// granted to and that does not answer.
	MaxGrant = 3 * time.Second
	// DefaultReplicaTimeout is how long an acquisition may take to reach MinReplicas.
	DefaultReplicaTimeout = 5 * time.Second
	// DefaultPrefix begins every key and channel.
	DefaultPrefix = "lk:"
	// DefaultPollInterval is the longest time between two looks of a waiter that
	// is also told by push, give or take a fifth.
	DefaultPollInterval = time.Second
	// DefaultSoloPollInterval is the same for a waiter that is not told.
	DefaultSoloPollInterval = 50 * time.Millisecond
	// MaxOwner is the longest text of Terms.Owner, in bytes.
	MaxOwner = 512
)

// Terms are the conditions of an acquisition.
type Terms struct {
	// TTL is how long the server keeps the lock when the holder has vanished. It is
	// renewed every third of that. Zero and negative mean [DefaultTTL]; a TTL below
	// [MinTTL] is [ErrTerms]. It should be at least twice as long as the client
	// holds writes in a planned failover (its MaxHold, 3 s by default): see
	// [EventShortTTL].
	TTL time.Duration
	// Wait bounds the waiting of Lock, Do and Mutex, beside the context: then they
	// return [ErrNotAcquired]. Zero and negative mean no bound but the context.
	Wait time.Duration
	// MaxHold bounds the time that a lock is held in one go, however well it is
	// renewed: then it is lost with [ErrMaxHold]. Zero and negative mean no bound.
	MaxHold time.Duration
	// MinReplicas is how many replicas must have an acquisition, and each renewal,
	// before it counts. Zero and negative mean none: a failover may forget the
	// holder. With at least half of the replicas there is no overlap with a holder that
	// is cut off together with an old master either, if all users of a name agree on
	// this and on TTL: who takes a lock whose holder has vanished waits, if need be,
	// until a TTL after the replicas were seen to follow the new master.
	MinReplicas int
	// ReplicaTimeout is how long an acquisition may take to reach MinReplicas
	// before it is given back with [ErrNotReplicated]. Zero and negative mean
	// [DefaultReplicaTimeout].
	ReplicaTimeout time.Duration
	// Barging lets whoever comes first take a lock that has become free, instead of
	// giving it to the longest waiter. More sections fit into a second, and their
	// shares are uneven. All users of a name should agree on it.
	Barging bool
	// Owner is a line that [Locker.Inspect] shows while the lock is held. It must
	// hold no secret. Empty means the name of the host and the process id.
	Owner string
}

// Options of a [Locker]. The zero value is useful.
type Options struct {
	// Terms are those of every acquisition; [Locker.With] changes them.
	Terms
	// Prefix begins every key and channel: all users of a lock must have the same.
	// Empty means [DefaultPrefix].
	Prefix string
	// PollInterval is the longest time between two looks of a waiter, give or take
	// a fifth. Zero and negative mean [DefaultPollInterval], or
	// [DefaultSoloPollInterval] for a waiter that cannot be told by push.
	PollInterval time.Duration
	// Subscriber is used to be told of grants. It must lead to the server that the
	// commands go to; closing it is the caller's. Nil means one of the Locker's own,
	// over the client, which is made when there is something to wait for. Without a
	// Subscriber and with a client that is no pubsub.Source, waiters poll.
	Subscriber *pubsub.Subscriber
	// SameSlot makes [Locker.LockAll] refuse names, with [ErrSlot] and before anything
	// is sent, whose keys are not in one slot of a server in cluster mode. Such a
	// server would refuse them, and all keys of a master that sentinels manage are in
	// one place: set it if the program is to run on both.
	SameSlot bool
	// NoPush makes waiters poll although they could be told.
	NoPush bool
	// OnEvent is called with what a person may want to know, from the goroutine
	// where it happened: it must be quick. Nil means nobody.
	OnEvent func(Event)
}

// over returns t with what it leaves out taken from base.
func (t Terms) over(base Terms) Terms {
	if t.TTL <= 0 {
		t.TTL = base.TTL
	}
	if t.Wait == 0 {
		t.Wait = base.Wait
	}
	if t.MaxHold == 0 {
		t.MaxHold = base.MaxHold
	}
	if t.MinReplicas == 0 {
		t.MinReplicas = base.MinReplicas
	}
	if t.ReplicaTimeout <= 0 {
		t.ReplicaTimeout = base.ReplicaTimeout
	}
	if t.Owner == "" {
		t.Owner = base.Owner
	}
	t.Barging = t.Barging || base.Barging
	return t
}

// standard are the terms that nobody has said otherwise.
func standard() Terms {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return Terms{TTL: DefaultTTL, ReplicaTimeout: DefaultReplicaTimeout, Owner: host + " " + strconv.Itoa(os.Getpid())}
}

func (t Terms) invalid() error {
	if t.TTL < MinTTL {
		return ErrTerms
	}
	if len(t.Owner) > MaxOwner || strings.ContainsAny(t.Owner, "\r\n") {
		return ErrNote
	}
	return nil
}

// margin is what the local deadline is before the server's: for clocks that do
// not run alike.
func (t Terms) margin() time.Duration { return t.TTL/100 + 2*time.Millisecond }

// grant is how long the server keeps the lock for a waiter that it was given to.
func (t Terms) grant() time.Duration { return min(t.TTL, MaxGrant) }
