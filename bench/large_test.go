package bench

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/redis"
)

// TestAClientAllocatesNoMoreForLargeValuesThanItsCallersKeep reads a hundred values of 1 MiB:
// while they are kept, little but they is alive; when they are dropped, little at all.
func TestAClientAllocatesNoMoreForLargeValuesThanItsCallersKeep(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector keeps memory of its own")
	}
	const count, size, slack = 100, 1 << 20, 5 << 20
	c, err := client.Open(t.Context(), client.Options{Pool: pool.Options{Conn: conn.Options{Addr: testredis.New(t).Addr()}}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := redis.Set("large", strings.Repeat("v", size)).Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	before := heap()
	kept := make([]string, count)
	for i := range kept {
		if kept[i], err = redis.Get("large").Do(t.Context(), c); err != nil || len(kept[i]) != size {
			t.Fatal(len(kept[i]), err)
		}
	}
	if now := settledHeap(before + count*size + slack); now > before+count*size+slack {
		t.Errorf("with %d MiB kept, %d MiB are alive", count, (now-before)>>20)
	}
	runtime.KeepAlive(kept)
	if now := settledHeap(before + slack); now > before+slack {
		t.Errorf("with nothing kept, %d MiB are alive", (now-before)>>20)
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// settledHeap is what is alive once that is no more than most, or after a while: what
// finalizers have looked at is free one collection later.
func settledHeap(most int64) int64 {
	end := time.Now().Add(20 * time.Second)
	now := heap()
	for now > most && time.Now().Before(end) {
		time.Sleep(10 * time.Millisecond)
		now = heap()
	}
	return now
}
