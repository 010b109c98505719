package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	// clockTick is what the kernel counts CPU time in (USER_HZ).
	clockTick = 10 * time.Millisecond
	// mostOthers is the share of all CPUs that other programs may use before a
	// measurement is repeated, up to maxTries times in all.
	mostOthers = 0.08
	maxTries   = 3
)

// usage is CPU time used since the machine was started, by all programs and by
// some.
type usage struct{ all, idle, ours time.Duration }

// readUsage returns the zero value where there is no /proc.
func readUsage(pids []int) (l usage) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return usage{}
	}
	first, _, _ := strings.Cut(string(b), "\n")
	for i, word := range strings.Fields(first)[1:9] { // guest time is in user time
		n, _ := strconv.ParseInt(word, 10, 64)
		t := time.Duration(n) * clockTick
		if i == 3 || i == 4 {
			l.idle += t
		}
		l.all += t
	}
	for _, pid := range pids {
		l.ours += processTime(pid)
	}
	return l
}

func processTime(pid int) time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	words := strings.Fields(rest)
	if len(words) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(words[11], 10, 64)
	system, _ := strconv.ParseInt(words[12], 10, 64)
	return time.Duration(user+system) * clockTick
}

// others is the share of all CPUs that was used by others since before, apart
// from a child that used so much.
func (l usage) others(before usage, child time.Duration) float64 {
	all := l.all - before.all
	if all <= 0 {
		return 0
	}
	busy := all - (l.idle - before.idle)
	return max(0, float64(busy-child-(l.ours-before.ours))/float64(all))
}
