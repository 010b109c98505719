package main

import (
	"context"
	"fmt"

	following "github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/pubsub"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/sentinel"
)

// doer is a pool or a client.
type doer interface {
	redis.Doer
	redis.Leaser
}

// kermesClient runs commands on any doer.
type kermesClient struct {
	doer
	data *data
	addr string
	idle []*conn.Conn
	shut func() error
}

func openKermesPool(s servers) (client, error) {
	p := pool.New(pool.Options{Conn: s.options()})
	return &kermesClient{doer: p, data: shared(), addr: s.Addr, shut: p.Close}, nil
}

func openKermesClient(s servers) (client, error) {
	return kermesSentinel(s, following.Options{Pool: pool.Options{Conn: s.options()}})
}

func openKermesWatched(s servers) (client, error) {
	return kermesSentinel(s, following.Options{
		Master: s.Master, Group: sentinel.GroupOptions{Sentinels: s.Sentinels},
	})
}

func kermesSentinel(s servers, o following.Options) (client, error) {
	c, err := following.Open(context.Background(), o)
	if err != nil {
		return nil, err
	}
	return &kermesClient{doer: c, data: shared(), addr: s.Addr, shut: c.Close}, nil
}

func (c *kermesClient) worker() (worker, error) { return &kermesWorker{kermesClient: c}, nil }
func (c *kermesClient) close()                  { _ = c.shut() }

func (c *kermesClient) hold(n int) error {
	ctx := context.Background()
	for range n {
		nc, err := conn.Dial(ctx, conn.Options{Addr: c.addr})
		if err != nil {
			return err
		}
		if _, err := redis.Get(c.data.keys[0]).Do(ctx, nc); err != nil {
			return err
		}
		c.idle = append(c.idle, nc)
	}
	return nil
}

type kermesWorker struct {
	*kermesClient
	pipeline redis.Pipeline
	strings  [batchSize]redis.Future[string] // as programs have them in variables
	buf      []byte
}

func (w *kermesWorker) get(ctx context.Context, k int) error {
	s, err := redis.Get(w.data.keys[k]).Do(ctx, w.doer)
	return same(s, w.data.values[k], err)
}

func same(got, want string, err error) error {
	if err == nil && got != want {
		err = fmt.Errorf("%w: %.80q", errWrong, got)
	}
	return err
}

func (w *kermesWorker) set(ctx context.Context, k int) error {
	return redis.Set(w.data.keys[k], w.data.values[k]).Do(ctx, w.doer)
}

func (w *kermesWorker) pipeGet(ctx context.Context, first, n int) error {
	var p redis.Pipeline
	return w.getIn(ctx, &p, first, n)
}

func (w *kermesWorker) pipeSet(ctx context.Context, first, n int) error {
	var p redis.Pipeline
	return w.setIn(ctx, &p, first, n)
}

func (w *kermesWorker) keptGet(ctx context.Context, first, n int) error {
	w.pipeline.Reset()
	return w.getIn(ctx, &w.pipeline, first, n)
}

func (w *kermesWorker) keptSet(ctx context.Context, first, n int) error {
	w.pipeline.Reset()
	return w.setIn(ctx, &w.pipeline, first, n)
}

func (w *kermesWorker) getIn(ctx context.Context, p *redis.Pipeline, first, n int) error {
	for i := range n {
		w.strings[i] = redis.Get(w.data.keys[first+i]).Queue(p)
	}
	if err := p.Do(ctx, w.doer); err != nil {
		return err
	}
	for i := range n {
		s, err := w.strings[i].Value()
		if err := same(s, w.data.values[first+i], err); err != nil {
			return err
		}
	}
	return nil
}

func (w *kermesWorker) setIn(ctx context.Context, p *redis.Pipeline, first, n int) error {
	for i := range n {
		redis.Set(w.data.keys[first+i], w.data.values[first+i]).Queue(p)
	}
	return p.Do(ctx, w.doer)
}

func (w *kermesWorker) bigGet(ctx context.Context) error {
	s, err := redis.Get(bigKey).Do(ctx, w.doer)
	if err != nil {
		return err
	}
	return checkBig(len(s), func(i int) byte { return s[i] })
}

func (w *kermesWorker) bigGetInto(ctx context.Context) (err error) {
	if w.buf, err = redis.GetInto(bigKey, w.buf[:0]).Do(ctx, w.doer); err != nil {
		return err
	}
	return checkBig(len(w.buf), func(i int) byte { return w.buf[i] })
}

func (w *kermesWorker) bigSet(ctx context.Context) error {
	return redis.Set(bigSetKey, w.data.big).Do(ctx, w.doer)
}

func (w *kermesWorker) hash(ctx context.Context) error {
	m, err := redis.HGetAll(hashKey).Do(ctx, w.doer)
	if err != nil {
		return err
	}
	return checkHash(m)
}

func (w *kermesWorker) list(ctx context.Context) error {
	l, err := redis.As(redis.LRange(listKey, 0, -1), redis.Ints).Do(ctx, w.doer)
	if err != nil {
		return err
	}
	return checkList(l)
}

func (w *kermesWorker) subscribe(ctx context.Context, ready func(), each func(string) bool) error {
	s := pubsub.New(pubsub.Server{Options: conn.Options{Addr: w.addr}}, pubsub.Options{})
	defer s.Close()
	sub, err := s.Subscribe(ctx, channel)
	if err != nil {
		return err
	}
	ready()
	for m, err := range sub.All(ctx) {
		if err != nil {
			return err
		}
		if !each(m.Text()) {
			return nil
		}
	}
	return sub.Err()
}
