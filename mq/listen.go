package mq

import (
	"context"
	"errors"
	"strings"

	"github.com/kermes-redis/kermes/pubsub"
	"github.com/kermes-redis/kermes/redis"
)

// wakeQueue is how many wake-ups may wait: each says no more than that there is
// something, and cancels are found by the next heartbeat too.
const wakeQueue = 64

var errNoSource = errors.New("mq: the client gives no connections for subscriptions")

// listen has the worker woken by messages, by new connections and by moves. It returns
// what ends that.
func (w *worker) listen(ctx context.Context) (end func()) {
	if m, ok := redis.Under[redis.Mover](w.c.d); ok {
		w.tasks.Go(func() { w.follow(ctx, m) })
	}
	s, own := w.o.Subscriber, false
	if s == nil {
		source, ok := redis.Under[pubsub.Source](w.c.d)
		if !ok {
			w.goDeaf(errNoSource)
			return func() {}
		}
		s, own = pubsub.New(source, pubsub.Options{}), true
	}
	w.deaf.Store(true) // until it is subscribed
	stop := s.OnReady(func(int64) { w.rouseUp() })
	sub := s.NewSubscription(pubsub.Queue{Size: wakeQueue})
	if err := sub.Handle(pubsub.Handlers{"*": w.onWake}); err != nil {
		w.goDeaf(err)
	} else {
		w.tasks.Go(func() { w.subscribe(ctx, sub) })
	}
	return func() {
		stop()
		_ = sub.Close()
		if own {
			_ = s.Close()
		}
	}
}

// subscribe returns when the subscription stands, is refused or ctx ends.
func (w *worker) subscribe(ctx context.Context, sub *pubsub.Subscription) {
	for {
		err := sub.Subscribe(ctx, w.c.base+"w:"+w.id)
		if err == nil {
			w.deaf.Store(false)
			w.rouseUp()
			return
		}
		if ctx.Err() != nil {
			return
		}
		w.goDeaf(err)
		if hopeless(err) {
			return
		}
		if !sleep(ctx, maxStepBackoff) {
			return
		}
	}
}

// hopeless reports whether a subscription that has failed with err will fail again.
func hopeless(err error) bool {
	_, refused := errors.AsType[*pubsub.RefusedError](err)
	return refused || errors.Is(err, pubsub.ErrClosed)
}

// goDeaf makes the worker poll.
func (w *worker) goDeaf(err error) {
	w.deaf.Store(true)
	w.tell(Event{Kind: EventPolling, Err: err})
}

// onWake is called with each wake-up: "1", or "x" and the id of a message that was
// cancelled.
func (w *worker) onWake(_ context.Context, m pubsub.Message) {
	id, canceled := strings.CutPrefix(m.Text(), "x")
	if !canceled {
		w.rouseUp()
		return
	}
	w.mu.Lock()
	d := w.held[id]
	w.mu.Unlock()
	if d != nil {
		w.loseHeld(d, ErrCanceled)
	}
}
