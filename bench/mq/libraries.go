package main

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/adjust/rmq/v5"
	"github.com/hibiken/asynq"
	goredis "github.com/redis/go-redis/v9"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/mq"
)

const (
	queueName = "bench"
	// lease is that of kermes where a worker dies: asynq and rmq have no such option.
	lease = 2 * time.Second
)

// system is a connected library.
type system interface {
	// fill enqueues n messages in the fastest documented way.
	fill(n int, payload []byte) error
	// send enqueues one.
	send(payload []byte) error
	// consume calls handle for each message, c at a time, until the function it
	// returns is called.
	consume(c int, handle func(payload []byte)) (stop func(), err error)
	close()
}

// library is one to compare.
type library struct {
	name string
	// idBytes are those of the ids that it makes.
	idBytes int
	open    func(addr string) (system, error)
}

var libraries = []library{
	{"kermes", 12, openKermes},
	{"asynq", 36, func(addr string) (system, error) { return openAsynq(addr, 0) }},
	{"asynq, checks every ms", 36, func(addr string) (system, error) { return openAsynq(addr, time.Millisecond) }},
	{"rmq, prefetch 10, polls every 100 ms", 0, func(addr string) (system, error) {
		return openRMQ(addr, func(int) int64 { return 10 }, 100*time.Millisecond)
	}},
	{"rmq, prefetch 20 a consumer, polls every ms", 0, func(addr string) (system, error) {
		return openRMQ(addr, func(c int) int64 { return int64(20 * c) }, time.Millisecond)
	}},
}

type kermesSystem struct {
	c *client.Client
	q *mq.Queue[[]byte]
}

func openKermes(addr string) (system, error) {
	var o client.Options
	o.Pool.Conn.Addr = addr
	c, err := client.Open(context.Background(), o)
	if err != nil {
		return nil, err
	}
	return &kermesSystem{c, mq.New[[]byte](c, queueName, mq.Options{})}, nil
}

func (k *kermesSystem) fill(n int, payload []byte) error {
	items := make([]mq.Item[[]byte], n)
	for i := range items {
		items[i].Value = payload
	}
	_, err := k.q.EnqueueBatch(context.Background(), items)
	return err
}

func (k *kermesSystem) send(payload []byte) error {
	_, err := k.q.Enqueue(context.Background(), payload)
	return err
}

func (k *kermesSystem) consume(c int, handle func(payload []byte)) (func(), error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- k.q.Work(ctx, func(_ context.Context, m *mq.Msg[[]byte]) error { handle(m.Value); return nil },
			mq.WorkerOptions{Concurrency: c, Lease: lease})
	}()
	return func() { cancel(); <-ended }, nil
}

func (k *kermesSystem) close() { _ = k.c.Close() }

type asynqSystem struct {
	o      asynq.RedisClientOpt
	every  time.Duration
	client *asynq.Client
}

func openAsynq(addr string, every time.Duration) (system, error) {
	o := asynq.RedisClientOpt{Addr: addr}
	return &asynqSystem{o, every, asynq.NewClient(o)}, nil
}

func (a *asynqSystem) fill(n int, payload []byte) error {
	const callers = 32
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for range (n + i) / callers { // n in all
				if errs[i] = a.send(payload); errs[i] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (a *asynqSystem) send(payload []byte) error {
	_, err := a.client.Enqueue(asynq.NewTask("bench", payload))
	return err
}

func (a *asynqSystem) consume(c int, handle func(payload []byte)) (func(), error) {
	s := asynq.NewServer(a.o, asynq.Config{Concurrency: c, TaskCheckInterval: a.every, LogLevel: asynq.FatalLevel, ShutdownTimeout: time.Second})
	mux := asynq.NewServeMux()
	mux.HandleFunc("bench", func(_ context.Context, t *asynq.Task) error { handle(t.Payload()); return nil })
	if err := s.Start(mux); err != nil {
		return nil, err
	}
	return s.Shutdown, nil
}

func (a *asynqSystem) close() { _ = a.client.Close() }

type rmqSystem struct {
	addr     string
	prefetch func(c int) int64
	every    time.Duration
	q        rmq.Queue
	conn     rmq.Connection
	errs     chan error
}

func openRMQ(addr string, prefetch func(c int) int64, every time.Duration) (system, error) {
	r := &rmqSystem{addr: addr, prefetch: prefetch, every: every, errs: make(chan error, 100)}
	go func() {
		for range r.errs { // as its documentation asks
		}
	}()
	var err error
	r.conn, err = rmq.OpenConnectionWithRedisClient("bench", goredis.NewClient(&goredis.Options{Addr: addr}), r.errs)
	if err != nil {
		return nil, err
	}
	r.q, err = r.conn.OpenQueue(queueName)
	return r, err
}

func (r *rmqSystem) fill(n int, payload []byte) error {
	for n > 0 {
		part := make([][]byte, min(n, 500))
		for i := range part {
			part[i] = payload
		}
		if err := r.q.PublishBytes(part...); err != nil {
			return err
		}
		n -= len(part)
	}
	return nil
}

func (r *rmqSystem) send(payload []byte) error { return r.q.PublishBytes(payload) }

func (r *rmqSystem) consume(c int, handle func(payload []byte)) (func(), error) {
	conn, err := rmq.OpenConnectionWithRedisClient("bench", goredis.NewClient(&goredis.Options{Addr: r.addr}), r.errs)
	if err != nil {
		return nil, err
	}
	q, err := conn.OpenQueue(queueName)
	if err != nil {
		return nil, err
	}
	if err := q.StartConsuming(r.prefetch(c), r.every); err != nil {
		return nil, err
	}
	for i := range c {
		if _, err := q.AddConsumerFunc(strconv.Itoa(i), func(d rmq.Delivery) { handle([]byte(d.Payload())); _ = d.Ack() }); err != nil {
			return nil, err
		}
	}
	// What a consumer has left behind is found by a cleaner, if somebody runs one.
	done := make(chan struct{})
	go func() {
		cleaner := rmq.NewCleaner(r.conn)
		for t := time.NewTicker(time.Second); ; {
			select {
			case <-done:
				t.Stop()
				return
			case <-t.C:
				_, _ = cleaner.Clean()
			}
		}
	}()
	return func() { close(done); <-q.StopConsuming() }, nil
}

func (r *rmqSystem) close() { <-r.conn.StopAllConsuming() }
