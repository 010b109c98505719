// Command mq compares package mq with asynq and rmq, as they come and tuned: the same
// messages on the same server in one run, each library in its documented way. It
// prints one Markdown table.
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// settings are those of a run.
type settings struct {
	rounds    int
	time      time.Duration
	only, out string
	crash     bool
}

func main() {
	var s settings
	flag.IntVar(&s.rounds, "rounds", 3, "rounds; the medians are shown")
	flag.DurationVar(&s.time, "time", 3*time.Second, "the longest measurement of a rate")
	flag.StringVar(&s.only, "only", "", "libraries whose name contains this")
	flag.StringVar(&s.out, "out", "", "file that the table is also written to")
	flag.BoolVar(&s.crash, "crash", true, "also kill a consumer, once: that takes minutes")
	name := flag.String("hang", "", "internal: be a consumer that hangs")
	addr := flag.String("addr", "", "internal: the server")
	flag.Parse()
	err := func() error {
		if *name != "" {
			return hang(*name, *addr)
		}
		return compare(s)
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// columns are the titles of the table, in their order, and how their values are shown.
var columns = [][2]string{
	{"consume/s, c=1", "%.0f"}, {"c=50", "%.0f"}, {"1 ms away, c=1", "%.0f"}, {"1 ms away, c=50", "%.0f"},
	{"idle p50 ms", "%.2f"}, {"idle p99 ms", "%.2f"},
	{"server us a message, c=10", "%.1f"}, {"us, c=50", "%.1f"}, {"us, c=1000", "%.1f"}, {"commands, c=50", "%.1f"},
	{"bytes beside id and payload", "%.0f"}, {"back after kill -9, s", "%.1f"},
	{"8 KiB beside 50 GETs, of alone", "%.2f"},
}

// measure takes all figures of one library.
func measure(f *farm, l library, s settings, first bool, add func(title string, v float64)) error {
	const n = 40_000
	for _, m := range []struct {
		addr, rate, cpu, commands string
		c                         int
	}{
		{f.node.Addr(), "consume/s, c=1", "", "", 1},
		{f.node.Addr(), "", "server us a message, c=10", "", 10},
		{f.node.Addr(), "c=50", "us, c=50", "commands, c=50", 50},
		{f.node.Addr(), "", "us, c=1000", "", 1000},
		{f.proxy.Addr(), "1 ms away, c=1", "", "", 1},
		{f.proxy.Addr(), "1 ms away, c=50", "", "", 50},
	} {
		r, err := f.consume(l, m.addr, m.c, n, small, s.time, nil)
		if err != nil {
			return err
		}
		add(m.rate, r.rate)
		add(m.cpu, r.cpu)
		add(m.commands, r.commands)
	}
	p50, p99, err := f.idle(l)
	if err != nil {
		return err
	}
	add("idle p50 ms", p50)
	add("idle p99 ms", p99)
	bytes, err := f.memory(l)
	if err != nil {
		return err
	}
	add("bytes beside id and payload", bytes)
	if first && s.crash {
		took, err := f.redelivery(l)
		if err != nil {
			return err
		}
		add("back after kill -9, s", took)
	}
	if l.name != "kermes" {
		return nil // who has no connections that are shared
	}
	alone, err := f.consume(l, f.node.Addr(), 10, n/8, 8<<10, s.time, nil)
	if err != nil {
		return err
	}
	beside, err := f.consume(l, f.node.Addr(), 10, n/8, 8<<10, s.time, callers(50))
	if err != nil {
		return err
	}
	add("8 KiB beside 50 GETs, of alone", beside.rate/alone.rate)
	return nil
}

// compare measures all libraries, round by round, and prints the table.
func compare(s settings) error {
	f, err := start()
	if err != nil {
		return err
	}
	defer f.close()
	results := map[string]map[string][]float64{}
	for round := range s.rounds {
		for _, l := range libraries {
			if !strings.Contains(l.name, s.only) {
				continue
			}
			fmt.Fprintf(os.Stderr, "round %d: %s\n", round+1, l.name)
			if results[l.name] == nil {
				results[l.name] = map[string][]float64{}
			}
			err := measure(f, l, s, round == 0, func(title string, v float64) {
				results[l.name][title] = append(results[l.name][title], v)
			})
			if err != nil {
				return fmt.Errorf("%s: %w", l.name, err)
			}
		}
	}
	table := render(s, results)
	fmt.Print(table)
	if s.out != "" {
		return os.WriteFile(s.out, []byte(table), 0o644)
	}
	return nil
}

// render makes the table of the medians.
func render(s settings, results map[string]map[string][]float64) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Payloads of %d bytes; medians of %d rounds, in one run. kermes has a lease of %v where a consumer is killed.\n\n", small, s.rounds, lease)
	b.WriteString("| library |")
	for _, c := range columns {
		b.WriteString(" " + c[0] + " |")
	}
	b.WriteString("\n|" + strings.Repeat("---|", 1+len(columns)) + "\n")
	for _, l := range libraries {
		if results[l.name] == nil {
			continue
		}
		b.WriteString("| " + l.name + " |")
		for _, c := range columns {
			all := slices.Sorted(slices.Values(results[l.name][c[0]]))
			if len(all) == 0 {
				b.WriteString(" |")
				continue
			}
			fmt.Fprintf(&b, " "+c[1]+" |", all[len(all)/2])
		}
		b.WriteString("\n")
	}
	return b.String()
}
