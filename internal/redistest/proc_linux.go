package redistest

import "syscall"

// dieWithParent makes the kernel kill the process when the thread that
// started it ends, at the latest with this process.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
