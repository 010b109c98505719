package lock

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/redis"
)

func TestSeveralLocksAreTakenTogetherOrNotAtAll(t *testing.T) {
	onEach(t, func(t *testing.T, node *testredis.Node, d redis.Doer) {
		l, name := locker(t, d, Options{}), fresh(t)
		a, b, c := name+"/a", name+"/b", name+"/c"
		before, err := l.Lock(t.Context(), b)
		must(t, err)
		if _, err := l.TryLockAll(t.Context(), c, b, a); !errors.Is(err, ErrNotAcquired) {
			t.Error(err)
		}
		for _, free := range []string{a, c} {
			if info, _ := l.Inspect(t.Context(), free); info.Held || info.Waiters > 0 {
				t.Errorf("an attempt that failed has left %+v", info)
			}
		}
		must(t, before.Unlock(t.Context()))
		h, err := l.LockAll(t.Context(), c, b, a, c)
		must(t, err)
		if h.Name() != a+", "+b+", "+c || h.Fence() <= before.Fence() {
			t.Error(h.Name(), h.Fence())
		}
		for _, name := range []string{a, b, c} {
			info, err := l.Inspect(t.Context(), name)
			must(t, err)
			if info.ID != h.ID() || info.Fence != h.Fence() {
				t.Errorf("%s: %+v", name, info)
			}
			if _, err := l.TryLock(t.Context(), name); !errors.Is(err, ErrNotAcquired) {
				t.Error(name, err)
			}
		}
		must(t, h.Renew(t.Context()))
		must(t, h.Unlock(t.Context()))
		for _, name := range []string{a, b, c} {
			h, err := l.TryLock(t.Context(), name)
			must(t, err)
			must(t, h.Unlock(t.Context()))
		}
		if keys := leftover(t, node, name); len(keys) > 0 {
			t.Error("left:", keys)
		}
	})
}

func TestBadNamesAreAnErrorBeforeAnyIO(t *testing.T) {
	l := locker(t, poolOn(t, shared.Node(t)), Options{})
	same := locker(t, poolOn(t, shared.Node(t)), Options{SameSlot: true})
	many := make([]string, MaxAll+1)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	for _, row := range []struct {
		l     *Locker
		names []string
		want  error
	}{
		{l, nil, ErrNames}, {l, many, ErrNames}, {l, []string{"a", ""}, ErrName},
		{same, []string{"a", "b"}, ErrSlot}, {same, []string{"{a}/1", "{b}/1"}, ErrSlot}, {same, []string{"}", "a"}, ErrSlot},
	} {
		_, err := row.l.LockAll(t.Context(), row.names...)
		_, err2 := row.l.TryLockAll(t.Context(), row.names...)
		for _, err := range []error{err, err2, row.l.DoAll(t.Context(), row.names, nil)} {
			if !errors.Is(err, row.want) {
				t.Errorf("%.3q: %v, want %v", row.names, err, row.want)
			}
		}
	}
	if l.Stats().Asked+same.Stats().Asked > 0 {
		t.Error("asked")
	}
	for _, names := range [][]string{{"a"}, {"a", "a"}, {"{a}/1", "{a}/2"}, {"{a}", "{a}b{c}"}} {
		h, err := same.LockAll(t.Context(), names...)
		must(t, err)
		must(t, h.Unlock(t.Context()))
	}
}

// The server's own word on which keys are in one slot.
func TestNamesOfOneSlotAreThoseThatTheServerHasInOne(t *testing.T) {
	n := testredis.NewWith(t, testredis.Options{Config: []string{"cluster-enabled yes"}})
	c := &core{prefix: "lk:"}
	for _, names := range [][]string{
		{"a", "b"}, {"a", "a}b"}, {"{a}/1", "{a}/2"}, {"{a}/1", "{b}/1"}, {"{a}", "{a}b{c}"}, {"}", "}b"}, {"x{a}", "y{a}"},
	} {
		keys := c.target(single, "", names...).keys
		slots := map[int64]bool{}
		for _, k := range keys {
			slots[n.MustDo(t, "CLUSTER", "KEYSLOT", k).Int] = true
		}
		if oneSlot(keys) != (len(slots) == 1) {
			t.Errorf("%q: %d slots", names, len(slots))
		}
	}
}

// Those who want overlapping sets neither meet inside nor wait in a circle, and those
// who want one of them come in between.
func TestOverlappingSetsNeitherMeetNorDeadlock(t *testing.T) {
	t.Parallel()
	for _, o := range []Options{{}, {NoPush: true}, {Terms: Terms{Barging: true}}} {
		onEach(t, func(t *testing.T, node *testredis.Node, d redis.Doer) {
			l, name := locker(t, d, o), fresh(t)
			counters := make([]int, 6) // each guarded by its lock alone
			last := make([]int64, 6)
			var mu sync.Mutex
			want := 0
			var wg sync.WaitGroup
			each := 4
			if rounds(0) > 0 {
				each = 40
			}
			for range 12 {
				wg.Go(func() {
					for range each {
						set := rand.Perm(len(counters))[:1+rand.IntN(3)]
						var names []string
						for _, i := range set {
							names = append(names, fmt.Sprintf("%s/%d", name, i))
						}
						h, err := l.LockAll(t.Context(), names...)
						if err != nil {
							t.Error(err)
							return
						}
						for _, i := range set {
							counters[i]++
							if h.Fence() <= last[i] {
								t.Errorf("fence %d after %d", h.Fence(), last[i])
							}
							last[i] = h.Fence()
						}
						mu.Lock()
						want += len(set)
						mu.Unlock()
						must(t, h.Unlock(t.Context()))
					}
				})
			}
			wg.Wait()
			sum := 0
			for _, n := range counters {
				sum += n
			}
			if sum != want {
				t.Errorf("%d sections, counted %d", want, sum)
			}
			if keys := leftover(t, node, name); len(keys) > 0 {
				t.Error("left:", keys)
			}
		})
	}
}

func TestWhoWantsSeveralIsNotPassedByWhoWantsOne(t *testing.T) {
	onEach(t, func(t *testing.T, node *testredis.Node, d redis.Doer) {
		l, name := locker(t, d, Options{}), fresh(t)
		a, b := name+"/a", name+"/b"
		holder, err := l.Lock(t.Context(), b)
		must(t, err)
		var mu sync.Mutex
		var order []string
		var wg sync.WaitGroup
		start := func(who, waitsAt string, waiters int, names ...string) {
			wg.Go(func() {
				h, err := l.LockAll(t.Context(), names...)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				order = append(order, who)
				mu.Unlock()
				must(t, h.Unlock(t.Context()))
			})
			eventually(t, who+" waits", func() bool { info, _ := l.Inspect(t.Context(), waitsAt); return info.Waiters == waiters })
		}
		start("both", b, 1, a, b)
		start("one", a, 1, a) // a is free, and kept for who came before
		start("other", b, 2, b)
		must(t, holder.Unlock(t.Context()))
		wg.Wait()
		if len(order) != 3 || order[0] != "both" {
			t.Error(order)
		}
		_ = node
	})
}

// What is kept for somebody who wants several is given up for one who came before,
// whose own grant has lapsed while it hung.
func TestWhatIsKeptIsGivenUpForWhoCameBefore(t *testing.T) {
	onEach(t, func(t *testing.T, node *testredis.Node, d redis.Doer) {
		l, name := locker(t, d, Options{Terms: Terms{TTL: 600 * time.Millisecond}}), fresh(t)
		a, b := name+"/a", name+"/b"
		holder, err := l.Lock(t.Context(), b)
		must(t, err)
		got := make(chan string, 2)
		var wg sync.WaitGroup
		take := func(who string) {
			defer wg.Done()
			h, err := l.LockAll(t.Context(), a, b)
			if err != nil {
				t.Error(err)
				got <- ""
				return
			}
			got <- who
			if err := h.Unlock(t.Context()); err != nil {
				t.Error(err)
			}
		}
		wg.Add(2)
		go take("first")
		eventually(t, "the first has a kept", func() bool { i, _ := l.Inspect(t.Context(), a); return i.Held })
		info, _ := l.Inspect(t.Context(), a)
		go take("second")
		eventually(t, "the second waits", func() bool { i, _ := l.Inspect(t.Context(), b); return i.Waiters == 2 })
		// As if what was kept for the first had lapsed, and the second had it now.
		keys := l.core.target(single, "", a).keys
		second := ""
		for _, id := range node.MustDo(t, "ZRANGE", keys[2], "0", "-1").Strings() {
			if id != info.ID {
				second = id
			}
		}
		node.MustDo(t, "SET", keys[0], second+"\n", "PX", "600")
		node.MustDo(t, "ZREM", keys[2], second)
		must(t, holder.Unlock(t.Context()))
		if who := <-got; who != "first" {
			t.Error(who)
		}
		wg.Wait()
		eventually(t, "nothing left", func() bool { return len(leftover(t, node, name)) == 0 })
	})
}

func TestWhenOneOfSeveralIsLostAllAre(t *testing.T) {
	onEach(t, func(t *testing.T, node *testredis.Node, d redis.Doer) {
		l, name := locker(t, d, Options{}), fresh(t)
		names := []string{name + "/a", name + "/b", name + "/c"}
		h, err := l.LockAll(t.Context(), names...)
		must(t, err)
		node.MustDo(t, "DEL", l.core.target(single, "", names[0]).keys[0]) // forgotten, and asserted again
		must(t, h.Renew(t.Context()))
		if info, _ := l.Inspect(t.Context(), names[0]); info.ID != h.ID() {
			t.Errorf("%+v", info)
		}
		if done, err := l.ForceRelease(t.Context(), names[1], h.Fence()); !done || err != nil {
			t.Error(done, err)
		}
		if err := h.Renew(t.Context()); !errors.Is(err, ErrLost) {
			t.Error(err)
		}
		if err := h.Unlock(t.Context()); !errors.Is(err, ErrLost) {
			t.Error(err)
		}
		next, err := l.TryLockAll(t.Context(), names...) // the others are free as well
		must(t, err)
		must(t, next.Unlock(t.Context()))
	})
}

func TestSeveralLocksGiveUpInTime(t *testing.T) {
	onEach(t, func(t *testing.T, node *testredis.Node, d redis.Doer) {
		l, name := locker(t, d, Options{}), fresh(t)
		a, b := name+"/a", name+"/b"
		holder, err := l.Lock(t.Context(), b)
		must(t, err)
		err = l.With(Terms{Wait: 50 * time.Millisecond}).DoAll(t.Context(), []string{a, b}, func(context.Context, *Held) error { return nil })
		if !errors.Is(err, ErrNotAcquired) || !strings.Contains(err.Error(), a) {
			t.Error(err)
		}
		eventually(t, "what was kept is free", func() bool { i, _ := l.Inspect(t.Context(), a); return !i.Held })
		must(t, holder.Unlock(t.Context()))
		var ran []string
		must(t, l.DoAll(t.Context(), []string{b, a}, func(_ context.Context, h *Held) error { ran = append(ran, h.Name()); return nil }))
		if !slices.Equal(ran, []string{a + ", " + b}) {
			t.Error(ran)
		}
		eventually(t, "nothing left", func() bool { return len(leftover(t, node, name)) == 0 })
	})
}
