package mq_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/mq"
	"github.com/kermes-redis/kermes/redis"
)

// tracks are the messages of each key as handlers see them.
type tracks struct {
	mu      sync.Mutex
	next    map[string]int // the message that is to be done next
	now     map[string]int // that are handled
	most    int            // of one key at the same time
	wrong   []string
	done    int
	ordered bool
}

func newTracks(ordered bool) *tracks {
	return &tracks{next: map[string]int{}, now: map[string]int{}, ordered: ordered}
}

// begin is called when a message with a key, and a number in it from 0, is handled.
func (k *tracks) begin(m *mq.Msg[int]) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.now[m.Key]++
	k.most = max(k.most, k.now[m.Key])
	if k.ordered && m.Value != k.next[m.Key] {
		k.wrong = append(k.wrong, fmt.Sprintf("%s: %d in place of %d", m.Key, m.Value, k.next[m.Key]))
	}
}

// end is called when its handler returns.
func (k *tracks) end(m *mq.Msg[int], done bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.now[m.Key]--
	if done {
		k.next[m.Key]++
		k.done++
	}
}

func (k *tracks) ended() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.done
}

func (k *tracks) judge(t *testing.T, most int) {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.wrong) > 0 || k.most > most {
		t.Errorf("%d of a key at a time, %d out of order: %q", k.most, len(k.wrong), k.wrong[:min(len(k.wrong), 5)])
	}
}

// enqueueKeys adds messages 0 to n-1 of each key, one of each in turn, with mixed priorities.
func enqueueKeys(t *testing.T, q *mq.Queue[int], keys, n int, opts ...mq.Option) {
	t.Helper()
	var items []mq.Item[int]
	for i := range n {
		for k := range keys {
			p := mq.Priority((i + k) % 3)
			items = append(items, mq.Item[int]{Value: i, Options: append([]mq.Option{mq.Key(fmt.Sprint("key ", k)), mq.WithPriority(p)}, opts...)})
		}
	}
	results, err := q.EnqueueBatch(context.Background(), items)
	must(t, err)
	for _, r := range results {
		must(t, r.Err())
	}
}

// noFaults fails if what is stored contradicts itself.
func noFaults(t *testing.T, q *mq.Queue[int]) {
	t.Helper()
	if r, err := q.Verify(context.Background()); err != nil || !r.Sound() {
		t.Errorf("%+v, %v", r, err)
	}
}

// nothingIsLeft fails if a place or a list of a key is.
func nothingIsLeft(t *testing.T, d redis.Doer, q *mq.Queue[int], keys ...string) {
	t.Helper()
	sound(t, q)
	for _, key := range append(keys, "key%200", "key%201") {
		for _, kind := range []string{"i:", "q:"} {
			n, err := redis.New(redis.Int, "EXISTS", "mq:{"+q.Name()+"}:"+kind+key).Do(t.Context(), d)
			if err != nil || n != 0 {
				t.Errorf("%s%s is left, %v", kind, key, err)
			}
		}
	}
	if s := stats(t, q); s.Blocked+s.Ready+s.Leased+s.Delayed != 0 {
		t.Errorf("%+v", s)
	}
	if n, err := redis.New(redis.Int, "EXISTS", "mq:{"+q.Name()+"}:o", "mq:{"+q.Name()+"}:ot").Do(t.Context(), d); err != nil || n != 0 {
		t.Errorf("keys are left, %v", err)
	}
}

// Messages of a key are handled in their order, one at a time, whatever becomes of each.
func TestMessagesOfAKeyKeepTheirOrder(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[int](t, d, mq.Options{})
		const keys, n = 10, 20
		k := newTracks(true)
		handle := func(_ context.Context, m *mq.Msg[int]) error {
			k.begin(m)
			time.Sleep(time.Duration(rand.IntN(2)) * time.Millisecond)
			fate, first := m.Value%7, m.Attempt == 1
			done := fate > 2 || !first
			k.end(m, done || fate == 0)
			switch {
			case fate == 0: // a dead letter is out of the way
				return mq.DeadLetter(errPlain)
			case fate == 1 && first:
				return mq.RetryAfter(3*time.Millisecond, errPlain)
			case fate == 2 && first:
				panic("again")
			}
			return nil
		}
		o := mq.WorkerOptions{Concurrency: 8, Backoff: func(int) time.Duration { return time.Millisecond }}
		for range 3 {
			start(t, q, handle, o)
		}
		enqueueKeys(t, q, keys, n)
		eventually(t, "all ended", func() bool { s := stats(t, q); return s.Handled+s.Died == keys*n })
		k.judge(t, 1)
		nothingIsLeft(t, d, q)
	})
}

func TestACapLetsThatManyOfAKeyBegin(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[int](t, d, mq.Options{})
		must(t, q.Limit(t.Context(), mq.Limits{KeyCap: 3}))
		if l, err := q.Limits(t.Context()); err != nil || l.KeyCap != 3 {
			t.Errorf("%+v, %v", l, err)
		}
		k := newTracks(false)
		var mu sync.Mutex
		tried := map[string]bool{}
		handle := func(_ context.Context, m *mq.Msg[int]) error {
			k.begin(m)
			time.Sleep(time.Millisecond)
			mu.Lock()
			again := m.Value%5 == 0 && !tried[m.ID]
			tried[m.ID] = true
			mu.Unlock()
			k.end(m, !again)
			if again {
				return mq.Snooze(5 * time.Millisecond)
			}
			return nil
		}
		enqueueKeys(t, q, 4, 40)
		if s := stats(t, q); s.Ready != 12 || s.Blocked != 148 {
			t.Errorf("%+v", s)
		}
		for range 2 {
			start(t, q, handle, mq.WorkerOptions{Concurrency: 16})
		}
		eventually(t, "all done", func() bool { return stats(t, q).Handled == 160 })
		k.judge(t, 3)
		if k.most < 2 {
			t.Errorf("%d of a key at a time", k.most)
		}
		nothingIsLeft(t, d, q)
	})
}

// A message that waits for its next attempt holds its key back, or lets others pass.
func TestOvertaking(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		for _, overtake := range []bool{false, true} {
			q := newQueue[int](t, d, mq.Options{})
			must(t, q.Limit(t.Context(), mq.Limits{Overtake: overtake}))
			enqueueKeys(t, q, 1, 3)
			var order []int
			drain := func() {
				_, err := q.Drain(t.Context(), func(_ context.Context, m *mq.Msg[int]) error {
					order = append(order, m.Value)
					if m.Value == 0 && len(order) == 1 {
						return mq.Snooze(time.Second)
					}
					return nil
				})
				must(t, err)
			}
			drain()
			eventually(t, "the first once more", func() bool { drain(); return len(order) == 4 })
			if want := map[bool]string{false: "[0 0 1 2]", true: "[0 1 2 0]"}[overtake]; fmt.Sprint(order) != want {
				t.Errorf("overtake %v: %v", overtake, order)
			}
			nothingIsLeft(t, d, q)
		}
	})
}

// Whatever takes a message away, the next of its key becomes ready.
func TestEveryWayOutFreesThePlace(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[int](t, d, mq.Options{MaxAttempts: 1})
		ctx := t.Context()
		add := func(id string, opts ...mq.Option) {
			t.Helper()
			_, err := q.Enqueue(ctx, 1, append([]mq.Option{mq.ID(id), mq.Key("k"), mq.OnDuplicate(mq.Requeue)}, opts...)...)
			must(t, err)
		}
		is := func(id string, want mq.State) {
			t.Helper()
			if s, err := q.Status(ctx, id); err != nil || s.State != want || s.Key != "k" && s.Key != "other" {
				t.Errorf("%s is %s of %q in place of %s, %v", id, s.State, s.Key, want, err)
			}
			noFaults(t, q)
		}
		cancel := func(id string) {
			t.Helper()
			if ok, err := q.Cancel(ctx, id); err != nil || !ok {
				t.Error(id, ok, err)
			}
		}
		for _, id := range []string{"a", "b", "c", "d", "e", "f"} {
			add(id)
		}
		is("a", mq.Ready)
		is("b", mq.Blocked)
		if _, err := q.Enqueue(ctx, 1, mq.ID("b")); err == nil || !strings.Contains(err.Error(), "blocked") {
			t.Error(err)
		}
		if page, _, err := q.List(ctx, mq.Blocked, "", 3); err != nil || len(page) != 3 || page[0].ID != "b" {
			t.Errorf("%+v, %v", page, err)
		}
		cancel("c") // of those that wait
		cancel("a") // that is ready
		is("b", mq.Ready)
		add("b", mq.In(time.Hour)) // that is delayed now
		is("d", mq.Ready)
		add("d", mq.Key("other")) // that has another key now
		is("e", mq.Ready)
		is("d", mq.Ready)
		add("e", mq.WithPriority(mq.High)) // goes to the end
		is("f", mq.Ready)
		is("e", mq.Blocked)
		cancel("d")
		n := 0
		_, err := q.Drain(ctx, func(_ context.Context, m *mq.Msg[int]) error {
			switch n++; m.ID {
			case "f":
				add("f") // a successor
				add("g")
				is("g", mq.Blocked)
				cancel("f") // that is leased, and its successor
				is("e", mq.Ready)
				is("g", mq.Blocked)
			case "e":
				return errPlain // a dead letter
			case "g":
				if m.Attempt == 1 && n < 4 {
					add("h")
					add("g") // comes behind h
				}
			}
			return nil
		})
		must(t, err)
		if n != 5 {
			t.Errorf("%d calls", n)
		}
		add("h")
		_, err = q.Redrive(ctx, "e")
		must(t, err)
		is("e", mq.Blocked)
		if n, err := q.Purge(ctx, mq.Ready); err != nil || n != 2 {
			t.Error(n, err)
		}
		is("b", mq.Delayed)
		if n, err := q.Purge(ctx, mq.Delayed); err != nil || n != 1 {
			t.Error(n, err)
		}
		nothingIsLeft(t, d, q, "k", "other")
		add("x")
		add("y")
		if n, err := q.Clear(ctx); err != nil || n != 2 {
			t.Error(n, err)
		}
		nothingIsLeft(t, d, q, "k")
	})
}

func TestAStopAndAPauseKeepTheOrder(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[int](t, d, mq.Options{})
		const keys, n = 5, 30
		enqueueKeys(t, q, keys, n)
		k := newTracks(true)
		for i := 0; k.ended() < keys*n; i++ {
			before := k.ended()
			var held atomic.Int64 // handlers that wait for the end of their contexts
			w := start(t, q, func(ctx context.Context, m *mq.Msg[int]) error {
				k.begin(m)
				if m.Value%6 == 5 && m.Headers["x"] == "" && i%2 == 0 {
					held.Add(1)
					<-ctx.Done() // it is released
					k.end(m, false)
					return ctx.Err()
				}
				time.Sleep(time.Millisecond)
				k.end(m, true)
				return nil
			}, mq.WorkerOptions{Concurrency: 10, StopTimeout: -1})
			eventually(t, "some are done", func() bool {
				s := stats(t, q)
				stuck := s.Leased > 0 && s.Leased == held.Load() && s.Ready == 0
				return k.ended() > before+2 || stuck || s.Ready+s.Blocked+s.Leased == 0
			})
			if i%3 == 0 {
				must(t, q.PauseFor(t.Context(), 10*time.Millisecond))
			}
			must(t, w.stop())
		}
		k.judge(t, 1)
		nothingIsLeft(t, d, q)
	})
}

// A worker process dies with messages of keys in its hands: they come again, before
// those behind them.
func TestKeysOutliveTheirWorker(t *testing.T) {
	node := shared.Node(t)
	d := onServer(t)
	q := newQueue[string](t, d, mq.Options{})
	for i := range 60 {
		_, err := q.Enqueue(t.Context(), "v", mq.ID(fmt.Sprintf("%d/%03d", i%6, i)), mq.Key(fmt.Sprint(i%6)))
		must(t, err)
	}
	p := startProcess(t, node.Addr(), q.Name(), 10, time.Second, 20*time.Millisecond)
	eventually(t, "some have begun", func() bool { return len(p.said("begin")) > 15 })
	p.signal(t, syscall.SIGKILL)
	<-p.ended
	var mu sync.Mutex
	last, wrong := map[string]string{}, 0
	start(t, q, func(_ context.Context, m *mq.Msg[string]) error {
		mu.Lock()
		defer mu.Unlock()
		if m.ID <= last[m.Key] {
			wrong++
		}
		last[m.Key] = m.ID
		return nil
	}, mq.WorkerOptions{PollInterval: 100 * time.Millisecond})
	eventually(t, "all done", func() bool { return stats(t, q).Handled == 60 })
	mu.Lock()
	defer mu.Unlock()
	if s := stats(t, q); wrong != 0 || s.Crashed == 0 || s.Crashed > 6 {
		t.Errorf("%d out of order, %+v", wrong, s)
	}
	sound(t, q)
}

// Connections break, and with them replies of steps that have claimed and settled.
func TestLostRepliesKeepTheOrderOfKeys(t *testing.T) {
	proxy, c := proxied(t)
	q := newQueue[int](t, c, mq.Options{})
	const keys, n = 8, 40
	k := newTracks(true)
	var again sync.Map
	handle := func(_ context.Context, m *mq.Msg[int]) error {
		if _, twice := again.LoadOrStore(m.ID, true); twice {
			return nil
		}
		k.begin(m)
		time.Sleep(2 * time.Millisecond)
		k.end(m, true)
		return nil
	}
	w := start(t, q, handle, mq.WorkerOptions{Concurrency: 8, Lease: 10 * time.Second})
	enqueueKeys(t, q, keys, n)
	for k.ended() < keys*n {
		proxy.Cut()
		time.Sleep(5 * time.Millisecond)
	}
	k.judge(t, 1)
	eventually(t, "all settled", func() bool { return stats(t, q).Handled == keys*n })
	if s := w.Stats(); s.LeaseLost != 0 {
		t.Errorf("%+v", s)
	}
	nothingIsLeft(t, c, q)
}

// The virtual clock of a bubble is that of the server too.
func TestARateOfAKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := aloneInBubble(t)
		q := newQueue[int](t, d, mq.Options{})
		limits := mq.Limits{KeyCap: -1, KeyRate: mq.Rate{Messages: 10, Per: time.Minute, Burst: 3}}
		must(t, q.Limit(t.Context(), limits))
		var mu sync.Mutex
		begun := map[string][]time.Duration{}
		began := time.Now()
		for range 2 {
			start(t, q, func(_ context.Context, m *mq.Msg[int]) error {
				mu.Lock()
				begun[m.Key] = append(begun[m.Key], time.Since(began))
				mu.Unlock()
				time.Sleep(time.Minute) // longer than the time between two of a key
				return nil
			}, mq.WorkerOptions{Concurrency: 100, PollInterval: time.Hour})
		}
		enqueueKeys(t, q, 3, 30)
		for i := range 50 { // without a key there is no limit
			_, err := q.Enqueue(t.Context(), i)
			must(t, err)
		}
		eventuallyIn(t, time.Hour, "all begun", func() bool { return stats(t, q).Handled == 140 })
		mu.Lock()
		defer mu.Unlock()
		for key, at := range begun {
			if key == "" {
				if len(at) != 50 || at[49] > time.Second {
					t.Errorf("without a key: %d, the last after %v", len(at), at[len(at)-1])
				}
				continue
			}
			if len(at) != 30 || at[2] > time.Second || at[29] > 27*6*time.Second+5*time.Second {
				t.Errorf("%s: %d, %v", key, len(at), at)
			}
			for i := range at {
				for j := i; j < len(at); j++ {
					if allowed := 3 + float64(at[j]-at[i]+10*time.Millisecond)/float64(6*time.Second); float64(j-i+1) > allowed {
						t.Fatalf("%s: %d within %v: %v", key, j-i+1, at[j]-at[i], at)
					}
				}
			}
		}
		nothingIsLeft(t, d, q)
	})
}

// eventuallyIn is eventually with another patience, for bubbles.
func eventuallyIn(t *testing.T, most time.Duration, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(most); !f(); time.Sleep(time.Second) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", most, what)
		}
	}
}

// A claim costs what it claims, however many messages of however many keys wait.
func TestKeysThatWaitCostAClaimNothing(t *testing.T) {
	node, d := shared.Node(t), onServer(t)
	q := newQueue[int](t, d, mq.Options{})
	calls := func() (n int) {
		info, err := node.Info("commandstats")
		must(t, err)
		for name, v := range info {
			if name == "cmdstat_info" {
				continue
			}
			var c int
			_, _ = fmt.Sscanf(v, "calls=%d,", &c)
			n += c
		}
		return n
	}
	cost := func() int {
		_, err := q.Enqueue(t.Context(), -1, mq.WithPriority(mq.Low)) // behind all others that are ready
		must(t, err)
		before := calls()
		n, err := q.Drain(t.Context(), func(context.Context, *mq.Msg[int]) error { return nil })
		if err != nil || n != 1 {
			t.Fatal(n, err)
		}
		return calls() - before
	}
	alone := cost()
	enqueueKeys(t, q, 2000, 3)
	held := start(t, q, func(ctx context.Context, m *mq.Msg[int]) error { <-ctx.Done(); return ctx.Err() },
		mq.WorkerOptions{Concurrency: 2000, StopTimeout: -1})
	eventually(t, "one of each key is handled", func() bool { return stats(t, q).Leased == 2000 })
	if s := stats(t, q); s.Blocked != 4000 {
		t.Errorf("%+v", s)
	}
	if beside := cost(); beside > alone+20 { // the other worker may beat once
		t.Errorf("%d commands beside 4000 that wait, %d alone", beside, alone)
	}
	must(t, held.stop())
	noFaults(t, q)
}

func TestRepairOfKeys(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[int](t, d, mq.Options{})
		base := "mq:{" + q.Name() + "}:"
		for key, damage := range map[string][]any{
			"a": {"SREM", base + "i:a", "a0"},              // is ready without a place
			"b": {"SADD", base + "i:b", "ghost"},           // does not live
			"c": {"SMOVE", base + "i:c", base + "x", "c0"}, // has lost its place, and is gone
			"d": {"LREM", base + "q:d", 1, "d1"},           // is nowhere
		} {
			for i := range 3 {
				_, err := q.Enqueue(t.Context(), i, mq.ID(fmt.Sprint(key, i)), mq.Key(key))
				must(t, err)
			}
			if key == "c" {
				run(t, d, "HDEL", base+"m", "c0")
				run(t, d, "LREM", base+"r1", 1, "c0")
				run(t, d, "SREM", base+"i:c", "c0")
				continue
			}
			run(t, d, damage[0].(string), damage[1:]...)
		}
		r, err := q.Repair(t.Context())
		if err != nil || r.Keys != 3 || r.Lost != 1 {
			t.Errorf("%+v, %v", r, err)
		}
		noFaults(t, q)
		n, err := q.Drain(t.Context(), func(context.Context, *mq.Msg[int]) error { return nil })
		if err != nil || n != 11 {
			t.Error(n, err)
		}
		nothingIsLeft(t, d, q, "a", "b", "c", "d")
	})
}

// A server that is out of memory takes what is done, frees the place, and lets the next in.
func TestKeysOnAServerOutOfMemory(t *testing.T) {
	node := testredis.New(t)
	d := clientOf(t, node.Addr())
	q := newQueue[int](t, d, mq.Options{})
	enqueueKeys(t, q, 2, 50)
	k := newTracks(true)
	hold := make(chan struct{})
	w := start(t, q, func(_ context.Context, m *mq.Msg[int]) error {
		k.begin(m)
		<-hold
		again := m.Value%10 == 3 && m.Attempt == 1
		k.end(m, !again)
		if again {
			return errPlain
		}
		return nil
	}, mq.WorkerOptions{Concurrency: 10, Backoff: mq.Backoff(time.Millisecond, time.Millisecond)})
	eventually(t, "one of each key is handled", func() bool { return stats(t, q).Leased == 2 })
	node.MustDo(t, "CONFIG", "SET", "maxmemory", "1")
	close(hold)
	eventually(t, "what is done is taken", func() bool { s, err := q.Stats(t.Context()); return err == nil && s.Handled >= 2 })
	noFaults(t, q)
	node.MustDo(t, "CONFIG", "SET", "maxmemory", "0")
	eventually(t, "all done", func() bool { return stats(t, q).Handled == 100 })
	k.judge(t, 1)
	must(t, w.stop())
	nothingIsLeft(t, d, q)
}

// A callback may have a key, and a raised cap lets those in that wait.
func TestKeysOfCallbacksAndNewLimits(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[int](t, d, mq.Options{})
		g := groupOf(3, "then", mq.Key("k"))
		for i := range g.Members {
			g.Members[i].Options = append(g.Members[i].Options, mq.Key("k"))
		}
		enqueueGroup(t, q, g)
		waits(t, q, "then", 3)
		if s := stats(t, q); s.Ready != 1 || s.Blocked != 2 {
			t.Errorf("%+v", s)
		}
		must(t, q.Limit(t.Context(), mq.Limits{KeyCap: 2}))
		if s := stats(t, q); s.Ready != 2 || s.Blocked != 1 {
			t.Errorf("%+v", s)
		}
		var order []int
		_, err := q.Drain(t.Context(), func(_ context.Context, m *mq.Msg[int]) error { order = append(order, m.Value); return nil })
		if err != nil || fmt.Sprint(order) != "[0 1 2 -1]" {
			t.Error(order, err)
		}
		nothingIsLeft(t, d, q, "k")
	})
}

func TestLimitsThatCannotBe(t *testing.T) {
	q := mq.New[int](nil, "q", mq.Options{})
	for _, l := range []mq.Limits{
		{KeyCap: 2_000_000}, {KeyRate: mq.Rate{Messages: -1}}, {KeyRate: mq.Rate{Burst: 1}},
		{KeyRate: mq.Rate{Messages: 1, Per: -1}}, {KeyRate: mq.Rate{Messages: 1_000_000, Per: time.Millisecond}},
	} {
		if err := q.Limit(t.Context(), l); !errors.Is(err, mq.ErrInvalid) {
			t.Errorf("%+v: %v", l, err)
		}
	}
	for _, key := range []string{"", strings.Repeat("x", 257)} {
		if _, err := q.Enqueue(t.Context(), 1, mq.Key(key)); !errors.Is(err, mq.ErrInvalid) {
			t.Errorf("%q: %v", key, err)
		}
	}
}

// The changes of one account are made one after another, those of others meanwhile.
func ExampleKey() {
	ctx, c, end := exampleClient()
	defer end()
	q := mq.New[string](c, "accounts", mq.Options{})
	for _, s := range []string{"open", "pay in", "close"} {
		_, _ = q.Enqueue(ctx, s, mq.Key("account/17"))
	}
	tried := false
	n, err := q.Drain(ctx, func(_ context.Context, m *mq.Msg[string]) error {
		fmt.Println(m.Key, m.Value)
		if m.Value == "pay in" && !tried {
			tried = true
			return mq.RetryAfter(0, errors.New("busy")) // what is behind it waits
		}
		return nil
	})
	fmt.Println(n, err)
	// Output:
	// account/17 open
	// account/17 pay in
	// account/17 pay in
	// account/17 close
	// 4 <nil>
}

// At most five jobs of a customer at a time, and a hundred a minute.
func ExampleQueue_Limit() {
	ctx, c, end := exampleClient()
	defer end()
	q := mq.New[string](c, "jobs", mq.Options{})
	err := q.Limit(ctx, mq.Limits{KeyCap: 5, KeyRate: mq.Rate{Messages: 100, Per: time.Minute, Burst: 10}})
	fmt.Println(err)
	for range 8 {
		_, _ = q.Enqueue(ctx, "job", mq.Key("customer/17"))
	}
	l, err := q.Limits(ctx)
	fmt.Println(l.KeyCap, l.KeyRate.Burst, err)
	// Output:
	// <nil>
	// 5 10 <nil>
}
