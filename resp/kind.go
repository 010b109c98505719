package resp

// Kind is the type of a reply: the first byte of its encoding.
type Kind byte

// The kinds of reply. The first five are RESP2; RESP3 has all of them.
// A streamed string or aggregate has the kind of its plain form, and the nulls
// of RESP2, $-1 and *-1, are KindNull.
const (
	KindText      Kind = '+' // a short text: OK
	KindError     Kind = '-'
	KindInt       Kind = ':'
	KindBulk      Kind = '$' // a string of any bytes
	KindArray     Kind = '*'
	KindNull      Kind = '_'
	KindBool      Kind = '#'
	KindDouble    Kind = ','
	KindBig       Kind = '(' // an integer of any size
	KindBulkError Kind = '!'
	KindVerbatim  Kind = '=' // a string that says its format: txt, mkd
	KindMap       Kind = '%'
	KindSet       Kind = '~'
	KindAttribute Kind = '|' // about the value that follows; never a reply by itself
	KindPush      Kind = '>' // sent by the server unasked
)

// String returns the kind's name in words, "nothing" for what is no kind.
func (k Kind) String() string {
	switch k {
	case KindText:
		return "text"
	case KindError, KindBulkError:
		return "error"
	case KindInt:
		return "integer"
	case KindBulk:
		return "bulk string"
	case KindArray:
		return "array"
	case KindNull:
		return "null"
	case KindBool:
		return "boolean"
	case KindDouble:
		return "double"
	case KindBig:
		return "big number"
	case KindVerbatim:
		return "verbatim string"
	case KindMap:
		return "map"
	case KindSet:
		return "set"
	case KindAttribute:
		return "attribute"
	case KindPush:
		return "push"
	}
	return "nothing"
}

// aggregate reports whether values of the kind consist of other values.
func (k Kind) aggregate() bool {
	switch k {
	case KindArray, KindMap, KindSet, KindAttribute, KindPush:
		return true
	}
	return false
}

// begins reports whether a value may begin with c.
func begins(c byte) bool {
	switch Kind(c) {
	case KindText, KindError, KindInt, KindBulk, KindArray, KindNull, KindBool, KindDouble, KindBig,
		KindBulkError, KindVerbatim, KindMap, KindSet, KindAttribute, KindPush:
		return true
	}
	return false
}
