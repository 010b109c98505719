package mq

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/redistest"
	"github.com/kermes-redis/kermes/resp"
)

// late loses the reply of the first step, and holds up that of the second recover.
type late struct {
	redis.Doer
	steps, recovers atomic.Int64
	asked, let      chan struct{}
}

func (l *late) Do(ctx context.Context, cmd resp.Command) (resp.Reply, error) {
	text := string(cmd.AppendTo(nil))
	r, err := l.Doer.Do(ctx, cmd)
	switch {
	case strings.Contains(text, stepScript.Hash()) && l.steps.Add(1) == 1:
		return resp.Reply{}, &conn.Error{Op: conn.OpWait, Class: conn.ClassMaybeExecuted, Err: errors.New("cut off")}
	case strings.Contains(text, recoverScript.Hash()) && l.recovers.Add(1) == 2:
		close(l.asked)
		<-l.let
	}
	return r, err
}

// lateWorker returns a queue of which the reply of the first step is lost and the answer of
// the second recover is late, with one message, and the same without that.
func lateWorker(t *testing.T) (l *late, q, direct *Queue[int]) {
	t.Helper()
	g := redistest.NewGroup(t, redistest.GroupOptions{InMemory: true})
	c, err := client.Open(t.Context(), g.Options(""))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	l = &late{Doer: c, asked: make(chan struct{}), let: make(chan struct{})}
	q, direct = New[int](l, "q", Options{}), New[int](c, "q", Options{})
	// The server learns the scripts.
	if _, err := direct.Drain(t.Context(), func(context.Context, *Msg[int]) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := recoverScript.Run(t.Context(), c, q.keys, resp.Int(1000)); err != nil {
		t.Fatal(err)
	}
	if _, err := direct.Enqueue(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	return l, q, direct
}

// A server is asked again and again what a claim had taken whose reply was lost. What was
// recovered, and is settled while such an answer is under way, is not taken for new:
// neither if it was settled once, nor if it was claimed again and settled once more.
func TestALateAnswerBringsNothingBackThatIsSettled(t *testing.T) {
	for _, most := range []int64{1, 2, 3} {
		synctest.Test(t, func(t *testing.T) {
			l, q, direct := lateWorker(t)
			var calls atomic.Int64
			began, hold := make(chan struct{}, 10), make(chan struct{})
			w := q.newWorker(func(context.Context, *Msg[int]) error {
				n := calls.Add(1)
				began <- struct{}{}
				<-hold
				if n < most {
					return RetryAfter(0, errors.New("not yet"))
				}
				return nil
			}, WorkerOptions{})
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- w.run(ctx) }()
			<-began
			poke(w.beat)
			<-l.asked
			close(hold)
			for settled := false; !settled; {
				time.Sleep(time.Millisecond)
				w.mu.Lock()
				settled = len(w.held) == 0 && calls.Load() >= most
				w.mu.Unlock()
			}
			close(l.let)
			time.Sleep(time.Second) // of the bubble: whatever is to be handled is
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			s, err := direct.Stats(t.Context())
			if calls.Load() != most || err != nil || s.Handled != 1 || w.asking != 0 || w.ended != nil {
				t.Errorf("%d calls for %d, %d recovered, %+v, %v", calls.Load(), most, w.counts.recovered.Load(), s, err)
			}
		})
	}
}

// A message that was claimed again while the server was asked is not replaced by what an
// older claim had taken, but by what a newer one has.
func TestALateAnswerReplacesNoNewerClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, q, _ := lateWorker(t)
		w := q.newWorker(func(context.Context, *Msg[int]) error { return nil }, WorkerOptions{})
		w.root = t.Context()
		until := time.Now().Add(time.Minute)
		w.seq = 34
		var tokens []string
		for range 4 { // of one digit and of two
			tokens = append(tokens, w.newToken())
		}
		held := w.accept(&claimed{id: "a"}, tokens[2], until)
		for _, token := range tokens[:3] {
			if d := w.accept(&claimed{id: "a", token: token}, "", until); d != nil || w.held["a"] != held || held.lost {
				t.Errorf("%s has replaced %s", token, held.token)
			}
		}
		if d := w.accept(&claimed{id: "a", token: tokens[3]}, "", until); d == nil || w.held["a"] != d || !held.lost {
			t.Errorf("%s has not replaced %s", tokens[3], held.token)
		}
	})
}
