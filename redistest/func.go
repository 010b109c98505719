package redistest

import (
	"context"

	"github.com/kermes-redis/kermes/resp"
)

// Func is a redis.Doer without any connection: it answers each command with the
// raw reply that the function returns. args are the name of the command ("GET",
// "CLIENT SETNAME") and its arguments. Use [Bulk], [Int], [Error] and the like. A
// reply that is no RESP is an error of the decoder.
//
// The end of a context is seen before each command.
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

func words(cmd resp.Command) []string {
	out := []string{cmd.Name()}
	for i := range cmd.NArgs() {
		out = append(out, cmd.Arg(i).String())
	}
	return out
}
