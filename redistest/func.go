package redistest

import (
	"context"
	"fmt"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

// Func is a redis.Doer and a redis.Leaser without a server: it answers each command with the
// raw reply that the function returns. args are the name of the command ("GET",
// "CLIENT SETNAME") and its arguments. Use [Bulk], [Int], [Error] and the like. A
// reply that is no RESP is an error of the decoder.
//
// The end of a context is seen before each command. A lease, and with it
// redis.Transact and redis.Watch, has a connection to a server in memory, which
// answers the handshake, SELECT, MULTI, EXEC, DISCARD, WATCH and UNWATCH by itself and
// asks the function for everything else. No key that is watched ever changes.
type Func func(args []string) string

// Do implements redis.Doer.
func (f Func) Do(ctx context.Context, cmd resp.Command) (resp.Reply, error) {
	if err := ctx.Err(); err != nil {
		return resp.Reply{}, err
	}
	return resp.NewReply(resp.Value(f(words(cmd))), nil), nil
}

// DoBatch implements redis.Doer.
func (f Func) DoBatch(ctx context.Context, cmds []resp.Command, each func(i int, v resp.Value)) error {
	for i, cmd := range cmds {
		if err := ctx.Err(); err != nil {
			return err
		}
		each(i, resp.Value(f(words(cmd))))
	}
	return nil
}

// WithConn implements redis.Leaser.
func (f Func) WithConn(ctx context.Context, fn func(c *conn.Conn) error) error {
	s, err := testserver.Start(testserver.Options{Network: "none"})
	if err != nil {
		return fmt.Errorf("redistest: lease: %w", err)
	}
	defer s.Close()
	s.HandleRest(func(c *testserver.Peer, args []string) {
		name, full := testserver.CommandNames(args)
		if full != name {
			args = args[1:]
		}
		c.Write(f(append([]string{full}, args[1:]...)))
	})
	c, err := conn.Dial(ctx, conn.Options{Dial: s.PipeDial})
	if err != nil {
		return fmt.Errorf("redistest: lease: %w", err)
	}
	defer c.Close()
	return fn(c)
}

func words(cmd resp.Command) []string {
	out := []string{cmd.Name()}
	for i := range cmd.NArgs() {
		out = append(out, cmd.Arg(i).String())
	}
	return out
}
