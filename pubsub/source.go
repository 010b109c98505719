package pubsub

import (
	"context"

	"github.com/kermes-redis/kermes/conn"
)

// Source is where a [Subscriber] gets its connections from, one at a time:
// a *client.Subscriptions, a *client.Client, a *pool.Pool, or a [Server]. Dial returns
// a connection of the caller's own, which the source breaks when it should not be used
// any more, because the master has changed. It should return when ctx ends.
//
// Only Subscriptions breaks connections also where the credentials have been replaced
// (client.Client.Reauth), and where a server without sentinels has become a replica. A
// client as the source knows of other masters by the sentinels, a pool or a Server of
// nothing.
//
// If the source has a method Epoch() int64, its value is given to OnReady and
// to events; if it has a method Generation() uint64, a change of that counts as
// a move to another server even if the address has stayed the same. If it has a
// method Done() <-chan struct{}, the channel is closed when the source has been
// closed for good, and the Subscriber ends with [ErrSourceClosed].
type Source interface {
	Dial(ctx context.Context) (*conn.Conn, error)
}

// Server is the Source for one server that is always at the same address.
//
//	s := pubsub.New(pubsub.Server{Options: conn.Options{Addr: "127.0.0.1:6379"}}, pubsub.Options{})
type Server struct {
	Options conn.Options
}

// Dial implements [Source].
func (s Server) Dial(ctx context.Context) (*conn.Conn, error) { return conn.Dial(ctx, s.Options) }

func epochOf(s Source) int64 {
	if e, ok := s.(interface{ Epoch() int64 }); ok {
		return e.Epoch()
	}
	return 0
}

func generationOf(s Source) uint64 {
	if g, ok := s.(interface{ Generation() uint64 }); ok {
		return g.Generation()
	}
	return 0
}

// doneOf returns a channel that is closed with the source, or nil if the source
// has none.
func doneOf(s Source) <-chan struct{} {
	if d, ok := s.(interface{ Done() <-chan struct{} }); ok {
		return d.Done()
	}
	return nil
}
