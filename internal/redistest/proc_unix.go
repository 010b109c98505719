//go:build unix && !linux

package redistest

import "syscall"

// dieWithParent leaves it to the supervisor.
func dieWithParent() *syscall.SysProcAttr { return ownGroup() }
