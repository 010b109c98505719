package mq_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/mq"
	"github.com/kermes-redis/kermes/redis"
)

// groupOf returns a group of n members, whose callback has the value -1.
func groupOf(n int, id string, opts ...mq.Option) mq.Group[int] {
	g := mq.Group[int]{Then: mq.Item[int]{Value: -1, Options: append(opts, mq.ID(id))}}
	for i := range n {
		g.Members = append(g.Members, mq.Item[int]{Value: i})
	}
	return g
}

// enqueueGroup adds a group of which every member is new.
func enqueueGroup(t *testing.T, q *mq.Queue[int], g mq.Group[int]) {
	t.Helper()
	results, err := q.EnqueueGroup(context.Background(), g)
	must(t, err)
	for _, r := range results {
		if r.Action != mq.Added {
			t.Fatalf("%+v", results)
		}
	}
}

// waits fails if the callback does not wait for left members.
func waits(t *testing.T, q *mq.Queue[int], id string, left int) {
	t.Helper()
	s, err := q.Status(t.Context(), id)
	if err != nil || s.State != mq.Waiting || s.Left != left {
		t.Fatalf("callback %s: %s, %d left, %v; want %d", id, s.State, s.Left, err, left)
	}
	r, err := q.Verify(t.Context())
	if err != nil || !r.Sound() {
		t.Fatalf("%+v, %v", r, err)
	}
}

func TestTheCallbackComesOnceAndAfterAllMembers(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[int](t, d, mq.Options{})
		var mu sync.Mutex
		open, calls := 0, 0
		tried := map[string]bool{}
		handle := func(_ context.Context, m *mq.Msg[int]) error {
			mu.Lock()
			defer mu.Unlock()
			if m.Value < 0 {
				if calls++; open%30 != 0 && m.Value == -1 {
					t.Errorf("the callback came after %d members", open)
				}
				return nil
			}
			if !tried[m.ID] && m.Value%3 == 0 { // a member may fail, and be snoozed
				tried[m.ID] = true
				if m.Value%2 == 0 {
					return mq.Snooze(time.Millisecond)
				}
				return mq.RetryAfter(time.Millisecond, errPlain)
			}
			open++
			return nil
		}
		for range 3 { // several workers settle at the same time
			start(t, q, handle, mq.WorkerOptions{Concurrency: 8})
		}
		const rounds = 20
		for i := range rounds {
			enqueueGroup(t, q, groupOf(30, fmt.Sprint("then/", i), mq.WithPriority(mq.Low)))
			eventually(t, "the callback", func() bool { mu.Lock(); defer mu.Unlock(); return calls == i+1 })
		}
		sound(t, q)
		mu.Lock()
		defer mu.Unlock()
		if s := stats(t, q); calls != rounds || open != 30*rounds || s.Waiting != 0 || s.Handled != 31*rounds || s.Enqueued != 31*rounds {
			t.Errorf("%d callbacks, %d members, %+v", calls, open, s)
		}
	})
}

// The last two members of many groups are settled at the same time by different workers.
func TestTheLastTwoAreSettledAtTheSameTime(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[int](t, d, mq.Options{})
		const groups = 100
		for i := range groups {
			enqueueGroup(t, q, groupOf(2, fmt.Sprint(i)))
		}
		var calls counter
		for range 4 {
			start(t, q, func(_ context.Context, m *mq.Msg[int]) error {
				if m.Value < 0 {
					var i int
					_, _ = fmt.Sscan(m.ID, &i)
					calls.add(i)
				}
				return nil
			}, mq.WorkerOptions{Concurrency: 2})
		}
		eventually(t, "all callbacks", func() bool { return stats(t, q).Handled == 3*groups })
		if calls.distinct() != groups || calls.twice() != 0 {
			t.Errorf("%d callbacks, %d twice", calls.distinct(), calls.twice())
		}
		sound(t, q)
	})
}

func TestAGroupOfManyRoundTripsIsContinued(t *testing.T) {
	onBothServers(t, func(t *testing.T, d redis.Doer) {
		const n = 1200
		q := newQueue[int](t, d, mq.Options{MaxLen: 700})
		var got counter
		handle := func(_ context.Context, m *mq.Msg[int]) error { got.add(m.Value); return nil }
		g := groupOf(n, "then")
		for i := 0; ; i++ { // the queue is full again and again
			results, err := q.EnqueueGroup(t.Context(), g)
			if err == nil {
				break
			}
			if !errors.Is(err, mq.ErrQueueFull) || i > 3 {
				t.Fatal(len(results), err)
			}
			_, err = q.Drain(t.Context(), handle)
			must(t, err)
			if s, err := q.Status(t.Context(), "then"); err != nil || s.State != mq.Waiting || got.distinct()+s.Left != n {
				t.Fatalf("%d handled, %+v, %v", got.distinct(), s, err)
			}
		}
		_, err := q.EnqueueGroup(t.Context(), g) // it is complete
		if e, ok := errors.AsType[*mq.DuplicateError](err); !ok || e.State != mq.Waiting {
			t.Error(err)
		}
		_, err = q.Drain(t.Context(), handle)
		must(t, err)
		if got.distinct() != n+1 || got.twice() != 0 {
			t.Errorf("%d handled, %d twice", got.distinct(), got.twice())
		}
		sound(t, q)
	})
}

func TestADeadLetterHoldsItsGroupBack(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[int](t, d, mq.Options{})
		fails, calls := true, 0
		drain := func() {
			t.Helper()
			_, err := q.Drain(t.Context(), func(_ context.Context, m *mq.Msg[int]) error {
				if m.Value < 0 {
					calls++
				}
				if m.Value == 1 && fails {
					return mq.DeadLetter(errPlain)
				}
				return nil
			})
			must(t, err)
		}
		for i, remove := range []func() error{
			func() error { fails = false; _, err := q.Redrive(t.Context(), "then/1"); return err },
			func() error { _, err := q.Purge(t.Context(), mq.Dead); return err },
			func() error { // another one of its id takes its place
				_, err := q.Enqueue(t.Context(), 1, mq.ID("then/1"))
				return err
			},
		} {
			fails = true
			enqueueGroup(t, q, groupOf(3, "then"))
			drain()
			waits(t, q, "then", 1)
			must(t, remove())
			drain()
			if calls != i+1 {
				t.Fatalf("case %d: %d callbacks", i, calls)
			}
		}
		_, err := q.Purge(t.Context(), mq.Dead)
		must(t, err)
		fails = true
		g := groupOf(3, "then")
		g.DeadEnds = true
		enqueueGroup(t, q, g)
		drain()
		if s := stats(t, q); calls != 4 || s.Dead != 1 || s.Waiting != 0 {
			t.Errorf("%d callbacks, %+v", calls, s)
		}
		// What has ended once does not end for the next group of the name.
		enqueueGroup(t, q, mq.Group[int]{Members: []mq.Item[int]{{Value: 7, Options: []mq.Option{mq.ID("x"), mq.In(time.Hour)}}}, Then: g.Then})
		fails = false
		_, err = q.Redrive(t.Context(), "then/1")
		must(t, err)
		drain()
		waits(t, q, "then", 1)
	})
}

func TestMembersThatGoOtherwiseHaveEnded(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[int](t, d, mq.Options{})
		ctx := t.Context()
		state := func() mq.State {
			t.Helper()
			s, err := q.Status(ctx, "then")
			must(t, err)
			return s.State
		}
		_, err := q.Enqueue(ctx, 1, mq.ID("taken"), mq.In(time.Hour))
		must(t, err)
		g := groupOf(2, "then", mq.In(time.Hour))
		g.Members = append(g.Members, mq.Item[int]{Options: []mq.Option{mq.ID("taken")}}, mq.Item[int]{Options: []mq.Option{mq.In(time.Hour)}})
		results, err := q.EnqueueGroup(ctx, g)
		if err != nil || results[0].Action != mq.Added || results[2].Action != mq.Duplicate || results[2].State != mq.Delayed {
			t.Fatalf("%+v, %v", results, err)
		}
		waits(t, q, "then", 3)
		for _, enqueue := range []func() error{
			func() error { _, err := q.Enqueue(ctx, 1, mq.ID("then"), mq.OnDuplicate(mq.Requeue)); return err },
			func() error { _, err := q.EnqueueGroup(ctx, groupOf(5, "then")); return err },
		} {
			if e, ok := errors.AsType[*mq.DuplicateError](enqueue()); !ok || e.State != mq.Waiting {
				t.Errorf("%v", e)
			}
		}
		if page, _, err := q.List(ctx, mq.Waiting, "", 0); err != nil || len(page) != 1 || page[0].ID != "then" || page[0].Left != 3 || string(page[0].Payload) != "-1" {
			t.Errorf("%+v, %v", page, err)
		}
		// An update of a member leaves it one.
		_, err = q.Enqueue(ctx, 9, mq.ID("then/0"), mq.OnDuplicate(mq.Update), mq.WithPriority(mq.High))
		must(t, err)
		waits(t, q, "then", 3)
		if ok, err := q.Cancel(ctx, "then/0"); err != nil || !ok {
			t.Fatal(ok, err)
		}
		waits(t, q, "then", 2)
		_, err = q.Purge(ctx, mq.Ready)
		must(t, err)
		waits(t, q, "then", 1)
		_, err = q.Cancel(ctx, "then/3")
		must(t, err)
		if s := state(); s != mq.Delayed { // by its own delay
			t.Errorf("the callback is %s", s)
		}
		_, err = q.Clear(ctx)
		must(t, err)

		enqueueGroup(t, q, groupOf(2, "then"))
		if ok, err := q.Cancel(ctx, "then"); err != nil || !ok || state() != mq.Absent {
			t.Error(ok, err, state())
		}
		n, err := q.Drain(ctx, func(context.Context, *mq.Msg[int]) error { return nil })
		if err != nil || n != 2 {
			t.Error(n, err)
		}
		for _, remove := range []func() (int64, error){
			func() (int64, error) { return q.Clear(ctx) },
			func() (int64, error) { return q.Purge(ctx, mq.Waiting, mq.Ready) },
		} {
			enqueueGroup(t, q, groupOf(2, "then"))
			if n, err := remove(); err != nil || n != 3 || state() != mq.Absent {
				t.Error(n, err, state())
			}
			sound(t, q)
		}
	})
}

// A worker process dies with the last members in its hands.
func TestAGroupOutlivesItsWorker(t *testing.T) {
	node := shared.Node(t)
	q := mq.New[string](onServer(t), fmt.Sprintf("q%d", time.Now().UnixNano()), mq.Options{})
	g := mq.Group[string]{Then: mq.Item[string]{Value: "then", Options: []mq.Option{mq.ID("then")}}}
	for range 20 {
		g.Members = append(g.Members, mq.Item[string]{Value: "x"})
	}
	_, err := q.EnqueueGroup(t.Context(), g)
	must(t, err)
	p := startProcess(t, node.Addr(), q.Name(), 2, time.Second, 50*time.Millisecond)
	eventually(t, "some have begun", func() bool { return len(p.said("begin")) > 6 })
	p.signal(t, syscall.SIGKILL)
	<-p.ended
	var calls seen
	start(t, q, func(_ context.Context, m *mq.Msg[string]) error {
		if m.Value == "then" {
			calls.add("%s", m.ID)
		}
		return nil
	}, mq.WorkerOptions{PollInterval: 100 * time.Millisecond})
	eventually(t, "the callback", func() bool { s := stats(t, q); return s.Handled == 21 && s.Ready+s.Leased == 0 })
	if s := stats(t, q); calls.len() != 1 || s.Crashed == 0 || s.Waiting != 0 {
		t.Errorf("%q, %+v", calls.list(), s)
	}
}

func TestRepairOfGroups(t *testing.T) {
	everywhere(t, func(t *testing.T, d redis.Doer) {
		q := newQueue[int](t, d, mq.Options{})
		base := "mq:{" + q.Name() + "}:"
		for _, c := range [][]any{
			{"HSET", base + "gn", "1", "7:3:3:0: a"}, // counts too many
			{"HDEL", base + "gm", "b"},               // has no callback
			{"HDEL", base + "gn", "3"},               // has no count
		} {
			if c[0] == "HSET" {
				for _, id := range []string{"a", "b", "c"} {
					enqueueGroup(t, q, groupOf(3, id))
				}
				waits(t, q, "c", 3)
			}
			run(t, d, c[0].(string), c[1:]...)
		}
		if r, err := q.Repair(t.Context()); err != nil || r.Groups < 3 {
			t.Errorf("%+v, %v", r, err)
		}
		waits(t, q, "a", 3)
		calls := 0
		_, err := q.Drain(t.Context(), func(_ context.Context, m *mq.Msg[int]) error {
			if m.Value < 0 {
				calls++
			}
			return nil
		})
		must(t, err)
		if calls != 1 {
			t.Errorf("%d callbacks", calls)
		}
		enqueueGroup(t, q, groupOf(1, "d"))
		run(t, d, "HDEL", base+"m", "d/0")
		run(t, d, "LREM", base+"r1", 0, "d/0")
		if r, err := q.Repair(t.Context()); err != nil || r.Groups != 1 || stats(t, q).Ready != 1 {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

func TestGroupsThatCannotBeEnqueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue[int](t, inBubble(t), mq.Options{MinReplicas: 1, MaxPayload: 2})
		policy := groupOf(1, "a")
		policy.Members[0].Options = []mq.Option{mq.OnDuplicate(mq.Update)}
		long := groupOf(1, string(make([]byte, 511)))
		for name, g := range map[string]mq.Group[int]{
			"policy": policy, "then": groupOf(1, "a", mq.OnDuplicate(mq.Requeue)), "large": groupOf(101, "a"), "id": long,
		} {
			if _, err := q.EnqueueGroup(t.Context(), g); !errors.Is(err, mq.ErrInvalid) && !errors.Is(err, mq.ErrTooLarge) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if s := stats(t, q); s.Waiting+s.Ready != 0 {
			t.Errorf("%+v", s)
		}
		enqueueGroup(t, q, groupOf(2, "a")) // confirmed by a replica
		waits(t, q, "a", 2)
		enqueueGroup(t, q, groupOf(0, "b"))
		if s := stats(t, q); s.Waiting != 1 || s.Ready != 3 {
			t.Errorf("%+v", s)
		}
	})
}

func ExampleQueue_EnqueueGroup() {
	ctx, c, end := exampleClient()
	defer end()
	q := mq.New[string](c, "films", mq.Options{})
	g := mq.Group[string]{Then: mq.Item[string]{Value: "publish", Options: []mq.Option{mq.ID("film/17")}}}
	for _, s := range []string{"encode 480p", "encode 720p", "encode sound"} {
		g.Members = append(g.Members, mq.Item[string]{Value: s})
	}
	_, err := q.EnqueueGroup(ctx, g)
	fmt.Println(err)
	_, err = q.Drain(ctx, func(_ context.Context, m *mq.Msg[string]) error {
		fmt.Println(m.ID, m.Value)
		return nil
	})
	fmt.Println(err)
	// Output:
	// <nil>
	// film/17/0 encode 480p
	// film/17/1 encode 720p
	// film/17/2 encode sound
	// film/17 publish
	// <nil>
}
