// Command acceptance runs the acceptance scenarios A1 to A44 of package
// client several times, with their bounds as they are, and prints a table:
// each figure with its bound and the worst that was measured. It exits with an
// error if one was missed, or a scenario did not run.
//
//	go run ./internal/acceptance -runs 5
//	go run ./internal/acceptance -runs 1 -add figures.json
//	go run ./internal/acceptance -runs 1 -only 'A(6|7|8)'
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// scenarios is how many there are.
const scenarios = 44

// optional are those that need a server that is not everywhere.
var optional = map[string]string{"A44": "needs Valkey 9"}

// oneRun bounds one run of all scenarios.
const oneRun = 25 * time.Minute

// measure is a line of the report that the tests write.
type measure struct {
	ID    string  `json:"id"`
	What  string  `json:"what"`
	Unit  string  `json:"unit"`
	Got   float64 `json:"got"`
	Bound float64 `json:"bound"`
	Pass  bool    `json:"pass"`
}

func main() {
	runs := flag.Int("runs", 5, "how often each scenario runs")
	only := flag.String("only", "A[0-9]+", "which scenarios, a regular expression")
	add := flag.String("add", "", "file that figures are appended to, one JSON object a line; those in it count")
	flag.Parse()
	ok, err := run(*runs, *only, *add, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "acceptance:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

func run(runs int, only, report string, out io.Writer) (bool, error) {
	wanted, err := regexp.Compile("^" + only + "$")
	if err != nil {
		return false, err
	}
	dir, err := os.MkdirTemp("", "kermes-acceptance-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "client.test")
	if report == "" {
		report = filepath.Join(dir, "report")
	} else if report, err = filepath.Abs(report); err != nil {
		return false, err
	}
	build := exec.Command("go", "test", "-c", "-o", binary, "./client")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return false, fmt.Errorf("build: %w", err)
	}
	for i := range runs {
		began := time.Now()
		if err := once(binary, report, only); err != nil {
			fmt.Fprintf(os.Stderr, "run %d of %d: %v\n", i+1, runs, err)
		}
		fmt.Fprintf(os.Stderr, "run %d of %d took %v\n", i+1, runs, time.Since(began).Round(time.Second))
	}
	all, err := read(report)
	if err != nil {
		return false, err
	}
	return table(out, all, wanted), nil
}

// once runs the scenarios once. What a failed one has printed goes to the
// error output.
func once(binary, report, only string) error {
	cmd := exec.Command(binary, "-test.run", "^Test"+only+"[A-Z]", "-test.timeout", oneRun.String())
	cmd.Dir = "client"
	cmd.Env = append(os.Environ(), "KERMES_ACCEPTANCE=1", "KERMES_REQUIRE_REDIS=1", "KERMES_ACCEPTANCE_REPORT="+report)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	return cmd.Run()
}

func read(path string) ([]measure, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []measure
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var m measure
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, lines.Err()
}

// row is one figure over all runs.
type row struct {
	measure
	runs, missed int
}

// table prints one row for each figure of each scenario, and says whether all
// is well.
func table(out io.Writer, all []measure, wanted *regexp.Regexp) bool {
	fmt.Fprintf(out, "| | figure | bound | worst | runs | |\n|---|---|---|---|---|---|\n")
	good, bad := 0, 0
	for i := range scenarios {
		id := fmt.Sprint("A", i+1)
		if !wanted.MatchString(id) {
			continue
		}
		rows, broken := rowsOf(all, id)
		for _, r := range rows {
			fmt.Fprintf(out, "| %s | %s | %s | %s | %d | %s |\n", id, r.What, r.text(r.Bound), r.text(r.Got), r.runs, verdict(r.missed))
			broken = broken || r.missed > 0
		}
		if why := optional[id]; why != "" && len(rows) == 0 && !broken {
			fmt.Fprintf(out, "| %s | did not run: %s | | | 0 | |\n", id, why)
			continue
		}
		if len(rows) == 0 {
			fmt.Fprintf(out, "| %s | did not run | | | 0 | **missed** |\n", id)
			broken = true
		}
		if broken {
			bad++
		} else {
			good++
		}
	}
	fmt.Fprintf(out, "\n%d scenarios passed, %d did not.\n", good, bad)
	return bad == 0
}

// rowsOf gathers the figures of a scenario in the order of their first
// appearance. broken says that it failed in another way than by a figure.
func rowsOf(all []measure, id string) (rows []*row, broken bool) {
	byWhat := map[string]*row{}
	for _, m := range all {
		if m.ID != id {
			continue
		}
		if m.What == "run" {
			broken = broken || !m.Pass
			continue
		}
		r := byWhat[m.What]
		if r == nil {
			r = &row{measure: m}
			byWhat[m.What] = r
			rows = append(rows, r)
		}
		r.runs++
		if m.Got/max(m.Bound, 1) > r.Got/max(r.Bound, 1) {
			r.Got, r.Bound = m.Got, m.Bound
		}
		if !m.Pass {
			r.missed++
		}
	}
	if broken {
		rows = append(rows, &row{measure: measure{What: "failed otherwise, see the log"}, missed: 1})
	}
	return rows, broken
}

func (r *row) text(v float64) string {
	s := fmt.Sprintf("%.1f", v)
	s = strings.TrimSuffix(s, ".0")
	if r.Unit != "" {
		s += " " + r.Unit
	}
	return s
}

func verdict(missed int) string {
	if missed == 0 {
		return "pass"
	}
	return fmt.Sprintf("**missed %d**", missed)
}
