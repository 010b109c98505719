package pool

import (
	"fmt"
	"runtime"
	"time"

	"github.com/kermes-redis/kermes/conn"
)

const (
	// DefaultSoloConns is how many callers at a time have a connection each. So
	// few gain nothing by sharing: mostly each of them writes for itself, and
	// takes a tenth more processor time to tell the others of their replies.
	// With more, a system call begins to serve several.
	DefaultSoloConns = 4
	// DefaultSharedConns is how many connections all callers share at most when
	// there are more of them.
	DefaultSharedConns = 2
	// DefaultMinConns is the least value of the default of MaxConns, which is
	// four for each processor.
	DefaultMinConns = 16
	// DefaultIdleTime is how long an unused connection is kept.
	DefaultIdleTime = 5 * time.Minute
	// DefaultPeekAfter is how long a connection is idle before it is looked at
	// before use.
	DefaultPeekAfter = time.Second
	// DefaultMaxDials is how many dials may run at a time.
	DefaultMaxDials = 4
	// DefaultMinBackoff and DefaultMaxBackoff bound the wait between dials
	// while the server cannot be reached.
	DefaultMinBackoff = 10 * time.Millisecond
	// DefaultMaxBackoff see DefaultMinBackoff.
	DefaultMaxBackoff = time.Second
)

// Options says how to connect and how many connections to keep. The zero
// value is ready for use.
type Options struct {
	// Conn says how to connect. Its Shared field is the pool's own business.
	Conn conn.Options
	// MaxConns bounds the connections that are leased or kept for leases and
	// for solo callers. Shared connections come on top. Zero means four for
	// each processor, at least DefaultMinConns; negative means no bound.
	MaxConns int
	// SoloConns is up to how many callers at a time have a connection each.
	// Zero means DefaultSoloConns, negative none: all share from the first.
	SoloConns int
	// SharedConns is how many connections callers share beyond that. They take
	// the first, on which they help each other most; others are for callers
	// beyond 512 at a time, and for all while a large reply is arriving on the
	// first. Zero means DefaultSharedConns; negative means one.
	SharedConns int
	// MinIdle is how many idle connections are kept ready. Zero means none.
	MinIdle int
	// MaxIdle is how many idle connections are kept at most. Zero means
	// MaxConns, negative none.
	MaxIdle int
	// IdleTime is how long an unused connection is kept. Zero means
	// DefaultIdleTime, negative for ever. It should be shorter than the
	// server's "timeout" setting.
	IdleTime time.Duration
	// MaxLifetime is the age at which a connection is closed once it is idle,
	// up to a tenth earlier so that not all go at once. Zero and negative mean
	// never. With credentials that expire it should be shorter than they live.
	MaxLifetime time.Duration
	// PeekAfter is how long a connection is idle before it is looked at, without
	// a round trip, before use. Zero means DefaultPeekAfter, negative never.
	PeekAfter time.Duration
	// WaitTime bounds how long a call waits for a connection to a server that
	// cannot be reached. Waiting for connections that others use is bounded by the
	// context alone. Zero and negative mean no bound but that.
	WaitTime time.Duration
	// MaxDials is how many dials may run at a time. Zero means DefaultMaxDials.
	// While dialling fails it is one.
	MaxDials int
	// OnConnect, if set, is called when a connection has been made, or could not be:
	// err says why. OnDisconnect is called when one that was made has ended, with the
	// reason. Both are called by goroutines of the pool, several at a time, and must
	// not block nor use the pool. Connections made with [Pool.Dial] are reported by
	// OnConnect alone: their end is their owner's.
	OnConnect    func(addr string, took time.Duration, err error)
	OnDisconnect func(addr string, lasted time.Duration, err error)
	// MinBackoff and MaxBackoff bound the wait between dials while the server
	// cannot be reached. It doubles, with jitter. Zero means DefaultMinBackoff
	// and DefaultMaxBackoff.
	MinBackoff, MaxBackoff time.Duration
}

// Format prints the fields, with the password masked.
func (o Options) Format(f fmt.State, _ rune) {
	type plain Options // without this method; Conn masks itself
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, 'v'), plain(o))
}

func (o Options) withDefaults() Options {
	if o.MaxConns == 0 {
		o.MaxConns = max(DefaultMinConns, 4*runtime.GOMAXPROCS(0))
	}
	if o.SoloConns == 0 {
		o.SoloConns = DefaultSoloConns
	}
	if o.SharedConns == 0 {
		o.SharedConns = DefaultSharedConns
	}
	o.SharedConns = max(o.SharedConns, 1)
	switch {
	case o.MaxIdle == 0:
		o.MaxIdle = o.MaxConns // below zero: no bound
	case o.MaxIdle < 0:
		o.MaxIdle = 0
	}
	if o.IdleTime == 0 {
		o.IdleTime = DefaultIdleTime
	}
	if o.PeekAfter == 0 {
		o.PeekAfter = DefaultPeekAfter
	}
	if o.MaxDials <= 0 {
		o.MaxDials = DefaultMaxDials
	}
	if o.MinBackoff <= 0 {
		o.MinBackoff = DefaultMinBackoff
	}
	if o.MaxBackoff <= 0 {
		o.MaxBackoff = DefaultMaxBackoff
	}
	if o.Conn.Addr == "" {
		o.Conn.Addr = conn.DefaultAddr
	}
	return o
}
