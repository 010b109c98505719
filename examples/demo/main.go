// Command demo shows a client that lives through failovers: it finds its master
// through three sentinels, writes and reads without pause, and follows a planned
// failover and then a crash of the master. At the end it looks for every write
// that was acknowledged.
//
//	go run ./examples/demo         embedded servers and sentinels, in this process
//	go run ./examples/demo -real   redis-server and redis-sentinel, kill -9
//
// It ends by itself, with a status other than 0 if anything went wrong.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/sentinel"
)

const (
	// atMost is how long the whole demo may take.
	atMost = 60 * time.Second
	// phase is how long writes go on before and after each failover.
	phase = time.Second
	// patience is how long a failover may take.
	patience = 12 * time.Second
)

func main() {
	real := flag.Bool("real", false, "use redis-server and redis-sentinel instead of embedded ones")
	flag.Parse()
	if err := show(*real); err != nil {
		fmt.Fprintln(os.Stderr, "demo failed:", err)
		os.Exit(1)
	}
}

func show(real bool) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	return run(ctx, real)
}

func run(ctx context.Context, real bool) (err error) {
	start := startEmbedded
	if real {
		start = startReal
	}
	d, err := start()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()

	line := newTimeline()
	line.say("servers", "%s", d.what)
	c, err := client.Open(ctx, client.Options{
		Master: d.master,
		Group:  sentinel.GroupOptions{Sentinels: d.sentinels, OnEvent: line.event},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()

	w := startWork(ctx, c)
	defer w.stop()
	if err := w.goOn(ctx, phase); err != nil {
		return err
	}
	for _, f := range d.faults {
		if err := inject(ctx, line, c, w, f); err != nil {
			return err
		}
	}
	w.stop()
	return w.audit(ctx, line, c)
}

// inject causes one failover and waits until the work goes on behind it.
func inject(ctx context.Context, line *timeline, c *client.Client, w *work, f fault) error {
	old := c.Master()
	line.say("fault", "%s; %d writes acknowledged so far", f.what, w.acknowledged())
	w.beginFault(f.name, f.lossless)
	if err := f.do(ctx); err != nil {
		return fmt.Errorf("%s: %w", f.what, err)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for c.Master() == old {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: no new master: %w", f.what, ctx.Err())
		case <-time.After(time.Millisecond):
		}
	}
	if err := w.goOn(ctx, phase); err != nil {
		return fmt.Errorf("%s: writes do not go on: %w", f.what, err)
	}
	line.say("writing on", "every writer on %s; longest pause of a writer %v", c.Master(), w.endFault())
	if f.settle != nil {
		return f.settle(ctx)
	}
	return nil
}
