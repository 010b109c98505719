package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"
)

// load reads what store has written.
func load(name string) (all []figures, err error) {
	if name == "" {
		return nil, nil
	}
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var one figures
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, lines.Err()
}

// store appends one measurement.
func store(name string, one figures) error {
	if name == "" {
		return nil
	}
	file, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	return errors.Join(json.NewEncoder(file).Encode(one), file.Close())
}

// table is all measurements by workload and client, in the order of rounds.
type table map[string]map[string][]figures

func tabulate(all []figures) table {
	t := make(table)
	for _, one := range all {
		if t[one.Workload] == nil {
			t[one.Workload] = make(map[string][]figures)
		}
		t[one.Workload][one.Client] = append(t[one.Workload][one.Client], one)
	}
	return t
}

// of returns one figure of a client in every round that succeeded.
func (t table) of(workload, client string, figure func(*figures) float64) spread {
	var s spread
	for _, one := range t[workload][client] {
		if one.Error == "" {
			s = append(s, figure(&one))
		}
	}
	return s
}

// ratio returns, for every round that both have, a's figure over b's.
func (t table) ratio(workload, a, b string, figure func(*figures) float64) spread {
	return ratios(t[workload][a], t[workload][b], figure)
}

func ratios(as, bs []figures, figure func(*figures) float64) (s spread) {
	for i := range as {
		k := slices.IndexFunc(bs, func(f figures) bool { return f.Round == as[i].Round })
		if k >= 0 && as[i].Error == "" && bs[k].Error == "" {
			s = append(s, figure(&as[i])/figure(&bs[k]))
		}
	}
	return s
}

// spread is the values of a figure over rounds.
type spread []float64

func (s spread) median() float64 {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// unsure is how often the median may lie elsewhere than inner says: at most once in
// thirteen times.
const unsure = 0.075

// inner is the rounds between which the median lies, whatever their distribution: all
// of up to 7, and 2 less from 8 on, 4 from 11 on.
func (s spread) inner() spread {
	n := len(s)
	drop, tail, term := -1, 0.0, math.Pow(2, -float64(n))
	for k := 0; ; k++ {
		if tail += term; 2*tail > unsure {
			break
		}
		drop, term = k, term*float64(n-k)/float64(k+1)
	}
	drop = max(drop, 0)
	return slices.Sorted(slices.Values(s))[drop : n-drop]
}

func (s spread) min() float64 { return slices.Min(s) }
func (s spread) max() float64 { return slices.Max(s) }

func cut(what string) (client, workload string) {
	client, workload, _ = strings.Cut(what, "/")
	return client, workload
}

func ns(f *figures) float64     { return f.Ns }
func cpu(f *figures) float64    { return f.CPU }
func allocs(f *figures) float64 { return f.Allocs }
func kept(f *figures) float64   { return f.Bytes }
func p50(f *figures) float64    { return f.P50 }
func ratio(f *figures) float64  { return f.Ratio }
func p99(f *figures) float64    { return f.P99 }
