// Command queue is a producer and a worker of a message queue, over Sentinel or one
// server.
//
//	go run ./examples/queue redis-sentinel://10.0.0.1,10.0.0.2,10.0.0.3/mymaster enqueue 17
//	go run ./examples/queue redis-sentinel://10.0.0.1,10.0.0.2,10.0.0.3/mymaster work
//	go run ./examples/queue redis-sentinel://10.0.0.1,10.0.0.2,10.0.0.3/mymaster stats
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/kermes-redis/kermes"
	"github.com/kermes-redis/kermes/mq"
)

// Welcome is a message.
type Welcome struct{ User int }

func main() {
	if len(os.Args) < 3 {
		log.Fatalf("usage: %s URL enqueue USER... | URL work | URL stats", os.Args[0])
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		log.Fatal(err)
	}
}

func run(url, verb string, args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	c, err := kermes.Open(ctx, url)
	if err != nil {
		return err
	}
	defer c.Close()
	// With replicas, MinReplicas: 1 makes Enqueue return when one of them has the
	// message: then it is not lost when the master fails.
	q := mq.New[Welcome](c, "welcome", mq.Options{MaxAttempts: 8})
	switch verb {
	case "enqueue":
		return enqueue(ctx, q, args)
	case "work":
		return q.Work(ctx, welcome, mq.WorkerOptions{Concurrency: 32, Logger: slog.Default()})
	case "stats":
		s, err := q.Stats(ctx)
		fmt.Printf("%+v\n", s)
		return err
	}
	return fmt.Errorf("unknown verb %q", verb)
}

// enqueue adds a message for each user, unless there is one.
func enqueue(ctx context.Context, q *mq.Queue[Welcome], users []string) error {
	for _, s := range users {
		user, err := strconv.Atoi(s)
		if err != nil {
			return err
		}
		r, err := q.Enqueue(ctx, Welcome{user}, mq.ID("welcome/"+s), mq.Window(time.Hour))
		if err != nil && !errors.Is(err, mq.ErrDuplicate) {
			return err
		}
		fmt.Println(r.ID, r.Action, r.State)
	}
	return nil
}

// welcome handles a message. It may be called twice for one in the rare case of a
// crash or a failover.
func welcome(ctx context.Context, m *mq.Msg[Welcome]) error {
	fmt.Printf("welcome, user %d (attempt %d)\n", m.Value.User, m.Attempt)
	select {
	case <-time.After(100 * time.Millisecond): // the work
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
