package lock

import (
	"context"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

// followUp is when a grant to another process is looked after. It goes to a process
// that may have died a moment ago, which the server has not noticed yet.
const followUp = 25 * time.Millisecond

// grant is one that is to be looked after.
type grant struct {
	keys  []string
	id    string
	terms Terms
	timer *time.Timer
}

// tryRelease releases what id has or waits for, and reports whether it had it.
func (c *core) tryRelease(ctx context.Context, keys []string, id string, t Terms) (bool, error) {
	return c.runRelease(ctx, c.scripts.release, keys, t, resp.String(id))
}

// runRelease runs a script that may give the lock to somebody.
func (c *core) runRelease(ctx context.Context, s *redis.Script[released], keys []string, t Terms, arg resp.Arg) (bool, error) {
	r, err := s.Run(ctx, c.d, keys, arg, millis(t.grant()), flag(t.Barging))
	if err == nil && r.to != "" {
		c.lookAfter(keys, r.to, t)
	}
	return r.done, err
}

// lookAfter looks after a grant to another process. One follow-up at a time is due for
// a lock: the next grant means that the last one was taken.
func (c *core) lookAfter(keys []string, id string, t Terms) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.grants[keys[0]]
	if strings.HasPrefix(id, c.channel) || c.closed {
		if g != nil {
			g.timer.Stop()
			delete(c.grants, keys[0])
		}
		return
	}
	if g != nil {
		g.id, g.terms = id, t
		g.timer.Reset(followUp)
		return
	}
	g = &grant{keys: keys, id: id, terms: t}
	g.timer = time.AfterFunc(followUp, func() { c.spawn(func() { c.follow(g) }) })
	c.grants[keys[0]] = g
}

// follow looks whether a grant was taken. If it fails, the waiters find out by
// themselves.
func (c *core) follow(g *grant) {
	c.mu.Lock()
	id, t := g.id, g.terms
	if c.grants[g.keys[0]] == g {
		delete(c.grants, g.keys[0])
	}
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(c.closeCtx, strayPatience)
	defer cancel()
	_, _ = c.runRelease(ctx, c.scripts.follow, g.keys, t, resp.String(id))
}

// forget releases what id has or waits for, and tries a few times.
func (c *core) forget(ctx context.Context, keys []string, id string, t Terms) {
	backoff := minAgain
	for range cleanTries {
		call, cancel := context.WithTimeout(ctx, strayPatience)
		_, err := c.tryRelease(call, keys, id, t)
		cancel()
		if err == nil || !c.mayPass(err) || !pause(c.closeCtx, backoff) {
			return
		}
		backoff *= 2
	}
}

// mustRelease releases what id holds, and tries until ctx ends.
func (c *core) mustRelease(ctx context.Context, keys []string, id string, t Terms) (bool, error) {
	backoff := minAgain
	for {
		done, err := c.tryRelease(ctx, keys, id, t)
		if err == nil || ctx.Err() != nil || !c.mayPass(err) || !pause(ctx, backoff/2+rand.N(backoff)) {
			return done, err
		}
		backoff = min(2*backoff, maxAgain)
	}
}
