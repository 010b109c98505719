// Command subscriber prints what is published to some channels, and says when it
// may have missed something. It follows the master through failovers.
//
//	go run ./examples/subscriber redis-sentinel://10.0.0.1,10.0.0.2/mymaster news 'user:*'
//
// Names with a * are patterns.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"

	"github.com/kermes-redis/kermes"
	"github.com/kermes-redis/kermes/pubsub"
)

func main() {
	if len(os.Args) < 3 {
		log.Fatalf("usage: %s URL CHANNEL...", os.Args[0])
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		log.Fatal(err)
	}
}

func run(url string, names []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	c, err := kermes.Open(ctx, url)
	if err != nil {
		return err
	}
	defer c.Close()

	s := pubsub.New(c.Subscriptions(), pubsub.Options{})
	defer s.Close()
	s.Listen(func(e pubsub.Event) {
		if e.Gap != nil {
			log.Printf("messages between %v and %v may be missing: %v", e.Gap.From, e.Gap.To, e.Gap.Reason)
		}
	})
	sub := s.NewSubscription(pubsub.Queue{})
	for _, name := range names {
		subscribe := sub.Subscribe
		if strings.Contains(name, "*") {
			subscribe = sub.PSubscribe
		}
		if err := subscribe(ctx, name); err != nil {
			return err
		}
	}
	for m := range sub.Messages(ctx) {
		fmt.Printf("%s: %s\n", m.Channel, m.Payload)
	}
	return sub.Err()
}
