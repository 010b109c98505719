package pubsub_test

import (
	"sync/atomic"

	"github.com/kermes-redis/kermes/pubsub"
)

// epochs is a source with an epoch, as the sentinel client is one.
type epochs struct {
	pubsub.Server
	epoch atomic.Int64
}

func (e *epochs) Epoch() int64       { return e.epoch.Load() }
func (e *epochs) Generation() uint64 { return uint64(e.epoch.Load()) }
