package conn

import (
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
)

// turn is one use of the socket, as turn.go has it. It belongs to the caller that is alone.
type turn struct {
	raw  syscall.RawConn // nil where there are none
	do   func(fd uintptr) (done bool)
	solo *uint32 // wire.solo
	patience

	step  turnStep
	out   []byte // is written
	wrote int    // so much of it
	in    []byte // is read into
	got   int    // so much
	errno error  // of the last system call
	first [1]byte
}

// init makes turns possible if nc is a socket and nothing else.
func (t *turn) init(nc net.Conn, solo *uint32) {
	var sc syscall.Conn
	switch nc := nc.(type) {
	case *net.TCPConn:
		sc = nc
	case *net.UnixConn:
		sc = nc
	default:
		return
	}
	if raw, err := sc.SyscallConn(); err == nil {
		t.raw, t.do, t.solo = raw, t.play, solo
	}
}

// play goes on with a turn until it has to wait. It reports true when the turn is over.
func (t *turn) play(fd uintptr) (done bool) {
	if t.step == turnReads {
		return t.read(fd)
	}
	if _, err := peekAt(fd, &t.first); err != syscall.EAGAIN { //nolint:errorlint // errors.Is takes longer
		return true
	}
	t.step = turnWrites
	if t.wrote, t.errno = uninterrupted(syscall.Write, fd, t.out); t.wrote < len(t.out) {
		return true
	}
	if !atomic.CompareAndSwapUint32(t.solo, soloWrites, soloWrote) {
		return true // others have come: who writes has to write for them too
	}
	t.step = turnReads
	if t.waits() {
		return false
	}
	done = t.read(fd)
	t.looked(done)
	return done
}

// read reads, and reports false where there is nothing to read.
func (t *turn) read(fd uintptr) (done bool) {
	t.got, t.errno = uninterrupted(syscall.Read, fd, t.in)
	return t.errno != syscall.EAGAIN //nolint:errorlint // as above
}

// uninterrupted makes a system call, again where a signal has ended it.
func uninterrupted(call func(int, []byte) (int, error), fd uintptr, p []byte) (int, error) {
	for {
		n, err := call(int(fd), p)
		if err != syscall.EINTR { //nolint:errorlint // as above
			return max(n, 0), err
		}
	}
}

// takeTurn does what it can, with one use of the socket, of what a caller is to do who is
// alone and goes to write buf. n is how many bytes of buf have been written, or how many
// bytes have been read; what err says of a read may be that the reader was poked.
func (c *wire) takeTurn(buf []byte) (how turnStep, n int, err error) {
	t := &c.turn
	if t.raw == nil || c.receives.Load() || !c.in.beginRead() {
		return turnLooks, 0, nil // who is in Receive reads, and would have to end that before
	}
	t.step, t.out, t.in = turnLooks, buf, c.in.buf
	err = t.raw.Read(t.do)
	t.out, t.in = nil, nil
	switch {
	case t.step == turnLooks:
		return turnLooks, 0, nil // who goes on finds that something is the matter
	case t.step == turnWrites:
		return turnWrites, t.wrote, nil // as above
	case err != nil:
		return turnReads, 0, waitError(err)
	case t.errno != nil:
		return turnReads, 0, c.readError(t.errno)
	case t.got == 0:
		return turnReads, 0, io.EOF
	}
	return turnReads, t.got, nil
}

// waitError is what package net would say of a wait that has ended with err.
func waitError(err error) error {
	if e, ok := err.(*net.OpError); ok && e.Op == "raw-read" {
		e.Op = "read"
	}
	return err
}

// readError is what package net would say of a read that has failed. It is not told twice.
func (c *wire) readError(errno error) error {
	at := c.nc.LocalAddr()
	return &net.OpError{Op: "read", Net: at.Network(), Source: at, Addr: c.nc.RemoteAddr(), Err: os.NewSyscallError("read", errno)}
}
