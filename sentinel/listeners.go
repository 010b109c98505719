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

// listeners gives events to listeners, each on a goroutine of its own, so that
// none can hold up a link, a client or another listener.
type listeners struct {
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

func newListeners() *listeners {
	return &listeners{listeners: make(map[*listener]struct{})}
}

// listen calls fn with what is sent from now on. The goroutine ends with stop,
// or with close, which waits for it a moment.
func (d *listeners) listen(fn func(Event)) (stop func()) {
	l := &listener{fn: fn, queue: make(chan Event, eventBacklog), stop: make(chan struct{})}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return func() {}
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

// send never blocks: when a listener is too slow, its oldest event goes.
func (d *listeners) send(e Event) {
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

// close ends all listeners. Those that are in the middle of an event have a
// moment to finish it and what waits behind it.
func (d *listeners) close() {
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

func (d *listeners) run(l *listener) {
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
func (d *listeners) drain(l *listener) {
	for {
		select {
		case e := <-l.queue:
			d.call(l.fn, e)
		default:
			return
		}
	}
}

func (d *listeners) call(fn func(Event), e Event) {
	defer func() {
		if recover() != nil {
			d.panics.Add(1)
		}
	}()
	fn(e)
}
