package resp

import (
	"math"
	"testing"
)

type aString string

type someBytes []byte

func TestAnArgumentOfAnyScalarIsItsText(t *testing.T) {
	for i, c := range []struct {
		arg  Arg
		want string
	}{
		{ArgOf("s"), "s"}, {ArgOf(aString("s")), "s"}, {ArgOf(""), ""}, {ArgOf(aString("")), ""},
		{ArgOf([]byte("b")), "b"}, {ArgOf(someBytes("b")), "b"}, {ArgOf([]byte(nil)), ""},
		{ArgOf(-1), "-1"}, {ArgOf(int8(-128)), "-128"}, {ArgOf(int16(-1)), "-1"}, {ArgOf(int32(-1)), "-1"}, {ArgOf(int64(math.MinInt64)), "-9223372036854775808"},
		{ArgOf(uint(1)), "1"}, {ArgOf(uint8(255)), "255"}, {ArgOf(uint16(1)), "1"}, {ArgOf(uint32(1)), "1"}, {ArgOf(uint64(math.MaxUint64)), "18446744073709551615"},
		{ArgOf(float32(0.1)), "0.1"}, {ArgOf(0.1), "0.1"}, {ArgOf(float32(math.Inf(1))), "inf"}, {ArgOf(math.NaN()), "nan"}, {ArgOf(float32(math.NaN())), "nan"},
		{ArgOf(float32(math.MaxFloat32)), Float(3.4028235e38).String()}, {ArgOf(true), "1"}, {ArgOf(false), "0"},
	} {
		if got := c.arg.String(); got != c.want {
			t.Errorf("%d: %q, want %q", i, got, c.want)
		}
	}
}

func TestAnArgumentOfAScalarAllocatesNothing(t *testing.T) {
	b, n := []byte("bytes"), 123456
	buf := make([]byte, 0, 64)
	got := testing.AllocsPerRun(100, func() {
		for _, a := range []Arg{ArgOf(b), ArgOf(aString("x")), ArgOf(n), ArgOf(uint64(n)), ArgOf(0.5)} {
			buf = a.AppendTo(buf[:0])
		}
	})
	if got != 0 {
		t.Errorf("%v allocations", got)
	}
}
