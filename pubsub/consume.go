package pubsub

import (
	"bytes"
	"context"
	"iter"
	"runtime/debug"
)

// All returns an iterator over the messages, and over the notices between them:
// with a nil error comes a message, otherwise the error is a *[Gap] or a
// *[Dropped] and the message is empty. The iteration waits for more, and ends
// when ctx ends, when the subscription is closed ([Subscription.Err] tells), or
// by break; another one goes on where it stopped. If somebody else consumes
// the subscription, it yields ErrBusy and ends.
func (sub *Subscription) All(ctx context.Context) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		if !sub.busy.CompareAndSwap(false, true) {
			yield(Message{}, ErrBusy)
			return
		}
		defer sub.busy.Store(false)
		sub.each(ctx, yield)
	}
}

// Messages is [Subscription.All] without the notices.
func (sub *Subscription) Messages(ctx context.Context) iter.Seq[Message] {
	return func(yield func(Message) bool) {
		for m, err := range sub.All(ctx) {
			if err == nil && !yield(m) {
				return
			}
		}
	}
}

// each yields until the consumer has had enough or no more will come.
func (sub *Subscription) each(ctx context.Context, yield func(Message, error) bool) {
	for ctx.Err() == nil {
		it := sub.queue.pop(ctx.Done())
		if it == nil || sub.ctx.Err() != nil {
			return
		}
		if it.notice != nil {
			sub.tell(it.notice)
			if !yield(Message{}, it.notice) {
				return
			}
			continue
		}
		if !yield(sub.message(it, sub.queue.opts.Borrow), nil) {
			return
		}
	}
}

func (sub *Subscription) message(it *item, borrow bool) Message {
	m := Message{Channel: it.channel, Kind: it.topic.kind, Payload: sub.queue.out.data[it.start:it.end:it.end]}
	if m.Kind == Pattern {
		m.Pattern = it.topic.name
	}
	if !borrow {
		m.Payload = bytes.Clone(m.Payload)
	}
	return m
}

func (sub *Subscription) tell(notice error) {
	if sub.queue.opts.OnNotice != nil {
		sub.guard(func() { sub.queue.opts.OnNotice(notice) })
	}
}

// Chan starts a goroutine that sends the messages to a channel and returns that
// channel. It is unbuffered: the buffer is the subscription's. It is closed when
// the subscription has ended. Notices go to Queue.OnNotice. If somebody consumes
// the subscription already, the channel is closed at once.
func (sub *Subscription) Chan() <-chan Message {
	c := make(chan Message)
	if !sub.busy.CompareAndSwap(false, true) || !sub.s.running(sub) {
		close(c)
		return c
	}
	go func() {
		defer sub.s.handlers.Done()
		defer close(c)
		for {
			it := sub.queue.pop(sub.ctx.Done())
			switch {
			case it == nil || sub.ctx.Err() != nil:
				return
			case it.notice != nil:
				sub.tell(it.notice)
				continue
			}
			select {
			case c <- sub.message(it, false):
			case <-sub.ctx.Done():
				return
			}
		}
	}()
	return c
}

// Handler is called with a message. ctx ends when the subscription is closed.
type Handler func(ctx context.Context, m Message)

// Handlers says which handler a message goes to: the one under the name of its
// channel, else the one under the pattern that it came by, else the one under
// "*". Without that, it goes nowhere.
type Handlers map[string]Handler

// find returns the handler for a message, or nil.
func (h Handlers) find(m *Message) Handler {
	if f := h[m.Channel]; f != nil {
		return f
	}
	if m.Kind == Pattern {
		if f := h[m.Pattern]; f != nil {
			return f
		}
	}
	return h["*"]
}

// Handle starts a goroutine that calls handlers, one message after another,
// until the subscription is closed. A handler that takes long delays this
// subscription alone. One that panics is reported ([EventPanic]) and the next
// message handled. h must not be changed any more. Handle returns ErrBusy if
// somebody consumes the subscription already, and ErrClosed after Close.
func (sub *Subscription) Handle(h Handlers) error {
	if !sub.busy.CompareAndSwap(false, true) {
		return ErrBusy
	}
	if !sub.s.running(sub) {
		return sub.reason()
	}
	go sub.handle(h)
	return nil
}

// handle runs until the subscription is closed; Subscriber.Close waits for it.
func (sub *Subscription) handle(h Handlers) {
	defer sub.s.handlers.Done()
	for {
		it := sub.queue.pop(sub.ctx.Done())
		switch {
		case it == nil || sub.ctx.Err() != nil:
			return
		case it.notice != nil:
			sub.tell(it.notice)
			continue
		}
		m := sub.message(it, sub.queue.opts.Borrow)
		if f := h.find(&m); f != nil {
			sub.guard(func() { f(sub.ctx, m) })
		}
	}
}

// guard calls f and reports its panic.
func (sub *Subscription) guard(f func()) {
	defer func() {
		if v := recover(); v != nil {
			sub.panics.Add(1)
			sub.s.events.send(Event{Kind: EventPanic, Subscription: sub, Err: &PanicError{Value: v, Stack: debug.Stack()}})
		}
	}()
	f()
}
