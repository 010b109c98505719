package client

import (
	"context"
	"errors"
	"strings"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/resp"
)

// kills reports whether cmd is one of those that a server executes while it is
// busy with a script.
func kills(cmd *resp.Command) bool {
	name := strings.ToUpper(cmd.Name())
	if cmd.NArgs() > 0 && !strings.Contains(name, " ") {
		name += " " + strings.ToUpper(cmd.Arg(0).String())
	}
	return name == "SCRIPT KILL" || name == "FUNCTION KILL" || name == "SHUTDOWN NOSAVE"
}

// isBusy reports whether no connection could be made because the server is busy
// with a script: it answers BUSY to SELECT and ROLE.
func isBusy(err error) bool {
	e, ok := errors.AsType[*resp.Error](err)
	return ok && e.Code == "BUSY"
}

// kill sends cmd on a connection of its own that neither selects a database nor
// asks for the role: those who are to end a script would else wait for its end.
func (c *Client) kill(ctx context.Context, t *target, cmd resp.Command) (resp.Reply, error) {
	o := c.opts.Pool.Conn
	o.Addr, o.DB, o.Role, o.Shared = t.addr, 0, conn.RoleAny, false
	cn, err := conn.Dial(ctx, o)
	if err != nil {
		return resp.Reply{}, err
	}
	defer cn.Close()
	reply, err := cn.Do(ctx, cmd)
	if err != nil {
		return resp.Reply{}, err
	}
	defer reply.Release()
	return resp.NewReply(reply.Clone(), nil), nil
}
