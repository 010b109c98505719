package main

import (
	"context"
	"strconv"

	"github.com/mediocregopher/radix/v4"
)

func (c *radixClient) texts(ctx context.Context) error {
	var l []string
	if err := c.Do(ctx, radix.Cmd(&l, "LRANGE", textsKey, "0", "-1")); err != nil {
		return err
	}
	return checkTexts(l)
}

func (c *radixClient) scored(ctx context.Context) error {
	var l []string
	if err := c.Do(ctx, radix.Cmd(&l, "ZRANGE", scoredKey, "0", "-1", "WITHSCORES")); err != nil {
		return err
	}
	return checkPairs(l)
}

// checkPairs is for clients that have members and scores as a flat list.
func checkPairs(l []string) error {
	members, scores := make([]string, 0, len(l)/2), make([]float64, 0, len(l)/2)
	for i := 0; i+1 < len(l); i += 2 {
		s, err := strconv.ParseFloat(l[i+1], 64)
		if err != nil {
			return err
		}
		members, scores = append(members, l[i]), append(scores, s)
	}
	return checkScored(len(members), func(i int) (string, float64) { return members[i], scores[i] })
}

func (c *radixClient) halfNull(ctx context.Context) error {
	var l [][]byte
	if err := c.Do(ctx, radix.Cmd(&l, "MGET", nullKeys()...)); err != nil {
		return err
	}
	return checkHalf(len(l), func(i int) (string, bool) { return string(l[i]), l[i] != nil })
}

func (c *radixClient) stream(ctx context.Context) error {
	var l []radix.StreamEntry
	if err := c.Do(ctx, radix.Cmd(&l, "XRANGE", streamKey, "-", "+")); err != nil {
		return err
	}
	return checkStream(len(l), func(i int) (string, string) { return l[i].ID.String(), l[i].Fields[0][1] })
}

func (c *radixClient) members(ctx context.Context) error {
	var l []string
	if err := c.Do(ctx, radix.Cmd(&l, "SMEMBERS", membersKey)); err != nil {
		return err
	}
	return checkMembers(setOf(l))
}

func (c *radixClient) mixed(ctx context.Context, i int) error {
	m, k := mixture(), i%mixedCount
	if i%mixedSets == 0 {
		return c.Do(ctx, radix.Cmd(nil, "SET", m.keys[k], m.values[k]))
	}
	var s string
	err := c.Do(ctx, radix.Cmd(&s, "GET", m.keys[k]))
	return same(s, m.values[k], err)
}

func (c *radixClient) hugeGet(ctx context.Context) error {
	var s string
	if err := c.Do(ctx, radix.Cmd(&s, "GET", hugeKey)); err != nil {
		return err
	}
	return checkHuge(len(s), func(i int) byte { return s[i] })
}

func (c *radixClient) hugeSet(ctx context.Context) error {
	return c.Do(ctx, radix.Cmd(nil, "SET", hugeSetKey, hugeValue()))
}
