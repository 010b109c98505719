package testgroup

import (
	"errors"
	"fmt"
	"strings"

	"github.com/alicebob/miniredis/v2"
)

// copyDB copies keys of every kind miniredis has, but for the consumer groups
// of streams and HyperLogLogs.
func copyDB(from, to *miniredis.RedisDB) error {
	var errs []error
	for _, k := range from.Keys() {
		if err := copyKey(from, to, k); err != nil && !errors.Is(err, miniredis.ErrKeyNotFound) {
			errs = append(errs, fmt.Errorf("testgroup: copy of key %q: %w", k, err))
			continue
		}
		if ttl := from.TTL(k); ttl > 0 && to.Exists(k) {
			to.SetTTL(k, ttl)
		}
	}
	return errors.Join(errs...)
}

func copyKey(from, to *miniredis.RedisDB, k string) error {
	switch from.Type(k) {
	case "string":
		v, err := from.Get(k)
		if err != nil {
			return err
		}
		return to.Set(k, v)
	case "hash":
		fields, err := from.HKeys(k)
		for _, f := range fields {
			to.HSet(k, f, from.HGet(k, f))
		}
		return err
	case "list":
		elems, err := from.List(k)
		if len(elems) > 0 {
			_, err = to.Push(k, elems...)
		}
		return err
	case "set":
		members, err := from.Members(k)
		if len(members) > 0 {
			_, err = to.SetAdd(k, members...)
		}
		return err
	case "zset":
		return copySortedSet(from, to, k)
	case "stream":
		return copyStream(from, to, k)
	}
	return nil
}

func copySortedSet(from, to *miniredis.RedisDB, k string) error {
	scores, err := from.SortedSet(k)
	for member, score := range scores {
		if _, err := to.ZAdd(k, score, member); err != nil {
			return err
		}
	}
	return err
}

func copyStream(from, to *miniredis.RedisDB, k string) error {
	entries, err := from.Stream(k)
	for _, e := range entries {
		if _, err := to.XAdd(k, e.ID, e.Values); err != nil {
			return err
		}
	}
	return err
}

// blockingCommands may wait inside miniredis.
var blockingCommands = names(`BLPOP BRPOP BLMOVE BRPOPLPUSH BLMPOP BZPOPMIN BZPOPMAX BZMPOP XREAD XREADGROUP WAIT`)

// writeCommands are refused by a replica.
var writeCommands = names(`APPEND BITFIELD BITOP BLMOVE BLMPOP BLPOP BRPOP BRPOPLPUSH BZMPOP BZPOPMAX BZPOPMIN COPY DECR
DECRBY DEL EXPIRE EXPIREAT FLUSHALL FLUSHDB FUNCTION GEOADD GEORADIUS GEORADIUSBYMEMBER GEOSEARCHSTORE GETDEL GETEX GETSET
HDEL HEXPIRE HEXPIREAT HINCRBY HINCRBYFLOAT HMSET HPERSIST HPEXPIRE HPEXPIREAT HSET HSETEX HSETNX INCR INCRBY INCRBYFLOAT
LINSERT LMOVE LMPOP LPOP LPUSH LPUSHX LREM LSET LTRIM MIGRATE MOVE MSET MSETNX PERSIST PEXPIRE PEXPIREAT PFADD PFMERGE
PSETEX RENAME RENAMENX RESTORE RPOP RPOPLPUSH RPUSH RPUSHX SADD SDIFFSTORE SET SETBIT SETEX SETNX SETRANGE SINTERSTORE SMOVE
SORT SPOP SREM SUNIONSTORE SWAPDB UNLINK XACK XADD XAUTOCLAIM XCLAIM XDEL XGROUP XREADGROUP XSETID XTRIM ZADD
ZDIFFSTORE ZINCRBY ZINTERSTORE ZMPOP ZPOPMAX ZPOPMIN ZRANGESTORE ZREM ZREMRANGEBYLEX ZREMRANGEBYRANK ZREMRANGEBYSCORE ZUNIONSTORE`)

func names(list string) map[string]bool {
	set := map[string]bool{}
	for name := range strings.FieldsSeq(list) {
		set[name] = true
	}
	return set
}
