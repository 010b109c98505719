package lock

import (
	"context"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/pubsub"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/redistest"
	"github.com/kermes-redis/kermes/resp"
)

// A failover may forget the last fences, or bring a clock that is behind them.
func TestFencesGrowWhateverTheServerForgets(t *testing.T) {
	inEachWay(t, func(t *testing.T, n *testredis.Node, d redis.Doer, w way) {
		l, name := locker(t, d, Options{}), fresh(t)
		take := func() *Held {
			h, err := w.lock(t.Context(), l, name)
			must(t, err)
			must(t, h.Unlock(t.Context()))
			return h
		}
		first := take()
		for _, key := range first.target.keys {
			n.MustDo(t, "DEL", key)
		}
		second := take()
		if second.Fence() <= first.Fence() {
			t.Errorf("fence %d after %d, which the server has forgotten", second.Fence(), first.Fence())
		}
		ahead := second.Fence() + time.Hour.Microseconds()
		n.MustDo(t, "SET", first.target.keys[1], strconv.FormatInt(ahead, 10)+"|")
		if third := take(); third.Fence() != ahead+1 {
			t.Errorf("fence %d after %d, an hour ahead of the clock", third.Fence(), ahead)
		}
	})
}

// The server counts from when it was asked, or later: so does the holder from when it
// has asked, however long the answer took.
func TestTheDeadlineCountsFromTheQuestion(t *testing.T) {
	inEachWay(t, func(t *testing.T, _ *testredis.Node, d redis.Doer, w way) {
		s := &spy{Doer: d}
		const ttl = 3 * time.Second
		l, name := locker(t, s, Options{Terms: Terms{TTL: ttl}}), fresh(t)
		h, err := w.lock(t.Context(), l, name) // the server knows the scripts from now on
		must(t, err)
		must(t, h.Renew(t.Context()))
		must(t, h.Unlock(t.Context()))
		base := time.Now()
		var asked atomic.Int64 // since base, the last time: it renews by itself as well
		s.set(func(context.Context, resp.Command) error { asked.Store(int64(time.Since(base))); return nil },
			func(resp.Command) error { pause(t.Context(), 3*l.terms.margin()); return nil })
		h, err = w.lock(t.Context(), l, name)
		must(t, err)
		late := func() time.Duration { return h.Until().Sub(base.Add(time.Duration(asked.Load()) + ttl)) }
		if late := late(); late > 0 {
			t.Errorf("held for %v longer than the server knows", late)
		}
		must(t, h.Renew(t.Context()))
		if late := late(); late > 0 {
			t.Errorf("after a renewal held for %v longer than the server knows", late)
		}
		s.set(nil, nil)
		must(t, h.Unlock(t.Context()))
	})
}

// A grant to a waiter that has left, of which it knew nothing, is given back at once.
func TestAGrantToWhoHasLeftIsGivenBack(t *testing.T) {
	inEachWay(t, func(t *testing.T, n *testredis.Node, d redis.Doer, w way) {
		l, name := locker(t, d, Options{PollInterval: time.Hour, Terms: Terms{TTL: time.Hour}}), fresh(t)
		h, err := w.lock(t.Context(), l, name)
		must(t, err)
		next := queueUp(t, w, l, name)
		eventually(t, "it waits", func() bool { return w.inspect(t.Context(), l, name).Waiters == 1 })
		eventually(t, "messages come", func() bool { return l.Stats().Pushed })
		id, _ := l.core.newID(true, h.target.letter) // in front of it
		for i, key := range h.target.keys {
			if i%len(h.target.kind.suffixes()) == 2 {
				n.MustDo(t, "ZADD", key, "1", id)
			}
		}
		must(t, h.Unlock(t.Context()))
		must(t, (<-next).Unlock(t.Context()))
	})
}

// A Subscriber that the program has made for other things as well.
func TestASubscriberCanBeShared(t *testing.T) {
	n := shared.Node(t)
	inLayers(t, func(t *testing.T, over layer) {
		p := poolOn(t, n)
		s := pubsub.New(p, pubsub.Options{})
		defer s.Close()
		l, name := New(over.over(p), Options{Subscriber: s, PollInterval: time.Hour, Terms: Terms{TTL: time.Hour}}), fresh(t)
		h, err := l.Lock(t.Context(), name)
		must(t, err)
		got := queue(t, l, name, 3)
		must(t, h.Unlock(t.Context()))
		if order := got(); !slices.IsSorted(order) {
			t.Error(order)
		}
		if stats := l.Stats(); stats.Granted != 3 {
			t.Errorf("%+v", stats)
		}
		must(t, l.Close())
		sub := s.NewSubscription(pubsub.Queue{})
		must(t, sub.Subscribe(t.Context(), name)) // it is the program's to close
		must(t, sub.Close())
	})
}

// A single connection is a Doer as well, and no source of messages.
func TestAClientThatCannotSubscribePollsAndSaysSo(t *testing.T) {
	n := shared.Node(t)
	inLayers(t, func(t *testing.T, over layer) {
		c, err := conn.Dial(t.Context(), conn.Options{Addr: n.Addr()})
		must(t, err)
		t.Cleanup(func() { _ = c.Close() })
		var told atomic.Int32
		l, name := locker(t, over.over(c), Options{OnEvent: func(e Event) {
			if e.Kind == EventPolling && e.Err != nil {
				told.Add(1)
			}
		}}), fresh(t)
		h, err := l.Lock(t.Context(), name)
		must(t, err)
		got := queue(t, l, name, 3)
		must(t, h.Unlock(t.Context()))
		if order := got(); !slices.IsSorted(order) {
			t.Error(order)
		}
		if told.Load() != 1 || l.Stats().Pushed {
			t.Errorf("told %d times, %+v", told.Load(), l.Stats())
		}
	})
}

// A lock that only the old master knew is asserted at once, and not a third of a ttl later.
func TestLocksAreRenewedAsSoonAsTheClientMoves(t *testing.T) {
	inLayers(t, func(t *testing.T, over layer) {
		g := redistest.NewGroup(t, redistest.GroupOptions{})
		l := locker(t, over.over(open(t, g.Options(""))), Options{Terms: Terms{TTL: time.Hour}})
		h, err := l.Lock(t.Context(), "x")
		must(t, err)
		before := h.Until()
		must(t, g.Failover(t.Context()))
		eventually(t, "a renewal", func() bool { return h.Until().After(before) })
		must(t, h.Unlock(t.Context()))
	})
}
