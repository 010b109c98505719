package redistest

import "github.com/kermes-redis/kermes/internal/testserver"

// ServerOptions configure a [Server]. The zero value is a master without a
// password that speaks RESP2 and RESP3.
type ServerOptions struct {
	// Password of the default user; empty is none.
	Password string
	// Replica makes the server say that it is one.
	Replica bool
	// RESP2 makes it know no HELLO, as servers before Redis 6.
	RESP2 bool
}

// Server is a fake server. It answers commands as the test has told it to, and
// knows a few by itself: those of the handshake, GET, SET (without its options), INCR,
// DEL, EXISTS, MULTI and EXEC, SUBSCRIBE and PUBLISH. Each database has its own keys.
//
// What it knows it answers to the byte as redis-server 7.0 does. It ignores the options of
// SET and watches no keys. An inline command is a protocol error. It has no hashes, lists,
// sorted sets, streams, scripts or expiry, and does not track keys for a client's cache. A
// program that needs those is tested with a [Group] of one master and without replicas,
// which has the data commands of miniredis, or with miniredis itself: it works with this
// client as it is.
type Server struct{ s *testserver.Server }

// NewServer starts a server that ends with the test.
func NewServer(tb TB, o ServerOptions) *Server {
	tb.Helper()
	return &Server{testserver.NewWith(tb, o.inside())}
}

// StartServer starts a server, for programs that are no tests; the caller closes
// it.
func StartServer(o ServerOptions) (*Server, error) {
	s, err := testserver.Start(o.inside())
	if err != nil {
		return nil, err
	}
	return &Server{s}, nil
}

func (o ServerOptions) inside() testserver.Options {
	in := testserver.Options{Password: o.Password, NoHello: o.RESP2}
	if o.Replica {
		in.Role = "slave"
	}
	return in
}

// Addr returns the address, "127.0.0.1:port".
func (s *Server) Addr() string { return s.s.Addr() }

// Close ends every connection and the server.
func (s *Server) Close() error { return s.s.Close() }

// Reply makes a command ("GET", "CLIENT SETNAME") always answer the raw reply.
func (s *Server) Reply(command, raw string) { s.s.Reply(command, raw) }

// ReplyOnce makes the next executions of a command answer these raw replies, one
// each. After them it does what it did before. An empty one is no answer at all.
func (s *Server) ReplyOnce(command string, raw ...string) { s.s.ReplyOnce(command, raw...) }

// Handle makes fn answer a command; args[0] is its name as it was sent. Commands
// of one connection are handled one after another, those of several at once.
func (s *Server) Handle(command string, fn func(c *Peer, args []string)) {
	s.s.Handle(command, func(p *testserver.Peer, args []string) { fn(&Peer{p}, args) })
}

// SetKey sets a key of database 0.
func (s *Server) SetKey(key, value string) { s.s.SetKey(key, value) }

// Key returns a key of database 0 and whether it exists.
func (s *Server) Key(key string) (value string, ok bool) { return s.s.Key(key) }

// Calls returns the commands received so far, name first, in order of arrival,
// the latest 65,536 at most. Those of the handshake are among them.
func (s *Server) Calls() [][]string {
	var out [][]string
	for _, c := range s.s.Calls() {
		out = append(out, append([]string(nil), c.Args...))
	}
	return out
}

// Count returns how often a command was executed.
func (s *Server) Count(command string) int { return s.s.Count(command) }

// Publish sends a message to the subscribers of a channel and returns how many
// there are.
func (s *Server) Publish(channel, payload string) int { return s.s.Publish(channel, payload) }

// Subscribers returns how many connections are subscribed to a channel, itself or
// by a pattern.
func (s *Server) Subscribers(channel string) int { return s.s.Subscribers(channel) }

// Stall makes the server read commands and answer none, as a dead link does, or
// ends that. Commands read meanwhile stay without an answer.
func (s *Server) Stall(on bool) { s.s.Stall(on) }

// Refuse makes the server refuse new connections, or accept them again on the same
// port. Open ones stay.
func (s *Server) Refuse(on bool) error { return s.s.StopAccepting(on) }

// CloseAll closes all connections now.
func (s *Server) CloseAll() { s.s.CloseAll() }

// Open returns the number of open connections.
func (s *Server) Open() int { return s.s.Open() }

// Peer is a connection of a client, for the functions of [Server.Handle].
type Peer struct{ p *testserver.Peer }

// ID numbers the connections of a server from 1.
func (c *Peer) ID() int64 { return c.p.ID() }

// Write sends raw replies.
func (c *Peer) Write(raw string) { c.p.Write(raw) }

// Default answers as the server would by itself; false means that it does not know
// the command, and has not answered.
func (c *Peer) Default(args []string) bool { return c.p.Default(args) }

// Close closes the connection after what has been written.
func (c *Peer) Close() { c.p.Close() }

// Kill closes the connection now.
func (c *Peer) Kill() { c.p.Kill() }

// Done is closed when the connection has ended. A function that waits must watch
// it.
func (c *Peer) Done() <-chan struct{} { return c.p.Done() }
