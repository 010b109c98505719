package main

import "context"

func (c *goRedisClient) texts(ctx context.Context) error {
	l, err := c.LRange(ctx, textsKey, 0, -1).Result()
	if err != nil {
		return err
	}
	return checkTexts(l)
}

func (c *goRedisClient) scored(ctx context.Context) error {
	l, err := c.ZRangeWithScores(ctx, scoredKey, 0, -1).Result()
	if err != nil {
		return err
	}
	return checkScored(len(l), func(i int) (string, float64) {
		s, _ := l[i].Member.(string)
		return s, l[i].Score
	})
}

func (c *goRedisClient) halfNull(ctx context.Context) error {
	l, err := c.MGet(ctx, nullKeys()...).Result()
	if err != nil {
		return err
	}
	return checkHalf(len(l), func(i int) (string, bool) {
		s, ok := l[i].(string)
		return s, ok
	})
}

func (c *goRedisClient) stream(ctx context.Context) error {
	l, err := c.XRange(ctx, streamKey, "-", "+").Result()
	if err != nil {
		return err
	}
	return checkStream(len(l), func(i int) (string, string) {
		s, _ := l[i].Values["field"].(string)
		return l[i].ID, s
	})
}

func (c *goRedisClient) members(ctx context.Context) error {
	m, err := c.SMembersMap(ctx, membersKey).Result()
	if err != nil {
		return err
	}
	return checkMembers(m)
}

func (c *goRedisClient) mixed(ctx context.Context, i int) error {
	m, k := mixture(), i%mixedCount
	if i%mixedSets == 0 {
		return c.Set(ctx, m.keys[k], m.values[k], 0).Err()
	}
	s, err := c.Get(ctx, m.keys[k]).Result()
	return same(s, m.values[k], err)
}

func (c *goRedisClient) hugeGet(ctx context.Context) error {
	s, err := c.Get(ctx, hugeKey).Result()
	if err != nil {
		return err
	}
	return checkHuge(len(s), func(i int) byte { return s[i] })
}

func (c *goRedisClient) hugeSet(ctx context.Context) error {
	return c.Set(ctx, hugeSetKey, hugeValue(), 0).Err()
}
