package mq_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/mq"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

// silent is a client whose replies to claims are lost: the caller learns that when it
// gives up.
type silent struct {
	redis.Doer
	on   atomic.Bool
	lost atomic.Int64
}

func (s *silent) Unwrap() redis.Doer { return s.Doer }

func (s *silent) Do(ctx context.Context, cmd resp.Command) (resp.Reply, error) {
	if _, claims := cmd.Timeout(); !claims || !s.on.Load() {
		return s.Doer.Do(ctx, cmd)
	}
	if _, err := s.Doer.Do(ctx, cmd); err != nil {
		return resp.Reply{}, err
	}
	s.lost.Add(1)
	<-ctx.Done()
	return resp.Reply{}, &conn.Error{Op: conn.OpWait, Class: conn.ClassMaybeExecuted, Err: context.Cause(ctx)}
}

// A worker that is to end while a claim is under way waits for it a little. What the
// claim has brought is released, though its reply was lost.
func TestStopDoesNotWaitForAClaimThatIsNotAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &silent{Doer: inBubble(t)}
		q := newQueue[int](t, s, mq.Options{})
		var handled atomic.Int64
		w := start(t, q, func(context.Context, *mq.Msg[int]) error { handled.Add(1); return nil },
			mq.WorkerOptions{Lease: time.Hour})
		eventually(t, "the worker is idle", func() bool { return stats(t, q).Idle == 1 })
		s.on.Store(true)
		enqueueN(t, q, 5)
		eventually(t, "they are claimed", func() bool { return s.lost.Load() == 1 && stats(t, q).Leased == 5 })
		s.on.Store(false)
		began := time.Now()
		must(t, w.stop())
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("the stop took %v", took)
		}
		if n := stats(t, q); n.Ready != 5 || n.Leased != 0 || handled.Load() != 0 {
			t.Errorf("%+v, %d handled", n, handled.Load())
		}
		var got seen
		_, err := q.Drain(t.Context(), func(_ context.Context, m *mq.Msg[int]) error {
			got.add("%d/%d/%d", m.Value, m.Attempt, m.Crashes)
			return nil
		})
		must(t, err)
		for i, s := range got.list() {
			if want := string(rune('0'+i)) + "/1/0"; s != want {
				t.Errorf("message %d is %s", i, s)
			}
		}
		sound(t, q)
	})
}

// What waits in a worker is not begun any more when it is to end, also while a claim
// is under way.
func TestNothingIsBegunAfterTheEndOfTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &silent{Doer: inBubble(t)}
		q := newQueue[int](t, s, mq.Options{})
		var begun atomic.Int64
		last := make(chan struct{})
		enqueueN(t, q, 200)
		w := start(t, q, func(ctx context.Context, m *mq.Msg[int]) error {
			switch n := begun.Add(1); {
			case n == 50:
				s.on.Store(true)
			case s.lost.Load() > 0:
				<-last
			}
			time.Sleep(time.Millisecond) // the work: some are prefetched, and more are wanted
			return nil
		}, mq.WorkerOptions{Concurrency: 1, Lease: time.Hour})
		eventually(t, "a claim is not answered", func() bool { return s.lost.Load() > 0 })
		synctest.Wait()
		ended := make(chan error, 1)
		before, waiting := begun.Load(), w.Stats().Waiting
		go func() { ended <- w.stop() }()
		synctest.Wait()
		s.on.Store(false)
		close(last)
		if err := <-ended; err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if n := begun.Load(); n > before+1 || waiting < 3 {
			t.Errorf("%d were begun after the end, of %d that waited", n-before, waiting)
		}
		if n := stats(t, q); n.Leased != 0 {
			t.Errorf("%+v", n)
		}
	})
}
