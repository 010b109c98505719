package sentinel

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// eventBacklog is how many events may wait for a listener.
	eventBacklog = 1024
	// listenerGrace is how long Close waits for listeners that do not return.
	listenerGrace = time.Second
)

// Listeners gives events to functions, each on a goroutine of its own, so that none
// can hold up a link, a client or another listener. The zero value is ready for use.
// Its methods are safe for concurrent use.
type Listeners struct {
	sent, dropped, panics atomic.Uint64
	running               sync.WaitGroup

	mu        sync.Mutex
	listeners map[*listener]struct{}
	closed    bool
}

// listener is one function and the events that wait for it.
type listener struct {
	fn    func(Event)
	queue chan Event
	stop  chan struct{}
	once  sync.Once
}

// Listen calls fn with what is sent from now on, one event at a time, until stop is
// called, or [Listeners.Close], which waits for it a moment.
func (d *Listeners) Listen(fn func(Event)) (stop func()) {
	l := &listener{fn: fn, queue: make(chan Event, eventBacklog), stop: make(chan struct{})}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return func() {}
	}
	if d.listeners == nil {
		d.listeners = make(map[*listener]struct{})
	}
	d.listeners[l] = struct{}{}
	d.running.Go(func() { d.run(l) })
	return func() {
		d.mu.Lock()
		delete(d.listeners, l)
		d.mu.Unlock()
		l.end()
	}
}

func (l *listener) end() { l.once.Do(func() { close(l.stop) }) }

// Send gives an event to all who listen. It never blocks: when a listener is too
// slow, its oldest event goes.
func (d *Listeners) Send(e Event) {
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	d.sent.Add(1)
	d.mu.Lock()
	defer d.mu.Unlock()
	for l := range d.listeners {
		for !l.offer(e) {
			select {
			case <-l.queue:
				d.dropped.Add(1)
			default:
			}
		}
	}
}

func (l *listener) offer(e Event) bool {
	select {
	case l.queue <- e:
		return true
	default:
		return false
	}
}

// Close ends all listeners. Those that are in the middle of an event have a
// moment to finish it and what waits behind it.
func (d *Listeners) Close() {
	d.mu.Lock()
	d.closed = true
	for l := range d.listeners {
		l.end()
	}
	clear(d.listeners)
	d.mu.Unlock()
	ended := make(chan struct{})
	go func() { // ends with the last listener
		d.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(listenerGrace):
	}
}

func (d *Listeners) run(l *listener) {
	for {
		select {
		case <-l.stop:
			d.drain(l)
			return
		case e := <-l.queue:
			d.call(l.fn, e)
		}
	}
}

// drain gives out what had been sent before the end.
func (d *Listeners) drain(l *listener) {
	for {
		select {
		case e := <-l.queue:
			d.call(l.fn, e)
		default:
			return
		}
	}
}

func (d *Listeners) call(fn func(Event), e Event) {
	defer func() {
		if recover() != nil {
			d.panics.Add(1)
		}
	}()
	fn(e)
}
