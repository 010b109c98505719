package pool

import (
	"errors"
	"fmt"
	"time"

	"github.com/kermes-redis/kermes/conn"
)

// ErrClosed says that the pool was closed.
var ErrClosed = errors.New("pool is closed")

// WaitError says that no connection became free before the context ended. It
// carries what is needed to see why.
type WaitError struct {
	// Limit, Open, Leased and Waiting describe the pool at that moment.
	Limit, Open, Leased, Waiting int
	// Waited is how long the caller waited.
	Waited time.Duration
	// LastDial is the error of the last dial, or nil.
	LastDial error
	// Err is the context's error.
	Err error
}

// Error shows all of it.
func (e *WaitError) Error() string {
	text := fmt.Sprintf("no connection after %v (limit %d, open %d, leased %d, waiting %d): %v",
		e.Waited.Round(time.Millisecond), e.Limit, e.Open, e.Leased, e.Waiting, e.Err)
	if e.LastDial != nil {
		text += "; last dial: " + e.LastDial.Error()
	}
	return text
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
