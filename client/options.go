package client

import (
	"errors"
	"time"

	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/sentinel"
)

const (
	// DefaultRetryTime bounds what a command spends on retries and on waiting for a
	// master, which a failover takes some seconds to name.
	DefaultRetryTime = 10 * time.Second
	// DefaultDirectRetryTime is the same for a client of one server: those who use
	// it as a cache need to know soon that it is down.
	DefaultDirectRetryTime = time.Second
	// DefaultMaxRetries bounds the retries of a command that may have been
	// executed, or that a healthy master refuses.
	DefaultMaxRetries = 3
	// DefaultMaxHold bounds how long writes are held during a failover.
	DefaultMaxHold = 3 * time.Second
	// DefaultVerifyInterval is how often the master is asked for its role.
	DefaultVerifyInterval = 5 * time.Second
	// DefaultQuorumTTL is how long the word of a majority of sentinels lasts.
	DefaultQuorumTTL = time.Second
	// DefaultEagerBound is how long an eagerly adopted master may stay without
	// the word of a sentinel.
	DefaultEagerBound = 3 * time.Second
)

// Adopt says when a new master is used.
type Adopt uint8

const (
	// AdoptConfirmed uses a new master when the sentinels name it with a higher epoch
	// than before: see [sentinel.Belief]. In a coordinated failover (Valkey 9) it is
	// used when the former master says itself that it has become its replica.
	AdoptConfirmed Adopt = iota
	// AdoptEager uses the candidate of an announced failover as soon as it says
	// itself that it is a master: about a second before any sentinel does. Writes
	// are unavailable for a tenth of a second instead of a whole one.
	//
	// Its risk is the orphaned promotion: if the leading sentinel dies in that
	// second, no other one knows that there was a promotion; they take the
	// candidate back to a replica some ten to twenty seconds later, and what was
	// written to it is lost. When no sentinel has confirmed it within EagerBound
	// the client goes back to the configured master, and says so in an event
	// ([sentinel.EventOrphan]).
	AdoptEager
)

// Options describes a client.
type Options struct {
	// Group is the sentinels that [Open] makes a group of. [OpenIn] does
	// not look at it.
	Group sentinel.GroupOptions
	// Master is the name under which the sentinels know the master. Empty means
	// bypass: the client talks to the one server at Pool.Conn.Addr.
	Master string
	// Pool describes the connections to the master. Its Conn is the base that
	// the resolved address is put into: credentials, TLS, database, timeouts.
	Pool pool.Options
	// RetryTime bounds the time that a command spends on retries, on waiting for a
	// connection to a server that cannot be reached, and on waiting for a master.
	// The context bounds it too. The time that a blocking command waits on the
	// server is none of it. Zero means DefaultRetryTime (10 s), and
	// DefaultDirectRetryTime (1 s) without sentinels; negative means no retry at
	// all.
	RetryTime time.Duration
	// MaxRetries bounds the retries of a command that may have been executed,
	// which happen only where that is harmless, and of one that was refused for a
	// reason that does not pass by itself. Zero means DefaultMaxRetries, negative
	// none.
	MaxRetries int
	// Adopt says when a new master is used. Zero means AdoptConfirmed.
	Adopt Adopt
	// EagerBound is how long an eagerly adopted master may stay without the
	// word of a sentinel. Zero and negative mean DefaultEagerBound.
	EagerBound time.Duration
	// NoHold keeps writing while sentinels promote another master in a planned
	// failover. What the old master acknowledges then is lost.
	NoHold bool
	// MaxHold bounds how long writes wait for the end of a failover. Zero and
	// negative mean DefaultMaxHold.
	MaxHold time.Duration
	// VerifyInterval is how often the master is asked for its role, on a
	// connection that is there. Zero means DefaultVerifyInterval, negative never.
	VerifyInterval time.Duration
	// RequireQuorum refuses writes, with ErrNoQuorum, while a majority of the
	// sentinels has not confirmed the master within QuorumTTL. A client that is
	// cut off together with the old master stops writing before there can be a
	// new one, as long as clocks run at about the same pace and no process is
	// paused in between; in return it cannot write without a majority of
	// sentinels.
	RequireQuorum bool
	// QuorumTTL is how long such a confirmation lasts, from when the sentinels
	// were asked. It is never more than the sentinels' own
	// down-after-milliseconds. They are asked four times as often. Zero and
	// negative mean DefaultQuorumTTL.
	QuorumTTL time.Duration
	// Replicas describes how replicas are used: see [Client.Replicas].
	Replicas ReplicaOptions
	// Rotated, if set, tells that the credentials have been replaced: with each value
	// all connections are authenticated anew, by what Pool.Conn.Credentials returns
	// then, as by [Client.Reauth]. It is for secrets that a store streams. A closed
	// channel tells nothing more.
	Rotated <-chan struct{}
	// NoWait makes Open return before the master is known.
	NoWait bool
	// Ignored is the parameters of a URL that [ParseURL] has understood and that
	// mean nothing here, by name. Open does not look at it.
	Ignored []string
}

func (o Options) withDefaults() Options {
	if o.RetryTime == 0 {
		o.RetryTime = DefaultRetryTime
		if o.Master == "" {
			o.RetryTime = DefaultDirectRetryTime
		}
	}
	if o.MaxRetries == 0 {
		o.MaxRetries = DefaultMaxRetries
	}
	if o.VerifyInterval == 0 {
		o.VerifyInterval = DefaultVerifyInterval
	}
	orElse(&o.MaxHold, DefaultMaxHold)
	orElse(&o.EagerBound, DefaultEagerBound)
	orElse(&o.QuorumTTL, DefaultQuorumTTL)
	o.Replicas = o.Replicas.withDefaults(o.Pool)
	return o
}

// orElse replaces a duration that is not positive.
func orElse(d *time.Duration, standard time.Duration) {
	if *d <= 0 {
		*d = standard
	}
}

var (
	errNoMaster = errors.New("client: options: a client of a group of sentinels needs the name of a master")
	errNoName   = errors.New("client: options: sentinels need the name of a master: Sentinels without Master")
	errNoQuorum = errors.New("client: options: a quorum needs sentinels: RequireQuorum without Master")
)
