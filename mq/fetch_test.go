package mq

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/redistest"
	"github.com/kermes-redis/kermes/resp"
)

// A claim takes as many messages as fit, and one at least.
func TestAClaimIsBoundedByBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := redistest.NewGroup(t, redistest.GroupOptions{InMemory: true})
		c, err := client.Open(t.Context(), g.Options(""))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		q := New[[]byte](c, "q", Options{})
		items := []Item[[]byte]{{Value: make([]byte, 5000)}}
		for range 8 {
			items = append(items, Item[[]byte]{Value: make([]byte, 1000)})
		}
		if _, err := q.EnqueueBatch(t.Context(), items); err != nil {
			t.Fatal(err)
		}
		w := q.newWorker(nil, WorkerOptions{Concurrency: 20, ClaimBytes: 3500})
		w.begin(t.Context())
		for _, want := range []int{1, 3, 3, 2, 0} {
			before := len(w.work)
			if err := w.step(t.Context(), 20, 0); err != nil || len(w.work)-before != want {
				t.Errorf("%d claimed, want %d, %v", len(w.work)-before, want, err)
			}
			if more := w.more; more != (want == 1 || want == 3) {
				t.Errorf("after a claim of %d there is more: %v", want, more)
			}
		}
	})
}

// A step that claims has a large reply, and runs beside the small calls of others. It is
// not repeated by the client; what only settles may be.
func TestAStepThatClaimsRunsOnALease(t *testing.T) {
	claims := flagStep(stepScript.EvalSha(nil), 1).Command
	if f := claims.Flags(); f&resp.Blocking == 0 || f&resp.Idempotent != 0 {
		t.Errorf("a step that claims has flags %b", f)
	}
	settles := flagStep(stepScript.EvalSha(nil), 0).Command
	if f := settles.Flags(); f&resp.Blocking != 0 || f&resp.Idempotent == 0 {
		t.Errorf("a step that claims nothing has flags %b", f)
	}
}

// refuser is a client of a server that refuses to prolong leases for half a lease after
// each time that it did.
type refuser struct {
	redis.Doer
	lease   time.Duration
	last    time.Time
	refused int
}

func (r *refuser) Do(ctx context.Context, cmd resp.Command) (resp.Reply, error) {
	if strings.Contains(string(cmd.AppendTo(nil)), extendScript.Hash()) {
		if r.last.IsZero() {
			r.last = time.Now()
		}
		if time.Since(r.last) < r.lease/2 {
			codes := []string{"BUSY", "LOADING", "MASTERDOWN", "NOREPLICAS", "OOM", "READONLY", "MISCONF", "TRYAGAIN"}
			r.refused++
			return resp.Reply{}, &resp.Error{Code: codes[r.refused%len(codes)], Message: "not now"}
		}
		r.last = time.Now()
	}
	return r.Doer.Do(ctx, cmd)
}

func (r *refuser) Unwrap() redis.Doer { return r.Doer }

// Whatever a server refuses to prolong a lease with, it is asked again until the lease ends.
func TestLeasesOutliveRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := redistest.NewGroup(t, redistest.GroupOptions{InMemory: true})
		c, err := client.Open(t.Context(), g.Options(""))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		r := &refuser{Doer: c, lease: 30 * time.Second}
		q := New[int](r, "q", Options{})
		if _, err := q.Enqueue(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var told error
		w := q.newWorker(func(ctx context.Context, _ *Msg[int]) error {
			time.Sleep(10 * time.Minute)
			told = context.Cause(ctx)
			cancel()
			return nil
		}, WorkerOptions{Lease: r.lease})
		if err := w.run(ctx); err != nil {
			t.Error(err)
		}
		s, err := q.Stats(t.Context())
		if told != nil || err != nil || s.Handled != 1 || s.Crashed != 0 || r.refused < 100 {
			t.Errorf("told %v; %d refusals; %+v, %v", told, r.refused, s, err)
		}
	})
}

func TestAShortLeaseIsWarnedOf(t *testing.T) {
	for lease, short := range map[time.Duration]bool{time.Second: true, shortLease: false, 0: false} {
		o := WorkerOptions{Lease: lease}.withDefaults()
		if err := o.check(); (err != nil) != short {
			t.Errorf("%v: %v", lease, err)
		}
	}
}
