package codec_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kermes-redis/kermes/client"
	"github.com/kermes-redis/kermes/codec"
	"github.com/kermes-redis/kermes/redis"
	"github.com/kermes-redis/kermes/redistest"
)

// exampleClient is a client of a Sentinel group inside this process.
func exampleClient() (ctx context.Context, c *client.Client, end func()) {
	ctx = context.Background()
	g, err := redistest.StartGroup(redistest.GroupOptions{Replicas: -1, Sentinels: 1})
	if err != nil {
		panic(err)
	}
	if c, err = client.Open(ctx, g.Options("")); err != nil {
		panic(err)
	}
	return ctx, c, func() { c.Close(); g.Close() }
}

type User struct {
	Name    string        `redis:"name"`
	Email   *string       `redis:"email"` // nil is left out
	Created time.Time     `redis:"created"`
	Session time.Duration `redis:"session,omitempty"`
	Tags    []string      `redis:"tags,json"`
	secret  string
}

func ExampleHSet() {
	ctx, client, end := exampleClient()
	defer end()

	u := User{Name: "ada", Created: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), Tags: []string{"admin"}, secret: "stays here"}
	fmt.Println(codec.HSet("user:7", u).Do(ctx, client))
	fmt.Println(redis.HGetAll("user:7").Do(ctx, client))
	// Output:
	// 3 <nil>
	// map[created:2026-01-02T00:00:00Z name:ada tags:["admin"]] <nil>
}

func ExampleHGetAll() {
	ctx, client, end := exampleClient()
	defer end()

	_, _ = redis.HSet("user:7", "name", "ada", "session", "90s", "unknown", "ignored").Do(ctx, client)
	u, err := codec.HGetAll[User]("user:7").Do(ctx, client)
	fmt.Println(u.Name, u.Session, err)
	_, err = codec.HGetAll[User]("user:8").Do(ctx, client)
	fmt.Println(errors.Is(err, redis.ErrNil))
	fmt.Println(codec.HGetAll[struct{ Friends []User }]("user:7").Invalid())
	// Output:
	// ada 1m30s <nil>
	// true
	// redis: HGETALL: codec: .Friends: a field of type []codec_test.User cannot be read from a hash
}

func ExampleHMGet() {
	ctx, client, end := exampleClient()
	defer end()

	_, _ = redis.HSet("user:7", "name", "ada", "photo", "very large").Do(ctx, client)
	u, err := codec.HMGet[struct {
		Name string `redis:"name"`
	}]("user:7").Do(ctx, client)
	fmt.Println(u.Name, err)
	// Output: ada <nil>
}

func ExampleFromFields() {
	ctx, client, end := exampleClient()
	defer end()

	type order struct {
		Item  string
		Count int
	}
	fields, _ := codec.Fields(order{"tea", 2})
	_, _ = redis.XAdd("orders", redis.XAddOptions{}, fields...).Do(ctx, client)
	entries, _ := redis.XRange("orders", "-", "+", 0).Do(ctx, client)
	fmt.Println(codec.FromFields[order](entries[0].Fields))
	// Output: {tea 2} <nil>
}

// upper is a codec of one's own.
type upper struct{ codec.JSON }

func (r upper) Encode(v any) ([]byte, error) {
	b, err := r.JSON.Encode(v)
	return []byte(strings.ToUpper(string(b))), err
}

func ExampleJSON() {
	ctx, client, end := exampleClient()
	defer end()

	_, _ = redis.SetAs(upper{}, "k", "hello", redis.SetOptions{}).Do(ctx, client)
	fmt.Println(redis.GetAs[string](codec.JSON{}, "k").Do(ctx, client))
	// Output: HELLO <nil>
}

func ExampleGob() {
	ctx, client, end := exampleClient()
	defer end()

	_, _ = redis.SetAs(codec.Gob{}, "k", map[string]int{"a": 1}, redis.SetOptions{}).Do(ctx, client)
	fmt.Println(redis.GetAs[map[string]int](codec.Gob{}, "k").Do(ctx, client))
	// Output: map[a:1] <nil>
}
