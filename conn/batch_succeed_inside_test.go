package conn

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/kermes-redis/kermes/resp"
)

// askAll sends a batch, and the replies to it, or the error.
func (s *succession) askAll(ctx context.Context, names ...string) <-chan string {
	done := make(chan string, 1)
	go func() {
		var b resp.Batch
		defer b.Free()
		for _, name := range names {
			cmd := resp.NewCommand(name)
			b.Add(&cmd)
		}
		var got strings.Builder
		err := s.DoEncoded(ctx, &b, 0, resp.ReceiverFunc(func(_ int, v resp.Value) { got.Write(v) }))
		if err != nil {
			got.WriteString("failed: " + err.Error())
		}
		done <- got.String()
	}()
	return done
}

func TestSmallBatchesAndCommandsSucceedEachOther(t *testing.T) {
	s := newSuccession(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	before := s.batches
	for range 50 {
		for _, replies := range []string{"+A\r\n:2\r\n", "-ERR no\r\n*1\r\n+B\r\n", "_\r\n_\r\n"} {
			done := s.askAll(ctx, "AA", "BB")
			s.gets("AA")
			s.gets("BB")
			s.says(replies)
			if got := <-done; got != replies {
				t.Fatalf("%q, not %q", got, replies)
			}
			one := s.askAll(t.Context(), "CC")
			s.gets("CC")
			s.says("+C\r\n")
			command := <-one
			lone := s.ask(t.Context(), "DD")
			s.gets("DD")
			s.says("+D\r\n")
			if got := <-lone; got != "D" || command != "+C\r\n" {
				t.Fatalf("%q, %q", command, got)
			}
		}
	}
	if s.state() != soloAnswered {
		s.precede() // a tick has come between
	}
	if n := s.batches - before; n != 300 {
		t.Errorf("%d batches, not 300", n)
	}
	if n := s.InFlight(); n != 0 {
		t.Errorf("%d calls are left", n)
	}
	_ = s.Err() // ends the succession
	if n := s.InFlight(); n != 0 || s.reader != nil || s.flushing {
		t.Errorf("%d calls are left, or a role", n)
	}
}

// Replies that have been copied for nothing are not answered twice.
func TestRepliesToASmallBatchAreItsOwnThoughTheSuccessionEnds(t *testing.T) {
	s := newSuccession(t, Options{})
	done := s.askAll(t.Context(), "AA", "BB")
	s.gets("AA")
	s.gets("BB")
	s.until(func() bool { return s.state() != soloWrites }) // a tick may have ended it
	second := s.ask(t.Context(), "CC")
	s.gets("CC")
	s.says("+A\r\n+B\r\n+C\r\n")
	if got := <-done; got != "+A\r\n+B\r\n" {
		t.Errorf("%q", got)
	}
	if got := <-second; got != "C" {
		t.Errorf("%q", got)
	}
}

func TestAPartIsAnsweredInSuccessionOnlyWithAllItsReplies(t *testing.T) {
	for name, test := range map[string]struct {
		state uint32
		want  int32
		long  int
		ok    bool
	}{
		"all":               {soloWrote, 2, 1, true},
		"one is missing":    {soloWrote, 3, 1, false},
		"others have come":  {soloNone, 2, 1, false},
		"it writes":         {soloWrites, 2, 1, false},
		"more than is kept": {soloWrote, 2, loneReplies, false},
	} {
		s := newSuccession(t, Options{})
		s.lock()
		k := s.newCall(t.Context(), test.want)
		s.nameBatchLocked(k)
		in := &s.wire.in
		said := "+" + strings.Repeat("a", test.long) + "\r\n-E\r\n"
		in.buf = append([]byte(nil), said...)
		in.r, in.w, in.first, in.ends[0], in.ends[1], in.odd = len(said), len(said), 0, test.long+3, len(said), true
		total := in.total
		atomic.StoreUint32(&s.solo, test.state)
		ok := s.answerPart(k, 2)
		switch {
		case ok != test.ok:
			t.Errorf("%s: %v", name, ok)
		case ok && (string(k.buf) != said || len(k.ends) != 2 || !k.odd || in.total != total+uint64(len(said))):
			t.Errorf("%s: %q, %v", name, k.buf, k.ends)
		case !ok && (len(k.buf) > 0 || len(k.ends) > 0 || in.total != total):
			t.Errorf("%s: something is left: %q, %v", name, k.buf, k.ends)
		}
		atomic.StoreUint32(&s.solo, soloNone)
		s.mu.Unlock()
	}
}

// A lease that ends is asked what is in flight: who comes next is its successor all the same.
func TestASuccessionGoesOnFromABatchThroughALookAtWhatIsInFlight(t *testing.T) {
	s := newSuccession(t, Options{})
	for range 20 {
		done := s.askAll(context.Background(), "AAAA", "BBBB")
		s.gets("AAAA")
		s.gets("BBBB")
		s.says("+AAAA\r\n+BBBB\r\n")
		if got := <-done; got != "+AAAA\r\n+BBBB\r\n" {
			t.Fatal(got)
		}
		if s.state() != soloAnswered {
			continue // a tick has come between
		}
		if n := s.InFlight(); n != 0 || s.state() != soloAnswered || !s.wire.succession.Load() {
			t.Fatalf("%d in flight, it is at %d", n, s.state())
		}
		one := s.ask(context.Background(), "CCCC")
		s.gets("CCCC")
		s.says("+CCCC\r\n")
		if got := <-one; got != "CCCC" {
			t.Fatal(got)
		}
	}
}
