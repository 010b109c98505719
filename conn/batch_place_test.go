package conn_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

func TestTheErrorOfABatchNamesTheFirstCommandWithoutAReply(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	s.Handle("INCR", func(p *testserver.Peer, _ []string) { p.Close() })
	c, err := conn.Dial(t.Context(), conn.Options{Addr: s.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	k := resp.String("k")
	batch := []resp.Command{resp.NewCommand("GET", k), resp.NewCommand("EXISTS", k), resp.NewCommand("INCR", k), resp.NewCommand("DEL", k)}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	refused := append(batch[:2:2], resp.NewCommand("SUBSCRIBE", k))
	for want, run := range map[string]func() error{
		"GET, index 0 of 4 commands: context canceled": func() error { return c.DoBatch(ended, batch, nothing) },
		"SUBSCRIBE, index 2 of 3 commands: command":    func() error { return c.DoBatch(t.Context(), refused, nothing) },
		"GET: context canceled":                        func() error { return c.DoBatch(ended, batch[:1], nothing) },
	} {
		if err := run(); err == nil || !strings.Contains(err.Error(), ": "+want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	err = c.DoBatch(t.Context(), batch, nothing)
	e, ok := errors.AsType[*conn.Error](err)
	if !ok || e.Step != "INCR, index 2 of 4 commands" || e.Class != conn.ClassMaybeExecuted {
		t.Error(err)
	}
}

func nothing(int, resp.Value) {}
