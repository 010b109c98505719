package testserver

import (
	"strings"
	"time"
)

// containers are commands whose first argument is part of the name.
var containers = map[string]bool{
	"ACL": true, "CLIENT": true, "CLUSTER": true, "COMMAND": true, "CONFIG": true, "DEBUG": true,
	"FUNCTION": true, "LATENCY": true, "MEMORY": true, "MODULE": true, "OBJECT": true, "PUBSUB": true,
	"SCRIPT": true, "SENTINEL": true, "SLOWLOG": true, "XGROUP": true, "XINFO": true,
}

// CommandNames returns the upper case name of a command, and the name with
// the subcommand where there is one.
func CommandNames(args []string) (name, full string) {
	name = strings.ToUpper(args[0])
	if len(args) > 1 && containers[name] {
		return name, name + " " + strings.ToUpper(args[1])
	}
	return name, name
}

// Handle sets the handler of a command, or of a subcommand ("CLIENT
// SETINFO"), in place of the default one. Nil takes it away again. Handlers
// run after the checks of a real server (authentication, subscribed state,
// MULTI).
func (s *Server) Handle(name string, h Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name = strings.ToUpper(name)
	if h == nil {
		delete(s.handlers, name)
		return
	}
	s.handlers[name] = h
}

// HandleAny sets a function that sees every command before its handler; true
// means that it has been dealt with. It sees commands inside MULTI before
// they are queued.
func (s *Server) HandleAny(h func(c *Peer, args []string) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.anyHook = h
}

// Reply makes a command always answer these raw bytes.
func (s *Server) Reply(name, raw string) {
	s.Handle(name, func(c *Peer, args []string) { c.Write(raw) })
}

// ReplyOnce makes the next executions of a command answer these raw bytes,
// one each, before its handler is used again. An empty string is no answer.
func (s *Server) ReplyOnce(name string, raw ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name = strings.ToUpper(name)
	s.once[name] = append(s.once[name], raw...)
}

// OnConnect sets a function that runs on every new connection before its
// first command; it may write, close or configure the connection.
func (s *Server) OnConnect(f func(c *Peer)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onConnect = f
}

// Stall makes the server read and log commands, but execute and answer none.
// Commands read in the meantime stay unanswered.
func (s *Server) Stall(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stalled = on
}

// StopReading makes the server not read at all, as if it was stopped by a
// signal: connections are accepted by the kernel, TLS handshakes hang, and
// writers block when the buffers are full. What was sent is read later.
func (s *Server) StopReading(on bool) { s.reading.shut(on) }

// StopAccepting closes the listener (connections are refused) or listens
// again on the same address. Open connections stay.
func (s *Server) StopAccepting(on bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.refusing == on {
		return nil
	}
	if s.network == "none" {
		s.refusing = on
		return nil
	}
	if on {
		s.refusing = true
		return s.ln.Close()
	}
	if err := s.listen(); err != nil {
		return err
	}
	s.refusing = false
	return nil
}

// CloseAll closes all connections (FIN) at once.
func (s *Server) CloseAll() {
	for _, c := range s.Peers() {
		c.Kill()
	}
}

// ResetAll closes all connections by RST at once.
func (s *Server) ResetAll() {
	for _, c := range s.Peers() {
		c.ResetNow()
	}
}

// Push writes raw bytes to every connection.
func (s *Server) Push(raw string) {
	for _, c := range s.Peers() {
		c.Write(raw)
	}
}

// databases are those of SELECT.
const databases = 16

// SetKey sets a key of database 0 of the tiny maps behind GET, SET, INCR, DEL.
func (s *Server) SetKey(key, value string) { s.setKey(0, key, value) }

// Key returns a key of database 0 of the tiny maps.
func (s *Server) Key(key string) (value string, ok bool) { return s.key(0, key) }

func (s *Server) setKey(db int, key, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store[db][key] = value
}

func (s *Server) key(db int, key string) (value string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value, ok = s.store[db][key]
	return value, ok
}

// received logs a command; negative when it must not be executed.
func (s *Server) received(c *Peer, args []string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.log.add(Call{Conn: c.id, At: time.Now(), Args: args})
	if s.stalled || c.stalled.Load() {
		return -1
	}
	return n
}

func (s *Server) protocolError(err *ProtocolError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errs = append(s.errs, err)
}

func (s *Server) cutOff() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.truncated++
}

// execute checks a command as a real server does, and runs its handler.
func (s *Server) execute(c *Peer, cmd command) {
	name, full := CommandNames(cmd.args)
	if refusal := c.refuse(name, full); refusal != "" {
		c.markDirty()
		c.Write(refusal)
		return
	}
	s.mu.Lock()
	hook := s.anyHook
	s.mu.Unlock()
	if hook != nil && hook(c, cmd.args) {
		s.countExecuted(cmd.call, name, full)
		return
	}
	h := s.handler(name, full)
	if h == nil {
		c.markDirty()
		c.Write(UnknownCommand(cmd.args))
		return
	}
	if c.queue(name, cmd.args) {
		return
	}
	s.countExecuted(cmd.call, name, full)
	h(c, cmd.args)
}

func (s *Server) countExecuted(call int, name, full string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.executed(call, name, full)
}

// Scripted reports whether the test has a handler or a reply of its own for a
// command.
func (s *Server) Scripted(args []string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, full := CommandNames(args)
	for _, k := range []string{name, full} {
		if s.handlers[k] != nil || len(s.once[k]) > 0 {
			return true
		}
	}
	return false
}

// handler finds what answers a command; nil when it is unknown.
func (s *Server) handler(name, full string) Handler {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range []string{full, name} {
		if raws := s.once[n]; len(raws) > 0 {
			s.once[n] = raws[1:]
			return func(c *Peer, args []string) { c.Write(raws[0]) }
		}
	}
	if h := s.handlers[full]; h != nil {
		return h
	}
	if h := s.handlers[name]; h != nil {
		return h
	}
	if s.rest != nil && !ofTheConnection[name] {
		return s.rest
	}
	return defaultHandler(s.o, name)
}

// ofTheConnection are commands about a connection, which HandleRest leaves to the server.
var ofTheConnection = map[string]bool{
	"HELLO": true, "AUTH": true, "CLIENT": true, "SELECT": true, "RESET": true, "QUIT": true,
	"MULTI": true, "EXEC": true, "DISCARD": true, "WATCH": true, "UNWATCH": true,
}

// HandleRest makes h answer, inside MULTI too, every command that has no handler of
// its own and is not about the connection: the handshake, SELECT, RESET and transactions.
func (s *Server) HandleRest(h Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rest = h
}

// Default runs the default handler of a command; it says false when there is
// none.
func (c *Peer) Default(args []string) bool {
	name, _ := CommandNames(args)
	h := defaultHandler(c.srv.options(), name)
	if h == nil {
		return false
	}
	h(c, args)
	return true
}

// UnknownCommand is the error of Redis 7.
func UnknownCommand(args []string) string {
	var b strings.Builder
	for _, a := range args[1:] {
		if b.Len() > 128 {
			break
		}
		b.WriteString("'" + OneLine(Clip(a, 128)) + "' ")
	}
	return Error("ERR unknown command '" + OneLine(Clip(args[0], 128)) + "', with args beginning with: " + b.String())
}

func OneLine(s string) string {
	return strings.NewReplacer("\r", " ", "\n", " ").Replace(s)
}
