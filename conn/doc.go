// Package conn is one connection to a Redis server: dial, handshake, shared
// use, deadlines, cancellation, streaming and the dispatch of pushes.
//
// # Shared use
//
// [Conn.Do] and [Conn.DoBatch] are safe for concurrent use. The commands of
// all callers share one socket, and no goroutine stands between a caller and
// the socket: a caller appends its command to the connection's write buffer,
// and a caller that finds nobody writing writes what has gathered. Where more than a
// few callers are about and the server is near, a command may wait until a quarter
// of them has gathered or the next replies arrive, whichever is first. The caller
// whose reply comes next reads, hands each reply to its caller, and passes the
// reading on when its own has come. A caller that is alone therefore writes
// and reads on its own goroutine, as with an exclusive connection.
// [Conn.Exchange] is Do for a command that is at hand as a variable.
//
// Replies come in the order of the commands. A slow command or a very large
// reply delays what was sent after it ([Conn.Bulky] tells), so these belong on a
// connection of their own, a lease of package pool:
//
//   - commands that block on the server (BLPOP, XREAD BLOCK, WAIT);
//   - commands that change the connection (SELECT, AUTH, MULTI, WATCH, CLIENT
//     TRACKING), which a shared one refuses with [ErrStateful];
//   - scripts and other commands that run for milliseconds;
//   - values of many megabytes, best streamed: [Conn.DoTo], [Conn.DoFrom].
//
// # Memory
//
// A large argument is written from where it is and a large reply is handed over
// in the buffer that it was read into. Buffers grow with what has arrived, not
// with what a length claims. An idle connection holds less than 16 KiB. Commands
// that wait for a server that does not read are bounded by Options.MaxUnsent.
//
// # Failure
//
// Every error of this package is an [*Error] whose [Class] says whether the
// server may have executed the command, as [ClassOf] returns it. It is a net.Error too, by
// Error.Timeout and Error.Temporary. A caller that gives up because its
// context ended leaves the connection alive: its reply is thrown away when it
// comes. The connection breaks, for everybody, on an I/O error, on bytes that
// are not RESP, on a reply that nobody asked for, when a handler of pushes
// panics, and when the oldest unanswered command has seen no progress for the
// read timeout: neither the end of a reply nor Options.MinProgress bytes of one. A
// broken connection stays broken.
//
//	state     entered by                   Do
//	ready     a handshake that succeeded   works
//	broken    Close, Abort, any of above   fails with class not sent
//
// No timer and no deadline is set for a command. One timer per connection, which
// runs only while calls are under way, looks at contexts every 10 ms and at the
// read timeout every sixteenth of it.
//
// # The handshake
//
// HELLO 3 with AUTH and SETNAME, SELECT, ROLE and CLIENT SETINFO ([LibName], [LibVersion])
// go out in one write, and each reply is checked. RESP2 is spoken to servers that answer HELLO
// with any error but a wrong password, too many clients or protected mode, and to
// those that hang up on it ([ServerInfo.NoHello], [ServerInfo.HungUp]). Any other
// failure is the error of [Dial]: [AuthError], [RoleError], [PeerError],
// [ForeignError], [resp.Error].
// Options.Protocol 2 sends no HELLO at all. Without Options.Role, a [Role], no ROLE is sent.
//
// An [Options] that is printed or logged shows [Masked] in the place of its password.
//
// # Defaults
//
// What Options leave out is:
//
//	DefaultAddr         127.0.0.1:6379
//	DefaultDialTimeout  5s       for connecting, TLS and the handshake together
//	DefaultReadTimeout  5s       without progress of the oldest unanswered command
//	DefaultMinProgress  1 KiB    of a reply within the read timeout is progress
//	DefaultMaxUnsent    16 MiB   of commands that wait to be written
//	DefaultKeepAlive    15s      of silence before the kernel probes the peer
//	DefaultUserTimeout  30s      that sent bytes may be unacknowledged (Linux)
//
// # Exclusive use
//
// Pub/sub and MONITOR have no command-reply rhythm. [Conn.Send] and
// [Conn.Receive] serve them, on a connection that has no other user.
//
// # For clients built on this package
//
// The packages pool, client, sentinel and pubsub need more of a connection than a
// program does. These names are exported for them, and for others that build a client:
//
//   - whose a connection is: [Conn.Lease], [Conn.EndLease], [Conn.SetShared], Conn.Tainted;
//   - how busy it is: Conn.InFlight, Conn.Bulky, Conn.Buffered, Conn.Progress;
//   - what it found: Conn.RoleReply, Conn.Alive;
//   - batches that are encoded already, and replies in runs: [Conn.DoEncoded], [Conn.ReceiveAll], [Receiver];
//   - a connection that exists, and its end with a cause: [NewConn], [Conn.Abort];
//   - the parts of URLs: [NewURLError], [ParseDuration], [ParseBool].
package conn
