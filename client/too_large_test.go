package client_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testgroup"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

var tooLarge = strings.Repeat("x", 2000)

func checkTooLarge(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, resp.ErrLimit) || conn.ClassOf(err) != conn.ClassMaybeExecuted || !strings.Contains(err.Error(), "Limits.Reply") {
		t.Error(err)
	}
}

func TestAReadWhoseReplyIsBeyondTheLimitsIsSentOnce(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	s.Reply("GET", testserver.Bulk(tooLarge))
	c := connect(t, client.Options{Pool: pool.Options{Conn: conn.Options{Addr: s.Addr(), Limits: resp.Limits{Reply: 1000}}}})
	_, err := redis.Get("k").Do(t.Context(), c)
	checkTooLarge(t, err)
	if n := s.Count("GET"); n != 1 {
		t.Errorf("sent %d times", n)
	}
	var p redis.Pipeline
	ping := redis.Ping().Queue(&p)
	redis.Get("k").Queue(&p)
	redis.Exists("k").Queue(&p)
	checkTooLarge(t, p.Do(t.Context(), c))
	if n := s.Count("GET"); n != 2 || ping.Err() != nil {
		t.Errorf("sent %d times, %v", n-1, ping.Err())
	}
}

// Others had commands on the connection, which cannot be read any further: those that may
// be repeated are, and are hurt once.
func TestAReplyBeyondTheLimitsHurtsOthersOnce(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	c := connect(t, client.Options{Pool: pool.Options{SoloConns: -1, SharedConns: 1,
		Conn: conn.Options{Addr: s.Addr(), Limits: resp.Limits{Reply: 1000}}}})
	if err := redis.Set("small", "v").Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	before := s.Accepted()
	s.ReplyOnce("GET", "", "")
	own, other := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := redis.Get("large").Do(t.Context(), c)
		own <- err
	}()
	s.WaitFor(t, "the large one", func() bool { return s.Count("GET") == 1 })
	go func() {
		v, err := redis.Get("small").Do(t.Context(), c)
		if err == nil && v != "v" {
			err = errors.New(v)
		}
		other <- err
	}()
	s.WaitFor(t, "the small one", func() bool { return s.Count("GET") == 2 })
	for _, peer := range s.Peers() {
		peer.Write(testserver.Bulk(tooLarge))
	}
	checkTooLarge(t, <-own)
	if err := <-other; err != nil {
		t.Error(err)
	}
	if n := s.Accepted() - before; n != 1 || s.Count("GET") != 3 {
		t.Errorf("%d new connections, %d times GET", n, s.Count("GET"))
	}
}

func TestAReplyBeyondTheLimitsCostsNoReplica(t *testing.T) {
	leak.Check(t)
	e := testgroup.New(t, testgroup.Options{})
	o := readOptions(client.ReplicaOptions{})
	o.Pool.Conn.Limits = resp.Limits{Reply: 1000}
	c := open(t, e.SentinelAddrs(), o)
	if err := redis.Set("k", tooLarge).Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	r := c.Replicas()
	serving(t, r, 2)
	_, err := redis.Get("k").Do(t.Context(), r)
	checkTooLarge(t, err)
	n := 0
	for _, node := range append(e.Replicas(), e.Master()) {
		n += len(node.CallsOf("GET"))
	}
	if n != 1 || len(r.Nodes()) != 2 {
		t.Errorf("sent %d times, %d replicas serve", n, len(r.Nodes()))
	}
}
