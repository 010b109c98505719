package client

import (
	"errors"

	"github.com/kermes-redis/kermes/sentinel"
)

// suspicion stands for the sentinel that has announced a hold, where none has.
const suspicion = "-"

var errDeserted = errors.New("client: master: all healthy replicas follow another master")

// suspect holds writes, for MaxHold at most, while the sentinels are asked again
// about a master that no replica follows.
func (c *Client) suspect(t *target) {
	if c.opts.NoHold || c.target.Load() != t {
		return
	}
	c.beginHold(suspicion)
	c.send(sentinel.Event{Kind: sentinel.EventDistrusted, Err: errDeserted})
	c.watch.Doubt()
}
