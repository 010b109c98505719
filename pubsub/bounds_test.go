package pubsub

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testserver"
)

func TestAttemptsToConnectAreSpacedFromStartToStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for failures, want := range map[int]time.Duration{
			1: 10 * time.Millisecond, 2: 20 * time.Millisecond, 5: 160 * time.Millisecond,
			15: 10 * time.Millisecond << 14, 16: 200 * time.Second, 1000: 200 * time.Second,
		} {
			least, most := time.Hour, time.Duration(0)
			for range 300 {
				b := backoff{low: 10 * time.Millisecond, high: 200 * time.Second, last: time.Now(), failures: failures}
				began := time.Now()
				time.Sleep(5 * time.Millisecond) // the attempt itself
				if !b.wait(t.Context()) {
					t.Fatal("no next attempt")
				}
				took := time.Since(began)
				least, most = min(least, took), max(most, took)
			}
			if least < want*3/4 || least > want*8/10 || most < want*12/10 || most > want*5/4 {
				t.Errorf("after %d failures: from %v to %v, want a quarter around %v", failures, least, most, want)
			}
		}
	})
}

func TestTheFirstAttemptToConnectIsMadeAtOnceAndNoneAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := backoff{low: time.Minute, high: time.Hour}
		began := time.Now()
		if !b.wait(t.Context()) || time.Since(began) != 0 {
			t.Errorf("after %v", time.Since(began))
		}
		b.failed()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if b.wait(ctx) || time.Since(began) != time.Second {
			t.Errorf("an attempt after %v, when the context had ended", time.Since(began))
		}
	})
}

func TestTheOldestEventsGoWhenListenersAreTooSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDispatcher()
		var got []uint64
		d.add(&listener{event: func(e Event) {
			if e.Time.IsZero() {
				t.Error("an event without a time")
			}
			got = append(got, e.N)
		}})
		for i := range uint64(maxEvents + 3) {
			if i == maxEvents && d.dropped() != 0 {
				t.Errorf("%d dropped while there was room", d.dropped())
			}
			d.send(Event{N: i})
		}
		d.start()
		d.close()
		if len(got) != maxEvents || got[0] != 3 || got[len(got)-1] != maxEvents+2 || d.dropped() != 3 {
			t.Errorf("%d events from %d to %d, %d dropped", len(got), got[0], got[len(got)-1], d.dropped())
		}
	})
}

func TestCloseDoesNotWaitForeverForAListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDispatcher()
		hang, began := make(chan struct{}), time.Now()
		d.add(&listener{event: func(Event) { <-hang }})
		d.close() // it has not been started
		if took := time.Since(began); took != 0 {
			t.Errorf("%v for nothing", took)
		}
		d = newDispatcher()
		d.add(&listener{event: func(Event) { <-hang }})
		d.start()
		d.send(Event{})
		d.close()
		if took := time.Since(began); took != closeGrace {
			t.Errorf("%v, want %v", took, closeGrace)
		}
		close(hang)
		<-d.ended
	})
}

func TestAListenerThatWasRemovedIsNotCalledAndTheOthersAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDispatcher()
		var got []string
		add := func(name string) (stop func()) {
			return d.add(&listener{event: func(e Event) { got = append(got, name+string(e.Kind)) }})
		}
		add("a")
		stop := add("b")
		add("c")
		d.start()
		d.send(Event{Kind: "1"})
		synctest.Wait()
		stop()
		d.send(Event{Kind: "2"})
		d.close()
		if fmt.Sprint(got) != "[a1 b1 c1 a2 c2]" {
			t.Errorf("%v", got)
		}
	})
}

func TestALimitIsReachedAndNotExceeded(t *testing.T) {
	for name, test := range map[string]struct {
		queue    Queue
		messages int
		size     int
		lost     uint64
	}{
		"messages":          {Queue{Size: 5}, 5, 1, 0},
		"one more":          {Queue{Size: 5}, 6, 1, 1},
		"bytes":             {Queue{Bytes: 50}, 5, 10, 0},
		"a byte more":       {Queue{Bytes: 49}, 5, 10, 1},
		"default messages":  {Queue{}, DefaultQueueSize, 1, 0},
		"one more of them":  {Queue{}, DefaultQueueSize + 1, 1, 1},
		"default bytes":     {Queue{}, 16, 1 << 20, 0},
		"1 MiB more":        {Queue{}, 17, 1 << 20, 1},
		"no limit":          {Queue{Size: -1, Bytes: -1}, DefaultQueueSize + 10, 1, 0},
		"no limit of bytes": {Queue{Bytes: -1}, 17, 1 << 20, 0},
		"one of any size":   {Queue{Bytes: 1}, 1, 1 << 20, 0},
	} {
		for _, policy := range []Overflow{DropOldest, DropNewest} {
			if policy == DropOldest && test.messages*test.size > 1000 {
				continue // once is enough, for the time that it takes
			}
			test.queue.Overflow = policy
			q := newQueue(test.queue)
			payload := make([]byte, test.size)
			for range test.messages {
				q.push(news, "news", payload, &reader{})
			}
			waiting, total, lost := q.count()
			want := uint64(test.messages)
			if policy == DropNewest {
				want -= test.lost
			}
			if lost != test.lost || total != want || waiting != test.messages-int(test.lost) {
				t.Errorf("%s, %v: %d wait, %d were added, %d lost", name, policy, waiting, total, lost)
			}
		}
	}
}

func TestWhatTheConsumerHasNotBegunWithCountsAsWaiting(t *testing.T) {
	q := newQueue(Queue{Size: 4})
	fill(q, 0, 4)
	q.pop(nil) // the other three are the consumer's
	fill(q, 4, 5)
	if waiting, _, lost := q.count(); waiting != 4 || lost != 0 {
		t.Errorf("%d wait, %d lost", waiting, lost)
	}
	fill(q, 5, 6)
	if got := drain(q); got != "1 2 3 -1 5" {
		t.Errorf("got %q", got)
	}
}

func TestDropsAreReportedOnce(t *testing.T) {
	q := newQueue(Queue{Size: 2})
	fill(q, 0, 5)
	if n := q.unreported(); n != 3 {
		t.Errorf("%d dropped", n)
	}
	if n := q.unreported(); n != 0 {
		t.Errorf("%d told twice", n)
	}
	fill(q, 5, 6)
	if n := q.unreported(); n != 1 {
		t.Errorf("%d dropped since", n)
	}
}

func TestAnEndedQueueTakesNothingMore(t *testing.T) {
	q := newQueue(Queue{})
	fill(q, 0, 2)
	q.close(ErrClosed, false)
	q.close(ErrOverflow, false)
	fill(q, 2, 3)
	q.notice(&Gap{Reason: ErrSilent})
	if got := drain(q); got != "0 1" || q.ended() != ErrClosed { //nolint:errorlint // the very one
		t.Errorf("got %q, ended with %v", got, q.ended())
	}
	q = newQueue(Queue{Size: 1})
	fill(q, 0, 3)
	q.notice(&Gap{Reason: ErrSilent})
	q.close(ErrClosed, true)
	if got := drain(q); got != "" {
		t.Errorf("got %q of what was thrown away", got)
	}
}

func TestABurstLeavesNoMemoryBehind(t *testing.T) {
	q := newQueue(Queue{})
	payload := make([]byte, 100)
	for range 3 * keepItems {
		q.push(news, "news", payload, &reader{})
	}
	for range 3 { // the batches are exchanged
		drain(q)
		fill(q, 0, 1)
	}
	for _, b := range []*batch{&q.in, &q.out} {
		if cap(b.items) > keepItems || cap(b.data) > keepData {
			t.Errorf("room for %d items and %d bytes", cap(b.items), cap(b.data))
		}
	}
}

func TestOptionsThatAreZeroOrNegativeHaveTheirMeaning(t *testing.T) {
	o := Options{}.withDefaults()
	if o.PingInterval != DefaultPingInterval || o.PingTimeout != DefaultPingTimeout || o.DialTimeout != DefaultDialTimeout ||
		o.MinBackoff != DefaultMinBackoff || o.MaxBackoff != DefaultMaxBackoff {
		t.Errorf("zero: %+v", o)
	}
	o = Options{PingInterval: -1, PingTimeout: -1, DialTimeout: -1, MinBackoff: -1, MaxBackoff: -1}.withDefaults()
	if o.PingInterval != -1 || o.PingTimeout != DefaultPingTimeout || o.DialTimeout != -1 ||
		o.MinBackoff != DefaultMinBackoff || o.MaxBackoff != DefaultMaxBackoff {
		t.Errorf("negative: %+v", o)
	}
	o = Options{PingInterval: 1, PingTimeout: 1, DialTimeout: 1, MinBackoff: 1, MaxBackoff: 1}.withDefaults()
	if o.PingInterval != 1 || o.PingTimeout != 1 || o.DialTimeout != 1 || o.MinBackoff != 1 || o.MaxBackoff != 1 {
		t.Errorf("small: %+v", o)
	}
	if o = (Options{MinBackoff: time.Minute}).withDefaults(); o.MaxBackoff != time.Minute {
		t.Errorf("the longest back-off is %v, the shortest a minute", o.MaxBackoff)
	}
}

func TestKindsPoliciesAndNoticesAreWords(t *testing.T) {
	for value, want := range map[fmt.Stringer]string{
		Channel: "channel", Pattern: "pattern", Shard: "shard channel", Kind(9): "kind 9",
		DropOldest: "drop oldest", DropNewest: "drop newest", Block: "block", CloseOnOverflow: "close", Overflow(9): "unknown",
	} {
		if value.String() != want {
			t.Errorf("%q, want %q", value, want)
		}
	}
	from := time.Unix(1, 0)
	gap := &Gap{From: from, To: from.Add(1500 * time.Millisecond), Reason: ErrSilent}
	if text := gap.Error(); !strings.Contains(text, "gap of 1.5s") || !strings.Contains(text, ErrSilent.Error()) {
		t.Error(text)
	}
	if text := (&Dropped{N: 12}).Error(); !strings.Contains(text, "12 messages dropped") {
		t.Error(text)
	}
}

func TestABlockedReaderGoesOnBeforeTheConsumerHasTakenAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(Queue{Size: 4, Overflow: Block})
		fill(q, 0, 4)
		q.pop(nil) // the other three are the consumer's
		go fill(q, 4, 7)
		for taken := range 3 {
			synctest.Wait()
			if waiting, total, _ := q.count(); waiting != 4 || total != uint64(5+taken) {
				t.Errorf("%d wait, %d were added", waiting, total)
			}
			q.pop(nil)
		}
		synctest.Wait()
		if got := drain(q); got != "4 5 6" {
			t.Errorf("then %q", got)
		}
	})
}

func TestADropBeforeANoticeIsToldBeforeItsMessages(t *testing.T) {
	q := newQueue(Queue{Size: 2, Overflow: DropNewest})
	fill(q, 0, 5) // 0 1, three dropped
	q.notice(&Gap{Reason: ErrSilent})
	q.opts.Overflow = DropOldest
	fill(q, 5, 7)
	if got := drain(q); got != "gap -5 5 6" {
		t.Errorf("got %q", got)
	}
}

func TestAMessageThatNeverFitsBesideOthersIsDroppedAlone(t *testing.T) {
	q := newQueue(Queue{Bytes: 10})
	fill(q, 0, 3)
	q.pop(nil) // the other two are the consumer's
	q.notice(&Gap{Reason: ErrSilent})
	q.push(news, "news", make([]byte, 11), &reader{}) // nothing is here to be dropped for it
	fill(q, 3, 4)
	if got := drain(q); got != "1 2 gap -1 3" {
		t.Errorf("got %q", got)
	}
	q.push(news, "news", []byte("longer than it all"), &reader{})
	if got := drain(q); got != "longer than it all" {
		t.Errorf("got %q", got)
	}
}

func TestABlockedReaderReturnsWhenTheQueueEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(Queue{Size: 1, Overflow: Block})
		r, returned := &reader{}, false
		go func() {
			q.push(news, "news", nil, r)
			q.push(news, "news", nil, r)
			returned = true
		}()
		synctest.Wait()
		if returned || !r.blocked.Load() {
			t.Error("there was room")
		}
		q.close(ErrClosed, false)
		synctest.Wait()
		if !returned || r.blocked.Load() {
			t.Error("it waits for room in a queue that has ended")
		}
		if _, total, lost := q.count(); total != 1 || lost != 0 {
			t.Errorf("%d were added, %d lost", total, lost)
		}
	})
}

func TestCallsThatAreGivenUpLeaveNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := testserver.NewWith(t, testserver.Options{Network: "none"})
		srv.Handle("SUBSCRIBE", func(*testserver.Peer, []string) {})
		s := New(Server{Options: conn.Options{Dial: srv.PipeDial}}, Options{PingInterval: -1})
		defer s.Close()
		go func() { _, _ = s.Subscribe(t.Context(), "a") }()
		synctest.Wait()
		for range 10 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if _, err := s.Subscribe(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			cancel()
		}
		s.mu.Lock()
		if n := len(s.topics[Channel]["a"].waiters); n != 1 || len(s.subs) != 1 {
			t.Errorf("%d wait, of %d subscriptions", n, len(s.subs))
		}
		s.mu.Unlock()
	})
}
