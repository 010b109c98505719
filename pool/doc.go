// Package pool keeps the connections to one server: a few that callers share,
// and others that are leased to one user at a time.
//
// # How many connections
//
// [Pool.Do] and [Pool.DoBatch] take as many connections as the callers in
// flight ask for. Up to Options.SoloConns callers at a time have a connection
// each, the one used last first. When there are more, all of them share
// Options.SharedConns connections, on which their commands are pipelined: on two
// cores, 64 callers get several times the throughput that way. They share the first
// of them, as a system call then serves the most; the others are for more than 512
// callers, and for all while a large reply arrives on the first.
//
// # Large calls
//
// A command or batch of more than 64 KiB, a batch of a thousand commands, and a
// command whose last reply was larger than 64 KiB (known by its name and first
// argument, for about a minute) do not share: they get a connection of their own
// while there is one. While small calls are in the majority, large ones run one
// after another at a pace that leaves most of the time to the small ones. A
// large reply that nobody foresaw delays those that were sent behind it on the
// same connection by the time that its own bytes take; new callers avoid that
// connection meanwhile.
//
// # What to lease
//
// [Pool.WithConn] leases a connection: for transactions with WATCH, for
// commands that change the connection (SELECT, MULTI, CLIENT TRACKING), for
// scripts and other commands that keep the server busy for long, for streams
// ([conn.Conn.DoTo], [conn.Conn.DoFrom]). Commands that block on the server
// (BLPOP, XREAD BLOCK) run on a lease by themselves. Leases are given in the
// order of asking, up to Options.MaxConns: a program with many blocked callers
// must raise it. A lease that was interrupted, or whose state is not as it was,
// is closed when it comes back.
//
// # Age
//
// A connection that has been idle is looked at, without a round trip, before it
// is used again; one found closed is replaced and nobody notices.
// Options.IdleTime and Options.MaxLifetime close connections that nobody uses at
// that moment; callers never see it. [Pool.Reauth] makes all of them use new
// credentials, and [Pool.Renew] replaces them.
//
// A pool whose server answers that it is a replica replaces its connections,
// once a second at most: a name in the address is resolved again and may lead to
// the new master by now.
//
// # A dead server
//
// All callers of an address share its dials: while dialling fails there is
// one attempt at a time, at growing intervals, and every caller that waits gets its
// error. A server that closes its connections as soon as they are made is dialled
// at growing intervals too. A dial is never cancelled because the caller that
// caused it has left.
//
// [Pool.Done] tells what is fed by the pool, such as a subscriber, that it has
// been closed.
//
// # Defaults
//
// What [Options] leave out is:
//
//	DefaultSoloConns    4       callers at a time have a connection each
//	DefaultSharedConns  2       connections that all share when there are more
//	DefaultMinConns     16      MaxConns is four for each processor, and this at least
//	DefaultIdleTime     5m      without use, after which a connection is closed
//	DefaultPeekAfter    1s      without use, after which a connection is looked at first
//	DefaultMaxDials     4       dials at a time
//	DefaultMinBackoff   10ms    between failed dials, at first
//	DefaultMaxBackoff   1s      and at last
//
//	state     entered by     Do, WithConn
//	open      New            work, dialling as needed
//	closed    Close, Abort   fail with the cause, class not sent
//
// # For clients built on this package
//
// Package client needs more of a pool than a program does. These names are exported for
// it, and for others that build a client: a pool that ends with a cause ([Pool.Abort]),
// batches that are encoded already ([Pool.DoEncoded]), a bound on the wait for a connection
// and what was spent of it ([WithWaitTime], [Waited]).
package pool
