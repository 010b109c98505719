package client

import (
	"strings"
	"time"

	"github.com/kermes-redis/kermes/sentinel"
)

// hold is a pause of writes during an announced failover.
type hold struct {
	timer    *time.Timer
	number   uint64 // which of the client's holds it is
	sentinel string // who announced it
	until    time.Time
}

// helloPeriods is how long a hold may outlive the link to the sentinel that
// announced it, while the others still report the old epoch: two of the periods
// in which sentinels tell each other their configuration. If it died before the
// promotion was published, nobody ever takes the announcement back.
const helloPeriods = 4 * time.Second

// spreadTime is how long a hold lasts at least after the leading sentinel has noticed
// the promotion. The others have heard of it 5 to 290 ms later.
const spreadTime = time.Second

// heard acts on what a sentinel published about the client's master. It runs on
// the goroutine that reads the sentinel's messages.
//
// In a planned failover the old master stays alive for about ten seconds after
// another has been promoted. What it acknowledges then is lost. The sentinel
// that leads announces the promotion shortly before it happens; from there
// until the new master is known, writes wait.
func (c *Client) heard(by string, m sentinel.Message) {
	switch {
	case m.Name == "+failover-state-send-slaveof-noone":
		if !c.opts.NoHold {
			c.beginHold(by)
		}
		c.watchCandidate(by, m)
	case m.Name == "+selected-slave" || m.Name == "+failover-state-wait-promotion":
		c.watchCandidate(by, m)
	case m.Name == "+promoted-slave":
		c.watchCandidate(by, m)
		c.noticed(by, m)
	case strings.HasPrefix(m.Name, "-failover-abort-"):
		c.aborted(by)
	}
}

// beginHold makes writes wait, for MaxHold at most.
func (c *Client) beginHold(by string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.target.Load()
	if c.closed || t.pool == nil || t.held || t.provisional {
		return
	}
	now := time.Now()
	held := *t
	held.held, held.since = true, now
	c.holds++
	number := c.holds
	c.hold = hold{number: number, sentinel: by, until: now.Add(c.opts.MaxHold)}
	c.hold.timer = time.AfterFunc(c.opts.MaxHold, func() { c.expireHold(number) })
	c.storeLocked(&held)
	c.counters.holds.Add(1)
	if by == suspicion {
		by = ""
	}
	c.send(sentinel.Event{Kind: sentinel.EventHold, Sentinel: by})
}

// noticed acts on the word of the leading sentinel that it has noticed the
// promotion. It tells the others at once, so that a hold must not end before they
// can have heard; where one has ended already, another begins.
func (c *Client) noticed(by string, m sentinel.Message) {
	if c.beginCut() || c.opts.NoHold || m.Type != "slave" {
		return
	}
	if c.group.MapAddr(sentinel.AddrMaster, m.Addr) == c.target.Load().addr {
		return // and everybody knows
	}
	c.beginHold(by)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hold.timer != nil && c.hold.sentinel == by && time.Until(c.hold.until) < spreadTime {
		c.hold.until = time.Now().Add(spreadTime)
		c.hold.timer.Reset(spreadTime)
	}
}

// aborted ends the hold, because the sentinel that announced a failover has
// given it up.
func (c *Client) aborted(by string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hold.sentinel == by {
		c.releaseLocked()
	}
	if c.candidate != nil && c.candidate.sentinel == by && !c.target.Load().provisional {
		c.dropCandidateLocked(ErrOrphan)
	}
}

// expireHold ends a hold for which it has become too long. Its timer may have fired
// when another one had just ended it, and the next has begun.
func (c *Client) expireHold(number uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hold.number == number {
		c.releaseLocked()
	}
}

// releaseLocked lets writes go on where they were held.
func (c *Client) releaseLocked() {
	t := c.target.Load()
	if c.closed || !t.held {
		return
	}
	c.endHoldLocked(t, "")
	free := *t
	free.held, free.calm, free.gated = false, false, false
	c.storeLocked(&free)
}

// endHoldLocked notes the end of t's hold, whose target is about to be
// replaced. to is the new master; empty if there is none.
func (c *Client) endHoldLocked(t *target, to string) {
	if c.hold.timer != nil {
		c.hold.timer.Stop()
	}
	c.hold = hold{}
	if !t.held {
		return
	}
	lasted := time.Since(t.since)
	c.counters.held.Add(int64(lasted))
	if to == "" {
		to = t.addr
	}
	c.send(sentinel.Event{Kind: sentinel.EventRelease, Addr: to, OldAddr: t.addr, Duration: lasted})
}
