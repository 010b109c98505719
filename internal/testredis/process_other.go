//go:build !unix

package testredis

import (
	"errors"
	"os"
	"syscall"
)

var errNoSignals = errors.New("testredis: this system has no such signal")

func ownGroup() *syscall.SysProcAttr      { return nil }
func dieWithParent() *syscall.SysProcAttr { return nil }

func signalKill(pid int) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return p.Kill()
}
func signalStop(int) error { return errNoSignals }
func signalCont(int) error { return errNoSignals }
