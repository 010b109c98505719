package lock

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/redistest"
	"github.com/kermes-redis/kermes/resp"
)

type redisCommand = resp.Command

func TestDoJoinsTheBodysErrorAndTheLoss(t *testing.T) {
	n := shared.Node(t)
	l, name := locker(t, poolOn(t, n), Options{}), fresh(t)
	bad := errors.New("bad")
	err := l.Do(t.Context(), name, func(context.Context, *Held) error { return bad })
	if !errors.Is(err, bad) || errors.Is(err, ErrLost) {
		t.Error(err)
	}
	err = l.Do(t.Context(), name, func(ctx context.Context, h *Held) error {
		_, err := l.ForceRelease(ctx, name, 0)
		must(t, err)
		return bad
	})
	if !errors.Is(err, bad) || !errors.Is(err, ErrLost) {
		t.Error(err)
	}
	func() {
		defer func() { _ = recover() }()
		_ = l.Do(t.Context(), name, func(context.Context, *Held) error { panic("body") })
	}()
	if keys := leftover(t, n, name); len(keys) > 0 {
		t.Error("a panic left", keys)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = l.Do(ctx, name, func(ctx context.Context, _ *Held) error { cancel(); return ctx.Err() })
	if !errors.Is(err, context.Canceled) {
		t.Error("the body's context did not end with the caller's:", err)
	}
}

func TestOneLeadsAtATimeAndAnotherAfterALoss(t *testing.T) {
	n := shared.Node(t)
	name := fresh(t)
	ctx, cancel := context.WithCancel(t.Context())
	var leading, terms atomic.Int32
	ended := make(chan error, 3)
	for range 3 {
		l := locker(t, poolOn(t, n), Options{Terms: Terms{TTL: 300 * time.Millisecond}})
		go func() {
			ended <- l.Lead(ctx, name, func(ctx context.Context, _ *Held) error {
				if leading.Add(1) > 1 {
					t.Error("two lead")
				}
				terms.Add(1)
				<-ctx.Done()
				leading.Add(-1)
				return ctx.Err()
			})
		}()
	}
	eventually(t, "a leader", func() bool { return terms.Load() == 1 })
	boss := locker(t, poolOn(t, n), Options{})
	cancel()
	for range 3 {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	if err := boss.Lead(t.Context(), name, func(context.Context, *Held) error { return errors.New("own") }); err == nil || err.Error() != "own" {
		t.Error(err)
	}
}

func TestLeadBeginsAnewAfterALoss(t *testing.T) {
	l, name := locker(t, poolOn(t, shared.Node(t)), Options{Terms: Terms{TTL: 300 * time.Millisecond}}), fresh(t)
	terms := 0
	err := l.Lead(t.Context(), name, func(ctx context.Context, h *Held) error {
		if terms++; terms == 3 {
			return nil
		}
		if _, err := l.ForceRelease(ctx, name, h.Fence()); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	})
	if err != nil || terms != 3 {
		t.Error(terms, err)
	}
}

func TestTheMutexHasTheWaysOfRedsync(t *testing.T) {
	l, name := locker(t, poolOn(t, shared.Node(t)), Options{}), fresh(t)
	a, b := l.Mutex(name), l.Mutex(name)
	if _, err := a.Unlock(); err == nil {
		t.Error("unlocked what was not locked")
	}
	must(t, a.Lock())
	if err := b.TryLock(); !errors.Is(err, ErrNotAcquired) {
		t.Error(err)
	}
	if ok, err := a.Extend(); !ok || err != nil {
		t.Error(ok, err)
	}
	if a.Value() == "" || !a.Until().After(time.Now()) || a.Name() != name || !b.Until().IsZero() {
		t.Error("value, until or name")
	}
	if ok, err := a.Unlock(); !ok || err != nil {
		t.Error(ok, err)
	}
	must(t, b.TryLock())
	if ok, err := b.Unlock(); !ok || err != nil {
		t.Error(ok, err)
	}
}

func TestCloseGivesEverythingUp(t *testing.T) {
	n := shared.Node(t)
	l, name := New(poolOn(t, n), Options{}), fresh(t)
	h, err := l.Lock(t.Context(), name)
	must(t, err)
	failed := make(chan error, 1)
	go func() { _, err := l.Lock(t.Context(), name); failed <- err }()
	eventually(t, "a waiter", func() bool { i, _ := l.Inspect(t.Context(), name); return i.Waiters == 1 })
	must(t, l.Close())
	if err := <-failed; !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if err := h.Check(); !errors.Is(err, ErrLost) || !errors.Is(err, ErrClosed) || h.Context().Err() == nil {
		t.Error(err)
	}
	if _, err := l.Lock(t.Context(), name); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	eventually(t, "nothing left", func() bool { return len(leftover(t, n, name)) == 0 })
}

func TestBadInputIsAnErrorBeforeAnyIO(t *testing.T) {
	asked := 0
	d := redistest.Func(func([]string) string { asked++; return redistest.Null })
	for want, l := range map[error]*Locker{
		ErrNoDoer: New(nil, Options{}), ErrTerms: New(d, Options{Terms: Terms{TTL: time.Millisecond}}),
		ErrNote: New(d, Options{Terms: Terms{Owner: "two\nlines"}}),
	} {
		if _, err := l.Lock(t.Context(), "x"); !errors.Is(err, want) {
			t.Error(err, want)
		}
	}
	if _, err := New(d, Options{}).TryLock(t.Context(), ""); !errors.Is(err, ErrName) {
		t.Error(err)
	}
	var zero Locker
	if err := zero.Do(t.Context(), "x", nil); !errors.Is(err, ErrNoDoer) {
		t.Error(err)
	}
	must(t, zero.Close())
	if asked > 0 {
		t.Errorf("%d commands", asked)
	}
}

func TestATTLBelowTwiceTheHoldIsWarnedOf(t *testing.T) {
	g := redistest.NewGroup(t, redistest.GroupOptions{})
	for _, row := range []struct {
		what string
		set  func(*client.Options)
		ttl  time.Duration
		want int
	}{
		{"the defaults", func(*client.Options) {}, 0, 0},
		{"twice the default hold", func(*client.Options) {}, 6 * time.Second, 0},
		{"below twice the default hold", func(*client.Options) {}, 6*time.Second - 1, 1},
		{"a short hold", func(o *client.Options) { o.MaxHold = time.Second }, 2 * time.Second, 0},
		{"a long hold", func(o *client.Options) { o.MaxHold = time.Minute }, 0, 1},
		{"no hold", func(o *client.Options) { o.NoHold = true }, time.Second, 0},
	} {
		co := g.Options("")
		row.set(&co)
		var told []Event
		seen := redis.Intercept(open(t, co), func(ctx context.Context, _ redis.Call) (context.Context, func(redis.Outcome)) { return ctx, nil })
		l := locker(t, seen, Options{Terms: Terms{TTL: row.ttl}, OnEvent: func(e Event) { told = append(told, e) }})
		if len(told) != row.want || row.want > 0 && told[0].Kind != EventShortTTL {
			t.Error(row.what, told)
		}
		if told = nil; row.want == 0 && row.what != "no hold" {
			l.With(Terms{TTL: time.Second})
			if len(told) != 1 {
				t.Error(row.what, "not told of a shorter ttl:", told)
			}
		}
	}
}

func TestALockThatIsHeldSurvivesACrashOfTheMaster(t *testing.T) {
	g := redistest.NewGroup(t, redistest.GroupOptions{})
	c := open(t, g.Options(""))
	l, name := locker(t, c, Options{}), fresh(t)
	h, err := l.Lock(t.Context(), name)
	must(t, err)
	got := queue(t, l, name, 16)
	must(t, g.Crash(g.Master()))
	gen := c.Generation()
	eventually(t, "another master", func() bool { return c.Generation() != gen && c.Master() == g.Master() })
	must(t, h.Renew(t.Context()))
	if h.Context().Err() != nil {
		t.Error("lost")
	}
	// A waiter that cannot be told yet is passed over.
	eventually(t, "the waiters' subscription has moved", func() bool {
		epoch, ready := l.core.push.subscriber().Ready()
		return ready && epoch == c.Epoch()
	})
	must(t, h.Unlock(t.Context()))
	order := got()
	for i, who := range order {
		if i != who {
			t.Error("the order was not kept:", order)
			break
		}
	}
}

// What carmine's acquire-lock, have-lock? and release-lock do by a uuid.
func TestALockIsAskedForAndReleasedByTheIDThatAnotherProgramHasKept(t *testing.T) {
	n := shared.Node(t)
	inLayers(t, func(t *testing.T, over layer) {
		mine, theirs := locker(t, over.over(poolOn(t, n)), Options{Terms: Terms{Owner: "host 17"}}), locker(t, over.over(poolOn(t, n)), Options{})
		name := fresh(t)
		h, err := mine.Lock(t.Context(), name)
		must(t, err)
		if i, err := theirs.Inspect(t.Context(), name); err != nil || i.Owner != "host 17" || i.ID != h.ID() {
			t.Errorf("%+v %v", i, err)
		}
		for _, row := range []struct {
			id        string
			has, done bool
		}{{"another", false, false}, {h.ID(), true, true}, {h.ID(), false, true}} { // released already says the same
			if has, err := theirs.Has(t.Context(), name, row.id); has != row.has || err != nil {
				t.Errorf("has %q: %v %v", row.id, has, err)
			}
			if done, err := theirs.Release(t.Context(), name, row.id); done != row.done || err != nil {
				t.Errorf("release %q: %v %v", row.id, done, err)
			}
		}
		if err := h.Renew(t.Context()); !errors.Is(err, ErrLost) {
			t.Error(err)
		}
		next, err := theirs.TryLock(t.Context(), name)
		must(t, err)
		must(t, next.Unlock(t.Context()))
	})
}
