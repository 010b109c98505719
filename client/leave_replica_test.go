package client_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/pubsub"
	"github.com/kermes-redis/kermes/redis"
)

// A name leads to a server that becomes a replica, and later to the new master.
func TestSubscribersLeaveAServerThatHasBecomeAReplica(t *testing.T) {
	leak.Check(t)
	former, master := testserver.New(t), testserver.New(t)
	var addr atomic.Value
	addr.Store(former.Addr())
	c := connect(t, client.Options{RetryTime: -1, Pool: pool.Options{Conn: conn.Options{
		Addr: "redis.example:6379",
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, addr.Load().(string))
		},
	}}})
	subscriber := pubsub.New(c.Subscriptions(), pubsub.Options{})
	defer subscriber.Close()
	sub, err := subscriber.Subscribe(t.Context(), "news")
	if err != nil {
		t.Fatal(err)
	}
	former.Configure(func(o *testserver.Options) { o.Role = "slave" })
	former.Reply("SET", refusesWrites)
	if err := redis.Set("k", "v").Do(t.Context(), c); !errors.Is(err, redis.ErrReadOnly) {
		t.Fatal(err)
	}
	former.WaitFor(t, "a look at where the name leads", func() bool { return former.Count("ROLE") >= 1 })
	former.Publish("news", "from the replica")
	told := 0
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for m, err := range sub.All(ctx) {
		if err == nil && string(m.Payload) != "from the replica" {
			break
		}
		if err == nil { // it stays while there is nowhere to go
			if told > 0 {
				t.Error("a gap, although the name leads to the replica")
			}
			addr.Store(master.Addr())
			continue
		}
		told++
		if !errors.Is(err, client.ErrSwitched) || !errors.Is(err, redis.ErrReadOnly) {
			t.Errorf("%v, want a gap because of a switch", err)
		}
		master.Publish("news", "from the master")
	}
	if told != 1 || master.Count("SUBSCRIBE") != 1 || former.Count("SUBSCRIBE") != 1 {
		t.Errorf("%d gaps, subscribed %d times at the former master, %d at the new one", told, former.Count("SUBSCRIBE"), master.Count("SUBSCRIBE"))
	}
}

// What comes of the former master after the move is no reason to move again.
func TestABurstOfRefusalsMovesSubscribersOnce(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	c := connect(t, client.Options{RetryTime: -1, Pool: pool.Options{Conn: conn.Options{Addr: s.Addr()}}})
	subscriber := pubsub.New(c.Subscriptions(), pubsub.Options{})
	defer subscriber.Close()
	if _, err := subscriber.Subscribe(t.Context(), "news"); err != nil {
		t.Fatal(err)
	}
	s.Reply("SET", refusesWrites)
	began := time.Now()
	for range 100 {
		if err := redis.Set("k", "v").Do(t.Context(), c); !errors.Is(err, redis.ErrReadOnly) {
			t.Fatal(err)
		}
	}
	s.WaitFor(t, "the move", func() bool { return s.Count("SUBSCRIBE") > 1 })
	if moves, most := s.Count("SUBSCRIBE")-1, 1+int(time.Since(began)/time.Second); moves > most {
		t.Errorf("%d moves in %v, want one a second at most", moves, time.Since(began))
	}
}
