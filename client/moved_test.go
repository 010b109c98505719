package client_test

import (
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/pubsub"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/redistest"
)

func TestMovedTellsOfASwitchAlsoUnderAnInterceptor(t *testing.T) {
	g := redistest.NewGroup(t, redistest.GroupOptions{})
	c, err := client.Open(t.Context(), g.Options(""))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	d := redis.Intercept(redis.Intercept(c))
	if s, ok := redis.Under[pubsub.Source](d); !ok || s != pubsub.Source(c) {
		t.Fatal("the client is not found as the source of subscriptions")
	}
	m, ok := redis.Under[redis.Mover](d)
	if !ok {
		t.Fatal("the client is not found as one that tells of moves")
	}
	before := m.Generation()
	moved := m.Moved(before)
	select {
	case <-moved:
		t.Fatal("moved without a switch")
	default:
	}
	if err := g.Failover(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-moved:
	case <-time.After(10 * time.Second):
		t.Fatal("nobody was told of the switch")
	}
	if now := m.Generation(); now <= before {
		t.Fatalf("generation %d after %d", now, before)
	}
	select {
	case <-m.Moved(before):
	default:
		t.Fatal("who asks about an older generation waits")
	}
}
