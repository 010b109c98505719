package testserver

import (
	"slices"
	"strings"
)

// Text writes a simple string. Like all of these it writes one reply.
func (c *Peer) Text(s string) { c.Write(Text(s)) }

// Error writes an error, code first.
func (c *Peer) Error(s string) { c.Write(Error(s)) }

// Int writes an integer.
func (c *Peer) Int(n int64) { c.Write(Int(n)) }

// Bulk writes a bulk string.
func (c *Peer) Bulk(s string) { c.Write(Bulk(s)) }

// Bulks writes an array of bulk strings.
func (c *Peer) Bulks(s ...string) { c.Write(Bulks(s...)) }

// Array writes an array of raw parts.
func (c *Peer) Array(parts ...string) { c.Write(Array(parts...)) }

// Map writes raw keys and values: a map in RESP3, a flat array in RESP2.
func (c *Peer) Map(parts ...string) {
	if c.Proto() == 3 {
		c.Write(Map(parts...))
		return
	}
	c.Write(Array(parts...))
}

// Null writes the null of the connection's protocol (null bulk in RESP2).
func (c *Peer) Null() {
	if c.Proto() == 3 {
		c.Write(Null3)
		return
	}
	c.Write(NullBulk)
}

// NullArray writes the null of the connection's protocol (null array in
// RESP2).
func (c *Peer) NullArray() {
	if c.Proto() == 3 {
		c.Write(Null3)
		return
	}
	c.Write(NullArray)
}

// pushed encodes an out-of-band message for the connection's protocol.
func pushed(proto int, parts ...string) string {
	if proto == 3 {
		return Push(parts...)
	}
	return Array(parts...)
}

// Subscriptions returns the number of channels and patterns.
func (c *Peer) Subscriptions() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.state.channels) + len(c.state.patterns)
}

func cmdSubscribe(c *Peer, args []string) {
	if len(args) < 2 {
		c.Write(WrongNumber(args))
		return
	}
	kind := strings.ToLower(args[0])
	for _, name := range args[1:] {
		c.mu.Lock()
		if kind == "psubscribe" {
			c.state.patterns[name] = struct{}{}
		} else {
			c.state.channels[name] = struct{}{}
		}
		// Written under the lock: no message may overtake the confirmation.
		n := len(c.state.channels) + len(c.state.patterns)
		c.Write(pushed(c.state.proto, Bulk(kind), Bulk(name), Int(int64(n))))
		c.mu.Unlock()
	}
}

func cmdUnsubscribe(c *Peer, args []string) {
	kind := strings.ToLower(args[0])
	c.mu.Lock()
	defer c.mu.Unlock()
	from := c.state.channels
	if kind == "punsubscribe" {
		from = c.state.patterns
	}
	names := args[1:]
	if len(names) == 0 {
		for name := range from {
			names = append(names, name)
		}
		slices.Sort(names)
	}
	null := NullBulk
	if c.state.proto == 3 {
		null = Null3
	}
	if len(names) == 0 {
		n := len(c.state.channels) + len(c.state.patterns)
		c.Write(pushed(c.state.proto, Bulk(kind), null, Int(int64(n))))
		return
	}
	for _, name := range names {
		delete(from, name)
		n := len(c.state.channels) + len(c.state.patterns)
		c.Write(pushed(c.state.proto, Bulk(kind), Bulk(name), Int(int64(n))))
	}
}

func cmdPublish(c *Peer, args []string) {
	if c.srv.options().Mode == "sentinel" {
		c.Error("ERR Only HELLO messages are accepted by Sentinel instances.")
		return
	}
	c.withArgs(args, 2, func() { c.Int(int64(c.srv.Publish(args[1], args[2]))) })
}

// Publish sends a message to the subscribers of channel, as a push in RESP3
// and as an array in RESP2, and returns how many there were.
func (s *Server) Publish(channel, payload string) int {
	n := 0
	for _, c := range s.Peers() {
		n += c.deliver(channel, payload)
	}
	return n
}

func (c *Peer) deliver(channel, payload string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	if _, ok := c.state.channels[channel]; ok {
		c.Write(pushed(c.state.proto, Bulk("message"), Bulk(channel), Bulk(payload)))
		n++
	}
	for pattern := range c.state.patterns {
		if Glob(pattern, channel) {
			c.Write(pushed(c.state.proto, Bulk("pmessage"), Bulk(pattern), Bulk(channel), Bulk(payload)))
			n++
		}
	}
	return n
}

// Subscribers returns how many connections are subscribed to channel itself
// or by a pattern.
func (s *Server) Subscribers(channel string) int {
	n := 0
	for _, c := range s.Peers() {
		if c.hears(channel) {
			n++
		}
	}
	return n
}

func (c *Peer) hears(channel string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.state.channels[channel]; ok {
		return true
	}
	for pattern := range c.state.patterns {
		if Glob(pattern, channel) {
			return true
		}
	}
	return false
}
