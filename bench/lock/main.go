// Command lock compares package lock with redsync, redislock and rueidislock: the
// same contended sections, each contender a process of its own, on the same server
// in one run, and an uncontended lock through a network of one millisecond. It
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
	contenders int
	hold, time time.Duration
	rounds     int
	only, out  string
}

func main() {
	var s settings
	var c contender
	flag.IntVar(&s.contenders, "contenders", 16, "processes that want the lock")
	flag.DurationVar(&s.hold, "hold", 2*time.Millisecond, "how long each holds it")
	flag.DurationVar(&s.time, "time", 5*time.Second, "how long each library runs in a round")
	flag.IntVar(&s.rounds, "rounds", 3, "rounds; the medians are shown")
	flag.StringVar(&s.only, "only", "", "libraries whose name contains this")
	flag.StringVar(&s.out, "out", "", "file that the table is also written to")
	flag.StringVar(&c.library, "contend", "", "internal: be a contender with this library")
	flag.StringVar(&c.addr, "addr", "", "internal: the server")
	flag.Int64Var(&c.from, "from", 0, "internal: when to begin, in Unix milliseconds")
	flag.IntVar(&c.sections, "sections", 0, "internal: how many sections, instead of a time")
	flag.Parse()
	if c.library != "" {
		c.hold, c.time = s.hold, s.time
		if err := c.run(); err != nil {
			fmt.Fprintln(os.Stderr, c.library, err)
			os.Exit(1)
		}
		return
	}
	if err := compare(s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// compare runs all libraries, round by round, and prints the table.
func compare(s settings) error {
	f, err := start()
	if err != nil {
		return err
	}
	defer f.close()
	results := map[string][]result{}
	for round := range s.rounds {
		for _, l := range libraries {
			if !strings.Contains(l.name, s.only) {
				continue
			}
			fmt.Fprintf(os.Stderr, "round %d: %s\n", round+1, l.name)
			r, err := f.measure(l, s)
			if err != nil {
				return fmt.Errorf("%s: %w", l.name, err)
			}
			results[l.name] = append(results[l.name], r)
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
func render(s settings, results map[string][]result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d processes, each holds the lock for %v; medians of %d rounds of %v, in one run.\n\n", s.contenders, s.hold, s.rounds, s.time)
	b.WriteString("| library | sections/s | wait p50 ms | wait p99 ms | longest ms | share min..max | max/min | commands a section | server us a section | uncontended, round trips |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|\n")
	for _, l := range libraries {
		all := results[l.name]
		if len(all) == 0 {
			continue
		}
		m := func(of func(r result) float64) float64 {
			v := make([]float64, len(all))
			for i, r := range all {
				v[i] = of(r)
			}
			slices.Sort(v)
			return v[len(v)/2]
		}
		fmt.Fprintf(&b, "| %s | %.0f | %.1f | %.1f | %.0f | %.0f..%.0f | %.2f | %.1f | %.0f | %.2f |\n", l.name,
			m(func(r result) float64 { return r.rate }), m(func(r result) float64 { return r.p50 }), m(func(r result) float64 { return r.p99 }),
			m(func(r result) float64 { return r.longest }), m(func(r result) float64 { return r.least }), m(func(r result) float64 { return r.most }),
			m(func(r result) float64 { return r.most / max(r.least, 1) }), m(func(r result) float64 { return r.commands }),
			m(func(r result) float64 { return r.cpu }), m(func(r result) float64 { return r.trips }))
	}
	return b.String()
}
