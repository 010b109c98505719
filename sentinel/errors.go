package sentinel

import (
	"errors"
	"fmt"
	"strings"

	"github.com/kermes-redis/kermes/conn"
)

var (
	// ErrNoSentinel says that no sentinel could be reached, or none answered.
	ErrNoSentinel = errors.New("sentinel: no sentinel can be reached")
	// ErrMasterUnknown says that sentinels answered, and none knows a master
	// of that name.
	ErrMasterUnknown = errors.New("sentinel: no sentinel knows the master")
	// ErrClosed says that the group, or the [Watch], was closed.
	ErrClosed = errors.New("sentinel: closed")
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
	b.WriteString(bare(e.kind()))
	for i, a := range e.Attempts {
		sep := "; "
		if i == 0 {
			sep = " ("
		}
		fmt.Fprintf(&b, "%s%s: %s", sep, a.Sentinel, bare(a.Err))
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

// bare is the text of an error within another one of this package.
func bare(err error) string { return strings.TrimPrefix(err.Error(), "sentinel: ") }

// Permanent reports whether asking again as before cannot help: each sentinel has
// refused the connection for good, by its certificate or the credentials.
func (e *ResolveError) Permanent() bool {
	for _, a := range e.Attempts {
		if !permanent(a.Err) {
			return false
		}
	}
	return len(e.Attempts) > 0
}

func permanent(err error) bool {
	_, auth := errors.AsType[*conn.AuthError](err)
	return auth || conn.IsPermanent(err)
}
