package redis

import (
	"context"
	"errors"
	"testing"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testserver"
)

// A refusal of WATCH that does not pass ends the transaction at once, and leaves the
// connection as it was: nothing is watched there.
func TestARefusedWatchCostsNeitherTimeNorTheConnection(t *testing.T) {
	s, c := fake(t)
	s.Reply("WATCH", testserver.Error("NOPERM User app has no permissions to run the 'watch' command"))
	called := func(context.Context, *Tx) error { t.Error("called"); return nil }
	err := Transact(t.Context(), On(c), TxOptions{Watch: []string{"k"}}, called)
	check(t, "Transact", errors.Is(err, ErrNoPerm) && ClassOf(err) == ClassRejected)
	err = Watch(t.Context(), On(c), []string{"k"}, func(tx *Tx) error { return called(t.Context(), tx) })
	check(t, "Watch", errors.Is(err, ErrNoPerm))
	check(t, "the connection", c.Err() == nil && s.Count("WATCH") == 2)
}

// Who may not watch often may not unwatch either: whatever becomes of the connection, the
// transaction is not tried again.
func TestARefusedWatchIsFinalWhereUnwatchIsRefusedToo(t *testing.T) {
	for _, refusal := range []string{"NOPERM User app has no permissions to run this command", "ERR unknown command"} {
		s, c := fake(t)
		s.Reply("WATCH", testserver.Error(refusal))
		s.Reply("UNWATCH", testserver.Error(refusal))
		err := Transact(t.Context(), On(c), TxOptions{Watch: []string{"k"}}, func(context.Context, *Tx) error { return nil })
		check(t, refusal, err != nil && s.Count("WATCH") == 1)
	}
}

// What cannot be said to be unwatched is not left to others.
func TestAfterARefusedWatchTheConnectionMustUnwatch(t *testing.T) {
	s, c := fake(t)
	s.Reply("WATCH", testserver.Error("ERR WATCH inside MULTI is not allowed"))
	s.Reply("UNWATCH", "+QUEUED\r\n")
	err := Watch(t.Context(), On(c), []string{"k"}, func(*Tx) error { return nil })
	check(t, "Watch", err != nil && conn.ClassOf(err) != conn.ClassNone)
	check(t, "the connection", c.Err() != nil)
}
