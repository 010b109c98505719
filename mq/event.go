package mq

import (
	"context"
	"log/slog"
	"time"
)

// EventKind says what an [Event] is about.
type EventKind string

// The kinds of events.
const (
	// EventStarted and EventStopped: the worker has begun, and has ended with Err.
	EventStarted EventKind = "started"
	EventStopped EventKind = "stopped"
	// EventRetry: an attempt failed with Err; the next one is after Delay.
	EventRetry EventKind = "retry"
	// EventDead: the message is a dead letter, for the reason Err.
	EventDead EventKind = "dead"
	// EventPanic: the handler panicked; Err is a *PanicError. EventRetry or EventDead
	// follows.
	EventPanic EventKind = "panic"
	// EventUnknownKind: no handler here knows the kind of the message. It was
	// released for Delay.
	EventUnknownKind EventKind = "unknown kind"
	// EventLeaseLost: the lease of a message was lost while it was handled, or its
	// outcome came too late. Somebody else may handle it.
	EventLeaseLost EventKind = "lease lost"
	// EventCanceled: a message was cancelled while this worker had it.
	EventCanceled EventKind = "canceled"
	// EventCrashed: N messages whose leases had ended, because a worker died or hung,
	// were made ready again by this worker.
	EventCrashed EventKind = "crashed"
	// EventRecovered: N messages that were claimed by a call whose reply was lost
	// have come back.
	EventRecovered EventKind = "recovered"
	// EventMoved: the commands of the client go to another server, or over new
	// connections.
	EventMoved EventKind = "moved"
	// EventClockJump: the clock of the server has moved by Delay against that of this
	// process. No lease is taken away from anybody for a while.
	EventClockJump EventKind = "clock jump"
	// EventPolling: there are no wake-ups, for the reason Err: the queue is asked
	// every WorkerOptions.PollInterval.
	EventPolling EventKind = "polling"
	// EventTick: [Queue.Schedule] has enqueued the message ID of a tick.
	EventTick EventKind = "tick"
	// EventError: a call failed with Err; it is repeated.
	EventError EventKind = "error"
	// EventAbandoned: N handlers ignored the end of their contexts and still run while
	// the worker ends. Their messages were released.
	EventAbandoned EventKind = "abandoned"
)

// Event is something that happened to a [Worker], or to [Queue.Schedule].
type Event struct {
	Kind  EventKind
	Time  time.Time
	Queue string
	// ID and Attempt are those of the message, if the event is about one.
	ID      string
	Attempt int
	// N counts what the kind says.
	N int
	// Delay is what the kind says.
	Delay time.Duration
	// Err is the reason.
	Err error
}

// level returns the level of the event in logs.
func (e *Event) level() slog.Level {
	switch e.Kind {
	case EventStarted, EventStopped, EventMoved, EventRecovered, EventTick:
		return slog.LevelInfo
	case EventPanic, EventDead, EventAbandoned:
		return slog.LevelError
	}
	return slog.LevelWarn
}

// tell gives an event to whoever wants it.
func (w *worker) tell(e Event) { w.c.tell(e, w.o.OnEvent, w.o.Logger) }

func (c *core) tell(e Event, to func(Event), logger *slog.Logger) {
	e.Time, e.Queue = time.Now(), c.name
	if to != nil {
		to(e)
	}
	if logger == nil {
		return
	}
	attrs := []slog.Attr{slog.String("queue", e.Queue)}
	if e.ID != "" {
		attrs = append(attrs, slog.String("id", e.ID), slog.Int("attempt", e.Attempt))
	}
	if e.N != 0 {
		attrs = append(attrs, slog.Int("n", e.N))
	}
	if e.Delay != 0 {
		attrs = append(attrs, slog.Duration("delay", e.Delay))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("err", e.Err.Error()))
	}
	logger.LogAttrs(context.Background(), e.level(), "mq: "+string(e.Kind), attrs...)
}
