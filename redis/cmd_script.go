package redis

import (
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// evalWords makes the arguments of a script in room, which is on the stack of who makes
// the command.
func evalWords(room []resp.Arg, what string, keys []string, args []resp.Arg) []resp.Arg {
	if n := 2 + len(keys) + len(args); n > cap(room) {
		room = make([]resp.Arg, 0, n) // at once, and not by doubling
	}
	room = append(room, resp.String(what), resp.Int(int64(len(keys))))
	return append(addStrs(room, keys), args...)
}

// Eval runs the Lua script src. [Script] sends the source only when the server
// does not know it.
//
// See https://redis.io/commands/eval.
func Eval[T any](decode Decoder[T], src string, keys []string, args ...resp.Arg) Cmd[T] {
	return write(decode, "EVAL", evalWords(few(), src, keys, args)...)
}

// EvalRO is [Eval] of a script that only reads. Redis 7.0.
//
// See https://redis.io/commands/eval_ro.
func EvalRO[T any](decode Decoder[T], src string, keys []string, args ...resp.Arg) Cmd[T] {
	return read(decode, "EVAL_RO", evalWords(few(), src, keys, args)...)
}

// EvalSha runs the script with this hash, or returns [ErrNoScript].
//
// See https://redis.io/commands/evalsha.
func EvalSha[T any](decode Decoder[T], sha string, keys []string, args ...resp.Arg) Cmd[T] {
	return write(decode, "EVALSHA", evalWords(few(), sha, keys, args)...)
}

// EvalShaRO is [EvalSha] of a script that only reads. Redis 7.0.
//
// See https://redis.io/commands/evalsha_ro.
func EvalShaRO[T any](decode Decoder[T], sha string, keys []string, args ...resp.Arg) Cmd[T] {
	return read(decode, "EVALSHA_RO", evalWords(few(), sha, keys, args)...)
}

// FCall runs a function of a library. Redis 7.0.
//
// See https://redis.io/commands/fcall.
func FCall[T any](decode Decoder[T], function string, keys []string, args ...resp.Arg) Cmd[T] {
	return write(decode, "FCALL", evalWords(few(), function, keys, args)...)
}

// FCallRO is [FCall] of a function with the flag no-writes. Redis 7.0.
//
// See https://redis.io/commands/fcall_ro.
func FCallRO[T any](decode Decoder[T], function string, keys []string, args ...resp.Arg) Cmd[T] {
	return read(decode, "FCALL_RO", evalWords(few(), function, keys, args)...)
}

// ScriptLoad makes the server know a script and returns its hash.
//
// See https://redis.io/commands/script-load.
func ScriptLoad(src string) Cmd[string] { return query(Text, "SCRIPT LOAD", resp.String(src)) }

// ScriptExists reports of each hash whether the server knows the script.
//
// See https://redis.io/commands/script-exists.
func ScriptExists(hashes ...string) Cmd[[]bool] {
	return query(Bools, "SCRIPT EXISTS", addStrs(few(), hashes)...).check(some(len(hashes), noHashes))
}

// ScriptFlush makes the server forget all scripts, in the background if async is
// set.
//
// See https://redis.io/commands/script-flush.
func ScriptFlush(async bool) Status { return status("SCRIPT FLUSH", flushMode(async)) }

// ScriptKill ends the running script, unless it has written. It returns
// [ErrNotBusy] if none runs.
//
// See https://redis.io/commands/script-kill.
func ScriptKill() Status { return status("SCRIPT KILL") }

// ScriptShow returns the source of a script. Valkey 8.
//
// See https://valkey.io/commands/script-show.
func ScriptShow(hash string) Cmd[string] { return query(Text, "SCRIPT SHOW", resp.String(hash)) }

func flushMode(async bool) resp.Arg {
	if async {
		return resp.String("ASYNC")
	}
	return resp.String("SYNC")
}

// FunctionLoad loads a library and returns its name. With replace it may exist.
// The source of a library that does not compile is an error reply. Redis 7.0.
//
// See https://redis.io/commands/function-load.
func FunctionLoad(src string, replace bool) Cmd[string] {
	w := words{args: few()}
	w = w.flag(replace, "REPLACE")
	w = w.str(src)
	return write(Text, "FUNCTION LOAD", w.args...)
}

// FunctionDelete deletes a library. A missing one is an error reply. Redis 7.0.
//
// See https://redis.io/commands/function-delete.
func FunctionDelete(library string) Status {
	return status("FUNCTION DELETE", resp.String(library))
}

// FunctionDump returns all libraries in the format of [FunctionRestore]. Redis 7.0.
//
// See https://redis.io/commands/function-dump.
func FunctionDump() Cmd[[]byte] { return query(Bytes, "FUNCTION DUMP") }

// RestorePolicy says what [FunctionRestore] does with libraries that exist.
type RestorePolicy string

// The policies of [FunctionRestore]. The empty one is RestoreAppend.
const (
	RestoreAppend  RestorePolicy = "APPEND"  // an existing library is an error
	RestoreReplace RestorePolicy = "REPLACE" // they are replaced
	RestoreFlush   RestorePolicy = "FLUSH"   // all are deleted before
)

// FunctionRestore loads the libraries of a [FunctionDump]. Redis 7.0.
//
// See https://redis.io/commands/function-restore.
func FunctionRestore(dump []byte, p RestorePolicy) Status {
	w := words{args: append(few(), resp.Bytes(dump))}
	w = w.flag(p != "", string(p))
	return status("FUNCTION RESTORE", w.args...)
}

// FunctionFlush deletes all libraries, in the background if async is set. Redis
// 7.0.
//
// See https://redis.io/commands/function-flush.
func FunctionFlush(async bool) Status { return status("FUNCTION FLUSH", flushMode(async)) }

// FunctionKill ends the running function, unless it has written. It returns
// [ErrNotBusy] if none runs. Redis 7.0.
//
// See https://redis.io/commands/function-kill.
func FunctionKill() Status { return status("FUNCTION KILL") }

// Library is a library of functions.
type Library struct {
	Name, Engine string
	Functions    []Function
	Code         string // empty unless asked for
}

// Function is a function of a library.
type Function struct {
	Name, Description string
	Flags             []string // "no-writes", "allow-stale", ...
}

// FunctionListOptions are options of [FunctionList].
type FunctionListOptions struct {
	Library  string // a glob pattern; empty is all
	WithCode bool   // fill in Library.Code
}

// FunctionList returns the libraries with their functions. Redis 7.0.
//
// See https://redis.io/commands/function-list.
func FunctionList(o FunctionListOptions) Cmd[[]Library] {
	w := words{args: few()}
	w = w.opt("LIBRARYNAME", o.Library)
	w = w.flag(o.WithCode, "WITHCODE")
	return query(libraries, "FUNCTION LIST", w.args...)
}

func libraries(v resp.Value) ([]Library, error) { return list(v, library) }

func library(v resp.Value) (l Library, err error) {
	err = named(v, func(name string, v resp.Value) (err error) {
		switch name {
		case "library_name":
			l.Name, err = Text(v)
		case "engine":
			l.Engine, err = Text(v)
		case "library_code":
			l.Code, err = Text(v)
		case "functions":
			l.Functions, err = list(v, function)
		}
		return err
	})
	return l, err
}

func function(v resp.Value) (f Function, err error) {
	err = named(v, func(name string, v resp.Value) (err error) {
		switch name {
		case "name":
			f.Name, err = Text(v)
		case "description":
			f.Description, err = orZero(Text(v))
		case "flags":
			f.Flags, err = Texts(v)
		}
		return err
	})
	return f, err
}

// FunctionStatus is the reply of [FunctionStats].
type FunctionStatus struct {
	Running Opt[RunningScript]
	Engines map[string]EngineStatus
}

// RunningScript is a function that runs now.
type RunningScript struct {
	Name     string
	Command  []string
	Duration time.Duration // to the millisecond
}

// EngineStatus counts what an engine has loaded.
type EngineStatus struct{ Libraries, Functions int64 }

// FunctionStats returns the running function and the engines. Redis 7.0.
//
// See https://redis.io/commands/function-stats.
func FunctionStats() Cmd[FunctionStatus] { return query(functionStatus, "FUNCTION STATS") }

func functionStatus(v resp.Value) (s FunctionStatus, err error) {
	err = named(v, func(name string, v resp.Value) (err error) {
		switch name {
		case "running_script":
			s.Running, err = opt(v, runningScript)
		case "engines":
			s.Engines, err = MapOf(Text, engineStatus)(v)
		}
		return err
	})
	return s, err
}

func runningScript(v resp.Value) (r RunningScript, err error) {
	err = named(v, func(name string, v resp.Value) (err error) {
		switch name {
		case "name":
			r.Name, err = Text(v)
		case "command":
			r.Command, err = Texts(v)
		case "duration_ms":
			r.Duration, err = Millis(v)
		}
		return err
	})
	return r, err
}

func engineStatus(v resp.Value) (e EngineStatus, err error) {
	err = named(v, func(name string, v resp.Value) (err error) {
		switch name {
		case "libraries_count":
			e.Libraries, err = Int(v)
		case "functions_count":
			e.Functions, err = Int(v)
		}
		return err
	})
	return e, err
}
