package main

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
)

// A figure may exceed what was measured by a share, and by a number. The shares are
// for other patch versions of Go and other processors, whose copying and hashing are
// not the same.
var margins = struct{ instructions, allocations, bytes, reads, writes margin }{
	instructions: margin{share: 0.10, number: 40},
	allocations:  margin{number: 0.5},
	bytes:        margin{share: 0.05, number: 8},
	reads:        margin{number: 0.5}, // a reply may come in two parts
	writes:       margin{number: 0.3},
}

type margin struct{ share, number float64 }

func (m margin) bound(measured float64) float64 { return measured*(1+m.share) + m.number }

// String is the margin as the table says it.
func (m margin) String() string {
	switch {
	case m.share == 0:
		return fmt.Sprint(m.number)
	case m.number == 0:
		return fmt.Sprintf("%.0f %%", 100*m.share)
	}
	return fmt.Sprintf("%.0f %% and %v", 100*m.share, m.number)
}

var errExceeded = errors.New("more than before")

// check compares what a row takes with what it took when the table was written.
// What was not measured now is not compared.
func check(name string, now figures, table map[string]figures) error {
	then, ok := table[name]
	if !ok {
		return fmt.Errorf("%s: not in the table; write it by -update", name)
	}
	var errs []error
	for _, f := range []struct {
		what      string
		now, then float64
		m         margin
	}{
		{"instructions", now.Instructions, then.Instructions, margins.instructions},
		{"allocations", now.Allocations, then.Allocations, margins.allocations},
		{"bytes allocated", now.Bytes, then.Bytes, margins.bytes},
		{"reads", now.Reads, then.Reads, margins.reads},
		{"writes", now.Writes, then.Writes, margins.writes},
	} {
		switch {
		case f.now < 0:
		case f.then < 0:
			errs = append(errs, fmt.Errorf("%s: %s: the table has none; write it by -update", name, f.what))
		case f.now > f.m.bound(f.then):
			errs = append(errs, fmt.Errorf("%s: %s: %w: %s, and %s when the table was written; the margin is %s",
				name, f.what, errExceeded, number(f.now), number(f.then), f.m))
		}
	}
	return errors.Join(errs...)
}

func number(f float64) string {
	switch {
	case f < 0:
		return "-"
	case f >= 100:
		return strconv.FormatFloat(math.Round(f), 'f', 0, 64)
	}
	return strconv.FormatFloat(math.Round(100*f)/100, 'f', -1, 64)
}

const head = `# What operations take

Written by ` + "`make bench-guard UPDATE=1`" + `; do not edit. ` + "`make bench-guard`" + ` counts again, and fails where a figure exceeds
the one here by more than its margin. All are counts, not times: they need no quiet machine.

- instructions of the client's process in user mode, with a server in memory; without the garbage collector. Margin: %s
- allocations, and the bytes of them, results included. Margins: %s; %s
- reads, and writes: system calls of these kinds, with a real server; a look at the socket, waiting and waking are none. Margins: %s; %s

Each figure is for one operation: a pipeline or transaction is one, and of 64 callers it is one command of one of them.

| operation | instructions | allocations | bytes | reads | writes |
| --- | --- | --- | --- | --- | --- |
`

// format writes the table.
func format(rows []row, all map[string]figures) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, head, margins.instructions, margins.allocations, margins.bytes, margins.reads, margins.writes)
	for _, r := range rows {
		f := all[r.name]
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", r.name,
			number(f.Instructions), number(f.Allocations), number(f.Bytes), number(f.Reads), number(f.Writes))
	}
	return b.Bytes()
}

// readTable reads what format has written.
func readTable(file string) (map[string]figures, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	all := make(map[string]figures)
	_, table, _ := strings.Cut(string(b), "| --- |")
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 6 || strings.TrimSpace(cells[0]) == "---" {
			continue
		}
		var n [5]float64
		for i := range n {
			cell := strings.TrimSpace(cells[i+1])
			if cell == "-" {
				n[i] = -1
				continue
			}
			if n[i], err = strconv.ParseFloat(cell, 64); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
		}
		all[strings.TrimSpace(cells[0])] = figures{n[0], n[1], n[2], n[3], n[4]}
	}
	return all, nil
}
