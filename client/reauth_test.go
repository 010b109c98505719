package client_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/redis"
)

func TestCredentialsThatStreamReachEveryConnection(t *testing.T) {
	leak.Check(t)
	s := testserver.NewWith(t, testserver.Options{Users: map[string]string{"app": "one"}})
	var password atomic.Value
	password.Store("one")
	rotated := make(chan struct{})
	c, err := client.Open(t.Context(), client.Options{Rotated: rotated, Pool: pool.Options{Conn: conn.Options{
		Addr:        s.Addr(),
		Credentials: func(context.Context, string) (string, string, error) { return "app", password.Load().(string), nil },
	}}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 2 {
		if err := redis.Set("k", "v").Do(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	s.Configure(func(o *testserver.Options) { o.Users["app"] = "two" })
	password.Store("two")
	rotated <- struct{}{}
	s.WaitFor(t, "AUTH", func() bool { return s.Count("AUTH") == 1 })
	password.Store("three")
	err = c.Reauth(t.Context())
	if _, ok := errors.AsType[*conn.AuthError](err); !ok {
		t.Errorf("a wrong password: %v", err)
	}
}

func TestHooksSeeEveryConnectionOfOneServer(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	var mu sync.Mutex
	var seen []string
	note := func(what string) func(string, time.Duration, error) {
		return func(addr string, d time.Duration, err error) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, fmt.Sprint(what, " ", addr == s.Addr(), " ", d >= 0, " ", err != nil))
		}
	}
	c, err := client.Open(t.Context(), client.Options{Pool: pool.Options{
		Conn: conn.Options{Addr: s.Addr()}, OnConnect: note("connect"), OnDisconnect: note("disconnect"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := redis.Set("k", "v").Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := c.WithConn(t.Context(), func(cn *conn.Conn) error { return cn.Close() }); err != nil {
		t.Fatal(err)
	}
	if err := redis.Set("k", "v").Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	mu.Lock()
	defer mu.Unlock()
	want := "connect true true false, disconnect true true true, connect true true false, disconnect true true true"
	if got := strings.Join(seen, ", "); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestAReadWithoutAReplicaSaysWhy(t *testing.T) {
	one, err := client.Open(t.Context(), client.Options{Replicas: client.ReplicaOptions{Policy: client.ReplicaOnly}})
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	_, err = redis.Get("k").Do(t.Context(), one.Replicas())
	wantText(t, err, client.ErrNoReplica, "without sentinels none is known")
	err = redis.Set("k", "v").Do(t.Context(), one.Replicas())
	wantText(t, err, client.ErrNotReadOnly, "SET writes, or may: send it to the client itself")

	e := testgroup.New(t, testgroup.Options{})
	wrong := pool.Options{Conn: conn.Options{Dial: e.Dial, Username: "nobody", Password: "wrong"}}
	o := client.Options{RetryTime: time.Second, Replicas: client.ReplicaOptions{Policy: client.ReplicaOnly, Pool: &wrong}}
	c := open(t, e.SentinelAddrs(), o)
	_, err = redis.Get("k").Do(t.Context(), c.Replicas())
	wantText(t, err, client.ErrNoReplica, "WRONGPASS")
}

func wantText(t *testing.T, err, kind error, part string) {
	t.Helper()
	if !errors.Is(err, kind) || !strings.Contains(err.Error(), part) {
		t.Errorf("%v, want %v with %q", err, kind, part)
	}
}
