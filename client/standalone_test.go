package client_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/sentinel"
)

func TestOneServersComingAndGoingIsTold(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	dials := make(chan error, 1000)
	c := connect(t, client.Options{RetryTime: -1, Pool: pool.Options{
		Conn:      conn.Options{Addr: s.Addr()},
		OnConnect: func(_ string, _ time.Duration, err error) { dials <- err },
	}})
	var seen eventLog
	stop := c.Listen(seen.add)
	defer stop()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(redis.Set("k", "v").Do(t.Context(), c))
	if e := seen.first(t, sentinel.EventServerUp); e.Addr != s.Addr() || e.Err != nil {
		t.Errorf("up: %v", e)
	}
	if err := <-dials; err != nil {
		t.Errorf("the caller's own hook: %v", err)
	}
	s.Reply("SET", testserver.Error("READONLY You can't write against a read only replica."))
	if err := redis.Set("k", "v").Do(t.Context(), c); !errors.Is(err, redis.ErrReadOnly) {
		t.Error(err)
	}
	if e := seen.first(t, sentinel.EventDistrusted); e.Addr != s.Addr() || !errors.Is(e.Err, redis.ErrReadOnly) {
		t.Errorf("distrusted: %v", e)
	}
	must(s.StopAccepting(true))
	s.CloseAll()
	leak.Eventually(t, patience, "a refused dial", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := redis.Get("k").Do(ctx, c)
		return err != nil && !errors.Is(err, redis.ErrNil)
	})
	if e := seen.first(t, sentinel.EventServerDown); e.Addr != s.Addr() || e.Err == nil {
		t.Errorf("down: %v", e)
	}
}
