package client

import "errors"

var (
	// ErrSwitched says that another master took over while the command was
	// under way.
	ErrSwitched = errors.New("client: the master has changed")
	// ErrClosed says that the client was closed, or its group.
	ErrClosed = errors.New("client: closed")
	// ErrNoReplica says that no replica may serve the read.
	ErrNoReplica = errors.New("client: no usable replica")
	// ErrHeld says that a write waited for the end of a failover until its
	// context or its time ended.
	ErrHeld = errors.New("client: writes are held during a failover")
	// ErrNoQuorum says that a write was refused, or its reply came too late,
	// because no majority of the sentinels has confirmed the master lately: see
	// Options.RequireQuorum.
	ErrNoQuorum = errors.New("client: no majority of sentinels confirms the master")
	// ErrNotMaster says that the server that the sentinels name says itself that
	// it is no master.
	ErrNotMaster = errors.New("client: the server is no master")
	// ErrInvalidated says that [Client.Invalidate] has dropped the connection.
	ErrInvalidated = errors.New("client: invalidated by hand")
	// ErrOrphan says that an eagerly adopted master was given up, because no
	// sentinel has confirmed it.
	ErrOrphan = errors.New("client: no sentinel has confirmed the promotion")
	// ErrNotReadOnly says that a command without the flag ReadOnly was given to
	// replicas. It was not sent.
	ErrNotReadOnly = errors.New("client: not a read-only command")
)
