package lock

import (
	"context"
	"errors"
	"time"

	"github.com/kermes-redis/kermes/pubsub"
)

const (
	// pushPatience is how long the first waiter waits to be subscribed before it
	// begins to poll.
	pushPatience = time.Second
	// refusedPause is how long a refused subscription is not tried again.
	refusedPause = 30 * time.Second
)

// push is how this process is told of grants. It is guarded by core.mu.
type push struct {
	shared, own *pubsub.Subscriber
	sub         *pubsub.Subscription
	starting    chan struct{} // closed when an attempt to subscribe has ended
	refused     time.Time     // when the server has refused
}

func (p *push) subscriber() *pubsub.Subscriber {
	if p.shared != nil {
		return p.shared
	}
	return p.own
}

// readyLocked reports whether a message would reach this process now.
func (p *push) readyLocked() bool {
	if p.sub == nil || p.sub.Err() != nil {
		return false
	}
	_, ok := p.subscriber().Ready()
	return ok
}

// pushed reports whether waiters are told by push.
func (c *core) pushed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.push.readyLocked()
}

// subscribe waits until waiters are told by push, but not for long, and reports
// whether they are.
func (c *core) subscribe(ctx context.Context) bool {
	started := c.startPush()
	if started == nil {
		return c.pushed()
	}
	patience := time.NewTimer(pushPatience)
	defer patience.Stop()
	select {
	case <-started:
	case <-patience.C:
	case <-ctx.Done():
	}
	return c.pushed()
}

// startPush begins to subscribe if that is possible and not done. The channel that
// it returns is closed when that has ended; nil says that nothing was begun.
func (c *core) startPush() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := &c.push
	switch {
	case p.starting != nil:
		return p.starting
	case p.sub != nil && p.sub.Err() == nil, p.shared == nil && c.source == nil:
		return nil
	case !p.refused.IsZero() && time.Since(p.refused) < refusedPause:
		return nil
	}
	if p.shared == nil && p.own == nil {
		p.own = pubsub.New(c.source, pubsub.Options{})
	}
	s, ended := p.subscriber(), make(chan struct{})
	if !c.spawnLocked(func() {
		sub, err := c.subscribeTo(s)
		c.subscribed(sub, err)
		close(ended)
	}) {
		return nil
	}
	p.starting = ended
	return ended
}

// subscribeTo subscribes to the channel of this process.
func (c *core) subscribeTo(s *pubsub.Subscriber) (*pubsub.Subscription, error) {
	sub := s.NewSubscription(pubsub.Queue{})
	if err := sub.Handle(pubsub.Handlers{c.channel: c.granted}); err != nil {
		return nil, err
	}
	stop := s.OnReady(func(int64) { c.lookAgain() })
	if err := sub.Subscribe(c.closeCtx, c.channel); err != nil {
		stop()
		_ = sub.Close()
		return nil, err
	}
	context.AfterFunc(c.closeCtx, func() {
		stop()
		_ = sub.Close()
	})
	return sub, nil
}

// subscribed notes how an attempt to subscribe has ended.
func (c *core) subscribed(sub *pubsub.Subscription, err error) {
	c.mu.Lock()
	c.push.starting = nil
	if err == nil {
		c.push.sub = sub
	} else {
		c.push.refused = time.Now()
	}
	c.mu.Unlock()
	if err != nil && !errors.Is(err, context.Canceled) {
		c.tell(EventPolling, "", err)
	}
	c.lookAgain()
}

// granted has the waiter look that a message is for. The message is a hint: what
// counts is what the server says then. A lock that was given to somebody who has
// left in the meantime is given back.
func (c *core) granted(_ context.Context, m pubsub.Message) {
	seq, what, ok := c.grantTo(m.Text())
	if !ok {
		return
	}
	c.mu.Lock()
	w, held := c.waiters[seq], c.held[seq]
	c.mu.Unlock()
	switch {
	case w != nil:
		w.told.Store(true)
		w.lookAgain()
	case held == nil:
		c.spawn(func() { c.forget(c.closeCtx, what, c.channel+"|"+seq, standard()) })
	}
}

// lookAgain has every waiter look.
func (c *core) lookAgain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.waiters {
		w.lookAgain()
	}
}
