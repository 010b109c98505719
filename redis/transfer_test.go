package redis_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

func TestValuesStreamFromAReaderAndToAWriter(t *testing.T) {
	for _, proto := range []int{2, 3} {
		node := testredis.New(t)
		p := pool.New(pool.Options{Conn: conn.Options{Addr: node.Addr(), Protocol: proto}})
		defer p.Close()
		ctx := t.Context()
		for _, size := range []int{0, 1, 100, 64<<10 - 40, 64 << 10, 1<<20 + 7, 9 << 20} {
			value := strings.Repeat("0123456789abcdef", size/16+1)[:size]
			set, err := redis.SetFrom(ctx, p, "k", int64(size), strings.NewReader(value+"beyond"), redis.SetOptions{TTL: time.Minute})
			if !set || err != nil {
				t.Fatalf("%d bytes: set %v, %v", size, set, err)
			}
			var got bytes.Buffer
			n, err := redis.GetTo(ctx, p, "k", &got)
			if err != nil || n != int64(size) || got.String() != value {
				t.Fatalf("%d bytes: got %d, %v", size, n, err)
			}
		}
		if ttl, err := redis.TTL("k").Do(ctx, p); err != nil || ttl <= 0 {
			t.Errorf("time to live %v, %v", ttl, err)
		}
		set, err := redis.SetFrom(ctx, p, "k", 1, strings.NewReader("x"), redis.SetOptions{If: redis.IfAbsent})
		if set || err != nil {
			t.Errorf("a condition that does not hold: %v, %v", set, err)
		}
		if n, err := redis.GetTo(ctx, p, "absent", io.Discard); n != 0 || !errors.Is(err, redis.ErrNil) {
			t.Errorf("a missing key: %d, %v", n, err)
		}
		if _, err := redis.LPush("list", "x").Do(ctx, p); err != nil {
			t.Fatal(err)
		}
		if _, err := redis.GetTo(ctx, p, "list", io.Discard); !errors.Is(err, redis.ErrWrongType) {
			t.Errorf("a list: %v", err)
		}
		length, err := redis.CopyFrom(ctx, p, redis.New(redis.Int, "APPEND", "tail"), 3, strings.NewReader("abc"))
		if length != 3 || err != nil {
			t.Errorf("APPEND: %d, %v", length, err)
		}
		if st := p.Stats(); st.Dials != 1 {
			t.Errorf("%d dials: a connection was not reused", st.Dials)
		}
	}
}

func TestAnInterruptedStreamBreaksOnlyItsConnection(t *testing.T) {
	node := testredis.New(t)
	ctx := t.Context()
	boom := errors.New("boom")
	tests := []struct {
		name  string
		run   func(l redis.Leaser) error
		want  error
		class redis.Class
		gone  bool // the connection is closed
	}{
		{"a reader that ends early", func(l redis.Leaser) error {
			_, err := redis.SetFrom(ctx, l, "k", 1<<20, strings.NewReader("short"), redis.SetOptions{})
			return err
		}, io.ErrUnexpectedEOF, redis.ClassNotSent, true},
		{"a reader that fails", func(l redis.Leaser) error {
			r := io.MultiReader(strings.NewReader(strings.Repeat("x", 300<<10)), failing{boom})
			_, err := redis.SetFrom(ctx, l, "k", 1<<20, r, redis.SetOptions{})
			return err
		}, boom, redis.ClassNotSent, true},
		{"a writer that fails", func(l redis.Leaser) error {
			_, err := redis.GetTo(ctx, l, "big", failing{boom})
			return err
		}, boom, redis.ClassMaybeExecuted, true},
		{"a writer that writes less", func(l redis.Leaser) error {
			_, err := redis.GetTo(ctx, l, "big", shortWriter{})
			return err
		}, io.ErrShortWrite, redis.ClassMaybeExecuted, true},
		{"a context that ends while a writer writes", func(l redis.Leaser) error {
			ctx, cancel := context.WithCancel(ctx)
			_, err := redis.GetTo(ctx, l, "big", &cancelling{cancel: cancel})
			return err
		}, context.Canceled, redis.ClassMaybeExecuted, true},
		{"a context that ends while a reader reads", func(l redis.Leaser) error {
			ctx, cancel := context.WithCancel(ctx)
			_, err := redis.SetFrom(ctx, l, "k", 400<<20, &cancelling{cancel: cancel}, redis.SetOptions{})
			return err
		}, context.Canceled, redis.ClassNotSent, true},
		{"a bad option", func(l redis.Leaser) error {
			_, err := redis.SetFrom(ctx, l, "k", 1, strings.NewReader("x"), redis.SetOptions{TTL: -1})
			return err
		}, nil, redis.ClassNotSent, false},
		{"a negative size", func(l redis.Leaser) error {
			_, err := redis.SetFrom(ctx, l, "k", -1, strings.NewReader("x"), redis.SetOptions{})
			return err
		}, nil, redis.ClassNotSent, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			leak.Check(t)
			p := pool.New(pool.Options{Conn: conn.Options{Addr: node.Addr()}})
			defer p.Close()
			if err := redis.Set("big", strings.Repeat("v", 8<<20)).Do(ctx, p); err != nil {
				t.Fatal(err)
			}
			if err := redis.Set("k", "before").Do(ctx, p); err != nil {
				t.Fatal(err)
			}
			err := test.run(p)
			if err == nil || test.want != nil && !errors.Is(err, test.want) || redis.ClassOf(err) != test.class {
				t.Errorf("error %v, class %v; want %v, %v", err, redis.ClassOf(err), test.want, test.class)
			}
			if v, err := redis.Get("k").Do(ctx, p); v != "before" || err != nil {
				t.Errorf("after it: %q, %v", v, err)
			}
			if st := p.Stats(); (st.Closed == 1) != test.gone {
				t.Errorf("%d connections closed", st.Closed)
			}
		})
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error)  { return 0, f.err }
func (f failing) Write([]byte) (int, error) { return 0, f.err }

type shortWriter struct{}

func (shortWriter) Write(p []byte) (int, error) { return len(p) / 2, nil }

// cancelling cancels at the first use, and then goes on slowly.
type cancelling struct{ cancel context.CancelFunc }

func (c *cancelling) Read(p []byte) (int, error) {
	c.cancel()
	time.Sleep(time.Millisecond)
	return len(p), nil
}

func (c *cancelling) Write(p []byte) (int, error) {
	c.cancel()
	time.Sleep(time.Millisecond)
	return len(p), nil
}

func TestASlowReaderOrWriterDoesNotCountAsAReadTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testserver.NewWith(t, testserver.Options{Network: "none"})
		s.SetKey("big", strings.Repeat("v", 1<<20))
		p := pool.New(pool.Options{Conn: conn.Options{Dial: s.PipeDial, ReadTimeout: 60 * time.Millisecond}})
		defer p.Close()
		if n, err := redis.GetTo(t.Context(), p, "big", &slowOnce{}); n != 1<<20 || err != nil {
			t.Errorf("GetTo: %d, %v", n, err)
		}
		if _, err := redis.SetFrom(t.Context(), p, "k", 1<<20, &slowOnce{}, redis.SetOptions{}); err != nil {
			t.Errorf("SetFrom: %v", err)
		}
	})
}

// slowOnce takes longer than the read timeout once.
type slowOnce struct{ slept bool }

func (s *slowOnce) pause() {
	if !s.slept {
		s.slept = true
		time.Sleep(200 * time.Millisecond)
	}
}

func (s *slowOnce) Read(p []byte) (int, error)  { s.pause(); return len(p), nil }
func (s *slowOnce) Write(p []byte) (int, error) { s.pause(); return len(p), nil }

func TestStreamingNeedsAConnectionAlone(t *testing.T) {
	s := testserver.New(t)
	c, err := conn.Dial(t.Context(), conn.Options{Addr: s.Addr(), Shared: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	get := resp.NewCommand("GET", resp.String("k"))
	if _, err := c.DoTo(t.Context(), get, io.Discard); !errors.Is(err, conn.ErrInUse) {
		t.Errorf("shared: %v", err)
	}
	c.SetShared(false)
	s.Handle("HANG", func(p *testserver.Peer, _ []string) { <-p.Done() })
	ended := make(chan error, 1)
	go func() {
		_, err := c.Do(t.Context(), resp.NewCommand("HANG"))
		ended <- err
	}()
	s.WaitFor(t, "a call under way", func() bool { return c.InFlight() == 1 })
	if _, err := c.DoFrom(t.Context(), get, 1, strings.NewReader("x")); !errors.Is(err, conn.ErrInUse) {
		t.Errorf("in use: %v", err)
	}
	_ = c.Close()
	<-ended
}

func ExampleGetTo() {
	p := pool.New(pool.Options{})
	defer p.Close()
	ctx := context.Background()
	f, err := os.Open("picture.jpg")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	info, _ := f.Stat()
	if _, err := redis.SetFrom(ctx, p, "picture", info.Size(), f, redis.SetOptions{TTL: time.Hour}); err != nil {
		fmt.Println(err)
		return
	}
	_, _ = redis.GetTo(ctx, p, "picture", os.Stdout)
}
