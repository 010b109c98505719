package pubsub

import (
	"errors"
	"fmt"
	"time"
)

const (
	// DefaultPingInterval is how often the server is sent a PING.
	DefaultPingInterval = time.Second
	// DefaultPingTimeout is how long nothing may come from a server that owes
	// the answer to a PING. Together with DefaultPingInterval it finds a silent
	// link within 2.5 seconds.
	DefaultPingTimeout = 1200 * time.Millisecond
	// DefaultDialTimeout bounds one attempt to connect.
	DefaultDialTimeout = 2500 * time.Millisecond
	// DefaultMinBackoff is the time between the first two attempts to connect.
	DefaultMinBackoff = 10 * time.Millisecond
	// DefaultMaxBackoff is the longest time between two attempts to connect.
	DefaultMaxBackoff = 500 * time.Millisecond
)

const (
	// steadyAfter is how long a connection must have lasted for its end to be
	// followed by an attempt at once.
	steadyAfter = time.Second
	// refusedRetry is how often a subscription is tried again that the server
	// has refused, while there is a connection.
	refusedRetry = 5 * time.Second
	// closeGrace is how long Close waits for handlers and listeners that run.
	closeGrace = time.Second
)

// Options of a [Subscriber]. The zero value is useful.
type Options struct {
	// PingInterval is how often a PING is sent. Zero means DefaultPingInterval;
	// negative sends none, and a silent link is never noticed.
	PingInterval time.Duration
	// PingTimeout is how long nothing may come while the answer to a PING is
	// due, before the connection is given up with [ErrSilent]. A part of a message counts
	// when it is as long as conn.Options.MinProgress. It also bounds
	// each write. Zero and negative mean DefaultPingTimeout. A silent link is
	// found within PingInterval plus PingTimeout; if it fell silent in the
	// middle of a stream of messages, within twice PingTimeout. A server that sends
	// messages and no answer is given up after five times PingTimeout, or, while so much
	// comes that the answer may wait behind it (4 KiB in each PingTimeout), after five
	// hundred times. Neither counts while a consumer with the policy Block has no room.
	PingTimeout time.Duration
	// DialTimeout bounds one attempt to connect. Zero means DefaultDialTimeout,
	// negative no bound but the source's own.
	DialTimeout time.Duration
	// MinBackoff is the time between the first two attempts to connect; it
	// doubles up to MaxBackoff, give or take a quarter. The first attempt after
	// a loss is made at once, unless the connection had lasted less than a
	// second. Zero and negative mean DefaultMinBackoff.
	MinBackoff time.Duration
	// MaxBackoff see MinBackoff. Zero and negative mean DefaultMaxBackoff.
	MaxBackoff time.Duration
	// Queue is for the subscriptions of Subscriber.Subscribe and the like.
	Queue Queue
}

func (o Options) withDefaults() Options {
	if o.PingInterval == 0 {
		o.PingInterval = DefaultPingInterval
	}
	o.PingTimeout = positive(o.PingTimeout, DefaultPingTimeout)
	if o.DialTimeout == 0 {
		o.DialTimeout = DefaultDialTimeout
	}
	o.MinBackoff = positive(o.MinBackoff, DefaultMinBackoff)
	o.MaxBackoff = max(positive(o.MaxBackoff, DefaultMaxBackoff), o.MinBackoff)
	return o
}

func positive(d, standard time.Duration) time.Duration {
	if d <= 0 {
		return standard
	}
	return d
}

var (
	// ErrClosed says that the Subscriber or the Subscription was closed.
	ErrClosed = errors.New("pubsub: closed")
	// ErrSourceClosed says that the Subscriber has ended because the client or the
	// pool that its connections came from was closed. It matches ErrClosed.
	ErrSourceClosed = fmt.Errorf("%w with the client or pool that it uses", ErrClosed)
	// ErrOverflow says that a subscription ended because its buffer was full
	// and its policy is CloseOnOverflow.
	ErrOverflow = errors.New("pubsub: buffer full")
	// ErrSilent is why a connection was given up on which the server had not
	// answered for too long.
	ErrSilent = errors.New("pubsub: the server is silent")
	// ErrBusy says that a subscription has a consumer already.
	ErrBusy = errors.New("pubsub: the subscription has a consumer already")
	// errOutOfStep breaks a connection on which confirmations do not match
	// what was sent.
	errOutOfStep = errors.New("pubsub: the server confirmed what was not asked for")
)

// RefusedError says that the server refused a subscription, for want of a
// permission (NOPERM) or because it does not know the command.
type RefusedError struct {
	Kind Kind
	// Name is the channel or pattern.
	Name string
	// Err is the server's answer, a *resp.Error.
	Err error
}

// Error names the channel.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("pubsub: %s %q refused: %v", e.Kind, e.Name, e.Err)
}

// Unwrap returns the server's answer.
func (e *RefusedError) Unwrap() error { return e.Err }

// PanicError is what a handler or listener has panicked with.
type PanicError struct {
	Value any
	// Stack is that of the panic.
	Stack []byte
}

// Error returns the value.
func (e *PanicError) Error() string { return fmt.Sprintf("pubsub: panic in a handler: %v", e.Value) }
