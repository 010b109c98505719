package lock

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/redis"
)

// roleEnv makes the test binary another process of a test.
const roleEnv = "KERMES_LOCK_ROLE"

// unlike are names that no other test has used.
var names struct {
	sync.Mutex
	n int
}

func fresh(t *testing.T) string {
	t.Helper()
	names.Lock()
	defer names.Unlock()
	names.n++
	return fmt.Sprintf("%s/%d", t.Name(), names.n)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func poolOn(t testing.TB, n *testredis.Node) *pool.Pool {
	t.Helper()
	p := pool.New(pool.Options{Conn: conn.Options{Addr: n.Addr()}})
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func open(t testing.TB, o client.Options) *client.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := client.Open(ctx, o)
	for err != nil && pause(ctx, 100*time.Millisecond) { // sentinels that have just started, on a busy machine
		c, err = client.Open(ctx, o)
	}
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func locker(t testing.TB, d redis.Doer, o Options) *Locker {
	t.Helper()
	l := New(d, o)
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Logf("close: %v", err)
		}
	})
	return l
}

// layer is what lies between a Locker and its client.
type layer struct {
	name string
	over func(redis.Doer) redis.Doer
}

// layers are the two ways in which every scenario is run.
var layers = []layer{
	{"plain", func(d redis.Doer) redis.Doer { return d }},
	{"intercepted", intercepted},
}

// inLayers runs a test on a plain client and over an intercepted one.
func inLayers(t *testing.T, f func(t *testing.T, over layer)) {
	for _, over := range layers {
		t.Run(over.name, func(t *testing.T) { f(t, over) })
	}
}

// onEach runs a test on a plain client of a server and over an intercepted one.
func onEach(t *testing.T, f func(t *testing.T, n *testredis.Node, d redis.Doer)) {
	n := shared.Node(t)
	inLayers(t, func(t *testing.T, over layer) { f(t, n, over.over(poolOn(t, n))) })
}

// intercepted puts an interceptor around a client that does nothing.
func intercepted(d redis.Doer) redis.Doer {
	return redis.Intercept(d, func(ctx context.Context, _ redis.Call) (context.Context, func(redis.Outcome)) { return ctx, nil })
}

// leftover returns the keys that are left of a lock but its fence, and the minute's
// memory of who has released.
func leftover(t testing.TB, n *testredis.Node, name string) []string {
	t.Helper()
	var out []string
	for _, key := range n.MustDo(t, "KEYS", "*{"+name+"*").Strings() {
		if !strings.HasSuffix(key, ":f") && !strings.HasSuffix(key, ":d") {
			out = append(out, key)
		}
	}
	return out
}

// hangs is after how long a round of a failover does not get on any more. On a CPU of
// which the servers and the test had a seventh, one of the minority side took 70 s.
const hangs = 5 * time.Minute

func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	leak.Eventually(t, 0, what, cond)
}
