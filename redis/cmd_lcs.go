package redis

import "github.com/kermes-redis/kermes/resp"

// LCS returns the longest common subsequence of the values of a and b. Redis 7.0.
//
// See https://redis.io/commands/lcs.
func LCS(a, b string) Cmd[string] { return read(Text, "LCS", resp.String(a), resp.String(b)) }

// LCSLen returns the length of [LCS]. Redis 7.0.
//
// See https://redis.io/commands/lcs.
func LCSLen(a, b string) Cmd[int64] {
	return read(Int, "LCS", resp.String(a), resp.String(b), resp.String("LEN"))
}

// Common is where two values agree.
type Common struct {
	Matches []Match // the last one first
	Len     int64   // of the longest common subsequence
}

// Match is a piece that two values have in common.
type Match struct {
	A, B Span
	Len  int64
}

// Span is a range of bytes, both inclusive.
type Span struct{ Start, End int64 }

// LCSIdx returns where the values of a and b agree, in pieces of minLen bytes at
// least. Redis 7.0.
//
// See https://redis.io/commands/lcs.
func LCSIdx(a, b string, minLen int64) Cmd[Common] {
	w := words{args: few()}
	w = w.str(a, b, "IDX")
	w = w.count("MINMATCHLEN", minLen)
	w = w.str("WITHMATCHLEN")
	return read(common, "LCS", w.args...).check(w.bad)
}

func common(v resp.Value) (c Common, err error) {
	err = named(v, func(name string, v resp.Value) (err error) {
		switch name {
		case "matches":
			c.Matches, err = list(v, match)
		case "len":
			c.Len, err = Int(v)
		}
		return err
	})
	return c, err
}

func match(v resp.Value) (m Match, err error) {
	c, err := tuple(v, 3)
	if err != nil {
		return m, err
	}
	m.A = next(&c, matchSpan, &err)
	m.B = next(&c, matchSpan, &err)
	m.Len = next(&c, Int, &err)
	return m, err
}

func matchSpan(v resp.Value) (s Span, err error) {
	c, err := tuple(v, 2)
	if err != nil {
		return s, err
	}
	s.Start = next(&c, Int, &err)
	s.End = next(&c, Int, &err)
	return s, err
}
