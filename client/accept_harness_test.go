package client_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/internal/leak"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/sentinel"
)

// The acceptance scenarios A1 to A44 run on real servers and sentinels. T is
// when any sentinel first published +switch-master, as seen by a recorder that
// is independent of the library.
//
// `make test` runs each once. What must never happen (a lost write, a write
// executed twice, a step back) is asserted as it is; bounds of time are widened
// by loadedFactor, and to loadedFloor at least, because the race detector is on
// and the machine has other work. `make acceptance` (KERMES_ACCEPTANCE=1) runs
// all of them five times with the bounds as they are, and some of them longer.

const (
	loadedFactor = 10
	loadedFloor  = 5 * time.Second
)

// strict says whether bounds of time count as they are.
var strict = os.Getenv("KERMES_ACCEPTANCE") == "1"

// scenario is one run of a line of the table.
type scenario struct {
	*testing.T
	id  string
	ctx context.Context

	mu       sync.Mutex
	measures []measure
}

// measure is one figure with its bound, a line of the report that
// internal/acceptance makes the table of.
type measure struct {
	ID    string  `json:"id"`
	What  string  `json:"what"`
	Unit  string  `json:"unit"` // "ms" or ""
	Got   float64 `json:"got"`
	Bound float64 `json:"bound"`
	Pass  bool    `json:"pass"`
}

// accept begins a scenario, which may take life at most.
func accept(t *testing.T, id string, life time.Duration) *scenario {
	t.Helper()
	testredis.Require(t)
	leak.Check(t)
	ctx, cancel := context.WithTimeout(context.Background(), life)
	s := &scenario{T: t, id: id, ctx: ctx}
	t.Cleanup(func() {
		cancel()
		s.report()
	})
	return s
}

// within records a duration and its bound.
func (s *scenario) within(what string, got, bound time.Duration) {
	s.Helper()
	s.record(what, "ms", float64(got)/1e6, float64(bound)/1e6)
	allowed := bound
	if !strict {
		allowed = max(loadedFactor*bound, loadedFloor)
	}
	s.Logf("%s: %s: %v (bound %v)", s.id, what, got.Round(100*time.Microsecond), bound)
	if got > allowed {
		s.Errorf("%s: %s took %v, allowed are %v", s.id, what, got, allowed)
	}
}

// atMost records a count and its bound, which holds on every machine.
func (s *scenario) atMost(what string, got, bound int) {
	s.Helper()
	s.record(what, "", float64(got), float64(bound))
	s.Logf("%s: %s: %d (at most %d)", s.id, what, got, bound)
	if got > bound {
		s.Errorf("%s: %s: %d, at most %d", s.id, what, got, bound)
	}
}

// steady records a count whose bound holds while the sentinels themselves do
// what they should: on a loaded machine they may fail over once more, or take a
// new master back for a moment. It is asserted in make acceptance.
func (s *scenario) steady(what string, got, bound int) {
	s.Helper()
	if strict {
		s.atMost(what, got, bound)
		return
	}
	s.Logf("%s: %s: %d (bound %d)", s.id, what, got, bound)
}

func (s *scenario) record(what, unit string, got, bound float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.measures = append(s.measures, measure{ID: s.id, What: what, Unit: unit, Got: got, Bound: bound, Pass: got <= bound})
}

// report appends the measures to the file KERMES_ACCEPTANCE_REPORT, where one
// is wanted. A scenario that failed for another reason says so.
func (s *scenario) report() {
	path := os.Getenv("KERMES_ACCEPTANCE_REPORT")
	if path == "" || s.Skipped() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	missed := slices.ContainsFunc(s.measures, func(m measure) bool { return !m.Pass })
	s.measures = append(s.measures, measure{ID: s.id, What: "run", Pass: !s.Failed() || missed})
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		s.Error(err)
		return
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	for _, m := range s.measures {
		line, _ := json.Marshal(m)
		_, _ = fmt.Fprintf(w, "%s\n", line)
	}
	if err := w.Flush(); err != nil {
		s.Error(err)
	}
}

// onlyStrict skips what takes more time than `make test` has.
func (s *scenario) onlyStrict(why string) {
	if !strict {
		s.Skipf("%s: %s: runs with KERMES_ACCEPTANCE=1", s.id, why)
	}
}

// runs is how often something is repeated: n times in make acceptance, once in
// make test.
func runs(n int) int {
	if strict {
		return n
	}
	return 1
}

// span is how long something is watched: d in make acceptance, short in make
// test.
func span(d, short time.Duration) time.Duration {
	if strict {
		return d
	}
	return short
}

// topology starts servers, sentinels and a recorder of what these publish.
func (s *scenario) topology(o testredis.TopologyOptions) (*testredis.Topology, *testredis.Recorder) {
	s.Helper()
	top := testredis.NewTopology(s, o)
	return top, testredis.NewRecorder(s, top)
}

// clientName is by which servers' CLIENT LIST shows connections of the client
// under test.
const clientName = "under-test"

// client opens the client under test; it is closed with the scenario.
func (s *scenario) client(top *testredis.Topology, o client.Options) *client.Client {
	s.Helper()
	c, err := s.open(top, o)
	if err != nil {
		s.Fatal(err)
	}
	return c
}

func (s *scenario) open(top *testredis.Topology, o client.Options) (*client.Client, error) {
	c, err := client.Open(s.ctx, options(top, o))
	if err == nil {
		s.Cleanup(func() { _ = c.Close() })
	}
	return c, err
}

// options fills in what every client of a topology needs.
func options(top *testredis.Topology, o client.Options) client.Options {
	if o.Master == "" {
		o.Master = top.Names[0]
	}
	if o.Group.Sentinels == nil {
		o.Group.Sentinels = top.SentinelAddrs()
	}
	o.Pool.Conn.ClientName = clientName
	return o
}

func (s *scenario) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// master is the node that the sentinels call the master.
func (s *scenario) master(top *testredis.Topology) *testredis.Node {
	s.Helper()
	n, err := top.CurrentMaster("")
	s.must(err)
	return n
}

// switched waits for T.
func (s *scenario) switched(rec *testredis.Recorder, after time.Time) testredis.Event {
	s.Helper()
	e, err := rec.Switch(s.ctx, "", after)
	s.must(err)
	return e
}

// until waits for a condition as long as the scenario lives, and returns when
// it was met.
func (s *scenario) until(what string, cond func() bool) time.Time {
	s.Helper()
	if err := leak.WaitUntil(s.ctx, cond); err != nil {
		s.Fatalf("%s: never came: %s", s.id, what)
	}
	return time.Now()
}

// pass lets time go by, as part of a scenario.
func (s *scenario) pass(d time.Duration) {
	select {
	case <-time.After(d):
	case <-s.ctx.Done():
		s.Fatalf("%s: %v", s.id, s.ctx.Err())
	}
}

// settled waits until every sentinel names the same master, not old, and returns it.
func (s *scenario) settled(top *testredis.Topology, old *testredis.Node) *testredis.Node {
	s.Helper()
	n, err := top.WaitSwitch(s.ctx, "", old)
	s.must(err)
	return n
}

// final waits until every sentinel that runs names the same master, and returns it. It
// is the one that what was written is looked for on, whoever was the first after a fault.
func (s *scenario) final(top *testredis.Topology) *testredis.Node {
	s.Helper()
	return s.settled(top, nil)
}

// promotion returns when a node last became a master, by its own log.
func (s *scenario) promotion(n *testredis.Node) time.Time {
	s.Helper()
	all := s.promotions(n)
	if len(all) == 0 {
		s.Fatalf("%s was never promoted", n.Name)
	}
	return all[len(all)-1]
}

// promotions returns when a node became a master, by its own log.
func (s *scenario) promotions(n *testredis.Node) (all []time.Time) {
	s.Helper()
	for line := range strings.SplitSeq(n.Log(1<<20), "\n") {
		f := strings.Fields(line)
		if len(f) < 8 || !strings.Contains(line, "MASTER MODE enabled") && !strings.Contains(line, "PRIMARY MODE enabled") { // Valkey 9
			continue
		}
		t, err := time.ParseInLocation("2 Jan 2006 15:04:05.000", strings.Join(f[1:5], " "), time.Local)
		s.must(err)
		all = append(all, t)
	}
	return all
}

// connections counts those of the client under test that a server has.
func connections(n *testredis.Node) int {
	r, err := n.Do("CLIENT", "LIST")
	if err != nil {
		return 0
	}
	return strings.Count(r.Str, "name="+clientName)
}

// events collects what a group tells.
type events struct {
	mu  sync.Mutex
	all []sentinel.Event
}

func (e *events) add(ev sentinel.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, ev)
}

// of returns the events of a kind.
func (e *events) of(kind sentinel.EventKind) []sentinel.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	var some []sentinel.Event
	for _, ev := range e.all {
		if ev.Kind == kind {
			some = append(some, ev)
		}
	}
	return some
}
