package main

import (
	"context"
	"slices"
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
	near1  place = "near1"  // through a proxy, by which a round trip takes a millisecond
	far10  place = "far10"  // ten milliseconds
	secure place = "secure" // over TLS
	local  place = "local"  // by a unix socket
)

// roundTrip is what the proxy adds to each reply; zero is no proxy.
func (p place) roundTrip() time.Duration {
	switch p {
	case near1:
		return time.Millisecond
	case far10:
		return 10 * time.Millisecond
	}
	return 0
}

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
	each        contextKind = "each" // a context with a deadline of its own for each call, as programs have
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
	heap    int  // bytes of live memory beside, which the collector walks
	clients int  // for specialClients
	burst   bool // 64 callers have come and gone before
	special string
	only    []string // contenders; empty is all that are not apart
	also    []string // contenders besides
	rounds  int      // at least so many, of the clients that are near; for what noise decides
}

// Names of the special workloads.
const (
	specialHeap   = "heap"
	specialIdle   = "idle"
	specialPubSub = "pubsub"
	specialAllocs = "allocs"
	specialSize   = "size"
	specialStart  = "start"
	specialMany   = "clients"
	specialPaired = "paired"
)

const (
	burstCallers = 64
	heapCallers  = 64
	heldConns    = 100
	opDeadline   = time.Minute
	liveHeap     = 200 << 20
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
func opMixed(ctx context.Context, w worker, i int) error      { return w.mixed(ctx, i) }
func opTexts(ctx context.Context, w worker, _ int) error      { return w.texts(ctx) }
func opScored(ctx context.Context, w worker, _ int) error     { return w.scored(ctx) }
func opHalfNull(ctx context.Context, w worker, _ int) error   { return w.halfNull(ctx) }
func opStream(ctx context.Context, w worker, _ int) error     { return w.stream(ctx) }
func opMembers(ctx context.Context, w worker, _ int) error    { return w.members(ctx) }
func opHugeGet(ctx context.Context, w worker, _ int) error    { return w.hugeGet(ctx) }
func opHugeSet(ctx context.Context, w worker, _ int) error    { return w.hugeSet(ctx) }
func opHash(ctx context.Context, w worker, _ int) error       { return w.hash(ctx) }
func opList(ctx context.Context, w worker, _ int) error       { return w.list(ctx) }

// workloads in the order of the rows.
var workloads = []workload{
	{name: "get", place: pinned, op: opGet, rounds: 8},
	{name: "get, deadline", place: pinned, ctx: deadline, op: opGet, rounds: 8},
	{name: "get, cancellable", place: pinned, ctx: cancellable, op: opGet, rounds: 8},
	{name: "get, after a burst", place: pinned, ctx: background, burst: true, op: opGet, rounds: 8},
	{name: "set", place: pinned, op: opSet, rounds: 8},
	{name: "set, deadline", place: pinned, ctx: deadline, op: opSet, rounds: 8},
	{name: "set, cancellable", place: pinned, ctx: cancellable, op: opSet, rounds: 8},
	{name: "set, after a burst", place: pinned, ctx: background, burst: true, op: opSet, rounds: 8},
	{name: "get, two CPUs", place: free, op: opGet},
	{name: "get, cancellable, two CPUs", place: free, ctx: cancellable, op: opGet},
	{name: "get, after a burst, two CPUs", place: free, burst: true, op: opGet},
	{name: "set, two CPUs", place: free, op: opSet},
	{name: "get, a context each", place: pinned, ctx: each, op: opGet},
	{name: "mixed sizes", place: pinned, op: opMixed},
	{name: "get, TLS", place: secure, op: opGet},
	{name: "get, 64 callers, TLS", place: secure, callers: 64, op: opGet},
	{name: "pipeline of 100 get, TLS", place: secure, op: pipeGet(batchSize), per: batchSize},
	{name: "get, unix socket", place: local, op: opGet},
	{name: "get, 64 callers, unix socket", place: local, callers: 64, op: opGet},
	{name: "get, 2 callers", place: free, callers: 2, op: opGet, rounds: 8},
	{name: "get, 4 callers", place: free, callers: 4, op: opGet, rounds: 8},
	{name: "get, 8 callers", place: free, callers: 8, op: opGet, rounds: 8},
	{name: "get, 16 callers", place: free, callers: 16, op: opGet},
	{name: "get, 32 callers", place: free, callers: 32, op: opGet},
	{name: "set, 8 callers", place: free, callers: 8, op: opSet},
	{name: "get, 64 callers", place: free, callers: 64, op: opGet, rounds: 5},
	{name: "get, 64 callers, cancellable", place: free, callers: 64, ctx: cancellable, op: opGet},
	{name: "set, 64 callers", place: free, callers: 64, op: opSet, rounds: 5},
	{name: "get, 512 callers", place: free, callers: 512, op: opGet},
	{name: "set, 512 callers", place: free, callers: 512, op: opSet, rounds: 5},
	{name: "get, 64 callers, a context each", place: free, callers: 64, ctx: each, op: opGet},
	{name: "mixed sizes, 64 callers", place: free, callers: 64, op: opMixed},
	{name: "mixed sizes, 64 callers, 200 MB live", place: free, callers: 64, heap: liveHeap, op: opMixed},
	{name: "get, 1 ms away", place: near1, op: opGet},
	{name: "get, 8 callers, 1 ms away", place: near1, callers: 8, op: opGet, rounds: 5},
	{name: "get, 64 callers, 1 ms away", place: near1, callers: 64, op: opGet},
	{name: "get, 512 callers, 1 ms away", place: near1, callers: 512, op: opGet},
	{name: "get, 10 ms away", place: far10, op: opGet},
	{name: "get, 8 callers, 10 ms away", place: far10, callers: 8, op: opGet},
	{name: "get, 64 callers, 10 ms away", place: far10, callers: 64, op: opGet},
	{name: "get, 512 callers, 10 ms away", place: far10, callers: 512, op: opGet},
	{name: "get, 64 callers beside 1 MiB", place: free, callers: 64, op: opGet, beside: opBigGet},
	{name: "pipeline of 1 get", place: pinned, op: pipeGet(1), per: 1},
	{name: "pipeline of 3 get", place: pinned, op: pipeGet(3), per: 3, rounds: 5, also: filled},
	{name: "pipeline of 10 get", place: pinned, op: pipeGet(10), per: 10, rounds: 5},
	{name: "pipeline of 100 get", place: pinned, op: pipeGet(batchSize), per: batchSize, also: filled},
	{name: "pipeline of 1 set", place: pinned, op: pipeSet(1), per: 1},
	{name: "pipeline of 3 set", place: pinned, op: pipeSet(3), per: 3},
	{name: "pipeline of 10 set", place: pinned, op: pipeSet(10), per: 10},
	{name: "pipeline of 100 set", place: pinned, op: pipeSet(batchSize), per: batchSize},
	{name: "kept pipeline of 100 get", place: pinned, op: keptGet, per: batchSize, only: keepers},
	{name: "kept pipeline of 100 set", place: pinned, op: keptSet, per: batchSize, only: keepers},
	{name: "transaction of 3 set", place: pinned, op: opTransact, per: txSize, rounds: 5},
	{name: "check and set", place: pinned, op: opCheckAndSet, rounds: 5},
	{name: "pipeline of 10 scripts", place: pinned, op: opScripts, per: scripts, rounds: 5},
	{name: "pipeline of 100 get, two CPUs", place: free, op: pipeGet(batchSize), per: batchSize},
	{name: "pipeline of 100 get, 200 MB live", place: pinned, heap: liveHeap, op: pipeGet(batchSize), per: batchSize, also: filled},
	{name: "get 1 MiB", place: free, op: opBigGet, rounds: 8, also: filled},
	{name: "get 1 MiB, 200 MB live", place: free, heap: liveHeap, op: opBigGet, also: filled},
	{name: "get 1 MiB into a buffer", place: free, op: opBigGetInto, rounds: 8},
	{name: "set 1 MiB", place: free, op: opBigSet},
	{name: "get 16 MiB", place: free, op: opHugeGet, rounds: 8},
	{name: "set 16 MiB", place: free, op: opHugeSet, rounds: 8},
	{name: "hgetall 1000", place: pinned, op: opHash, also: filled, rounds: 5},
	{name: "hgetall 1000, two CPUs", place: free, op: opHash, also: filled},
	{name: "hgetall 1000, 200 MB live", place: pinned, heap: liveHeap, op: opHash, also: filled},
	{name: "lrange 1000 strings", place: pinned, op: opTexts},
	{name: "zrange 1000 with scores", place: pinned, op: opScored},
	{name: "mget 1000, half of them null", place: pinned, op: opHalfNull},
	{name: "xrange 1000", place: pinned, op: opStream},
	{name: "smembers 1000 into a set", place: pinned, op: opMembers},
	{name: "lrange 10000", place: pinned, op: opList},
	{name: "lrange 10000, two CPUs", place: free, op: opList},
	{name: "pub/sub message", place: free, special: specialPubSub, rounds: 8},
	{name: "live heap, 64 callers", place: free, callers: heapCallers, op: opGet, special: specialHeap},
	{name: "idle connection", place: free, special: specialIdle},
	{name: "own: get", place: memory, op: opGet, rounds: 8, also: filled},
	{name: "own: get, deadline", place: memory, ctx: deadline, op: opGet, rounds: 8},
	{name: "own: get, cancellable", place: memory, ctx: cancellable, op: opGet, rounds: 8},
	{name: "own: set", place: memory, op: opSet, rounds: 8},
	{name: "own: set, deadline", place: memory, ctx: deadline, op: opSet, rounds: 8},
	{name: "own: set, cancellable", place: memory, ctx: cancellable, op: opSet, rounds: 8},
	{name: "own: hgetall 1000", place: memory, op: opHash, also: filled},
	{name: "own: pipeline of 3 get", place: memory, op: pipeGet(3), per: 3},
	{name: "own: pipeline of 3 set", place: memory, op: pipeSet(3), per: 3},
	{name: "own: pipeline of 10 get", place: memory, op: pipeGet(10), per: 10},
	{name: "own: pipeline of 100 get", place: memory, op: pipeGet(batchSize), per: batchSize, also: filled},
	{name: "own: pipeline of 100 set", place: memory, op: pipeSet(batchSize), per: batchSize},
	{name: "own: transaction of 3 set", place: memory, op: opTransact, per: txSize},
	{name: "own: check and set", place: memory, op: opCheckAndSet},
	{name: "own: pipeline of 10 scripts", place: memory, op: opScripts, per: scripts},
	{name: "allocations of everyday commands", place: free, special: specialAllocs, only: everyday},
	{name: "size of a program", special: specialSize, only: programs},
	{name: "start to first reply", place: free, special: specialStart, only: starters},
	{name: "1 client", place: free, special: specialMany, clients: 1},
	{name: "100 clients", place: free, special: specialMany, clients: 100},
	{name: "1000 clients", place: free, special: specialMany, clients: 1000, only: manyClients},
	{name: "1 client behind sentinels", place: trio, special: specialMany, clients: 1, only: followers},
	{name: "100 clients behind sentinels", place: trio, special: specialMany, clients: 100, only: followers},
	{name: "watched against bypass: get", place: lonely, op: opGet, special: specialPaired, only: watched, rounds: 9},
	{name: "watched against bypass: get, 64 callers", place: trio, callers: 64, op: opGet, special: specialPaired, only: watched, rounds: 9},
	{name: "watched against bypass: set, 64 callers", place: trio, callers: 64, op: opSet, special: specialPaired, only: watched, rounds: 9},
	{name: "watched: get", place: lonely, op: opGet, only: watchedTrio},
	{name: "watched: get, 64 callers", place: trio, callers: 64, op: opGet, only: watchedTrio},
	{name: "watched: set, 64 callers", place: trio, callers: 64, op: opSet, only: watchedTrio},
}

// filled tells how much of a row is the making of what the caller is to have.
var filled = []string{floor}

// everyday are the clients whose everyday commands are compared.
var everyday = []string{"kermes", "go-redis", "rueidis"}

// programs are those of which there is a program that gets one value; see programs/.
var programs = []string{"kermes", "go-redis", "rueidis", "radix", "redigo"}

// starters are those of which a program is started.
var starters = append([]string{"raw"}, programs...)

// manyClients are those whose clients are opened a thousand times over: those of rueidis
// would take 1.4 GB.
var manyClients = []string{"raw", "kermes", "kermes-client", "go-redis", "radix", "redigo"}

// keepers are the clients whose pipelines the rows of kept ones use again.
var keepers = []string{"raw", "kermes", "kermes-client"}

// followers are the clients that follow a master through sentinels, and the same without.
var followers = []string{"kermes-client", "kermes-watched"}

// watched is measured beside the same client without sentinels.
var watched = []string{"kermes-watched"}

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
func (w *workload) isTime() bool {
	return w.special == "" || w.special == specialPubSub || w.special == specialStart
}

func (w *workload) wants(c *contender) bool {
	if len(w.only) == 0 && !c.apart {
		return true
	}
	return slices.Contains(w.only, c.name) || slices.Contains(w.also, c.name)
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

// every wraps what a caller repeats into a context of its own where the workload has
// one for each call.
func (k contextKind) every(do op) op {
	if k != each {
		return do
	}
	return func(ctx context.Context, w worker, i int) error {
		ctx, cancel := context.WithTimeout(ctx, opDeadline)
		defer cancel()
		return do(ctx, w, i)
	}
}
