package pool_test

import (
	"errors"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/resp"
)

// A connection that turns out to be closed in the middle of a batch, before a part of it
// is sent, is no reason to begin the batch anew: its first commands have been executed,
// and their replies given out.
func TestABatchDoesNotBeginAnew(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	p := pool.New(pool.Options{Conn: conn.Options{Addr: s.Addr(), MaxUnsent: 1}}) // one part at a time
	defer p.Close()
	const n = 600 // more than a part
	cmds := make([]resp.Command, n)
	for i := range cmds {
		cmds[i] = resp.NewCommand("INCR", resp.String("k"))
	}
	given, first := 0, 0
	err := p.DoBatch(t.Context(), cmds, func(i int, _ resp.Value) {
		if i == 0 {
			if first++; first == 1 {
				s.CloseAll()
				time.Sleep(50 * time.Millisecond) // for the end to arrive
			}
		}
		given++
	})
	if first != 1 || given > n {
		t.Errorf("the first reply was given %d times, %d replies to %d commands", first, given, n)
	}
	if calls := len(s.CallsOf("INCR")); calls > n {
		t.Errorf("the server got %d commands of a batch of %d", calls, n)
	}
	if e, ok := errors.AsType[*conn.Error](err); !ok || e.Sent != given || e.Class != conn.ClassNotSent {
		t.Errorf("after %d replies: %v", given, err)
	}
}
