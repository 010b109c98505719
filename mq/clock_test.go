package mq

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/redis"
)

func TestAClockThatRunsAwayIsNoticed(t *testing.T) {
	base := time.Now()
	at := func(ms int64) time.Time { return base.Add(time.Duration(ms) * time.Millisecond) }
	wall := base.UnixMilli()
	c := clock{base: base}
	for _, step := range []struct {
		sent, got, server int64
		jump              int64
		first             bool
	}{
		{0, 10, wall + 5, 0, true},
		{100, 110, wall + 900, 0, false},   // within a second
		{200, 9200, wall + 5000, 0, false}, // a reply that took nine
		{10_000, 10_001, wall + 12_500, 0, false},
	} {
		jump, first := c.observe(at(step.sent), at(step.got), step.server)
		_ = step.jump
		if first != step.first {
			t.Errorf("%+v: first %v", step, first)
		}
		if step.server == wall+12_500 {
			if jump < 1500*time.Millisecond {
				t.Errorf("a jump of 2.5 s is said to be %v", jump)
			}
			continue
		}
		if jump != 0 {
			t.Errorf("%+v: jump %v", step, jump)
		}
	}
	if jump, _ := c.observe(at(11_000), at(11_001), wall+13_500); jump != 0 {
		t.Errorf("told twice: %v", jump)
	}
	if jump, _ := c.observe(at(12_000), at(12_001), wall-3600_000); jump > -time.Hour {
		t.Errorf("back by an hour: %v", jump)
	}
	var skewed clock
	skewed.base = base
	if jump, first := skewed.observe(at(0), at(1), wall+60_000); !first || jump < 59*time.Second {
		t.Errorf("another clock at first sight: %v, %v", jump, first)
	}
}

// The clock of the server is made to jump by an hour: for a lease, that is the same as
// if it ended an hour earlier, and for a worker, as if it believed the time to be an
// hour less.
func TestAJumpOfTheServersClockTakesNoMessageFromALivingWorker(t *testing.T) {
	leak.Check(t)
	node := testredis.New(t)
	var o client.Options
	o.Pool.Conn.Addr = node.Addr()
	c, err := client.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	q := New[int](c, "jump", Options{})
	for i := range 10 {
		if _, err := q.Enqueue(t.Context(), i, ID(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	const lease = 4 * time.Second
	var began, jumps, lost atomic.Int64
	options := WorkerOptions{Concurrency: 10, Lease: lease, PollInterval: 20 * time.Millisecond, StopTimeout: -1, OnEvent: func(e Event) {
		switch e.Kind {
		case EventClockJump:
			jumps.Add(1)
		case EventLeaseLost, EventCrashed:
			lost.Add(1)
		}
	}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	h := func(ctx context.Context, m *Msg[int]) error { began.Add(1); <-ctx.Done(); return ctx.Err() }
	holder, idler := q.newWorker(h, options), q.newWorker(h, options)
	ended := make(chan error, 2)
	go func() { ended <- holder.run(ctx) }()
	leak.Eventually(t, 10*time.Second, "ten at work", func() bool { return began.Load() == 10 })
	go func() { ended <- idler.run(ctx) }()
	leak.Eventually(t, 10*time.Second, "the other is idle", func() bool { return idler.counts.steps.Load() > 3 })
	hour := time.Hour.Milliseconds()
	for _, w := range []*worker{holder, idler} {
		w.clock.mu.Lock()
		w.clock.offset -= hour
		w.clock.mu.Unlock()
	}
	var p redis.Pipeline
	for i := range 10 {
		redis.ZIncrBy("mq:{jump}:l", float64(-hour), fmt.Sprint(i)).Queue(&p)
	}
	if err := p.Exec(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	leak.Eventually(t, 10*time.Second, "both have noticed", func() bool { return jumps.Load() == 2 })
	steps := idler.counts.steps.Load()
	leak.Eventually(t, time.Minute, "the other looks after leases again", func() bool {
		return time.Now().UnixNano() > idler.calmUntil.Load() && idler.counts.steps.Load() > steps+20
	})
	if began.Load() != 10 || lost.Load() != 0 {
		t.Errorf("%d handlers began, %d leases were lost", began.Load(), lost.Load())
	}
	cancel()
	<-ended
	<-ended
}

func FuzzRecord(f *testing.F) {
	r := record{enqueued: time.UnixMilli(1700000000000), kind: "k", maxAttempts: 3, window: time.Second, timeout: time.Minute,
		headers: map[string]string{"a": "b"}, payload: []byte("payload")}
	f.Add(r.append(nil))
	f.Add((&record{payload: []byte("x")}).append(nil))
	f.Add([]byte{1, 16, 0, 255, 255, 255, 255, 15})
	f.Add([]byte{2, 0})
	f.Add([]byte("\x01\x04\x00\xff\xff\xff\xff\xff\xff\xff\x0f")) // a window beyond what a Duration holds
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseRecord(b)
		if err != nil {
			return
		}
		again, err := parseRecord(r.append(nil))
		if err != nil {
			t.Fatalf("%q is read as %+v, which is not read again: %v", b, r, err)
		}
		if string(again.payload) != string(r.payload) || again.kind != r.kind || len(again.headers) != len(r.headers) ||
			again.window != r.window || again.maxAttempts != r.maxAttempts || !again.enqueued.Equal(r.enqueued) {
			t.Fatalf("%+v is not %+v", again, r)
		}
	})
}
