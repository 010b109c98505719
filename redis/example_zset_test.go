package redis_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kermes-redis/kermes/redis"
)

func ExampleZAdd() {
	ctx, client := exampleClient()

	_, _ = redis.ZAdd("scores", redis.Z{Member: "ada", Score: 90}, redis.Z{Member: "bob", Score: 70}, redis.Z{Member: "eve", Score: 80}).Do(ctx, client)
	best, _ := redis.ZRevRangeWithScores("scores", 0, 1).Do(ctx, client)
	fmt.Println(best)
	// Output: [{ada 90} {eve 80}]
}

func ExampleZRangeByScore() {
	ctx, client := exampleClient()

	_, _ = redis.ZAdd("scores", redis.Z{Member: "ada", Score: 90}, redis.Z{Member: "bob", Score: 70}, redis.Z{Member: "eve", Score: 80}).Do(ctx, client)
	passed, _ := redis.ZRangeByScore("scores", redis.Excl(70), redis.MaxScore, redis.RangeOptions{}).Do(ctx, client)
	fmt.Println(passed)
	// Output: [eve ada]
}

func ExampleZScan() {
	ctx, client := exampleClient()
	_, _ = redis.ZAdd("z", redis.Z{Member: "m", Score: 1.5}).Do(ctx, client)

	for z, err := range redis.ZScan(ctx, client, "z", redis.ScanOptions{}) {
		fmt.Println(z.Member, z.Score, err)
	}
	// Output: m 1.5 <nil>
}

// High scores of a game: only a better one counts.
func ExampleZAddWith() {
	ctx, client := exampleClient()
	_, _ = redis.ZAdd("scores", redis.Z{Member: "ada", Score: 90}).Do(ctx, client)

	played := func(player string, score float64, when redis.ScoreCompare) int64 {
		changed, _ := redis.ZAddWith("scores", redis.ZAddOptions{Update: when, Changed: true}, redis.Z{Member: player, Score: score}).Do(ctx, client)
		return changed
	}
	fmt.Println(played("ada", 70, redis.IfGreater), played("ada", 95, redis.IfGreater))
	fmt.Println(played("ada", 99, redis.IfLess)) // of a race, where less is better
	// Output:
	// 0 1
	// 0
}

func ExampleZIncrBy() {
	ctx, client := exampleClient()

	sum, _ := redis.ZIncrBy("scores", 5, "ada").Do(ctx, client)
	fmt.Println(sum)

	// Only of a player who is there: the reply is null otherwise.
	_, err := redis.ZAddIncr("scores", redis.ZAddOptions{If: redis.IfPresent}, redis.Z{Member: "eve", Score: 5}).Do(ctx, client)
	fmt.Println(errors.Is(err, redis.ErrNil))
	// Output:
	// 5
	// true
}

// A player and the place among the others.
func ExampleZRank() {
	ctx, client := exampleClient()
	_, _ = redis.ZAdd("scores", redis.Z{Member: "ada", Score: 90}, redis.Z{Member: "bob", Score: 70}, redis.Z{Member: "eve", Score: 80}).Do(ctx, client)

	n, _ := redis.ZCard("scores").Do(ctx, client)
	score, _ := redis.ZScore("scores", "eve").Do(ctx, client)
	below, _ := redis.ZRank("scores", "eve").Do(ctx, client)
	above, _ := redis.ZRevRank("scores", "eve").Do(ctx, client)
	fmt.Println(n, score, below, above)

	scores, _ := redis.ZMScore("scores", "ada", "nobody").Do(ctx, client)
	fmt.Println(scores[0].Value, scores[1].OK)
	// Output:
	// 3 80 1 1
	// 90 false
}

// The place and the score of a player in one answer. Redis 7.2.
func ExampleZRevRankWithScore() {
	place := func(ctx context.Context, client redis.Doer, player string) (redis.Rank, error) {
		return redis.ZRevRankWithScore("scores", player).Do(ctx, client) // 0 is the best
	}
	fromBelow := func(ctx context.Context, client redis.Doer, player string) (redis.Rank, error) {
		return redis.ZRankWithScore("scores", player).Do(ctx, client) // 0 is the last
	}
	_, _ = place, fromBelow
}

func ExampleZRange() {
	ctx, client := exampleClient()
	_, _ = redis.ZAdd("scores", redis.Z{Member: "ada", Score: 90}, redis.Z{Member: "bob", Score: 70}, redis.Z{Member: "eve", Score: 80}).Do(ctx, client)

	worst, _ := redis.ZRange("scores", 0, 1).Do(ctx, client)
	best, _ := redis.ZRevRange("scores", 0, 1).Do(ctx, client)
	all, _ := redis.ZRangeWithScores("scores", 0, -1).Do(ctx, client)
	fmt.Println(worst, best, all)
	// Output: [bob eve] [ada eve] [{bob 70} {eve 80} {ada 90}]
}

// Scores are times: what happened when.
func ExampleZCount() {
	ctx, client := exampleClient()
	_, _ = redis.ZAdd("logins", redis.Z{Member: "ada", Score: 100}, redis.Z{Member: "bob", Score: 200}, redis.Z{Member: "eve", Score: 300}).Do(ctx, client)

	later, _ := redis.ZCount("logins", redis.Excl(100), redis.MaxScore).Do(ctx, client)
	page := redis.RangeOptions{Rev: true, Offset: 1, Count: 1}
	second, _ := redis.ZRangeByScoreWithScores("logins", redis.MinScore, redis.Incl(300), page).Do(ctx, client)
	removed, _ := redis.ZRemRangeByScore("logins", redis.MinScore, redis.Excl(200)).Do(ctx, client)
	fmt.Println(later, second, removed)
	// Output: 2 [{bob 200}] 1
}

// Words in the order of their bytes, as for completion: all have the same score.
func ExampleZRangeByLex() {
	ctx, client := exampleClient()
	for _, word := range []string{"apple", "apply", "banana", "bandana"} {
		_, _ = redis.ZAdd("words", redis.Z{Member: word}).Do(ctx, client)
	}

	from, to := redis.LexIncl("app"), redis.LexExcl("apq")
	found, _ := redis.ZRangeByLex("words", from, to, redis.RangeOptions{Count: 10}).Do(ctx, client)
	rest, _ := redis.ZLexCount("words", to, redis.MaxLex).Do(ctx, client)
	removed, _ := redis.ZRemRangeByLex("words", redis.MinLex, to).Do(ctx, client)
	fmt.Println(found, rest, removed)
	// Output: [apple apply] 2 2
}

// The best hundred are kept.
func ExampleZRemRangeByRank() {
	ctx, client := exampleClient()
	for i := range 120 {
		_, _ = redis.ZAdd("scores", redis.Z{Member: redis.Str(i), Score: float64(i)}).Do(ctx, client)
	}

	removed, _ := redis.ZRemRangeByRank("scores", 0, -101).Do(ctx, client)
	one, _ := redis.ZRem("scores", "119", "nobody").Do(ctx, client)
	fmt.Println(removed, one)
	// Output: 20 1
}

// A queue by priority.
func ExampleZPopMin() {
	ctx, client := exampleClient()
	_, _ = redis.ZAdd("jobs", redis.Z{Member: "later", Score: 9}, redis.Z{Member: "now", Score: 1}, redis.Z{Member: "soon", Score: 5}).Do(ctx, client)

	first, _ := redis.ZPopMin("jobs", 1).Do(ctx, client)
	last, _ := redis.ZPopMax("jobs", 1).Do(ctx, client)
	fmt.Println(first, last)
	// Output: [{now 1}] [{later 9}]
}

// A queue by priority that waits for a job.
func ExampleBZPopMin() {
	ctx, client := exampleClient()
	_, _ = redis.ZAdd("jobs", redis.Z{Member: "later", Score: 9}, redis.Z{Member: "now", Score: 1}).Do(ctx, client)

	first, err := redis.BZPopMin(time.Second, "urgent", "jobs").Do(ctx, client)
	fmt.Println(first.Key, first.Member, first.Score, err)
	last, err := redis.BZPopMax(time.Second, "urgent", "jobs").Do(ctx, client)
	fmt.Println(last.Key, last.Member, last.Score, err)
	// Output:
	// jobs now 1 <nil>
	// jobs later 9 <nil>
}

// Several jobs at once, of the first queue that has any. Redis 7.0.
func ExampleBZMPop() {
	take := func(ctx context.Context, client redis.Doer, end redis.Extreme) (redis.ZPopped, error) {
		return redis.ZMPop(end, 10, "urgent", "jobs").Do(ctx, client)
	}
	wait := func(ctx context.Context, client redis.Doer) (redis.ZPopped, error) {
		return redis.BZMPop(5*time.Second, redis.Lowest, 10, "urgent", "jobs").Do(ctx, client)
	}
	_, _ = take, wait // take(ctx, client, redis.Highest)
	fmt.Println(redis.Redacted(redis.ZMPop(redis.Highest, 10, "urgent", "jobs").Command))
	// Output: ZMPOP "2" "urgent" "jobs" "MAX" "COUNT" "10"
}

func ExampleZRandMembers() {
	ctx, client := exampleClient()
	_, _ = redis.ZAdd("scores", redis.Z{Member: "ada", Score: 90}).Do(ctx, client)

	one, _ := redis.ZRandMember("scores").Do(ctx, client)
	few, _ := redis.ZRandMembers("scores", 3).Do(ctx, client) // different ones: there is one only
	many, _ := redis.ZRandMembersWithScores("scores", -2).Do(ctx, client)
	fmt.Println(one, few, many)
	// Output: ada [ada] [{ada 90} {ada 90}]
}

// Two years of scores, of which the second counts twice.
func ExampleZUnion() {
	ctx, client := exampleClient()
	_, _ = redis.ZAdd("2025", redis.Z{Member: "ada", Score: 10}, redis.Z{Member: "bob", Score: 30}).Do(ctx, client)
	_, _ = redis.ZAdd("2026", redis.Z{Member: "ada", Score: 20}).Do(ctx, client)

	twice := redis.CombineOptions{Weights: []float64{1, 2}}
	total, _ := redis.ZUnionWithScores(twice, "2025", "2026").Do(ctx, client)
	fmt.Println(total)

	by := func(a redis.Aggregate) redis.CombineOptions { return redis.CombineOptions{Aggregate: a} }
	best, _ := redis.ZUnionWithScores(by(redis.Maximum), "2025", "2026").Do(ctx, client)
	worst, _ := redis.ZInterWithScores(by(redis.Minimum), "2025", "2026").Do(ctx, client)
	names, _ := redis.ZUnion(by(redis.Sum), "2025", "2026").Do(ctx, client)
	both, _ := redis.ZInter(redis.CombineOptions{}, "2025", "2026").Do(ctx, client)
	fmt.Println(best, worst, names, both)

	years := redis.ZUnionWithScores(by(redis.Count), "2025", "2026") // in how many. Redis 8.8
	fmt.Println(redis.Redacted(years.Command))
	// Output:
	// [{bob 30} {ada 50}]
	// [{ada 20} {bob 30}] [{ada 10}] [ada bob] [ada]
	// ZUNION "2" "2025" "2026" "AGGREGATE" "COUNT" "WITHSCORES"
}

// Sets that are combined and kept on the server: nothing is transferred but the size.
func ExampleZUnionStore() {
	ctx, client := exampleClient()
	_, _ = redis.ZAdd("2025", redis.Z{Member: "ada", Score: 10}, redis.Z{Member: "bob", Score: 30}).Do(ctx, client)
	_, _ = redis.ZAdd("2026", redis.Z{Member: "ada", Score: 20}).Do(ctx, client)

	all, _ := redis.ZUnionStore("all", redis.CombineOptions{}, "2025", "2026").Do(ctx, client)
	both, _ := redis.ZInterStore("both", redis.CombineOptions{}, "2025", "2026").Do(ctx, client)
	fmt.Println(all, both)
	// Output: 2 1
}

func ExampleZDiff() {
	gone := redis.ZDiff("2025", "2026")
	scores := redis.ZDiffWithScores("2025", "2026")
	kept := redis.ZDiffStore("gone", "2025", "2026")
	fmt.Println(redis.Redacted(gone.Command))
	fmt.Println(redis.Redacted(scores.Command))
	fmt.Println(redis.Redacted(kept.Command))
	fmt.Println(redis.Redacted(redis.ZInterCard(100, "2025", "2026").Command)) // Redis 7.0
	// Output:
	// ZDIFF "2" "2025" "2026"
	// ZDIFF "2" "2025" "2026" "WITHSCORES"
	// ZDIFFSTORE "gone" "2" "2025" "2026"
	// ZINTERCARD "2" "2025" "2026" "LIMIT" "100"
}

// A part of a set, kept as another one.
func ExampleZRangeStoreByScore() {
	for _, c := range []redis.Cmd[int64]{
		redis.ZRangeStore("lowest", "scores", 0, 9),
		redis.ZRevRangeStore("highest", "scores", 0, 9),
		redis.ZRangeStoreByScore("passed", "scores", redis.Incl(50), redis.MaxScore, redis.RangeOptions{Rev: true, Count: 100}),
		redis.ZRangeStoreByLex("a", "words", redis.LexIncl("a"), redis.LexExcl("b"), redis.RangeOptions{}),
	} {
		fmt.Println(redis.Redacted(c.Command))
	}
	// Output:
	// ZRANGESTORE "lowest" "scores" "0" "9"
	// ZRANGESTORE "highest" "scores" "0" "9" "REV"
	// ZRANGESTORE "passed" "scores" "+inf" "50" "BYSCORE" "REV" "LIMIT" "0" (1 more)
	// ZRANGESTORE "a" "words" "[a" "(b" "BYLEX"
}

func ExampleZScanPage() {
	ctx, client := exampleClient()
	_, _ = redis.ZAdd("scores", redis.Z{Member: "ada", Score: 90}, redis.Z{Member: "bob", Score: 70}).Do(ctx, client)

	page, _ := redis.ZScanPage("scores", 0, redis.ScanOptions{Match: "a*"}).Do(ctx, client)
	fmt.Println(page.Items, page.Cursor)

	names := redis.ZScanMembersPage("scores", 0, redis.ScanOptions{Match: "a*"}) // Valkey 8.0
	fmt.Println(redis.Redacted(names.Command))
	// Output:
	// [{ada 90}] 0
	// ZSCAN "scores" "0" "MATCH" "a*" "NOSCORES"
}
