package main

import (
	"bytes"
	"context"
	"strconv"
	"sync"

	"github.com/kermes-redis/kermes/resp"
)

// Transactions, and scripts in pipelines.
const (
	txSize  = 3  // commands of a transaction
	scripts = 10 // of a pipeline
	// scriptSource is loaded by seed, as a program does it at its start.
	scriptSource = "return redis.call('STRLEN', KEYS[1]) + ARGV[1]"
)

// transactor is a worker that runs transactions and scripts as its documentation has it.
type transactor interface {
	// transact sets txSize keys, from the first on, in MULTI and EXEC.
	transact(ctx context.Context, first int) error
	// checkAndSet watches a key, gets it, and sets it in MULTI and EXEC.
	checkAndSet(ctx context.Context, k int) error
	// runScripts runs the script in a pipeline, with a key and an argument each.
	runScripts(ctx context.Context, first int) error
}

func opTransact(ctx context.Context, w worker, i int) error    { return w.transact(ctx, firstOf(i)) }
func opCheckAndSet(ctx context.Context, w worker, i int) error { return w.checkAndSet(ctx, i%keyCount) }
func opScripts(ctx context.Context, w worker, i int) error     { return w.runScripts(ctx, firstOf(i)) }

// scriptArgs are the arguments of a pipeline's scripts.
var scriptArgs = sync.OnceValue(func() (args [scripts]string) {
	for i := range args {
		args[i] = strconv.Itoa(i)
	}
	return args
})

// checkScript is for the reply to script i of a pipeline whose first key is this.
func checkScript(first, i int, n int64, err error) error {
	if err == nil && n != int64(len(shared().values[first+i])+i) {
		err = wrong("script", n)
	}
	return err
}

// txWires are what raw sends and expects.
type txWires struct {
	watch          [][]byte // by key
	setOne         [][]byte
	transact, many [][]byte // by first key / batchSize
	transacted     []byte
	setOneDone     []byte
	manyDone       []byte
}

var rawTx = sync.OnceValue(func() (w txWires) {
	d, all, sha := shared(), rawWires(), kermesScript().Hash()
	multi, exec := encode("MULTI"), encode("EXEC")
	for k, key := range d.keys {
		w.watch = append(w.watch, encode("WATCH", key))
		w.setOne = append(w.setOne, join([][]byte{multi, all.set[k], exec}))
	}
	for first := 0; first < keyCount; first += batchSize {
		w.transact = append(w.transact, join([][]byte{multi, join(all.set[first : first+txSize]), exec}))
		var b []byte
		for i, arg := range scriptArgs() {
			b = append(b, encode("EVALSHA", sha, "1", d.keys[first+i], arg)...)
		}
		w.many = append(w.many, b)
	}
	w.setOneDone, w.transacted = executed(1), executed(txSize)
	for i := range scripts {
		w.manyDone = resp.AppendInt(w.manyDone, int64(len(d.values[i])+i))
	}
	return w
})

// executed is what a transaction of so many SETs is answered with.
func executed(n int) []byte {
	b := append(bytes.Clone(rawOK), bytes.Repeat([]byte("+QUEUED\r\n"), n)...)
	return append(resp.AppendArray(b, n), rawOKs[:n*len(rawOK)]...)
}

func (r *rawWorker) transact(_ context.Context, first int) error {
	w := rawTx()
	return r.expect(w.transact[first/batchSize], w.transacted)
}

func (r *rawWorker) checkAndSet(ctx context.Context, k int) error {
	w := rawTx()
	if err := r.expect(w.watch[k], rawOK); err != nil {
		return err
	}
	if err := r.get(ctx, k); err != nil {
		return err
	}
	return r.expect(w.setOne[k], w.setOneDone)
}

func (r *rawWorker) runScripts(_ context.Context, first int) error {
	w := rawTx()
	return r.expect(w.many[first/batchSize], w.manyDone)
}
