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

// grant are those of one lock that are to be looked after.
type grant struct {
	target target
	terms  Terms
	to     []grantee
	timer  *time.Timer
}

// grantee is whom a lock was given to, and when.
type grantee struct {
	id string
	at time.Time
}

// bargesFor reports whether what is free goes to whoever comes first.
func (t Terms) bargesFor(what target) bool { return t.Barging && what.kind == single }

// tryRelease releases what id has or waits for, and reports whether it had it.
func (c *core) tryRelease(ctx context.Context, what target, id string, t Terms) (bool, error) {
	return c.runRelease(ctx, c.scripts.of(what.kind).release, what, t, resp.String(id))
}

// runRelease runs a script that may give locks to somebody.
func (c *core) runRelease(ctx context.Context, s *redis.Script[released], what target, t Terms, args ...resp.Arg) (bool, error) {
	args = append([]resp.Arg{millis(t.grant()), flag(t.bargesFor(what)), what.kind.arg()}, args...)
	r, err := s.Run(ctx, c.d, what.keys, args...)
	if err != nil {
		return r.done, err
	}
	for _, g := range r.to {
		if g.lock >= 0 && g.lock < what.locks() {
			c.lookAfter(what.at(g.lock), g.id, t)
		}
	}
	return r.done, nil
}

// lookAfter looks after a grant to another process. Of a lock with one holder the
// next grant means that the last one was taken.
func (c *core) lookAfter(what target, id string, t Terms) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.grants[what.keys[0]]
	own := strings.HasPrefix(id, c.channel) || c.closed
	if g != nil && what.kind == single {
		g.to = g.to[:0]
		if own {
			g.timer.Stop()
			delete(c.grants, what.keys[0])
		} else {
			g.timer.Reset(followUp)
		}
	}
	if own {
		return
	}
	if g == nil {
		g = &grant{target: what}
		g.timer = time.AfterFunc(followUp, func() { c.spawn(func() { c.follow(g) }) })
		c.grants[what.keys[0]] = g
	}
	g.terms, g.to = t, append(g.to, grantee{id, time.Now()})
}

// follow looks whether the grants were taken that are old enough. If it fails, the
// waiters find out by themselves.
func (c *core) follow(g *grant) {
	var ids []resp.Arg
	c.mu.Lock()
	t, now := g.terms, time.Now()
	for len(g.to) > 0 && now.Sub(g.to[0].at) >= followUp/2 {
		ids = append(ids, resp.String(g.to[0].id))
		g.to = g.to[1:]
	}
	switch {
	case len(g.to) > 0:
		g.timer.Reset(followUp)
	case c.grants[g.target.keys[0]] == g:
		delete(c.grants, g.target.keys[0])
	}
	c.mu.Unlock()
	if len(ids) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(c.closeCtx, strayPatience)
	defer cancel()
	_, _ = c.runRelease(ctx, c.scripts.of(g.target.kind).follow, g.target, t, ids...)
}

// forget releases what id has or waits for, and tries a few times.
func (c *core) forget(ctx context.Context, what target, id string, t Terms) {
	backoff := minAgain
	for range cleanTries {
		call, cancel := context.WithTimeout(ctx, strayPatience)
		_, err := c.tryRelease(call, what, id, t)
		cancel()
		if err == nil || !c.mayPass(err) || !pause(c.closeCtx, backoff) {
			return
		}
		backoff *= 2
	}
}

// mustRelease releases what id holds, and tries until ctx ends.
func (c *core) mustRelease(ctx context.Context, what target, id string, t Terms) (bool, error) {
	backoff := minAgain
	for {
		done, err := c.tryRelease(ctx, what, id, t)
		if err == nil || ctx.Err() != nil || !c.mayPass(err) || !pause(ctx, backoff/2+rand.N(backoff)) {
			return done, err
		}
		backoff = min(2*backoff, maxAgain)
	}
}
