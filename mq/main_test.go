package mq_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/mq"
	"github.com/kermes-redis/kermes/redis"
	users "github.com/kermes-redis/kermes/redistest"
)

var shared testredis.Shared

func TestMain(m *testing.M) {
	if runHelper() {
		return
	}
	code := m.Run()
	if err := shared.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// everywhere runs a test on a real server, and on the embedded group plain and under
// an interceptor.
//
// The embedded ones live in a bubble, whose time stands still while anything runs: no
// lease ends there because the machine is slow, and no goroutine may stay behind.
func everywhere(t *testing.T, f func(t *testing.T, d redis.Doer)) {
	onBothServers(t, f)
	t.Run("intercepted", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { f(t, redis.Intercept(inBubble(t), quiet)) })
	})
}

// onBothServers is everywhere without the interceptor, for what is all in a script and
// takes many steps of it: the embedded ones are slow at those.
func onBothServers(t *testing.T, f func(t *testing.T, d redis.Doer)) {
	t.Run("server", func(t *testing.T) { f(t, onServer(t)) })
	t.Run("group", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { f(t, inBubble(t)) })
	})
}

// inBubble returns a client of an embedded group whose network is in memory.
func inBubble(t *testing.T) *client.Client {
	t.Helper()
	return groupClient(t, users.NewGroup(t, users.GroupOptions{InMemory: true}))
}

// aloneInBubble is inBubble for a test of hours: the client is of the master only. One
// that follows three sentinels asks them every second, and the hours are many seconds.
func aloneInBubble(t *testing.T) *client.Client {
	t.Helper()
	g := users.NewGroup(t, users.GroupOptions{InMemory: true})
	var o client.Options
	o.Pool.Conn.Addr, o.Pool.Conn.Dial = g.Master(), g.Dial
	return opened(t, o)
}

// quiet is an interceptor that does nothing.
func quiet(ctx context.Context, _ redis.Call) (context.Context, func(redis.Outcome)) {
	return ctx, func(redis.Outcome) {}
}

// onServer returns a client of the shared real server.
func onServer(t *testing.T) *client.Client {
	t.Helper()
	return clientOf(t, shared.Node(t).Addr())
}

func clientOf(t *testing.T, addr string) *client.Client {
	t.Helper()
	checkLeaks(t)
	var o client.Options
	o.Pool.Conn.Addr = addr
	return opened(t, o)
}

func groupClient(t *testing.T, g *users.Group) *client.Client {
	t.Helper()
	return opened(t, g.Options(""))
}

func opened(t *testing.T, o client.Options) *client.Client {
	t.Helper()
	c, err := client.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// checked are the tests that are looked after.
var checked sync.Map

// checkLeaks fails the test if it leaves a goroutine behind. The first of a test
// counts: it is called before there is any client.
func checkLeaks(t *testing.T) {
	t.Helper()
	if _, again := checked.LoadOrStore(t.Name(), true); again {
		return
	}
	leak.Check(t)
	t.Cleanup(func() { checked.Delete(t.Name()) })
}

// onGroup returns a client of an embedded group of its own.
func onGroup(t *testing.T) *client.Client {
	t.Helper()
	checkLeaks(t)
	g := users.NewGroup(t, users.GroupOptions{})
	return groupClient(t, g)
}

// onEither runs a test over a client as it is, and under an interceptor.
func onEither(t *testing.T, f func(t *testing.T, over func(c *client.Client) redis.Doer)) {
	t.Run("plain", func(t *testing.T) { f(t, func(c *client.Client) redis.Doer { return c }) })
	t.Run("intercepted", func(t *testing.T) {
		f(t, func(c *client.Client) redis.Doer { return redis.Intercept(c, quiet) })
	})
}

// newQueue returns a queue of a name that no other test has.
func newQueue[T any](t *testing.T, d redis.Doer, o mq.Options) *mq.Queue[T] {
	t.Helper()
	return mq.New[T](d, fmt.Sprintf("q%d", time.Now().UnixNano()), o)
}

// running is a worker that a test has started.
type running struct {
	*mq.Worker
	stop func() error
}
