package main

import (
	"context"
	"sync"

	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

var kermesScript = sync.OnceValue(func() *redis.Script[int64] { return redis.NewScript(scriptSource, redis.Int) })

func (w *kermesWorker) transact(ctx context.Context, first int) error {
	var p redis.Pipeline
	for i := range txSize {
		redis.Set(w.data.keys[first+i], w.data.values[first+i]).Queue(&p)
	}
	return p.Exec(ctx, w.doer)
}

func (w *kermesWorker) checkAndSet(ctx context.Context, k int) error {
	key := w.data.keys[k]
	o := redis.TxOptions{Watch: []string{key}}
	return redis.Transact(ctx, w.doer, o, func(ctx context.Context, tx *redis.Tx) error {
		s, err := redis.Get(key).Do(ctx, tx)
		if err := same(s, w.data.values[k], err); err != nil {
			return err
		}
		redis.Set(key, s).Queue(&tx.Pipeline)
		return nil
	})
}

func (w *kermesWorker) runScripts(ctx context.Context, first int) error {
	var p redis.Pipeline
	var numbers [scripts]redis.Future[int64]
	for i, arg := range scriptArgs() {
		numbers[i] = kermesScript().QueueArgs(&p, []string{w.data.keys[first+i]}, resp.String(arg))
	}
	if err := p.Do(ctx, w.doer); err != nil {
		return err
	}
	for i := range numbers {
		n, err := numbers[i].Value()
		if err := checkScript(first, i, n, err); err != nil {
			return err
		}
	}
	return nil
}
