package redis

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/kermes-redis/kermes/resp"
)

// inRuns answers each command of a batch with its first argument, so many at a time.
type inRuns struct {
	replying
	size int
}

func (r *inRuns) DoEncoded(_ context.Context, cmds *resp.Batch, from int, to resp.Receiver) error {
	for from < cmds.Len() {
		first := from
		var buf []byte
		var ends []int
		for ; from < min(first+r.size, cmds.Len()); from++ {
			cmd := cmds.Command(from)
			buf = resp.AppendBulk(buf, cmd.Arg(0).String())
			ends = append(ends, len(buf))
		}
		resp.GiveRun(to, first, buf, ends)
		clear(buf)
	}
	return nil
}

func TestRepliesThatComeInRunsAreThoseToTheirCommands(t *testing.T) {
	quiet := func(ctx context.Context, _ Call) (context.Context, func(Outcome)) { return ctx, nil }
	for _, size := range []int{1, 3, 100} {
		runs := &inRuns{size: size}
		for name, d := range map[string]Doer{"alone": runs, "intercepted": Intercept(runs, quiet)} {
			var p Pipeline
			var futures []Future[string]
			for range 3 { // flushes
				for range 10 {
					futures = append(futures, Echo(fmt.Sprint(len(futures))).Queue(&p))
				}
				if err := p.Flush(t.Context(), d); err != nil {
					t.Fatal(err)
				}
			}
			for i, f := range futures {
				if got, err := f.Value(); got != fmt.Sprint(i) || err != nil {
					t.Errorf("%s, runs of %d: reply %d is %q, %v", name, size, i, got, err)
				}
			}
		}
	}
}

func TestAStoreHasRoomForAsMuchAsItHeldBefore(t *testing.T) {
	var s replyStore
	reply := resp.Value(resp.AppendBulk(nil, strings.Repeat("x", 90)))
	const n = 20
	for range n { // one at a time, so that no block is for many
		s.extend(1)
		s.put(len(s.places)-1, reply)
	}
	if s.reset(false); cap(s.room) < n*len(reply) {
		t.Errorf("room for %d bytes of %d", cap(s.room), n*len(reply))
	}
	s.extend(n)
	for i := range n {
		s.put(i, reply)
	}
	if len(s.blocks) != 1 {
		t.Errorf("%d blocks", len(s.blocks))
	}
}
