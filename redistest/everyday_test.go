package redistest_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kermes-redis/kermes/conn"
	"github.com/kermes-redis/kermes/internal/testredis"
	"github.com/kermes-redis/kermes/redistest"
	"github.com/kermes-redis/kermes/resp"
)

// everyday are commands as programs use them, in order: later ones see what earlier
// ones have done. Underscores in a word stand for spaces.
const everyday = `
SET s v
GET s
SET s w NX
SET s w XX
SET s x GET
SET t v EX 100
TTL t
SET t v KEEPTTL
TTL t
PERSIST t
TTL t
TTL nothing
SETNX s v
SETEX e 100 v
GETSET s y
GETDEL s
GET s
APPEND a abc
APPEND a def
STRLEN a
GETRANGE a 1 -2
SETRANGE a 1 ZZ
GET a
INCR n
INCRBY n 41
DECR n
DECRBY n 1
INCRBYFLOAT f 1.5
INCRBYFLOAT f -0.25
INCR a
MSET m1 1 m2 2
MGET m1 nothing m2
MSETNX m2 x m3 y
EXISTS m1 m1 nothing
TYPE m1
TYPE nothing
RENAME m1 m4
RENAME nothing x
DEL m4 nothing
UNLINK m2
EXPIRE n 100
TTL n
GETEX n PERSIST
TTL n
SETBIT bits 7 1
GETBIT bits 7
BITCOUNT bits
HSET h a 1 b 2
HSET h a 3 c 4
HGET h a
HGET h nothing
HGET nothing a
HMGET h a nothing b
HGETALL h
HGETALL nothing
HKEYS h
HVALS h
HLEN h
HEXISTS h a
HSETNX h a 9
HINCRBY h a 4
HINCRBY h a x
HINCRBYFLOAT h b 0.5
HSTRLEN h a
HDEL h a nothing
HSET h odd
HGET s2
HSCAN h 0
LPUSH l a b c
RPUSH l d
LRANGE l 0 -1
LINDEX l 0
LINDEX l 99
LSET l 0 z
LSET l 99 z
LLEN l
LINSERT l BEFORE a y
LREM l 0 y
LPOS l a
LPOP l
RPOP l
LPOP l 2
LPOP nothing
LPOP nothing 2
RPOPLPUSH l l2
LMOVE nothing l2 LEFT RIGHT
LPUSHX nothing v
LTRIM l 0 0
SADD set a b c
SADD set a d
SREM set d nothing
SISMEMBER set a
SMISMEMBER set a nothing
SMEMBERS set
SCARD set
SADD set2 b c e
SINTER set set2
SUNION set set2
SDIFF set set2
SINTERCARD 2 set set2
SINTERSTORE set3 set set2
SMOVE set set3 a
SPOP nothing
SRANDMEMBER nothing
SSCAN set3 0
ZADD z 1 a 2 b 3.5 c
ZADD z NX 9 a 4 d
ZADD z XX CH 5 a
ZADD z INCR 1 a
ZADD z INCR NX 1 a
ZADD z x a
ZSCORE z a
ZSCORE z nothing
ZMSCORE z a nothing
ZINCRBY z 1.5 b
ZCARD z
ZCOUNT z (2 +inf
ZRANK z a
ZRANK z nothing
ZREVRANK z a
ZRANGE z 0 -1
ZRANGE z 0 -1 WITHSCORES
ZRANGE z 0 -1 REV
ZRANGE z (1 +inf BYSCORE LIMIT 0 2
ZADD lex 0 a 0 b 0 c
ZRANGE lex [a (c BYLEX
ZRANGEBYSCORE z -inf +inf WITHSCORES LIMIT 1 2
ZREVRANGE z 0 0 WITHSCORES
ZREM z d nothing
ZPOPMIN z
ZPOPMAX z 2
ZPOPMIN nothing
ZADD y 1 a 2 b
ZADD x 10 b 20 c
ZUNION 2 y x WITHSCORES
ZINTER 2 y x WITHSCORES
ZDIFF 2 y x WITHSCORES
ZUNIONSTORE u 2 y x WEIGHTS 2 1
ZRANGE u 0 -1 WITHSCORES
ZREMRANGEBYSCORE y 1 1
ZREMRANGEBYRANK y 0 0
ZSCAN x 0
ZADD z 1 inf
ZADD z inf i
ZSCORE z i
XADD st 1-1 f v
XADD st 1-1 f v
XADD st 2-0 f v g w
XADD nothing NOMKSTREAM * f v
XLEN st
XRANGE st - +
XRANGE st (1-1 +
XREVRANGE st + - COUNT 1
XREAD STREAMS st 0
XREAD STREAMS nothing 0
XREAD COUNT 1 STREAMS st 1-1
XGROUP CREATE st g 0
XGROUP CREATE st g 0
XGROUP CREATE nothing g 0
XGROUP CREATE made g $ MKSTREAM
XREADGROUP GROUP g c STREAMS st >
XREADGROUP GROUP g c STREAMS st 0
XREADGROUP GROUP g c STREAMS st >
XREADGROUP GROUP none c STREAMS st >
XPENDING st g
XACK st g 1-1
XACK st g 1-1
XDEL st 2-0
XTRIM st MAXLEN 0
XLEN st
EVAL return_1 0
EVAL return_{KEYS[1],ARGV[1]} 1 k v
EVAL return_nil 0
EVAL return_false 0
EVAL return_true 0
EVAL return_3.99 0
EVAL return_{1,2,nil,4} 0
EVAL return_{ok='fine'} 0
EVAL return_redis.status_reply('fine') 0
EVAL return_redis.error_reply('MINE_what') 0
EVAL return_{err='MINE_what'} 0
EVAL return_redis.call('SET',KEYS[1],ARGV[1]) 1 k v
EVAL return_redis.call('GET',KEYS[1]) 1 k
EVAL return_redis.call('GET','missing_key') 0
EVAL return_redis.call('HGETALL',KEYS[1]) 1 h
EVAL return_redis.pcall('INCR',KEYS[1]) 1 k
EVAL return_tonumber(redis.call('INCR',KEYS[1]))+1 1 count
EVAL return_cjson.encode({a=1}) 0
EVAL return_redis.sha1hex('a') 0
EVALSHA ffffffffffffffffffffffffffffffffffffffff 0
SCRIPT LOAD return_'loaded'
EVALSHA b534286061d4b9e4026607613b95c06c06015ae8 0
SCRIPT LOAD return_7
EVALSHA 59b6ab2fbe0ee4b25733de0f62e6cda4899ef8e9 0
SCRIPT EXISTS ffffffffffffffffffffffffffffffffffffffff
LPUSH z v
GET h
HGET l f
ZADD s3 1
GET
NOSUCH x
SELECT 1
GET a
SET a other
SELECT 0
GET a
SELECT 99
SELECT x
DBSIZE
ECHO hello
PING
PING hello
MULTI
SET tx 1
INCR tx
LPUSH tx v
EXEC
EXEC
DISCARD
MULTI
NOSUCH
EXEC
MULTI
SET tx 5
DISCARD
GET tx
WATCH tx
UNWATCH
PUBLISH news hello
FLUSHDB
DBSIZE
SELECT 1
GET a
FLUSHALL
GET a
SELECT 0
BLPOP nothing 0.01
BZPOPMIN nothing 0.01
`

// unordered are commands whose replies have no order of their own.
var unordered = []string{"HGETALL", "HKEYS", "HVALS", "SMEMBERS", "SINTER", "SUNION", "SDIFF", "HSCAN", "SSCAN", "ZSCAN"}

func TestTheEverydayCommandsOfAGroupAnswerAsRedisDoes(t *testing.T) {
	real := testredis.New(t).Addr()
	for _, protocol := range []int{2, 3} {
		t.Run(fmt.Sprint("RESP", protocol), func(t *testing.T) {
			fake := redistest.NewGroup(t, redistest.GroupOptions{Replicas: -1, Sentinels: 1}).Master()
			compare(t, everyday, protocol, real, fake, groupDiffers)
		})
	}
}

// groupDiffers are the commands that a Group answers otherwise, and why that stays.
var groupDiffers = map[string]string{
	"ZDIFF 2 y x WITHSCORES": "miniredis has no ZDIFF",
}

func compare(t *testing.T, commands string, protocol int, real, fake string, differs map[string]string) {
	t.Helper()
	a, b := dialPlain(t, real, protocol), dialPlain(t, fake, protocol)
	answer(t, a, "FLUSHALL")
	same := 0
	for line := range strings.SplitSeq(strings.TrimSpace(commands), "\n") {
		want, got := answer(t, a, line), answer(t, b, line)
		_, known := differs[line]
		switch {
		case want == got && !known:
			same++
		case want == got:
			t.Errorf("%s is said to differ, and does not", line)
		case !known:
			t.Errorf("%s\n\tredis-server %q\n\there         %q", line, want, got)
		}
	}
	t.Logf("%d of %d replies are the same", same, strings.Count(strings.TrimSpace(commands), "\n")+1)
}

func dialPlain(t *testing.T, addr string, protocol int) *conn.Conn {
	t.Helper()
	c, err := conn.Dial(t.Context(), conn.Options{Addr: addr, Protocol: protocol})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// answer returns the reply as it came, that of an unordered command sorted.
func answer(t *testing.T, c *conn.Conn, line string) string {
	t.Helper()
	words := strings.Fields(line)
	for i := range words {
		if words[0] != "NOSUCH" && i > 0 && strings.HasPrefix(words[i], "return_") {
			words[i] = strings.ReplaceAll(words[i], "_", " ")
			words[i] = strings.NewReplacer("status reply", "status_reply", "error reply", "error_reply", "missing key", "missing_key").Replace(words[i])
		}
	}
	args := make([]resp.Arg, 0, len(words))
	for _, w := range words[1:] {
		args = append(args, resp.String(w))
	}
	r, err := c.Do(t.Context(), resp.NewCommand(words[0], args...))
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	defer r.Release()
	if slices.Contains(unordered, words[0]) {
		return sorted(r.Value)
	}
	return string(r.Value)
}

// sorted shows an aggregate with its elements, or the pairs of a map, in order.
func sorted(v resp.Value) string {
	switch v.Kind() {
	case resp.KindArray, resp.KindSet, resp.KindMap:
	default:
		return string(v)
	}
	var parts []string
	for c := v.Cursor(); ; {
		e, ok := c.Next()
		if !ok {
			break
		}
		parts = append(parts, sorted(e))
	}
	slices.SortFunc(parts, func(a, b string) int { return cmp.Compare(a, b) })
	return string(v[0]) + fmt.Sprint(v.Len()) + strings.Join(parts, "")
}

// own are the commands that a Server knows by itself.
const own = `
SET s v
GET s
GET nothing
SET s
GET
INCR n
INCRBY n 41
INCR s
DEL s nothing
EXISTS n n nothing
NOSUCH x
SELECT 1
GET n
SET n other
SELECT 0
GET n
SELECT 99
SELECT x
ECHO hello
PING
PING hello
MULTI
SET tx 1
INCR tx
EXEC
EXEC
DISCARD
MULTI
MULTI
NOSUCH
EXEC
MULTI
SET tx 5
DISCARD
GET tx
WATCH tx
UNWATCH
PUBLISH news hello
CLIENT GETNAME
FLUSHDB
GET n
SELECT 1
GET n
FLUSHALL
GET n
SELECT 0
`

func TestWhatAServerKnowsByItselfItAnswersAsRedisDoes(t *testing.T) {
	real := testredis.New(t).Addr()
	for _, protocol := range []int{2, 3} {
		t.Run(fmt.Sprint("RESP", protocol), func(t *testing.T) {
			compare(t, own, protocol, real, redistest.NewServer(t, redistest.ServerOptions{}).Addr(), nil)
		})
	}
}
