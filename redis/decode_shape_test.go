package redis

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/kermes-redis/kermes/resp"
)

// shape is a reply and what a decoder makes of it.
type shape struct {
	name  string
	check func() error
}

func decodes[T any](name string, d Decoder[T], reply string, want T) shape {
	return shape{name, func() error {
		got, err := d(resp.Value(reply))
		if err != nil {
			return err
		}
		if diff := cmp.Diff(want, got); diff != "" {
			return errors.New(diff)
		}
		return nil
	}}
}

func TestDecodersTakeTheShapesOfBothProtocols(t *testing.T) {
	ab := map[string]string{"a": "1", "b": "2"}
	for _, s := range []shape{
		decodes("bulk", Text, bulk("a\r\nb"), "a\r\nb"),
		decodes("simple string", Text, "+a\r\n", "a"),
		decodes("verbatim string", Text, verbatim3("a"), "a"),
		decodes("number as text", Text, ":-7\r\n", "-7"),
		decodes("bytes", Bytes, bulk("\x00\xff"), []byte("\x00\xff")),
		decodes("empty bytes", Bytes, bulk(""), []byte{}),
		decodes("integer", Int, ":-7\r\n", -7),
		decodes("integer in a bulk", Int, bulk("-7"), -7),
		decodes("integer as a big number", Int, "(-7\r\n", -7),
		decodes("double", Float, ",1.5\r\n", 1.5),
		decodes("number in a bulk", Float, bulk("1.5"), 1.5),
		decodes("number as an integer", Float, ":2\r\n", 2.0),
		decodes("infinite in RESP2", Float, bulk("-inf"), math.Inf(-1)),
		decodes("infinite in RESP3", Float, ",-inf\r\n", math.Inf(-1)),
		decodes("boolean", Bool, "#t\r\n", true),
		decodes("boolean as an integer", Bool, ":0\r\n", false),
		decodes("duration", Millis, ":1500\r\n", 1500*time.Millisecond),
		decodes("no expiry", Seconds, ":-1\r\n", NoExpiry),
		decodes("longer than there is", Seconds, ":9223372036854775807\r\n", math.MaxInt64),
		decodes("time", UnixMillis, ":4102444800000\r\n", later),
		decodes("never", UnixSeconds, ":-1\r\n", time.Time{}),
		decodes("map", TextMap, dict3(bulk("a"), bulk("1"), bulk("b"), bulk("2")), ab),
		decodes("flat map", TextMap, array1("a", "1", "b", "2"), ab),
		decodes("map of pairs", TextMap, array(array1("a", "1"), array1("b", "2")), ab),
		decodes("set", TextSet, array1("a", "b"), map[string]struct{}{"a": {}, "b": {}}),
		decodes("empty set", TextSet, "*0\r\n", map[string]struct{}{}),
		decodes("empty map", TextMap, "*0\r\n", map[string]string{}),
		decodes("set", Texts, "~2\r\n+a\r\n+b\r\n", []string{"a", "b"}),
		decodes("list with nulls in RESP2", OptTexts, array(bulk("a"), nullBulk2, nullArray2), []Opt[string]{Some("a"), {}, {}}),
		decodes("list with nulls in RESP3", OptTexts, array(bulk("a"), null3), []Opt[string]{Some("a"), {}}),
		decodes("members flat", zs, array1("a", "1", "b", "inf"), []Z{{"a", 1}, {"b", math.Inf(1)}}),
		decodes("members in pairs", zs, array(array(bulk("a"), double3("1"))), []Z{{"a", 1}}),
		decodes("condition that held", applied, "+OK\r\n", true),
		decodes("condition that did not, RESP2", applied, nullBulk2, false),
		decodes("condition that did not, RESP3", applied, null3, false),
		decodes("attributes are skipped", Int, "|1\r\n+ttl\r\n:3\r\n:7\r\n", 7),
		decodes("removed entries are skipped", entries, array(nullArray2, array(bulk("1-1"), nullArray2)), []Entry{{ID: "1-1"}}),
		decodes("nothing to read, RESP2", streams, nullArray2, nil),
		decodes("nothing to read, RESP3", streams, null3, nil),
		decodes("pong to a subscriber", pong, array1("pong", ""), "PONG"),
		decodes("a cursor of 64 bits", cursor, bulk("18446744073709551615"), math.MaxUint64),
	} {
		if err := s.check(); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
	}
}

// failsWith decodes reply and returns the error.
func failsWith[T any](d Decoder[T], reply string) error {
	_, err := d(resp.Value(reply))
	return err
}

func TestDecodersSayWhatDoesNotFit(t *testing.T) {
	oops := "-WRONGTYPE no\r\n"
	for name, err := range map[string]error{
		"null text":            failsWith(Text, nullBulk2),
		"null number":          failsWith(Int, null3),
		"null list":            failsWith(Texts, nullArray2),
		"null map":             failsWith(TextMap, null3),
		"null set":             failsWith(TextSet, null3),
		"null in a list":       failsWith(Texts, array(nullBulk2)),
		"no key, milliseconds": failsWith(Millis, ":-2\r\n"),
		"no key, time":         failsWith(UnixMillis, ":-2\r\n"),
	} {
		if !errors.Is(err, ErrNil) {
			t.Errorf("%s: %v, want ErrNil", name, err)
		}
	}
	for name, err := range map[string]error{
		"error":                failsWith(Text, oops),
		"error in a list":      failsWith(Ints, array(oops)),
		"error in a set":       failsWith(TextSet, array(bulk("a"), oops)),
		"error in a map":       failsWith(TextMap, dict3(bulk("a"), oops)),
		"error as a map's key": failsWith(MapOf(Text, Int), dict3(oops, ":1\r\n")),
		"error in an entry":    failsWith(entries, array(array(bulk("1-1"), array(bulk("f"), oops)))),
		"error for a raw one":  failsWith(Raw, oops),
		"error for an option":  failsWith(OptOf(Text), oops),
	} {
		if !errors.Is(err, ErrWrongType) {
			t.Errorf("%s: %v, want ErrWrongType", name, err)
		}
	}
	for name, err := range map[string]error{
		"a list for a text":          failsWith(Text, array()),
		"a text for a list":          failsWith(Texts, "+a\r\n"),
		"letters for a number":       failsWith(Int, "+a\r\n"),
		"two for a boolean":          failsWith(Bool, ":2\r\n"),
		"another word than OK":       failsWith(OK, "+QUEUED\r\n"),
		"a key without a value":      failsWith(TextMap, array1("a")),
		"three in a pair":            failsWith(TextMap, array(array1("a", "1", "x"))),
		"a short tuple":              failsWith(pop, array1("a")),
		"a duration below minus two": failsWith(Millis, ":-3\r\n"),
		"a negative cursor":          failsWith(cursor, ":-1\r\n"),
	} {
		if bad := (*DecodeError)(nil); !errors.As(err, &bad) {
			t.Errorf("%s: %v, want a DecodeError", name, err)
		}
	}
}
