package redis

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

func TestOptionsThatAreSetStayAsTheyAre(t *testing.T) {
	own := ConsumeOptions{Start: "5-5", Count: 1, Block: 2, ClaimIdle: 3, Retry: 4}
	if got := own.withDefaults(); got != own {
		t.Errorf("%+v", got)
	}
	want := ConsumeOptions{Start: "0", Count: DefaultConsumeCount, Block: DefaultConsumeBlock, Retry: DefaultConsumeRetry}
	if got := (ConsumeOptions{}).withDefaults(); got != want {
		t.Errorf("%+v", got)
	}
	for _, c := range []struct{ given, want TxOptions }{
		{TxOptions{}, TxOptions{Attempts: DefaultTxAttempts, Backoff: DefaultTxBackoff, RetryTime: DefaultTxRetryTime}},
		{TxOptions{Attempts: 1, Backoff: 2, RetryTime: 3}, TxOptions{Attempts: 1, Backoff: 2, RetryTime: 3}},
		{TxOptions{Attempts: -1, Backoff: -1, RetryTime: -1}, TxOptions{Attempts: -1, Backoff: -1, RetryTime: -1}},
	} {
		got := c.given.withDefaults()
		if got.Attempts != c.want.Attempts || got.Backoff != c.want.Backoff || got.RetryTime != c.want.RetryTime {
			t.Errorf("%+v", got)
		}
	}
}

// streamServer has a group without entries: a read waits as long as it is told to, and
// it notes when stale entries are looked for.
type streamServer struct {
	Doer
	began  time.Time
	claims []time.Duration
	blocks []string
	pages  int // how many pages a look for stale entries takes
	more   int
}

func (s *streamServer) Do(ctx context.Context, cmd resp.Command) (resp.Reply, error) {
	if err := ctx.Err(); err != nil {
		return resp.Reply{}, err
	}
	reply := okReply
	switch cmd.Name() {
	case "XREADGROUP":
		reply = "*-1\r\n"
		if d, ok := cmd.Timeout(); ok {
			s.blocks = append(s.blocks, d.String())
			time.Sleep(d)
		}
	case "XAUTOCLAIM":
		s.more++
		if s.more%s.pages == 0 {
			s.claims = append(s.claims, time.Since(s.began))
			reply = wire("0-0", l{}, l{})
		} else {
			reply = wire(fmt.Sprint(s.more, "-1"), l{}, l{})
		}
	}
	return resp.NewReply(resp.Value(reply), nil), nil
}

func TestStaleEntriesAreLookedForTwiceInTheirTime(t *testing.T) {
	for _, c := range []struct {
		idle, block time.Duration
		waits       string
		claims      []time.Duration
	}{
		{0, time.Second, "1s", nil},
		{10 * time.Second, 0, "5s", []time.Duration{0, 5 * time.Second, 10 * time.Second, 15 * time.Second}},
		{2 * time.Second, 0, "1s", []time.Duration{0, time.Second, 2 * time.Second, 3 * time.Second}},
		{10 * time.Second, 2 * time.Second, "2s", []time.Duration{0, 6 * time.Second, 12 * time.Second, 18 * time.Second}},
		{time.Millisecond, 0, "1ms", []time.Duration{0, time.Millisecond, 2 * time.Millisecond, 3 * time.Millisecond}},
	} {
		for pages := range 3 {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				s := &streamServer{began: time.Now(), pages: 1 + pages}
				for _, err := range Consume(ctx, s, "s", ConsumeOptions{Group: "g", Consumer: "c", Block: c.block, ClaimIdle: c.idle}) {
					if err == nil {
						t.Error("an entry, of none")
					}
				}
				if got := s.claims[:min(len(s.claims), 4)]; !slices.Equal(got, c.claims) || s.blocks[0] != c.waits {
					t.Errorf("idle %v: looked for at %v; waits %s", c.idle, got, s.blocks[0])
				}
			})
		}
	}
}

// The ID after which a consumer's own entries are read is that of the last one it was
// given, and fresh ones come when there are no more.
func TestOwnEntriesComeFirstAndThenFreshOnes(t *testing.T) {
	entry := func(id string) string { return wire(l{"s", l{l{id, l{"a", "b"}}}}) }
	d := &replying{replies: []string{
		"-BUSYGROUP Consumer Group name already exists\r\n",
		entry("1-1"), wire(l{"s", l{l{"2-2", nil}}}), ":1\r\n", wire(l{"s", l{}}), entry("3-3"), entry("4-4"),
	}}
	var ids []string
	for e, err := range Consume(t.Context(), d, "s", ConsumeOptions{Group: "g", Consumer: "c", Count: 1, Block: time.Second}) {
		if err != nil {
			t.Fatal(err)
		}
		if ids = append(ids, e.ID); len(ids) == 3 {
			break
		}
	}
	want := []string{
		"XGROUP CREATE s g 0 MKSTREAM", "XREADGROUP GROUP g c COUNT 1 STREAMS s 0", "XREADGROUP GROUP g c COUNT 1 STREAMS s 1-1",
		"XACK s g 2-2", "XREADGROUP GROUP g c COUNT 1 STREAMS s 2-2",
		"XREADGROUP GROUP g c COUNT 1 BLOCK 1000 STREAMS s >", "XREADGROUP GROUP g c COUNT 1 BLOCK 1000 STREAMS s >",
	}
	if !slices.Equal(ids, []string{"1-1", "3-3", "4-4"}) || !slices.Equal(d.asked, want) {
		t.Errorf("%q: asked\n%s", ids, strings.Join(d.asked, "\n"))
	}
}
