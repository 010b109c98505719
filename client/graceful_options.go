package client

import "time"

const (
	// DefaultPause is for how long writes are paused at a time; the pause is
	// prolonged while the failover lasts.
	DefaultPause = 4 * time.Second
	// DefaultCatchUp bounds the wait for the replicas.
	DefaultCatchUp = 3 * time.Second
	// DefaultNaming bounds the wait for the new master.
	DefaultNaming = 10 * time.Second
	// offsetPoll is how often offsets are compared.
	offsetPoll = 5 * time.Millisecond
	// offsetAsk bounds each question for an offset: a replica that hangs must not
	// keep the others from being counted.
	offsetAsk = 500 * time.Millisecond
	// undoTime bounds what is done whatever happens: each prolongation of the pause,
	// its end, and the demotion of the old master.
	undoTime = 2 * time.Second
)

// GracefulOptions describes a graceful failover. The zero value is ready for
// use.
type GracefulOptions struct {
	// Pause is for how long writes on the old master are paused at a time. If
	// this process dies in the middle, they go on after that. Zero and negative
	// mean DefaultPause.
	Pause time.Duration
	// CatchUp bounds the wait until all replicas have what the master has. Zero
	// and negative mean DefaultCatchUp.
	CatchUp time.Duration
	// Naming bounds the wait from the order to fail over until a sentinel names
	// the new master. Zero and negative mean DefaultNaming.
	Naming time.Duration
	// MinReplicas is how many replicas must have caught up. Zero and negative
	// mean all that the master knows, at least one. With fewer than all of them the
	// sentinels may promote one that has not.
	MinReplicas int
}

// GracefulReport is what a graceful failover has done.
type GracefulReport struct {
	// Old and New are the addresses of the masters. New is empty until one is named,
	// also beside an error.
	Old, New string
	// Epoch is that of the new configuration.
	Epoch int64
	// CaughtUp replicas had all that the old master had, after CatchUp.
	CaughtUp int
	CatchUp  time.Duration
	// Paused is how long writes were paused on the old master altogether; until the
	// error, where that says that the pause was not lifted.
	Paused time.Duration
}
