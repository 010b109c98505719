package pubsub

import (
	"context"
	"errors"
	"sync/atomic"
)

// Subscription is a set of channels and patterns with one buffer and one
// consumer: an iterator ([Subscription.All]), handlers ([Subscription.Handle])
// or a channel ([Subscription.Chan]). Until it has one, messages wait in the
// buffer. The set may change at any time. Its methods are safe for concurrent
// use.
type Subscription struct {
	s      *Subscriber
	queue  *queue
	ctx    context.Context // ends with Close, here or of the Subscriber
	cancel context.CancelFunc
	busy   atomic.Bool // somebody consumes
	panics atomic.Uint64
	gaps   atomic.Uint64

	// guarded by s.mu
	topics [kinds]map[string]*topic
	closed bool
	missed bool // a gap is open in which it missed something
}

// Subscribe adds channels and returns when the server has confirmed all of
// them. If ctx ends before that, or the server refuses one (*[RefusedError]),
// those that this call has added are given up. Channels that the Subscriber is
// subscribed to already cost no round trip.
//
// See https://redis.io/commands/subscribe.
func (sub *Subscription) Subscribe(ctx context.Context, channels ...string) error {
	return sub.s.add(ctx, sub, Channel, channels)
}

// PSubscribe is [Subscription.Subscribe] for glob patterns.
//
// See https://redis.io/commands/psubscribe.
func (sub *Subscription) PSubscribe(ctx context.Context, patterns ...string) error {
	return sub.s.add(ctx, sub, Pattern, patterns)
}

// SSubscribe is [Subscription.Subscribe] for shard channels. Redis 7.0.
//
// See https://redis.io/commands/ssubscribe.
func (sub *Subscription) SSubscribe(ctx context.Context, channels ...string) error {
	return sub.s.add(ctx, sub, Shard, channels)
}

// Unsubscribe takes channels away, all of this subscription if none is given.
// No message that arrives from now on is delivered for them; those that wait in
// the buffer are. The server is told if no other subscription wants them, and
// then Unsubscribe returns when it has confirmed, at once when there is no
// connection, or with the error of ctx when that ends; they are taken away all
// the same.
//
// See https://redis.io/commands/unsubscribe.
func (sub *Subscription) Unsubscribe(ctx context.Context, channels ...string) error {
	return sub.s.remove(ctx, sub, Channel, channels)
}

// PUnsubscribe is [Subscription.Unsubscribe] for patterns.
//
// See https://redis.io/commands/punsubscribe.
func (sub *Subscription) PUnsubscribe(ctx context.Context, patterns ...string) error {
	return sub.s.remove(ctx, sub, Pattern, patterns)
}

// SUnsubscribe is [Subscription.Unsubscribe] for shard channels.
//
// See https://redis.io/commands/sunsubscribe.
func (sub *Subscription) SUnsubscribe(ctx context.Context, channels ...string) error {
	return sub.s.remove(ctx, sub, Shard, channels)
}

// Close ends the subscription: iterators and handlers stop, what waits in the
// buffer is thrown away, and what no other subscription wants is unsubscribed.
// It waits for nothing and may be called from a handler.
func (sub *Subscription) Close() error {
	sub.s.drop(sub, ErrClosed)
	return nil
}

// Done returns a channel that is closed when the subscription has been closed.
func (sub *Subscription) Done() <-chan struct{} { return sub.ctx.Done() }

// Err returns why no more messages will come: ErrClosed, ErrSourceClosed or
// ErrOverflow. It is nil as long as more may come.
func (sub *Subscription) Err() error { return sub.queue.ended() }

// reason is why a subscription that has been closed wants nothing any more.
func (sub *Subscription) reason() error {
	if err := sub.queue.ended(); errors.Is(err, ErrClosed) {
		return err
	}
	return ErrClosed
}

// SubscriptionStats are the counters of a Subscription.
type SubscriptionStats struct {
	// Received counts messages that were put into the buffer.
	Received uint64
	// Dropped counts messages that were thrown away because it was full.
	Dropped uint64
	// Waiting is how many are in the buffer now.
	Waiting int
	// Gaps counts interruptions.
	Gaps uint64
	// Panics counts panics of handlers.
	Panics uint64
}

// Stats returns a snapshot of the counters.
func (sub *Subscription) Stats() SubscriptionStats {
	waiting, total, lost := sub.queue.count()
	return SubscriptionStats{
		Received: total, Dropped: lost, Waiting: waiting,
		Gaps: sub.gaps.Load(), Panics: sub.panics.Load(),
	}
}
