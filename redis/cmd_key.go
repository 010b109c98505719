package redis

import (
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// Del deletes keys and returns how many there were.
//
// See https://redis.io/commands/del.
func Del(keys ...string) Cmd[int64] {
	return write(Int, "DEL", addStrs(few(), keys)...).check(some(len(keys), noKeys))
}

// Unlink deletes keys and returns how many there were; the server frees the
// memory in the background.
//
// See https://redis.io/commands/unlink.
func Unlink(keys ...string) Cmd[int64] {
	return write(Int, "UNLINK", addStrs(few(), keys)...).check(some(len(keys), noKeys))
}

// Exists returns how many of the keys exist; a key named twice counts twice.
//
// See https://redis.io/commands/exists.
func Exists(keys ...string) Cmd[int64] {
	return read(Int, "EXISTS", addStrs(few(), keys)...).check(some(len(keys), noKeys))
}

// Touch marks keys as used now and returns how many exist. On a replica it counts
// only: the master evicts by its own clock.
//
// See https://redis.io/commands/touch.
func Touch(keys ...string) Cmd[int64] {
	return read(Int, "TOUCH", addStrs(few(), keys)...).check(some(len(keys), noKeys))
}

// Type returns what key holds: "string", "list", "set", "zset", "hash", "stream",
// the type of a module, or "none".
//
// See https://redis.io/commands/type.
func Type(key string) Cmd[string] { return read(Text, "TYPE", resp.String(key)) }

// ExpireCondition says when a time to live is changed.
type ExpireCondition string

// The conditions of [ExpireWith].
const (
	IfNoTTL   ExpireCondition = "NX" // the key has none
	IfTTL     ExpireCondition = "XX" // the key has one
	IfLater   ExpireCondition = "GT" // the new one is later; none counts as latest
	IfEarlier ExpireCondition = "LT" // the new one is earlier
)

// Expire lets key expire after d, at least a millisecond, rounded up to whole
// ones. It reports whether key exists.
//
// See https://redis.io/commands/pexpire.
func Expire(key string, d time.Duration) Cmd[bool] {
	return write(Bool, "PEXPIRE", resp.String(key), ceilMillis(d)).check(checkTTL(d))
}

// ExpireWith is [Expire] under condition c if it is not empty. It reports whether it
// was set. A condition needs Redis 7.0.
//
// See https://redis.io/commands/pexpire.
func ExpireWith(key string, d time.Duration, c ExpireCondition) Cmd[bool] {
	w := words{args: append(few(), resp.String(key))}
	w = w.ms(d)
	w = w.flag(c != "", string(c))
	return write(Bool, "PEXPIRE", w.args...).check(w.bad)
}

// ExpireAt lets key expire at t, to the millisecond. A time that has passed
// deletes it. It reports whether key exists.
//
// See https://redis.io/commands/pexpireat.
func ExpireAt(key string, t time.Time) Cmd[bool] {
	return write(Bool, "PEXPIREAT", resp.String(key), resp.Int(t.UnixMilli()))
}

// ExpireAtWith is [ExpireAt] under condition c if it is not empty. It reports whether
// it was set. A condition needs Redis 7.0.
//
// See https://redis.io/commands/pexpireat.
func ExpireAtWith(key string, t time.Time, c ExpireCondition) Cmd[bool] {
	w := words{args: append(few(), resp.String(key), resp.Int(t.UnixMilli()))}
	w = w.flag(c != "", string(c))
	return write(Bool, "PEXPIREAT", w.args...)
}

// Persist removes the time to live of key and reports whether it had one.
//
// See https://redis.io/commands/persist.
func Persist(key string) Cmd[bool] { return write(Bool, "PERSIST", resp.String(key)) }

// TTL returns how long key has to live, to the millisecond: [NoExpiry] if for
// ever, [ErrNil] if it does not exist.
//
// See https://redis.io/commands/pttl.
func TTL(key string) Cmd[time.Duration] { return read(Millis, "PTTL", resp.String(key)) }

// ExpireTime returns when key expires, to the millisecond: the zero time if
// never, [ErrNil] if it does not exist. Redis 7.0.
//
// See https://redis.io/commands/pexpiretime.
func ExpireTime(key string) Cmd[time.Time] {
	return read(UnixMillis, "PEXPIRETIME", resp.String(key))
}

// Rename renames key to to, which is overwritten. A missing key is an error.
//
// See https://redis.io/commands/rename.
func Rename(key, to string) Status {
	return status("RENAME", resp.String(key), resp.String(to))
}

// RenameNX renames key to to if that does not exist, and reports whether it has.
//
// See https://redis.io/commands/renamenx.
func RenameNX(key, to string) Cmd[bool] {
	return write(Bool, "RENAMENX", resp.String(key), resp.String(to))
}

// CopyOptions are options of [Copy]. The zero value copies within the database,
// to a key that must not exist.
type CopyOptions struct {
	DB      Opt[int64] // the database of the copy
	Replace bool       // overwrite it
}

// Copy copies the value of key to to and reports whether it has.
//
// See https://redis.io/commands/copy.
func Copy(key, to string, o CopyOptions) Cmd[bool] {
	w := words{args: append(few(), resp.String(key), resp.String(to))}
	if o.DB.OK {
		w = w.str("DB")
		w = w.int(o.DB.Value)
	}
	w = w.flag(o.Replace, "REPLACE")
	return write(Bool, "COPY", w.args...)
}

// Move moves key to database db and reports whether it has.
//
// See https://redis.io/commands/move.
func Move(key string, db int64) Cmd[bool] {
	return write(Bool, "MOVE", resp.String(key), resp.Int(db))
}

// RandomKey returns some key, or [ErrNil] if the database is empty.
//
// See https://redis.io/commands/randomkey.
func RandomKey() Cmd[string] { return read(Text, "RANDOMKEY") }

// Keys returns all keys that match the glob pattern. It blocks the server while
// it looks at every key; [Scan] does not.
//
// See https://redis.io/commands/keys.
func Keys(pattern string) Cmd[[]string] { return read(Texts, "KEYS", resp.String(pattern)) }

// Dump returns the value of key in the format of [Restore], or [ErrNil].
//
// See https://redis.io/commands/dump.
func Dump(key string) Cmd[[]byte] { return read(Bytes, "DUMP", resp.String(key)) }

// RestoreOptions are options of [Restore]. The zero value restores a key that
// must not exist and that does not expire.
type RestoreOptions struct {
	TTL      time.Duration // at least a millisecond; zero is for ever
	At       time.Time     // instead of TTL
	Replace  bool          // overwrite the key
	IdleTime time.Duration // since it was used, in whole seconds, for LRU eviction; zero says nothing
	Freq     Opt[int64]    // of its use, for LFU eviction
}

// Restore makes key from what [Dump] has returned. It returns [ErrBusyKey] if
// the key exists.
//
// See https://redis.io/commands/restore.
func Restore(key string, dump []byte, o RestoreOptions) Status {
	w := words{args: append(few(), resp.String(key))}
	switch {
	case !o.At.IsZero():
		w = w.int(o.At.UnixMilli())
	case o.TTL != 0:
		w = w.ms(o.TTL)
	default:
		w = w.int(0)
	}
	w.args = append(w.args, resp.Bytes(dump))
	w = w.flag(o.Replace, "REPLACE")
	w = w.flag(!o.At.IsZero(), "ABSTTL")
	w = w.secs("IDLETIME", o.IdleTime)
	if o.Freq.OK {
		w = w.str("FREQ")
		w = w.int(o.Freq.Value)
	}
	return status("RESTORE", w.args...).check(w.bad)
}

// MigrateOptions are options of [Migrate].
type MigrateOptions struct {
	DB                 int64         // of the target
	Timeout            time.Duration // of a pause in the transfer; zero means DefaultMigrateTimeout
	Copy               bool          // keep the keys here
	Replace            bool          // overwrite them there
	Username, Password string        // of the target; empty sends none
}

// DefaultMigrateTimeout is the timeout of [Migrate] when none is given.
const DefaultMigrateTimeout = time.Second

// Migrate moves keys to the server at host and port. It reports false if none of
// them exists.
//
// See https://redis.io/commands/migrate.
func Migrate(host string, port int, o MigrateOptions, keys ...string) Cmd[bool] {
	w := words{args: few()}
	w = w.str(host)
	w = w.int(int64(port))
	w = w.str("")
	w = w.int(o.DB)
	if o.Timeout == 0 {
		o.Timeout = DefaultMigrateTimeout
	}
	w = w.ms(o.Timeout)
	w = w.flag(o.Copy, "COPY")
	w = w.flag(o.Replace, "REPLACE")
	switch {
	case o.Username != "":
		w = w.str("AUTH2", o.Username, o.Password)
	case o.Password != "":
		w = w.str("AUTH", o.Password)
	}
	if len(keys) == 0 {
		w = w.fail(noKeys)
	}
	w = w.str("KEYS")
	w = w.str(keys...)
	return write(migrated, "MIGRATE", w.args...).check(w.bad)
}

func migrated(v resp.Value) (bool, error) {
	word, err := Text(v) // OK or NOKEY
	return word == "OK", err
}

// ObjectEncoding returns how the value of key is kept, or [ErrNil].
//
// See https://redis.io/commands/object-encoding.
func ObjectEncoding(key string) Cmd[string] {
	return read(Text, "OBJECT ENCODING", resp.String(key))
}

// ObjectFreq returns the logarithmic access counter of key, or [ErrNil]. It needs
// an LFU maxmemory-policy.
//
// See https://redis.io/commands/object-freq.
func ObjectFreq(key string) Cmd[int64] { return read(Int, "OBJECT FREQ", resp.String(key)) }

// ObjectIdleTime returns how long ago key was used, to the second, or [ErrNil].
//
// See https://redis.io/commands/object-idletime.
func ObjectIdleTime(key string) Cmd[time.Duration] {
	return read(Seconds, "OBJECT IDLETIME", resp.String(key))
}

// ObjectRefCount returns the reference count of the value, or [ErrNil].
//
// See https://redis.io/commands/object-refcount.
func ObjectRefCount(key string) Cmd[int64] { return read(Int, "OBJECT REFCOUNT", resp.String(key)) }

// Wait waits until the writes of this connection have reached n replicas, at most
// for timeout, zero for ever, and returns how many they have. The command before
// it must have run on the same connection: use a [Leaser], or a [Pipeline]. It is
// never repeated: on another connection it would say nothing about those writes.
//
// See https://redis.io/commands/wait.
func Wait(n int, timeout time.Duration) Cmd[int64] {
	return write(Int, "WAIT", resp.Int(int64(n)), blockMillis(timeout)).
		blockFor(timeout).With(resp.NoRetry).check(notNegative(int64(n)))
}

// Synced is the reply of [WaitAOF].
type Synced struct {
	Local    int64 // 1 if the master has synced its append-only file
	Replicas int64 // how many replicas have synced theirs
}

// WaitAOF waits until the writes of this connection are on the disks of the
// master (local 1) and of n replicas, as [Wait] does. Redis 7.2.
//
// See https://redis.io/commands/waitaof.
func WaitAOF(local, n int, timeout time.Duration) Cmd[Synced] {
	return write(synced, "WAITAOF", resp.Int(int64(local)), resp.Int(int64(n)), blockMillis(timeout)).
		blockFor(timeout).With(resp.NoRetry).check(notNegative(int64(min(local, n))))
}

func synced(v resp.Value) (s Synced, err error) {
	c, err := tuple(v, 2)
	if err != nil {
		return s, err
	}
	s.Local = next(&c, Int, &err)
	s.Replicas = next(&c, Int, &err)
	return s, err
}
