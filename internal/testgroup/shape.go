package testgroup

import (
	"slices"
	"strconv"
	"strings"

	"github.com/kermes-redis/kermes/internal/testserver"
	"github.com/kermes-redis/kermes/resp"
)

// asRedis runs a command in miniredis and returns what redis-server would answer where
// the two are known to differ. Replies inside that of EXEC stay as they are.
func (n *Node) asRedis(c *testserver.Peer, mc *miniConn, target *Node, name string, args []string) string {
	run := func(args ...string) string { return mc.dispatch(c, target.srv, strings.ToUpper(args[0]), args) }
	switch {
	case mc.tx && name == "EXEC" && mc.dirty:
		_ = run("DISCARD")
		return testserver.Error("EXECABORT Transaction discarded because of previous errors.")
	case mc.tx:
	case name == "SELECT" && len(args) == 2 && outOfRange(args[1]):
		return testserver.Error("ERR DB index is out of range")
	case name == "TTL" && len(args) == 2:
		return inSeconds(run("PTTL", args[1]))
	}
	raw := run(args...)
	if strings.HasPrefix(raw, "-ERR unknown command `") {
		return testserver.UnknownCommand(args)
	}
	if mc.tx || c.Proto() != 3 {
		return raw
	}
	return inRESP3(name, args, raw)
}

func outOfRange(db string) bool {
	n, err := strconv.Atoi(db)
	return err == nil && (n < 0 || n >= 16)
}

// inSeconds rounds the reply of PTTL as redis-server does for TTL.
func inSeconds(raw string) string {
	ms, err := resp.Value(raw).Int()
	if err != nil || ms < 0 {
		return raw
	}
	return testserver.Int((ms + 500) / 1000)
}

// inRESP3 gives a reply of miniredis the shape that it has in RESP3.
func inRESP3(name string, args []string, raw string) string {
	v := resp.Value(raw)
	switch {
	case v.IsNull():
		return "_\r\n"
	case v.Kind() != resp.KindArray:
		return raw
	}
	withScores := slices.ContainsFunc(args, func(a string) bool { return strings.EqualFold(a, "WITHSCORES") })
	switch name {
	case "SINTER", "SUNION", "SDIFF":
		return "~" + raw[1:]
	case "XREAD", "XREADGROUP":
		return "%" + strconv.Itoa(v.Len()) + "\r\n" + strings.Join(elements(flattened(v)), "")
	case "ZSCAN":
		page := elements(v)
		return testserver.Array(page[0], testserver.Array(texts(resp.Value(page[1]))...))
	case "ZRANGE", "ZRANGEBYSCORE", "ZREVRANGE", "ZREVRANGEBYSCORE", "ZUNION", "ZINTER":
		if withScores {
			return inPairs(v)
		}
	case "ZPOPMAX", "ZPOPMIN":
		if len(args) > 2 {
			return inPairs(v)
		}
	}
	return raw
}

// elements returns the raw elements of an aggregate.
func elements(v resp.Value) (out []string) {
	c := v.Cursor()
	for e, ok := c.Next(); ok; e, ok = c.Next() {
		out = append(out, string(e))
	}
	return out
}

// flattened returns an array of pairs as one of keys and values in turn.
func flattened(v resp.Value) resp.Value {
	var flat []string
	for _, pair := range elements(v) {
		flat = append(flat, elements(resp.Value(pair))...)
	}
	return resp.Value(testserver.Array(flat...))
}

// inPairs returns an array of keys and values in turn as one of pairs.
func inPairs(v resp.Value) string {
	var pairs []string
	for pair := range slices.Chunk(elements(v), 2) {
		pairs = append(pairs, testserver.Array(pair...))
	}
	return testserver.Array(pairs...)
}

// texts returns the elements of an array as strings, numbers by their digits.
func texts(v resp.Value) (out []string) {
	for _, e := range elements(v) {
		text, err := resp.Value(e).Bytes()
		if err != nil {
			out = append(out, e)
			continue
		}
		out = append(out, testserver.Bulk(string(text)))
	}
	return out
}
