package sentinel

import (
	"strings"
	"time"
)

// heard acts on what a sentinel published about the client's master.
//
// In a planned failover the old master stays alive for about ten seconds after
// another has been promoted. What it acknowledges then is lost. The sentinel
// that leads announces the promotion shortly before it happens; from there
// until the new master is known, writes wait.
func (c *Client) heard(m Message) {
	switch {
	case c.opts.NoHold:
	case m.Name == "+failover-state-send-slaveof-noone":
		c.beginHold()
	case strings.HasPrefix(m.Name, "-failover-abort-"):
		c.endHold()
	}
}

// beginHold makes writes wait, for MaxHold at most: if the leading sentinel
// dies, nobody announces that the failover has been given up.
func (c *Client) beginHold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.target.Load()
	if c.closed || t.pool == nil || t.held {
		return
	}
	held := *t
	held.held = true
	c.store(&held)
	c.hold = time.AfterFunc(c.opts.MaxHold, c.endHold)
	c.group.events.send(Event{Kind: EventHold, Master: c.opts.Master, Epoch: t.epoch, Addr: t.addr, Time: time.Now()})
}

func (c *Client) endHold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopHold()
	t := c.target.Load()
	if c.closed || !t.held {
		return
	}
	free := *t
	free.held = false
	c.store(&free)
	c.group.events.send(Event{Kind: EventRelease, Master: c.opts.Master, Epoch: t.epoch, Addr: t.addr, Time: time.Now()})
}

// stopHold ends the timer. c.mu is held.
func (c *Client) stopHold() {
	if c.hold != nil {
		c.hold.Stop()
		c.hold = nil
	}
}
