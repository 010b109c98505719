package pubsub

import (
	"runtime/debug"
	"sync"
	"time"
)

// EventKind says what an [Event] is about.
type EventKind string

// The kinds of events.
const (
	// EventSubscribed: everything that is wanted is confirmed on a new
	// connection. Event.N is how many channels and patterns that is.
	EventSubscribed EventKind = "subscribed"
	// EventLost: the connection broke, for the reason Event.Err. What is
	// published from now on is missed until EventGap.
	EventLost EventKind = "lost"
	// EventGap: an interruption is over; see Event.Gap. There is one for each
	// interruption, however many attempts it took to end it.
	EventGap EventKind = "gap"
	// EventMoved: the new connection leads to another server than the last
	// one, from Event.OldAddr to Event.Addr. It comes before EventGap.
	EventMoved EventKind = "moved"
	// EventRetry: an attempt to connect failed, for the reason Event.Err.
	EventRetry EventKind = "retry"
	// EventDropped: Event.N messages of Event.Subscription were thrown away
	// since the last such event, because its buffer was full. It is told up to
	// a PingInterval late.
	EventDropped EventKind = "dropped"
	// EventRefused: the server refused a subscription; Event.Err is a
	// *RefusedError. It is tried again every few seconds and on every new
	// connection as long as it is wanted.
	EventRefused EventKind = "refused"
	// EventPanic: a handler or listener panicked; Event.Err is a *PanicError.
	EventPanic EventKind = "panic"
	// EventClosed: the Subscriber has ended, because it was closed or, with
	// ErrSourceClosed as Event.Err, because its source was. It is the last one.
	EventClosed EventKind = "closed"
)

// Event is something that happened to a [Subscriber].
type Event struct {
	Kind EventKind
	// Time is when it happened.
	Time time.Time
	// Addr is the address of the server, OldAddr that of the one before.
	Addr, OldAddr string
	// Epoch is the source's, zero if it has none.
	Epoch int64
	// Gap is set for EventGap.
	Gap *Gap
	// N counts what the kind says.
	N uint64
	// Subscription is set where the event concerns one alone.
	Subscription *Subscription
	// Err is the reason.
	Err error
}

// maxEvents is how many events may wait for slow listeners.
const maxEvents = 4096

// dispatcher calls listeners from a goroutine of its own, in order, so that
// none of them can hold up the connection.
type dispatcher struct {
	wake  chan struct{}
	ended chan struct{}

	mu        sync.Mutex
	running   bool
	queue     []Event
	lost      uint64
	closed    bool
	listeners []*listener
}

// listener is a function that wants events, or one that wants to know when all
// is subscribed.
type listener struct {
	event func(Event)
	ready func(epoch int64)
}

func newDispatcher() *dispatcher {
	return &dispatcher{wake: make(chan struct{}, 1), ended: make(chan struct{})}
}

func (d *dispatcher) add(l *listener) (stop func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.listeners = append(d.listeners[:len(d.listeners):len(d.listeners)], l)
	return func() { d.remove(l) }
}

func (d *dispatcher) remove(l *listener) {
	d.mu.Lock()
	defer d.mu.Unlock()
	kept := make([]*listener, 0, len(d.listeners))
	for _, other := range d.listeners {
		if other != l {
			kept = append(kept, other)
		}
	}
	d.listeners = kept
}

// send never blocks: when listeners are too slow, the oldest event goes.
func (d *dispatcher) send(e Event) {
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.queue) >= maxEvents {
		d.queue = append(d.queue[:0], d.queue[1:]...)
		d.lost++
	}
	d.queue = append(d.queue, e)
	poke(d.wake)
}

// start starts the goroutine, which close ends.
func (d *dispatcher) start() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.running && !d.closed {
		d.running = true
		go d.run()
	}
}

// close ends the goroutine when it has told what is queued, and waits for that,
// but not for ever: a listener may hang, or be the one who closes.
func (d *dispatcher) close() {
	d.mu.Lock()
	running := d.running
	d.closed = true
	d.mu.Unlock()
	poke(d.wake)
	if !running {
		return
	}
	timer := time.NewTimer(closeGrace)
	defer timer.Stop()
	select {
	case <-d.ended:
	case <-timer.C:
	}
}

func (d *dispatcher) run() {
	defer close(d.ended)
	for {
		d.mu.Lock()
		events, listeners, closed := d.queue, d.listeners, d.closed
		d.queue = nil
		d.mu.Unlock()
		for _, e := range events {
			for _, l := range listeners {
				d.call(l, e)
			}
		}
		if len(events) > 0 {
			continue
		}
		if closed {
			return
		}
		<-d.wake
	}
}

func (d *dispatcher) call(l *listener, e Event) {
	defer func() {
		if v := recover(); v != nil && e.Kind != EventPanic {
			d.send(Event{Kind: EventPanic, Err: &PanicError{Value: v, Stack: debug.Stack()}})
		}
	}()
	switch {
	case l.event != nil:
		l.event(e)
	case e.Kind == EventSubscribed:
		l.ready(e.Epoch)
	}
}

func (d *dispatcher) dropped() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lost
}
