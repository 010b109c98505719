package conn_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

func TestOnlyTheCommandOfAReplyBeyondTheLimitsIsToldSo(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	c := dial(t, s, conn.Options{Limits: resp.Limits{Reply: 1000}})
	peer := s.Peers()[0]
	s.HandleAny(func(*testserver.Peer, []string) bool { return true })
	errs := make([]chan error, 3)
	for i := range errs {
		errs[i] = make(chan error, 1)
		go func() {
			r, err := c.Do(t.Context(), get("k"))
			if err == nil {
				r.Release()
			}
			errs[i] <- err
		}()
		s.WaitFor(t, "GET", func() bool { return s.Count("GET") == i+1 })
	}
	peer.Write("$1\r\nv\r\n$2000\r\n" + strings.Repeat("x", 500))
	if err := <-errs[0]; err != nil {
		t.Error(err)
	}
	for i, own := range []bool{true, false} {
		err := <-errs[i+1]
		if !errors.Is(err, resp.ErrLimit) || conn.ClassOf(err) != conn.ClassMaybeExecuted || conn.IsPermanent(err) != own {
			t.Errorf("own %v: permanent %v, %v", own, conn.IsPermanent(err), err)
		}
		if err != nil && !strings.Contains(err.Error(), "beyond the limit of 1000 (Limits.Reply)") {
			t.Error(err)
		}
	}
}

func TestAPushBeyondTheLimitsIsNoCommandsOwn(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	c := dial(t, s, conn.Options{Limits: resp.Limits{Reply: 1000}})
	s.Reply("GET", ">2\r\n$4\r\nnews\r\n$2000\r\n")
	if _, err := c.Do(t.Context(), get("k")); !errors.Is(err, resp.ErrLimit) || conn.IsPermanent(err) {
		t.Error(err)
	}
}
