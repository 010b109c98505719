package main

import (
	"context"

	redigo "github.com/gomodule/redigo/redis"
)

func (c *redigoClient) texts(ctx context.Context) error {
	l, err := redigo.Strings(c.do(ctx, "LRANGE", textsKey, 0, -1))
	if err != nil {
		return err
	}
	return checkTexts(l)
}

func (c *redigoClient) scored(ctx context.Context) error {
	l, err := redigo.Strings(c.do(ctx, "ZRANGE", scoredKey, 0, -1, "WITHSCORES"))
	if err != nil {
		return err
	}
	return checkPairs(l)
}

func (c *redigoClient) halfNull(ctx context.Context) error {
	l, err := redigo.ByteSlices(c.do(ctx, "MGET", redigo.Args{}.AddFlat(nullKeys())...))
	if err != nil {
		return err
	}
	return checkHalf(len(l), func(i int) (string, bool) { return string(l[i]), l[i] != nil })
}

// stream takes the entries apart by hand, as redigo knows none.
func (c *redigoClient) stream(ctx context.Context) error {
	l, err := redigo.Values(c.do(ctx, "XRANGE", streamKey, "-", "+"))
	if err != nil {
		return err
	}
	ids, values := make([]string, len(l)), make([]map[string]string, len(l))
	for i := range l {
		entry, err := redigo.Values(l[i], nil)
		if err != nil || len(entry) != 2 {
			return wrong("entry", entry)
		}
		if ids[i], err = redigo.String(entry[0], nil); err != nil {
			return err
		}
		if values[i], err = redigo.StringMap(entry[1], nil); err != nil {
			return err
		}
	}
	return checkStream(len(l), func(i int) (string, string) { return ids[i], values[i]["field"] })
}

func (c *redigoClient) members(ctx context.Context) error {
	l, err := redigo.Strings(c.do(ctx, "SMEMBERS", membersKey))
	if err != nil {
		return err
	}
	return checkMembers(setOf(l))
}

func (c *redigoClient) mixed(ctx context.Context, i int) error {
	m, k := mixture(), i%mixedCount
	if i%mixedSets == 0 {
		_, err := c.do(ctx, "SET", m.keys[k], m.values[k])
		return err
	}
	s, err := redigo.String(c.do(ctx, "GET", m.keys[k]))
	return same(s, m.values[k], err)
}

func (c *redigoClient) hugeGet(ctx context.Context) error {
	s, err := redigo.String(c.do(ctx, "GET", hugeKey))
	if err != nil {
		return err
	}
	return checkHuge(len(s), func(i int) byte { return s[i] })
}

func (c *redigoClient) hugeSet(ctx context.Context) error {
	_, err := c.do(ctx, "SET", hugeSetKey, hugeValue())
	return err
}
