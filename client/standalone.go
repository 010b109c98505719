package client

import (
	"sync"
	"time"

	"github.com/kermes-redis/kermes/pool"
	"github.com/kermes-redis/kermes/sentinel"
)

// standalone tells of the one server of a client without sentinels.
type standalone struct {
	events sentinel.Listeners

	mu     sync.Mutex
	known  bool // whether it could be reached is known
	up     bool
	denied time.Time // when it said last that it is no master
}

// newStandalone looks at all connections that are made by o.
func newStandalone(o *pool.Options) *standalone {
	s := &standalone{}
	tell := o.OnConnect
	o.OnConnect = func(addr string, took time.Duration, err error) {
		s.dialled(addr, err)
		if tell != nil {
			tell(addr, took, err)
		}
	}
	return s
}

// dialled notes that a connection was made, or could not be.
func (s *standalone) dialled(addr string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	up := err == nil
	if s.known && s.up == up {
		return
	}
	s.known, s.up = true, up
	kind := sentinel.EventServerUp
	if !up {
		kind = sentinel.EventServerDown
	}
	s.events.Send(sentinel.Event{Kind: kind, Addr: addr, Err: err})
}

// refused notes that the server has said that it is no master.
func (s *standalone) refused(addr string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); s.denied.IsZero() || now.Sub(s.denied) >= distrustInterval {
		s.denied = now
		s.events.Send(sentinel.Event{Kind: sentinel.EventDistrusted, Addr: addr, Err: err})
	}
}
