package testredis

import "syscall"

// ownGroup keeps signals of the terminal away from the process.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// dieWithParent makes the kernel kill the process when the thread that
// started it ends, at the latest with this process.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func signalKill(pid int) error { return syscall.Kill(pid, syscall.SIGKILL) }
func signalStop(pid int) error { return syscall.Kill(pid, syscall.SIGSTOP) }
func signalCont(pid int) error { return syscall.Kill(pid, syscall.SIGCONT) }
