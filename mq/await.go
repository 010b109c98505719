package mq

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/kermes-redis/kermes/pubsub"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

// awaitPoll is how often the result is asked for, besides being told.
const awaitPoll = time.Second

// Await waits until a message has ended that was enqueued with [KeepResult], and decodes
// what its handler has set by [Msg.SetResult] into v, unless v is nil or nothing was
// set. If the message has ended already, its result is there for as long as that said. Any
// number of calls, in any process, may wait for the same message.
//
// Who waits is told by a message, and asks every second besides, also where there are no
// subscriptions, and on through failovers, until ctx ends. What a failover has undone is
// handled again, and Await waits for that. Of an id that was used again, or has a
// successor, the last message counts; if its result is not kept, one that a message before
// it has left stays, and is returned when the last has ended.
//
// The errors are a *[FailedError] of a dead letter, [ErrCanceled] of a message that was
// cancelled or purged, [ErrNoResult] if there is no such message, its result is not
// kept, or the queue was cleared, context.Cause of ctx, an error of decoding, and those of
// the client that asking again will not change, such as that it is closed.
func (q *Queue[T]) Await(ctx context.Context, id string, v any) error {
	if err := q.check(id); err != nil {
		return err
	}
	result, err := q.awaitResult(ctx, id)
	if err != nil {
		return err
	}
	switch result[0] {
	case 'A':
		if v == nil || len(result) == 1 {
			return nil
		}
		if err := decode(q.opts.Codec, result[1:], v); err != nil {
			return fmt.Errorf("mq: decode the result of %q: %w", id, err)
		}
		return nil
	case 'D':
		return &FailedError{ID: id, Reason: string(result[1:])}
	case 'C':
		return fmt.Errorf("%w: %q", ErrCanceled, id)
	}
	return fmt.Errorf("%w: %q", ErrNoResult, id)
}

// awaitResult asks until the message does not live any more.
func (c *core) awaitResult(ctx context.Context, id string) ([]byte, error) {
	result, err := c.askResult(ctx, id)
	if err != nil || result != nil {
		return result, err
	}
	wake := make(chan struct{}, 1)
	end := c.await.listen(ctx, c, id, wake)
	defer end()
	for pause := stepBackoff; ; pause = min(2*pause, awaitPoll) {
		t := time.NewTimer(pause*4/5 + rand.N(pause*2/5))
		select {
		case <-ctx.Done():
			t.Stop()
			return nil, context.Cause(ctx)
		case <-wake:
			t.Stop()
		case <-t.C:
		}
		if result, err = c.askResult(ctx, id); err != nil || result != nil {
			return result, err
		}
	}
}

// askResult returns nil if the message lives, or cannot be asked for now.
func (c *core) askResult(ctx context.Context, id string) ([]byte, error) {
	result, err := resultScript.Run(ctx, c.d, c.keys, resp.String(id))
	switch {
	case err == nil && len(result) == 0:
		return nil, errReply
	case err == nil && result[0] == 'w':
		return nil, nil
	case err == nil:
		return result, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case permanent(err) || c.closed():
		return nil, c.wrap("result in", err)
	}
	return nil, nil
}

// closed reports whether the client says that it was closed for good.
func (c *core) closed() bool {
	d, ok := redis.Under[interface{ Done() <-chan struct{} }](c.d)
	if !ok {
		return false
	}
	select {
	case <-d.Done():
		return true
	default:
		return false
	}
}

// awaiter has a subscriber as long as calls wait.
type awaiter struct {
	mu    sync.Mutex
	s     *pubsub.Subscriber
	calls int
}

// listen has wake told when the message has ended, or may have. It returns what ends that.
func (a *awaiter) listen(ctx context.Context, c *core, id string, wake chan struct{}) (end func()) {
	s := c.opts.Subscriber
	if s == nil {
		s = a.take(c)
	}
	if s == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	look := func() { poke(wake) }
	stop := s.OnReady(func(int64) { look() })
	sub := s.NewSubscription(pubsub.Queue{Size: wakeQueue})
	var subscribing sync.WaitGroup
	if err := sub.Handle(pubsub.Handlers{"*": func(context.Context, pubsub.Message) { look() }}); err == nil {
		subscribing.Go(func() {
			for {
				err := sub.Subscribe(ctx, c.base+"e:"+id)
				if err == nil {
					look() // it may have ended before
					return
				}
				if hopeless(err) || !sleep(ctx, awaitPoll) { // it asks meanwhile
					return
				}
			}
		})
	}
	return func() {
		cancel()
		subscribing.Wait()
		stop()
		_ = sub.Close()
		if s != c.opts.Subscriber {
			a.give()
		}
	}
}

// take returns the subscriber that calls share, or nil if the client gives none.
func (a *awaiter) take(c *core) *pubsub.Subscriber {
	source, ok := redis.Under[pubsub.Source](c.d)
	if !ok {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.calls++; a.calls == 1 {
		a.s = pubsub.New(source, pubsub.Options{})
	}
	return a.s
}

func (a *awaiter) give() {
	a.mu.Lock()
	var last *pubsub.Subscriber
	if a.calls--; a.calls == 0 {
		last, a.s = a.s, nil
	}
	a.mu.Unlock()
	if last != nil {
		_ = last.Close() // which may take its time: other calls go on
	}
}
