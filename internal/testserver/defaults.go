package testserver

import (
	"cmp"
	"strconv"
	"strings"
)

// defaultHandler returns the handler of a command that a script did not
// replace; nil when the server does not know it.
func defaultHandler(o Options, name string) Handler {
	if name == "HELLO" && o.NoHello {
		return nil
	}
	if h := commonHandler(name); h != nil {
		return h
	}
	if o.Mode == "sentinel" {
		return nil
	}
	if h := connHandler(name); h != nil {
		return h
	}
	return keyHandler(name)
}

// commonHandler is for what data servers and sentinels both know.
func commonHandler(name string) Handler {
	switch name {
	case "PING":
		return cmdPing
	case "HELLO":
		return cmdHello
	case "AUTH":
		return cmdAuth
	case "CLIENT":
		return cmdClient
	case "ROLE":
		return cmdRole
	case "SUBSCRIBE", "PSUBSCRIBE":
		return cmdSubscribe
	case "UNSUBSCRIBE", "PUNSUBSCRIBE":
		return cmdUnsubscribe
	case "PUBLISH":
		return cmdPublish
	case "COMMAND":
		return func(c *Peer, args []string) { c.Array() }
	case "INFO":
		return cmdInfo
	}
	return nil
}

// connHandler is for the state of a connection that a sentinel has not.
func connHandler(name string) Handler {
	switch name {
	case "SELECT":
		return cmdSelect
	case "QUIT":
		return cmdQuit
	case "RESET":
		return cmdReset
	case "ECHO":
		return cmdEcho
	case "MULTI":
		return cmdMulti
	case "EXEC":
		return cmdExec
	case "DISCARD":
		return cmdDiscard
	case "WATCH", "UNWATCH":
		return func(c *Peer, args []string) { c.Text("OK") }
	}
	return nil
}

// keyHandler is for the tiny map.
func keyHandler(name string) Handler {
	switch name {
	case "GET":
		return cmdGet
	case "SET":
		return cmdSet
	case "INCR", "INCRBY":
		return cmdIncr
	case "DEL":
		return cmdDel
	case "EXISTS":
		return cmdExists
	case "FLUSHALL", "FLUSHDB":
		return cmdFlush
	}
	return nil
}

func cmdEcho(c *Peer, args []string) {
	c.withArgs(args, 1, func() { c.Bulk(args[1]) })
}

// withArgs runs f when the command has exactly n arguments.
func (c *Peer) withArgs(args []string, n int, f func()) {
	if len(args)-1 != n {
		c.Write(WrongNumber(args))
		return
	}
	f()
}

func WrongNumber(args []string) string {
	return Error("ERR wrong number of arguments for '" + strings.ToLower(args[0]) + "' command")
}

func cmdPing(c *Peer, args []string) {
	if c.Proto() == 2 && c.Subscriptions() > 0 {
		msg := ""
		if len(args) > 1 {
			msg = args[1]
		}
		c.Bulks("pong", msg)
		return
	}
	if len(args) > 1 {
		c.Bulk(args[1])
		return
	}
	c.Text("PONG")
}

func cmdSelect(c *Peer, args []string) {
	c.withArgs(args, 1, func() {
		n, err := strconv.Atoi(args[1])
		if err != nil {
			c.Error("ERR value is not an integer or out of range")
			return
		}
		if n < 0 || n >= databases {
			c.Error("ERR DB index is out of range")
			return
		}
		c.mu.Lock()
		c.state.db = n
		c.mu.Unlock()
		c.Text("OK")
	})
}

func cmdQuit(c *Peer, args []string) {
	c.Text("OK")
	c.Close()
}

func cmdReset(c *Peer, args []string) {
	fresh := freshState(c.srv.options())
	c.mu.Lock()
	c.state = fresh
	c.mu.Unlock()
	c.Text("RESET")
}

// cmdRole answers by the options.
func cmdRole(c *Peer, args []string) {
	o := c.srv.options()
	switch {
	case o.Mode == "sentinel" || o.Role == "sentinel":
		c.Write(Array(Bulk("sentinel"), Bulks("mymaster")))
	case o.Role == "slave" || o.Role == "replica":
		c.Write(Array(Bulk("slave"), Bulk(o.MasterHost), Int(int64(o.MasterPort)),
			Bulk(cmp.Or(o.LinkState, "connected")), Int(o.ReplOffset)))
	default:
		c.Write(Array(Bulk("master"), Int(o.ReplOffset), Array()))
	}
}

func cmdInfo(c *Peer, args []string) {
	o := c.srv.options()
	role := cmp.Or(o.Role, "master")
	c.Bulk("# Server\r\nredis_version:" + cmp.Or(o.Version, DefaultVersion) + "\r\nredis_mode:" +
		cmp.Or(o.Mode, "standalone") + "\r\n\r\n# Replication\r\nrole:" + role + "\r\n")
}

func cmdGet(c *Peer, args []string) {
	c.withArgs(args, 1, func() {
		v, ok := c.srv.key(c.DB(), args[1])
		if !ok {
			c.Null()
			return
		}
		c.Bulk(v)
	})
}

// cmdSet takes the options of SET and ignores them.
func cmdSet(c *Peer, args []string) {
	if len(args) < 3 {
		c.Write(WrongNumber(args))
		return
	}
	c.srv.setKey(c.DB(), args[1], args[2])
	c.Text("OK")
}

func cmdIncr(c *Peer, args []string) {
	if len(args) < 2 || len(args) > 3 {
		c.Write(WrongNumber(args))
		return
	}
	by := int64(1)
	if len(args) == 3 {
		by, _ = strconv.ParseInt(args[2], 10, 64)
	}
	n, err := c.srv.incr(c.DB(), args[1], by)
	if err != nil {
		c.Error("ERR value is not an integer or out of range")
		return
	}
	c.Int(n)
}

func (s *Server) incr(db int, key string, by int64) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := strconv.ParseInt(cmp.Or(s.store[db][key], "0"), 10, 64)
	if err != nil {
		return 0, err
	}
	s.store[db][key] = strconv.FormatInt(n+by, 10)
	return n + by, nil
}

func cmdDel(c *Peer, args []string) {
	s, db, n := c.srv, c.DB(), int64(0)
	s.mu.Lock()
	for _, key := range args[1:] {
		if _, ok := s.store[db][key]; ok {
			delete(s.store[db], key)
			n++
		}
	}
	s.mu.Unlock()
	c.Int(n)
}

func cmdExists(c *Peer, args []string) {
	n := int64(0)
	for _, key := range args[1:] {
		if _, ok := c.srv.key(c.DB(), key); ok {
			n++
		}
	}
	c.Int(n)
}

func cmdFlush(c *Peer, args []string) {
	own, all := c.DB(), strings.EqualFold(args[0], "FLUSHALL")
	c.srv.mu.Lock()
	for db := range c.srv.store {
		if all || db == own {
			clear(c.srv.store[db])
		}
	}
	c.srv.mu.Unlock()
	c.Text("OK")
}
