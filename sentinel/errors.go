package sentinel

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrNoSentinel says that no sentinel could be reached, or none answered.
	ErrNoSentinel = errors.New("no sentinel reachable")
	// ErrMasterUnknown says that sentinels answered, and none knows a master
	// of that name.
	ErrMasterUnknown = errors.New("no sentinel knows the master")
	// ErrSwitched says that another master took over while the command was
	// under way.
	ErrSwitched = errors.New("sentinel: the master has changed")
	// ErrClosed says that the client or the group was closed.
	ErrClosed = errors.New("sentinel: closed")
	// ErrNoReplica says that no replica may serve the read.
	ErrNoReplica = errors.New("sentinel: no usable replica")
	// ErrHeld says that a write waited for the end of a failover until its
	// context or its time ended.
	ErrHeld = errors.New("sentinel: writes are held during a failover")
	// ErrNoQuorum says that a write was refused, or its reply came too late,
	// because no majority of the sentinels has confirmed the master lately: see
	// Options.RequireQuorum.
	ErrNoQuorum = errors.New("sentinel: no majority of sentinels confirms the master")
	// ErrNotMaster says that the server that the sentinels name says itself that
	// it is no master.
	ErrNotMaster = errors.New("sentinel: the server is no master")
	// ErrInvalidated says that [Client.Invalidate] has dropped the connection.
	ErrInvalidated = errors.New("sentinel: invalidated by hand")
	// ErrOrphan says that an eagerly adopted master was given up, because no
	// sentinel has confirmed it.
	ErrOrphan = errors.New("sentinel: no sentinel has confirmed the promotion")
	// ErrNotReadOnly says that a command without the flag ReadOnly was given to
	// replicas. It was not sent.
	ErrNotReadOnly = errors.New("sentinel: not a read-only command")
	// ErrUnknownGroup says that no group of that name is registered.
	ErrUnknownGroup = errors.New("sentinel: no group of that name")
)

// Attempt is what one sentinel said when asked for a master.
type Attempt struct {
	// Sentinel is its address.
	Sentinel string
	// Err is why it gave no address: ErrMasterUnknown, an *conn.Error, a
	// *conn.AuthError in one.
	Err error
}

// ResolveError says why a master could not be found, sentinel by sentinel. It
// matches ErrMasterUnknown or ErrNoSentinel, and every cause.
type ResolveError struct {
	// Master is the name that was asked for; empty for [Group.Dial].
	Master string
	// Attempts holds one entry for each known sentinel.
	Attempts []Attempt
}

// Error lists all attempts.
func (e *ResolveError) Error() string {
	var b strings.Builder
	b.WriteString("sentinel: ")
	if e.Master != "" {
		fmt.Fprintf(&b, "master %q: ", e.Master)
	}
	b.WriteString(e.kind().Error())
	for i, a := range e.Attempts {
		sep := "; "
		if i == 0 {
			sep = " ("
		}
		fmt.Fprintf(&b, "%s%s: %v", sep, a.Sentinel, a.Err)
	}
	if len(e.Attempts) > 0 {
		b.WriteString(")")
	}
	return b.String()
}

// kind is unknown as soon as one sentinel said so: then it is the name, or the
// sentinels' configuration, and not the network.
func (e *ResolveError) kind() error {
	for _, a := range e.Attempts {
		if errors.Is(a.Err, ErrMasterUnknown) {
			return ErrMasterUnknown
		}
	}
	return ErrNoSentinel
}

// Unwrap returns the kind and all causes.
func (e *ResolveError) Unwrap() []error {
	all := []error{e.kind()}
	for _, a := range e.Attempts {
		all = append(all, a.Err)
	}
	return all
}
