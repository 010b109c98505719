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
	"github.com/kermes-redis/kermes/pubsub"
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
	if err := redis.Set("k", "v").Do(t.Context(), c); err != nil { // there is a connection that can be leased again
		t.Fatal(err)
	}
	password.Store("three")
	err = c.Reauth(t.Context())
	if _, ok := errors.AsType[*conn.AuthError](err); !ok {
		t.Errorf("a wrong password: %v", err)
	}
}

func TestSubscribersUseTheNewCredentials(t *testing.T) {
	leak.Check(t)
	s := testserver.NewWith(t, testserver.Options{Users: map[string]string{"app": "one"}})
	var password atomic.Value
	password.Store("one")
	c, err := client.Open(t.Context(), client.Options{Pool: pool.Options{Conn: conn.Options{
		Addr:        s.Addr(),
		Credentials: func(context.Context, string) (string, string, error) { return "app", password.Load().(string), nil },
	}}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	subscriber := pubsub.New(c.Subscriptions(), pubsub.Options{})
	defer subscriber.Close()
	sub, err := subscriber.Subscribe(t.Context(), "news")
	if err != nil {
		t.Fatal(err)
	}
	password.Store("wrong")
	err = c.Reauth(t.Context())
	if _, ok := errors.AsType[*conn.AuthError](err); !ok {
		t.Errorf("a wrong password: %v", err)
	}
	s.Publish("news", "with the first password")
	s.Configure(func(o *testserver.Options) { o.Users["app"] = "two" })
	password.Store("two")
	told := 0
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for m, err := range sub.All(ctx) {
		if err == nil && string(m.Payload) != "with the first password" {
			break
		}
		if err == nil { // a connection that works is kept where a new one could not be made
			if err := c.Reauth(t.Context()); err != nil {
				t.Error(err)
			}
			continue
		}
		told++
		if !errors.Is(err, client.ErrReauth) {
			t.Errorf("%v, want a gap because of the new credentials", err)
		}
		s.Publish("news", "with the second")
	}
	hellos := s.CallsOf("HELLO")
	if got := s.Count("SUBSCRIBE"); told != 1 || got != 2 || !strings.Contains(hellos[len(hellos)-1].String(), "two") {
		t.Errorf("%d gaps and %d subscriptions, the last as %v", told, got, hellos[len(hellos)-1])
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
