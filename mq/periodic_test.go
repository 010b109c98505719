package mq_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/mq"
	"github.com/kermes-redis/kermes/redis"
)

// schedule runs jobs until the function it returns is called.
func schedule[T any](t *testing.T, q *mq.Queue[T], jobs ...mq.Periodic[T]) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- q.Schedule(ctx, mq.ScheduleOptions{}, jobs...) }()
	stop = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("schedule: %v", err)
		}
	}
	return stop
}

func TestEachTickHasOneMessage(t *testing.T) {
	for _, minReplicas := range []int{0, 1} {
		synctest.Test(t, func(t *testing.T) {
			d := aloneInBubble(t)
			q := newQueue[int64](t, d, mq.Options{MinReplicas: minReplicas})
			cron, err := mq.Cron("* * * * *", nil)
			must(t, err)
			jobs := []mq.Periodic[int64]{
				{Name: "one", When: cron, Value: time.Time.Unix},
				{Name: "two", When: mq.Every(2 * time.Minute), Value: func(t time.Time) int64 { return -t.Unix() }},
			}
			began := time.Now()
			var stops []func()
			for range 3 {
				other := mq.New[int64](redis.Intercept(d, quiet), q.Name(), mq.Options{MinReplicas: minReplicas})
				stops = append(stops, schedule(t, other, jobs...))
			}
			time.Sleep(12*time.Minute + time.Second)
			for _, stop := range stops {
				stop()
			}
			want := map[int64]int{}
			for _, p := range jobs {
				for at := p.When.Next(began); !at.After(time.Now()); at = p.When.Next(at) {
					want[p.Value(at)]++
				}
			}
			got := map[int64]int{}
			_, err = q.Drain(t.Context(), func(_ context.Context, m *mq.Msg[int64]) error { got[m.Value]++; return nil })
			must(t, err)
			if len(want) < 18 || !maps.Equal(got, want) {
				t.Errorf("%d ticks were handled, want %d: %v, %v", len(got), len(want), got, want)
			}
		})
	}
}

func TestMissedTicks(t *testing.T) {
	for _, c := range []struct {
		policy mq.CatchUp
		want   int
	}{{mq.CatchUpLatest, 1}, {mq.CatchUpNone, 0}, {mq.CatchUpAll, 12}} {
		synctest.Test(t, func(t *testing.T) {
			q := newQueue[string](t, aloneInBubble(t), mq.Options{})
			job := mq.Periodic[string]{Name: "job", When: mq.Every(2 * time.Minute), CatchUp: c.policy,
				Value: func(t time.Time) string { return t.UTC().Format(time.RFC3339) }}
			stop := schedule(t, q, job)
			time.Sleep(time.Second)
			stop()
			next := job.When.Next(time.Now())
			time.Sleep(time.Until(next.Add(23*time.Minute + 30*time.Second))) // twelve ticks
			stop = schedule(t, q, job)
			time.Sleep(time.Second)
			stop()
			var got []string
			_, err := q.Drain(t.Context(), func(_ context.Context, m *mq.Msg[string]) error { got = append(got, m.Value); return nil })
			must(t, err)
			if len(got) != c.want || len(got) > 0 && got[len(got)-1] != job.Value(next.Add(22*time.Minute)) || !slices.IsSorted(got) {
				t.Errorf("policy %d: %q", c.policy, got)
			}
			stop = schedule(t, q, job) // what was missed is not missed again
			time.Sleep(10 * time.Second)
			stop()
			if s := stats(t, q); s.Ready != 0 {
				t.Errorf("policy %d: %+v", c.policy, s)
			}
		})
	}
}

func TestATickWhileTheJobIsHandled(t *testing.T) {
	for _, c := range []struct {
		policy mq.Overlap
		most   int // at the same time
		calls  int
	}{{mq.OverlapAllow, 4, 4}, {mq.OverlapSkip, 1, 1}, {mq.OverlapOnce, 1, 2}} {
		synctest.Test(t, func(t *testing.T) {
			q := newQueue[int64](t, aloneInBubble(t), mq.Options{})
			var got seen
			running, most := make(chan int, 1), 0
			running <- 0
			start(t, q, func(_ context.Context, m *mq.Msg[int64]) error {
				n := <-running + 1
				most = max(most, n)
				running <- n
				got.add("%d", m.Value)
				time.Sleep(3*time.Minute + 30*time.Second) // over three more ticks
				running <- <-running - 1
				return nil
			}, mq.WorkerOptions{Lease: time.Hour, PollInterval: time.Minute}) // it is told
			time.Sleep(time.Until(mq.Every(time.Minute).Next(time.Now()).Add(-time.Second)))
			stop := schedule(t, q, mq.Periodic[int64]{Name: "job", When: mq.Every(time.Minute), Value: time.Time.Unix, Overlap: c.policy})
			time.Sleep(3*time.Minute + 10*time.Second)
			stop()
			time.Sleep(8 * time.Minute)
			sound(t, q)
			if most != c.most || got.len() != c.calls {
				t.Errorf("policy %d: %d at once, handled %q", c.policy, most, got.list())
			}
		})
	}
}

// Three processes, one of which is killed every second and started anew.
func TestEachTickHasOneMessageWhoeverIsKilled(t *testing.T) {
	node := shared.Node(t)
	q := newQueue[int64](t, onServer(t), mq.Options{})
	begin := func() *process { return startProcess(t, node.Addr(), q.Name(), 0, 0, 0) }
	all := []*process{begin(), begin(), begin()}
	var got counter
	start(t, q, func(_ context.Context, m *mq.Msg[int64]) error { got.add(int(m.Value)); return nil }, mq.WorkerOptions{})
	ticks := 0
	for i := range 5 {
		eventually(t, "a tick", func() bool { return got.distinct() > ticks })
		ticks = got.distinct()
		all[i%3].signal(t, syscall.SIGKILL)
		<-all[i%3].ended
		all[i%3] = begin()
	}
	for _, p := range all {
		p.signal(t, os.Kill)
		<-p.ended
	}
	eventually(t, "all done", func() bool { s := stats(t, q); return s.Ready+s.Leased == 0 })
	got.mu.Lock()
	defer got.mu.Unlock()
	seconds := slices.Sorted(maps.Keys(got.n))
	for i, at := range seconds {
		if i > 0 && at != seconds[i-1]+1 || got.n[at] != 1 {
			t.Fatalf("ticks %v, how often %v", seconds, got.n)
		}
	}
}

func TestJobsThatCannotBeScheduled(t *testing.T) {
	q := newQueue[int](t, onServer(t), mq.Options{MaxPayload: 3})
	ok := mq.Periodic[int]{Name: "a", When: mq.Every(time.Hour)}
	for name, jobs := range map[string][]mq.Periodic[int]{
		"no name": {{When: mq.Every(1)}}, "never": {{Name: "a"}}, "twice": {ok, ok},
		"policy": {{Name: "a", When: mq.Every(1), Overlap: 9}},
		"large":  {{Name: "a", When: mq.Every(1), Value: func(time.Time) int { return 123456 }}},
	} {
		if err := q.Schedule(t.Context(), mq.ScheduleOptions{}, jobs...); !errors.Is(err, mq.ErrInvalid) && !errors.Is(err, mq.ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
	run(t, onServer(t), "HSET", "mq:{"+q.Name()+"}:c", "v", "3")
	if err := q.Schedule(t.Context(), mq.ScheduleOptions{}, ok); !errors.Is(err, mq.ErrFormat) {
		t.Error(err)
	}
}

func ExampleQueue_Schedule() {
	ctx, c, end := exampleClient()
	defer end()
	q := mq.New[string](c, "reports", mq.Options{})
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	weekdays, err := mq.Cron("0 8 * * mon-fri", berlin)
	if err != nil {
		panic(err)
	}
	ctx, stop := context.WithTimeout(ctx, 10*time.Millisecond) // a program has one that ends with it
	defer stop()
	err = q.Schedule(ctx, mq.ScheduleOptions{}, mq.Periodic[string]{
		Name: "daily", When: weekdays, Overlap: mq.OverlapSkip,
		Value: func(tick time.Time) string { return "report of " + tick.Format(time.DateOnly) },
	})
	fmt.Println(err, weekdays.Next(time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)))
	// Output: <nil> 2026-03-30 08:00:00 +0200 CEST
}
