package redis

import (
	"context"
	"io"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/resp"
)

// GetTo copies the value of key to w, piece by piece as it arrives, and returns
// how many bytes w has taken. A missing key is [ErrNil] and writes nothing.
//
// It leases a connection, which is closed if w fails or ctx ends within the
// value; the error is of class may have executed then. It is never tried again,
// because w may have taken a part.
//
// See https://redis.io/commands/get.
func GetTo(ctx context.Context, l Leaser, key string, w io.Writer) (n int64, err error) {
	return CopyTo(ctx, l, Get(key), w)
}

// SetFrom sets key to the next size bytes of r, which are sent as they are read,
// and reports whether it has: false if the condition of o did not hold.
//
// It leases a connection, which is closed if r ends early ([io.ErrUnexpectedEOF])
// or fails, or ctx ends; nothing has been executed then. What r has beyond size is
// not read.
//
// See https://redis.io/commands/set.
func SetFrom(ctx context.Context, l Leaser, key string, size int64, r io.Reader, o SetOptions) (set bool, err error) {
	w := o.add(words{args: few()})
	c := write(applied, "SET", resp.String(key)).check(w.bad)
	return CopyFrom(ctx, l, c, size, r, w.args...)
}

// CopyTo runs any command that answers with a string and copies it to w, as
// [GetTo] does: DUMP, LINDEX, HGET, GETRANGE. The decoder of c is not used.
func CopyTo[T any](ctx context.Context, l Leaser, c Cmd[T], w io.Writer) (n int64, err error) {
	if c.err != nil {
		return 0, c.err
	}
	err = l.WithConn(ctx, func(conn *conn.Conn) error {
		n, err = conn.DoTo(ctx, c.Command, w)
		return err
	})
	return n, answerTo(&c.Command, err)
}

// CopyFrom runs any command with one more argument of size bytes, read from r,
// and the arguments after behind it, as [SetFrom] does: APPEND, RESTORE, HSET.
func CopyFrom[T any](ctx context.Context, l Leaser, c Cmd[T], size int64, r io.Reader, after ...resp.Arg) (value T, err error) {
	if c.err != nil {
		return value, c.err
	}
	err = l.WithConn(ctx, func(conn *conn.Conn) error {
		reply, err := conn.DoFrom(ctx, c.Command, size, r, after...)
		if err != nil {
			return err
		}
		value, err = decodeReply(reply, c.Decode)
		return answerTo(&c.Command, err)
	})
	return value, err
}
