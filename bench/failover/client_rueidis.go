package main

import (
	"context"
	"net"
	"time"

	"github.com/redis/rueidis"
)

type ruClient struct{ c rueidis.Client }

func rueidisClient(tuned bool) func(ctx context.Context, s setup) (client, error) {
	return func(ctx context.Context, s setup) (client, error) {
		o := rueidis.ClientOption{
			InitAddress:  s.sentinels,
			DisableCache: true,
			Sentinel:     rueidis.SentinelOption{MasterSet: s.master},
			ReplicaOnly:  s.replicas,
		}
		if tuned {
			o.Sentinel.Dialer = net.Dialer{Timeout: tunedTimeout, KeepAlive: time.Second}
			o.Dialer = net.Dialer{Timeout: tunedTimeout, KeepAlive: time.Second}
			o.ConnWriteTimeout = tunedTimeout
		}
		type opened struct {
			c   rueidis.Client
			err error
		}
		done := make(chan opened, 1)
		go func() { // NewClient knows no context
			c, err := rueidis.NewClient(o)
			done <- opened{c, err}
		}()
		select {
		case d := <-done:
			if d.err != nil {
				return nil, d.err
			}
			return &ruClient{d.c}, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (r *ruClient) push(ctx context.Context, key, v string) error {
	return r.c.Do(ctx, r.c.B().Rpush().Key(key).Element(v).Build()).Error()
}

func (r *ruClient) get(ctx context.Context, key string) error {
	return r.c.Do(ctx, r.c.B().Get().Key(key).Build()).Error()
}

func (r *ruClient) subscribe(ctx context.Context, channel string, fn func(payload string)) {
	go func() {
		for ctx.Err() == nil {
			_ = r.c.Receive(ctx, r.c.B().Subscribe().Channel(channel).Build(), func(m rueidis.PubSubMessage) { fn(m.Message) })
			select {
			case <-ctx.Done():
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
}

func (r *ruClient) close() { r.c.Close() }
