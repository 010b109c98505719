package conn_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

// A server that does not read gets nothing later of callers that have left: what has not
// left with them is taken out, and is not sent.
func TestAStalledServerGetsNoBacklogOfCallersThatHaveLeft(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	c := dial(t, s, conn.Options{ReadTimeout: time.Minute}) // no slow machine takes that long
	s.StopReading(true)
	value := strings.Repeat("x", 1<<20)
	var mu sync.Mutex
	classes := map[conn.Class]int{}
	for range 5 {
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				defer cancel()
				_, err := c.Do(ctx, resp.NewCommand("TAKE", resp.String(value)))
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
				mu.Lock()
				classes[conn.ClassOf(err)]++
				mu.Unlock()
			})
		}
		wg.Wait()
	}
	s.Reply("TAKE", "+OK\r\n")
	s.StopReading(false)
	if got, err := text(t.Context(), c, resp.NewCommand("ECHO", resp.String("mine"))); got != "mine" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	ran := s.Count("TAKE")
	if ran > classes[conn.ClassMaybeExecuted] || classes[conn.ClassNotSent] < 50 {
		t.Errorf("%d ran, of %v", ran, classes)
	}
	t.Logf("%d ran, of %v", ran, classes)
}

// Pushes do not keep a call waiting for ever.
func TestPushesAreNoProgressOfACall(t *testing.T) {
	for name, feed := range map[string]string{"one": ">1\r\n+x\r\n", "many": strings.Repeat(">1\r\n+x\r\n", 100)} {
		inBubble(t, func(t *testing.T, s *testserver.Server) {
			s.Handle("SLOW", func(p *testserver.Peer, _ []string) {
				for p.Wait(100 * time.Millisecond) {
					p.Write(feed)
				}
			})
			c := dial(t, s, conn.Options{ReadTimeout: time.Second})
			began := time.Now()
			_, err := c.Do(t.Context(), resp.NewCommand("SLOW"))
			if took := time.Since(began); !errors.Is(err, conn.ErrTimeout) || took > 2*time.Second {
				t.Errorf("%s: %v after %v", name, err, took)
			}
		})
	}
}

// Nobody who shares the connection is hurt by a line of any length.
func TestLongLinesHurtNobody(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	c := dial(t, s, conn.Options{})
	for _, size := range []int{70_000, 10 << 20} {
		s.Reply("LONG", "-ERR "+strings.Repeat("e", size)+"\r\n")
		var wg sync.WaitGroup
		for i := range 21 {
			wg.Go(func() {
				if i == 10 {
					r, err := c.Do(t.Context(), resp.NewCommand("LONG"))
					if err != nil || len(r.Err().Error()) != size+4 {
						t.Errorf("the long line: %v", err)
					}
					r.Release()
					return
				}
				for range 10 {
					if got, err := text(t.Context(), c, resp.NewCommand("ECHO", resp.String("mine"))); got != "mine" || err != nil {
						t.Errorf("a bystander: %q, %v", got, err)
					}
				}
			})
		}
		wg.Wait()
	}
}
