package pubsub

import (
	"github.com/kermes-redis/kermes/resp"
	"strconv"
	"time"
)

// Kind says what a name that is subscribed to stands for.
type Kind uint8

const (
	// Channel is a channel of SUBSCRIBE.
	Channel Kind = iota
	// Pattern is a glob pattern of PSUBSCRIBE.
	Pattern
	// Shard is a shard channel of SSUBSCRIBE (Redis 7.0).
	Shard
	kinds
)

// String returns "channel", "pattern" or "shard channel".
func (k Kind) String() string {
	switch k {
	case Channel:
		return "channel"
	case Pattern:
		return "pattern"
	case Shard:
		return "shard channel"
	}
	return "kind " + strconv.Itoa(int(k))
}

// Message is what somebody has published.
type Message struct {
	// Channel is the channel that it was published to.
	Channel string
	// Pattern is the pattern by which it was received; empty if it was
	// received by the channel itself. A message comes once for every
	// subscribed pattern that matches, and once more if its channel is
	// subscribed as well, as Redis has it.
	Pattern string
	// Kind says by what kind of subscription it came.
	Kind Kind
	// Payload is the message itself. It belongs to whoever receives it, unless
	// Queue.Borrow is set: then it is valid until the next message is taken
	// or the handler returns.
	Payload []byte
}

// Invalidations is the channel of the keys that client-side caching in RESP2 has to
// forget (CLIENT TRACKING with REDIRECT to the subscriber's connection). See
// [Message.Keys].
const Invalidations = "__redis__:invalidate"

// Keys returns the keys that a message of the channel [Invalidations] says have
// changed; none means all of the database. It reports false for another message.
// Its Payload is the list in the server's encoding, for this message only.
func (m Message) Keys() (keys []string, ok bool) {
	if m.Channel != Invalidations || m.Kind != Channel {
		return nil, false
	}
	for e := range resp.Value(m.Payload).Elems() {
		key, _ := e.Bytes()
		keys = append(keys, string(key))
	}
	return keys, true
}

// Text returns the payload as a string.
func (m Message) Text() string { return string(m.Payload) }

// Gap says that messages may have been lost because the connection was. It
// comes in the order of the messages, once for every interruption, and when
// the interruption is over: everything that was subscribed to then is
// confirmed again.
//
// Whatever was published before From has been received (or is accounted for by
// [Dropped]), and whatever is published after To will be. What was published
// in between may have been received or not; nothing is received twice.
type Gap struct {
	// From is when the last PING was sent that the server answered before the
	// interruption, or when the last gap ended, if that was later.
	From time.Time
	// To is when the last subscription was confirmed again.
	To time.Time
	// Reason is why the connection broke: an error of package conn, which
	// matches sentinel.ErrSwitched after a failover and [ErrSilent] when the
	// server had not answered for too long.
	Reason error
}

// Error makes a Gap the error of an iteration.
func (g *Gap) Error() string {
	return "pubsub: gap of " + g.To.Sub(g.From).Round(time.Millisecond).String() + ": " + g.Reason.Error()
}

// Unwrap returns the reason.
func (g *Gap) Unwrap() error { return g.Reason }

// Dropped says that a subscription's buffer was full and messages were thrown
// away. It comes where they would have come.
type Dropped struct {
	// N is how many.
	N uint64
}

// Error makes a Dropped the error of an iteration.
func (d *Dropped) Error() string {
	return "pubsub: " + strconv.FormatUint(d.N, 10) + " messages dropped, the buffer was full"
}
