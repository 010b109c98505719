package mq

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// State is where a message is.
type State string

// The states.
const (
	Absent  State = "absent"
	Ready   State = "ready"
	Delayed State = "delayed" // until its time comes, or its next attempt
	Leased  State = "leased"  // with a worker
	Blocked State = "blocked" // by the limits of its [Key]
	Dead    State = "dead"
	Done    State = "done" // and its window has not passed
	// Waiting is the callback of a [Group] whose members have not all ended.
	Waiting State = "waiting"
)

// stateOf returns the state of a letter of the scripts.
func stateOf(letter byte) State {
	switch letter {
	case 'R':
		return Ready
	case 'D':
		return Delayed
	case 'L':
		return Leased
	case 'B':
		return Blocked
	case 'X':
		return Dead
	case 'W':
		return Done
	case 'G':
		return Waiting
	}
	return Absent
}

// letter returns the letter of a state in the scripts.
func (s State) letter() string {
	switch s {
	case Ready:
		return "R"
	case Delayed:
		return "D"
	case Leased:
		return "L"
	case Blocked:
		return "B"
	case Dead:
		return "X"
	case Done:
		return "W"
	case Waiting:
		return "G"
	}
	return ""
}

// Info is what is known of a message besides its value.
type Info struct {
	Queue string
	ID    string
	// Kind is what the producer has said by [Kind], or empty.
	Kind string
	// Attempt counts from 1 how often the message is handled. Crashes and snoozes do
	// not count.
	Attempt int
	// MaxAttempts is the last attempt there is, or 0 if there is no last one.
	MaxAttempts int
	// Crashes is how often a lease of the message ended: its worker died, or hung.
	Crashes int
	// Priority is its band.
	Priority Priority
	// Key is what the producer has said by [Key], or empty.
	Key string
	// EnqueuedAt is when it was enqueued, by the clock of its producer.
	EnqueuedAt time.Time
	// Headers are those of the producer. They must not be changed.
	Headers map[string]string
	// Payload is the value as it is stored. It must not be changed.
	Payload []byte
}

// Msg is a message for a handler.
type Msg[T any] struct {
	Info
	Value T

	d *delivery // nil in a unit test
}

// NewMsg returns a message with a value, first attempt, for a unit test of a handler.
func NewMsg[T any](v T) *Msg[T] {
	return &Msg[T]{Value: v, Info: Info{Queue: "test", ID: "test", Attempt: 1, EnqueuedAt: time.Now(), Priority: Normal}}
}

// KeepID keeps the id taken for w after the message is done, like [Window]. Call it
// before the handler returns.
func (m *Msg[T]) KeepID(w time.Duration) {
	if m.d != nil {
		m.d.rec.window = min(max(w, 0), longest)
	}
}

// SetResult gives the message a result for [Queue.Await], which is kept if the message
// is done and [KeepResult] was asked for. Call it before the handler returns, not
// concurrently; the last call counts. v is encoded as values of the queue are, and has
// as many bytes as a payload at most: otherwise the error matches [ErrTooLarge].
func (m *Msg[T]) SetResult(v any) error {
	if m.d == nil || !m.d.keep {
		return nil
	}
	b, err := encode(m.d.o.Codec, v)
	if err != nil {
		return fmt.Errorf("mq: encode: %w", err)
	}
	if most := m.d.o.MaxPayload; most > 0 && len(b) > most {
		return fmt.Errorf("%w: result of %d bytes, at most %d", ErrTooLarge, len(b), most)
	}
	m.d.result = append([]byte(nil), b...)
	return nil
}

// Handler handles a message. It returns
//   - nil: the message is done, and gone;
//   - [Snooze], [RetryAfter], [DeadLetter] or [ErrUnknownKind]: what they say;
//   - any other error, or it panics: the attempt has failed. The message is handled
//     again after a back-off; after its last attempt it is a dead letter.
//
// ctx ends when the lease is lost ([ErrLeaseLost]), the message was cancelled
// ([ErrCanceled]), the worker cannot wait any longer ([ErrStopping]), or the
// message's [Timeout] has passed (context.DeadlineExceeded); context.Cause tells. Its
// Err compares the clocks itself: a process that was stopped for a while learns of a
// lost lease from the first question, before any timer fires.
type Handler[T any] func(ctx context.Context, m *Msg[T]) error

// Kinds is a handler for each kind of message of a queue. Use its Handle method as
// the handler. A message of a kind that is missing is released for a worker that
// knows it; see [WorkerOptions.UnknownDelay].
type Kinds[T any] map[string]Handler[T]

// Handle calls the handler of the message's kind, or returns [ErrUnknownKind].
func (k Kinds[T]) Handle(ctx context.Context, m *Msg[T]) error {
	h := k[m.Kind]
	if h == nil {
		return fmt.Errorf("%w: %q", ErrUnknownKind, m.Kind)
	}
	return h(ctx, m)
}

// Decoded returns a handler of raw messages for a queue of several kinds: it decodes
// the payload as JSON, or by c if that is not nil, and calls h. A payload that cannot
// be decoded is a dead letter.
//
//	handler := mq.Kinds[[]byte]{"welcome": mq.Decoded(nil, welcome), "bill": mq.Decoded(nil, bill)}.Handle
func Decoded[U any](c Codec, h Handler[U]) Handler[[]byte] {
	if c == nil {
		c = jsonCodec{}
	}
	return func(ctx context.Context, raw *Msg[[]byte]) error {
		m := &Msg[U]{Info: raw.Info, d: raw.d}
		if err := decode(c, raw.Value, &m.Value); err != nil {
			return DeadLetter(undecodable(err))
		}
		return h(ctx, m)
	}
}

func undecodable(err error) error { return fmt.Errorf("the payload cannot be decoded: %w", err) }

// outcome is an error that says what becomes of a message.
type outcome struct {
	op    byte
	delay time.Duration
	err   error
}

// Error tells what was wanted, and why.
func (o *outcome) Error() string {
	switch {
	case o.op == opSnooze:
		return fmt.Sprintf("snooze for %v", o.delay)
	case o.err == nil:
		return fmt.Sprintf("retry after %v", o.delay)
	}
	return o.err.Error()
}

// Unwrap returns the reason.
func (o *outcome) Unwrap() error { return o.err }

// Snooze makes a handler hand its message back for d. That takes no attempt: a
// message may be snoozed for ever.
func Snooze(d time.Duration) error { return &outcome{op: opSnooze, delay: clamp(d)} }

// RetryAfter makes an attempt that has failed, for the reason err, be repeated after d
// in place of the back-off. After the last attempt the message is a dead letter.
func RetryAfter(d time.Duration, err error) error {
	return &outcome{op: opRetry, delay: clamp(d), err: err}
}

// DeadLetter makes the message a dead letter at once, for the reason err.
func DeadLetter(err error) error {
	if err == nil {
		err = errors.New("given up by its handler")
	}
	return &outcome{op: opDead, err: err}
}

func clamp(d time.Duration) time.Duration { return min(max(d, 0), longest) }
