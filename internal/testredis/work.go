package testredis

import (
	"strconv"
	"strings"
)

// Work returns how many commands the server has executed, those of scripts included,
// and the seconds of CPU it has used.
func (n *Node) Work() (calls int64, cpu float64, err error) {
	stats, err := n.Info("commandstats")
	if err != nil {
		return 0, 0, err
	}
	for _, v := range stats {
		count, _, _ := strings.Cut(strings.TrimPrefix(v, "calls="), ",")
		c, _ := strconv.ParseInt(count, 10, 64)
		calls += c
	}
	used, err := n.Info("cpu")
	if err != nil {
		return 0, 0, err
	}
	for _, field := range []string{"used_cpu_sys", "used_cpu_user"} {
		s, _ := strconv.ParseFloat(used[field], 64)
		cpu += s
	}
	return calls, cpu, nil
}
