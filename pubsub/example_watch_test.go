package pubsub_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/kermes-redis/kermes/codec"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/pubsub"
	"github.com/kermes-redis/kermes/redistest"
	"github.com/kermes-redis/kermes/resp"
)

// What a program logs of its subscriptions.
func ExampleEvent() {
	s := pubsub.New(pubsub.Server{Options: conn.Options{Addr: "localhost:6379"}}, pubsub.Options{})
	defer s.Close()
	stop := s.Listen(func(e pubsub.Event) {
		switch e.Kind {
		case pubsub.EventLost, pubsub.EventRetry:
			log.Print(e.Kind, " ", e.Err)
			if errors.Is(e.Err, pubsub.ErrSilent) {
				log.Print("the server hangs, or the network drops packets")
			}
		case pubsub.EventMoved:
			log.Print("now at ", e.Addr)
		case pubsub.EventGap:
			log.Print("read anew what changed between ", e.Gap.From, " and ", e.Gap.To)
		case pubsub.EventDropped:
			log.Print(e.Subscription, " is too slow: ", e.N, " messages are gone")
		case pubsub.EventRefused:
			log.Print("the user may not subscribe: ", e.Err)
		case pubsub.EventPanic:
			var p *pubsub.PanicError
			if errors.As(e.Err, &p) {
				log.Printf("%v\n%s", p.Value, p.Stack)
			}
		case pubsub.EventClosed:
			if errors.Is(e.Err, pubsub.ErrSourceClosed) {
				log.Print("the client was closed first")
			}
		}
	})
	defer stop()
}

// A subscription of a consumer that must not be late: it is told what it loses.
func ExampleQueue() {
	srv := exampleServer()
	defer srv.Close()
	ctx := context.Background()
	s := pubsub.New(pubsub.Server{Options: conn.Options{Addr: srv.Addr()}}, pubsub.Options{})
	defer s.Close()
	overflow := pubsub.DropNewest // an Overflow
	sub := s.NewSubscription(pubsub.Queue{Size: 2, Overflow: overflow, OnNotice: func(notice error) {
		var d *pubsub.Dropped
		if errors.As(notice, &d) {
			fmt.Println(d.N, "are gone")
		}
	}})
	if err := sub.Subscribe(ctx, "ticks", "end"); err != nil {
		log.Fatal(err)
	}
	var handle pubsub.Handler = func(_ context.Context, m pubsub.Message) { fmt.Println(m.Text()) }
	if err := sub.Handle(pubsub.Handlers{"*": handle}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(errors.Is(sub.Handle(pubsub.Handlers{"*": handle}), pubsub.ErrBusy)) // there is one consumer
	if err := sub.Close(); err != nil {
		log.Fatal(err)
	}
	<-sub.Done()
	st := sub.Stats() // a SubscriptionStats
	fmt.Println(st.Received, st.Dropped, sub.Err())
	// Output:
	// true
	// 0 0 pubsub: closed
}

// Whether all that is wanted is subscribed at the moment, for a health check.
func ExampleSubscriber_Ready() {
	srv := exampleServer()
	defer srv.Close()
	s := pubsub.New(pubsub.Server{Options: conn.Options{Addr: srv.Addr()}}, pubsub.Options{})
	defer s.Close()
	_, ready := s.Ready()
	fmt.Println(ready)
	if _, err := s.Subscribe(context.Background(), "news"); err != nil {
		log.Fatal(err)
	}
	epoch, ready := s.Ready()
	fmt.Println(epoch, ready)
	// Output:
	// false
	// 0 true
}

// Shard channels of Redis 7, and patterns that are not wanted any more.
func ExampleSubscription_SSubscribe() {
	ctx := context.Background()
	client := pool.New(pool.Options{Conn: conn.Options{Addr: "localhost:6379"}})
	defer client.Close()
	s := pubsub.New(client, pubsub.Options{})
	defer s.Close()
	sub, err := s.SSubscribe(ctx, "orders:eu")
	if err != nil {
		log.Fatal(err)
	}
	if err := sub.SSubscribe(ctx, "orders:us"); err != nil {
		log.Fatal(err)
	}
	if err := sub.PSubscribe(ctx, "log.*"); err != nil {
		log.Fatal(err)
	}
	orders := pubsub.Publisher[int]{Client: client, Encode: pubsub.EncodeWith[int](codec.JSON{})}
	if _, err := orders.SPublish(ctx, "orders:us", 17); err != nil {
		log.Fatal(err)
	}
	for m := range sub.Messages(ctx) {
		if m.Kind == pubsub.Shard && m.Channel == "orders:us" { // not a Channel, nor by a Pattern
			break
		}
	}
	if err := sub.SUnsubscribe(ctx, "orders:eu"); err != nil {
		log.Fatal(err)
	}
	if err := sub.PUnsubscribe(ctx); err != nil { // all of them
		log.Fatal(err)
	}
}

// Client-side caching in RESP2: the server sends the names of keys that have changed to
// the connection of a subscriber.
func ExampleMessage_Keys() {
	changed := resp.AppendBulk(resp.AppendArray(nil, 1), "user:7")
	m := pubsub.Message{Channel: pubsub.Invalidations, Kind: pubsub.Channel, Payload: changed}
	keys, ok := m.Keys()
	fmt.Println(keys, ok)
	_, ok = pubsub.Message{Channel: "news", Kind: pubsub.Channel}.Keys()
	fmt.Println(ok)
	// Output:
	// [user:7] true
	// false
}

// A codec of one's own: redis.Codec and those of package codec are such as well.
func ExampleCodec() {
	var c pubsub.Codec = codec.Gob{}
	b, err := pubsub.EncodeWith[string](c)("hello")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(pubsub.DecodeWith[string](c)(b))
	// Output: hello <nil>
}

// A test of what publishes needs no server: a Doer is one function.
func ExampleDoer() {
	var published []string
	var client pubsub.Doer = redistest.Func(func(args []string) string {
		published = args
		return redistest.Int(3)
	})
	p := pubsub.Publisher[string]{Client: client, Encode: func(s string) ([]byte, error) { return []byte(s), nil }}
	n, err := p.Publish(context.Background(), "news", "it rains")
	fmt.Println(n, err, published)
	// Output: 3 <nil> [PUBLISH news it rains]
}

// keyed is a source that dials where a function says, for a server that moves.
type keyed struct{ where func() string }

func (k keyed) Dial(ctx context.Context) (*conn.Conn, error) {
	return pubsub.Server{Options: conn.Options{Addr: k.where()}}.Dial(ctx)
}

// A source of one's own.
func ExampleSource() {
	srv := exampleServer()
	defer srv.Close()
	var source pubsub.Source = keyed{where: srv.Addr}
	s := pubsub.New(source, pubsub.Options{})
	defer s.Close()
	_, err := s.Subscribe(context.Background(), "news")
	fmt.Println(err)

	fixed := pubsub.Server{Options: conn.Options{Addr: srv.Addr()}}
	c, err := fixed.Dial(context.Background()) // what a Subscriber does
	if err == nil {
		err = c.Close()
	}
	fmt.Println(err)
	// Output:
	// <nil>
	// <nil>
}
