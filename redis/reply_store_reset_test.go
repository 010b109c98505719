package redis

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/kermes-redis/kermes/resp"
)

// echoes is a Doer that answers each command with the same bytes, or fails.
type echoes struct {
	reply string
	err   error
}

func (d *echoes) Do(context.Context, resp.Command) (resp.Reply, error) {
	return resp.NewReply(resp.Value(d.reply), nil), d.err
}

func (d *echoes) DoBatch(_ context.Context, cmds []resp.Command, each func(int, resp.Value)) error {
	if d.err != nil {
		return d.err
	}
	for i := range cmds {
		each(i, resp.Value(d.reply))
	}
	return nil
}

// A pipeline that has outgrown its first places, and lets go of its list at Reset, goes
// back to them: nothing of before may be there.
func TestResetForgetsFirstPlaces(t *testing.T) {
	ctx := context.Background()
	down := errors.New("down")
	for _, reply := range []string{okReply, "$3\r\nfoo\r\n"} {
		var p Pipeline
		first := Get("a").Queue(&p)
		if err := p.Flush(ctx, &echoes{reply: reply}); err != nil {
			t.Fatal(err)
		}
		_ = first
		for range keepReplies + 1 {
			Get("a").Queue(&p)
		}
		if err := p.Flush(ctx, &echoes{reply: reply}); err != nil {
			t.Fatal(err)
		}
		p.Reset()
		f := Get("b").Queue(&p)
		if err := p.Do(ctx, &echoes{err: down}); !errors.Is(err, down) {
			t.Fatalf("error %v", err)
		}
		if v, err := f.Value(); !errors.Is(err, down) {
			t.Errorf("%q: %v, error %v: want that of the pipeline", reply, v, err)
		}
	}
}

// A Doer of somebody else's may give an empty reply. It is none.
func TestEmptyReplyIsNone(t *testing.T) {
	ctx := context.Background()
	var p Pipeline
	a := Get("a").Queue(&p)
	if err := p.Flush(ctx, &echoes{reply: "$3\r\nfoo\r\n"}); err != nil {
		t.Fatal(err)
	}
	b := Get("b").Queue(&p)
	if err := p.Flush(ctx, &echoes{}); err != nil {
		t.Fatal(err)
	}
	if v, err := b.Value(); !errors.Is(err, ErrPending) {
		t.Errorf("the empty reply is %v, error %v", v, err)
	}
	if v, err := a.Value(); err != nil {
		t.Errorf("the first reply is %v, error %v", v, err)
	}
}

// What a pipeline keeps over a Reset is bounded, and holds on to no reply.
func TestResetLetsGoOfBlocks(t *testing.T) {
	ctx := context.Background()
	var p Pipeline
	long := "$2000\r\n" + strings.Repeat("x", 2000) + "\r\n"
	for range 2 * keepReplies {
		Get("a").Queue(&p)
	}
	if err := p.Flush(ctx, &echoes{reply: long}); err != nil {
		t.Fatal(err)
	}
	p.Reset()
	if n := cap(p.store.blocks); n > keepReplies {
		t.Errorf("a list of %d blocks is kept", n)
	}
	for i, b := range p.store.fewBlocks {
		if b != "" {
			t.Errorf("block %d, of %d bytes, is kept", i, len(b))
		}
	}
}
