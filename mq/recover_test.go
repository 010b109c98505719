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

// A server is asked again and again what a claim had taken whose reply was lost. What was
// recovered, and is settled while such an answer is under way, is not taken for new.
func TestALateAnswerBringsNothingBackThatIsSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := redistest.NewGroup(t, redistest.GroupOptions{InMemory: true})
		c, err := client.Open(t.Context(), g.Options(""))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		l := &late{Doer: c, asked: make(chan struct{}), let: make(chan struct{})}
		q := New[int](l, "q", Options{})
		direct := New[int](c, "q", Options{}) // the server learns the scripts
		if _, err := direct.Drain(t.Context(), func(context.Context, *Msg[int]) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if _, err := recoverScript.Run(t.Context(), c, q.keys, resp.Int(1000)); err != nil {
			t.Fatal(err)
		}
		if _, err := direct.Enqueue(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		var calls atomic.Int64
		began, hold := make(chan struct{}, 10), make(chan struct{})
		w := q.newWorker(func(context.Context, *Msg[int]) error {
			calls.Add(1)
			began <- struct{}{}
			<-hold
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
			settled = len(w.held) == 0
			w.mu.Unlock()
		}
		close(l.let)
		time.Sleep(time.Second) // of the bubble: whatever is to be handled is
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		s, err := direct.Stats(t.Context())
		if calls.Load() != 1 || err != nil || s.Handled != 1 || w.asking != 0 || w.ended != nil {
			t.Errorf("%d calls, %d recovered, %+v, %v", calls.Load(), w.counts.recovered.Load(), s, err)
		}
	})
}
