//go:build unix

package redistest

import "syscall"

// ownGroup keeps signals of the terminal away from the process.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func signalKill(pid int) error { return syscall.Kill(pid, syscall.SIGKILL) }
func signalStop(pid int) error { return syscall.Kill(pid, syscall.SIGSTOP) }
func signalCont(pid int) error { return syscall.Kill(pid, syscall.SIGCONT) }
