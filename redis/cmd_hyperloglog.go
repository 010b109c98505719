package redis

import "github.com/kermes-redis/kermes/resp"

// PFAdd adds elements to a HyperLogLog and reports whether its estimate changed.
//
// See https://redis.io/commands/pfadd.
func PFAdd[V Blob](key string, elements ...V) Cmd[bool] {
	return write(Bool, "PFADD", blobs(append(few(), resp.String(key)), elements)...)
}

// PFCount estimates how many different elements are in the union of keys.
//
// See https://redis.io/commands/pfcount.
func PFCount(keys ...string) Cmd[int64] {
	return read(Int, "PFCOUNT", addStrs(few(), keys)...).check(some(len(keys), noKeys))
}

// PFMerge stores the union of keys and of to at to.
//
// See https://redis.io/commands/pfmerge.
func PFMerge(to string, keys ...string) Status { return status("PFMERGE", strs(to, keys)...) }
