package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"time"

	"github.com/redis/rueidis"
)

type rueidisClient struct {
	rueidis.Client
	data *data
	idle []rueidis.DedicatedClient
	buf  bytes.Buffer // of a worker
}

func openRueidis(s servers) (client, error) { return rueidisWith(s, rueidis.ClientOption{}) }

func openRueidisFlush(s servers) (client, error) {
	return rueidisWith(s, rueidis.ClientOption{MaxFlushDelay: 20 * time.Microsecond})
}

func openRueidisNoPipe(s servers) (client, error) {
	return rueidisWith(s, rueidis.ClientOption{DisableAutoPipelining: true})
}

func rueidisWith(s servers, o rueidis.ClientOption) (client, error) {
	o.InitAddress = []string{s.Addr}
	if dial := s.dialer(); dial != nil {
		o.DialCtxFn = func(ctx context.Context, addr string, _ *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return dial(ctx, "tcp", addr)
		}
	}
	c, err := rueidis.NewClient(o)
	if err != nil {
		return nil, err
	}
	return &rueidisClient{Client: c, data: shared()}, nil
}

func (c *rueidisClient) worker() (worker, error) {
	return &rueidisClient{Client: c.Client, data: c.data}, nil
}

func (c *rueidisClient) close() { c.Close() }

func (c *rueidisClient) hold(n int) error {
	ctx := context.Background()
	for range n {
		nc, _ := c.Dedicate()
		if err := nc.Do(ctx, nc.B().Get().Key(c.data.keys[0]).Build()).Error(); err != nil {
			return err
		}
		c.idle = append(c.idle, nc)
	}
	return nil
}

func (c *rueidisClient) get(ctx context.Context, k int) error {
	s, err := c.Do(ctx, c.B().Get().Key(c.data.keys[k]).Build()).ToString()
	return same(s, c.data.values[k], err)
}

func (c *rueidisClient) set(ctx context.Context, k int) error {
	return c.Do(ctx, c.B().Set().Key(c.data.keys[k]).Value(c.data.values[k]).Build()).Error()
}

func (c *rueidisClient) pipeGet(ctx context.Context, first, n int) error {
	cmds := make(rueidis.Commands, n)
	for i := range cmds {
		cmds[i] = c.B().Get().Key(c.data.keys[first+i]).Build()
	}
	for i, r := range c.DoMulti(ctx, cmds...) {
		s, err := r.ToString()
		if err := same(s, c.data.values[first+i], err); err != nil {
			return err
		}
	}
	return nil
}

func (c *rueidisClient) pipeSet(ctx context.Context, first, n int) error {
	cmds := make(rueidis.Commands, n)
	for i := range cmds {
		cmds[i] = c.B().Set().Key(c.data.keys[first+i]).Value(c.data.values[first+i]).Build()
	}
	for _, r := range c.DoMulti(ctx, cmds...) {
		if err := r.Error(); err != nil {
			return err
		}
	}
	return nil
}

func (c *rueidisClient) bigGet(ctx context.Context) error {
	s, err := c.Do(ctx, c.B().Get().Key(bigKey).Build()).ToString()
	if err != nil {
		return err
	}
	return checkBig(len(s), func(i int) byte { return s[i] })
}

// bigGetInto streams, as there is nothing else that uses a buffer again.
func (c *rueidisClient) bigGetInto(ctx context.Context) error {
	c.buf.Reset()
	c.buf.Grow(bigBytes + bytes.MinRead) // or the last read would make it grow
	s := c.DoStream(ctx, c.B().Get().Key(bigKey).Build())
	for s.HasNext() {
		if _, err := s.WriteTo(&c.buf); err != nil {
			return err
		}
	}
	if err := s.Error(); err != nil && err != io.EOF {
		return err
	}
	b := c.buf.Bytes()
	return checkBig(len(b), func(i int) byte { return b[i] })
}

func (c *rueidisClient) bigSet(ctx context.Context) error {
	return c.Do(ctx, c.B().Set().Key(bigSetKey).Value(c.data.big).Build()).Error()
}

func (c *rueidisClient) hash(ctx context.Context) error {
	m, err := c.Do(ctx, c.B().Hgetall().Key(hashKey).Build()).AsStrMap()
	if err != nil {
		return err
	}
	return checkHash(m)
}

func (c *rueidisClient) list(ctx context.Context) error {
	l, err := c.Do(ctx, c.B().Lrange().Key(listKey).Start(0).Stop(-1).Build()).AsIntSlice()
	if err != nil {
		return err
	}
	return checkList(l)
}

func (c *rueidisClient) subscribe(ctx context.Context, ready func(), each func(string) bool) error {
	ctx, cancel := context.WithCancel(rueidis.WithOnSubscriptionHook(ctx, func(rueidis.PubSubSubscription) { ready() }))
	defer cancel()
	ended := false
	err := c.Receive(ctx, c.B().Subscribe().Channel(channel).Build(), func(m rueidis.PubSubMessage) {
		if !ended && !each(m.Message) {
			ended = true
			cancel()
		}
	})
	if ended {
		return nil
	}
	return err
}
