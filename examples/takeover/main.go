// Command takeover shows a worker that is killed while another takes over: it starts
// two worker processes, kills one in the middle of its work, and shows that all
// messages are handled, those of the dead one after their leases of two seconds.
//
//	go run ./examples/takeover redis://127.0.0.1:6379
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"time"

	"github.com/kermes-redis/kermes"
	"github.com/kermes-redis/kermes/mq"
)

const lease = 2 * time.Second

func main() {
	if len(os.Args) < 2 {
		log.Fatalf("usage: %s URL", os.Args[0])
	}
	var err error
	if len(os.Args) == 4 && os.Args[2] == "work" {
		err = work(os.Args[1], os.Args[3])
	} else {
		err = show(os.Args[1])
	}
	if err != nil {
		log.Fatal(err)
	}
}

// show enqueues, starts two workers, kills the first and waits for the rest.
func show(url string) error {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	c, err := kermes.Open(ctx, url)
	if err != nil {
		return err
	}
	defer c.Close()
	q := mq.New[int](c, "takeover", mq.Options{})
	if _, err := q.Clear(ctx); err != nil {
		return err
	}
	for i := range 40 {
		if _, err := q.Enqueue(ctx, i); err != nil {
			return err
		}
	}
	before, err := q.Stats(ctx)
	if err != nil {
		return err
	}
	var workers []*exec.Cmd
	for _, name := range []string{"first", "second"} {
		w := exec.Command(os.Args[0], url, "work", name)
		w.Stdout, w.Stderr = os.Stdout, os.Stderr
		if err := w.Start(); err != nil {
			return err
		}
		defer func() { _ = w.Process.Kill(); _ = w.Wait() }()
		workers = append(workers, w)
	}
	time.Sleep(time.Second)
	fmt.Println("--- kill -9 of the first")
	if err := workers[0].Process.Kill(); err != nil {
		return err
	}
	for {
		s, err := q.Stats(ctx)
		if err != nil {
			return err
		}
		if s.Handled-before.Handled == 40 {
			fmt.Printf("--- all 40 are handled; %d had been with the first when it died\n", s.Crashed-before.Crashed)
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// work is one worker process.
func work(url, name string) error {
	ctx := context.Background()
	c, err := kermes.Open(ctx, url)
	if err != nil {
		return err
	}
	defer c.Close()
	q := mq.New[int](c, "takeover", mq.Options{})
	return q.Work(ctx, func(_ context.Context, m *mq.Msg[int]) error {
		fmt.Printf("%s: message %d, crashes %d\n", name, m.Value, m.Crashes)
		time.Sleep(300 * time.Millisecond)
		return nil
	}, mq.WorkerOptions{Concurrency: 5, Lease: lease})
}
