package main

import (
	"context"

	"github.com/redis/rueidis"
)

func (c *rueidisClient) texts(ctx context.Context) error {
	l, err := c.Do(ctx, c.B().Lrange().Key(textsKey).Start(0).Stop(-1).Build()).AsStrSlice()
	if err != nil {
		return err
	}
	return checkTexts(l)
}

func (c *rueidisClient) scored(ctx context.Context) error {
	l, err := c.Do(ctx, c.B().Zrange().Key(scoredKey).Min("0").Max("-1").Withscores().Build()).AsZScores()
	if err != nil {
		return err
	}
	return checkScored(len(l), func(i int) (string, float64) { return l[i].Member, l[i].Score })
}

// halfNull looks at each element, as AsStrSlice takes a null for an empty string.
func (c *rueidisClient) halfNull(ctx context.Context) error {
	l, err := c.Do(ctx, c.B().Mget().Key(nullKeys()...).Build()).ToArray()
	if err != nil {
		return err
	}
	return checkHalf(len(l), func(i int) (string, bool) {
		s, err := l[i].ToString()
		return s, !rueidis.IsRedisNil(err)
	})
}

func (c *rueidisClient) stream(ctx context.Context) error {
	l, err := c.Do(ctx, c.B().Xrange().Key(streamKey).Start("-").End("+").Build()).AsXRange()
	if err != nil {
		return err
	}
	return checkStream(len(l), func(i int) (string, string) { return l[i].ID, l[i].FieldValues["field"] })
}

func (c *rueidisClient) members(ctx context.Context) error {
	l, err := c.Do(ctx, c.B().Smembers().Key(membersKey).Build()).AsStrSlice()
	if err != nil {
		return err
	}
	return checkMembers(setOf(l))
}

func (c *rueidisClient) mixed(ctx context.Context, i int) error {
	m, k := mixture(), i%mixedCount
	if i%mixedSets == 0 {
		return c.Do(ctx, c.B().Set().Key(m.keys[k]).Value(m.values[k]).Build()).Error()
	}
	s, err := c.Do(ctx, c.B().Get().Key(m.keys[k]).Build()).ToString()
	return same(s, m.values[k], err)
}

func (c *rueidisClient) hugeGet(ctx context.Context) error {
	s, err := c.Do(ctx, c.B().Get().Key(hugeKey).Build()).ToString()
	if err != nil {
		return err
	}
	return checkHuge(len(s), func(i int) byte { return s[i] })
}

func (c *rueidisClient) hugeSet(ctx context.Context) error {
	return c.Do(ctx, c.B().Set().Key(hugeSetKey).Value(hugeValue()).Build()).Error()
}

// setOf is for clients that have no sets themselves.
func setOf(l []string) map[string]struct{} {
	m := make(map[string]struct{}, len(l))
	for _, s := range l {
		m[s] = struct{}{}
	}
	return m
}
