package pubsub_test

import (
	"fmt"
	"testing"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pubsub"
)

func TestMessagesOfChannelsAndPatternsArriveInBothProtocols(t *testing.T) {
	for _, proto := range []int{2, 3} {
		t.Run(fmt.Sprint("RESP", proto), func(t *testing.T) {
			leak.Check(t)
			srv := testserver.New(t)
			s := pubsub.New(pubsub.Server{Options: conn.Options{Addr: srv.Addr(), Protocol: proto}}, pubsub.Options{})
			defer s.Close()
			sub, err := s.Subscribe(t.Context(), "a", "b")
			if err != nil {
				t.Fatal(err)
			}
			if err := sub.PSubscribe(t.Context(), "a*"); err != nil {
				t.Fatal(err)
			}
			srv.Publish("a", "one")
			srv.Publish("b", "two")
			srv.Publish("ax", "three")
			var got []string
			for m, err := range sub.All(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, fmt.Sprintf("%s|%s|%s", m.Channel, m.Pattern, m.Payload))
				if len(got) == 4 {
					break
				}
			}
			want := "[a||one a|a*|one b||two ax|a*|three]"
			if fmt.Sprint(got) != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}
