package resp

import "strings"

type Flags uint16

const (
	ReadOnly Flags = 1 << iota
	Blocking
	Idempotent
	NoRetry
	Stateful
)

func IsStateful(name string) bool {
	switch strings.ToUpper(name) {
	case "SELECT", "AUTH", "HELLO", "RESET", "QUIT", "MONITOR", "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "CLIENT REPLY", "MULTI", "EXEC", "DISCARD", "WATCH", "UNWATCH":
		return true
	}
	return false
}

// FlagsOf returns the flags of a command given by name.
func FlagsOf(name string) Flags {
	switch strings.ToUpper(name) {
	case "GET", "MGET", "EXISTS", "TTL", "PTTL", "PING", "ECHO", "HGET", "HGETALL", "LRANGE", "ZRANGE", "SMEMBERS":
		return ReadOnly
	case "BLPOP", "BRPOP", "BLMOVE", "BLMPOP", "BZMPOP", "BZPOPMIN", "BZPOPMAX", "BRPOPLPUSH", "WAIT", "WAITAOF":
		return Blocking
	}
	if IsStateful(name) {
		return Stateful
	}
	return 0
}
