package client_test

import (
	"context"
	"errors"
	"testing"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

// The server hangs up at the first DEL, or at EXEC: what the error says of the place is
// counted in the commands of the program.
func TestThePlaceInAnErrorIsThatOfTheProgramsOwnCommand(t *testing.T) {
	leak.Check(t)
	s := testserver.New(t)
	s.HandleAny(func(p *testserver.Peer, args []string) bool {
		if hangs := args[0] == "DEL" || args[0] == "EXEC"; !hangs {
			return false
		}
		p.Close()
		return true
	})
	c := connect(t, client.Options{RetryTime: -1, MaxRetries: -1, Pool: pool.Options{Conn: conn.Options{Addr: s.Addr()}}})
	ctx := t.Context()
	flushed := func() *redis.Pipeline {
		p := queue(&redis.Pipeline{}, 5, -1)
		if err := p.Flush(ctx, c); err != nil {
			t.Fatal(err)
		}
		return p
	}
	transact := func(n, del int) error {
		return redis.Transact(ctx, c, redis.TxOptions{RetryTime: -1}, func(_ context.Context, tx *redis.Tx) error {
			queue(&tx.Pipeline, n, del)
			return nil
		})
	}
	var cmds []resp.Command
	for _, name := range []string{"SET", "SET", "DEL", "SET"} {
		cmds = append(cmds, resp.NewCommand(name, resp.String("k"), resp.String("v")))
	}
	for name, row := range map[string]struct {
		err  error
		want string
	}{
		"Do":                   {queue(&redis.Pipeline{}, 10, 2).Do(ctx, c), "DEL, index 2 of 10 commands"},
		"Do of one":            {queue(&redis.Pipeline{}, 1, 0).Do(ctx, c), "DEL"},
		"Do after a flush":     {queue(flushed(), 10, 2).Do(ctx, c), "DEL, index 7 of 15 commands"},
		"one after a flush":    {queue(flushed(), 1, 0).Do(ctx, c), "DEL, index 5 of 6 commands"},
		"Exec":                 {queue(&redis.Pipeline{}, 10, 2).Exec(ctx, c), "DEL, index 2 of 10 commands"},
		"the first of Exec":    {queue(&redis.Pipeline{}, 10, 0).Exec(ctx, c), "DEL, index 0 of 10 commands"},
		"Exec of one":          {queue(&redis.Pipeline{}, 1, 0).Exec(ctx, c), "DEL"},
		"Exec itself":          {queue(&redis.Pipeline{}, 10, -1).Exec(ctx, c), "EXEC of 10 commands"},
		"Exec itself, of one":  {queue(&redis.Pipeline{}, 1, -1).Exec(ctx, c), "EXEC"},
		"Exec after a flush":   {queue(flushed(), 10, 2).Exec(ctx, c), "DEL, index 7 of 15 commands"},
		"Exec itself, flushed": {queue(flushed(), 10, -1).Exec(ctx, c), "EXEC of 10 commands"},
		"Transact":             {transact(10, 2), "DEL, index 2 of 10 commands"},
		"EXEC of Transact":     {transact(10, -1), "EXEC of 10 commands"},
		"DoBatch":              {c.DoBatch(ctx, cmds, func(int, resp.Value) {}), "DEL, index 2 of 4 commands"},
		"DoBatch of one":       {c.DoBatch(ctx, cmds[2:3], func(int, resp.Value) {}), "DEL"},
	} {
		e, ok := errors.AsType[*conn.Error](row.err)
		if !ok || e.Step != row.want || e.Class != conn.ClassMaybeExecuted {
			t.Errorf("%s: %v, want %q", name, row.err, row.want)
		}
	}
}

// queue adds n commands, of which that at del is a DEL.
func queue(p *redis.Pipeline, n, del int) *redis.Pipeline {
	for i := range n {
		if i == del {
			redis.Del("k").Queue(p)
		} else {
			redis.Set("k", "v").Queue(p)
		}
	}
	return p
}
