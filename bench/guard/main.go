// Command guard counts what operations of the client take, and fails where that is
// more than it was: instructions, allocations, reads and writes. It needs no quiet
// machine.
//
//	go run ./bench/guard
//	go run ./bench/guard -only 'pipeline'
//	go run ./bench/guard -update
//
// Instructions are counted by valgrind, or by the processor through perf. Where there
// is neither, guard says so and counts everything else.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"

	"github.com/kermes-redis/kermes/internal/testredis"
)

// tries is how often what exceeds its bound is counted, for what the system does beside.
const tries = 3

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "guard:", err)
		os.Exit(1)
	}
}

func run() error {
	only := flag.String("only", "", "rows whose name matches this")
	table := flag.String("table", "bench/GUARD.md", "the table")
	update := flag.Bool("update", false, "write the table instead of comparing with it")
	isChild := flag.Bool("child", false, "internal: count the rows that are named")
	addr := flag.String("addr", "", "internal: the server; empty is memory")
	times := flag.Int("times", 1, "internal: how many times the operations")
	flag.Parse()
	if *isChild {
		return runChild(flag.Args(), *addr, *times)
	}
	match, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	if *update && *only != "" {
		return errors.New("-update writes the whole table; it goes without -only")
	}
	g, err := newGuard()
	if err != nil {
		return err
	}
	defer g.close()
	if *update {
		return g.update(*table)
	}
	return g.compare(*table, slices.DeleteFunc(rows(), func(r row) bool { return !match.MatchString(r.name) }))
}

// guard is what there is to count with.
type guard struct {
	counter *counter        // nil where there is none
	node    *testredis.Node // nil where reads and writes are not counted
}

func newGuard() (*guard, error) {
	g := &guard{counter: counterHere()}
	if g.counter == nil {
		fmt.Println("instructions are NOT counted: there is no valgrind here, and no counter of the processor through perf")
	} else {
		fmt.Println("instructions are counted by", g.counter.name)
	}
	if _, _, err := ioCalls(); err != nil {
		fmt.Println("reads and writes are NOT counted:", err)
		return g, nil
	}
	var err error
	g.node, err = testredis.Start(testredis.Options{})
	return g, err
}

func (g *guard) close() {
	if g.node != nil {
		_ = g.node.Close()
	}
}

func (g *guard) measure(rows []row) (map[string]figures, error) {
	all, err := measured(rows, "")
	if err != nil {
		return nil, err
	}
	var instructions map[string]float64
	if g.counter != nil {
		if instructions, err = g.counter.count(rows); err != nil {
			return nil, err
		}
	}
	var io map[string]figures
	if g.node != nil {
		of := slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return !r.socket })
		if io, err = measured(of, g.node.Addr()); err != nil {
			return nil, err
		}
	}
	for name, f := range all {
		f.Instructions, f.Reads, f.Writes = -1, -1, -1
		if n, ok := instructions[name]; ok {
			f.Instructions = n
		}
		if n, ok := io[name]; ok {
			f.Reads, f.Writes = n.Reads, n.Writes
		}
		all[name] = f
	}
	return all, nil
}

// least is the lower of each figure.
func least(a, b figures) figures {
	return figures{
		min(a.Instructions, b.Instructions), min(a.Allocations, b.Allocations), min(a.Bytes, b.Bytes),
		min(a.Reads, b.Reads), min(a.Writes, b.Writes),
	}
}

func (g *guard) update(table string) error {
	if g.counter == nil || g.node == nil {
		return errors.New("a table is written where everything can be counted")
	}
	all, err := g.measure(rows())
	if err != nil {
		return err
	}
	show(rows(), all)
	return os.WriteFile(table, format(rows(), all), 0o644)
}

// compare counts again what exceeds a bound.
func (g *guard) compare(table string, of []row) error {
	then, err := readTable(table)
	if err != nil {
		return err
	}
	all, err := g.measure(of)
	if err != nil {
		return err
	}
	exceeds := func(r row) bool { return check(r.name, all[r.name], then) != nil }
	for try := 1; try < tries && slices.ContainsFunc(of, exceeds); try++ {
		again, err := g.measure(slices.DeleteFunc(slices.Clone(of), func(r row) bool { return !exceeds(r) }))
		if err != nil {
			return err
		}
		for name, f := range again {
			all[name] = least(all[name], f)
		}
	}
	show(of, all)
	var errs []error
	for _, r := range of {
		errs = append(errs, check(r.name, all[r.name], then))
	}
	return errors.Join(errs...)
}

func show(rows []row, all map[string]figures) {
	for _, r := range rows {
		f := all[r.name]
		fmt.Printf("%-34s %8s instructions %6s allocations %7s bytes %5s reads %5s writes\n", r.name,
			number(f.Instructions), number(f.Allocations), number(f.Bytes), number(f.Reads), number(f.Writes))
	}
}
