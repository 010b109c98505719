// Command peers compares Kermes with other Redis clients and with a plain
// socket, in one run: rounds in which each client takes its turn, every
// measurement in a process of its own, servers started for the purpose.
//
//	go run . -rounds 5 -time 500ms -only '64 callers' -clients 'raw|kermes|rueidis'
//
// It prints a table. With -add the measurements are kept in a file and those
// that are in it already are part of the table; with -out everything is written
// as a Markdown file.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"time"
)

const (
	defaultRounds = 3
	defaultTime   = 200 * time.Millisecond
	// childLimit ends a measurement that hangs.
	childLimit = time.Minute
)

type settings struct {
	rounds  int
	time    time.Duration
	only    *regexp.Regexp
	clients *regexp.Regexp
	add     string
	out     string
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run() error {
	var s settings
	var only, clients, child, at string
	var roundTrip time.Duration
	flag.IntVar(&s.rounds, "rounds", defaultRounds, "how many times each client takes its turn at each workload; those that are near the best more often where noise decides")
	flag.DurationVar(&s.time, "time", defaultTime, "how long one measurement lasts, not counting the warm-up")
	flag.StringVar(&only, "only", "", "workloads whose name matches this")
	flag.StringVar(&clients, "clients", "", "clients whose whole name matches this")
	flag.StringVar(&s.add, "add", "", "file that measurements are appended to, one JSON object a line")
	flag.StringVar(&s.out, "out", "", "Markdown file to write")
	flag.StringVar(&child, "child", "", "internal: one measurement")
	flag.StringVar(&at, "at", "", "internal: the servers")
	flag.DurationVar(&roundTrip, "proxy", 0, "internal: be the proxy of a server so far away")
	flag.Parse()
	if roundTrip > 0 {
		return runProxy(roundTrip, at)
	}
	if child != "" {
		return runChild(child, at, s.time)
	}
	var err error
	if s.only, err = regexp.Compile(only); err != nil {
		return err
	}
	if s.clients, err = regexp.Compile("^(" + clients + ")$"); clients == "" {
		s.clients, err = regexp.Compile("")
	}
	if err != nil {
		return err
	}
	old, err := load(s.add)
	if err != nil {
		return err
	}
	began := time.Now()
	all, err := rounds(s, len(old))
	if err != nil {
		return err
	}
	all = append(old, all...)
	summary(os.Stdout, all)
	memoryTable(os.Stdout, tabulate(all))
	everydayTable(os.Stdout, tabulate(all))
	fmt.Printf("\n%d measurements, %v\n", len(all), time.Since(began).Round(time.Second))
	if s.out == "" {
		return nil
	}
	file, err := os.Create(s.out)
	if err != nil {
		return err
	}
	report(file, s, all)
	return file.Close()
}

// rounds measures everything that is asked for.
func rounds(s settings, round int) (all []figures, err error) {
	var f farm
	defer func() { err = errors.Join(err, f.close()) }()
	interrupt := make(chan os.Signal, 1)
	signal.Notify(interrupt, os.Interrupt)
	defer signal.Stop(interrupt)
	for r := range mostRounds(s) {
		for i := range workloads {
			w := &workloads[i]
			if !s.only.MatchString(w.name) || w.place.onOneCPU() && !canPin() || r >= w.roundsOf(s) {
				continue
			}
			for _, c := range turn(w, s, r) {
				if r >= s.rounds && !isNear(tabulate(all), w, c) {
					continue
				}
				select {
				case <-interrupt:
					return all, errors.New("interrupted")
				default:
				}
				one := calm(&f, c, w, s.time)
				one.Round = round + r
				if one.Error == errUnsupported.Error() {
					continue
				}
				if one.Error != "" {
					fmt.Fprintf(os.Stderr, "%s, %s: %s\n", c.name, w.name, one.Error)
				}
				all = append(all, one)
				if err := store(s.add, one); err != nil {
					return all, err
				}
			}
		}
		fmt.Fprintf(os.Stderr, "round %d of %d\n", r+1, mostRounds(s))
	}
	return all, nil
}

// turn is the clients of a workload: A B C, then B C A, then C A B.
func turn(w *workload, s settings, round int) (l []*contender) {
	for i := range contenders {
		if c := &contenders[i]; w.wants(c) && s.clients.MatchString(c.name) {
			l = append(l, c)
		}
	}
	if len(l) == 0 {
		return nil
	}
	k := round % len(l)
	return append(append([]*contender(nil), l[k:]...), l[:k]...)
}

// calm repeats a measurement that other programs have disturbed, and returns
// the one that was disturbed least.
func calm(f *farm, c *contender, w *workload, d time.Duration) (least figures) {
	for try := range maxTries {
		one := spawn(f, c, w, d)
		if try == 0 || one.Error == "" && one.Others < least.Others {
			least = one
		}
		if least.Error != "" || least.Others <= mostOthers {
			break
		}
	}
	return least
}

// spawn measures in a process of its own.
func spawn(f *farm, c *contender, w *workload, d time.Duration) figures {
	failed := func(err error) figures { return figures{Client: c.name, Workload: w.name, Error: err.Error()} }
	if w.special == specialSize {
		size, err := programSize(&f.builds, c.name)
		if err != nil {
			return failed(err)
		}
		return figures{Client: c.name, Workload: w.name, Ops: 1, Bytes: size}
	}
	s, err := f.at(w.place)
	if err != nil {
		return failed(err)
	}
	if w.special == specialStart {
		return startOf(f, c, w, s)
	}
	at, err := json.Marshal(s)
	if err != nil {
		return failed(err)
	}
	self, err := os.Executable()
	if err != nil {
		return failed(err)
	}
	args := []string{self, "-child", c.name + "/" + w.name, "-at", string(at), "-time", d.String()}
	if w.place.onOneCPU() {
		args = append([]string{"taskset", "-c", pinnedCPU}, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stderr = os.Stderr
	timer := time.AfterFunc(childLimit+d, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	before := readUsage(f.pids())
	out, err := cmd.Output()
	if err != nil {
		return failed(err)
	}
	after := readUsage(f.pids())
	var one figures
	if err := json.Unmarshal(out, &one); err != nil {
		return failed(err)
	}
	one.Others = after.others(before, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
	return one
}

func startOf(f *farm, c *contender, w *workload, s servers) figures {
	program, err := f.builds.of(c.name)
	var one figures
	if err == nil {
		one, err = measureStart(program, s.Addr)
	}
	one.Client, one.Workload = c.name, w.name
	if err != nil {
		one.Error = err.Error()
	}
	return one
}

func runChild(what, at string, d time.Duration) error {
	name, work := cut(what)
	c, w := contenderOf(name), workloadOf(work)
	if c == nil || w == nil {
		return fmt.Errorf("no such measurement: %s", what)
	}
	var s servers
	if err := json.Unmarshal([]byte(at), &s); err != nil {
		return err
	}
	one, err := measure(c, w, s, d)
	if err != nil {
		one.Error = err.Error()
	}
	return json.NewEncoder(os.Stdout).Encode(one)
}
