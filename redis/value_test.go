package redis

import (
	"encoding/json"
	"math"
	"testing"
)

type (
	keyword string
	blobby  []byte
)

func TestNumbersAreValuesAsRedisKeepsThem(t *testing.T) {
	for want, got := range map[string]string{
		"text": Str("text"), "bytes": Str([]byte("bytes")), "named": Str(keyword("named")), "named bytes": Str(blobby("named bytes")),
		"{}": Str(json.RawMessage("{}")), "": Str(keyword("")),
		"-1": Str(-1), "-2": Str(int8(-2)), "-3": Str(int16(-3)), "-4": Str('a' - 101), "-5": Str(int64(-5)),
		"1": Str(uint(1)), "2": Str(uint8(2)), "3": Str(uint16(3)), "4": Str(uint32(4)), "18446744073709551615": Str(uint64(math.MaxUint64)),
		"-9223372036854775808": Str(int64(math.MinInt64)),
		"0.1":                  Str(float32(0.1)), "0.25": Str(0.25), "1e-09": Str(1e-9), "100000000000000000000": Str(1e20), "inf": Str(math.Inf(1)), "-inf": Str(float32(math.Inf(-1))),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if Str(true) != "1" || Str(false) != "0" || Str(0) != "0" || Str(blobby(nil)) != "" {
		t.Error(Str(true), Str(false), Str(0), Str(blobby(nil)))
	}
}

func TestWhatNewTakesIsSentLikeWhatTheTypedFunctionsTake(t *testing.T) {
	for _, c := range []struct{ typed, loose Status }{
		{Set("k", 7), looseSet(7)}, {Set("k", int8(-7)), looseSet(int8(-7))}, {Set("k", int16(7)), looseSet(int16(7))},
		{Set("k", int32(7)), looseSet(int32(7))}, {Set("k", int64(7)), looseSet(int64(7))}, {Set("k", uint(7)), looseSet(uint(7))},
		{Set("k", uint8(7)), looseSet(uint8(7))}, {Set("k", uint16(7)), looseSet(uint16(7))}, {Set("k", uint32(7)), looseSet(uint32(7))},
		{Set("k", uint64(7)), looseSet(uint64(7))}, {Set("k", float32(0.1)), looseSet(float32(0.1))}, {Set("k", 0.1), looseSet(0.1)},
		{Set("k", true), looseSet(true)}, {Set("k", false), looseSet(false)}, {Set("k", "s"), looseSet("s")}, {Set("k", []byte("b")), looseSet([]byte("b"))},
	} {
		typed, loose := c.typed.Command.AppendTo(nil), c.loose.Command.AppendTo(nil)
		if string(typed) != string(loose) || c.loose.Invalid() != nil {
			t.Errorf("%q and %q, %v", typed, loose, c.loose.Invalid())
		}
	}
}

func looseSet(v any) Status {
	c := New(OK, "SET", "k", v)
	return Status{Command: c.Command, err: c.err}
}
