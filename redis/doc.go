// Package redis has the commands of Redis and Valkey as typed values, and what is
// made of them: pipelines, transactions, scripts, scans, consumer groups.
//
// A command is made by a function and runs on any [Doer]: a connection, a pool,
// the client of package client, its replicas, a fake in a test.
//
//	n, err := redis.Incr("hits").Do(ctx, client)
//	err = redis.Set("greeting", "hello").Do(ctx, client)
//	s, err := redis.Get("greeting").Do(ctx, client)
//
// The same value can be queued in a [Pipeline], executed in MULTI, kept, logged,
// and run again. [New] makes commands that have no function here, of modules for
// instance. [As] decodes a reply otherwise, [Map] converts the value.
//
// # Finding a command
//
// Functions have the names of the commands: ZADD is [ZAdd], XINFO GROUPS is
// [XInfoGroups]. What a command answers depends on its words, so one command may be
// several functions: [ZRange] and [ZRangeWithScores], [SPop] and [SPopN], [XClaim]
// and [XClaimJustID]. A function with further options ends in With: [ZAddWith].
// Times are sent in milliseconds, so EXPIRE is PEXPIRE and HTTL is HPTTL.
//
//   - Keys: [Del], [Expire], [TTL], [Scan], [Copy], [Dump], [Sort], [Wait]
//   - Strings: [Get], [Set], [SetWith], [MGet], [LCS]; counters of a [Number]: [Incr],
//     [IncrEx]; bits: [SetBit], [BitField]
//   - Hashes: [HSet], [HGetAll], [HMGet], [HIncrBy], [HExpire], [HGetEx], [HScan]
//   - Lists: [LPush], [RPop], [BLPop], [LMove], [LRange]
//   - Sets: [SAdd], [SMembers], [SInter]; sorted sets: [ZAdd], [ZRange], [BZPopMin],
//     [ZUnion]; places: [GeoAdd], [GeoSearch]; counts: [PFAdd]
//   - Streams: [XAdd], [XRead], [XReadGroup], [XAutoClaim], [Consume], [XInfoStream]
//   - Vector sets: [VAdd], [VSim]; arrays: [ARSet], [ARGrep]
//   - Scripts and functions: [Script], [Eval], [FCall], [FunctionLoad]
//   - Messages: [Publish], and package pubsub
//   - The server: [Info], [ConfigGet], [ClientList], [SlowLogGet], [MemoryUsage],
//     [ACLSetUser], [CommandDocs], [BGSave], [ReplicaOf], [ClusterNodes]
//   - Sentinels: [SentinelMasters], [SentinelFailover]
//
// A function names the server that it needs, if Redis 6.2 is too old for it, and
// the page that describes the command.
//
// # Nothing there
//
// Where a reply may be null, Do returns [ErrNil]. [Optional] turns it into an
// empty [Opt]. Lists whose elements may be missing are lists of Opt.
//
// # Durations and options
//
// Times to live and waits are [time.Duration], sent in milliseconds and rounded
// up. A required one that is negative or below a millisecond, and any other
// argument that cannot be meant, is an [ArgError] before anything is sent. Options
// are structs; their zero values are the plain command.
//
// # Values
//
// A value is a [Blob]: a string, bytes of any type, or a number: Set("n", 7). Where a command
// takes strings because several kinds may be mixed, [Str] makes one of a number:
// HSet("user:7", "name", "ada", "age", redis.Str(36)). A number is read by
// As(Get("n"), Int), or [Uint], [Float] and [Bool]. Anything else needs a [Codec].
//
// # Several commands
//
// A [Pipeline] sends commands together and has a [Future] for each. Its Flush in
// the middle makes the replies so far readable. Its Exec runs them as a
// transaction; [Watch] and [Transact] make that depend on keys that have not
// changed, and Transact tries again, also where a failover refused it. [Script] and
// [Lua] run on the server; both work in pipelines and transactions. [Scan],
// [Consume] and [Monitor] are iterators.
//
// # Around it
//
// Package codec has JSON, gob and structs as hashes; [By] decodes any reply by a
// [Codec]. [Intercept] tells of every call, [Log] writes it to slog; the module
// redisotel has traces and metrics. Package redistest has fakes for tests.
//
// # Errors
//
// An error reply is a *[resp.Error]; compare it by code: errors.Is(err,
// redis.ErrWrongType) holds when the key has another type than the command is for.
// [Set] and its like overwrite any type. [ClassOf] says of any error whether the
// command may have been executed. A command that only reads is flagged
// so, and a client that retries may repeat it; another one may not, unless [Cmd.Idempotent] says so.
//
// # Memory
//
// Strings are copies of their own. Short ones of one list or map share memory, up
// to 8 KiB, so that a list of a thousand costs a dozen allocations; use
// [strings.Clone] for the few that outlive the rest by far. [Into] appends to a
// buffer of the caller.
package redis
