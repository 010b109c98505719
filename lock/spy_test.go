package lock

import (
	"context"
	"sync"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/resp"
)

// spy is a Doer that has its way with calls before and after they run.
type spy struct {
	redis.Doer
	mu     sync.Mutex
	before func(ctx context.Context, cmd resp.Command) error
	after  func(cmd resp.Command) error
}

func (s *spy) Unwrap() redis.Doer { return s.Doer }

func (s *spy) set(before func(ctx context.Context, cmd resp.Command) error, after func(cmd resp.Command) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before, s.after = before, after
}

func (s *spy) Do(ctx context.Context, cmd resp.Command) (resp.Reply, error) {
	s.mu.Lock()
	before, after := s.before, s.after
	s.mu.Unlock()
	if before != nil {
		if err := before(ctx, cmd); err != nil {
			return resp.Reply{}, err
		}
	}
	r, err := s.Doer.Do(ctx, cmd)
	if err == nil && after != nil {
		if lost := after(cmd); lost != nil {
			r.Release()
			return resp.Reply{}, lost
		}
	}
	return r, err
}

// is reports whether cmd runs a script.
func is(cmd resp.Command, hash string) bool { return cmd.NArgs() > 0 && cmd.Arg(0).String() == hash }

// lostReply is what a client says when the connection broke before the reply.
var lostReply = &conn.Error{Op: conn.OpWait, Class: conn.ClassMaybeExecuted, Err: context.DeadlineExceeded}
