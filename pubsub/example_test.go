package pubsub_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strconv"

	"github.com/kermes-redis/kermes/codec"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/pubsub"
)

// exampleServer stands for a Redis server.
func exampleServer() *testserver.Server {
	srv, err := testserver.Start(testserver.Options{})
	if err != nil {
		log.Fatal(err)
	}
	return srv
}

func Example() {
	srv := exampleServer()
	defer srv.Close()
	ctx := context.Background()

	s := pubsub.New(pubsub.Server{Options: conn.Options{Addr: srv.Addr()}}, pubsub.Options{})
	defer s.Close()
	sub, err := s.Subscribe(ctx, "news", "sport")
	if err != nil {
		log.Fatal(err)
	}
	srv.Publish("news", "it rains") // PUBLISH, by somebody else

	for m, err := range sub.All(ctx) {
		var gap *pubsub.Gap
		switch {
		case errors.As(err, &gap):
			log.Printf("messages from %v to %v may be missing: %v", gap.From, gap.To, gap.Reason)
		case err != nil:
			log.Print(err)
		default:
			fmt.Println(m.Channel, m.Text())
			return
		}
	}
	// Output: news it rains
}

func ExampleSubscription_Handle() {
	srv := exampleServer()
	defer srv.Close()
	ctx := context.Background()
	s := pubsub.New(pubsub.Server{Options: conn.Options{Addr: srv.Addr()}}, pubsub.Options{})
	defer s.Close()

	done := make(chan struct{})
	sub := s.NewSubscription(pubsub.Queue{Size: 1000, Overflow: pubsub.DropOldest})
	err := sub.Handle(pubsub.Handlers{
		"orders": func(_ context.Context, m pubsub.Message) { fmt.Println("order", m.Text()) },
		"log.*":  func(_ context.Context, m pubsub.Message) { fmt.Println(m.Channel, m.Text()) },
		"*":      func(_ context.Context, m pubsub.Message) { fmt.Println("other", m.Text()); close(done) },
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := sub.Subscribe(ctx, "orders", "end"); err != nil {
		log.Fatal(err)
	}
	if err := sub.PSubscribe(ctx, "log.*"); err != nil {
		log.Fatal(err)
	}
	srv.Publish("orders", "17")
	srv.Publish("log.web", "started")
	srv.Publish("end", "bye")
	<-done
	// Output:
	// order 17
	// log.web started
	// other bye
}

func ExampleSubscription_Chan() {
	srv := exampleServer()
	defer srv.Close()
	s := pubsub.New(pubsub.Server{Options: conn.Options{Addr: srv.Addr()}}, pubsub.Options{})
	defer s.Close()
	sub, err := s.Subscribe(context.Background(), "ticks")
	if err != nil {
		log.Fatal(err)
	}
	c := sub.Chan()
	srv.Publish("ticks", "1")
	fmt.Println((<-c).Text())

	_ = sub.Close()
	_, open := <-c
	fmt.Println(open, errors.Is(sub.Err(), pubsub.ErrClosed))
	// Output:
	// 1
	// false true
}

func ExampleSubscription_Messages() {
	srv := exampleServer()
	defer srv.Close()
	ctx := context.Background()
	s := pubsub.New(pubsub.Server{Options: conn.Options{Addr: srv.Addr()}}, pubsub.Options{
		Queue: pubsub.Queue{Borrow: true}, // m.Payload is valid until the next iteration
	})
	defer s.Close()
	sub, err := s.PSubscribe(ctx, "user:*")
	if err != nil {
		log.Fatal(err)
	}
	srv.Publish("user:7", "in")
	srv.Publish("user:8", "out")
	n := 0
	for m := range sub.Messages(ctx) {
		fmt.Printf("%s %s %s\n", m.Channel, m.Pattern, m.Payload)
		if n++; n == 2 {
			break
		}
	}
	// Output:
	// user:7 user:* in
	// user:8 user:* out
}

func ExampleSubscription_Unsubscribe() {
	srv := exampleServer()
	defer srv.Close()
	ctx := context.Background()
	s := pubsub.New(pubsub.Server{Options: conn.Options{Addr: srv.Addr()}}, pubsub.Options{})
	defer s.Close()
	sub, err := s.Subscribe(ctx, "a", "b")
	if err != nil {
		log.Fatal(err)
	}
	if err := sub.Unsubscribe(ctx, "a"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(srv.Subscribers("a"), srv.Subscribers("b"), s.Stats().Channels)
	// Output: 0 1 1
}

func ExampleSubscriber_Listen() {
	srv := exampleServer()
	defer srv.Close()
	s := pubsub.New(pubsub.Server{Options: conn.Options{Addr: srv.Addr()}}, pubsub.Options{})
	defer s.Close()
	again := make(chan struct{}, 2)
	stop := s.Listen(func(e pubsub.Event) {
		fmt.Println(e.Kind)
		if e.Kind == pubsub.EventSubscribed {
			again <- struct{}{}
		}
	})
	defer stop()
	if _, err := s.Subscribe(context.Background(), "a"); err != nil {
		log.Fatal(err)
	}
	<-again
	srv.CloseAll() // the server hangs up
	<-again
	// Output:
	// subscribed
	// lost
	// gap
	// subscribed
}

func ExampleSubscriber_OnReady() {
	srv := exampleServer()
	defer srv.Close()
	s := pubsub.New(pubsub.Server{Options: conn.Options{Addr: srv.Addr()}}, pubsub.Options{})
	defer s.Close()
	ready := make(chan struct{})
	stop := s.OnReady(func(epoch int64) {
		fmt.Println("read everything anew; epoch", epoch)
		close(ready)
	})
	defer stop()
	if _, err := s.Subscribe(context.Background(), "wake"); err != nil {
		log.Fatal(err)
	}
	<-ready
	// Output: read everything anew; epoch 0
}

type temperature struct {
	City    string
	Degrees float64
}

func ExampleDecode() {
	srv := exampleServer()
	defer srv.Close()
	ctx := context.Background()
	client := pool.New(pool.Options{Conn: conn.Options{Addr: srv.Addr()}})
	defer client.Close()
	s := pubsub.New(client, pubsub.Options{})
	defer s.Close()
	sub, err := s.Subscribe(ctx, "weather")
	if err != nil {
		log.Fatal(err)
	}

	weather := pubsub.Publisher[temperature]{Client: client, Encode: pubsub.EncodeWith[temperature](codec.JSON{})}
	n, err := weather.Publish(ctx, "weather", temperature{"Oslo", -3.5})
	fmt.Println(n, err)

	for m, err := range pubsub.Decode(sub.All(ctx), pubsub.DecodeWith[temperature](codec.JSON{})) {
		fmt.Println(m.Channel, m.Value.City, m.Value.Degrees, err)
		break
	}
	// Output:
	// 1 <nil>
	// weather Oslo -3.5 <nil>
}

func ExampleDecodeHandler() {
	srv := exampleServer()
	defer srv.Close()
	ctx := context.Background()
	s := pubsub.New(pubsub.Server{Options: conn.Options{Addr: srv.Addr()}}, pubsub.Options{})
	defer s.Close()
	sub, err := s.Subscribe(ctx, "numbers")
	if err != nil {
		log.Fatal(err)
	}
	done := make(chan struct{})
	number := pubsub.DecodeHandler(
		func(b []byte) (int, error) { return strconv.Atoi(string(b)) },
		func(_ context.Context, m pubsub.Typed[int]) { fmt.Println(m.Value + 1) },
		func(_ context.Context, e *pubsub.DecodeError) {
			fmt.Println("not a number:", e.Message.Text())
			close(done)
		},
	)
	if err := sub.Handle(pubsub.Handlers{"numbers": number}); err != nil {
		log.Fatal(err)
	}
	srv.Publish("numbers", "41")
	srv.Publish("numbers", "many")
	<-done
	// Output:
	// 42
	// not a number: many
}
