package resp

import (
	"slices"
	"strconv"
)

// The Append functions build replies, for fakes and tests of whatever reads
// them. Each appends to dst and returns the extended slice. Those of aggregates
// append the header; their elements follow it.

// AppendText appends a text, as in +OK. A text is one line: CR and LF in s
// become spaces, as in Redis.
func AppendText(dst []byte, s string) []byte { return appendLine(dst, KindText, s) }

// AppendError appends an error. CR and LF in s become spaces.
func AppendError(dst []byte, s string) []byte { return appendLine(dst, KindError, s) }

// AppendBig appends a big number, given by its digits.
func AppendBig(dst []byte, digits string) []byte { return appendLine(dst, KindBig, digits) }

// AppendInt appends an integer.
func AppendInt(dst []byte, n int64) []byte { return appendHeader(dst, KindInt, n) }

// AppendBool appends a boolean of RESP3.
func AppendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, "#t\r\n"...)
	}
	return append(dst, "#f\r\n"...)
}

// AppendDouble appends a double of RESP3.
func AppendDouble(dst []byte, f float64) []byte {
	return append(appendFloat(append(dst, ','), f), "\r\n"...)
}

// AppendNull appends the null of RESP3.
func AppendNull(dst []byte) []byte { return append(dst, "_\r\n"...) }

// AppendNullBulk appends the null of RESP2 where a string is expected.
func AppendNullBulk(dst []byte) []byte { return append(dst, "$-1\r\n"...) }

// AppendNullArray appends the null of RESP2 where an array is expected.
func AppendNullArray(dst []byte) []byte { return append(dst, "*-1\r\n"...) }

// AppendBulk appends a string of any bytes.
func AppendBulk[S ~string | ~[]byte](dst []byte, s S) []byte { return appendBody(dst, KindBulk, s) }

// AppendBulkError appends an error of any bytes of RESP3.
func AppendBulkError[S ~string | ~[]byte](dst []byte, s S) []byte {
	return appendBody(dst, KindBulkError, s)
}

// AppendVerbatim appends a string of RESP3 that says its format. The format has
// three bytes: "txt" or "mkd".
func AppendVerbatim[S ~string | ~[]byte](dst []byte, format string, s S) []byte {
	dst = appendHeader(dst, KindVerbatim, int64(len(format)+1+len(s)))
	dst = append(append(append(dst, format...), ':'), s...)
	return append(dst, "\r\n"...)
}

// AppendArray appends the header of an array of n elements.
func AppendArray(dst []byte, n int) []byte { return appendHeader(dst, KindArray, int64(n)) }

// AppendMap appends the header of a map of RESP3. n pairs follow it.
func AppendMap(dst []byte, n int) []byte { return appendHeader(dst, KindMap, int64(n)) }

// AppendSet appends the header of a set of RESP3 of n elements.
func AppendSet(dst []byte, n int) []byte { return appendHeader(dst, KindSet, int64(n)) }

// AppendPush appends the header of a push of RESP3 of n elements, at least one.
func AppendPush(dst []byte, n int) []byte { return appendHeader(dst, KindPush, int64(n)) }

// AppendAttribute appends the header of an attribute of RESP3. n pairs follow
// it, and then the value it is about.
func AppendAttribute(dst []byte, n int) []byte { return appendHeader(dst, KindAttribute, int64(n)) }

func appendHeader(dst []byte, k Kind, n int64) []byte {
	return append(strconv.AppendInt(append(dst, byte(k)), n, 10), "\r\n"...)
}

func appendBody[S ~string | ~[]byte](dst []byte, k Kind, s S) []byte {
	dst = slices.Grow(dst, maxHeader+len(s)+2)
	dst = append(appendHeader(dst, k, int64(len(s))), s...)
	return append(dst, "\r\n"...)
}

func appendLine(dst []byte, k Kind, s string) []byte {
	dst = append(append(dst, byte(k)), s...)
	line := dst[len(dst)-len(s):]
	for i, c := range line {
		if c == '\r' || c == '\n' {
			line[i] = ' '
		}
	}
	return append(dst, "\r\n"...)
}
