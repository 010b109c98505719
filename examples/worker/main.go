// Command worker takes jobs from a stream as one of many consumers of a group. A
// job that a worker has taken and not finished, because it crashed say, is taken
// over by another one after a minute.
//
//	go run ./examples/worker redis://127.0.0.1:6379 add 'send a letter'
//	go run ./examples/worker redis://127.0.0.1:6379 work
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/kermes-redis/kermes"
	"github.com/kermes-redis/kermes/redis"
)

const (
	jobs  = "kermes:jobs"
	group = "workers"
)

func main() {
	if len(os.Args) < 3 {
		log.Fatalf("usage: %s URL add JOB | URL work", os.Args[0])
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		log.Fatal(err)
	}
}

func run(url, what string, args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	c, err := kermes.Open(ctx, url)
	if err != nil {
		return err
	}
	defer c.Close()
	if what == "add" {
		for _, job := range args {
			id, err := redis.XAdd(jobs, redis.XAddOptions{}, "job", job).Do(ctx, c)
			if err != nil {
				return err
			}
			fmt.Println(id)
		}
		return nil
	}
	return work(ctx, c)
}

func work(ctx context.Context, c *kermes.Client) error {
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	o := redis.ConsumeOptions{Group: group, Consumer: fmt.Sprintf("%s-%d", name, os.Getpid()), ClaimIdle: time.Minute}
	for job, err := range redis.Consume(ctx, c, jobs, o) {
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			log.Print(err) // Consume goes on after a pause
			continue
		}
		fmt.Println(job.ID, job.Get("job"))
		if _, err := redis.XAck(jobs, group, job.ID).Do(ctx, c); err != nil {
			log.Print(err) // the job comes again
		}
	}
	return nil
}
