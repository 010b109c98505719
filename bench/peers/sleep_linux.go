package main

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A sleeper sleeps as long as it is told. time.Sleep in a program that has nothing else
// to do takes a millisecond at least, and a whole number of them, but less the more a
// client sends: what arrives wakes the program, which finds the time come. A round trip
// of one millisecond took two and a half for those who send little at a time, or all at
// once, and half of that for those whose many small writes kept the proxy awake.
type sleeper struct {
	timer *os.File // readable when its time has come
	buf   [8]byte
}

func newSleeper() (*sleeper, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("timerfd_create", err)
	}
	return &sleeper{timer: os.NewFile(uintptr(fd), "timer")}, nil
}

// sleep returns after d. It is for one goroutine.
func (s *sleeper) sleep(d time.Duration) error {
	if d <= 0 {
		return nil
	}
	c, err := s.timer.SyscallConn()
	if err != nil {
		return err
	}
	at := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}
	var set error
	if err := c.Control(func(fd uintptr) { set = unix.TimerfdSettime(int(fd), 0, &at, nil) }); err != nil {
		return err
	}
	if set != nil {
		return os.NewSyscallError("timerfd_settime", set)
	}
	_, err = s.timer.Read(s.buf[:])
	return err
}

func (s *sleeper) close() { _ = s.timer.Close() }
