//go:build unix && !linux

package testredis

import "syscall"

// ownGroup keeps signals of the terminal away from the process.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// dieWithParent leaves it to the supervisor.
func dieWithParent() *syscall.SysProcAttr { return ownGroup() }

func signalKill(pid int) error { return syscall.Kill(pid, syscall.SIGKILL) }
func signalStop(pid int) error { return syscall.Kill(pid, syscall.SIGSTOP) }
func signalCont(pid int) error { return syscall.Kill(pid, syscall.SIGCONT) }
