package client_test

import (
	"errors"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/redis"
)

func TestARetryErrorCountsTheTimeOfTheFirstAttempt(t *testing.T) {
	leak.Check(t)
	const silence, timeout = 300 * time.Millisecond, 800 * time.Millisecond
	s := testserver.New(t)
	s.Handle("GET", func(p *testserver.Peer, _ []string) { // silent at first, then it hangs up
		if s.Count("GET") == 1 {
			time.Sleep(silence)
		}
		p.Close()
	})
	c := connect(t, client.Options{RetryTime: 50 * time.Millisecond, MaxRetries: 1000, Pool: pool.Options{Conn: conn.Options{Addr: s.Addr(), ReadTimeout: timeout}}})
	_, err := redis.Get("k").Do(t.Context(), c)
	e, ok := errors.AsType[*client.RetryError](err)
	if !ok {
		t.Fatalf("%v, want a RetryError", err)
	}
	const least = silence - timeout/16 // the first attempt is timed that coarsely
	if e.Took < least || e.Attempts < 2 {
		t.Errorf("took %v, %d attempts (%v), want no less than the first attempt's %v, and more than one", e.Took, e.Attempts, err, least)
	}
}
