package client

import (
	"errors"
	"testing"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

// A batch is sent in parts. Where the last part was not sent, but the replies to those
// before it are void, since their master is none any more, something may have been executed.
func TestABatchIsUnsentOnlyBehindRepliesThatWereGivenOut(t *testing.T) {
	incr, get := redis.Incr("n").Command, redis.Get("n").Command
	for name, test := range map[string]struct {
		class       conn.Class
		cmd         resp.Command
		sent, given int
		again       bool
		wantClass   conn.Class
	}{
		"nothing was sent":                        {conn.ClassNotSent, incr, 0, 0, true, conn.ClassNotSent},
		"all that was sent has its reply":         {conn.ClassNotSent, incr, 2, 2, true, conn.ClassNotSent},
		"replies were void":                       {conn.ClassNotSent, incr, 2, 1, false, conn.ClassMaybeExecuted},
		"replies were void, of what only reads":   {conn.ClassNotSent, get, 2, 1, true, conn.ClassMaybeExecuted},
		"cut, all that was sent has its reply":    {conn.ClassMaybeExecuted, incr, 2, 2, true, conn.ClassMaybeExecuted},
		"cut, something was sent without a reply": {conn.ClassMaybeExecuted, incr, 2, 1, false, conn.ClassMaybeExecuted},
	} {
		t.Run(name, func(t *testing.T) {
			ofOne(t, Options{}, func(t *testing.T, _ *testserver.Server, c *Client) {
				cmds := resp.BatchOf([]resp.Command{test.cmd, test.cmd, test.cmd})
				b := c.newBudget("a batch", 0)
				r := &run{client: c, cmds: &cmds, target: c.target.Load(), given: test.given}
				err := error(&conn.Error{Class: test.class, Sent: test.sent, Err: errors.New("cut")})
				if got := c.resendable(r, err, &b); got != test.again {
					t.Errorf("sent again: %v", got)
				}
				if class := conn.ClassOf(r.giveUp(err)); class != test.wantClass {
					t.Errorf("class %v", class)
				}
			})
		})
	}
}
