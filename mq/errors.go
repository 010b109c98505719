package mq

import (
	"errors"
	"fmt"

	"github.com/kermes-redis/kermes/resp"
)

var (
	// ErrDuplicate matches a [DuplicateError]: a message of that id lives, or its
	// window has not passed.
	ErrDuplicate = errors.New("mq: duplicate id")
	// ErrQueueFull says that the queue holds Options.MaxLen messages already.
	ErrQueueFull = errors.New("mq: the queue is full")
	// ErrNotDurable matches a [DurabilityError]: fewer replicas than
	// Options.MinReplicas have confirmed the message in time.
	ErrNotDurable = errors.New("mq: not confirmed by enough replicas")
	// ErrFormat matches a [FormatError]: what is stored was written by a newer
	// version of this package.
	ErrFormat = errors.New("mq: stored in a newer format")
	// ErrGroupGone says that while a [Group] was enqueued, by several round trips, its
	// callback was cancelled, the queue was cleared, or a failover lost it. Members that
	// were added may be there.
	ErrGroupGone = errors.New("mq: the group is gone")
	// ErrNoResult says that nothing is known of what became of a message: there was none,
	// its result was not to be kept, or has been kept for long enough, or the queue was
	// cleared.
	ErrNoResult = errors.New("mq: no result")
	// ErrFailed matches a [FailedError].
	ErrFailed = errors.New("mq: the message has failed")
	// ErrTooLarge says that a payload, an id, a header or a batch exceeds its limit.
	// Nothing was sent.
	ErrTooLarge = errors.New("mq: too large")
	// ErrInvalid says that a name, an id, an option or a time cannot be used. Nothing
	// was sent.
	ErrInvalid = errors.New("mq: invalid")

	// ErrLeaseLost is why a handler's context ends when the lease of its message is
	// not this worker's any more, and the error of the event about an outcome that
	// came too late: somebody else may handle the message.
	ErrLeaseLost = errors.New("mq: the lease of the message is lost")
	// ErrCanceled is why a handler's context ends when its message was cancelled or
	// the queue was cleared, and the result of a message that was cancelled or purged.
	// What was cleared has none: [ErrNoResult].
	ErrCanceled = errors.New("mq: the message was cancelled")
	// ErrStopping is why a handler's context ends when its worker has waited
	// WorkerOptions.StopTimeout for it.
	ErrStopping = errors.New("mq: the worker is stopping")
	// ErrAbandoned is returned by a worker that ended while handlers still ran, for
	// they ignored the end of their contexts. Their messages were released.
	ErrAbandoned = errors.New("mq: handlers did not end")
	// ErrUnknownKind is what a handler returns for a message that it has no code
	// for. The message is released with a delay, for a worker that has.
	ErrUnknownKind = errors.New("mq: unknown kind of message")
	// ErrRunning is returned by [Worker.Run] when it runs already, or has run.
	ErrRunning = errors.New("mq: the worker has been started before")
)

// DuplicateError says which id lives, and in what state its message is.
type DuplicateError struct {
	ID    string
	State State
}

// Error names id and state.
func (e *DuplicateError) Error() string {
	return fmt.Sprintf("mq: duplicate id: %q is %s", e.ID, e.State)
}

// Is matches [ErrDuplicate].
func (e *DuplicateError) Is(target error) bool { return target == ErrDuplicate }

// DurabilityError says how many replicas have confirmed. The message may be in the
// queue, and may be lost in a failover. It may be enqueued again with its id.
type DurabilityError struct {
	// Want is Options.MinReplicas, Got how many confirmed in the last attempt.
	Want, Got int
	// Err is why the last attempt failed, nil if it was confirmed by too few.
	Err error
}

// Error says how many of how many.
func (e *DurabilityError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("mq: not confirmed by %d replicas: %v", e.Want, e.Err)
	}
	return fmt.Sprintf("mq: confirmed by %d replicas of %d", e.Got, e.Want)
}

// Is matches [ErrNotDurable].
func (e *DurabilityError) Is(target error) bool { return target == ErrNotDurable }

// Unwrap returns the error of the last attempt.
func (e *DurabilityError) Unwrap() error { return e.Err }

// FormatError says which format was found: that of a queue, in which nothing was changed, or
// that of one message, which is a dead letter as it was stored.
type FormatError struct {
	Queue string
	// Record says that it is about one message. Queues and messages count their versions
	// apart.
	Record bool
	// Found is the version of what is stored, Known the newest of this package.
	Found string
	Known int
	// Fields are the bits of those fields of a message of a known version that this package
	// does not know.
	Fields byte
}

// Error names both versions, or the fields.
func (e *FormatError) Error() string {
	switch {
	case e.Fields != 0:
		return fmt.Sprintf("mq: queue %q: message with fields %#02x, which this program does not know: update it", e.Queue, e.Fields)
	case e.Record:
		return fmt.Sprintf("mq: queue %q: message of version %s, this program knows %d: update it", e.Queue, e.Found, e.Known)
	}
	return fmt.Sprintf("mq: queue %q: format %s, this program knows %d: update it", e.Queue, e.Found, e.Known)
}

// Is matches [ErrFormat].
func (e *FormatError) Is(target error) bool { return target == ErrFormat }

// FailedError is the result of a message that is a dead letter.
type FailedError struct {
	ID string
	// Reason is the error of its last attempt.
	Reason string
}

// Error tells the reason.
func (e *FailedError) Error() string {
	return fmt.Sprintf("mq: the message %q has failed: %s", e.ID, e.Reason)
}

// Is matches [ErrFailed].
func (e *FailedError) Is(target error) bool { return target == ErrFailed }

// PanicError is what a handler has panicked with.
type PanicError struct {
	Value any
	// Stack is that of the panic, cut after 4 KiB.
	Stack []byte
}

// Error returns the value and the stack.
func (e *PanicError) Error() string {
	return fmt.Sprintf("mq: panic in a handler: %v\n%s", e.Value, e.Stack)
}

// wrap makes an error of a script one of the queue.
func (c *core) wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*resp.Error](err); ok && e.Code == "MQFORMAT" {
		return &FormatError{Queue: c.name, Found: e.Message, Known: formatVersion}
	}
	return fmt.Errorf("mq: %s %q: %w", what, c.name, err)
}
