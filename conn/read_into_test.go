package conn_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

// into runs a command that lends room for its reply. It returns the string, and
// whether that was read into room.
func into(ctx context.Context, c *conn.Conn, room []byte, cmd resp.Command) (got string, placed bool, err error) {
	cmd.SetRoom(room)
	r, err := c.Do(ctx, cmd)
	if err != nil {
		return "", false, err
	}
	defer r.Release()
	if n, ok := r.Placed(); ok {
		return string(room[:n]), true, nil
	}
	b, err := r.Bytes()
	return string(b), false, err
}

// pattern is a string of which no part looks like the one before.
func pattern(size int) string {
	b := make([]byte, size)
	for i := range b {
		b[i] = 'a' + byte((i^i>>5^i>>11)%26)
	}
	return string(b)
}

const longSize = 100_000

func longReply() string { return string(resp.AppendBulk(nil, pattern(longSize))) }

func TestALargeStringIsReadIntoTheRoomThatItsCallerLends(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	for _, proto := range []int{2, 3} {
		c := dial(t, s, conn.Options{Protocol: proto})
		for _, row := range []struct {
			size, room int
			placed     bool
		}{
			{0, 1 << 20, false},
			{10, 1 << 20, false},
			{16 << 10, 1 << 20, false},
			{16<<10 + 1, 1 << 20, true},
			{64 << 10, 64 << 10, true}, // the exact size will do
			{64 << 10, 64<<10 - 1, false},
			{1 << 20, 1 << 20, true},
			{5 << 20, 6 << 20, true},
			{5 << 20, 1 << 20, false},
		} {
			want := pattern(row.size)
			room := bytes.Repeat([]byte{'.'}, row.room+100)
			got, placed, err := into(t.Context(), c, room[:row.room:row.room], resp.NewCommand("ECHO", resp.String(want)))
			if got != want || placed != row.placed || err != nil {
				t.Errorf("RESP%d, %d bytes into %d: %d bytes, placed %v, %v", proto, row.size, row.room, len(got), placed, err)
			}
			used := 0
			if placed {
				used = row.size
			}
			if rest := room[used:]; strings.Trim(string(rest), ".") != "" {
				t.Errorf("RESP%d, %d bytes into %d: what is not the string's was written to", proto, row.size, row.room)
			}
		}
	}
}

func TestARoomIsForOneLargeStringAndLeavesOtherRepliesAsTheyAre(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	long := pattern(longSize)
	for name, reply := range map[string]string{
		"null bulk":       "$-1\r\n",
		"null":            "_\r\n",
		"integer":         ":12\r\n",
		"error":           "-ERR " + strings.Repeat("x", 30<<10) + "\r\n",
		"array":           "*1\r\n" + longReply(),
		"attribute":       "|1\r\n+ttl\r\n:60\r\n" + longReply(),
		"verbatim":        fmt.Sprintf("=%d\r\ntxt:%s\r\n", len(long)+4, long),
		"streamed string": fmt.Sprintf("$?\r\n;%d\r\n%s\r\n;0\r\n", len(long), long),
		"bulk error":      fmt.Sprintf("!%d\r\nERR %s\r\n", len(long)+4, long),
	} {
		s.Reply("OTHER", reply)
		c := dial(t, s, conn.Options{})
		cmd := resp.NewCommand("OTHER")
		room := bytes.Repeat([]byte{'.'}, 2*longSize)
		cmd.SetRoom(room)
		r, err := c.Do(t.Context(), cmd)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, placed := r.Placed(); placed || string(r.Value) != reply || strings.Trim(string(room), ".") != "" {
			t.Errorf("%s: placed %v, %.40q", name, placed, r.Value)
		}
		r.Release()
	}
}

func TestAPushAndTheRepliesOfOthersAroundAPlacedString(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	const push = ">2\r\n+invalidate\r\n*1\r\n+k\r\n"
	s.Reply("AROUND", push+longReply()+push)
	pushes := 0
	c := dial(t, s, conn.Options{OnPush: func(resp.Value) { pushes++ }})
	room := make([]byte, longSize)
	for i := range 20 {
		got, placed, err := into(t.Context(), c, room, resp.NewCommand("AROUND"))
		if got != pattern(longSize) || !placed || err != nil {
			t.Fatalf("%d bytes, placed %v, %v", len(got), placed, err)
		}
		if got, err := text(t.Context(), c, resp.NewCommand("ECHO", resp.Int(int64(i)))); got != fmt.Sprint(i) || err != nil {
			t.Fatalf("the next caller: %q, %v", got, err)
		}
	}
	if pushes != 40 {
		t.Errorf("%d pushes", pushes)
	}
}

// cutsOfLong are places of every kind within longReply.
func cutsOfLong() (l []int) {
	const header, end = len("$100000\r\n"), len("$100000\r\n") + longSize
	for n := range header + 3 {
		l = append(l, n)
	}
	return append(l, 4096, 8191, 8192, 8193, 20_000, longSize/2, end-1, end, end+1)
}

func TestAPlacedStringCutAtAnyPlaceIsAnErrorForItsCallerAndNoReplyForOthers(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	reply := longReply()
	for ending, end := range map[string]func(p *testserver.Peer){
		"FIN": func(p *testserver.Peer) { p.Close() },
		"RST": func(p *testserver.Peer) { p.Reset() },
	} {
		for _, n := range cutsOfLong() {
			s.Handle("CUT", func(p *testserver.Peer, _ []string) { p.Write(reply[:n]); end(p) })
			c := dial(t, s, conn.Options{})
			room := make([]byte, longSize)
			_, placed, err := into(t.Context(), c, room, resp.NewCommand("CUT"))
			if placed || conn.ClassOf(err) != conn.ClassMaybeExecuted || !testserver.IsHangUp(err) || c.Err() == nil {
				t.Errorf("%s after %d bytes: placed %v, %v, class %v", ending, n, placed, err, conn.ClassOf(err))
			}
		}
	}
}

func TestACallerThatLeavesWithinItsPlacedStringGetsItsBufferBackAtOnce(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	reply := longReply()
	for _, n := range cutsOfLong() {
		resume := stallAt(s, reply, n)
		c := dial(t, s, conn.Options{})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Millisecond)
		room := make([]byte, longSize)
		_, _, err := into(ctx, c, room, resp.NewCommand("STALL"))
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || conn.ClassOf(err) == conn.ClassNone {
			t.Errorf("stalled at %d: %v", n, err)
		}
		for i := range room { // it is the caller's again: the race detector looks
			room[i] = '.'
		}
		close(resume)
		mine := make([]byte, longSize)
		got, _, err := into(t.Context(), c, mine, resp.NewCommand("ECHO", resp.String(pattern(longSize-1))))
		if got != pattern(longSize-1) || err != nil {
			t.Errorf("stalled at %d: a neighbour got %d bytes, %v", n, len(got), err)
		}
		if strings.Trim(string(room), ".") != "" {
			t.Errorf("stalled at %d: the buffer was written to after its call", n)
		}
		_ = c.Close()
	}
}

func TestAPlacedStringThatStallsForTheReadTimeoutBreaksTheConnection(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	reply := longReply()
	for _, n := range []int{20_000, len(reply) - 2, len(reply) - 1} {
		s.Handle("STALL", func(p *testserver.Peer, _ []string) { p.Write(reply[:n]); <-p.Done() })
		c := dial(t, s, conn.Options{ReadTimeout: 50 * time.Millisecond})
		_, _, err := into(t.Context(), c, make([]byte, longSize), resp.NewCommand("STALL"))
		if !errors.Is(err, conn.ErrTimeout) || conn.ClassOf(err) != conn.ClassMaybeExecuted {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}

func TestAPlacedStringWithAWrongEndBreaksTheConnection(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	for _, end := range []string{"XX", "\rX", "X\n", "\n\r"} {
		s.Reply("BAD", strings.TrimSuffix(longReply(), "\r\n")+end)
		c := dial(t, s, conn.Options{})
		_, placed, err := into(t.Context(), c, make([]byte, longSize), resp.NewCommand("BAD"))
		if placed || !errors.Is(err, resp.ErrProtocol) || c.Err() == nil {
			t.Errorf("%q: placed %v, %v", end, placed, err)
		}
	}
}

func TestWhatFollowsAPlacedStringDoesNotKeepItFromItsCaller(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	for _, behind := range []string{"+OK\r\n", "$5\r\nhe", "garbage"} {
		s.Reply("TWO", longReply()+behind)
		c := dial(t, s, conn.Options{ReadTimeout: 10 * time.Second})
		got, placed, err := into(t.Context(), c, make([]byte, longSize), resp.NewCommand("TWO"))
		if got != pattern(longSize) || !placed || err != nil {
			t.Fatalf("%.10q: %d bytes, placed %v, %v", behind, len(got), placed, err)
		}
		if _, err = text(t.Context(), c, resp.NewCommand("ECHO", resp.String("mine"))); err == nil {
			t.Errorf("%.10q: the next caller got somebody else's reply", behind)
		}
	}
}

// Callers with and without room share a connection with batches, and leave at any
// time. Each checks its bytes, and that its buffer stays as it is after the call.
func TestRoomsBesideOtherCallersHoldTheirOwnRepliesOnly(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	c := dial(t, s, conn.Options{})
	var wg sync.WaitGroup
	placed := make([]int, 8)
	for g := range 8 {
		wg.Go(func() {
			room := make([]byte, 1<<20)
			for i := range 40 {
				want := fmt.Sprintf("%d-%d:", g, i) + pattern((g*7919+i*104729)%(300<<10))
				ctx, cancel := t.Context(), context.CancelFunc(func() {})
				if i%3 == 2 {
					ctx, cancel = context.WithTimeout(ctx, time.Duration(i)*50*time.Microsecond)
				}
				got, ok, err := into(ctx, c, room, resp.NewCommand("ECHO", resp.String(want)))
				cancel()
				switch {
				case err != nil && ctx.Err() != nil:
					clear(room) // it is ours again
				case err != nil || got != want:
					t.Errorf("caller %d got %d bytes of %d, %v", g, len(got), len(want), err)
					return
				case ok:
					placed[g]++
				}
			}
		})
	}
	for range 2 {
		wg.Go(func() {
			cmds := make([]resp.Command, 20)
			for i := range cmds {
				cmds[i] = resp.NewCommand("ECHO", resp.String(pattern(i*5000)))
			}
			for range 10 {
				if err := c.DoBatch(t.Context(), cmds, func(i int, v resp.Value) {
					if b, err := v.Bytes(); err != nil || string(b) != pattern(i*5000) {
						t.Errorf("reply %d of a batch: %d bytes, %v", i, len(b), err)
					}
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	sum := 0
	for _, n := range placed {
		sum += n
	}
	if sum == 0 {
		t.Error("no reply was read into its room")
	}
	t.Logf("%d of 320 placed", sum)
}
