package pool_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/resp"
)

// keptAfter leases a connection and returns what the function was given, after it has
// returned.
func keptAfter(t *testing.T, p *pool.Pool) (kept *conn.Conn) {
	t.Helper()
	err := p.WithConn(t.Context(), func(c *conn.Conn) error {
		kept = c
		r, err := c.Do(t.Context(), resp.NewCommand("ECHO", resp.String("within")))
		r.Release()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

func TestALeasedConnectionRefusesToWorkAfterItsFunctionHasReturned(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	p := open(t, s, pool.Options{})
	kept := keptAfter(t, p)
	late := resp.NewCommand("LATE")
	ways := map[string]func(ctx context.Context) error{
		"Do":       func(ctx context.Context) error { _, err := kept.Do(ctx, late); return err },
		"Exchange": func(ctx context.Context) error { _, err := kept.Exchange(ctx, &late); return err },
		"DoBatch": func(ctx context.Context) error {
			return kept.DoBatch(ctx, []resp.Command{late}, func(int, resp.Value) { t.Error("a reply") })
		},
		"DoTo": func(ctx context.Context) error { _, err := kept.DoTo(ctx, late, io.Discard); return err },
		"DoFrom": func(ctx context.Context) error {
			_, err := kept.DoFrom(ctx, late, 1, strings.NewReader("x"))
			return err
		},
		"Send":    func(ctx context.Context) error { return kept.Send(ctx, late) },
		"Receive": func(ctx context.Context) error { _, err := kept.Receive(ctx); return err },
		"Serve":   func(ctx context.Context) error { return kept.Serve(ctx) },
		"Reauth":  func(ctx context.Context) error { return kept.Reauth(ctx) },
		"Close":   func(context.Context) error { return kept.Close() },
	}
	for name, use := range ways {
		err := use(t.Context())
		if !errors.Is(err, conn.ErrLeaseOver) || conn.ClassOf(err) != conn.ClassNotSent {
			t.Errorf("%s: %v, class %v", name, err, conn.ClassOf(err))
		}
	}
	kept.Abort(errors.New("too late"))
	kept.SetShared(false)
	if kept.Broken() {
		t.Error("the connection of others is broken")
	}
	if err := echo(t.Context(), p, "mine"); err != nil {
		t.Error(err)
	}
	if n := s.Count("LATE"); n != 0 {
		t.Errorf("%d commands were sent", n)
	}
	if n := s.Accepted(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// Whatever a function leaves behind never reaches the connection of those that come
// after it.
func TestWhatALeaseLeavesRunningHurtsNobodyLater(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	p := open(t, s, pool.Options{MaxConns: 1})
	var left sync.WaitGroup
	for i := range 200 {
		err := p.WithConn(t.Context(), func(c *conn.Conn) error {
			started := make(chan struct{})
			left.Go(func() {
				for first := true; ; first = false {
					r, err := c.Do(context.Background(), resp.NewCommand("ECHO", resp.String("left")))
					if err == nil {
						if b, _ := r.Bytes(); string(b) != "left" {
							t.Errorf("got %q", b)
						}
						r.Release()
					} else if conn.ClassOf(err) == conn.ClassNone {
						t.Error(err)
					}
					if first {
						close(started)
					}
					if err != nil {
						return // the lease is over, or the connection was closed with it
					}
				}
			})
			<-started
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprint(i)
		err = p.WithConn(t.Context(), func(c *conn.Conn) error {
			r, err := c.Do(t.Context(), resp.NewCommand("ECHO", resp.String(want)))
			if err != nil {
				return err
			}
			defer r.Release()
			if b, err := r.Bytes(); err != nil || string(b) != want {
				t.Errorf("got %q, %v; want %q", b, err, want)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	left.Wait()
}
