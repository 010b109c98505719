package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// names of the contenders that have been measured.
func (t table) names() (names []string) {
	for i := range contenders {
		for _, row := range t {
			if len(row[contenders[i].name]) > 0 {
				names = append(names, contenders[i].name)
				break
			}
		}
	}
	return names
}

// memoryTable is what each client allocates, in the same form as summary.
func memoryTable(out io.Writer, t table) {
	names := t.names()
	fmt.Fprintf(out, "\n## Memory\n\nAllocations and bytes allocated per command, the result included.\n\n")
	line(out, append([]string{"per command"}, names...)...)
	line(out, rule(len(names)+1)...)
	for i := range workloads {
		w := &workloads[i]
		if t[w.name] == nil || !w.isTime() {
			continue
		}
		cells := []string{label(w)}
		for _, name := range names {
			cell := "-"
			if len(t.of(w.name, name, ns)) > 0 {
				cell = countText(t.of(w.name, name, allocs).median()) + ", " + bytesOnly(t.of(w.name, name, kept).median())
			}
			cells = append(cells, cell)
		}
		line(out, cells...)
	}
}

// summary is one row for each workload and one column for each client.
func summary(out io.Writer, all []figures) {
	t := tabulate(all)
	names := t.names()
	if len(names) == 0 {
		return
	}
	line(out, append([]string{"per command"}, names...)...)
	line(out, rule(len(names)+1)...)
	for i := range workloads {
		w := &workloads[i]
		if t[w.name] == nil || w.special == specialAllocs {
			continue
		}
		cells := []string{label(w)}
		best := t.best(w, names)
		for _, name := range names {
			cell := t.cell(w, name)
			if name == best {
				cell = "**" + cell + "**"
			}
			cells = append(cells, cell)
		}
		line(out, cells...)
	}
}

func label(w *workload) string {
	if w.place.onOneCPU() {
		return w.name + ", one CPU"
	}
	return w.name
}

// main figure of a workload.
func (w *workload) figure() func(*figures) float64 {
	if w.isTime() {
		return ns
	}
	return kept
}

func (t table) cell(w *workload, name string) string {
	s := t.of(w.name, name, w.figure())
	if len(s) == 0 {
		return "-"
	}
	if w.special == specialMany {
		return fmt.Sprintf("%s, %s goroutines", bytesText(s.median()),
			countText(t.of(w.name, name, func(f *figures) float64 { return f.Goroutines }).median()))
	}
	if w.special == specialPaired {
		return fmt.Sprintf("%.3f of kermes-client", t.of(w.name, name, ratio).median())
	}
	if !w.isTime() {
		return bytesText(s.median())
	}
	if name == "raw" {
		return timeText(s.median())
	}
	if r := t.ratio(w.name, name, "raw", ns); len(r) > 0 && w.place != memory {
		return fmt.Sprintf("%s, %.2f", timeText(s.median()), r.median())
	}
	return timeText(s.median())
}

// best is the client with the lowest figure, raw aside, if it is ahead of all others in
// every round; else it is nobody.
func (t table) best(w *workload, names []string) (best string) {
	least := 0.0
	for _, name := range names {
		s := t.of(w.name, name, w.figure())
		if family(name) == "raw" || len(s) == 0 {
			continue
		}
		if m := s.median(); best == "" || m < least {
			best, least = name, m
		}
	}
	if r := t.lead(w.name, best, w.figure()); len(r) == 0 || r.inner().min() <= 1 {
		return ""
	}
	return best
}

// farNotes says of which rows the proxy, and not the client, is the limit: where raw does
// not get a reply in the round trip, or as soon as it does without a proxy.
func farNotes(out io.Writer, t table) {
	for i := range workloads {
		w := &workloads[i]
		raw := t.of(w.name, "raw", ns)
		trip := w.place.roundTrip()
		if trip == 0 || len(raw) == 0 {
			continue
		}
		ideal := float64(trip) / float64(max(w.callers, 1))
		if direct := t.of(fmt.Sprintf("get, %d callers", w.callers), "raw", ns); len(direct) > 0 {
			ideal = max(ideal, direct.median())
		}
		fmt.Fprintf(out, "%s: raw takes %.2f times what the round trip and the server need", w.name, raw.median()/ideal)
		if raw.median() > maxFar*ideal {
			fmt.Fprint(out, ": here the proxy is the limit of those that write each command by itself")
		}
		fmt.Fprint(out, ".\n\n")
	}
}

// maxFar is what raw may take through the proxy, of what it must.
const maxFar = 1.5

// report is the file with everything.
func report(out io.Writer, s settings, all []figures) {
	t := tabulate(all)
	fmt.Fprintf(out, "# Results\n\n")
	fmt.Fprintf(out, "Written by `make bench-peers OUT=../RESULTS.md` on %s; do not edit. Earlier tables are in [history](history/). ", time.Now().Format(time.DateOnly))
	fmt.Fprintf(out, "`make bench-peers` prints the table of times; `ROUNDS=5 TIME=500ms ONLY='64 callers' CLIENTS='raw|kermes|rueidis'` choose.\n\n")
	machine(out, all)
	fmt.Fprintf(out, "\n## Targets\n\n")
	fmt.Fprintf(out, "In brackets is between which rounds the median lies: all of up to 7; the outermost of more are left aside. "+
		"%s makes the map, string or strings that a caller is to have, in new memory, and nothing besides: a target below it asks more than that a client cost nothing.\n\n", floor)
	targetTable(out, t)
	fmt.Fprintf(out, "\n## Times\n\n")
	fmt.Fprintf(out, "Median time per command, and the median of its ratio to raw in the same round; a client is bold if it was ahead of all others in every round (of 8 or more, in those between which the median lies), apart from other set-ups of itself: "+
		"in a row without, noise decides. "+
		"Rows \"one CPU\" have client and server on the same CPU, which is far less noisy than two. "+
		"Rows \"own\" talk to a server in memory; what raw takes there is the harness.\n\n")
	summary(out, all)
	fmt.Fprintln(out)
	farNotes(out, t)
	memoryTable(out, t)
	everydayTable(out, t)
	fmt.Fprintf(out, "\n## Everything\n\n")
	fmt.Fprintf(out, "Median (min to max over the rounds). p50 and p99 are of one call, which for a pipeline is the whole. "+
		"CPU is that of the client's process.\n")
	details(out, t)
}

func machine(out io.Writer, all []figures) {
	rounds := map[string]bool{}
	for _, one := range all {
		rounds[one.Workload+"/"+strconv.Itoa(one.Round)] = true
	}
	most := 0
	for i := range workloads {
		n := 0
		for key := range rounds {
			if strings.HasPrefix(key, workloads[i].name+"/") {
				n++
			}
		}
		most = max(most, n)
	}
	var others spread
	for _, one := range all {
		others = append(others, one.Others)
	}
	fmt.Fprintf(out, "Machine: %d CPUs, %s, %s/%s, %s. redis-server %s on loopback, without persistence. Up to %d rounds for each row. "+
		"Other programs used %.0f %% of the CPUs in the median measurement, %.0f %% at most; one during which they used more than %.0f %% is repeated up to %d times.\n\n",
		runtime.NumCPU(), cpuModel(), runtime.GOOS, runtime.GOARCH, runtime.Version(), serverVersion(), most,
		100*others.median(), 100*others.max(), 100*mostOthers, maxTries-1)
	line(out, "client", "version", "set up as")
	line(out, rule(3)...)
	for i := range contenders {
		c := &contenders[i]
		line(out, c.name, versionOf(c.name), c.note)
	}
}

// modules of the clients.
var modules = map[string]string{
	"go-redis": "github.com/redis/go-redis/v9", "rueidis": "github.com/redis/rueidis",
	"radix": "github.com/mediocregopher/radix/v4", "redigo": "github.com/gomodule/redigo",
}

func versionOf(client string) string {
	if strings.HasPrefix(client, "kermes") {
		return gitVersion()
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for name, path := range modules {
		if !strings.HasPrefix(client, name) {
			continue
		}
		for _, m := range info.Deps {
			if m.Path == path {
				return m.Version
			}
		}
	}
	return "-"
}

// versionIn finds "v=7.0.15" in what redis-server --version says.
func versionIn(text string) string {
	for _, word := range strings.Fields(text) {
		if v, ok := strings.CutPrefix(word, "v="); ok {
			return v
		}
	}
	return strings.TrimSpace(text)
}

func cpuModel() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown CPU"
	}
	for _, l := range strings.Split(string(b), "\n") {
		if name, value, ok := strings.Cut(l, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown CPU"
}

func everydayTable(out io.Writer, t table) {
	const work = "allocations of everyday commands"
	if t[work] == nil {
		return
	}
	fmt.Fprintf(out, "\n## Allocations of everyday commands\n\nPer call on a real server, the result included.\n\n")
	line(out, append([]string{"command"}, everyday...)...)
	line(out, rule(1+len(everyday))...)
	for _, row := range everydayNames {
		cells := []string{row}
		for _, name := range everyday {
			s := t.of(work, name, func(f *figures) float64 { return f.Table[row] })
			if len(s) == 0 {
				cells = append(cells, "-")
				continue
			}
			cells = append(cells, countText(s.median()))
		}
		line(out, cells...)
	}
}

func details(out io.Writer, t table) {
	for i := range workloads {
		w := &workloads[i]
		if t[w.name] == nil || !w.isTime() {
			continue
		}
		fmt.Fprintf(out, "\n### %s\n\n", label(w))
		line(out, "client", "time", "to raw", "client CPU", "p50", "p99", "allocs", "bytes")
		line(out, rule(8)...)
		for i := range contenders {
			name := contenders[i].name
			if len(t[w.name][name]) == 0 {
				continue
			}
			times := t.of(w.name, name, ns)
			if len(times) == 0 {
				line(out, name, "failed: "+t[w.name][name][0].Error, "", "", "", "", "", "")
				continue
			}
			ratio := "-"
			if r := t.ratio(w.name, name, "raw", ns); len(r) > 0 {
				ratio = fmt.Sprintf("%.2f (%.2f to %.2f)", r.median(), r.min(), r.max())
			}
			line(out, name, spreadText(times), ratio, timeText(t.of(w.name, name, cpu).median()),
				timeText(t.of(w.name, name, p50).median()), timeText(t.of(w.name, name, p99).median()),
				countText(t.of(w.name, name, allocs).median()), strconv.Itoa(int(t.of(w.name, name, kept).median())))
		}
	}
}

func line(out io.Writer, cells ...string) { fmt.Fprintf(out, "| %s |\n", strings.Join(cells, " | ")) }

func rule(n int) []string {
	cells := make([]string, n)
	for i := range cells {
		cells[i] = "---"
	}
	return cells
}

func spreadText(s spread) string {
	return fmt.Sprintf("%s (%s to %s)", timeText(s.median()), timeText(s.min()), timeText(s.max()))
}

func timeText(ns float64) string {
	switch {
	case ns == 0:
		return "-"
	case ns < 1000:
		return fmt.Sprintf("%.0f ns", ns)
	case ns < 1e4:
		return fmt.Sprintf("%.2f us", ns/1e3)
	case ns < 1e6:
		return fmt.Sprintf("%.1f us", ns/1e3)
	}
	return fmt.Sprintf("%.2f ms", ns/1e6)
}

func bytesText(n float64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%.1f KiB", n/(1<<10))
	}
	return fmt.Sprintf("%.2f MiB", n/(1<<20))
}

func countText(n float64) string {
	if n < 0.005 {
		return "0"
	}
	return strings.TrimSuffix(fmt.Sprintf("%.2f", n), ".00")
}

// gitVersion is how the library under test was built, as far as git knows.
func gitVersion() string {
	out, err := exec.Command("git", "describe", "--always", "--dirty").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}
