package client

import (
	"errors"
	"fmt"
	"time"
)

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
	// ErrReauth says that [Client.Reauth] has dropped a connection for pub/sub, so
	// that the next one uses the new credentials.
	ErrReauth = errors.New("client: the credentials have been replaced")
	// ErrOrphan says that an eagerly adopted master was given up, because no
	// sentinel has confirmed it.
	ErrOrphan = errors.New("client: no sentinel has confirmed the promotion")
	// ErrNotReadOnly says that a command without the flag ReadOnly was given to
	// replicas. It was not sent.
	ErrNotReadOnly = errors.New("client: replicas: not a read-only command")
)

// RetryError says that a call was tried several times, and why it was given up. One for
// a connection of the caller's own whose context ended before its first attempt, while
// the back-off of earlier calls lasted, says so, with their error.
// Its class is that of the last attempt: see conn.ClassOf.
type RetryError struct {
	// Command is what was asked for, such as "SET"; of a batch the first command without
	// a reply and its place, such as "SET, index 2 of 10 commands".
	Command string
	// Took is the time since the call began, of which the first attempt counts as far
	// as its error tells: see [conn.Error.Waited]. Attempts is how often it was tried.
	Took     time.Duration
	Attempts int
	// Ended is the error of the context that ended the call; nil where
	// Options.RetryTime was over.
	Ended error
	// Err is what the last attempt has failed with.
	Err error
}

// Error says what was tried, how often and for how long, and what the last attempt
// has failed with.
func (e *RetryError) Error() string {
	end := "gave up"
	if e.Ended != nil {
		end = e.Ended.Error()
	}
	tried := " and " + plural(e.Attempts, "attempt")
	if e.Attempts == 0 {
		tried = ", without an attempt"
	}
	return fmt.Sprintf("client: %s: %s after %v%s: %v", e.Command, end, rounded(e.Took), tried, e.Err)
}

// rounded leaves three digits or so.
func rounded(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(10 * time.Millisecond)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Unwrap returns the context's error, if that has ended, and the last attempt's.
func (e *RetryError) Unwrap() []error {
	if e.Ended == nil {
		return []error{e.Err}
	}
	return []error{e.Ended, e.Err}
}
