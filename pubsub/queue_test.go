package pubsub

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/kermes-redis/kermes/internal/leak"
)

var news = &topic{name: "news"}

// fill pushes the numbers from..to-1.
func fill(q *queue, from, to int) {
	for i := from; i < to; i++ {
		q.push(news, "news", fmt.Append(nil, i), &reader{})
	}
}

// drain takes all that waits, in words.
func drain(q *queue) string {
	now, cancel := context.WithCancel(context.Background())
	cancel()
	var got []string
	for {
		// pop waits only when nothing is there.
		it := q.pop(now.Done())
		if it == nil {
			return strings.Join(got, " ")
		}
		if it.notice != nil {
			switch e := it.notice.(type) {
			case *Dropped:
				got = append(got, fmt.Sprintf("-%d", e.N))
			case *Gap:
				got = append(got, "gap")
			}
			continue
		}
		got = append(got, string(q.out.data[it.start:it.end]))
	}
}

func TestEachOverflowPolicyDropsWhatItSays(t *testing.T) {
	for _, c := range []struct {
		policy Overflow
		want   string
		end    error
	}{
		{DropOldest, "-4 4 5 6", nil},
		{DropNewest, "0 1 2 -4", nil},
		{CloseOnOverflow, "0 1 2", ErrOverflow},
	} {
		t.Run(c.policy.String(), func(t *testing.T) {
			q := newQueue(Queue{Size: 3, Overflow: c.policy})
			fill(q, 0, 7)
			_, total, lost := q.count()
			if got := drain(q); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if !errors.Is(q.ended(), c.end) {
				t.Errorf("ended with %v", q.ended())
			}
			if c.end == nil && lost != 4 {
				t.Errorf("%d lost of %d", lost, total)
			}
		})
	}
}

func TestADropIsToldWhereItHappened(t *testing.T) {
	q := newQueue(Queue{Size: 3, Overflow: DropNewest})
	fill(q, 0, 5)
	if got := drain(q); got != "0 1 2 -2" {
		t.Errorf("got %q", got)
	}
	fill(q, 5, 7)
	if got := drain(q); got != "5 6" {
		t.Errorf("got %q", got)
	}
}

func TestGapsSurviveDroppedMessages(t *testing.T) {
	q := newQueue(Queue{Size: 2})
	fill(q, 0, 2)
	q.notice(&Gap{Reason: ErrSilent})
	fill(q, 2, 4)
	q.notice(&Gap{Reason: ErrSilent})
	fill(q, 4, 9)
	if got := drain(q); got != "gap gap -7 7 8" {
		t.Errorf("got %q", got)
	}
}

func TestBytesAreALimitToo(t *testing.T) {
	q := newQueue(Queue{Size: -1, Bytes: 10})
	for _, s := range []string{"aaaa", "bbbb", "cccc", strings.Repeat("d", 100)} {
		q.push(news, "news", []byte(s), &reader{})
	}
	if got := drain(q); got != "-3 "+strings.Repeat("d", 100) {
		t.Errorf("got %q", got)
	}
}

func TestDroppingForEverTakesNoMoreMemory(t *testing.T) {
	q := newQueue(Queue{Size: 100})
	payload := make([]byte, 100)
	for range 100_000 {
		q.push(news, "news", payload, &reader{})
	}
	if len(q.in.items) > 500 || len(q.in.data) > 50_000 {
		t.Errorf("%d items and %d bytes for 100 messages", len(q.in.items), len(q.in.data))
	}
}

func TestABlockedReaderGoesOnWhenThereIsRoom(t *testing.T) {
	leak.Check(t)
	q := newQueue(Queue{Size: 4, Overflow: Block})
	var wg sync.WaitGroup
	const n = 10_000
	wg.Go(func() {
		fill(q, 0, n)
		q.close(ErrClosed, false)
	})
	for i := range n {
		it := q.pop(nil)
		if got := string(q.out.data[it.start:it.end]); got != fmt.Sprint(i) {
			t.Fatalf("got %s, want %d", got, i)
		}
		if waiting, _, _ := q.count(); waiting > 4 {
			t.Fatalf("%d wait, the limit is 4", waiting)
		}
	}
	if q.pop(nil) != nil {
		t.Error("more than was pushed")
	}
	wg.Wait()
}

func TestABlockedReaderCanBeStopped(t *testing.T) {
	leak.Check(t)
	q := newQueue(Queue{Size: 1, Overflow: Block})
	stop := make(chan struct{})
	r := &reader{stop: stop}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		q.push(news, "news", nil, r)
		q.push(news, "news", nil, r)
	}()
	leak.Eventually(t, 0, "a blocked reader", r.blocked.Load)
	close(stop)
	<-ended
	if r.blocked.Load() {
		t.Error("still blocked")
	}
}

// The queue is compared with a slice that does the same, for random steps.
func TestTheQueueIsAFIFO(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 0))
		size := 1 + rng.IntN(200)
		q := newQueue(Queue{Size: size})
		var want []int
		next, dropped := 0, 0
		for range 50 {
			for range rng.IntN(300) {
				fill(q, next, next+1)
				want = append(want, next)
				next++
				if len(want) > size {
					want = want[1:]
					dropped++
				}
			}
			text := fmt.Sprint(want)
			if dropped > 0 {
				text = fmt.Sprint(slices.Concat([]int{-dropped}, want))
			}
			if got := "[" + drain(q) + "]"; got != text {
				t.Fatalf("seed %d: got %s, want %s", seed, got, text)
			}
			want, dropped = nil, 0
		}
	}
}
