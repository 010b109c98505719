package redis

import (
	"context"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/resp"
)

// Doer runs commands. One connection, a pool, the sentinel client, its
// replicas, a transaction and a fake in a test are all Doers.
//
// Implementations are safe for concurrent use unless they say otherwise.
type Doer interface {
	// Do sends cmd and returns its reply. An error means that there is no
	// reply; an error reply of the server is a reply. The caller releases it. What
	// cmd was made of is not used when Do has returned.
	//
	// A Doer over several connections runs a command flagged [resp.Blocking]
	// on a connection of its own, and refuses stateful ones.
	Do(ctx context.Context, cmd resp.Command) (resp.Reply, error)

	// DoBatch sends cmds in order over one connection and calls each with the
	// reply to cmds[i], in order. The value is valid during that call only. An
	// error means that each was not called for the rest.
	DoBatch(ctx context.Context, cmds []resp.Command, each func(i int, v resp.Value)) error
}

// EncodedDoer is a Doer that takes the commands of a [Pipeline] as the bytes that are
// sent. All Doers of Kermes are: a pipeline through them takes the room of its bytes.
// To any other Doer a pipeline gives its commands by DoBatch.
//
// A type that embeds one of them and overrides DoBatch must override DoEncoded as well.
type EncodedDoer interface {
	Doer

	// DoEncoded does what DoBatch does, with the commands of the batch from that one
	// on. to.Receive is called as each is, with their numbers in the batch.
	DoEncoded(ctx context.Context, cmds *resp.Batch, from int, to resp.Receiver) error
}

// doEncoded gives a batch to any Doer.
func doEncoded(ctx context.Context, d Doer, cmds *resp.Batch, from int, to resp.Receiver) error {
	if e, ok := d.(EncodedDoer); ok {
		return e.DoEncoded(ctx, cmds, from, to)
	}
	return d.DoBatch(ctx, cmds.Commands(from), func(i int, v resp.Value) { to.Receive(from+i, v) })
}

// Leaser lends an exclusive connection for work that leaves state on it:
// transactions, WATCH, SELECT. The pool and the sentinel client are Leasers.
type Leaser interface {
	// WithConn calls fn with a connection that nobody else uses meanwhile. fn
	// must not keep it.
	WithConn(ctx context.Context, fn func(*conn.Conn) error) error
}

// Client is what a program passes around: a Doer that lends connections as well.
// The client of Kermes, a pool and a fake of package redistest are Clients.
type Client interface {
	Doer
	Leaser
}

// Pinner is a Doer over several servers with the same data. Scans use it: a cursor
// means nothing to another server than the one that gave it. The replicas of the
// sentinel client are a Pinner.
type Pinner interface {
	Doer

	// Pin returns a Doer that stays with one of the servers, and fails when
	// that one is gone.
	Pin() Doer
}

// On returns c as a [Leaser], for a transaction on one connection that the
// caller owns and that nobody else uses meanwhile.
func On(c *conn.Conn) Leaser { return owned{c} }

type owned struct{ c *conn.Conn }

func (o owned) WithConn(_ context.Context, fn func(*conn.Conn) error) error { return fn(o.c) }

// mustContext panics in words where a call would otherwise do so in the middle.
func mustContext(ctx context.Context) {
	if ctx == nil {
		panic("redis: nil context: use context.Background or context.TODO")
	}
}
