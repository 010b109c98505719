package lock

import (
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/internal/testredis"
)

// spent returns how many commands a server has executed, those of scripts included,
// and the microseconds that they took.
func spent(t *testing.T, n *testredis.Node) (calls, micros int64) {
	t.Helper()
	stats, err := n.Info("commandstats")
	must(t, err)
	for name, v := range stats {
		for _, field := range strings.Split(v, ",") {
			key, digits, _ := strings.Cut(field, "=")
			x, _ := strconv.ParseInt(digits, 10, 64)
			switch {
			case key == "calls":
				calls += x
			case key == "usec" && strings.HasPrefix(name, "cmdstat_eval"): // with all that is inside
				micros += x
			}
		}
	}
	return calls, micros
}

func TestAThousandWaitersCostASectionNoMoreThanSixteen(t *testing.T) {
	n := testredis.New(t)
	section := func(waiters, each int) (calls, micros float64) {
		// What waiters ask by the clock depends on how long it takes, and is no herd.
		l, name := locker(t, poolOn(t, n), Options{PollInterval: time.Minute, Terms: Terms{TTL: time.Hour}}), fresh(t)
		h, err := l.Lock(t.Context(), name) // until all wait
		must(t, err)
		var wg sync.WaitGroup
		for range waiters {
			wg.Go(func() {
				for range each {
					h, err := l.Lock(t.Context(), name)
					if err != nil {
						t.Error(err)
						return
					}
					_ = h.Unlock(t.Context())
				}
			})
		}
		eventually(t, "all wait", func() bool { i, _ := l.Inspect(t.Context(), name); return i.Waiters == waiters })
		c, m := spent(t, n)
		must(t, h.Unlock(t.Context()))
		wg.Wait()
		c2, m2 := spent(t, n)
		return float64(c2-c) / float64(waiters*each), float64(m2-m) / float64(waiters*each)
	}
	few, fewMicros := section(16, 50)
	many, manyMicros := section(1000, 2)
	t.Logf("16 waiters: %.1f commands and %.0f us of the server a section; 1000: %.1f and %.0f us", few, fewMicros, many, manyMicros)
	if many > 2*few {
		t.Error("a herd")
	}
}
