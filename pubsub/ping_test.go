package pubsub_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pubsub"
)

// owing is a server that owes the answer to every PING for some time, and sends
// messages meanwhile.
type owing struct {
	each  time.Duration // between two messages
	size  int           // of one
	count int           // of messages at a time
	pong  time.Duration // when the answer comes; never if zero
	first int           // bytes that come at first, with an answer to the first PING
}

// keeps returns for how long a connection to such a server is kept, or zero if it is to
// the end.
func (o owing) keeps(t *testing.T, q pubsub.Queue, consume func(pubsub.Message)) (kept time.Duration) {
	inBubble(t, pubsub.Options{}, func(t *testing.T, srv *testserver.Server, s *pubsub.Subscriber) {
		srv.ReplyOnce("PING", "+PONG\r\n")
		srv.Handle("PING", func(p *testserver.Peer, _ []string) {
			if o.pong > 0 {
				time.AfterFunc(o.pong, func() { p.Write("+PONG\r\n") })
			}
		})
		lost := make(chan error, 1)
		s.Listen(func(e pubsub.Event) {
			if e.Kind == pubsub.EventLost && e.Err != pubsub.ErrClosed { //nolint:errorlint // the end of the test
				lost <- e.Err
			}
		})
		began := time.Now()
		sub := s.NewSubscription(q)
		if err := sub.Subscribe(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		var consumer sync.WaitGroup
		consumer.Go(func() {
			for m := range sub.Messages(t.Context()) {
				consume(m)
			}
		})
		defer func() {
			_ = s.Close()
			consumer.Wait()
		}()
		srv.Publish("a", strings.Repeat("x", o.first))
		for payload := strings.Repeat("x", o.size); time.Since(began) < 2*o.pong+20*time.Minute; {
			select {
			case err := <-lost:
				kept = time.Since(began)
				if !errors.Is(err, pubsub.ErrSilent) {
					t.Error(err)
				}
				return
			case <-time.After(o.each):
			}
			for range max(o.count, 1) {
				srv.Publish("a", payload)
			}
		}
	})
	return kept
}

func atOnce(pubsub.Message) {}

func TestAServerThatSendsMessagesAndNoAnswerIsGivenUp(t *testing.T) {
	for name, test := range map[string]struct {
		server      owing
		least, most time.Duration
	}{
		"few small messages":          {owing{each: 300 * time.Millisecond, size: 10}, 6 * time.Second, 9 * time.Second},
		"many small messages":         {owing{each: 20 * time.Millisecond, size: 10}, 6 * time.Second, 9 * time.Second},
		"much before the PING":        {owing{each: 300 * time.Millisecond, size: 10, first: 1 << 20}, 6 * time.Second, 9 * time.Second},
		"messages as of a slow link":  {owing{each: 200 * time.Millisecond, size: 1400}, 600 * time.Second, 604 * time.Second},
		"messages as of a quick link": {owing{each: 200 * time.Millisecond, size: 30000}, 600 * time.Second, 604 * time.Second},
	} {
		if got := test.server.keeps(t, pubsub.Queue{}, atOnce); got < test.least || got > test.most {
			t.Errorf("%s: kept for %v", name, got)
		}
	}
}

func TestASlowLinkIsKeptWhileTheAnswerMayWaitBehindWhatComes(t *testing.T) {
	server := owing{each: 200 * time.Millisecond, size: 1400, pong: 5 * time.Minute}
	if got := server.keeps(t, pubsub.Queue{}, atOnce); got != 0 {
		t.Errorf("given up after %v", got)
	}
}

// The consumer, not the link, is why the answer has not been read: whether it is busy when
// the session looks, or only at times in between.
func TestAConsumerThatKeepsTheReaderWaitingCostsNoConnection(t *testing.T) {
	q := pubsub.Queue{Size: 1, Overflow: pubsub.Block}
	for name, test := range map[string]struct {
		server owing
		busy   time.Duration
	}{
		"always":   {owing{each: time.Second, size: 10, count: 10, pong: time.Minute}, 100 * time.Millisecond},
		"for long": {owing{each: time.Second, size: 10, pong: time.Minute}, 30 * time.Second},
		"at times": {owing{each: 600 * time.Millisecond, size: 10, count: 4, pong: time.Minute}, 50 * time.Millisecond},
	} {
		if got := test.server.keeps(t, q, func(pubsub.Message) { time.Sleep(test.busy) }); got != 0 {
			t.Errorf("%s: given up after %v", name, got)
		}
	}
}
