package redis

// nullError is [ErrNil] as the answer to a command. There is one for each command that
// may answer so, made once: a miss allocates nothing.
type nullError struct{ command, why string }

// Error names the command, what to compare with, and what is missing.
func (e *nullError) Error() string {
	return "redis: " + e.command + ": null reply (redis.ErrNil): " + e.why
}

// Unwrap makes the error match [ErrNil].
func (e *nullError) Unwrap() error { return ErrNil }

// nullOf returns [ErrNil] as the answer to a command.
func nullOf(command string) error {
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
	{"XREAD", noneInTime},
	{"XREADGROUP", noneInTime},
	{"ZADD", notByOption},
	{"ZMPOP", noneLeft},
	{"ZPOPMAX", noneLeft},
	{"ZPOPMIN", noneLeft},
	{"ZRANDMEMBER", noKey},
	{"ZRANK", noMember},
	{"ZREVRANK", noMember},
	{"ZSCORE", noMember},
}
