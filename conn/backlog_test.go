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

// stalled is a connection to a server that does not read, and so many callers that more
// wait for room than are let in.
type stalled struct {
	*conn.Conn
	s      *testserver.Server
	cancel context.CancelFunc
	errs   chan error
	n      int
}

const (
	unsent  = 1 << 20
	largish = 30 << 10
)

func stall(t *testing.T, callers int) *stalled {
	t.Helper()
	leak.Check(t)
	s := testserver.New(t)
	s.Reply("TAKE", "+OK\r\n")
	c := dial(t, s, conn.Options{MaxUnsent: unsent, ReadTimeout: time.Minute})
	s.StopReading(true)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	st := &stalled{Conn: c, s: s, cancel: cancel, errs: make(chan error, callers), n: callers}
	take := resp.NewCommand("TAKE", resp.String(strings.Repeat("x", largish)))
	for i := range callers {
		go func() {
			var err error
			if i%10 == 0 {
				err = c.DoBatch(ctx, []resp.Command{take, take}, func(int, resp.Value) {})
			} else {
				_, err = c.Do(ctx, take)
			}
			st.errs <- err
		}()
	}
	wait, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	err := leak.WaitUntil(wait, func() bool {
		_, waiting := c.Backlog()
		return waiting > 0 && waiting+c.InFlight() == callers
	})
	if err != nil {
		t.Fatal("not all callers have come")
	}
	return st
}

func TestWhatWaitsForAStalledServerIsBounded(t *testing.T) {
	st := stall(t, 600)
	bytes, _ := st.Backlog()
	if bytes > 2*unsent || bytes < unsent/2 { // parts of batches may be larger than what is kept for them
		t.Errorf("%d bytes wait, the bound is %d", bytes, unsent)
	}
	st.cancel()
	classes := map[conn.Class]int{}
	for range st.n {
		err := <-st.errs
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		classes[conn.ClassOf(err)]++
	}
	if classes[conn.ClassNotSent] < 100 { // of 600: what the sockets take is some megabytes
		t.Errorf("%v", classes)
	}
	if bytes, waiting := st.Backlog(); waiting > 0 || bytes > 2*unsent { // a flush has them
		t.Errorf("%d bytes and %d callers are left", bytes, waiting)
	}
	st.s.StopReading(false)
	if got, err := text(t.Context(), st.Conn, resp.NewCommand("ECHO", resp.String("mine"))); got != "mine" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestThoseWhoWaitForRoomGoOnWhenThereIsSome(t *testing.T) {
	st := stall(t, 600)
	st.s.StopReading(false)
	for range st.n {
		if err := <-st.errs; err != nil {
			t.Fatal(err)
		}
	}
	if got := st.s.Count("TAKE"); got != st.n+st.n/10 {
		t.Errorf("%d commands came", got)
	}
	if bytes, waiting := st.Backlog(); bytes != 0 || waiting != 0 {
		t.Errorf("%d bytes and %d callers are left", bytes, waiting)
	}
}

func TestThoseWhoWaitForRoomReturnWhenTheConnectionBreaks(t *testing.T) {
	st := stall(t, 600)
	cause := errors.New("that is it")
	st.Abort(cause)
	notSent := 0
	for range st.n {
		err := <-st.errs
		if !errors.Is(err, cause) {
			t.Error(err)
		}
		if conn.ClassOf(err) == conn.ClassNotSent {
			notSent++
		}
	}
	if notSent < 100 {
		t.Errorf("%d were not sent", notSent)
	}
}

// Each of a crowd has its turn, also where the room is less than what any of them needs.
func TestACommandLargerThanTheRoomIsSent(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	c := dial(t, s, conn.Options{MaxUnsent: 1})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			want := strings.Repeat("x", 1000)
			for range 50 {
				if got, err := text(t.Context(), c, resp.NewCommand("ECHO", resp.String(want))); err != nil || got != want {
					t.Errorf("%d bytes, %v", len(got), err)
				}
			}
		})
	}
	wg.Wait()
}
