package redis

import (
	"unsafe"

	"github.com/kermes-redis/kermes/resp"
)

// This file holds what needs unsafe in this package. Without it a GET of 1 MiB took
// 1.1 to 1.5 times as long in four comparisons; the copy was a quarter of its CPU time.

// largeText is from which size a string is not copied out of a reply if the reply
// can become the string.
const largeText = 16 << 10

// keepReply makes the bytes of r the value, without a copy, where decode is [Text]
// or [Bytes] and r can be kept. If not, r is as it was.
func keepReply[T any](r resp.Reply, decode Decoder[T]) (t T, ok bool) {
	var kept any
	switch d := any(decode).(type) {
	case Decoder[string]:
		if same(d, Text) {
			if p, ok := keepText(r); ok {
				// Nobody else has p, and nobody changes it.
				kept = textOf(p)
			}
		}
	case Decoder[[]byte]:
		if same(d, Bytes) {
			if p, ok := keepText(r); ok {
				kept = p
			}
		}
	}
	t, ok = kept.(T)
	return t, ok
}

// keepText returns the bytes of a string reply and keeps r, unless that would keep
// much beside the string, as attributes are.
func keepText(r resp.Reply) ([]byte, bool) {
	p, err := r.Bytes()
	if err != nil || len(r.Value)-len(p) > len(p)/8 || !r.Keep() {
		return nil, false
	}
	return p[:len(p):len(p)], true
}

// isText reports whether decode is [Text], by which T is string.
func isText[T any](decode Decoder[T]) bool {
	return same(*(*Decoder[string])(unsafe.Pointer(&decode)), Text)
}

// textAs returns p, which must not change any more, as a T, which is string.
func textAs[T any](p []byte) (t T) {
	*(*string)(unsafe.Pointer(&t)) = textOf(p)
	return t
}

// textOf returns p, which must not change any more, as a string.
func textOf(p []byte) string { return unsafe.String(unsafe.SliceData(p), len(p)) }

// bytesOf returns the bytes of s, which must not be changed.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// same reports whether d is the declared function f. It may say no of the same, as
// between plugins, but yes of nothing else: a function value is a pointer.
func same[T any](d, f Decoder[T]) bool {
	return *(*unsafe.Pointer)(unsafe.Pointer(&d)) == *(*unsafe.Pointer)(unsafe.Pointer(&f))
}

// nameStart and nameAt take apart and put together the name of a command, which a future
// keeps.
func nameStart(cmd *resp.Command) *byte { return unsafe.StringData(cmd.Name()) }

func nameAt(start *byte, n int) string { return unsafe.String(start, n) }
