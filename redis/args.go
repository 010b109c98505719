package redis

import (
	"encoding"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// Blob is what can be a value of Redis: bytes, or a number or bool, which Redis keeps
// as its digits (a bool as 1 or 0). [Str] makes a string of it, where one is wanted.
//
// Of named types only those of strings and bytes are taken. What would be kept of a
// [time.Duration] or a [time.Time] is yours to say: d.Milliseconds(), t.UnixMilli().
type Blob interface {
	~string | ~[]byte | bool |
		int | int8 | int16 | int32 | int64 | uint | uint8 | uint16 | uint32 | uint64 | float32 | float64
}

// Str returns v as Redis keeps it, for commands whose arguments are strings because
// they may be of several kinds: fields and values, scores as bounds, entry IDs.
//
//	redis.HSet("user:7", "name", "ada", "age", redis.Str(36))
//	redis.ZRangeByScore("scores", redis.Str(1.5), redis.MaxScore, redis.RangeOptions{})
func Str[V Blob](v V) string { return blob(v).String() }

// blob makes an argument of b without copying a string or []byte.
func blob[V Blob](b V) resp.Arg { return resp.ArgOf(b) }

func blobs[V Blob](first []resp.Arg, more []V) []resp.Arg {
	for _, b := range more {
		first = append(first, blob(b))
	}
	return first
}

// few returns room for some arguments. It is inlined, so that the room is on the
// stack of the function that makes the command: resp.NewCommand copies them.
func few() []resp.Arg { return make([]resp.Arg, 0, 8) }

// strs makes the arguments of commands that take some names and then many.
func strs(first string, more []string) []resp.Arg {
	return addStrs(append(few(), resp.String(first)), more)
}

func addStrs(a []resp.Arg, more []string) []resp.Arg {
	if free := cap(a) - len(a); len(more) > free {
		a = append(make([]resp.Arg, 0, len(a)+len(more)), a...) // at once, and not by doubling
	}
	for _, s := range more {
		a = append(a, resp.String(s))
	}
	return a
}

// words collects the arguments of a command that has options, and the first
// reason why it cannot be sent. It is passed by value and the reason is a number:
// so its arguments stay on the stack (a store through a pointer, or an error
// beside them that is returned, moves them to the heap).
type words struct {
	args []resp.Arg
	bad  reason
}

// reason says why a command cannot be sent.
//
// The lowest byte is the number; above it is the duration, in nanoseconds, that a bad
// one is about.
type reason int64

const (
	fine reason = iota
	badDuration
	badWeights
	emptyFilter
	emptyVector
	negative
	badDigest
	limitExact
	twoLives
	noCommand
	noFields
	noHashes
	noIDs
	noIndexes
	noItems
	noKeys
	noMasters
	noMembers
	noMetric
	noNames
	noPatterns
	noPlaces
	noRanges
	noSize
	noSteps
	noStreams
	noThreshold
	noUsers
	noValues
	notANumber
	notInverted
	nothingToSet
	oddPairs
	stepWrites
	typeOfScan
)

var reasons = [...]string{
	badDuration: "a duration of ", // and what is wrong with it: see text
	badWeights:  "not one weight for each key",
	emptyFilter: "an empty filter",
	emptyVector: "an empty vector",
	negative:    "a negative count or offset",
	badDigest:   "a digest that is not 16 hexadecimal characters",
	noCommand:   "no command",
	noFields:    "no fields",
	noHashes:    "no hashes",
	noIDs:       "no ids",
	noIndexes:   "no indexes",
	noItems:     "no items",
	noKeys:      "no keys",
	noMasters:   "no masters",
	noMembers:   "no members",
	noNames:     "no names",
	noPatterns:  "no patterns",
	noPlaces:    "no places",
	noRanges:    "no ranges",
	noSize:      "an area without Radius, without Width and Height, without a Polygon",
	noSteps:     "no steps",
	noUsers:     "no users",
	noValues:    "no values",
	limitExact:  "a limit without Approx, or a limit and All",
	twoLives:    "more than one of TTL, At and KeepTTL or Persist",
	noMetric:    "neither CPU nor Net",
	noStreams:   "no streams",
	noThreshold: "trimming without MaxLen or MinID",
	notANumber:  "not a number",

	notInverted:  "MinAge, Idle, Self or Not within Not",
	nothingToSet: "nothing to set",
	oddPairs:     "a field without a value",
	stepWrites:   "a step that writes",
	typeOfScan:   "TYPE is for SCAN",
}

// text returns the reason in words.
func (r reason) text() string {
	if r&0xff != badDuration {
		return reasons[r&0xff]
	}
	d := time.Duration(r >> 8)
	if d < 0 {
		return reasons[badDuration] + d.String() + ", which is negative"
	}
	return reasons[badDuration] + d.String() + ", which is below a millisecond: say 60*time.Second where you mean a minute"
}

// badSpan is the reason badDuration with the duration.
func badSpan(d time.Duration) reason {
	const most = 1<<55 - 1 // of nanoseconds, a year and more
	return reason(max(min(d, most), -most))<<8 | badDuration
}

// some is the reason r if there are none of what a command cannot do without.
func some(n int, r reason) reason {
	if n == 0 {
		return r
	}
	return fine
}

func (w words) fail(r reason) words {
	if w.bad == fine {
		w.bad = r
	}
	return w
}

// str appends strings as they are, words of the command and names alike.
func (w words) str(s ...string) words {
	for _, x := range s {
		w.args = append(w.args, resp.String(x))
	}
	return w
}

func (w words) int(n int64) words {
	w.args = append(w.args, resp.Int(n))
	return w
}

func (w words) float(f float64) words {
	if math.IsNaN(f) {
		w = w.fail(notANumber)
	}
	w.args = append(w.args, resp.Float(f))
	return w
}

// flag appends word if on is set.
func (w words) flag(on bool, word string) words {
	if on {
		w = w.str(word)
	}
	return w
}

// opt appends word and s unless s is empty.
func (w words) opt(word, s string) words {
	if s != "" {
		w = w.str(word, s)
	}
	return w
}

// count appends word and n if n is positive; a negative n is refused.
func (w words) count(word string, n int64) words {
	if n < 0 {
		w = w.fail(negative)
	}
	if n > 0 {
		w = w.str(word)
		w = w.int(n)
	}
	return w
}

// keys appends the number of names and the names.
func (w words) keys(names []string) words {
	if len(names) == 0 {
		w = w.fail(noKeys)
	}
	w = w.int(int64(len(names)))
	w = w.str(names...)
	return w
}

// oneLife refuses more than one of the options that exclude each other.
func (w words) oneLife(ttl time.Duration, at time.Time, other bool) words {
	if ttl != 0 && !at.IsZero() || other && (ttl != 0 || !at.IsZero()) {
		w = w.fail(twoLives)
	}
	return w
}

// pairs appends fields and values, which must be even in number and not none.
func (w words) pairs(p []string) words {
	if len(p) == 0 || len(p)%2 != 0 {
		w = w.fail(oddPairs)
	}
	w = w.str(p...)
	return w
}

// ttl appends word and a time to live in milliseconds, if there is one.
func (w words) ttl(word string, d time.Duration) words {
	if d == 0 {
		return w
	}
	w = w.str(word)
	w = w.ms(d)
	return w
}

// ms appends a duration of at least a millisecond.
func (w words) ms(d time.Duration) words {
	if d < time.Millisecond {
		w = w.fail(badSpan(d))
	}
	w.args = append(w.args, ceilMillis(d))
	return w
}

// secs appends word and a duration in whole seconds, rounded up, if there is one.
func (w words) secs(word string, d time.Duration) words {
	if d == 0 {
		return w
	}
	if d < time.Millisecond {
		w = w.fail(badSpan(d))
	}
	w = w.str(word)
	w = w.int(int64((d + time.Second - 1) / time.Second))
	return w
}

// at appends word and a time in milliseconds, if there is one.
func (w words) at(word string, t time.Time) words {
	if t.IsZero() {
		return w
	}
	w = w.str(word)
	w = w.int(t.UnixMilli())
	return w
}

// argsOf makes arguments of what is known at run time only.
func argsOf(values []any) ([]resp.Arg, error) {
	args := make([]resp.Arg, len(values))
	for i, v := range values {
		a, err := argOf(v)
		if err != nil {
			return nil, err
		}
		args[i] = a
	}
	return args, nil
}

func argOf(v any) (resp.Arg, error) {
	switch x := v.(type) {
	case resp.Arg:
		return x, nil
	case string:
		return resp.String(x), nil
	case []byte:
		return resp.Bytes(x), nil
	case float32:
		return resp.ArgOf(x), nil
	case float64:
		return resp.Float(x), nil
	case bool:
		return resp.ArgOf(x), nil
	case encoding.TextMarshaler:
		b, err := x.MarshalText()
		return resp.Bytes(b), err
	}
	if a, ok := signed(v); ok {
		return a, nil
	}
	if a, ok := unsigned(v); ok {
		return a, nil
	}
	return resp.Arg{}, fmt.Errorf("an argument of type %T", v)
}

func signed(v any) (resp.Arg, bool) {
	switch x := v.(type) {
	case int:
		return resp.Int(int64(x)), true
	case int8:
		return resp.Int(int64(x)), true
	case int16:
		return resp.Int(int64(x)), true
	case int32:
		return resp.Int(int64(x)), true
	case int64:
		return resp.Int(x), true
	}
	return resp.Arg{}, false
}

func unsigned(v any) (resp.Arg, bool) {
	switch x := v.(type) {
	case uint:
		return resp.Uint(uint64(x)), true
	case uint8:
		return resp.Uint(uint64(x)), true
	case uint16:
		return resp.Uint(uint64(x)), true
	case uint32:
		return resp.Uint(uint64(x)), true
	case uint64:
		return resp.Uint(x), true
	}
	return resp.Arg{}, false
}

// ceilMillis rounds up: a key must not expire before its time.
func ceilMillis(d time.Duration) resp.Arg {
	ms := int64(d / time.Millisecond)
	if d%time.Millisecond > 0 {
		ms++
	}
	return resp.Int(ms)
}

func notNegative(n int64) reason {
	if n < 0 {
		return negative
	}
	return fine
}

// checkTTL refuses a duration that Redis would take for zero or less.
func checkTTL(d time.Duration) reason {
	if d >= time.Millisecond {
		return fine
	}
	return badSpan(d)
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
