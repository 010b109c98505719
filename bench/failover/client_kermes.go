package main

import (
	"context"

	following "github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/pubsub"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/sentinel"
)

type kermesMode int

const (
	kermesDefault kermesMode = iota
	kermesNoHold
	kermesEager
)

type kermesClient struct {
	c    *following.Client
	subs *pubsub.Subscriber
}

func kermes(mode kermesMode) func(ctx context.Context, s setup) (client, error) {
	return func(ctx context.Context, s setup) (client, error) {
		o := following.Options{Master: s.master, Group: sentinel.GroupOptions{Sentinels: s.sentinels}}
		switch mode {
		case kermesNoHold:
			o.NoHold = true
		case kermesEager:
			o.Adopt = following.AdoptEager
		}
		c, err := following.Open(ctx, o)
		if err != nil {
			return nil, err
		}
		return &kermesClient{c: c, subs: pubsub.New(c.Subscriptions(), pubsub.Options{})}, nil
	}
}

func (k *kermesClient) push(ctx context.Context, key, v string) error {
	_, err := redis.RPush(key, v).Do(ctx, k.c)
	return err
}

func (k *kermesClient) get(ctx context.Context, key string) error {
	_, err := redis.Get(key).Do(ctx, k.c.Replicas())
	return err
}

func (k *kermesClient) subscribe(ctx context.Context, channel string, fn func(payload string)) {
	go func() {
		s, err := k.subs.Subscribe(ctx, channel)
		if err != nil {
			return
		}
		for m, err := range s.All(ctx) {
			if err == nil {
				fn(m.Text())
			}
		}
	}()
}

func (k *kermesClient) close() {
	_ = k.subs.Close()
	_ = k.c.Close()
}
