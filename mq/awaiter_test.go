package mq

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/pubsub"
	"github.com/kermes-redis/kermes/redis"
)

// stuckSource is a client whose dials do not end with their contexts.
type stuckSource struct {
	redis.Doer
	dialling, free chan struct{}
}

func (s *stuckSource) Dial(context.Context) (*conn.Conn, error) {
	poke(s.dialling)
	<-s.free
	return nil, errors.New("no connection")
}

// A subscriber that takes its time to close holds up no other call.
func TestAwaitDoesNotWaitForTheEndOfAnotherSubscriber(t *testing.T) {
	leak.Check(t)
	source := &stuckSource{dialling: make(chan struct{}, 1), free: make(chan struct{})}
	c := &core{d: source}
	sub := c.await.take(c).NewSubscription(pubsub.Queue{Size: 1})
	go func() { _ = sub.Subscribe(t.Context(), "a") }()
	<-source.dialling
	gave := make(chan struct{})
	go func() {
		defer close(gave)
		c.await.give()
	}()
	<-sub.Done()
	took := make(chan struct{})
	go func() {
		defer close(took)
		c.await.take(c)
	}()
	select {
	case <-took:
	case <-time.After(10 * time.Second):
		t.Error("held up")
	}
	close(source.free)
	<-gave
	<-took
	c.await.give()
}
