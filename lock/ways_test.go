package lock

import (
	"context"
	"slices"
	"strconv"
	"testing"

	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/redis"
)

// way is a kind of lock, used so that one holder has it at a time.
type way struct {
	name string
	what func(name string) wanted
}

var ways = []way{
	{"lock", one},
	{"semaphore", func(name string) wanted { return wanted{kind: 1, count: true, names: []string{name}} }},
	{"writer", func(name string) wanted { return wanted{kind: readersAndWriter, letter: "w", names: []string{name}} }},
	{"several", func(name string) wanted { return all([]string{name + "/2", name, name + "/3", name}) }},
}

func (w way) lock(ctx context.Context, l *Locker, name string) (*Held, error) {
	return l.lock(ctx, context.WithoutCancel(ctx), w.what(name), false)
}

func (w way) try(ctx context.Context, l *Locker, name string) (*Held, error) {
	return l.lock(ctx, context.WithoutCancel(ctx), w.what(name), true)
}

func (w way) inspect(ctx context.Context, l *Locker, name string) Info {
	i, _ := l.inspect(ctx, first(w.what(name)))
	return i
}

// first is the first of several.
func first(what wanted) wanted {
	what.names = what.names[:1]
	return what
}

// inEachWay runs a test for each kind of lock, on a plain client and over an
// intercepted one.
func inEachWay(t *testing.T, f func(t *testing.T, n *testredis.Node, d redis.Doer, w way)) {
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			onEach(t, func(t *testing.T, n *testredis.Node, d redis.Doer) { f(t, n, d, w) })
		})
	}
}

// job is what a program does with a kind of lock that the witness looks at.
type job struct {
	name  string
	reads bool
	what  func(name string) wanted
}

// jobs are those of the tests with kills, pauses and failovers.
var jobs = []job{
	{"lock", false, one},
	{"semaphore", false, twoPermits},
	{"semaphore", false, twoPermits},
	{"rw", false, func(name string) wanted { return wanted{kind: readersAndWriter, letter: "w", names: []string{name}} }},
	{"rw", true, func(name string) wanted { return wanted{kind: readersAndWriter, letter: "r", names: []string{name}} }},
	{"several", false, func(name string) wanted { return all([]string{name, name + "b", name + "c"}) }},
	{"several", false, func(name string) wanted { return all([]string{name, name + "d"}) }},
}

func twoPermits(name string) wanted { return wanted{kind: 2, count: true, names: []string{name}} }

func (j job) take(ctx context.Context, l *Locker, name string) (*Held, error) {
	return l.lock(ctx, context.WithoutCancel(ctx), j.what(name), false)
}

// place is what the witness has to keep apart: each permit.
func (j job) place(name string, h *Held) string { return name + "#" + strconv.Itoa(h.Permit()) }

// named are jobs, the first of each name.
func named() (out []job) {
	for _, j := range jobs {
		if !slices.ContainsFunc(out, func(x job) bool { return x.name == j.name }) {
			out = append(out, j)
		}
	}
	return out
}

// holders are one job of each name, in each round another.
func holders(round int) (out []job) {
	for _, first := range named() {
		var same []job
		for _, j := range jobs {
			if j.name == first.name {
				same = append(same, j)
			}
		}
		out = append(out, same[round%len(same)])
	}
	return out
}
