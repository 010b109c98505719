package redistest

import "github.com/kermes-redis/kermes/internal/testserver"

// Raw replies that need no argument.
const (
	OK   = testserver.OK       // what SET answers
	Null = testserver.NullBulk // no value, in both protocols
)

// Text returns the raw simple string s.
func Text(s string) string { return testserver.Text(s) }

// Bulk returns the raw string s, as GET answers.
func Bulk(s string) string { return testserver.Bulk(s) }

// Int returns the raw integer n.
func Int(n int64) string { return testserver.Int(n) }

// Double returns the raw number f of RESP3.
func Double(f float64) string { return testserver.Double(f) }

// Error returns the raw error s, code first: "WRONGTYPE Operation against a key".
func Error(s string) string { return testserver.Error(s) }

// Array returns a raw array of raw parts.
func Array(parts ...string) string { return testserver.Array(parts...) }

// Bulks returns a raw array of strings.
func Bulks(s ...string) string { return testserver.Bulks(s...) }

// Map returns a raw map of RESP3, of raw keys and values in turn.
func Map(parts ...string) string { return testserver.Map(parts...) }
