package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// A counter counts the instructions of one operation of rows.
type counter struct {
	name  string
	count func(rows []row) (map[string]float64, error)
}

// counterHere returns what counts instructions on this machine, or nil.
func counterHere() *counter {
	for _, c := range []counter{{"valgrind", byValgrind}, {"the processor", byProcessor}} {
		if _, err := c.count(rows()[:1]); err == nil {
			return &c
		}
	}
	return nil
}

// Requests of valgrind's tool callgrind.
const (
	callgrind      = 'C'<<24 | 'T'<<16
	dumpStats      = callgrind + 0
	zeroStats      = callgrind + 1
	startCounting  = callgrind + 4
	stopCounting   = callgrind + 5
	runningOn      = 0x1001 // of valgrind itself
	callgrindTotal = `(?m)^(?:totals|summary): ([0-9]+)`
)

func valgrind(request uint64) uint64 { return valgrindRequest(&[6]uint64{request}) }

// counted runs f, and has valgrind write down how many instructions that took.
func counted(f func() error) error {
	valgrind(startCounting)
	valgrind(zeroStats)
	err := f()
	valgrind(dumpStats)
	valgrind(stopCounting)
	return err
}

var errNoValgrind = errors.New("no valgrind")

// byValgrind counts all rows in one process, for it takes a while to begin.
func byValgrind(rows []row) (map[string]float64, error) {
	if !canValgrind {
		return nil, errNoValgrind
	}
	dir, err := os.MkdirTemp("", "guard")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	_, errs, err := child(rows, "", 1, "valgrind", "--tool=callgrind", "--instr-atstart=no",
		"--callgrind-out-file="+filepath.Join(dir, "out"))
	if err != nil {
		return nil, err
	}
	total := regexp.MustCompile(callgrindTotal)
	all := make(map[string]float64)
	for i, r := range rows {
		b, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("out.%d", i+1)))
		if err != nil {
			return nil, fmt.Errorf("valgrind: %w: %s", err, errs)
		}
		m := total.FindSubmatch(b)
		if m == nil {
			return nil, fmt.Errorf("valgrind does not say how many: %s", b)
		}
		all[r.name] = float64(atoi(string(m[1]))) / float64(r.ops)
	}
	return all, nil
}

// byProcessor asks the processor, through perf: what a longer run takes more than a
// shorter one.
func byProcessor(rows []row) (map[string]float64, error) {
	all := make(map[string]float64)
	for _, r := range rows {
		short, err := perf(r, 1)
		if err != nil {
			return nil, err
		}
		long, err := perf(r, 3)
		if err != nil {
			return nil, err
		}
		all[r.name] = (long - short) / float64(2*r.ops)
	}
	return all, nil
}

func perf(r row, times int) (float64, error) {
	_, errs, err := child([]row{r}, "", times, "perf", "stat", "-x,", "-e", "instructions:u")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(errs) {
		if count, rest, _ := strings.Cut(line, ","); strings.Contains(rest, "instructions") && atoi(count) > 0 {
			return float64(atoi(count)), nil
		}
	}
	return 0, fmt.Errorf("perf does not say how many: %s", errs)
}
