package mq_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
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
func everywhere(t *testing.T, f func(t *testing.T, d redis.Doer)) {
	t.Run("server", func(t *testing.T) { f(t, onServer(t)) })
	t.Run("group", func(t *testing.T) { f(t, onGroup(t)) })
	t.Run("intercepted", func(t *testing.T) { f(t, redis.Intercept(onGroup(t), quiet)) })
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
	var o client.Options
	o.Pool.Conn.Addr = addr
	c, err := client.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// onGroup returns a client of an embedded group of its own.
func onGroup(t *testing.T) *client.Client {
	t.Helper()
	g := users.NewGroup(t, users.GroupOptions{})
	return groupClient(t, g)
}

func groupClient(t *testing.T, g *users.Group) *client.Client {
	t.Helper()
	c, err := client.Open(t.Context(), g.Options(""))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
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
