package redis

import (
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// Decoder makes a value of a reply. It must not keep v or bytes of it: they are
// overwritten when it has returned. [Text], [Bytes] and [Raw] copy
// (for the reply of a command Text and Bytes may take over a large one instead).
//
// The decoders of this package accept the shapes of RESP2 and RESP3 alike: a
// number may come as an integer, a double or a string, a map as a map or as a
// flat array. A null is [ErrNil]; an error reply, also one inside a list, is its
// *[resp.Error]; anything else that does not fit is a *[DecodeError].
type Decoder[T any] func(v resp.Value) (T, error)

// Text decodes a string.
func Text(v resp.Value) (string, error) {
	p, err := v.Bytes()
	if err != nil {
		return "", misfit("string", v, err)
	}
	return string(p), nil
}

// Bytes decodes a string into a slice of its own.
func Bytes(v resp.Value) ([]byte, error) {
	p, err := view(v)
	if err != nil {
		return nil, err
	}
	return append(make([]byte, 0, len(p)), p...), nil
}

// Raw returns a copy of the reply as it came.
func Raw(v resp.Value) (resp.Value, error) {
	if err := v.Err(); err != nil {
		return nil, err
	}
	return v.Clone(), nil
}

// Int decodes an integer, or a string of digits.
func Int(v resp.Value) (int64, error) {
	n, err := v.Int()
	if err != nil {
		return 0, misfit("integer", v, err)
	}
	return n, nil
}

// Uint decodes an integer that is not negative, of all 64 bits, or a string of its digits.
func Uint(v resp.Value) (uint64, error) {
	p, err := view(v)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(string(p), 10, 64)
	if err != nil {
		return 0, &DecodeError{Want: "unsigned integer", Got: v.Kind()}
	}
	return n, nil
}

// Float decodes a number.
func Float(v resp.Value) (float64, error) {
	f, err := v.Float()
	if err != nil {
		return 0, misfit("number", v, err)
	}
	return f, nil
}

// Bool decodes a boolean, or the integers 0 and 1.
func Bool(v resp.Value) (bool, error) {
	b, err := v.Bool()
	if err != nil {
		return false, misfit("boolean", v, err)
	}
	return b, nil
}

// OK decodes the reply OK.
func OK(v resp.Value) (struct{}, error) {
	p, err := view(v)
	if err == nil && string(p) != "OK" {
		err = &DecodeError{Want: "OK", Got: v.Kind()}
	}
	return struct{}{}, err
}

// NoExpiry is what [TTL] and its relatives say of a key that never expires.
const NoExpiry time.Duration = -1

// Millis decodes a number of milliseconds: -1 is [NoExpiry], -2 is [ErrNil].
func Millis(v resp.Value) (time.Duration, error) { return span(v, time.Millisecond) }

// Seconds decodes a number of seconds: -1 is [NoExpiry], -2 is [ErrNil].
func Seconds(v resp.Value) (time.Duration, error) { return span(v, time.Second) }

func span(v resp.Value, unit time.Duration) (time.Duration, error) {
	n, err := Int(v)
	switch {
	case err != nil:
		return 0, err
	case n == -1:
		return NoExpiry, nil
	case n == -2:
		return 0, ErrNil
	case n > math.MaxInt64/int64(unit):
		return math.MaxInt64, nil
	case n < 0:
		return 0, &DecodeError{Want: "duration", Got: v.Kind()}
	}
	return time.Duration(n) * unit, nil
}

// UnixMillis decodes a time in milliseconds: -1 is the zero time, -2 is [ErrNil].
func UnixMillis(v resp.Value) (time.Time, error) { return moment(v, time.UnixMilli) }

// UnixSeconds decodes a time in seconds: -1 is the zero time, -2 is [ErrNil].
func UnixSeconds(v resp.Value) (time.Time, error) {
	return moment(v, func(s int64) time.Time { return time.Unix(s, 0) })
}

func moment(v resp.Value, at func(int64) time.Time) (time.Time, error) {
	n, err := Int(v)
	switch {
	case err != nil:
		return time.Time{}, err
	case n == -1:
		return time.Time{}, nil
	case n == -2:
		return time.Time{}, ErrNil
	}
	return at(n), nil
}

// OptOf decodes a null as an empty [Opt], and anything else by d.
func OptOf[T any](d Decoder[T]) Decoder[Opt[T]] {
	return func(v resp.Value) (Opt[T], error) { return opt(v, d) }
}

func opt[T any](v resp.Value, d Decoder[T]) (Opt[T], error) {
	if v.IsNull() {
		return Opt[T]{}, nil
	}
	t, err := d(v)
	if errors.Is(err, ErrNil) {
		return Opt[T]{}, nil
	}
	if err != nil {
		return Opt[T]{}, err
	}
	return Opt[T]{t, true}, nil
}

// applied decodes the reply of commands whose condition may fail: null or 0 is
// false, OK or 1 is true.
func applied(v resp.Value) (bool, error) {
	switch v.Kind() {
	case resp.KindNull:
		return false, nil
	case resp.KindText, resp.KindBulk:
		_, err := OK(v)
		return err == nil, err
	}
	return Bool(v)
}

// view returns the bytes of a string reply without copying them. Numbers and
// booleans come as their digits.
func view(v resp.Value) ([]byte, error) {
	p, err := v.Bytes()
	if err != nil {
		return nil, misfit("string", v, err)
	}
	return p, nil
}

// misfit turns the error of an accessor into one of this package's.
func misfit(want string, v resp.Value, err error) error {
	if errors.Is(err, resp.ErrNull) {
		return ErrNil
	}
	if server := (*resp.Error)(nil); errors.As(err, &server) {
		return server
	}
	return &DecodeError{Want: want, Got: v.Kind(), Err: err}
}
