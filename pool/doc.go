// Package pool keeps the connections to one server: a few that callers share,
// and others that are leased to one user at a time.
//
// # How many connections
//
// [Pool.Do] and [Pool.DoBatch] take as many connections as the callers in
// flight ask for. Up to Options.SoloConns callers at a time have a connection
// each, the one used last first. When there are more, all of them share
// Options.SharedConns connections, on which their commands are pipelined: on
// two cores, 64 callers get several times the throughput that way.
//
// # What to lease
//
// [Pool.WithConn] leases a connection: for transactions with WATCH, for
// commands that change the connection (SELECT, MULTI, CLIENT TRACKING), for
// scripts and other commands that keep the server busy for long, for replies
// of many megabytes. Commands that block on the server (BLPOP, XREAD BLOCK) run
// on a lease by themselves. Leases are given in the order of asking, up to
// Options.MaxConns.
//
// # A dead server
//
// All callers of an address share its dials: while dialling fails there is
// one attempt at a time, at growing intervals, and everyone who waits gets its
// error. A dial is never cancelled because the caller that caused it has left.
package pool
