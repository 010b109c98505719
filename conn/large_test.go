package conn_test

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

func TestALargePipelineStaysBelowTheOutputLimitOfARealServer(t *testing.T) {
	node := testredis.New(t, "client-output-buffer-limit normal 16mb 16mb 0")
	c, err := conn.Dial(t.Context(), conn.Options{Addr: node.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	payload := strings.Repeat("p", 64<<10)
	cmds := make([]resp.Command, 3000)
	for i := range cmds {
		cmds[i] = resp.NewCommand("ECHO", resp.String(payload))
	}
	n := 0
	err = c.DoBatch(t.Context(), cmds, func(_ int, v resp.Value) {
		if b, err := v.Bytes(); err == nil && len(b) == len(payload) {
			n++
		}
	})
	if err != nil || n != len(cmds) {
		t.Fatalf("%d replies, %v", n, err)
	}
}

func TestAMillionCommandsInOneBatchUseBoundedMemory(t *testing.T) {
	node := testredis.New(t)
	c, err := conn.Dial(t.Context(), conn.Options{Addr: node.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cmds := make([]resp.Command, 1_000_000)
	for i := range cmds {
		cmds[i] = resp.NewCommand("ECHO", resp.Int(int64(i)))
	}
	before, most := heap(), uint64(0)
	next := 0
	err = c.DoBatch(t.Context(), cmds, func(i int, v resp.Value) {
		if n, err := v.Int(); i != next || err != nil || n != int64(i) {
			t.Fatalf("reply %d of %d: %v, %v", i, next, v, err)
		}
		next++
		if i%100_000 == 50_000 {
			most = max(most, heap())
		}
	})
	if err != nil || next != len(cmds) {
		t.Fatalf("%d replies, %v", next, err)
	}
	runtime.KeepAlive(cmds)
	if most > before+8<<20 {
		t.Errorf("%d bytes of heap beyond the commands", most-before)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestLargeArgumentsArriveWholeFromWhereTheyAre(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	c := dial(t, s, conn.Options{})
	for _, size := range []int{32<<10 - 1, 32 << 10, 256 << 10, 1<<20 + 1, 6 << 20} {
		a, b := strings.Repeat("a", size), strings.Repeat("b", size/3)
		args := []resp.Arg{resp.String("k"), resp.String(a), resp.Int(7), resp.String(b), resp.String("end")}
		var got []string
		s.Handle("TAKE", func(p *testserver.Peer, args []string) {
			got = args
			p.Bulk("taken")
		})
		if r, err := text(t.Context(), c, resp.NewCommand("TAKE", args...)); r != "taken" || err != nil {
			t.Fatalf("%d bytes: %q, %v", size, r, err)
		}
		if len(got) != 6 || got[1] != "k" || got[2] != a || got[3] != "7" || got[4] != b || got[5] != "end" {
			t.Fatalf("%d bytes: the server got something else", size)
		}
	}
}

func TestALargeArgumentOfACallerThatLeavesIsSentAsItWas(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	took := make(chan string, 1)
	s.Handle("TAKE", func(p *testserver.Peer, args []string) {
		took <- args[1]
		p.Bulk("taken")
	})
	c := dial(t, s, conn.Options{ReadTimeout: time.Minute}) // the server may take long for so much
	s.StopReading(true)
	value := []byte(strings.Repeat("a", 16<<20)) // more than the kernel takes
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { // not before the call has begun to write
		_ = leak.WaitUntil(ctx, func() bool { return c.InFlight() == 1 })
		time.AfterFunc(30*time.Millisecond, cancel)
	}()
	if _, err := c.Do(ctx, resp.NewCommand("TAKE", resp.Bytes(value))); err == nil {
		t.Fatal("no error")
	}
	for i := range value { // the caller may do that now
		value[i] = 'z'
	}
	s.StopReading(false)
	if got := <-took; strings.Trim(got, "a") != "" || len(got) != len(value) {
		t.Error("the server got what was written after the caller had left")
	}
	if got, err := text(t.Context(), c, resp.NewCommand("ECHO", resp.String("mine"))); got != "mine" || err != nil {
		t.Errorf("a neighbour: %q, %v", got, err)
	}
}

func TestACommandThatTakesLongerThanTheReadTimeoutToSendIsNoTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T, s *testserver.Server) {
		s.Handle("TAKE", func(p *testserver.Peer, _ []string) { p.Bulk("taken") })
		c := dial(t, s, conn.Options{ReadTimeout: time.Second, Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			nc, err := s.PipeDial(ctx, network, addr)
			return slowLink{nc}, err
		}})
		began := time.Now()
		if _, err := text(t.Context(), c, resp.NewCommand("TAKE", resp.String(strings.Repeat("a", 16<<20)))); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took < time.Second {
			t.Errorf("it took %v only: the test shows nothing", took)
		}
	})
}

// slowLink takes 30 ms for each 256 KiB.
type slowLink struct{ net.Conn }

func (l slowLink) Write(p []byte) (int, error) {
	time.Sleep(time.Duration(len(p)) * 30 * time.Millisecond / (256 << 10))
	return l.Conn.Write(p)
}

func TestAnIdleConnectionHoldsAtMost16KiBWhateverItDidBefore(t *testing.T) {
	node := testredis.New(t)
	const conns = 32
	before := heap()
	for range conns {
		c, err := conn.Dial(t.Context(), conn.Options{Addr: node.Addr(), ReadTimeout: 2 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		payload := strings.Repeat("x", 1<<20)
		if _, err := text(t.Context(), c, resp.NewCommand("ECHO", resp.String(payload))); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			r, err := c.Do(t.Context(), resp.NewCommand("ECHO", resp.String(payload)))
			if err != nil {
				t.Fatal(err)
			}
			if !r.Keep() { // its buffer comes back when nobody has it
				r.Release()
			}
		}
		cmds := make([]resp.Command, 1000)
		for i := range cmds {
			cmds[i] = resp.NewCommand("ECHO", resp.String(payload[:2000]))
		}
		if err := c.DoBatch(t.Context(), cmds, func(int, resp.Value) {}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var each int64
	if err := leak.WaitUntil(ctx, func() bool {
		each = (int64(heap()) - int64(before)) / conns
		return each <= 16<<10
	}); err != nil {
		t.Errorf("%d bytes each", each)
	}
	t.Logf("%d bytes each", each)
}

func TestCallersOfManySizesShareAConnection(t *testing.T) {
	leak.Check(t)
	c := dial(t, testserver.New(t), conn.Options{})
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for i := range 40 {
				want := strings.Repeat(fmt.Sprintf("%d-%d.", g, i), 1<<(i%16))
				got, err := text(t.Context(), c, resp.NewCommand("ECHO", resp.String(want)))
				if err != nil || got != want {
					t.Errorf("caller %d got %d bytes, want %d; %v", g, len(got), len(want), err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestAStringOfManyMiBIsReadIntoOneBuffer(t *testing.T) {
	node := testredis.New(t)
	c, err := conn.Dial(t.Context(), conn.Options{Addr: node.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const size, times = 8 << 20, 4
	if _, err := text(t.Context(), c, set("k", strings.Repeat("x", size))); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range times {
		r, err := c.Do(t.Context(), get("k"))
		if err != nil {
			t.Fatal(err)
		}
		if b, err := r.Bytes(); err != nil || len(b) != size {
			t.Fatalf("%d bytes, %v", len(b), err)
		}
		r.Release()
	}
	runtime.ReadMemStats(&after)
	if got := (after.TotalAlloc - before.TotalAlloc) / times; got > size*5/4 {
		t.Errorf("%d bytes allocated for a string of %d", got, size)
	}
}

// The peer reads nothing at first, so that not even the beginning can be written in one go.
func TestALargeCommandIsSentWholeThoughItsFirstBytesAreStuck(t *testing.T) {
	inBubble(t, func(t *testing.T, s *testserver.Server) {
		c := dial(t, s, conn.Options{})
		for _, size := range []int{40 << 10, 100 << 10, 3 << 20} {
			want := pattern(size)
			s.StopReading(true)
			ended := make(chan error, 1)
			go func() {
				_, err := text(t.Context(), c, set("k", want))
				ended <- err
			}()
			time.Sleep(time.Second)
			s.StopReading(false)
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			if got, _ := s.Key("k"); got != want {
				t.Errorf("%d bytes of %d arrived, or others", len(got), size)
			}
		}
	})
}
