package resp

import (
	"strconv"
	"unsafe"
)

type Arg struct {
	s    string
	n    int64
	kind byte
}

func String(s string) Arg { return Arg{s: s} }
func Bytes(b []byte) Arg  { return Arg{s: unsafe.String(unsafe.SliceData(b), len(b))} }
func Int(n int64) Arg     { return Arg{n: n, kind: 1} }
func (a Arg) String() string {
	if a.kind == 1 {
		return strconv.FormatInt(a.n, 10)
	}
	return a.s
}

func (a *Arg) append(dst []byte) []byte {
	if a.kind == 1 {
		var b [20]byte
		d := strconv.AppendInt(b[:0], a.n, 10)
		dst = append(dst, '$')
		dst = strconv.AppendInt(dst, int64(len(d)), 10)
		dst = append(dst, "\r\n"...)
		dst = append(dst, d...)
		return append(dst, "\r\n"...)
	}
	return bulk(dst, a.s)
}

func Uint(n uint64) Arg                  { return Arg{s: strconv.FormatUint(n, 10)} }
func Float(f float64) Arg                { return Arg{s: strconv.FormatFloat(f, 'g', -1, 64)} }
func (a Arg) AppendTo(dst []byte) []byte { return append(dst, a.String()...) }
