package main

import (
	"context"

	"github.com/kermes-redis/kermes/redis"
)

func (w *kermesWorker) texts(ctx context.Context) error {
	l, err := redis.LRange(textsKey, 0, -1).Do(ctx, w.doer)
	if err != nil {
		return err
	}
	return checkTexts(l)
}

func (w *kermesWorker) scored(ctx context.Context) error {
	l, err := redis.ZRangeWithScores(scoredKey, 0, -1).Do(ctx, w.doer)
	if err != nil {
		return err
	}
	return checkScored(len(l), func(i int) (string, float64) { return l[i].Member, l[i].Score })
}

func (w *kermesWorker) halfNull(ctx context.Context) error {
	l, err := redis.MGet(nullKeys()...).Do(ctx, w.doer)
	if err != nil {
		return err
	}
	return checkHalf(len(l), func(i int) (string, bool) { return l[i].Value, l[i].OK })
}

func (w *kermesWorker) stream(ctx context.Context) error {
	l, err := redis.XRange(streamKey, "-", "+", 0).Do(ctx, w.doer)
	if err != nil {
		return err
	}
	return checkStream(len(l), func(i int) (string, string) { return l[i].ID, l[i].Fields[0].Value })
}

func (w *kermesWorker) members(ctx context.Context) error {
	m, err := redis.As(redis.SMembers(membersKey), redis.TextSet).Do(ctx, w.doer)
	if err != nil {
		return err
	}
	return checkMembers(m)
}

func (w *kermesWorker) mixed(ctx context.Context, i int) error {
	m, k := mixture(), i%mixedCount
	if i%mixedSets == 0 {
		return redis.Set(m.keys[k], m.values[k]).Do(ctx, w.doer)
	}
	s, err := redis.Get(m.keys[k]).Do(ctx, w.doer)
	return same(s, m.values[k], err)
}

func (w *kermesWorker) hugeGet(ctx context.Context) error {
	s, err := redis.Get(hugeKey).Do(ctx, w.doer)
	if err != nil {
		return err
	}
	return checkHuge(len(s), func(i int) byte { return s[i] })
}

func (w *kermesWorker) hugeSet(ctx context.Context) error {
	return redis.Set(hugeSetKey, hugeValue()).Do(ctx, w.doer)
}
