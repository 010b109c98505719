package testserver

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// DefaultVersion is what HELLO and INFO say.
const DefaultVersion = "7.0.15"

// Errors of authentication, as Redis 7 says them.
const (
	errNoAuth      = "NOAUTH Authentication required."
	errHelloNoAuth = "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time"
	errWrongPass   = "WRONGPASS invalid username-password pair or user is disabled."
	errNoPassword  = "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?"
	errNoProto     = "NOPROTO unsupported protocol version"
	errClientName  = "ERR Client names cannot contain spaces, newlines or special characters."
)

// Proto returns 2 or 3.
func (c *Peer) Proto() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.proto
}

// User returns the authenticated user.
func (c *Peer) User() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.user
}

// Name returns the name set by CLIENT SETNAME or HELLO.
func (c *Peer) Name() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.name
}

// DB returns the selected database.
func (c *Peer) DB() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.db
}

func (c *Peer) isAuthed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.authed
}

// refuse says why a command may not run in the connection's state; empty
// when it may.
func (c *Peer) refuse(name, full string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch name {
	case "AUTH", "HELLO", "QUIT", "RESET":
	default:
		if !c.state.authed {
			return Error(errNoAuth)
		}
	}
	if c.state.proto == 3 || len(c.state.channels)+len(c.state.patterns) == 0 {
		return ""
	}
	switch name {
	case "SUBSCRIBE", "PSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "PING", "QUIT", "RESET":
		return ""
	}
	said := strings.ToLower(strings.ReplaceAll(full, " ", "|"))
	return Error("ERR Can't execute '" + said + "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context")
}

// authenticate checks a user's password.
func (o *Options) authenticate(user, password string) (refusal string) {
	if user == "default" {
		if o.Password == "" && len(o.Users) == 0 || o.Password == password && password != "" {
			return ""
		}
		return errWrongPass
	}
	if want, ok := o.Users[user]; ok && want == password {
		return ""
	}
	return errWrongPass
}

func cmdAuth(c *Peer, args []string) {
	if len(args) < 2 || len(args) > 3 {
		c.Write(WrongNumber(args))
		return
	}
	o := c.srv.options()
	user, password := "default", args[len(args)-1]
	if len(args) == 3 {
		user = args[1]
	} else if o.Password == "" {
		c.Error(errNoPassword)
		return
	}
	if refusal := o.authenticate(user, password); refusal != "" {
		c.Error(refusal)
		return
	}
	c.setUser(user)
	c.Text("OK")
}

func (c *Peer) setUser(user string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.authed, c.state.user = true, user
}

// hello is what a client asks by HELLO.
type hello struct {
	proto          int
	auth           bool
	user, password string
	name           *string
}

func cmdHello(c *Peer, args []string) {
	o := c.srv.options()
	h, refusal := parseHello(c.Proto(), args, o.MaxProto)
	if refusal == "" && h.auth {
		refusal = o.authenticate(h.user, h.password)
	}
	if refusal == "" && !h.auth && !c.isAuthed() {
		refusal = errHelloNoAuth
	}
	if refusal == "" && h.name != nil && !validName(*h.name) {
		refusal = errClientName
	}
	if refusal != "" {
		c.Error(refusal)
		return
	}
	c.mu.Lock()
	if h.auth {
		c.state.authed, c.state.user = true, h.user
	}
	if h.name != nil {
		c.state.name = *h.name
	}
	c.state.proto = h.proto
	c.mu.Unlock()
	c.Map(helloFields(o, c.id, h.proto)...)
}

func parseHello(proto int, args []string, maxProto int) (h hello, refusal string) {
	h.proto = proto
	if len(args) > 1 {
		n, err := strconv.Atoi(args[1])
		if err != nil {
			return h, "ERR Protocol version is not an integer or out of range"
		}
		if n < 2 || n > 3 || maxProto == 2 && n == 3 {
			return h, errNoProto
		}
		h.proto = n
	}
	for i := 2; i < len(args); {
		rest := len(args) - i - 1
		switch opt := strings.ToUpper(args[i]); {
		case opt == "AUTH" && rest >= 2:
			h.auth, h.user, h.password = true, args[i+1], args[i+2]
			i += 3
		case opt == "SETNAME" && rest >= 1:
			h.name = &args[i+1]
			i += 2
		default:
			return h, "ERR Syntax error in HELLO option '" + OneLine(args[i]) + "'"
		}
	}
	return h, ""
}

// helloFields is the reply: seven fields, six of a sentinel (no role).
func helloFields(o Options, id int64, proto int) []string {
	f := []string{
		Bulk("server"), Bulk("redis"),
		Bulk("version"), Bulk(cmp.Or(o.Version, DefaultVersion)),
		Bulk("proto"), Int(int64(proto)),
		Bulk("id"), Int(id),
		Bulk("mode"), Bulk(cmp.Or(o.Mode, "standalone")),
	}
	if o.Mode != "sentinel" {
		role := "master"
		if o.Role == "slave" || o.Role == "replica" {
			role = "replica"
		}
		f = append(f, Bulk("role"), Bulk(role))
	}
	return append(f, Bulk("modules"), Array())
}

func validName(s string) bool {
	for i := range len(s) {
		if s[i] < '!' || s[i] > '~' {
			return false
		}
	}
	return true
}

func cmdClient(c *Peer, args []string) {
	if len(args) < 2 {
		c.Write(WrongNumber(args))
		return
	}
	switch sub := strings.ToUpper(args[1]); {
	case sub == "SETNAME" && len(args) == 3:
		c.setName(args[2])
	case sub == "GETNAME":
		if name := c.Name(); name != "" {
			c.Bulk(name)
			return
		}
		c.Null()
	case sub == "ID":
		c.Int(c.id)
	case sub == "SETINFO" && atLeast(cmp.Or(c.srv.options().Version, DefaultVersion), 7, 2):
		c.Text("OK")
	case sub == "NO-EVICT", sub == "REPLY", sub == "PAUSE", sub == "UNPAUSE":
		c.Text("OK")
	case sub == "KILL", sub == "UNBLOCK":
		c.Int(0)
	case sub == "INFO", sub == "LIST":
		c.Bulk(fmt.Sprintf("id=%d addr=%v name=%s db=%d resp=%d user=%s\n", c.id, c.raw.RemoteAddr(), c.Name(), c.DB(), c.Proto(), c.User()))
	default:
		c.Error("ERR unknown subcommand '" + OneLine(Clip(args[1], 128)) + "'. Try CLIENT HELP.")
	}
}

func (c *Peer) setName(name string) {
	if !validName(name) {
		c.Error(errClientName)
		return
	}
	c.mu.Lock()
	c.state.name = name
	c.mu.Unlock()
	c.Text("OK")
}

// atLeast compares a version like 7.0.15.
func atLeast(version string, major, minor int) bool {
	var a, b int
	if _, err := fmt.Sscanf(version, "%d.%d", &a, &b); err != nil {
		return false
	}
	return a > major || a == major && b >= minor
}

// cmdMulti and its kin queue any command that has a handler.
func cmdMulti(c *Peer, args []string) {
	c.mu.Lock()
	nested := c.state.multi
	c.state.multi = true
	c.mu.Unlock()
	if nested {
		c.Error("ERR MULTI calls can not be nested")
		return
	}
	c.Text("OK")
}

// endMulti leaves MULTI.
func (c *Peer) endMulti() (queue [][]string, multi, dirty bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	queue, multi, dirty = c.state.queue, c.state.multi, c.state.dirty
	c.state.queue, c.state.multi, c.state.dirty = nil, false, false
	return queue, multi, dirty
}

func cmdDiscard(c *Peer, args []string) {
	if _, multi, _ := c.endMulti(); !multi {
		c.Error("ERR DISCARD without MULTI")
		return
	}
	c.Text("OK")
}

func cmdExec(c *Peer, args []string) {
	queue, multi, dirty := c.endMulti()
	switch {
	case !multi:
		c.Error("ERR EXEC without MULTI")
		return
	case dirty:
		c.Error("EXECABORT Transaction discarded because of previous errors.")
		return
	}
	c.Write("*" + strconv.Itoa(len(queue)) + "\r\n")
	for _, cmd := range queue {
		name, full := CommandNames(cmd)
		h := c.srv.handler(name, full)
		c.srv.countExecuted(-1, name, full)
		h(c, cmd)
	}
}

// queue keeps a command for EXEC.
func (c *Peer) queue(name string, args []string) bool {
	switch name {
	case "EXEC", "DISCARD", "MULTI", "RESET", "QUIT":
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.state.multi {
		return false
	}
	if name == "WATCH" {
		c.Error("ERR WATCH inside MULTI is not allowed")
		return true
	}
	c.state.queue = append(c.state.queue, args)
	c.Text("QUEUED")
	return true
}

// markDirty makes EXEC fail when a command could not be queued.
func (c *Peer) markDirty() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state.multi {
		c.state.dirty = true
	}
}
