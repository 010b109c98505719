package main

import (
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
)

// order of the figures in the table.
var order = []string{
	"outage", "after named", "stale", "writes unavailable", "failed", "first command", "longest gap", "executed twice",
	"read gap", "acknowledged writes lost", "of writes acknowledged", "subscriber: first message",
}

// writeTable prints the medians of all results.
func writeTable(out io.Writer, all []result) {
	fmt.Fprint(out, "| fault | Sentinel: promotion / named / first +switch-master | figure |")
	for _, c := range contenders {
		fmt.Fprintf(out, " %s |", c.name)
	}
	fmt.Fprintf(out, "\n|%s\n", strings.Repeat("---|", len(contenders)+3))
	for _, r := range rows {
		var runs []figures
		for _, res := range all {
			if res.Row == r.name {
				runs = append(runs, res.Figures)
			}
		}
		if len(runs) == 0 {
			continue
		}
		name, times := fmt.Sprintf("%s (%d runs)", r.name, len(runs)), sentinelTimes(runs)
		for _, figure := range order {
			if cells, ok := cellsOf(runs, figure); ok {
				fmt.Fprintf(out, "| %s | %s | %s |%s\n", name, times, figure, cells)
				name, times = "", ""
			}
		}
	}
}

func sentinelTimes(runs []figures) string {
	var parts []string
	for _, figure := range []string{"promotion", "named", "first +switch-master"} {
		if v, ok := median(runs, figure, own); ok {
			parts = append(parts, text(v))
		}
	}
	return strings.Join(parts, " / ")
}

func cellsOf(runs []figures, figure string) (string, bool) {
	var b strings.Builder
	any := false
	for _, c := range contenders {
		v, ok := median(runs, figure, c.name)
		any = any || ok
		if !ok {
			b.WriteString(" |")
			continue
		}
		fmt.Fprintf(&b, " %s |", text(v))
	}
	return b.String(), any
}

// text of a figure; negative stands for what never came.
func text(v float64) string {
	if v == kept {
		return "not in time"
	}
	return fmt.Sprintf("%.0f", v)
}

// kept is how never is kept.
const kept = -1

// median over the runs; one that never came is longer than all others.
func median(runs []figures, figure, name string) (float64, bool) {
	const long = 1e12
	var all []float64
	for _, f := range runs {
		v, ok := f[figure][name]
		if !ok {
			continue
		}
		if v == kept {
			v = long
		}
		all = append(all, v)
	}
	if len(all) == 0 {
		return 0, false
	}
	slices.Sort(all)
	m := all[len(all)/2]
	if len(all)%2 == 0 {
		m = (all[len(all)/2-1] + all[len(all)/2]) / 2
	}
	if m >= long/2 {
		m = kept
	}
	return m, true
}

// writeReport is the table with what it was made with.
func writeReport(out io.Writer, all []result) {
	fmt.Fprint(out, `# Failovers: Kermes next to other clients

Made by `+"`make bench-failover`"+`. Earlier tables are in [history](history/). All clients work in one process against the same servers when something happens to
these: 1 master, 2 replicas, 3 sentinels on loopback, down-after 1 s, failover-timeout 5 s. Eight writers of each client
push a new number every 4 ms with a deadline of a second; the harness never repeats one. Times are medians in
milliseconds.

- *outage*: from the fault until the last writer's first durable write on the new master; *after named*: the same, counted
  from when the first sentinel names the new master (negative: before).
- *stale*: acknowledged writes that began after the promotion and are lost, because the old master executed them.
- *writes unavailable*, *longest gap*: the longest time without any success of the client.
- *failed*: calls that returned an error. *executed twice*: commands whose reply was lost, and that the client repeated.
- *read gap*: the longest time between two successes of one reader, while a replica is lost.
- *subscriber*: from the fault until the first message that was published on the new master.
- "subscribed sentinel": the only one that clients were told; they learn of the others from it.
- Without sentinels, all connections to the servers are cut once after a second.

`)
	writeTable(out, all)
	fmt.Fprint(out, "\n## Made with\n\n")
	for _, line := range versions() {
		fmt.Fprintf(out, "- %s\n", line)
	}
	fmt.Fprint(out, `
Default settings of each client, but for "tuned": go-redis with dial, read and write timeouts of 500 ms; rueidis with
dialers (sentinels and servers) of 500 ms timeout and 1 s keep-alive, and a ConnWriteTimeout of 500 ms. "no hold":
Options.NoHold; "eager": Options.Adopt is AdoptEager.
`)
}

func versions() []string {
	all := []string{fmt.Sprintf("%s, %s/%s, %d processors", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())}
	if text, err := exec.Command("redis-server", "--version").Output(); err == nil {
		if f := strings.Fields(string(text)); len(f) > 2 {
			all = append(all, "redis-server "+strings.TrimPrefix(f[2], "v="))
		}
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if strings.Contains(m.Path, "go-redis") || strings.Contains(m.Path, "rueidis") {
				all = append(all, m.Path+" "+m.Version)
			}
		}
	}
	return all
}
