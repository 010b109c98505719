package main

import (
	"context"
	"time"
)

// place is the server that a workload runs against.
type place string

const (
	free   place = "free"   // client and server on whatever CPU the kernel gives them
	pinned place = "pinned" // both on one CPU: less noise, no wake-ups between CPUs
	trio   place = "trio"   // a master with three sentinels
	lonely place = "lonely" // the same, master and client on one CPU
	memory place = "memory" // a canned server within the client's process
)

// onOneCPU says that client and server share a CPU.
func (p place) onOneCPU() bool { return p == pinned || p == lonely }

// op is what a caller repeats; i counts.
type op func(ctx context.Context, w worker, i int) error

// contextKind is the context that callers pass.
type contextKind string

const (
	background  contextKind = "background"
	deadline    contextKind = "deadline"
	cancellable contextKind = "cancellable"
)

// workload is one row of the table.
type workload struct {
	name    string
	place   place
	ctx     contextKind // empty is background
	callers int         // zero is one
	op      op
	per     int  // commands of one op; zero is one
	beside  op   // what one more caller does meanwhile; its ops do not count
	burst   bool // 64 callers have come and gone before
	special string
	only    []string // contenders; empty is all that are not watched
}

// Names of the special workloads.
const (
	specialHeap   = "heap"
	specialIdle   = "idle"
	specialPubSub = "pubsub"
	specialAllocs = "allocs"
	specialSize   = "size"
)

const (
	burstCallers = 64
	heapCallers  = 64
	heldConns    = 100
	opDeadline   = time.Minute
)

func opGet(ctx context.Context, w worker, i int) error { return w.get(ctx, i%keyCount) }
func opSet(ctx context.Context, w worker, i int) error { return w.set(ctx, i%keyCount) }

// firstOf is the first key of pipeline i.
func firstOf(i int) int { return i % (keyCount / batchSize) * batchSize }

func pipeGet(n int) op {
	return func(ctx context.Context, w worker, i int) error { return w.pipeGet(ctx, firstOf(i), n) }
}

func pipeSet(n int) op {
	return func(ctx context.Context, w worker, i int) error { return w.pipeSet(ctx, firstOf(i), n) }
}

func keptGet(ctx context.Context, w worker, i int) error {
	return w.(keeper).keptGet(ctx, firstOf(i), batchSize)
}

func keptSet(ctx context.Context, w worker, i int) error {
	return w.(keeper).keptSet(ctx, firstOf(i), batchSize)
}

func opBigGet(ctx context.Context, w worker, _ int) error     { return w.bigGet(ctx) }
func opBigGetInto(ctx context.Context, w worker, _ int) error { return w.bigGetInto(ctx) }
func opBigSet(ctx context.Context, w worker, _ int) error     { return w.bigSet(ctx) }
func opHash(ctx context.Context, w worker, _ int) error       { return w.hash(ctx) }
func opList(ctx context.Context, w worker, _ int) error       { return w.list(ctx) }

// workloads in the order of the rows.
var workloads = []workload{
	{name: "get", place: pinned, op: opGet},
	{name: "get, deadline", place: pinned, ctx: deadline, op: opGet},
	{name: "get, cancellable", place: pinned, ctx: cancellable, op: opGet},
	{name: "get, after a burst", place: pinned, ctx: background, burst: true, op: opGet},
	{name: "set", place: pinned, op: opSet},
	{name: "set, deadline", place: pinned, ctx: deadline, op: opSet},
	{name: "set, cancellable", place: pinned, ctx: cancellable, op: opSet},
	{name: "set, after a burst", place: pinned, ctx: background, burst: true, op: opSet},
	{name: "get, two CPUs", place: free, op: opGet},
	{name: "get, cancellable, two CPUs", place: free, ctx: cancellable, op: opGet},
	{name: "get, after a burst, two CPUs", place: free, burst: true, op: opGet},
	{name: "set, two CPUs", place: free, op: opSet},
	{name: "get, 8 callers", place: free, callers: 8, op: opGet},
	{name: "set, 8 callers", place: free, callers: 8, op: opSet},
	{name: "get, 64 callers", place: free, callers: 64, op: opGet},
	{name: "get, 64 callers, cancellable", place: free, callers: 64, ctx: cancellable, op: opGet},
	{name: "set, 64 callers", place: free, callers: 64, op: opSet},
	{name: "get, 512 callers", place: free, callers: 512, op: opGet},
	{name: "set, 512 callers", place: free, callers: 512, op: opSet},
	{name: "get, 64 callers beside 1 MiB", place: free, callers: 64, op: opGet, beside: opBigGet},
	{name: "pipeline of 1 get", place: pinned, op: pipeGet(1), per: 1},
	{name: "pipeline of 3 get", place: pinned, op: pipeGet(3), per: 3},
	{name: "pipeline of 10 get", place: pinned, op: pipeGet(10), per: 10},
	{name: "pipeline of 100 get", place: pinned, op: pipeGet(batchSize), per: batchSize},
	{name: "pipeline of 1 set", place: pinned, op: pipeSet(1), per: 1},
	{name: "pipeline of 3 set", place: pinned, op: pipeSet(3), per: 3},
	{name: "pipeline of 10 set", place: pinned, op: pipeSet(10), per: 10},
	{name: "pipeline of 100 set", place: pinned, op: pipeSet(batchSize), per: batchSize},
	{name: "kept pipeline of 100 get", place: pinned, op: keptGet, per: batchSize, only: keepers},
	{name: "kept pipeline of 100 set", place: pinned, op: keptSet, per: batchSize, only: keepers},
	{name: "pipeline of 100 get, two CPUs", place: free, op: pipeGet(batchSize), per: batchSize},
	{name: "get 1 MiB", place: free, op: opBigGet},
	{name: "get 1 MiB into a buffer", place: free, op: opBigGetInto},
	{name: "set 1 MiB", place: free, op: opBigSet},
	{name: "hgetall 1000", place: free, op: opHash},
	{name: "lrange 10000", place: free, op: opList},
	{name: "pub/sub message", place: free, special: specialPubSub},
	{name: "live heap, 64 callers", place: free, callers: heapCallers, op: opGet, special: specialHeap},
	{name: "idle connection", place: free, special: specialIdle},
	{name: "own: get", place: memory, op: opGet},
	{name: "own: get, deadline", place: memory, ctx: deadline, op: opGet},
	{name: "own: get, cancellable", place: memory, ctx: cancellable, op: opGet},
	{name: "own: set", place: memory, op: opSet},
	{name: "own: set, deadline", place: memory, ctx: deadline, op: opSet},
	{name: "own: set, cancellable", place: memory, ctx: cancellable, op: opSet},
	{name: "own: pipeline of 3 get", place: memory, op: pipeGet(3), per: 3},
	{name: "own: pipeline of 3 set", place: memory, op: pipeSet(3), per: 3},
	{name: "own: pipeline of 10 get", place: memory, op: pipeGet(10), per: 10},
	{name: "own: pipeline of 100 get", place: memory, op: pipeGet(batchSize), per: batchSize},
	{name: "own: pipeline of 100 set", place: memory, op: pipeSet(batchSize), per: batchSize},
	{name: "allocations of everyday commands", place: free, special: specialAllocs, only: everyday},
	{name: "size of a program", special: specialSize, only: everyday},
	{name: "watched: get", place: lonely, op: opGet, only: watchedTrio},
	{name: "watched: get, 64 callers", place: trio, callers: 64, op: opGet, only: watchedTrio},
	{name: "watched: set, 64 callers", place: trio, callers: 64, op: opSet, only: watchedTrio},
}

// everyday are the clients whose everyday commands are compared.
var everyday = []string{"kermes", "go-redis", "rueidis"}

// keepers are the clients whose pipelines the rows of kept ones use again.
var keepers = []string{"raw", "kermes", "kermes-client"}

var watchedTrio = []string{"raw", "kermes", "kermes-client", "kermes-watched"}

func workloadOf(name string) *workload {
	for i := range workloads {
		if workloads[i].name == name {
			return &workloads[i]
		}
	}
	return nil
}

func (w *workload) commands() int { return max(w.per, 1) }

// isTime says whether the figure is a time, and so has a ratio to raw.
func (w *workload) isTime() bool { return w.special == "" || w.special == specialPubSub }

func (w *workload) wants(c *contender) bool {
	if len(w.only) == 0 {
		return !c.watched
	}
	for _, name := range w.only {
		if name == c.name {
			return true
		}
	}
	return false
}

// context returns the context of one caller, and what ends it.
func (k contextKind) context() (context.Context, context.CancelFunc) {
	switch k {
	case deadline:
		return context.WithTimeout(context.Background(), opDeadline)
	case cancellable:
		return context.WithCancel(context.Background())
	}
	return context.Background(), func() {}
}
