package redis_test

import (
	"errors"
	"fmt"
	"slices"

	"github.com/kermes-redis/kermes/redis"
)

func ExampleSInter() {
	ctx, client := exampleClient()

	_, _ = redis.SAdd("likes:go", "ada", "bob", "eve").Do(ctx, client)
	_, _ = redis.SAdd("likes:lisp", "ada", "eve", "joe").Do(ctx, client)
	both, _ := redis.SInter("likes:go", "likes:lisp").Do(ctx, client)
	slices.Sort(both)
	fmt.Println(both)
	// Output: [ada eve]
}

func ExampleSScan() {
	ctx, client := exampleClient()
	_, _ = redis.SAdd("s", "m").Do(ctx, client)

	for member, err := range redis.SScan(ctx, client, "s", redis.ScanOptions{}) {
		fmt.Println(member, err)
	}
	// Output: m <nil>
}

func ExampleSAdd() {
	ctx, client := exampleClient()

	added, _ := redis.SAdd("tags", "go", "redis", "go").Do(ctx, client)
	removed, _ := redis.SRem("tags", "redis", "none").Do(ctx, client)
	n, _ := redis.SCard("tags").Do(ctx, client)
	all, _ := redis.SMembers("tags").Do(ctx, client)
	fmt.Println(added, removed, n, all)
	// Output: 2 1 1 [go]
}

func ExampleSIsMember() {
	ctx, client := exampleClient()
	_, _ = redis.SAdd("banned", 7, 9).Do(ctx, client)

	one, _ := redis.SIsMember("banned", 7).Do(ctx, client)
	many, _ := redis.SMIsMember("banned", "7", "8", redis.Str(9)).Do(ctx, client)
	fmt.Println(one, many)
	// Output: true [true false true]
}

func ExampleSMove() {
	ctx, client := exampleClient()
	_, _ = redis.SAdd("waiting", "ada").Do(ctx, client)

	in, _ := redis.SMove("waiting", "playing", "ada").Do(ctx, client)
	again, _ := redis.SMove("waiting", "playing", "ada").Do(ctx, client)
	fmt.Println(in, again)
	// Output: true false
}

// A draw: winners leave the pot.
func ExampleSPop() {
	ctx, client := exampleClient()
	_, _ = redis.SAdd("pot", "ada", "bob", "eve").Do(ctx, client)

	winner, _ := redis.SPop("pot").Do(ctx, client)
	others, _ := redis.SPopN("pot", 5).Do(ctx, client)
	_, err := redis.SPop("pot").Do(ctx, client)
	fmt.Println(len(winner), len(others), errors.Is(err, redis.ErrNil))
	// Output: 3 2 true
}

// A choice: nothing leaves the set.
func ExampleSRandMembers() {
	ctx, client := exampleClient()
	_, _ = redis.SAdd("quotes", "a", "b", "c").Do(ctx, client)

	one, _ := redis.SRandMember("quotes").Do(ctx, client)
	two, _ := redis.SRandMembers("quotes", 2).Do(ctx, client)   // different ones
	five, _ := redis.SRandMembers("quotes", -5).Do(ctx, client) // they may repeat
	fmt.Println(len(one), len(two), len(five))
	// Output: 1 2 5
}

func ExampleSDiff() {
	ctx, client := exampleClient()
	_, _ = redis.SAdd("invited", "ada", "bob", "eve").Do(ctx, client)
	_, _ = redis.SAdd("came", "eve", "joe").Do(ctx, client)

	show := func(members []string, err error) {
		slices.Sort(members)
		fmt.Println(members, err)
	}
	show(redis.SDiff("invited", "came").Do(ctx, client))  // who stayed away
	show(redis.SUnion("invited", "came").Do(ctx, client)) // everybody
	// Output:
	// [ada bob] <nil>
	// [ada bob eve joe] <nil>
}

// Sets that are combined and kept on the server: nothing is transferred but the size.
func ExampleSInterStore() {
	ctx, client := exampleClient()
	_, _ = redis.SAdd("invited", "ada", "bob", "eve").Do(ctx, client)
	_, _ = redis.SAdd("came", "eve", "joe").Do(ctx, client)

	guests, _ := redis.SInterStore("guests", "invited", "came").Do(ctx, client)
	absent, _ := redis.SDiffStore("absent", "invited", "came").Do(ctx, client)
	all, _ := redis.SUnionStore("all", "invited", "came").Do(ctx, client)
	fmt.Println(guests, absent, all)
	// Output: 1 2 4
}

// Only how many. Intersections are of Redis 7.0, unions and differences of Redis 8.10.
func ExampleSInterCard() {
	ctx, client := exampleClient()
	_, _ = redis.SAdd("likes:tea", "ada", "bob", "eve").Do(ctx, client)
	_, _ = redis.SAdd("likes:milk", "ada", "eve").Do(ctx, client)

	both, _ := redis.SInterCard(0, "likes:tea", "likes:milk").Do(ctx, client)
	enough, _ := redis.SInterCard(1, "likes:tea", "likes:milk").Do(ctx, client) // counts no further than 1
	fmt.Println(both, enough)

	fmt.Println(redis.Redacted(redis.SUnionCard(0, true, "likes:tea", "likes:milk").Command)) // an estimate
	fmt.Println(redis.Redacted(redis.SDiffCard(0, "likes:tea", "likes:milk").Command))
	// Output:
	// 2 1
	// SUNIONCARD "2" "likes:tea" "likes:milk" "APPROX"
	// SDIFFCARD "2" "likes:tea" "likes:milk"
}

func ExampleSScanPage() {
	ctx, client := exampleClient()
	_, _ = redis.SAdd("tags", "go", "golang", "redis").Do(ctx, client)

	page, _ := redis.SScanPage("tags", 0, redis.ScanOptions{Match: "go*"}).Do(ctx, client)
	slices.Sort(page.Items)
	fmt.Println(page.Items, page.Cursor)
	// Output: [go golang] 0
}
