package redis

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/resp"
)

// pooled returns a pool of connections to the shared server, and one connection
// beside it.
func pooled(t *testing.T, o pool.Options) (*pool.Pool, *conn.Conn) {
	t.Helper()
	beside := dial(t, 3)
	o.Conn.Addr = beside.Addr()
	p := pool.New(o)
	t.Cleanup(func() { p.Close() })
	return p, beside
}

// whenBlocked calls fn when n clients are blocked on the server.
func whenBlocked(t *testing.T, c *conn.Conn, n int64, fn func()) {
	t.Helper()
	leak.Eventually(t, 0, "clients are blocked", func() bool { return blocked(t, c) == n })
	fn()
}

func blocked(t *testing.T, c *conn.Conn) int64 {
	t.Helper()
	n := int64(0)
	for _, i := range get(t, c, ClientList(ClientFilter{})) {
		if slices.Contains([]string{"blpop", "blmove", "xread", "bzpopmin"}, i.Command) && i.Flags == "b" {
			n++
		}
	}
	return n
}

func TestABlockingCommandMayTakeLongerThanTheReadTimeout(t *testing.T) {
	for _, proto := range []int{2, 3} {
		p, _ := pooled(t, pool.Options{Conn: conn.Options{Protocol: proto, ReadTimeout: 800 * time.Millisecond}})
		_, err := BLPop(time.Second, "none").Do(t.Context(), p)
		check(t, "the server ended it", errors.Is(err, ErrNil))
		ss, err := XRead(XReadOptions{Block: time.Second}, StreamID{"none", "$"}).Do(t.Context(), p)
		check(t, "XREAD", err == nil && len(ss) == 0)
		var q Pipeline
		pop := BLPop(time.Second, "none").Queue(&q)
		check(t, "in a pipeline", q.Do(t.Context(), p) == nil && errors.Is(pop.Err(), ErrNil))
	}
}

func TestABlockingCommandEndsWhenTheServerNeverAnswers(t *testing.T) {
	s := testserver.New(t)
	s.Handle("BLPOP", func(*testserver.Peer, []string) {})
	p := pool.New(pool.Options{Conn: conn.Options{Addr: s.Addr(), ReadTimeout: 50 * time.Millisecond}})
	defer p.Close()
	_, err := BLPop(50*time.Millisecond, "k").Do(t.Context(), p)
	check(t, "the time of the server and the read timeout", errors.Is(err, conn.ErrTimeout) && ClassOf(err) == ClassMaybeExecuted)
}

func TestABlockingCommandIsGivenUpWithItsContext(t *testing.T) {
	p, beside := pooled(t, pool.Options{})
	var took []time.Duration
	for range 10 {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			_, err := BLPop(Forever, "none").Do(ctx, p)
			ended <- err
		}()
		var at time.Time
		whenBlocked(t, beside, 1, func() { at = time.Now(); cancel() })
		err := <-ended
		took = append(took, time.Since(at))
		if !errors.Is(err, context.Canceled) || ClassOf(err) != ClassMaybeExecuted {
			t.Error(err)
		}
		whenBlocked(t, beside, 0, func() {}) // its connection is closed: nothing is popped for nobody
	}
	slices.Sort(took)
	t.Logf("from the end of the context to the return: median %v, longest %v", took[len(took)/2], took[len(took)-1])
	get(t, beside, RPush("none", "x"))
	want(t, p, LLen("none"), 1)
}

func TestBlockingCommandsDoNotHoldUpOthers(t *testing.T) {
	p, beside := pooled(t, pool.Options{SoloConns: 2, SharedConns: 1, MaxConns: 8})
	var wg sync.WaitGroup
	popped := make(chan string, 4)
	for range 4 {
		wg.Go(func() {
			v, err := BLPop(Forever, "queue").Do(t.Context(), p)
			check(t, "pop", err == nil)
			popped <- v.Value
		})
	}
	whenBlocked(t, beside, 4, func() {})
	var others sync.WaitGroup
	for range 32 {
		others.Go(func() {
			for range 10 {
				_, err := Incr("n").Do(t.Context(), p)
				check(t, "incr", err == nil)
			}
		})
	}
	others.Wait() // it would hang behind a BLPOP
	want(t, p, As(Get("n"), Int), 320)
	get(t, p, RPush("queue", "a", "b", "c", "d"))
	wg.Wait()
	check(t, "all popped", len(popped) == 4)
}

func TestABlockingCommandIsUnblockedByTheServer(t *testing.T) {
	inBothProtocols(t, func(t *testing.T, c *conn.Conn) {
		beside := dial(t, 3)
		id := get(t, c, ClientID())
		ended := make(chan error, 1)
		go func() {
			_, err := BLMove(Forever, "none", "other", Left, Right).Do(t.Context(), c)
			ended <- err
		}()
		whenBlocked(t, beside, 1, func() { want(t, beside, ClientUnblock(id, true), true) })
		err := <-ended
		check(t, "class", errors.Is(err, ErrUnblocked) && ClassOf(err) == ClassRejected)
		want(t, c, Ping(), "PONG")
	})
}

func TestBlockingCommandsSayHowLongTheServerWaits(t *testing.T) {
	for _, cmd := range []resp.Command{
		BLPop(time.Second, "k").Command, BLMove(time.Second, "a", "b", Left, Right).Command,
		XRead(XReadOptions{Block: time.Second}, StreamID{"k", "$"}).Command, Wait(1, time.Second).Command,
	} {
		d, timed := cmd.Timeout()
		check(t, cmd.Name(), cmd.Flags()&resp.Blocking != 0 && timed && d == time.Second)
	}
	read := XRead(XReadOptions{}, StreamID{"k", "$"})
	check(t, "XREAD without BLOCK", read.Command.Flags()&resp.Blocking == 0)
}
