package resp

import "strconv"

// What String shows of a value.
const (
	printBytes = 64 // of a string
	printElems = 8  // of an aggregate
	printDepth = 3
	printTotal = 1 << 10 // bytes after which no further element is begun
)

// String returns the reply in short, for logs: scalars as redis-cli prints them,
// aggregates on one line, long strings and aggregates cut.
func (v Value) String() string { return string(v.appendPrint(nil, printDepth)) }

func (v Value) appendPrint(dst []byte, depth int) []byte {
	k := v.Kind()
	if k.aggregate() {
		return v.appendElems(dst, k, depth)
	}
	_, text, err := v.scalar()
	if err != nil {
		return append(dst, "(malformed)"...)
	}
	switch k {
	case KindNull:
		return append(dst, "(nil)"...)
	case KindError, KindBulkError:
		return appendCut(append(dst, "(error) "...), text, false)
	case KindInt:
		return append(append(dst, "(integer) "...), text...)
	case KindDouble:
		return append(append(dst, "(double) "...), text...)
	case KindBig:
		return appendCut(append(dst, "(big number) "...), text, false)
	case KindBool:
		if text[0] == 't' {
			return append(dst, "(true)"...)
		}
		return append(dst, "(false)"...)
	case KindText:
		return appendCut(dst, text, false)
	case KindVerbatim:
		return appendCut(dst, text[4:], true)
	}
	return appendCut(dst, text, true)
}

func (v Value) appendElems(dst []byte, k Kind, depth int) []byte {
	begin, end := byte('['), byte(']')
	if k == KindMap {
		begin, end = '{', '}'
	}
	if k == KindSet || k == KindPush {
		dst = append(dst, byte(k))
	}
	dst = append(dst, begin)
	if depth == 0 {
		return append(append(dst, "..."...), end)
	}
	c := v.Cursor()
	for i := 0; ; i++ {
		e, ok := c.Next()
		if !ok {
			break
		}
		dst = appendSeparator(dst, k, i)
		if i >= printElems || len(dst) > printTotal {
			dst = append(dst, "..."...)
			break
		}
		dst = e.appendPrint(dst, depth-1)
	}
	return append(dst, end)
}

func appendSeparator(dst []byte, k Kind, i int) []byte {
	switch {
	case i == 0:
		return dst
	case k == KindMap && i%2 == 1:
		return append(dst, " => "...)
	}
	return append(dst, ", "...)
}

// appendCut appends at most printBytes bytes of text, made printable.
func appendCut(dst, text []byte, quoted bool) []byte {
	shown := text[:min(len(text), printBytes)]
	start := len(dst)
	dst = strconv.AppendQuote(dst, string(shown))
	if !quoted {
		dst = append(dst[:start], dst[start+1:len(dst)-1]...)
	}
	if more := len(text) - len(shown); more > 0 {
		dst = append(dst, "... and "...)
		dst = strconv.AppendInt(dst, int64(more), 10)
		dst = append(dst, " bytes"...)
	}
	return dst
}
