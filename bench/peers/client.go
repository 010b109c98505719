package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"

	"github.com/kermes-redis/kermes/conn"
)

// client is one way to talk to Redis. Every method that runs commands checks
// the replies.
type client interface {
	// worker is what one goroutine uses; it may be the client itself.
	worker() (worker, error)
	// hold opens n connections that stay open and unused, apart from one
	// GET each, until the process ends.
	hold(n int) error
	close()
}

type worker interface {
	get(ctx context.Context, k int) error
	set(ctx context.Context, k int) error
	// pipeGet gets n keys, from the first on, in a pipeline made for the purpose, as
	// a function of a program does; pipeSet sets them.
	pipeGet(ctx context.Context, first, n int) error
	pipeSet(ctx context.Context, first, n int) error
	bigGet(ctx context.Context) error
	// bigGetInto reads into a buffer that the worker has from the last time, or
	// returns errUnsupported.
	bigGetInto(ctx context.Context) error
	bigSet(ctx context.Context) error
	hash(ctx context.Context) error
	list(ctx context.Context) error
	reader
	transactor
	// subscribe calls ready when the subscription stands, then each with
	// every message until that returns false.
	subscribe(ctx context.Context, ready func(), each func(payload string) bool) error
}

// keeper is a worker that can use one pipeline again and again.
type keeper interface {
	keptGet(ctx context.Context, first, n int) error
	keptSet(ctx context.Context, first, n int) error
}

var errUnsupported = errors.New("not supported")

// contender is a client and how it is set up.
type contender struct {
	name string
	note string
	open func(s servers) (client, error)
	// apart is one that only workloads have that name it.
	apart bool
}

// contenders in the order of the columns. raw is the measure of the others.
var contenders = []contender{
	{name: "raw", note: "a socket for each caller, encoded commands, replies compared but not parsed", open: openRaw},
	{name: floor, note: "raw, and the map, string or strings that a caller is to have, in new memory; still nothing is parsed", open: openFilled, apart: true},
	{name: "kermes", note: "pool.Pool, defaults", open: openKermesPool},
	{name: "kermes-client", note: "client.Client in bypass, defaults", open: openKermesClient},
	{name: "kermes-watched", note: "client.Client that follows a master through three sentinels, defaults", open: openKermesWatched, apart: true},
	{name: "go-redis", note: "defaults", open: openGoRedis},
	{name: "go-redis-auto", note: "Client.AutoPipeline, its own defaults", open: openGoRedisAuto},
	{name: "rueidis", note: "defaults", open: openRueidis},
	{name: "rueidis-flush", note: "MaxFlushDelay 20us", open: openRueidisFlush},
	{name: "rueidis-nopipe", note: "DisableAutoPipelining", open: openRueidisNoPipe},
	{name: "radix", note: "defaults", open: openRadix},
	{name: "radix-flush", note: "WriteFlushInterval 100us", open: openRadixFlush},
	{name: "redigo", note: "a pool that keeps as many idle connections as there are callers", open: openRedigo},
}

func contenderOf(name string) *contender {
	for i := range contenders {
		if contenders[i].name == name {
			return &contenders[i]
		}
	}
	return nil
}

// servers are the addresses a client may need.
type servers struct {
	Addr string
	// canned has clients talk to a server in memory.
	Canned bool
	// Socket is the path of a unix socket, Secure says that the server speaks TLS.
	Socket    string
	Secure    bool
	Sentinels []string
	Master    string
}

// dialer returns nil for a plain connection over the network. Of the clients' own ways
// to have TLS or a unix socket each comes to this.
func (s servers) dialer() func(ctx context.Context, network, addr string) (net.Conn, error) {
	switch {
	case s.Canned:
		return dialCanned
	case s.Secure:
		return (&tls.Dialer{Config: s.tls()}).DialContext
	case s.Socket != "":
		return func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", s.Socket)
		}
	}
	return nil
}

// tls is the configuration of clients: the server's certificate was made for this run.
func (s servers) tls() *tls.Config {
	if !s.Secure {
		return nil
	}
	return &tls.Config{InsecureSkipVerify: true}
}

// options are those of a connection of Kermes.
func (s servers) options() conn.Options {
	o := conn.Options{Addr: s.Addr, TLS: s.tls()}
	if s.Canned {
		o.Dial = dialCanned
	}
	if s.Socket != "" {
		o.Addr = s.Socket
	}
	return o
}
