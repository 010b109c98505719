package sentinel

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// eventBacklog is how many events may wait for slow listeners.
const eventBacklog = 1024

// dispatcher gives events to listeners from a goroutine of its own, so that no
// listener can hold up a link or a client.
type dispatcher struct {
	queue   chan Event
	ended   chan struct{}
	dropped atomic.Uint64
	panics  atomic.Uint64

	mu        sync.Mutex
	listeners map[int]func(Event)
	next      int
}

func newDispatcher() *dispatcher {
	return &dispatcher{queue: make(chan Event, eventBacklog), ended: make(chan struct{}), listeners: make(map[int]func(Event))}
}

func (d *dispatcher) listen(fn func(Event)) (stop func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	id := d.next
	d.next++
	d.listeners[id] = fn
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.listeners, id)
	}
}

// send never blocks: when listeners are too slow, the oldest event goes.
func (d *dispatcher) send(e Event) {
	for {
		select {
		case d.queue <- e:
			return
		default:
		}
		select {
		case <-d.queue:
			d.dropped.Add(1)
		default:
		}
	}
}

// listenerGrace is how long Close waits for a listener that does not return.
const listenerGrace = time.Second

func (d *dispatcher) wait() {
	select {
	case <-d.ended:
	case <-time.After(listenerGrace):
	}
}

// run calls the listeners until ctx ends.
func (d *dispatcher) run(ctx context.Context) {
	defer close(d.ended)
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-d.queue:
			for _, fn := range d.current() {
				d.call(fn, e)
			}
		}
	}
}

func (d *dispatcher) current() []func(Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]func(Event), 0, len(d.listeners))
	for id := range d.next {
		if fn, ok := d.listeners[id]; ok {
			all = append(all, fn)
		}
	}
	return all
}

func (d *dispatcher) call(fn func(Event), e Event) {
	defer func() {
		if recover() != nil {
			d.panics.Add(1)
		}
	}()
	fn(e)
}
