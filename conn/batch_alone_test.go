package conn_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

// askAll runs a batch of commands with these names. It sends the replies, and then the error.
func askAll(ctx context.Context, c *conn.Conn, to *taken, names ...string) <-chan error {
	done := make(chan error, 1)
	go func() {
		var b resp.Batch
		for _, name := range names {
			cmd := resp.NewCommand(name)
			b.Add(&cmd)
		}
		done <- c.DoEncoded(ctx, &b, 0, to)
		b.Free()
	}()
	return done
}

func (p *handPeer) getsAll(names ...string) {
	p.t.Helper()
	for _, name := range names {
		p.gets(name)
	}
}

func wants(t *testing.T, to *taken, replies ...string) {
	t.Helper()
	if !slices.Equal(to.replies, replies) {
		t.Fatalf("%.200q, not %.200q", to.replies, replies)
	}
}

// Whatever comes at a time, a lone batch gets its replies, and the next one its own.
func TestALoneBatchGetsItsRepliesHoweverTheyCome(t *testing.T) {
	c, peer := byHand(t)
	long := "+" + strings.Repeat("x", 10<<10) + "\r\n"
	for _, replies := range [][]string{
		{"+A\r\n", "$1\r\nB\r\n", ":3\r\n"},
		{"+A\r\n", "-ERR no\r\n", "+C\r\n"},
		{"+A\r\n", long, "+C\r\n"},
		{"+A\r\n", "*2\r\n+B\r\n+B\r\n", "_\r\n"},
	} {
		all := strings.Join(replies, "")
		cuts := min(len(all), 40)
		for cut := range cuts {
			to := &taken{}
			done := askAll(t.Context(), c, to, "AAAA", "BBBB", "CCCC")
			peer.getsAll("AAAA", "BBBB", "CCCC")
			if cut > 0 {
				peer.says(all[:cut])
			}
			peer.says(all[cut:])
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			wants(t, to, replies...)
		}
	}
}

func TestPushesBetweenTheRepliesToALoneBatchAreNoneOfThem(t *testing.T) {
	pushed := 0
	c, peer := byHand(t, func(o *conn.Options) {
		o.OnPush = func(resp.Value) { pushed++ }
	})
	push := ">1\r\n+P\r\n"
	for _, said := range []string{
		"+A\r\n" + push + "+B\r\n", push + "+A\r\n+B\r\n", "+A\r\n+B\r\n" + push,
	} {
		to := &taken{}
		done := askAll(t.Context(), c, to, "AAAA", "BBBB")
		peer.getsAll("AAAA", "BBBB")
		peer.says(said)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		wants(t, to, "+A\r\n", "+B\r\n")
	}
	if pushed != 3 {
		t.Errorf("%d pushes", pushed)
	}
}

// Who comes while a lone batch is written or awaits its replies is written at once, and
// reads when the batch has got them.
func TestNobodyWaitsForTheRepliesToALoneBatch(t *testing.T) {
	for name, during := range map[string]bool{"during its write": true, "after its write": false} {
		t.Run(name, func(t *testing.T) {
			c, peer := byHand(t)
			for range 200 {
				to := &taken{}
				first := askAll(t.Context(), c, to, "AAAA", "BBBB")
				if during {
					if _, err := peer.r.Peek(1); err != nil { // it has begun, and has not ended
						t.Fatal(err)
					}
				} else {
					peer.getsAll("AAAA", "BBBB")
				}
				second := ask(t.Context(), c, "CCCC")
				if during {
					for c.InFlight() < 2 {
						time.Sleep(10 * time.Microsecond)
					}
					peer.getsAll("AAAA", "BBBB")
				}
				peer.gets("CCCC")
				peer.says("+A\r\n+B\r\n")
				if err := <-first; err != nil {
					t.Fatal(err)
				}
				wants(t, to, "+A\r\n", "+B\r\n")
				peer.says("+CCCC\r\n")
				if err := <-second; err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// A batch does not go its own way where others are, who would not be told.
func TestABatchBehindOthersWaitsForItsTurn(t *testing.T) {
	c, peer := byHand(t)
	for range 100 {
		first := ask(t.Context(), c, "AAAA")
		peer.gets("AAAA")
		to := &taken{}
		second := askAll(t.Context(), c, to, "BBBB", "CCCC")
		peer.getsAll("BBBB", "CCCC")
		peer.says("+AAAA\r\n+B\r\n")
		peer.says("+C\r\n")
		if err := errors.Join(<-first, <-second); err != nil {
			t.Fatal(err)
		}
		wants(t, to, "+B\r\n", "+C\r\n")
	}
}

// Who serves gets the reading back from a lone batch.
func TestWhoServesReadsAfterALoneBatch(t *testing.T) {
	pushed := make(chan struct{}, 1)
	c, peer := byHand(t, func(o *conn.Options) {
		o.OnPush = func(resp.Value) { pushed <- struct{}{} }
	})
	to := &taken{}
	done := askAll(t.Context(), c, to, "AAAA", "BBBB")
	peer.getsAll("AAAA", "BBBB")
	served := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { served <- c.Serve(ctx) }()
	time.Sleep(20 * time.Millisecond) // it waits for the reading role by now, most likely
	peer.says("+A\r\n+B\r\n")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	peer.says(">1\r\n+P\r\n")
	select {
	case <-pushed:
	case <-time.After(10 * time.Second):
		t.Error("nobody reads")
	}
	to = &taken{}
	done = askAll(t.Context(), c, to, "AAAA", "BBBB")
	peer.getsAll("AAAA", "BBBB")
	peer.says("+A\r\n+B\r\n")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	wants(t, to, "+A\r\n", "+B\r\n")
	cancel()
	if err := <-served; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A lone batch whose context ends keeps the replies that came, and the others reach nobody.
func TestALoneBatchLeavesWhenItsContextEnds(t *testing.T) {
	c, peer := byHand(t)
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		to := &taken{}
		first := askAll(ctx, c, to, "AAAA", "BBBB", "CCCC")
		peer.getsAll("AAAA", "BBBB", "CCCC")
		peer.says("+A\r\n")
		time.Sleep(time.Millisecond) // it has read that, or will before it leaves, or not
		cancel()
		e, ok := errors.AsType[*conn.Error](<-first)
		if !ok || !errors.Is(e, context.Canceled) || e.Class != conn.ClassMaybeExecuted || e.Sent != 3 {
			t.Fatalf("%+v", e)
		}
		if len(to.replies) > 0 {
			wants(t, to, "+A\r\n")
		}
		second := ask(t.Context(), c, "DDDD")
		peer.gets("DDDD")
		peer.says("+B\r\n+C\r\n+DDDD\r\n")
		if err := <-second; err != nil {
			t.Fatal(err)
		}
	}
}

func TestALoneBatchGivesOutWhatCameBeforeTheEndOfTheConnection(t *testing.T) {
	c, peer := byHand(t)
	to := &taken{}
	done := askAll(t.Context(), c, to, "AAAA", "BBBB", "CCCC")
	peer.getsAll("AAAA", "BBBB", "CCCC")
	peer.says("+A\r\n")
	_ = peer.nc.Close()
	e, ok := errors.AsType[*conn.Error](<-done)
	if !ok || e.Op != conn.OpRead || e.Class != conn.ClassMaybeExecuted || e.Sent != 3 || e.Step != "BBBB, index 1 of 3 commands" {
		t.Errorf("%+v", e)
	}
	wants(t, to, "+A\r\n")
}

type panicker struct{}

func (panicker) Receive(int, resp.Value) { panic("receive") }

func TestALoneBatchWhoseReceiverPanicsLeavesTheConnectionInOrder(t *testing.T) {
	c, peer := byHand(t)
	panicked := make(chan any, 1)
	go func() {
		defer func() { panicked <- recover() }()
		var b resp.Batch
		cmd := resp.NewCommand("AAAA")
		b.Add(&cmd)
		_ = c.DoEncoded(t.Context(), &b, 0, panicker{})
	}()
	peer.gets("AAAA")
	peer.says("+A\r\n")
	if got := <-panicked; got != "receive" {
		t.Fatal(got)
	}
	done := ask(t.Context(), c, "BBBB")
	peer.gets("BBBB")
	peer.says("+BBBB\r\n")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestOthersAreServedWhileABatchGivesItsRepliesOut(t *testing.T) {
	leak.Check(t)
	c := dial(t, testserver.New(t), conn.Options{})
	echo := func(want string) {
		if got, err := text(t.Context(), c, resp.NewCommand("ECHO", resp.String(want))); err != nil || got != want {
			t.Errorf("%q, %v instead of %q", got, err, want)
		}
	}
	for range 20 {
		echo("a") // one after the other, so that the batch succeeds them
		echo("b")
		cmds := []resp.Command{resp.NewCommand("ECHO", resp.String("0")), resp.NewCommand("ECHO", resp.String("1"))}
		err := c.DoBatch(t.Context(), cmds, func(i int, v resp.Value) {
			done := make(chan struct{})
			go func() {
				defer close(done)
				echo("other")
			}()
			<-done
			if got, err := v.Bytes(); err != nil || string(got) != strconv.Itoa(i) {
				t.Errorf("reply %d became %q, %v", i, v, err)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
