// Package conn is one connection to a Redis server: dial, handshake, shared
// use, deadlines, cancellation and the dispatch of pushes.
//
// # Shared use
//
// [Conn.Do] and [Conn.DoBatch] are safe for concurrent use. The commands of
// all callers share one socket, and no goroutine stands between a caller and
// the socket: a caller appends its command to the connection's write buffer,
// and whoever finds nobody writing writes what has gathered. The caller whose
// reply comes next reads, hands each reply to its caller, and passes the
// reading on when its own has come. A caller that is alone therefore writes
// and reads on its own goroutine, as with an exclusive connection.
//
// Replies come in the order of the commands. A slow command or a very large
// reply delays what was sent after it, so blocking commands, transactions and
// scripts that run long belong on a connection of their own: a lease of
// package pool.
//
// # Failure
//
// Every error of this package is an [*Error] whose Class says whether the
// server may have executed the command. A caller that gives up because its
// context ended leaves the connection alive: its reply is thrown away when it
// comes. The connection breaks, for everybody, on an I/O error, on bytes that
// are not RESP, and when the oldest unanswered command has seen no byte
// arrive for the read timeout. A broken connection stays broken.
//
//	state     entered by                   Do
//	ready     a handshake that succeeded   works
//	broken    Close, Abort, any of above   fails with class not sent
//
// # Exclusive use
//
// Pub/sub and MONITOR have no command-reply rhythm. [Conn.Send] and
// [Conn.Receive] serve them, on a connection that nobody else uses.
package conn
