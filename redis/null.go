package redis

import "github.com/kermes-redis/kermes/resp"

// nullError is [ErrNil] as the answer to a command. There is one for each command that
// may answer so, made once: a miss allocates nothing.
type nullError struct{ command, why string }

// Error names the command, what to compare with, and what is missing.
func (e *nullError) Error() string {
	return "redis: " + e.command + ": null reply (redis.ErrNil): " + e.why
}

// Unwrap makes the error match [ErrNil].
func (e *nullError) Unwrap() error { return ErrNil }

// goneError is a nullError where the reply is not null, but says in its own way that
// there is nothing: -2 for a time to live, or a map without fields.
type goneError nullError

// Error names the command, what to compare with, and what is missing.
func (e *goneError) Error() string {
	why := noneThere
	switch e.why {
	case noKey, noField, noMember, noElem:
		why = e.why // what else a null says is not said here
	}
	return "redis: " + e.command + ": " + why + " (redis.ErrNil)"
}

// Unwrap makes the error match [ErrNil].
func (e *goneError) Unwrap() error { return ErrNil }

// insideError is a nullError where not the reply is null, but an element of it.
type insideError nullError

// Error names the command, what to compare with, and what takes such a reply.
func (e *insideError) Error() string {
	return "redis: " + e.command + ": an element of the reply is null (redis.ErrNil); redis.OptOf decodes one"
}

// Unwrap makes the error match [ErrNil].
func (e *insideError) Unwrap() error { return ErrNil }

// These stand for [ErrNil] until the command is known.
var (
	errGone       error = &goneError{"decode", noneThere}
	errNullInside error = &insideError{command: "decode"}
)

// missingIn returns what [ErrNil] means as the error of the decoder of v.
func missingIn(v resp.Value) error {
	switch {
	case v.IsNull():
		return ErrNil
	case holdsNull(v):
		return errNullInside
	}
	return errGone
}

// holdsNull reports whether there is a null in v, which is no null itself.
func holdsNull(v resp.Value) bool {
	switch v.Kind() {
	case resp.KindArray, resp.KindSet, resp.KindPush, resp.KindMap:
	default:
		return false
	}
	c := v.Cursor()
	for e, ok := c.Next(); ok; e, ok = c.Next() {
		if e.IsNull() || holdsNull(e) {
			return true
		}
	}
	return false
}

// nullOf returns [ErrNil] as the answer to a command.
func nullOf(command string) *nullError {
	low, high := 0, len(nulls)
	for low < high {
		mid := int(uint(low+high) / 2)
		if e := &nulls[mid]; e.command == command {
			return e
		} else if e.command < command {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return &nullError{command, noneThere}
}

// What a null says, by the command that it answers.
const (
	noneThere   = "the key, field or element does not exist"
	noKey       = "the key does not exist"
	noField     = "the key or the field does not exist"
	noMember    = "the key or the member does not exist"
	noElem      = "the key or the element does not exist"
	noneLeft    = "the key does not exist: nothing is left in it"
	noneInTime  = "nothing has come within the timeout"
	nothingNew  = "nothing new"
	noValueYet  = "the key did not exist before, or the condition did not hold"
	notByOption = "the options did not let it change anything"
	fromScript  = "the script has returned nil or false"
)

// nulls are the commands that may answer null, in the order of their names.
var nulls = [...]nullError{
	{"ACL GETUSER", "there is no such user"},
	{"ARGET", noElem},
	{"ARNEXT", noneThere},
	{"AROP", noneThere},
	{"BLMOVE", noneInTime},
	{"BLMPOP", noneInTime},
	{"BLPOP", noneInTime},
	{"BRPOP", noneInTime},
	{"BRPOPLPUSH", noneInTime},
	{"BZMPOP", noneInTime},
	{"BZPOPMAX", noneInTime},
	{"BZPOPMIN", noneInTime},
	{"CLIENT GETNAME", "the connection has no name"},
	{"DIGEST", noKey},
	{"DUMP", noKey},
	{"EVAL", fromScript},
	{"EVALSHA", fromScript},
	{"EVALSHA_RO", fromScript},
	{"EVAL_RO", fromScript},
	{"EXPIRETIME", noKey},
	{"FCALL", fromScript},
	{"FCALL_RO", fromScript},
	{"GEODIST", noMember},
	{"GET", noKey},
	{"GETDEL", noKey},
	{"GETEX", noKey},
	{"HGET", noField},
	{"HGETALL", noKey},
	{"HOTKEYS GET", "nothing has been measured"},
	{"HRANDFIELD", noKey},
	{"LINDEX", noElem},
	{"LMOVE", noneLeft},
	{"LMPOP", noneLeft},
	{"LPOP", noneLeft},
	{"LPOS", noElem},
	{"MEMORY USAGE", noKey},
	{"OBJECT ENCODING", noKey},
	{"OBJECT FREQ", noKey},
	{"OBJECT IDLETIME", noKey},
	{"OBJECT REFCOUNT", noKey},
	{"PEXPIRETIME", noKey},
	{"PTTL", noKey},
	{"RANDOMKEY", "the database is empty"},
	{"RPOP", noneLeft},
	{"RPOPLPUSH", noneLeft},
	{"SENTINEL GET-MASTER-ADDR-BY-NAME", "the sentinel knows no master of this name"},
	{"SET", noValueYet},
	{"SPOP", noneLeft},
	{"SRANDMEMBER", noKey},
	{"TTL", noKey},
	{"VEMB", noElem},
	{"VGETATTR", noElem},
	{"VINFO", noKey},
	{"VLINKS", noElem},
	{"VRANDMEMBER", noKey},
	{"XADD", notByOption},
	{"XREAD", nothingNew},
	{"XREADGROUP", nothingNew},
	{"ZADD", notByOption},
	{"ZMPOP", noneLeft},
	{"ZPOPMAX", noneLeft},
	{"ZPOPMIN", noneLeft},
	{"ZRANDMEMBER", noKey},
	{"ZRANK", noMember},
	{"ZREVRANK", noMember},
	{"ZSCORE", noMember},
}
