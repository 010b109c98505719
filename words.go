package redis

import (
	"encoding"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// Blob is a value as Redis keeps it: bytes.
type Blob interface{ ~string | ~[]byte }

// blob makes an argument of b without copying a string or []byte.
func blob[V Blob](b V) resp.Arg {
	switch x := any(b).(type) {
	case string:
		return resp.String(x)
	case []byte:
		return resp.Bytes(x)
	}
	return resp.String(string(b)) // a named type
}

func blobs[V Blob](first []resp.Arg, more []V) []resp.Arg {
	for _, b := range more {
		first = append(first, blob(b))
	}
	return first
}

// strs makes the arguments of commands that take some names and then many.
func strs(first string, more []string) []resp.Arg {
	a := make([]resp.Arg, 0, 1+len(more))
	return addStrs(append(a, resp.String(first)), more)
}

func addStrs(a []resp.Arg, more []string) []resp.Arg {
	for _, s := range more {
		a = append(a, resp.String(s))
	}
	return a
}

// words collects the arguments of a command that has options, and the first
// reason why it cannot be sent.
type words struct {
	name string
	args []resp.Arg
	err  error
}

func (w *words) fail(reason string) {
	if w.err == nil {
		w.err = &ArgError{Command: w.name, Reason: reason}
	}
}

// str appends strings as they are, words of the command and names alike.
func (w *words) str(s ...string) {
	for _, x := range s {
		w.args = append(w.args, resp.String(x))
	}
}

func (w *words) int(n int64)     { w.args = append(w.args, resp.Int(n)) }
func (w *words) float(f float64) { w.args = append(w.args, w.number(f)) }

func (w *words) number(f float64) resp.Arg {
	if math.IsNaN(f) {
		w.fail("not a number")
	}
	return resp.Float(f)
}

// flag appends word if on is set.
func (w *words) flag(on bool, word string) {
	if on {
		w.str(word)
	}
}

// opt appends word and s unless s is empty.
func (w *words) opt(word, s string) {
	if s != "" {
		w.str(word, s)
	}
}

// count appends word and n if n is positive; a negative n is refused.
func (w *words) count(word string, n int64) {
	if n < 0 {
		w.fail("negative " + word)
	}
	if n > 0 {
		w.str(word)
		w.int(n)
	}
}

// keys appends the number of names and the names.
func (w *words) keys(names []string) {
	if len(names) == 0 {
		w.fail("no keys")
	}
	w.int(int64(len(names)))
	w.str(names...)
}

// pairs appends fields and values, which must be even in number and not none.
func (w *words) pairs(p []string) {
	if len(p) == 0 || len(p)%2 != 0 {
		w.fail("a field without a value")
	}
	w.str(p...)
}

// ttl appends word and a time to live in milliseconds, if there is one.
func (w *words) ttl(word string, d time.Duration) {
	if d == 0 {
		return
	}
	w.str(word)
	w.ms(d)
}

// ms appends a duration of at least a millisecond.
func (w *words) ms(d time.Duration) {
	if d < time.Millisecond {
		w.fail("a duration of " + d.String() + " is negative or below a millisecond")
	}
	w.args = append(w.args, ceilMillis(d))
}

// at appends word and a time in milliseconds, if there is one.
func (w *words) at(word string, t time.Time) {
	if t.IsZero() {
		return
	}
	w.str(word)
	w.int(t.UnixMilli())
}

// any appends an argument of a type that is known at run time only.
func (w *words) any(v any) {
	a, err := argOf(v)
	if err != nil {
		w.fail(err.Error())
	}
	w.args = append(w.args, a)
}

func argOf(v any) (resp.Arg, error) {
	switch x := v.(type) {
	case resp.Arg:
		return x, nil
	case string:
		return resp.String(x), nil
	case []byte:
		return resp.Bytes(x), nil
	case int:
		return resp.Int(int64(x)), nil
	case int8:
		return resp.Int(int64(x)), nil
	case int16:
		return resp.Int(int64(x)), nil
	case int32:
		return resp.Int(int64(x)), nil
	case int64:
		return resp.Int(x), nil
	case uint:
		return resp.Uint(uint64(x)), nil
	case uint8:
		return resp.Uint(uint64(x)), nil
	case uint16:
		return resp.Uint(uint64(x)), nil
	case uint32:
		return resp.Uint(uint64(x)), nil
	case uint64:
		return resp.Uint(x), nil
	case float32:
		return resp.Float(float64(x)), nil
	case float64:
		return resp.Float(x), nil
	case bool:
		if x {
			return resp.Int(1), nil
		}
		return resp.Int(0), nil
	case encoding.TextMarshaler:
		b, err := x.MarshalText()
		return resp.Bytes(b), err
	}
	return resp.Arg{}, fmt.Errorf("an argument of type %T", v)
}

// ceilMillis rounds up: a key must not expire before its time.
func ceilMillis(d time.Duration) resp.Arg {
	ms := int64(d / time.Millisecond)
	if d%time.Millisecond > 0 {
		ms++
	}
	return resp.Int(ms)
}

// checkTTL refuses a duration that Redis would take for zero or less.
func checkTTL(name string, d time.Duration) error {
	if d >= time.Millisecond {
		return nil
	}
	return &ArgError{name, "a duration of " + d.String() + " is negative or below a millisecond"}
}

// Key joins the parts of a key by colons: Key("user", "7", "name").
func Key(parts ...string) string { return strings.Join(parts, ":") }

// blockMillis is the timeout of WAIT, XREAD and their like: 0 waits for ever.
func blockMillis(d time.Duration) resp.Arg {
	if d == Forever {
		return resp.Int(0)
	}
	return ceilMillis(d)
}

// blockSeconds is the timeout of BLPOP and its like, in seconds, to the
// millisecond: 0 waits for ever.
func blockSeconds(d time.Duration) resp.Arg {
	if d == Forever {
		return resp.Int(0)
	}
	ms := d / time.Millisecond
	if d%time.Millisecond > 0 {
		ms++
	}
	return resp.Float(float64(ms) / 1000)
}
