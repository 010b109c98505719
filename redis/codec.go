package redis

import (
	"errors"

	"github.com/kermes-redis/kermes/resp"
)

// Codec makes bytes of values and values of bytes. Package codec has JSON, gob
// and hashes from structs; nothing is encoded unless a codec is named.
type Codec interface {
	Encode(v any) ([]byte, error)
	Decode(b []byte, v any) error // v is a pointer; b must not be kept
}

// By returns a decoder of strings that c has encoded: As(HGet(k, f), By[User](c)).
func By[T any](c Codec) Decoder[T] {
	return func(v resp.Value) (t T, err error) {
		b, err := view(v)
		if err == nil {
			err = c.Decode(b, &t)
		}
		return t, err
	}
}

// GetAs is [Get] decoded by c.
//
// See https://redis.io/commands/get.
func GetAs[T any](c Codec, key string) Cmd[T] {
	if c == nil {
		return Invalid[T]("GET", errNoCodec)
	}
	return read(By[T](c), "GET", resp.String(key))
}

// SetAs is [SetWith] encoded by c. A value that cannot be encoded is an
// [ArgError] when the command runs.
//
// See https://redis.io/commands/set.
func SetAs(c Codec, key string, value any, o SetOptions) Cmd[bool] {
	if c == nil {
		return Invalid[bool]("SET", errNoCodec)
	}
	b, err := c.Encode(value)
	if err != nil {
		return Invalid[bool]("SET", err)
	}
	return SetWith(key, b, o)
}

var errNoCodec = errors.New("no codec")

// Invalid returns a command that fails with an [ArgError] for reason before any
// I/O, for functions that make commands and get arguments they cannot send.
func Invalid[T any](name string, reason error) Cmd[T] {
	return Cmd[T]{Command: resp.NewCommand(name), err: &ArgError{Command: name, Reason: reason.Error()}}
}
