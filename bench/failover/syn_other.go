//go:build !linux

package main

import "errors"

// droppedSYNs needs a kernel that drops SYNs when the backlog is full.
func droppedSYNs() (addr string, end func(), err error) {
	return "", nil, errors.New("failover: this row needs Linux")
}
