package pubsub

import (
	"context"
	"fmt"
	"iter"

	"github.com/kermes-redis/kermes/resp"
)

// Typed is a message with its payload decoded.
type Typed[T any] struct {
	Message
	Value T
}

// DecodeError says that a message could not be decoded. The iteration goes on.
type DecodeError struct {
	// Message is the one, with its payload as it came.
	Message Message
	// Err is the decoder's error.
	Err error
}

// Error names the channel.
func (e *DecodeError) Error() string {
	return fmt.Sprintf("pubsub: message of channel %q: %v", e.Message.Channel, e.Err)
}

// Unwrap returns the decoder's error.
func (e *DecodeError) Unwrap() error { return e.Err }

// Decode returns an iterator over the messages of another one, decoded, and its
// notices. A payload that decode refuses comes as a *[DecodeError]. The payload
// need not be kept by T: it is shared with Typed.Message.
//
//	for order, err := range pubsub.Decode(sub.All(ctx), decodeOrder) { ... }
func Decode[T any](messages iter.Seq2[Message, error], decode func([]byte) (T, error)) iter.Seq2[Typed[T], error] {
	return func(yield func(Typed[T], error) bool) {
		for m, err := range messages {
			t := Typed[T]{Message: m}
			if err == nil {
				if t.Value, err = decode(m.Payload); err != nil {
					err = &DecodeError{Message: m, Err: err}
				}
			}
			if !yield(t, err) {
				return
			}
		}
	}
}

// DecodeHandler returns a [Handler] that decodes messages for f. A payload that
// decode refuses goes to failed instead, or nowhere if that is nil.
func DecodeHandler[T any](decode func([]byte) (T, error), f func(ctx context.Context, m Typed[T]), failed func(ctx context.Context, e *DecodeError)) Handler {
	return func(ctx context.Context, m Message) {
		value, err := decode(m.Payload)
		switch {
		case err == nil:
			f(ctx, Typed[T]{Message: m, Value: value})
		case failed != nil:
			failed(ctx, &DecodeError{Message: m, Err: err})
		}
	}
}

// Codec makes payloads of values and back. It is redis.Codec: those of package
// codec fit.
type Codec interface {
	Encode(v any) ([]byte, error)
	Decode(b []byte, v any) error
}

// DecodeWith returns the decode function for T of a codec.
func DecodeWith[T any](c Codec) func([]byte) (T, error) {
	return func(b []byte) (T, error) {
		var v T
		err := c.Decode(b, &v)
		return v, err
	}
}

// EncodeWith returns the encode function for T of a codec.
func EncodeWith[T any](c Codec) func(T) ([]byte, error) {
	return func(v T) ([]byte, error) { return c.Encode(v) }
}

// Doer sends a command and returns its reply: a client of this module.
type Doer interface {
	Do(ctx context.Context, cmd resp.Command) (resp.Reply, error)
}

// Publisher publishes values of type T. It is safe for concurrent use if its
// fields are.
type Publisher[T any] struct {
	// Client sends the commands. It must not be a Subscriber's connection. With
	// a client.Client, messages go to the verified master: a replica takes
	// them without an error and nobody on the master hears of them.
	Client Doer
	// Encode makes the payload.
	Encode func(T) ([]byte, error)
}

// Publish encodes v, publishes it to channel and returns how many connections
// of that server got it. An error of Encode is returned before any I/O; the
// others are those of the client. A message that may have been published
// (conn.ClassMaybeExecuted) is not sent again by itself.
//
// See https://redis.io/commands/publish.
func (p Publisher[T]) Publish(ctx context.Context, channel string, v T) (int64, error) {
	return p.publish(ctx, "PUBLISH", channel, v)
}

// SPublish is [Publisher.Publish] to a shard channel. Redis 7.0.
//
// See https://redis.io/commands/spublish.
func (p Publisher[T]) SPublish(ctx context.Context, channel string, v T) (int64, error) {
	return p.publish(ctx, "SPUBLISH", channel, v)
}

func (p Publisher[T]) publish(ctx context.Context, name, channel string, v T) (int64, error) {
	payload, err := p.Encode(v)
	if err != nil {
		return 0, fmt.Errorf("pubsub: encode for channel %q: %w", channel, err)
	}
	reply, err := p.Client.Do(ctx, resp.NewCommand(name, resp.String(channel), resp.Bytes(payload)))
	if err != nil {
		return 0, err
	}
	defer reply.Release()
	return reply.Int()
}
