package pool

import (
	"errors"
	"fmt"
	"time"

	"github.com/kermes-redis/kermes/conn"
)

// ErrClosed says that the pool was closed.
var ErrClosed = errors.New("pool: closed")

// WaitError says that no connection was there before the time to wait was over. It
// carries what is needed to see why.
type WaitError struct {
	// Limit, Open, Leased and Waiting describe the pool at that moment.
	Limit, Open, Leased, Waiting int
	// Waited is how long the caller waited.
	Waited time.Duration
	// LastDial is the error of the last dial, or nil.
	LastDial error
	// Err is the context's error, or says that the server cannot be reached: see
	// Options.WaitTime.
	Err error
}

// Error says how long the caller has waited for a connection in this pool, what
// for, and what can be done about it.
func (e *WaitError) Error() string {
	waited := e.Waited.Round(time.Millisecond)
	switch {
	case e.LastDial != nil:
		return fmt.Sprintf("pool: no connection within %v: %v; the last dial failed: %v", waited, e.Err, e.LastDial)
	case e.Limit >= 0 && e.Open >= e.Limit && e.Leased > 0:
		return fmt.Sprintf("pool: no connection within %v: %v; all are in use (MaxConns %d, leased %d, waiting %d): "+
			"raise MaxConns, or find the calls that keep them", waited, e.Err, e.Limit, e.Leased, e.Waiting+1)
	}
	return fmt.Sprintf("pool: no connection within %v: %v; dialling has not ended yet", waited, e.Err)
}

// Unwrap returns the context's error and the last dial's.
func (e *WaitError) Unwrap() []error {
	if e.LastDial == nil {
		return []error{e.Err}
	}
	return []error{e.Err, e.LastDial}
}

func (p *Pool) notSent(err error) *conn.Error {
	return &conn.Error{Op: conn.OpWait, Addr: p.opts.Conn.Addr, Class: conn.ClassNotSent, Err: err}
}
