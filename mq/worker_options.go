package mq

import (
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"time"

	"github.com/kermes-redis/kermes/pubsub"
)

const (
	// DefaultConcurrency is how many messages a worker handles at a time.
	DefaultConcurrency = 10
	// DefaultLease is how long a message is its worker's without a word from it.
	DefaultLease = time.Minute
	// MinLease is the shortest lease.
	MinLease = 100 * time.Millisecond
	// DefaultMaxPrefetch is how many messages wait in a worker at most.
	DefaultMaxPrefetch = 256
	// DefaultMaxCrashes is how often the lease of a message may end before it is a
	// dead letter.
	DefaultMaxCrashes = 5
	// DefaultBackoffBase and DefaultBackoffMax are the first and the longest delay
	// between attempts.
	DefaultBackoffBase = time.Second
	// DefaultBackoffMax see DefaultBackoffBase.
	DefaultBackoffMax = 10 * time.Minute
	// DefaultStopTimeout is how long handlers may run on when a worker ends: less than
	// the half minute that orchestrators wait.
	DefaultStopTimeout = 25 * time.Second
	// DefaultPollInterval is how often a worker without work asks for some, besides
	// being woken.
	DefaultPollInterval = time.Second
	// DefaultUnknownDelay is for how long messages of unknown kinds are released.
	DefaultUnknownDelay = 30 * time.Second
	// DefaultClaimBytes is how many bytes one claim fetches.
	DefaultClaimBytes = 1 << 20
	// DefaultMaxDead is how many dead letters are kept.
	DefaultMaxDead = 10_000

	// prefetchTime is how much work a worker keeps waiting: so long its handlers need
	// for what is prefetched.
	prefetchTime = 20 * time.Millisecond
	// settleLinger is how long an outcome waits for others to be sent with.
	settleLinger = time.Millisecond
	// settleBatch is how many outcomes are sent at once; maxSettle the most. It must not
	// be less than maxClaim, or outcomes pile up.
	settleBatch = 64
	maxSettle   = 500
	maxClaim    = 500
	// abortGrace is how long handlers may take after their contexts have ended.
	abortGrace = time.Second
	// flushTimeout bounds the last calls of a worker that ends.
	flushTimeout = 5 * time.Second
	// stepTimeout bounds a step.
	stepTimeout = 15 * time.Second
	// stepGrace is how long a step goes on that is under way when the worker is to end.
	stepGrace = 2 * time.Second
	// reapGrace is how long a worker takes no lease away from anybody after a move.
	reapGrace = 2 * time.Second
	// maxJump is how far the server's clock may be off before it has jumped.
	maxJump = time.Second
)

// WorkerOptions of a [Worker]. The zero value is useful.
type WorkerOptions struct {
	// Concurrency is how many messages are handled at a time. Zero and negative mean
	// DefaultConcurrency.
	Concurrency int
	// MaxPrefetch is how many messages wait in the worker at most. As many wait as its
	// handlers need twenty milliseconds for, none if one takes longer. Zero means
	// DefaultMaxPrefetch, negative none.
	MaxPrefetch int
	// Lease is how long a message is this worker's without a word from it. Every
	// third of it the worker prolongs the leases of all messages that it has. When it
	// dies, its messages are handled by others after a lease. Zero and negative mean
	// DefaultLease; the least is MinLease. In a failover, writes wait for some
	// seconds: a lease below ten times that is lost in many.
	Lease time.Duration
	// MaxCrashes is how often the lease of a message may end before it is a dead
	// letter. Zero means DefaultMaxCrashes, negative any number.
	MaxCrashes int
	// Backoff returns the delay after an attempt that has failed, counted from 1. Nil
	// means [Backoff] with DefaultBackoffBase and DefaultBackoffMax.
	Backoff func(attempt int) time.Duration
	// UnknownDelay is for how long a message of a kind that no handler knows is
	// released. Zero and negative mean DefaultUnknownDelay.
	UnknownDelay time.Duration
	// StopTimeout is how long handlers may run on when the worker ends. Zero means
	// DefaultStopTimeout, negative not at all.
	StopTimeout time.Duration
	// PollInterval is how often the worker asks for messages while there are none,
	// give or take a fifth, besides being woken. Zero and negative mean
	// DefaultPollInterval.
	PollInterval time.Duration
	// ClaimBytes is how many bytes one claim fetches at most, if it fetches more than
	// one message. Zero and negative mean DefaultClaimBytes.
	ClaimBytes int
	// MaxDead is how many dead letters are kept; the oldest go. Zero and negative mean
	// DefaultMaxDead.
	MaxDead int
	// Subscriber is where wake-ups come from. Nil means one of the worker's own, whose
	// source is the client of the queue. Programs with many queues share one.
	Subscriber *pubsub.Subscriber
	// OnEvent is called with every event, by the goroutines of the worker: it must not
	// block.
	OnEvent func(Event)
	// Logger gets every event. Nil means none.
	Logger *slog.Logger
}

func (o WorkerOptions) withDefaults() WorkerOptions {
	o.Concurrency = orDefault(o.Concurrency, DefaultConcurrency)
	switch {
	case o.MaxPrefetch == 0:
		o.MaxPrefetch = DefaultMaxPrefetch
	case o.MaxPrefetch < 0:
		o.MaxPrefetch = 0
	}
	o.Lease = max(orDefault(o.Lease, DefaultLease), MinLease)
	switch {
	case o.MaxCrashes == 0:
		o.MaxCrashes = DefaultMaxCrashes
	case o.MaxCrashes < 0:
		o.MaxCrashes = endless
	}
	if o.Backoff == nil {
		o.Backoff = Backoff(DefaultBackoffBase, DefaultBackoffMax)
	}
	o.UnknownDelay = orDefault(o.UnknownDelay, DefaultUnknownDelay)
	switch {
	case o.StopTimeout == 0:
		o.StopTimeout = DefaultStopTimeout
	case o.StopTimeout < 0:
		o.StopTimeout = 0
	}
	o.PollInterval = orDefault(o.PollInterval, DefaultPollInterval)
	o.ClaimBytes = orDefault(o.ClaimBytes, DefaultClaimBytes)
	o.MaxDead = orDefault(o.MaxDead, DefaultMaxDead)
	return o
}

func orDefault[N int | time.Duration](n, standard N) N {
	if n <= 0 {
		return standard
	}
	return n
}

// Backoff returns a function for [WorkerOptions.Backoff]: the delay doubles from base
// up to most, and each is between a half and the whole of that, at random.
func Backoff(base, most time.Duration) func(attempt int) time.Duration {
	return func(attempt int) time.Duration {
		d := most
		if f := float64(base) * math.Pow(2, float64(max(attempt-1, 0))); f < float64(most) {
			d = time.Duration(f)
		}
		if d <= 1 {
			return max(d, 0)
		}
		return d/2 + rand.N(d/2+1)
	}
}

// check reports a lease that failovers will cost.
func (o *WorkerOptions) check() error {
	if o.Lease < shortLease {
		return fmt.Errorf("mq: a lease of %v may be lost in a failover, where writes wait for seconds", o.Lease)
	}
	return nil
}

// shortLease is below what survives a failover.
const shortLease = 5 * time.Second
