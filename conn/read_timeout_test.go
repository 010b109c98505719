package conn_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

// The options say that the break comes up to a tenth of the timeout earlier. The server
// must have all of the time that a command may block.
func TestASilentServerIsGivenUpWithinATenthOfTheReadTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T, s *testserver.Server) {
		s.Handle("NEVER", func(p *testserver.Peer, _ []string) { <-p.Done() })
		never := resp.NewCommand("NEVER")
		blocks := resp.NewCommand("NEVER").WithFlags(resp.Blocking).WithTimeout(time.Minute)
		for _, timeout := range []time.Duration{200 * time.Millisecond, time.Second, 5 * time.Second, time.Minute} {
			ending, cancel := context.WithTimeout(t.Context(), time.Hour)
			for name, test := range map[string]struct {
				ctx  context.Context
				call func(ctx context.Context, c *conn.Conn) error
				more time.Duration
			}{
				"a command":               {t.Context(), func(ctx context.Context, c *conn.Conn) error { _, err := c.Do(ctx, never); return err }, 0},
				"with a context that may": {ending, func(ctx context.Context, c *conn.Conn) error { _, err := c.Do(ctx, never); return err }, 0},
				"a batch": {ending, func(ctx context.Context, c *conn.Conn) error {
					return c.DoBatch(ctx, []resp.Command{get("k"), never}, func(int, resp.Value) {})
				}, 0},
				"a blocking command": {ending, func(ctx context.Context, c *conn.Conn) error { _, err := c.Do(ctx, blocks); return err }, time.Minute},
				"a batch that blocks": {ending, func(ctx context.Context, c *conn.Conn) error {
					return c.DoBatch(ctx, []resp.Command{blocks, blocks}, func(int, resp.Value) {})
				}, 2 * time.Minute},
			} {
				c := dial(t, s, conn.Options{ReadTimeout: timeout})
				time.Sleep(10 * time.Second) // it is at rest
				began := time.Now()
				err := test.call(test.ctx, c)
				took := time.Since(began)
				if !errors.Is(err, conn.ErrTimeout) || conn.ClassOf(err) != conn.ClassMaybeExecuted {
					t.Errorf("%s, %v: %v", name, timeout, err)
				}
				if took -= test.more; took < timeout*9/10 || took > timeout*11/10 {
					t.Errorf("%s: broken after %v beyond %v, the timeout is %v", name, took, test.more, timeout)
				}
			}
			cancel()
		}
	})
}

func TestWithoutAReadTimeoutACallWaitsAsLongAsItMust(t *testing.T) {
	inBubble(t, func(t *testing.T, s *testserver.Server) {
		s.Handle("LATE", func(p *testserver.Peer, _ []string) {
			p.Wait(10 * time.Minute)
			p.Text("done")
		})
		c := dial(t, s, conn.Options{ReadTimeout: -1})
		if got, err := text(t.Context(), c, resp.NewCommand("LATE")); got != "done" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	})
}
