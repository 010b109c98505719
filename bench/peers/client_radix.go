package main

import (
	"context"
	"net"
	"strconv"
	"time"

	"github.com/mediocregopher/radix/v4"
)

type radixClient struct {
	radix.Client
	dialer radix.Dialer
	addr   string
	data   *data
	idle   []radix.Conn
	buf    []byte // of a worker
}

func openRadix(s servers) (client, error) { return radixWith(s, radix.Dialer{}) }

func openRadixFlush(s servers) (client, error) {
	return radixWith(s, radix.Dialer{WriteFlushInterval: 100 * time.Microsecond})
}

func radixWith(s servers, d radix.Dialer) (client, error) {
	if dial := s.dialer(); dial != nil {
		d.NetDialer = netDialer(dial)
	}
	c, err := (radix.PoolConfig{Dialer: d}).New(context.Background(), "tcp", s.Addr)
	if err != nil {
		return nil, err
	}
	return &radixClient{Client: c, dialer: d, addr: s.Addr, data: shared()}, nil
}

// netDialer is a function as radix wants it.
type netDialer func(ctx context.Context, network, addr string) (net.Conn, error)

func (d netDialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	return d(ctx, network, addr)
}

func (c *radixClient) worker() (worker, error) { w := *c; return &w, nil }
func (c *radixClient) close()                  { _ = c.Close() }

func (c *radixClient) hold(n int) error {
	ctx := context.Background()
	for range n {
		nc, err := c.dialer.Dial(ctx, "tcp", c.addr)
		if err != nil {
			return err
		}
		if err := nc.Do(ctx, radix.Cmd(nil, "GET", c.data.keys[0])); err != nil {
			return err
		}
		c.idle = append(c.idle, nc)
	}
	return nil
}

func (c *radixClient) get(ctx context.Context, k int) error {
	var s string
	err := c.Do(ctx, radix.Cmd(&s, "GET", c.data.keys[k]))
	return same(s, c.data.values[k], err)
}

func (c *radixClient) set(ctx context.Context, k int) error {
	return c.Do(ctx, radix.Cmd(nil, "SET", c.data.keys[k], c.data.values[k]))
}

func (c *radixClient) pipeGet(ctx context.Context, first, n int) error {
	p := radix.NewPipeline()
	replies := make([]string, n)
	for i := range replies {
		p.Append(radix.Cmd(&replies[i], "GET", c.data.keys[first+i]))
	}
	if err := c.Do(ctx, p); err != nil {
		return err
	}
	for i := range replies {
		if err := same(replies[i], c.data.values[first+i], nil); err != nil {
			return err
		}
	}
	return nil
}

func (c *radixClient) pipeSet(ctx context.Context, first, n int) error {
	p := radix.NewPipeline()
	for i := range n {
		p.Append(radix.Cmd(nil, "SET", c.data.keys[first+i], c.data.values[first+i]))
	}
	return c.Do(ctx, p)
}

func (c *radixClient) bigGet(ctx context.Context) error {
	var s string
	if err := c.Do(ctx, radix.Cmd(&s, "GET", bigKey)); err != nil {
		return err
	}
	return checkBig(len(s), func(i int) byte { return s[i] })
}

func (c *radixClient) bigGetInto(ctx context.Context) error {
	if err := c.Do(ctx, radix.Cmd(&c.buf, "GET", bigKey)); err != nil {
		return err
	}
	return checkBig(len(c.buf), func(i int) byte { return c.buf[i] })
}

func (c *radixClient) bigSet(ctx context.Context) error {
	return c.Do(ctx, radix.Cmd(nil, "SET", bigSetKey, c.data.big))
}

func (c *radixClient) hash(ctx context.Context) error {
	var m map[string]string
	if err := c.Do(ctx, radix.Cmd(&m, "HGETALL", hashKey)); err != nil {
		return err
	}
	return checkHash(m)
}

func (c *radixClient) list(ctx context.Context) error {
	var l []int64
	if err := c.Do(ctx, radix.Cmd(&l, "LRANGE", listKey, strconv.Itoa(0), strconv.Itoa(-1))); err != nil {
		return err
	}
	return checkList(l)
}

func (c *radixClient) subscribe(ctx context.Context, ready func(), each func(string) bool) error {
	nc, err := c.dialer.Dial(ctx, "tcp", c.addr)
	if err != nil {
		return err
	}
	ps := (radix.PubSubConfig{}).New(nc)
	defer ps.Close()
	if err := ps.Subscribe(ctx, channel); err != nil {
		return err
	}
	ready()
	for {
		m, err := ps.Next(ctx)
		if err != nil {
			return err
		}
		if !each(string(m.Message)) {
			return nil
		}
	}
}
