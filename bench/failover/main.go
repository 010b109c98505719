// Command failover takes Kermes and other clients through the same failovers:
// all of them at work in one process, against the same servers and sentinels,
// when something happens to these.
//
//	go run . -runs 2 -only 'kill|planned' -add results.json -out ../FAILOVER.md
//
// Eight writers of each client push a new number every 4 ms, with a deadline of
// a second, never repeated by the harness. It prints one Markdown table of
// medians. With -add the runs are kept in a file, and those in it already are
// part of the table; with -out the table is written to a file as well.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"time"
)

// result is one run of one row.
type result struct {
	Row     string    `json:"row"`
	At      time.Time `json:"at"`
	Figures figures   `json:"figures"`
}

var clientsWanted = regexp.MustCompile("")

// selected returns the contenders that were asked for.
func selected() []contender {
	var some []contender
	for _, c := range contenders {
		if clientsWanted.MatchString(c.name) {
			some = append(some, c)
		}
	}
	return some
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "failover:", err)
		os.Exit(1)
	}
}

func run() error {
	runs := flag.Int("runs", 2, "how often each row runs")
	only := flag.String("only", "", "rows whose name matches this")
	clients := flag.String("clients", "", "clients whose name matches this")
	add := flag.String("add", "", "file that results are appended to, one JSON object a line")
	out := flag.String("out", "", "Markdown file to write")
	flag.Parse()
	wanted, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	if clientsWanted, err = regexp.Compile(*clients); err != nil {
		return err
	}
	all, err := former(*add)
	if err != nil {
		return err
	}
	for i := range *runs {
		for _, r := range rows {
			if !wanted.MatchString(r.name) {
				continue
			}
			began := time.Now()
			res := result{Row: r.name, At: began, Figures: figures{}}
			if err := r.run(res.Figures); err != nil {
				fmt.Fprintf(os.Stderr, "%s: %v\n", r.name, err)
				continue
			}
			fmt.Fprintf(os.Stderr, "run %d: %s (%v)\n", i+1, r.name, time.Since(began).Round(time.Second))
			all = append(all, res)
			if err := keep(*add, res); err != nil {
				return err
			}
		}
	}
	writeTable(os.Stdout, all)
	if *out == "" {
		return nil
	}
	f, err := os.Create(*out)
	if err != nil {
		return err
	}
	writeReport(f, all)
	return f.Close()
}

// former reads the results of former runs.
func former(path string) ([]result, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []result
	for d := json.NewDecoder(f); ; {
		var r result
		if err := d.Decode(&r); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
}

func keep(path string, r result) error {
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	return json.NewEncoder(f).Encode(r)
}
