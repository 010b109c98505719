package testserver

import (
	"strconv"
	"strings"
)

// Null replies of RESP2 (two kinds) and RESP3.
const (
	NullBulk  = "$-1\r\n"
	NullArray = "*-1\r\n"
	Null3     = "_\r\n"
	OK        = "+OK\r\n"
)

// Text returns the raw simple string s.
func Text(s string) string { return "+" + s + "\r\n" }

// Error returns the raw error s, code first: "ERR no such key".
func Error(s string) string { return "-" + s + "\r\n" }

// Int returns the raw integer n.
func Int(n int64) string { return ":" + strconv.FormatInt(n, 10) + "\r\n" }

// Bulk returns the raw bulk string s.
func Bulk(s string) string { return "$" + strconv.Itoa(len(s)) + "\r\n" + s + "\r\n" }

// Verbatim returns the raw RESP3 verbatim string of a three-letter format.
func Verbatim(format, s string) string {
	return "=" + strconv.Itoa(len(s)+4) + "\r\n" + format + ":" + s + "\r\n"
}

// Double returns the raw RESP3 double.
func Double(f float64) string { return "," + strconv.FormatFloat(f, 'g', -1, 64) + "\r\n" }

// Array returns a raw array of raw parts.
func Array(parts ...string) string { return aggregate('*', len(parts), parts) }

// Bulks returns a raw array of bulk strings. As the encoding of a command it
// is also what a client sends.
func Bulks(s ...string) string {
	parts := make([]string, len(s))
	for i := range s {
		parts[i] = Bulk(s[i])
	}
	return Array(parts...)
}

// Set returns a raw RESP3 set of raw parts.
func Set(parts ...string) string { return aggregate('~', len(parts), parts) }

// Push returns a raw RESP3 push of raw parts.
func Push(parts ...string) string { return aggregate('>', len(parts), parts) }

// Map returns a raw RESP3 map of raw parts: key, value, key, value.
func Map(parts ...string) string { return aggregate('%', len(parts)/2, parts) }

// Attribute returns raw RESP3 attributes, to be put before a reply.
func Attribute(parts ...string) string { return aggregate('|', len(parts)/2, parts) }

func aggregate(kind byte, n int, parts []string) string {
	var b strings.Builder
	b.WriteByte(kind)
	b.WriteString(strconv.Itoa(n))
	b.WriteString("\r\n")
	for _, p := range parts {
		b.WriteString(p)
	}
	return b.String()
}
